"""Lists whose rows may be unreadable: edited by hand, or written by a newer release.

One such row takes no list down: the page names it, and has all the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from shared import errors
from shared.documents.port import Document
from shared.ledger.subjects import problem_of, tell
from shared.models.base import Unreadable

UNREADABLE = (AttributeError, KeyError, TypeError, ValueError, errors.Unreadable)
"""What reading a document raises that is not as this release stores it."""


def readable(
    rows: Iterable[Document], read: Callable[[Document], Any]
) -> tuple[list[Any], list[Unreadable] | None]:
    """What `read` makes of each row, and the rows that it cannot read; None where it can all."""
    found: list[Any] = []
    unreadable: list[Unreadable] = []
    for row in rows:
        try:
            found.append(read(row))
        except UNREADABLE as error:
            tell(row.path)
            unreadable.append(Unreadable(id=row.id, problem=problem_of(error)))
    return found, unreadable or None


def unless_unreadable(accept: Callable[[Document], bool]) -> Callable[[Document], bool]:
    """The same filter of rows, but it takes rows that it cannot read, so that they are named."""

    def accepts(row: Document) -> bool:
        try:
            return accept(row)
        except UNREADABLE:
            return True

    return accepts
