"""Which index a query needs, and which indexes of firestore.indexes.json serve it.

Firestore indexes every field by itself unless it is exempted, by its name or with all fields of its
collection (`*`); any other query needs composite indexes: one that has the equality fields and then
the order, or several that share the order and have the equality fields between them, which
Firestore merges (firebase.google.com/docs/firestore/query-data/index-overview).
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from shared.documents.keys import encode
from shared.documents.port import Aggregation, Filter, MissingIndex, Order, Query, Rejected
from shared.documents.values import DISJUNCTIVE, MAX_DISJUNCTIONS

# A field of a collection id, with the modes (and whether for its group) it is indexed in.
Override = tuple[str, str, tuple[tuple[str, bool], ...]]
ASCENDING, DESCENDING, CONTAINS = "ASCENDING", "DESCENDING", "CONTAINS"
EVERY_FIELD = "*"
"""An override of this field holds for all fields of its collection that have none of their own."""
_RANGES = frozenset({"<", "<=", ">", ">="})


@dataclass(frozen=True, slots=True)
class Index:
    """An index of one collection id: its fields and their modes. `__name__` is implied."""

    collection: str
    fields: tuple[tuple[str, str], ...]
    group: bool = False

    def __str__(self) -> str:
        scope = "collection group" if self.group else "collection"
        return f"{scope} {self.collection}: " + ", ".join(f"{f} {mode}" for f, mode in self.fields)

    @property
    def descending_name(self) -> bool:
        """Whether ties are broken from the last name to the first: as the last field is sorted."""
        return self.fields[-1][1] == DESCENDING


@dataclass(frozen=True, slots=True)
class Leg:
    """One index scan of a plan: its leading fields are equal to the filters' values."""

    index: Index
    equal: tuple[Filter, ...]
    backwards: bool = False


