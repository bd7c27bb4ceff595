"""A connection to a server that is not to be trusted: it ends in time, and little of it is read."""

from __future__ import annotations

import io
import socket
import ssl
import time
from functools import cache
from typing import Any, Self

MAX_ANSWER = 65_536
"""How many bytes of an answer are read."""
_REST_SECONDS = 1.0
"""How long the body of an answer is read."""


def left(until: float) -> float:
    """The seconds that are left until then, by `time.monotonic`. Raises TimeoutError for none."""
    seconds = until - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds


class Bounded:
    """A connection of which each step must end in time: what http.client needs of a socket.

    A timeout of a socket is one for each step, so that a receiver who sends a byte now and then
    would never be late.
    """

    def __init__(self, plain: socket.socket, until: float) -> None:
        self._socket = plain
        self._until = until

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def secure(self, host: str) -> None:
        """Begins TLS, with a server that proves to be `host`. Raises ssl.SSLError."""
        self._socket.settimeout(left(self._until))
        self._socket = _tls().wrap_socket(self._socket, server_hostname=host.rstrip("."))

    def hurry(self) -> None:
        """Leaves only a moment for what is still to come."""
        self._until = min(self._until, time.monotonic() + _REST_SECONDS)

    def sendall(self, data: bytes) -> None:
        """See `socket.socket`."""
        view = memoryview(data)
        while view:
            self._socket.settimeout(left(self._until))
            view = view[self._socket.send(view) :]

    def makefile(self, *_: Any) -> io.BufferedReader:
        """What comes, as a file that ends with as much as is read of an answer."""
        return io.BufferedReader(_Incoming(self))

    def recv_into(self, view: memoryview) -> int:
        """See `socket.socket`. Raises TimeoutError."""
        self._socket.settimeout(left(self._until))
        return self._socket.recv_into(view)

    def close(self) -> None:
        """See `socket.socket`. Whoever made this closes it."""


class _Incoming(io.RawIOBase):
    """What comes of an answer, as far as it is read."""

    def __init__(self, connection: Bounded) -> None:
        self._connection = connection
        self._left = MAX_ANSWER

    def readable(self) -> bool:
        """See `io.RawIOBase`."""
        return True

    def readinto(self, buffer: Any) -> int:
        """See `io.RawIOBase`. Raises TimeoutError."""
        view = memoryview(buffer)[: self._left]
        count = self._connection.recv_into(view) if view else 0
        self._left -= count
        return count


@cache
def _tls() -> ssl.SSLContext:
    """TLS with the authorities of the system; made once, because it reads all of them."""
    return ssl.create_default_context()
