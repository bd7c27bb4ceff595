"""The indexes that the lists of the API need, and the entries of `firestore.indexes.json` for them.

Each list is asked for with every combination of its filters, as its query model allows them.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from functions.api import ROUTES
from shared.documents.indexes import CONTAINS, EVERY_FIELD, Index, Indexes, disjuncts, required
from shared.documents.port import Query
from shared.errors import InvalidArgument
from shared.models.base import Model, Page
from shared.models.filters import Filters, OfPerson, SortedBy
from shared.models.names import ME
from shared.repository.listing import query_of

FILE = Path(__file__).parents[1] / "firestore.indexes.json"
Given = dict[str, str]
MODELS = list(dict.fromkeys(one.query for one in ROUTES if issubclass(one.query, Filters)))
"""The query models of all lists whose parameters filter."""
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_ME = ("subject:tenant", "name:tenant")
_TEXTS = ("true", "1", "tenant", "2026-01-{day:02}T00:00:00Z")
"""What a parameter may take that is not one of a few values; a later one takes a later day."""
_TOGETHER = 3
"""So many parameters at once show every index that a list needs."""


def of_lists() -> dict[Index, Query]:
    """The queries that the lists can send, by the one index that would serve each alone."""
    return {required(query): query for model in MODELS for query in queries_of(model)}


def of_pairs() -> set[Index]:
    """The indexes of the parameters that are `together` in a list."""
    return {
        required(query)
        for model in MODELS
        for pair in model.listing.together
        for given in combinations(model, (len(pair), len(pair) + 1))
        if set(given) - _sorts(model) == set(map(to_camel, pair))
        for query in _asked(model, given)
    }


def queries_of(model: type[Filters]) -> Iterator[Query]:
    """The queries that one list can send; those with `in` as what they stand for.

    Of few parameters at once: two filters, and what chooses the sort that they are asked for in.
    An index that serves a filter serves it among others too, as long as the sort is the same, so
    that more filters at once lack nothing that few of them do not.
    """
    for given in combinations(model, range(_TOGETHER + 1)):
        yield from _asked(model, given)


def _asked(model: type[Filters], given: Given) -> list[Query]:
    """The queries for what is given; none where a client would be refused."""
    try:
        wanted = model.model_validate_strings(given, by_name=False)
        return disjuncts(query_of("tenants/t", wanted, _NOW, _ME))
    except (ValidationError, InvalidArgument):
        return []


def _sorts(model: type[Filters]) -> set[str]:
    """The parameters that only name a sort."""
    return {
        to_camel(name)
        for name, field in model.model_fields.items()
        if any(isinstance(mark, SortedBy) for mark in field.metadata)
    }


def combinations(model: type[Model], sizes: Iterable[int] | None = None) -> Iterator[Given]:
    """What can be given in a query string: every combination of the parameters, but for a page's.

    With `sizes` those of so many parameters. Of a parameter's values one is enough, but where they
    name sorts.
    """
    names = [name for name in model.model_fields if name not in Page.model_fields]
    for size in range(len(names) + 1) if sizes is None else sizes:
        for chosen in itertools.combinations(names, size):
            taken = [_telling(model, name) for name in chosen]
            for one in itertools.product(*taken):
                yield dict(zip(map(to_camel, chosen), one, strict=True))


def each_value(model: type[Model]) -> Iterator[Given]:
    """Every value of every parameter that takes one of a few, alone."""
    for name in model.model_fields:
        for value in values(model, name):
            yield {to_camel(name): value}


def values(model: type[Model], name: str) -> list[str]:
    """The values that a parameter takes; of those that are too many to name, one."""
    named = _named(model.model_fields[name].annotation)
    day = 1 + list(model.model_fields).index(name) % 28
    texts = named or [text.format(day=day) for text in _TEXTS]
    good = [text for text in texts if _takes(model, name, text)]
    if not good:
        raise LookupError(f"{model.__name__}.{name} takes none of {_TEXTS}: name one there")
    return good if named else good[:1]


def add(file: Path, queries: Iterable[Query], indexes: Iterable[Index] = ()) -> list[str]:
    """Adds to the file what it lacks for the queries, and `indexes`; gives what it added."""
    document = json.loads(file.read_text())
    added = []
    for query in queries:
        _override(document, query.collection.rpartition("/")[2], EVERY_FIELD)
        for index in Indexes.parse(document).lacking(query):
            added.append(str(index))
            _add(document, index)
    for index in sorted(set(indexes) - set(Indexes.parse(document).composites), key=str):
        added.append(str(index))
        _add(document, index)
    file.write_text(_one_entry_a_line(document))
    return added


def _add(document: dict[str, Any], index: Index) -> None:
    scope = {"queryScope": "COLLECTION_GROUP" if index.group else "COLLECTION"}
    fields = [{"fieldPath": field, **_mode(mode)} for field, mode in index.fields]
    if len(fields) > 1:
        entry = {"collectionGroup": index.collection, **scope, "fields": fields}
        _insert(document["indexes"], entry)
    else:
        ((field, mode),) = index.fields
        override = _override(document, index.collection, field)
        override["indexes"].append({**_mode(mode), **scope})


def _telling(model: type[Model], name: str) -> list[str]:
    """The values of a parameter that may need different indexes."""
    found = values(model, name)
    marks = model.model_fields[name].metadata
    if any(isinstance(mark, OfPerson) for mark in marks):
        return [*found[:1], ME]
    return found if any(isinstance(mark, SortedBy) for mark in marks) else found[:1]


def _takes(model: type[Model], name: str, text: str) -> bool:
    try:
        model.model_validate_strings({to_camel(name): text}, by_name=False)
    except ValidationError as error:
        return all(to_camel(name) not in detail["loc"] for detail in error.errors())
    return True


def _named(annotation: Any) -> list[str]:
    """The values of the enumerations and literals in an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return [str(one.value) for one in annotation]
    if isinstance(annotation, str):
        return [annotation]
    return [text for inner in get_args(annotation) for text in _named(inner)]


def _override(document: dict[str, Any], collection: str, field: str) -> dict[str, Any]:
    """The override of a field; one is added where there is none."""
    named = {"collectionGroup": collection, "fieldPath": field}
    overrides: list[dict[str, Any]] = document["fieldOverrides"]
    for entry in overrides:
        if named.items() <= entry.items():
            return entry
    entry = {**named, "indexes": []}
    _insert(overrides, entry)
    return entry


def _insert(entries: list[dict[str, Any]], entry: dict[str, Any]) -> None:
    """Adds an entry behind those of its collection."""
    same = [n for n, e in enumerate(entries) if e["collectionGroup"] == entry["collectionGroup"]]
    entries.insert(same[-1] + 1 if same else len(entries), entry)


def _mode(mode: str) -> dict[str, str]:
    return {"arrayConfig" if mode == CONTAINS else "order": mode}


def _one_entry_a_line(document: dict[str, Any]) -> str:
    parts = []
    for name, entries in document.items():
        lines = ",\n".join(f"    {json.dumps(entry)}" for entry in entries)
        parts.append(f'  "{name}": [\n{lines}\n  ]')
    return "{\n" + ",\n".join(parts) + "\n}\n"
