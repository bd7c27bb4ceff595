"""Runs every function on this machine, as the framework runs them in production."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from local.client import Unreachable, call
from local.ports import holder
from local.processes import end_with_parent
from shared.config import MEMORY

ROOT = Path(__file__).resolve().parent.parent
_READY_SECONDS = 20.0
_MOST_WORKERS = 4
_STOPS: Sequence[tuple[signal.Signals, float | None]] = (
    (signal.SIGTERM, 1.4),
    (signal.SIGQUIT, 0.5),
    (signal.SIGKILL, None),
)
"""What the server is sent until it ends, and how many seconds it has after each."""
# Variables that would make the server choose another store than the one asked for.
_STORE_VARIABLES = (
    "CASELEDGER_STORE",
    "FIRESTORE_EMULATOR_HOST",
    "GOOGLE_CLOUD_PROJECT",
    "K_SERVICE",
)


NO_PLUGINS = {"PYDANTIC_DISABLE_PLUGINS": "__all__"}
"""As in the image: nobody asked for any, and to look for them takes a start longer."""


class ServerError(RuntimeError):
    """The server did not start."""


def sqlite(path: Path | str) -> dict[str, str]:
    """The variables for the embedded store in a file."""
    return {"CASELEDGER_STORE": f"sqlite:///{path}"}


def own_sqlite(environ: Mapping[str, str], otherwise: Path) -> dict[str, str]:
    """The variables for the embedded store that `CASELEDGER_STORE` names, else in a file.

    Raises ServerError for a store in memory: each process would have one of its own.
    """
    named = environ.get("CASELEDGER_STORE")
    if named and named.endswith(f"/{MEMORY}"):
        raise ServerError(
            "CASELEDGER_STORE names a store in memory, and each process of a local run would have "
            "one of its own: name a file, like sqlite:////tmp/caseledger.db"
        )
    return {"CASELEDGER_STORE": named} if named else sqlite(otherwise)


def emulator(host: str, project: str) -> dict[str, str]:
    """The variables for an emulator."""
    return {"FIRESTORE_EMULATOR_HOST": host, "GOOGLE_CLOUD_PROJECT": project}


def usual_workers() -> int:
    """With how many processes a file is served: as many as there are cores, but at most four."""
    return min(os.cpu_count() or 1, _MOST_WORKERS)


@contextlib.contextmanager
def running_server(
    store: Mapping[str, str], port: int, output: IO[str] | None = None, *, workers: int = 1
) -> Iterator[str]:
    """Serves all functions on 127.0.0.1; gives the URL that paths are appended to.

    So many `workers` take the requests, each a process and an instance of its own. `output` takes
    the log, by default this process's own output. Raises ServerError.
    """
    with contextlib.closing(socket.socket()) as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            by = holder(port) or "another process"
            raise ServerError(
                f"port {port} is in use by {by}; stop it, or choose another port: "
                "make run PORT=8081"
            )
    process = subprocess.Popen(  # noqa: S603 - our own command
        [
            sys.executable,
            "-m",
            "functions_framework",
            f"--source={ROOT / 'functions' / 'api.py'}",
            "--target=api",
            "--host=127.0.0.1",
            f"--port={port}",
        ],
        cwd=ROOT,
        env={**_environment(store), "WORKERS": str(workers)},
        stdout=output,
        stderr=output,
        start_new_session=True,
        preexec_fn=end_with_parent(signal.SIGTERM),  # noqa: PLW1509 - made for it
    )
    try:
        url = f"http://127.0.0.1:{port}/v1"
        _wait_until_ready(process, url)
        yield url
    finally:
        _stop(process)


def _environment(store: Mapping[str, str]) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name not in _STORE_VARIABLES}
    return {**inherited, **NO_PLUGINS, "CASELEDGER_UNSIGNED_TOKENS": "loopback", **store}


def _wait_until_ready(process: subprocess.Popen[bytes], url: str) -> None:
    until = time.monotonic() + _READY_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise ServerError(f"the server ended with exit code {process.returncode}")
        with contextlib.suppress(Unreachable):
            if call("GET", f"{url}/health").code == 200:  # noqa: PLR2004
                return
        time.sleep(0.05)
    raise ServerError(f"the server was not ready after {_READY_SECONDS:.0f} s")


def _stop(process: subprocess.Popen[bytes]) -> None:
    for number, seconds in _STOPS:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
            return