@dataclass(frozen=True, eq=False)
class Indexes:
    """The contents of a firestore.indexes.json; equal to itself only, for fast caches."""

    composites: tuple[Index, ...] = ()
    overrides: tuple[Override, ...] = ()

    @classmethod
    def load(cls, path: Path) -> Indexes:
        """Reads the file (its format: firebase.google.com/docs/reference/firestore/indexes)."""
        return cls.parse(json.loads(path.read_text()))

    @classmethod
    def parse(cls, document: dict[str, Any]) -> Indexes:
        """The same from the file's JSON."""
        return cls(
            tuple(_index(entry) for entry in document["indexes"]),
            tuple(_override(entry) for entry in document["fieldOverrides"]),
        )

    @cached_property
    def _single(self) -> dict[tuple[str, str], tuple[tuple[str, bool], ...]]:
        return {(collection, field): modes for collection, field, modes in self.overrides}

    def single(self, collection: str, field: str, mode: str, *, group: bool) -> bool:
        """Whether Firestore indexes `field` by itself. An exempted map exempts what is in it."""
        parts = field.split(".")
        names = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
        for name in (*names, EVERY_FIELD):
            modes = self._single.get((collection, name))
            if modes is not None:
                return (mode, group) in modes
        return not group

    def covers(self, collection: str, field: str) -> bool:
        """Whether any index has the top-level `field`: documents without it are not in that."""
        composite = any(
            index.collection == collection and field in dict(index.fields)
            for index in self.composites
        )
        # An exemption is of both scopes and all modes, or names those that stay.
        of_all = self._single.get((collection, EVERY_FIELD))
        modes = self._single.get((collection, field), of_all)
        return composite or modes is None or bool(modes)

    def plan(self, query: Query) -> tuple[Leg, ...]:
        """The index scans whose common rows are the query's (a query without `in`).

        No leg at all is a scan of the collection, or group, by name. Raises MissingIndex.
        """
        equal, order = conditions(query)
        if not equal and not order:
            return ()
        collection = query.collection.rpartition("/")[2]
        # Which indexes serve a query does not depend on its values.
        form = tuple(Filter(f.field, f.op, None) for f in equal)
        legs = _legs(self, Query(collection, form, order, group=query.group))
        if not legs:
            missing = "; ".join(map(str, self.lacking(query)))
            raise MissingIndex(f"the query needs {required(query)}; to be added: {missing}")
        own = dict(zip(form, equal, strict=True))
        return tuple(replace(leg, equal=tuple(own[f] for f in leg.equal)) for leg in legs)

    def legs(self, query: Query) -> tuple[Leg, ...]:
        """The same for a query without ranges and values; none where no index serves it."""
        equal, order = query.filters, query.order
        if not order or (not equal and len(order) == 1):
            legs = self._single_legs(query, equal, order)
            if legs:
                return legs
        return self._composite_legs(query, equal, order)

    def lacking(self, query: Query) -> tuple[Index, ...]:
        """The indexes to add so that `plan` serves the query: one for each filter that has none."""
        equal, order = conditions(query)
        collection = query.collection.rpartition("/")[2]
        missing: list[tuple[tuple[str, str], ...]]
        if not order or (not equal and len(order) == 1):
            singles = [(field, mode) for mode, field, _ in _scans(equal, order)]
            missing = [
                (one,) for one in singles if not self.single(collection, *one, group=query.group)
            ]
        else:
            tail = tuple((sort.field, _mode(sort)) for sort in order)
            suitable = list(self._suitable(query, equal, order))
            served = {f.field for leg in suitable for f in leg.equal}
            missing = [
                ((f.field, _equality_mode(f)), *tail) for f in equal if f.field not in served
            ]
            if not equal and not suitable:
                missing = [tail]
        return tuple(Index(collection, fields, query.group) for fields in missing)

    def _single_legs(
        self, query: Query, equal: tuple[Filter, ...], order: tuple[Order, ...]
    ) -> tuple[Leg, ...]:
        collection = query.collection.rpartition("/")[2]
        legs = []
        for mode, field, condition in _scans(equal, order):
            if not self.single(collection, field, mode, group=query.group):
                return ()
            # One ascending index serves both directions: the other way is read backwards.
            stored = CONTAINS if mode == CONTAINS else ASCENDING
            index = Index(collection, ((field, stored),), query.group)
            legs.append(Leg(index, condition, backwards=mode == DESCENDING))
        return tuple(legs)

    def _composite_legs(
        self, query: Query, equal: tuple[Filter, ...], order: tuple[Order, ...]
    ) -> tuple[Leg, ...]:
        candidates = sorted(
            self._suitable(query, equal, order), key=lambda leg: len(leg.equal), reverse=True
        )
        chosen: list[Leg] = []
        missing = {f.field for f in equal}
        for leg in candidates:
            served = {f.field for f in leg.equal}
            if missing & served or not (equal or chosen):
                chosen.append(leg)
                missing -= served
        return () if missing else tuple(chosen)

    def _suitable(
        self, query: Query, equal: tuple[Filter, ...], order: tuple[Order, ...]
    ) -> Iterator[Leg]:
        collection = query.collection.rpartition("/")[2]
        tail = tuple((sort.field, _mode(sort)) for sort in order)
        wanted = {(f.field, f.op == "array_contains"): f for f in equal}
        for index in self.composites:
            head = index.fields[: len(index.fields) - len(tail)]
            if (index.collection, index.group) != (collection, query.group):
                continue
            found = [wanted.get((field, mode == CONTAINS)) for field, mode in head]
            # Without an order rows come by ascending name, which an ascending last field gives.
            ordered = bool(tail) or not index.descending_name
            if index.fields[len(head) :] == tail and all(found) and ordered:
                yield Leg(index, tuple(f for f in found if f is not None))


