"""What the parameters of a list filter: marks on the annotations of its query model.

A filter is one line: `status: Annotated[Status | None, Equal("status")] = None`. The marks make the
query that is sent (`shared/repository/listing.py`); they tell which indexes it needs
(`python -m local indexes`); and the tests ask for every combination of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import BeforeValidator, Field, ValidationInfo

from shared.models.base import Model

V = TypeVar("V")


def _values(given: Any, info: ValidationInfo) -> Any:
    """The values of a parameter that may be repeated: one text, or texts by their numbers.

    In JSON it is a list, or one text.
    """
    if isinstance(given, dict) and info.mode != "json":
        return list(given.values())
    return [given] if isinstance(given, str) else given


# Not strict, because what comes out of a validator is no query string to the next one.
Repeated = Annotated[
    list[Annotated[V, Field(strict=False)]],
    Field(strict=False, min_length=1),
    BeforeValidator(_values),
]
"""What a parameter takes that may be repeated: one of its values is what is asked for."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A condition on the stored `field`; it counts where its parameter is given."""

    op: ClassVar[Literal["==", "array_contains", "array_contains_any", ">=", "<"]]

    field: str


class Equal(Mark):
    """The field has the value that is given; where a list is given, one of its values."""

    op = "=="


class Contains(Mark):
    """The field is a list, and the value that is given is in it; of a list of values, one is.

    Firestore searches one list of a row by its index: where there is such a filter, the words of a
    search are checked on the rows.
    """

    op = "array_contains"


class Begins(Mark):
    """The field is a name that begins with what is given, both without regard to case."""

    op = ">="


class Named(Mark):
    """The field is the name of a person that is given, as names are written."""

    op = "=="


@dataclass(frozen=True, slots=True)
class OfPerson(Mark):
    """The field is the name that is given; for `me`, the field `key` is one of the caller's keys.

    `shared/models/names.py` says what a key is.
    """

    op = "=="

    key: str


@dataclass(frozen=True, slots=True)
class HasWords(Mark):
    """The field is the list of a row's search words, and words of the text are in it.

    Words are indexed in the order of the field `sort` only; in another order every row is checked
    for them, as is done for the words that the index does not hold.
    """

    op = "array_contains_any"

    sort: str


class Since(Mark):
    """The field is a time: the one that is given, or later."""

    op = ">="


class Until(Mark):
    """The field is a time before the one that is given."""

    op = "<"


class Missing(Mark):
    """For a switch: where it is true, the field is null."""

    op = "=="


class Past(Mark):
    """For a switch: where it is true, the field is a time before now."""

    op = "<"


@dataclass(frozen=True, slots=True)
class SortedBy:
    """The parameter names a sort; `fields` has by which field each name sorts."""

    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sort:
    """A stored field that rows are sorted by."""

    field: str
    descending: bool = False


class Listing:
    """The collection of a list, and the sorts that it has; the first one is the default.

    A range (`Since`, `Until`, `Past`, `Begins`) and `SortedBy` choose the sort that begins with
    their field. Parameters that are `together` have indexes of their own: each of them finds many
    rows, and both at once few, so that it would take long to find those by one index each.
    """

    def __init__(
        self,
        collection: str,
        *sorts: tuple[Sort, ...],
        together: tuple[frozenset[str], ...] = (),
    ) -> None:
        self.collection = collection
        self.sorts = sorts
        self.together = together


class Filters(Model):
    """The base of query models whose parameters filter a list."""

    listing: ClassVar[Listing]

    def given(self) -> Iterator[tuple[str, Mark | SortedBy, Any]]:
        """The marks of the parameters that are given: each with the parameter's name and value."""
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            for mark in field.metadata:
                off = value is None or (value is False and isinstance(mark, Missing | Past))
                if isinstance(mark, Mark | SortedBy) and not off:
                    yield name, mark, value
