"""The clock of a wait in a test: it goes, can be moved on, and says that it was looked at."""

from __future__ import annotations

import threading
import time

_LONG = 60
"""Seconds that no test waits for unless it fails."""


class Stopwatch:
    """Stands for the module `time` in a module that waits."""

    def __init__(self) -> None:
        self._ahead = 0.0
        self._looks = 0
        self._looked = threading.Condition()

    def monotonic(self) -> float:
        """See `time.monotonic`."""
        with self._looked:
            self._looks += 1
            self._looked.notify_all()
            return time.monotonic() + self._ahead

    def advance(self, seconds: float) -> None:
        """Moves the clock on."""
        with self._looked:
            self._ahead += seconds

    def passed(self, looks: int = 4) -> None:
        """Waits until who waits has looked at the clock so often, and so at what it waits for."""
        with self._looked:
            enough = self._looks + looks
            assert self._looked.wait_for(lambda: self._looks >= enough, timeout=_LONG)
