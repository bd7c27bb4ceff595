"""Every shape of query that the functions send, asked of Firestore itself.

A missing index is refused by Firestore only when a query needs it, which a client would find out.
The shapes are those of the lists (`local.indexes`, from the query models), and for what else is
asked (scheduled functions, verification, removal) one for each index in firestore.indexes.json,
because each of those serves a query. They are asked of a tenant that does not exist, and for names
only; what is asked of all tenants gives one row at most.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]

from deployment.google import DeploymentError, Google
from deployment.verification.outcome import Problem, Untried
from local import indexes
from shared.documents.firestore import wire
from shared.documents.indexes import CONTAINS, DESCENDING, Index, project_indexes, required
from shared.documents.port import Filter, Order, Query

_AT_ONCE = 8
_SHOWN = 5


def shapes() -> list[Query]:
    """One query of each shape, with limit 1."""
    found = {required(query): query for query in by_index()} | indexes.of_lists()
    return [replace(query, limit=1, select=()) for query in found.values()]


def by_index() -> list[Query]:
    """For each index of the file the query that it serves by itself, with limit 1."""
    return [replace(_of_index(index), limit=1, select=()) for index in _in_file()]


def check(google: Google, database: str, asked: list[Query]) -> str:
    """Asks all of them. Raises Problem, which names the indexes that are missing or being built."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = pool.map(lambda query: (query, _refusal(google, database, query)), asked)
        refused = {str(required(query)): why for query, why in answers if why}
    if not refused:
        return f"{len(asked)} queries are served"
    others = [why for why in refused.values() if "index" not in why.lower()]
    if others:
        raise Untried(
            f"{len(others)} of {len(asked)} queries were not answered: {others[0]}",
            "Ask for roles/datastore.viewer, or wait until Firestore answers.",
        )
    shown = [f"{index} ({why})" for index, why in sorted(refused.items())[:_SHOWN]]
    more = f", and {len(refused) - _SHOWN} more" if len(refused) > _SHOWN else ""
    raise Problem(
        f"{len(refused)} of {len(asked)} queries are refused: {'; '.join(shown)}{more}",
        "Run deploy.sh, which makes indexes; where they are building, wait.",
    )


def _in_file() -> Iterator[Index]:
    found = project_indexes()
    yield from found.composites
    for collection, field, modes in found.overrides:
        for mode, group in modes:
            yield Index(collection, ((field, mode),), group)


def _of_index(index: Index) -> Query:
    """The query that this index serves by itself: its last field is sorted, the others equal."""
    everywhere = index.group or index.collection == "tenants"
    collection = index.collection if everywhere else f"tenants/t/{index.collection}"
    *equal, (last, mode) = index.fields
    filters = [_filter(field, how) for field, how in equal]
    if mode == CONTAINS:
        return Query(collection, (*filters, _filter(last, mode)), group=index.group)
    order = (Order(last, descending=mode == DESCENDING),)
    return Query(collection, tuple(filters), order, group=index.group)


def _filter(field: str, mode: str) -> Filter:
    return Filter(field, "array_contains" if mode == CONTAINS else "==", "none")


def _refusal(google: Google, database: str, query: Query) -> str:
    """Why Firestore does not serve a query; empty if it does."""
    root = f"projects/{google.project}/databases/{database}/documents"
    parent = "" if query.group else query.collection.rpartition("/")[0]
    message: Any = wire.query(query, root)
    path = quote(f"v1/{root}/{parent}".rstrip("/"), safe="/()")
    try:
        google.send(
            "POST", "firestore", f"{path}:runQuery", {"structuredQuery": MessageToDict(message)}
        )
    except DeploymentError as error:
        return str(error).partition(": ")[2] or str(error)
    return ""
