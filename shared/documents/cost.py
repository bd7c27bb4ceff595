"""What one request costs in the store: documents billed, round trips, and time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from shared.documents.port import Unavailable


@dataclass(slots=True)
class Cost:
    """Counted by the stores, shown in `Server-Timing`. Round trips side by side count as one.

    `seconds` is the time spent in the store, `lost` the part of it that brought no answer. The time
    that a watch waits after its first answer is in neither: the store is idle then.
    """

    reads: int = 0
    writes: int = 0
    trips: int = 0
    seconds: float = 0.0
    lost: float = 0.0

    @contextmanager
    def trip(self) -> Iterator[Cost]:
        """Counts and times one round trip."""
        started = time.perf_counter()
        try:
            yield self
        except Unavailable:
            self.lost += time.perf_counter() - started
            raise
        finally:
            self.trips += 1
            self.seconds += time.perf_counter() - started

    @property
    def server_timing(self) -> str:
        """The `Server-Timing` entry (W3C Server Timing; dur in milliseconds)."""
        description = f"reads={self.reads} writes={self.writes} trips={self.trips}"
        return f'firestore;dur={self.seconds * 1000:.1f};desc="{description}"'


_current: ContextVar[Cost | None] = ContextVar("cost", default=None)


def current() -> Cost:
    """The cost of the request under way; outside a request, a cost that nobody reads."""
    return _current.get() or Cost()


@contextmanager
def counted() -> Iterator[Cost]:
    """Counts what the stores do inside the block."""
    cost = Cost()
    token = _current.set(cost)
    try:
        yield cost
    finally:
        _current.reset(token)
