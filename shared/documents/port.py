"""The document store as the repository sees it: plain data in, plain data out.

Two stores stand behind it, `firestore/` and `embedded/`; one contract test holds both.

A document is a dict of None, bool, 64-bit int, finite float, str, aware UTC datetime
(microseconds), list and dict, at the path `collection/id[/collection/id …]`. A field of a query is
a name or a dotted path of names. A commit is atomic: all of its writes, or none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Data = dict[str, Any]
Op = Literal["==", "<", "<=", ">", ">=", "array_contains", "array_contains_any", "in"]


class StoreError(Exception):
    """What a store can answer instead of a result.

    StoreError
    ├── Conflict            nothing was written: somebody else was first
    │   ├── AlreadyExists   a create found a document
    │   ├── Missing         an update found none
    │   ├── Stale           the document is not, or not any more, the version asked for
    │   └── Aborted         the store gave up on contention
    ├── Unavailable         out of reach or out of time; a commit may or may not have happened
    ├── OtherRelease        the data are in the hands of another release: this one has to stop
    └── Rejected            the request itself is wrong, and will be however often it is sent
        ├── MissingIndex    no index of firestore.indexes.json serves the query
        └── TooLarge        one commit has no room for all of the writes

    `cause` is what a log may say of it: the store's own code or text, without data; None for none.
    """

    def __init__(self, message: str = "", *, cause: str | None = None) -> None:
        super().__init__(message)
        self.cause = cause


class Conflict(StoreError):
    """Nothing was written: somebody else was first."""


class AlreadyExists(Conflict):
    """A create found a document."""


class Missing(Conflict):
    """An update found no document."""


class Stale(Conflict):
    """The document is not the version that was asked for, or is gone."""


class Aborted(Conflict):
    """The store gave up on contention."""


class Unavailable(StoreError):
    """Out of reach or out of time; a commit may or may not have happened."""


class OtherRelease(StoreError):
    """The data are in the hands of another release, which this one would work against."""


class WrongPlace(OtherRelease):
    """Where the data should be is no place for them, or is another program's.

    Its message has the path of the file, which only a log may say.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(message, cause=message)


class Rejected(StoreError):
    """The request itself is wrong, and will be however often it is sent."""


class MissingIndex(Rejected):
    """No index of firestore.indexes.json serves the query. Its message names fields, no values."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message, cause=message)


class TooLarge(Rejected):
    """One commit has no room for all of the writes; fewer of them may fit."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document as read. `version` names its last change: nanoseconds, greater with each.

    A write that changes nothing leaves it. `size` is about how many bytes its data take as JSON,
    where the store has seen that.
    """

    path: str
    data: Data
    version: int
    size: int | None = field(default=None, compare=False)

    @property
    def id(self) -> str:
        """The last segment of the path."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Create:
    """Writes a document that must not exist."""

    path: str
    data: Data


@dataclass(frozen=True, slots=True)
class Update:
    """Replaces and increments top-level fields of a document; with `version`, of that one.

    The document must exist. An increment takes what is no number as 0, and stops at the ends of
    64 bits.
    """

    path: str
    fields: Data = field(default_factory=dict)
    increments: Mapping[str, int] = field(default_factory=dict)
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Merge:
    """Replaces top-level fields of a document, and makes it where there is none.

    A commit may merge into what it has written before, and more than once.
    """

    path: str
    fields: Data = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Set:
    """Writes a whole document; with `version`, over exactly that one."""

    path: str
    data: Data
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """Removes a document, or nothing if there is none; with `version`, exactly that one."""

    path: str
    version: int | None = None


Write = Create | Update | Merge | Set | Delete


@dataclass(frozen=True, slots=True)
class Filter:
    """`field op value`. Ranges find values of the same type only; nothing but == takes None."""

    field: str
    op: Op
    value: Any


@dataclass(frozen=True, slots=True)
class Order:
    """A sort field; documents without it are not in the result."""

    field: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """Documents of one collection, or with `group` of every collection of that name.

    Ties are broken by the document's name in the direction of the last order. `after` is a cursor:
    the order fields' values in the last row seen, then its id (with `group`: its path). A range
    filter is on the first order field, and sorts by it where there is no order. No field is equal
    to something twice, or equal and sorted. `select` names top-level fields to return; None is all
    of them.
    """

    collection: str
    filters: tuple[Filter, ...] = ()
    order: tuple[Order, ...] = ()
    limit: int | None = None
    after: tuple[Any, ...] = ()
    select: tuple[str, ...] | None = None
    group: bool = False


@dataclass(frozen=True, slots=True)
class Aggregation:
    """Counts the documents of a query, adds up and averages numeric fields over them.

    At most five of these. With fields named, only documents that have all of them count, as in
    Firestore. The query's limit is left aside, and it has no cursor.
    """

    query: Query
    sums: tuple[str, ...] = ()
    averages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Totals:
    """The answer to an Aggregation, by field name; the average of nothing is None."""

    count: int
    sums: Mapping[str, int | float] = field(default_factory=dict)
    averages: Mapping[str, float | None] = field(default_factory=dict)


class DocumentStore(Protocol):
    """What both stores do. Every call may raise `Unavailable` or `Rejected`.

    `max_commit_bytes` is how much the writes of one commit may come to, as `values.commit_bytes`
    counts them; who has more to write makes several commits of it.
    """

    @property
    def max_commit_bytes(self) -> int:
        """See above."""

    def get(self, path: str) -> Document | None:
        """The document at `path`, or None. Billed: one read."""

    def get_many(self, paths: Sequence[str]) -> list[Document | None]:
        """The documents at `paths` in that order. Billed: one read for each different path."""

    def commit(self, writes: Sequence[Write]) -> None:
        """All of `writes`, or none. Raises a `Conflict`, or `TooLarge`. Billed: one write each."""

    def query(self, query: Query) -> list[Document]:
        """The rows of `query`. Billed: one read a row, and one for an empty result."""

    def aggregate(self, aggregations: Sequence[Aggregation]) -> list[Totals]:
        """All of them side by side. Billed: one read for every 1,000 entries, at least one each."""

    def watch(
        self,
        path: str,
        until: Callable[[Document | None], bool],
        seconds: float,
        given_up: Callable[[], bool],
    ) -> Document | None:
        """Follows the document at `path`; gives its last state.

        It ends when a state satisfies `until`, when `seconds` are over, or when `given_up()`, asked
        several times a second, says that nobody waits any more. Of changes in quick succession only
        the last may be seen. Billed: one read, and one for each change seen.
        """

    def close(self) -> None:
        """Lets go of connections."""


class WholeStore(DocumentStore, Protocol):
    """A store whose documents can all be walked through, as it takes to move and compare stores."""

    def walk(self, after: str, most: int) -> list[Document]:
        """Up to `most` documents of all collections behind the path `after` ("" is the beginning).

        Each store has an order of its own. Raises Rejected, naming the path, for a document that a
        store cannot have been given. Billed: one read a row, and one for an empty result.
        """

    def count(self) -> int | None:
        """How many documents there are; None where the store cannot say. Billed as `aggregate`."""

    def newest(self) -> int:
        """No document that there is now has a version above this one. Billed: at most one read."""
