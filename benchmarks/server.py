"""Function servers as subprocesses, and one kept connection to each."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from local.ports import free_port
from local.server import NO_PLUGINS
from local.tokens import unsigned_token

ROOT = Path(__file__).parent.parent
HELLO = ("hello", ROOT / "benchmarks" / "bare" / "hello.py")
STOCK_GET = ("stock_get", ROOT / "benchmarks" / "bare" / "stock_get.py")
API = ("api", ROOT / "functions" / "api.py")
TENANT = "bench"
_START_SECONDS = 30.0
_KEPT_SECONDS = 1.0  # the server hangs up after two seconds
_STORE_VARIABLES = ("FIRESTORE_", "GOOGLE_", "CASELEDGER_", "K_SERVICE")

Function = tuple[str, Path]
"""A target and the file it is in."""


class Request(NamedTuple):
    """One request, ready to be sent."""

    method: str
    path: str
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A response."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def request(method: str, path: str, body: Any = None) -> Request:
    """A request to `/v1` + path, its body encoded beforehand."""
    return Request(method, f"/v1{path}", None if body is None else json.dumps(body).encode())


class Connection:
    """One keep-alive connection to a server on this machine, as an admin of the tenant `bench`."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_START_SECONDS)
        token = unsigned_token(sub="bench", tenant=TENANT, role="admin", email="bench@example.com")
        self._used = time.monotonic()
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def send(self, wanted: Request) -> Answer:
        """The answer to a request. Raises RuntimeError for any other than a success."""
        if time.monotonic() - self._used > _KEPT_SECONDS:
            self._connection.close()  # the next request opens it again
        self._connection.request(wanted.method, wanted.path, wanted.body, self._headers)
        response = self._connection.getresponse()
        answer = Answer(response.status, dict(response.headers), response.read())
        self._used = time.monotonic()
        if not http.client.OK <= answer.status < http.client.MULTIPLE_CHOICES:
            raise RuntimeError(f"{wanted.method} {wanted.path}: {answer.status} {answer.body!r}")
        return answer

    def close(self) -> None:
        """Hangs up."""
        self._connection.close()


@contextmanager
def served(function: Function, variables: Mapping[str, str] | None = None) -> Iterator[Connection]:
    """A server of one function, with these environment variables, and a connection to it."""
    port = free_port()
    with (
        listening(framework(function, port), port, variables or {}),
        closing(Connection(port)) as connection,
    ):
        yield connection


def seconds_to_answer(function: Function, wanted: Request, variables: Mapping[str, str]) -> float:
    """The time from starting a server's process to its first success."""
    port = free_port()
    started = time.perf_counter()
    with (
        listening(framework(function, port), port, variables),
        closing(Connection(port)) as connection,
    ):
        connection.send(wanted)
        return time.perf_counter() - started


def embedded_variables(path: Path) -> dict[str, str]:
    """What a server on the embedded store is told."""
    return {"CASELEDGER_STORE": f"sqlite:///{path}", "CASELEDGER_UNSIGNED_TOKENS": "loopback"}


def emulator_variables(host: str, project: str) -> dict[str, str]:
    """What a server on the emulator is told."""
    return {
        "FIRESTORE_EMULATOR_HOST": host,
        "GOOGLE_CLOUD_PROJECT": project,
        "CASELEDGER_UNSIGNED_TOKENS": "loopback",
    }


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """This process's environment, with no store in it but the one in `variables`."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(_STORE_VARIABLES)}
    return {**kept, **NO_PLUGINS, "PYTHONPATH": str(ROOT), **variables}


@contextmanager
def listening(
    command: Sequence[str | Path],
    port: int,
    variables: Mapping[str, str],
    *,
    stderr: int | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A server's process that accepts connections; it is ended afterwards."""
    process = subprocess.Popen(  # noqa: S603 - this project's own server, or a peer's
        command, env=environment(variables), stdout=subprocess.DEVNULL, stderr=stderr
    )
    try:
        _wait_for(port, process)
        yield process
    finally:
        process.terminate()
        process.wait()


def framework(function: Function, port: int) -> list[str | Path]:
    """The command that serves a function with one worker."""
    target, source = function
    command = Path(sys.executable).parent / "functions-framework"
    where = ("--host", "127.0.0.1", "--port", str(port))
    return [command, "--target", target, "--source", source, *where]


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.001)
    raise RuntimeError("the server did not start")
