"""What was counted of the trail: numbers by their paths, and how they are stored.

Each number stands under a path of names, such as `("cases", "csf", "new")`. `shared/rules/tally.py`
says which paths there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from types import EllipsisType
from typing import Any, Self

from pydantic import field_validator
from pydantic_core import from_json, to_json

from shared.models.stored import StoredDocument

MOST = 500
"""How many names a map has that is right below the first name of a path: people, types."""
OTHERS = "*"
"""The name under which all those stand who come after MOST; no id and no subject is called so."""

Path = tuple[str, ...]
Asked = tuple[str | EllipsisType, ...]
"""A path that asks: `...` stands for any name."""
Tree = dict[str, Any]


class Tally:
    """Numbers by their paths; equal to another that differs only in what is 0."""

    def __init__(self, tree: Tree | None = None) -> None:
        self.tree: Tree = {} if tree is None else tree

    @classmethod
    def of_json(cls, text: str) -> Self:
        """The tally in its JSON. Raises ValueError for text that is no JSON object."""
        tree = from_json(text)
        if not isinstance(tree, dict):
            raise ValueError("a tally is a JSON object")  # noqa: TRY004 - as Pydantic wants it
        return cls(tree)

    def as_json(self) -> str:
        """The tally as JSON: objects in each other, by the names of the paths."""
        return to_json(self.tree).decode()

    def add(self, path: Path, number: int) -> None:
        """Adds to the number at a path, under OTHERS where its map has no room for its name."""
        first, *rest = path
        tree = self.tree.setdefault(first, {}) if rest else self.tree
        if rest and rest[0] not in tree and len(tree) >= MOST:
            rest[0] = OTHERS
        *names, last = rest or path
        for name in names:
            tree = tree.setdefault(name, {})
        tree[last] = tree.get(last, 0) + number

    def sum(self, *asked: str | EllipsisType) -> int:
        """The sum of all numbers at the paths that begin so; `...` is any name."""
        return sum(number for _, number in _under(self.tree, asked))

    def by(self, place: int, *asked: str | EllipsisType) -> dict[str, int]:
        """The same sums by the name at a place of the paths, without those that are 0."""
        sums: dict[str, int] = {}
        for path, number in _under(self.tree, asked):
            sums[path[place]] = sums.get(path[place], 0) + number
        return {name: number for name, number in sums.items() if number}

    def most(self, place: int, *asked: str | EllipsisType) -> list[str]:
        """The names at a place of the paths, without OTHERS, by the greatest sums first."""
        sums = self.by(place, *asked)
        return sorted(sums.keys() - {OTHERS}, key=lambda name: (-sums[name], name))

    def items(self) -> Iterator[tuple[Path, int]]:
        """All numbers, each with its path."""
        return _under(self.tree, ())

    def __add__(self, other: Tally) -> Tally:
        return Tally(_added(self.tree, other.tree))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tally) and _numbers(self) == _numbers(other)

    def __hash__(self) -> int:
        return hash(frozenset(_numbers(self).items()))

    def __repr__(self) -> str:
        return f"Tally({_numbers(self)})"


def _numbers(tally: Tally) -> dict[Path, int]:
    return {path: number for path, number in tally.items() if number}


def _under(tree: Tree, asked: Asked) -> Iterator[tuple[Path, int]]:
    """The numbers of a tree at the paths that begin as asked."""
    if asked and asked[0] is not ...:
        names: Mapping[str, Any] = {asked[0]: tree[asked[0]]} if asked[0] in tree else {}
    else:
        names = tree
    for name, value in names.items():
        if isinstance(value, dict):
            for path, number in _under(value, asked[1:]):
                yield (name, *path), number
        elif len(asked) <= 1:
            yield (name,), value


def _added(one: Tree, other: Tree) -> Tree:
    both = dict(one)
    for name, value in other.items():
        if isinstance(value, dict):
            both[name] = _added(both.get(name, {}), value)
        else:
            both[name] = both.get(name, 0) + value
    return both


def _has_whole_numbers(tree: Tree) -> bool:
    # Without their paths, because every reader of figures pays for this.
    return all(
        _has_whole_numbers(value) if isinstance(value, dict) else type(value) is int
        for value in tree.values()
    )


class StoredTally(StoredDocument):
    """A tally as it is stored: JSON in one field, so that no number of it is in an index."""

    numbers: str = "{}"

    @field_validator("numbers")
    @classmethod
    def _readable(cls, numbers: str) -> str:
        tree = Tally.of_json(numbers).tree
        short = {name for name, value in tree.items() if not isinstance(value, dict)}
        if not (short <= {"events"} and _has_whole_numbers(tree)):
            raise ValueError("a tally has a whole number at the end of each path")
        return numbers

    @property
    def tally(self) -> Tally:
        """What was counted."""
        return Tally.of_json(self.numbers)


class StoredTotals(StoredTally):
    """What was counted of all events of a tenant, and how far that is.

    The first `counted` entries of the tenant's log are counted, each once; `until` is the place of
    the newest of them. `generation` is in the names of the documents of the days: it grows when
    everything is counted anew.
    """

    generation: int = 1
    counted: int = 0
    until: str = ""

    @field_validator("until")
    @classmethod
    def _place(cls, until: str) -> str:
        if until and datetime.fromisoformat(until.partition(" ")[0]).tzinfo is None:
            raise ValueError("is no place of a log")
        return until
