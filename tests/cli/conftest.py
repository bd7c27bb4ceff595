"""The command line, in this process, over the functions at an address of their own."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from httpx import create_ssl_context
from typer.main import get_command
from typer.testing import CliRunner, Result

from caseledger import profile
from caseledger.cli import app
from caseledger.commands import inbox
from shared import log
from shared.config import Config
from tests.client import Api
from tests.functions.export_support import KEY
from tests.functions.sealing_support import with_keys
from tests.serving import serving


@pytest.fixture(scope="session", autouse=True)
def made_once() -> Iterator[None]:
    """Of what takes most of a command's time, one for all of them: its options, and CAs."""
    context = create_ssl_context()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("typer.testing._get_command", cache(get_command))
        patched.setattr("httpx._transports.default.create_ssl_context", lambda **_: context)
        yield


@pytest.fixture
def configured(config: Config, tmp_path: Path) -> Config:
    """With the key of the logs, for exports."""
    return with_keys(config, tmp_path, KEY)


@pytest.fixture
def url(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The functions at an address of this machine; their log lines go elsewhere than the output."""
    monkeypatch.setattr(log, "sys", SimpleNamespace(stdout=io.StringIO()))
    with serving(api.app) as address:
        yield address


@dataclass(frozen=True)
class Terminal:
    """A terminal of 80 columns, in a home directory of its own."""

    api: Api
    url: str
    home: Path

    def env(self, role: str | None, **more: str) -> dict[str, str | None]:
        """The environment of a caller of this role; of nobody for None."""
        token = self.api.caller(role).token if role else None
        return {
            "CASELEDGER_URL": self.url if role else None,
            "CASELEDGER_TOKEN": token,
            "XDG_CONFIG_HOME": str(self.home),
            "COLUMNS": "80",
            "TZ": "UTC",
            **more,
        }

    def __call__(
        self, *arguments: str, role: str | None = "pilot", typed: str = "", **env: str
    ) -> Result:
        """Runs a command; it may fail, and never by an error that it does not expect."""
        result = CliRunner().invoke(app, arguments, input=typed, env=self.env(role, **env))
        assert result.exception is None or isinstance(result.exception, SystemExit), result.output
        return result

    def done(self, *arguments: str, role: str | None = "pilot", typed: str = "") -> Result:
        """Runs a command that succeeds."""
        result = self(*arguments, role=role, typed=typed)
        assert result.exit_code == 0, result.output
        return result

    def rows(self, *arguments: str, role: str | None = "pilot") -> list[Any]:
        """What a command prints as JSON."""
        output = self.done(*arguments, "--json", role=role).stdout
        return [json.loads(line) for line in output.splitlines()]


@contextmanager
def at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lets the inbox take the input and output of a test for those of a person."""
    with monkeypatch.context() as patched:
        patched.setattr(inbox, "is_interactive", lambda: True)
        yield


@pytest.fixture
def terminal(api: Api, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """The command line, which gives up at once where there is no server."""
    monkeypatch.setattr(profile, "RETRY_FOR", 0.0)
    monkeypatch.chdir(tmp_path)
    return Terminal(api, url, tmp_path / "home")
