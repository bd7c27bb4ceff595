"""A PostgreSQL server of the bench's own, with its defaults: each commit is on the disk."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from local.ports import free_port

_PLACES = Path("/usr/lib/postgresql")
_START_SECONDS = 30.0
_USERS = ("postgres", "nobody")


class NotFound(Exception):
    """There is no PostgreSQL on this machine that could be started."""


class Server(NamedTuple):
    """A running server: its process, and the URL of its database."""

    pid: int
    url: str


@contextmanager
def running() -> Iterator[Server]:
    """A new server on a free port of this machine, removed at the end. Raises NotFound."""
    programs, user = _programs(), _user()
    directory = Path(tempfile.mkdtemp(prefix="bench-postgres-"))
    port = free_port()
    try:
        if user:
            shutil.chown(directory, user)
        data = directory / "data"
        made = (programs / "initdb", "-D", data, "-U", "bench", "-A", "trust", "-E", "UTF8")
        _run([*made, "--locale=C", "--no-sync"], user)
        told = ("fsync=on", "synchronous_commit=on", f"unix_socket_directories={directory}")
        process = subprocess.Popen(  # noqa: S603 - the server that was found
            [programs / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port),
             *(part for one in told for part in ("-c", one))],
            user=user,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            _wait_for(programs / "pg_isready", port, process)
            yield Server(process.pid, f"postgresql+asyncpg://bench@127.0.0.1:{port}/postgres")
        finally:
            process.send_signal(signal.SIGINT)  # the fast shutdown
            process.wait()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _programs() -> Path:
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    places = [place for place in _PLACES.glob("*/bin") if (place / "initdb").exists()]
    if not places:
        raise NotFound("initdb was found neither in the PATH nor in /usr/lib/postgresql")
    return max(places, key=lambda place: float(place.parent.name))


def _user() -> str | None:
    """As whom it runs: it refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in _USERS:
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise NotFound("it does not run as root, and there is no other user")


def _run(command: list[Path | str], user: str | None) -> None:
    done = subprocess.run(command, user=user, capture_output=True, text=True, check=False)  # noqa: S603 - as above
    if done.returncode:
        raise NotFound(f"{Path(command[0]).name} failed: {done.stderr.strip()}")


def _wait_for(pg_isready: Path, port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    asked: list[str | Path] = [pg_isready, "-q", "-h", "127.0.0.1", "-p", str(port)]
    while time.monotonic() < deadline and process.poll() is None:
        if subprocess.run(asked, check=False).returncode == 0:  # noqa: S603 - as above
            return
        time.sleep(0.05)
    raise NotFound("it did not start")
