"""How long a watch goes on, in either store."""

from __future__ import annotations

import time
from collections.abc import Callable


class Waiting:
    """`seconds`, unless `given_up` says earlier that nobody waits any more."""

    def __init__(self, seconds: float, given_up: Callable[[], bool]) -> None:
        self._given_up = given_up
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """The seconds left; negative when the time is over."""
        return self._end - time.monotonic()

    def over(self) -> bool:
        """Whether the waiting is over."""
        return self.left <= 0 or self._given_up()
