"""Free ports for servers that are about to be started."""

from __future__ import annotations

import random
import socket

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
