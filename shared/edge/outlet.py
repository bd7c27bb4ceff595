"""The connection of a request, as the thread has it that answers the request."""

from __future__ import annotations

import errno
import select
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

AHEAD_BYTES = 262_144
"""How much of an answer that is made while it is sent may wait to be read."""
STREAM_SECONDS = 10.0
STREAM_BYTES_A_SECOND = 16_384
"""A thread that makes an answer while it is sent waits for its reader as long as what was taken
would take at this rate, and some seconds more; who reads slower is given up."""
LOOKS_SECONDS = 0.25
"""How often the server looks whether it is to stop."""


class Outlet:
    """A connection that sends without waiting: `rest` is what the caller did not take at once.

    The parts of an answer, such as its head, are sent together, when `flush` is called.
    """

    def __init__(
        self, connection: socket.socket, request: Any, stopping: Callable[[], bool]
    ) -> None:
        self.rest = bytearray()
        self._connection = connection
        self._request = request
        self._stopping = stopping
        self._waits = False
        self._waited = 0.0
        self._taken = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def sendall(self, data: bytes) -> None:
        """Keeps a part of an answer to be sent; or sends it, and waits: see `wait_for_reader`."""
        self.rest += data
        if self._waits:
            self.flush()
            while len(self.rest) > AHEAD_BYTES:
                self._wait_for_room()

    def flush(self) -> None:
        """Sends what can be sent without waiting."""
        if not self.rest:
            return
        with suppress(BlockingIOError):
            sent = self._connection.send(self.rest, socket.MSG_DONTWAIT)
            del self.rest[:sent]
            self._taken += sent

    def wait_for_reader(self) -> None:
        """Has an answer that is larger than memory kept only as far as AHEAD_BYTES.

        The thread waits for a caller who takes it slower than it is made. One who takes it much
        slower is given up (ConnectionResetError), and so is each where the server stops. Only so
        many threads may wait: what answers so is an expensive operation.
        """
        self._waits = True

    def _wait_for_room(self) -> None:
        room = select.poll()
        room.register(self._connection, select.POLLOUT)
        began = time.monotonic() - self._waited
        while not room.poll(1_000 * LOOKS_SECONDS):
            late = time.monotonic() - began > STREAM_SECONDS + self._taken / STREAM_BYTES_A_SECOND
            if late or self._stopping():
                self.rest.clear()
                raise ConnectionResetError(errno.ECONNRESET, "the answer is not read")
        self._waited = time.monotonic() - began
        self.flush()

    def end_after_answer(self) -> None:
        """Has the answer say `Connection: close`, which an application cannot say by a header."""
        self._request.force_close()
