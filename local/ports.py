"""Free ports for servers that are about to be started, and who holds one that is not free."""

from __future__ import annotations

import random
import socket
from contextlib import suppress
from pathlib import Path

_LISTEN = "0A"
_FIRST, _LAST = 20_000, 32_000
"""Below the ports that systems give to connections, so that none of them takes it meanwhile."""


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, chosen at random so that others pick another."""
    while True:
        port = random.randrange(_FIRST, _LAST)  # noqa: S311 - it is no secret
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def holder(port: int) -> str | None:
    """The process that listens on a port, by its id and command; None where /proc tells of none.

    Linux shows the open files of a process to its user and to root only (proc(5)).
    """
    sockets = _listening(port)
    for process in Path("/proc").glob("[0-9]*"):
        # It may have ended, or belong to somebody else.
        with suppress(OSError):
            if any(str(file.readlink()) in sockets for file in (process / "fd").iterdir()):
                command = (process / "cmdline").read_text(errors="replace")
                return f"process {process.name}: {' '.join(command.split(chr(0))).strip()}"
    return None


def _listening(port: int) -> set[str]:
    """The sockets that listen on a port, as the links of open files name them."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                _, local, _, state, *rest = line.split()
                if state == _LISTEN and int(local.rpartition(":")[2], 16) == port:
                    found.add(f"socket:[{rest[5]}]")
    return found
