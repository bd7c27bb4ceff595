"""Ends connections whose body does not come, so that none holds a thread for ever."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Condition, Thread

BODY_SECONDS = 10.0
"""How long a request's body may take, from its head to its last byte."""
_STOPPING_SECONDS = 1.0
"""The same where the server stops. Otherwise one of them keeps it until it is killed."""
_LOOKS_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class _Guard:
    since: float
    seconds: float
    stopping: Callable[[], bool]

    def is_over(self, now: float) -> bool:
        most = min(self.seconds, _STOPPING_SECONDS) if self.stopping() else self.seconds
        return now >= self.since + most


class Watchdog:
    """Shuts connections down that are guarded for too long; one thread for all of them."""

    def __init__(self) -> None:
        self._guarded: dict[socket.socket, _Guard] = {}
        self._changed = Condition()
        self._thread: Thread | None = None

    @contextmanager
    def guarding(
        self,
        connection: socket.socket | None,
        seconds: float,
        stopping: Callable[[], bool] = lambda: False,
    ) -> Iterator[None]:
        """Lets the block read from the connection; after `seconds` it reads its end.

        So it does after a second where the server is `stopping`.
        """
        if connection is None:
            yield
            return
        with self._changed:
            self._guarded[connection] = _Guard(time.monotonic(), seconds, stopping)
            if self._thread is None:
                self._thread = Thread(target=self._watch, name="watchdog", daemon=True)
                self._thread.start()
            self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._guarded.pop(connection, None)

    def _watch(self) -> None:
        while True:
            with self._changed:
                while not self._guarded:
                    self._changed.wait()
                now = time.monotonic()
                late = [one for one, guard in self._guarded.items() if guard.is_over(now)]
                for connection in late:
                    del self._guarded[connection]
                    with suppress(OSError):
                        connection.shutdown(socket.SHUT_RD)
            time.sleep(_LOOKS_SECONDS)
