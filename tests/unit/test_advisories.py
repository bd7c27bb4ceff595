"""`make lint` fails for a known vulnerability, and says so where it could not ask."""

from __future__ import annotations

import json
import subprocess

import pytest

from local import advisories
from tests.unit.test_tokens import KeyServer, key_server

__all__ = ["key_server"]
SOUND = {"name": "flask", "version": "3.1.3", "vulns": []}
UNKNOWN = {"name": "ours", "skip_reason": "not on PyPI"}
BAD = {
    "name": "redis",
    "version": "8.1.0",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["8.1.1"]}, {"id": "PYSEC-2", "fix_versions": []}],
}


def reported(monkeypatch: pytest.MonkeyPatch, output: bytes, code: int) -> None:
    """Makes pip-audit say that."""
    done = subprocess.CompletedProcess([], code, stdout=output)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)


@pytest.mark.parametrize(
    ("status", "answer"), [(404, b""), (500, b""), (200, b"<html>"), (200, b'{"info": {}}')]
)
def test_where_nobody_tells_vulnerabilities_that_is_said_and_nothing_fails(
    key_server: KeyServer, capsys: pytest.CaptureFixture[str], status: int, answer: bytes
) -> None:
    key_server.status, key_server.answer = status, answer

    assert advisories.main(key_server.url) == 0
    assert capsys.readouterr().out.startswith("dependencies NOT audited: http://127.0.0.1")


def test_where_nobody_is_reached_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert advisories.main("http://127.0.0.1:1") == 0
    assert "refused" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("packages", "code", "said"),
    [
        ([SOUND, UNKNOWN], 0, "no known vulnerability in what is installed\n"),
        (
            [SOUND, BAD],
            1,
            "redis 8.1.0: PYSEC-1, fixed in 8.1.1\nredis 8.1.0: PYSEC-2, fixed in no version\n",
        ),
    ],
)
def test_a_known_vulnerability_fails(  # noqa: PLR0913, PLR0917 - fixtures
    key_server: KeyServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    packages: list[object],
    code: int,
    said: str,
) -> None:
    key_server.answer = b'{"vulnerabilities": []}'
    reported(monkeypatch, json.dumps({"dependencies": packages}).encode(), code)

    assert (code, said) == (advisories.main(key_server.url), capsys.readouterr().out)


def test_an_audit_that_breaks_off_fails(
    key_server: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_server.answer = b'{"vulnerabilities": []}'
    reported(monkeypatch, b"", 0)

    assert advisories.main(key_server.url) == 1
