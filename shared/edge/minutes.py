"""How many requests there were in the last minute, counted in this process."""

from __future__ import annotations

import math
import time
from collections.abc import Hashable
from threading import Lock

_SECONDS = 60


class Minutes:
    """Counts by sliding windows of a minute: those of this minute, and a share of the last one.

    Two counts for each name are kept, as long as the minute and the next one. It is what the
    library does for a Redis (`rate_limits.py`), which here would start a thread for each request.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._minute = 0
        self._counts: dict[Hashable, int] = {}
        self._before: dict[Hashable, int] = {}

    def seconds_to_wait(self, limit: int, name: Hashable) -> int:
        """Counts one request of `name`, or says in how many whole seconds there is room; 0 is now.

        No more than `limit` have room.
        """
        with self._lock:
            minute, passed = divmod(time.time(), _SECONDS)
            self._turn_to(int(minute))
            count, before = self._counts.get(name, 0), self._before.get(name, 0)
            if math.floor(before * (_SECONDS - passed) / _SECONDS) + count < limit:
                self._counts[name] = count + 1
                return 0
        # The share of the last minute falls steadily, and only then has another one room.
        shared = _SECONDS * (limit - count) / before if before else 0
        return math.floor(_SECONDS - shared - passed) + 1

    def _turn_to(self, minute: int) -> None:
        if minute != self._minute:
            self._before = self._counts if minute == self._minute + 1 else {}
            self._counts, self._minute = {}, minute
