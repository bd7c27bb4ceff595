"""Google's own emulator of Firebase Authentication, from npm's firebase-tools.

One for a module of tests: it takes two seconds of a CPU to start.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import jwt
import pytest

from local.client import Unreachable, call
from local.ports import free_port

_HERE = Path(__file__).parent / "accounts"
_START_SECONDS = 60.0
PROJECT = "demo-caseledger"
_OWNER = "owner"
PASSWORD = "a-password"  # noqa: S105 - of accounts that only the emulator knows


@dataclass(frozen=True)
class AuthEmulator:
    """A running emulator; `host` is what FIREBASE_AUTH_EMULATOR_HOST is set to.

    What clients send goes to its one project, PROJECT, whatever key they have.
    """

    host: str

    def sign_up(self, email: str) -> dict[str, Any]:
        """What a client gets who signs up with a password; nobody verifies the address."""
        return self._with_password(":signUp", email)

    def sign_up_without_a_name(self) -> dict[str, Any]:
        """What a client gets who signs up anonymously."""
        return self.as_client(":signUp", returnSecureToken=True)

    def sign_in(self, email: str) -> dict[str, Any]:
        """What a client gets who signs in with the password."""
        return self._with_password(":signInWithPassword", email)

    def as_owner(self, method: str, **body: Any) -> dict[str, Any]:
        """What an administrator of the project gets; `method` is like `:update`."""
        url = f"{self._url}/projects/{PROJECT}/accounts{method}"
        found: dict[str, Any] = call("POST", url, token=_OWNER, body=body).body
        return found

    def clear(self) -> None:
        """Removes all accounts."""
        url = f"http://{self.host}/emulator/v1/projects/{PROJECT}/accounts"
        assert call("DELETE", url, token=_OWNER).code == HTTPStatus.OK

    @property
    def _url(self) -> str:
        return f"http://{self.host}/identitytoolkit.googleapis.com/v1"

    def as_client(self, method: str, **body: Any) -> dict[str, Any]:
        """What a client gets, whoever it is; `method` is like `:signUp`."""
        found: dict[str, Any] = call(
            "POST", f"{self._url}/accounts{method}?key=any", body=body
        ).body
        return found

    def _with_password(self, method: str, email: str) -> dict[str, Any]:
        return self.as_client(method, email=email, password=PASSWORD, returnSecureToken=True)


def claims_of(signed_in: dict[str, Any]) -> dict[str, Any]:
    """The claims of the ID token that a client got; the emulator signs none."""
    found: dict[str, Any] = jwt.decode(signed_in["idToken"], options={"verify_signature": False})
    return found


@contextlib.contextmanager
def running_auth_emulator() -> Iterator[AuthEmulator]:
    """Starts the emulator. Skips where npm has not installed it; with CI=true that is a failure."""
    if not (_HERE / "node_modules" / "firebase-tools").is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail("CI needs the tools of tests/accounts/package.json: make test")
        pytest.skip("NO NODE: make test installs the tools of tests/accounts, with npm")
    port = free_port()
    emulator = subprocess.Popen(
        ["node", "emulator.js", str(port), PROJECT],  # noqa: S607
        cwd=_HERE,
    )
    try:
        host = f"127.0.0.1:{port}"
        _wait_until_ready(emulator, host)
        yield AuthEmulator(host)
    finally:
        emulator.kill()
        emulator.wait()


def _wait_until_ready(emulator: subprocess.Popen[bytes], host: str) -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and emulator.poll() is None:
        with contextlib.suppress(Unreachable):
            call("GET", f"http://{host}/")
            return
        time.sleep(0.1)
    pytest.fail("the emulator of Firebase Authentication does not start")
