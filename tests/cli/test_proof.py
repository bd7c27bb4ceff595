"""Verifying and exporting in the terminal."""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

import verify_caseledger
from caseledger import profile
from caseledger.commands import download
from shared.documents.port import Update
from shared.rules.note import Signer
from tests.cli.conftest import Terminal
from tests.conftest import Clock
from tests.functions.export_support import KEY, full_case, sealed
from tests.functions.sealing_support import ORIGIN
from tests.functions.support import ON_EMBEDDED

pytestmark = ON_EMBEDDED
BROKEN, UNAVAILABLE, NOT_WHOLLY = 5, 7, 8


@pytest.fixture
def key(terminal: Terminal) -> str:
    """The public key of the log."""
    return Signer(f"{ORIGIN}/{terminal.api.tenant}", KEY).verifier_key


def tampered(terminal: Terminal, case_id: str) -> None:
    path = f"tenants/{terminal.api.tenant}/cases/{case_id}"
    terminal.api.runtime.store.commit([Update(path, {"title": "Another title"})])


def test_trails_are_verified_by_the_server(terminal: Terminal) -> None:
    for case_id in ("CASE-1", "CASE-2"):
        terminal.api.pilot.create(id=case_id)

    assert "valid" in terminal.done("verify", "CASE-1", "cases/CASE-2", "tenant").stdout
    tampered(terminal, "CASE-2")
    broken = terminal("verify", "CASE-1", "CASE-2")
    every = terminal("verify", "--all", "--json")

    assert broken.exit_code == every.exit_code == BROKEN
    assert re.search("cases/CASE-2 +BROKEN +1 ", broken.stdout)
    assert re.search(r"cases/CASE-2, event 1: .*\(title\)", broken.stdout)
    assert every.stdout.count('"valid": true') == every.stdout.count('"valid": false') == 1
    assert terminal("verify").exit_code == 2
    assert terminal("verify", "CASE-404").exit_code == 3
    assert terminal("verify", "CASE-1", role="viewer").exit_code == 4


def test_at_a_terminal_what_takes_long_shows_how_far_it_is(terminal: Terminal) -> None:
    terminal.api.pilot.create(id="CASE-1")

    assert "Verifying" in terminal("verify", "--all", FORCE_COLOR="1").stderr
    assert "Verifying" not in terminal("verify", "--all").stderr


def test_an_export_of_a_case_is_verified_without_the_server(
    terminal: Terminal, clock: Clock, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    full_case(terminal.api, clock)
    Path("other.txt").write_text("mine")
    Path("CASE-1.zip.part").symlink_to("other.txt")
    (made,) = terminal.rows("export", "case", "CASE-1", role="auditor")
    file = Path(made["file"])
    assert (file.name, Path("other.txt").read_text()) == ("CASE-1.zip", "mine")
    assert terminal("export", "case", "CASE-1").exit_code == 2  # It is not written over.
    monkeypatch.setattr(profile, "current", lambda: pytest.fail("it asked the server"))

    sound = terminal.done("verify", file.name, "--key", key)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("more.json", "{}")
    broken = terminal("verify", file.name, "--key", key)

    assert sound.stdout.startswith("SOUND")
    program = Path(verify_caseledger.__file__).read_bytes()
    assert hashlib.sha256(program).hexdigest() in sound.stderr
    assert broken.exit_code == BROKEN
    assert terminal("verify", file.name).exit_code == 2
    assert terminal("verify", file.name, "CASE-1", "--key", key).exit_code == 2


def test_the_whole_trail_is_exported_in_files_that_continue_each_other(
    terminal: Terminal, clock: Clock, key: str
) -> None:
    full_case(terminal.api, clock)
    terminal.done("export", "checkpoint", "-o", "kept.txt")
    terminal.api.pilot.create(id="CASE-9")
    sealed(terminal.api, clock)
    terminal.done("export", "audit", "-o", "trail", "--end", "5")
    terminal.done("export", "audit", "-o", "trail", "--start", "5")
    files = sorted(map(str, Path("trail").iterdir()))

    whole = terminal("verify", *files, "--key", key, "--checkpoint", "kept.txt")
    part = terminal("verify", files[0], "--key", key, "--json")

    assert files == ["trail/events-000000000.ndjson", "trail/events-000000005.ndjson"]
    assert whole.exit_code == 0, whole.output
    assert "kept.txt: the log begins with its" in whole.stdout
    assert part.exit_code == NOT_WHOLLY
    assert '"result": "NOT WHOLLY VERIFIED"' in part.stdout


def test_an_export_that_breaks_off_is_asked_for_again_and_leaves_no_part(
    terminal: Terminal, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    full_case(terminal.api, clock)
    whole = profile.Caller.stream
    left = [1]

    def stream(self: profile.Caller, *arguments: Any) -> Any:
        if left[0]:
            left[0] -= 1
            return broken_off()
        return whole(self, *arguments)

    monkeypatch.setattr(profile.Caller, "stream", stream)
    monkeypatch.setattr(download, "pause", lambda *_: 0.0)

    terminal.done("export", "case", "CASE-1")
    left[0] = 99
    failed = terminal("export", "case", "CASE-1", "-o", "other.zip")

    assert zipfile.is_zipfile("CASE-1.zip")
    assert failed.exit_code == UNAVAILABLE
    assert [path.name for path in Path().glob("*.zip*")] == ["CASE-1.zip"]


@contextmanager
def broken_off() -> Iterator[httpx.Response]:
    """An answer whose connection breaks behind its beginning."""

    def begun() -> Iterator[bytes]:
        yield b"PK"
        raise httpx.ReadError("the connection broke")

    yield httpx.Response(200, content=begun())


def test_an_export_that_is_refused_leaves_no_file(terminal: Terminal) -> None:
    assert terminal("export", "case", "CASE-404").exit_code == 3
    assert terminal("export", "case", "CASE-404", role="viewer").exit_code == 4
    assert terminal("export", "audit").exit_code == 3
    assert [path.name for path in Path().iterdir() if path.suffix in (".zip", ".part")] == []
