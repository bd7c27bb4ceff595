"""Places for requests that keep a thread for long."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from shared.errors import ResourceExhausted
from shared.rules.callers import Caller


class Places:
    """So many places in this instance, of which one caller has at most half, rounded up.

    `what` names the requests that take them, for whom finds none.
    """

    def __init__(self, number: int, what: str) -> None:
        self._number = number
        self._of_one = (number + 1) // 2
        self._what = what
        self._taken: Counter[tuple[str, str]] = Counter()
        self._changing = Lock()

    @contextmanager
    def taken_by(self, caller: Caller) -> Iterator[None]:
        """A place while the block runs. Raises ResourceExhausted where none is free."""
        whose = (caller.tenant, caller.subject)
        with self._changing:
            self._require_free(whose)
            self._taken[whose] += 1
        try:
            yield
        finally:
            with self._changing:
                self._taken[whose] -= 1
                self._taken += Counter()  # keeps no callers who have none

    def _require_free(self, whose: tuple[str, str]) -> None:
        if self._taken.total() >= self._number:
            raise ResourceExhausted(
                f"this instance handles {self._number} {self._what} at once: try again later"
            )
        if self._taken[whose] >= self._of_one:
            raise ResourceExhausted(
                f"this instance handles {self._of_one} {self._what} of one caller at once: "
                "try again later"
            )
