"""How long a watch goes on, in either store."""

from __future__ import annotations

import time
from collections.abc import Callable

_ASK_SECONDS = 1.0


class Waiting:
    """`seconds`, unless `given_up` says earlier that nobody waits any more."""

    def __init__(self, seconds: float, given_up: Callable[[], bool]) -> None:
        self._given_up = given_up
        self._asked = time.monotonic()
        self._end = self._asked + seconds

    @property
    def left(self) -> float:
        """The seconds left; negative when the time is over."""
        return self._end - time.monotonic()

    def over(self) -> bool:
        """Whether the waiting is over; calls `given_up` at most once a second."""
        if self.left <= 0:
            return True
        if time.monotonic() - self._asked < _ASK_SECONDS:
            return False
        self._asked = time.monotonic()
        return self._given_up()
