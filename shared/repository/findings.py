"""What an export could not have whole, and why."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from shared.documents.port import Document
from shared.ledger.subjects import name_of, problem_of, tell
from shared.repository.reading import UNREADABLE

T = TypeVar("T")
_MOST = 200


class Findings:
    """The reasons why an export is not complete, as many as a person reads; none is complete.

    `erased` is how many of its events have values that were erased, which is no such reason.
    """

    def __init__(self) -> None:
        self.reasons: list[str] = []
        self.erased = 0

    def say(self, reason: str) -> None:
        """Adds a reason, once."""
        if len(self.reasons) < _MOST and reason not in self.reasons:
            self.reasons.append(reason if len(self.reasons) < _MOST - 1 else "and more")

    def read(self, path: str, row: Document | None, read: Callable[[Document], T]) -> T | None:
        """What `read` makes of a document; None where it is missing or unreadable, with a reason.

        `path` is where it should be.
        """
        name = name_of(path)
        if row is None:
            self.say(f"{name} is missing")
            return None
        try:
            return read(row)
        except UNREADABLE as error:
            tell(path)
            self.say(f"{name} cannot be read: {problem_of(error)}")
            return None
