"""The functions as a server of their own, in processes that can be killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from local.ports import free_port
from local.tokens import unsigned_token
from tests.reliability.fork_server import Forked

ROOT = Path(__file__).parent.parent.parent
START_SECONDS = 60.0
_STORE_VARIABLES = (
    "CASELEDGER_STORE",
    "FIRESTORE_EMULATOR_HOST",
    "GOOGLE_CLOUD_PROJECT",
    "K_SERVICE",
)


def token(role: str, sub: str | None = None) -> str:
    """A caller of the tenant `acme`."""
    return unsigned_token(sub=sub or role, tenant="acme", role=role)


class Server:
    """The server, under the framework's own gunicorn; `environment` names its store, and more.

    What it prints goes to the file `output`, where one is given. It serves `target` of `source`.
    """

    def __init__(
        self,
        output: Path | None = None,
        /,
        *,
        target: str = "api",
        source: str = "api.py",
        **environment: str,
    ) -> None:
        self._function = ["--target", target, "--source", str(ROOT / "functions" / source)]
        self.address = ("127.0.0.1", free_port())
        self.url = "http://{}:{}".format(*self.address)
        self._environment = {
            **{name: value for name, value in os.environ.items() if name not in _STORE_VARIABLES},
            "CASELEDGER_UNSIGNED_TOKENS": "loopback",
            "CASELEDGER_RATE_LIMITS": "off",
            "PYTHONPATH": str(ROOT),
            **environment,
        }
        self._output = output or Path(os.devnull)
        self._process: subprocess.Popen[bytes] | Forked | None = None

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        address = ["--host", self.address[0], "--port", str(self.address[1])]
        self._process = self._begun([*self._function, *address])
        wait_until(self._answers, START_SECONDS)

    def _begun(self, arguments: list[str]) -> subprocess.Popen[bytes] | Forked:
        with self._output.open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "functions_framework", *arguments],
                env=self._environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def kill(self) -> None:
        """Kills it and its workers where they stand, and waits until the last of them is gone."""
        if self._process:
            with suppress(ProcessLookupError):  # it ended by itself
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            wait_until(lambda: not self._listens(), START_SECONDS)
            self._process = None

    def stop(self, seconds: float, number: signal.Signals = signal.SIGTERM) -> None:
        """Asks it and its workers to end, and waits until they have."""
        assert self._process
        os.killpg(self._process.pid, number)
        self._process.wait(seconds)
        self._process = None

    @property
    def worker(self) -> int:
        """The process that answers."""
        assert self._process
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        (worker,) = children.read_text().split()
        return int(worker)

    def _answers(self) -> bool:
        assert self._process
        assert self._process.poll() is None, "the server ended by itself"
        return self._listens()

    def _listens(self) -> bool:
        try:
            with socket.create_connection(self.address, timeout=5):
                return True
        except OSError:
            return False

    def client(self, role: str, **options: Any) -> httpx.Client:
        """A caller, with connections of its own."""
        headers = {"Authorization": f"Bearer {token(role)}"}
        # Without certificates, which take longer to load than the server takes to answer.
        return httpx.Client(base_url=f"{self.url}/v1", headers=headers, verify=False, **options)  # noqa: S501


class ForkedServer(Server):
    """The same, started in a third of the time: for tests that start it again and again."""

    def _begun(self, arguments: list[str]) -> Forked:
        return Forked(
            {
                "arguments": arguments,
                "environment": self._environment,
                "output": str(self._output),
            }
        )


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """Starts a server, and kills it at the end."""
    try:
        server.start()
        yield server
    finally:
        server.kill()


def wait_until(happened: Any, seconds: float) -> None:
    """Asks every few milliseconds, because another process says nothing by itself."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        pause.wait(0.02)