def conditions(query: Query) -> tuple[tuple[Filter, ...], tuple[Order, ...]]:
    """The equality filters, and the order that an index must have (a range sorts by its field)."""
    equal = tuple(f for f in query.filters if f.op in ("==", "array_contains"))
    ranges = {f.field for f in query.filters if f.op in _RANGES}
    order = query.order or tuple(Order(field) for field in sorted(ranges))
    if ranges - {sort.field for sort in order[:1]}:
        raise Rejected("a range filter must be on the first order field")
    if sum(f.op == "array_contains" for f in query.filters) > 1:
        raise Rejected("more than one array_contains")
    fields = [f.field for f in equal]
    if len({*fields, *(sort.field for sort in order)}) < len(fields) + len(order):
        raise Rejected("a field is equal to something twice, or equal and sorted")
    return equal, order


def required(query: Query) -> Index:
    """The one index made for this query (a query without `in`), as Firestore names it.

    Equality fields in alphabetical order, then the order. Several indexes may serve it instead:
    `plan`.
    """
    equal, order = conditions(query)
    head = sorted((f.field, _equality_mode(f)) for f in equal)
    tail = tuple((sort.field, _mode(sort)) for sort in order)
    return Index(query.collection.rpartition("/")[2], (*head, *tail), query.group)


def disjuncts(query: Query) -> list[Query]:
    """The queries without `in` and `array_contains_any` whose union is `query`.

    A row is in two of them only where its array has two of the values. Raises Rejected over 30, as
    Firestore does, and for what `conditions` refuses.
    """
    fixed = tuple(f for f in query.filters if f.op not in DISJUNCTIVE)
    lists = [f for f in query.filters if f.op in DISJUNCTIVE]
    if not 0 < math.prod(len(f.value) for f in lists) <= MAX_DISJUNCTIONS:
        raise Rejected(f"a query takes 1 to {MAX_DISJUNCTIONS} disjunctions")
    choices = [
        [
            Filter(f.field, DISJUNCTIVE[f.op], value)
            for value in {encode(v): v for v in f.value}.values()
        ]
        for f in lists
    ]
    parts = [replace(query, filters=(*fixed, *chosen)) for chosen in itertools.product(*choices)]
    conditions(parts[0])
    return parts


def counted(aggregation: Aggregation) -> Query:
    """The query whose index an aggregation needs: its fields follow the order, in its direction."""
    _, order = conditions(aggregation.query)
    named = {sort.field for sort in order}
    extra = sorted({*aggregation.sums, *aggregation.averages} - named)
    descending = bool(order) and order[-1].descending
    order = (*order, *(Order(field, descending=descending) for field in extra))
    return replace(aggregation.query, order=order, limit=None)


def _scans(
    equal: tuple[Filter, ...], order: tuple[Order, ...]
) -> Iterator[tuple[str, str, tuple[Filter, ...]]]:
    """The single-field indexes that a query needs, by mode and field, each with its filter."""
    for condition in equal:
        yield _equality_mode(condition), condition.field, (condition,)
    for sort in order:
        yield _mode(sort), sort.field, ()


def _equality_mode(condition: Filter) -> str:
    return CONTAINS if condition.op == "array_contains" else ASCENDING


def _mode(order: Order) -> str:
    return DESCENDING if order.descending else ASCENDING


def _index(entry: dict[str, Any]) -> Index:
    fields = tuple(
        (field["fieldPath"], CONTAINS if "arrayConfig" in field else field["order"])
        for field in entry["fields"]
    )
    return Index(entry["collectionGroup"], fields, entry["queryScope"] == "COLLECTION_GROUP")


def _override(entry: dict[str, Any]) -> Override:
    modes = (
        (
            CONTAINS if "arrayConfig" in index else index["order"],
            index["queryScope"] == "COLLECTION_GROUP",
        )
        for index in entry["indexes"]
    )
    return entry["collectionGroup"], entry["fieldPath"], tuple(modes)


@lru_cache(maxsize=4096)
def _legs(indexes: Indexes, query: Query) -> tuple[Leg, ...]:
    return indexes.legs(query)


@lru_cache
def project_indexes() -> Indexes:
    """The indexes of this project."""
    return Indexes.load(Path(__file__).parents[2] / "firestore.indexes.json")
