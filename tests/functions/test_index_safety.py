"""Every query that the functions can send is served by an index, and every index by a need."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, cast
from urllib.parse import urlencode

import pytest
from werkzeug.test import TestResponse

from local.emulator import index_usage
from shared.config import Config
from shared.documents.indexes import Index, Indexes, counted, disjuncts, project_indexes, required
from shared.documents.port import Aggregation, Document, DocumentStore, MissingIndex, Query, Totals
from shared.runtime import Runtime, open_store
from tests.client import Api

CASE_FILTERS = {
    "status": "new",
    "assignedTo": "vera@example.com",
    "unassigned": "true",
    "decisionType": "csf_practitioner",
    "search": "sarah smith",
    "overdue": "true",
}
EVENT_FILTERS = {
    "subject": "cases/a",
    "actor": "vera@example.com",
    "eventType": "case_created",
    "severity": "info",
    "agentId": "a-1",
    "since": "2026-01-01T00:00:00Z",
    "until": "2027-01-01T00:00:00Z",
}


def requests() -> Iterator[tuple[str, str]]:
    """Every combination of filters of every list, every sort, and what else queries."""
    for filters in combinations(CASE_FILTERS):
        if not {"assignedTo", "unassigned"} <= filters.keys():
            yield "GET", f"/cases?{urlencode(filters)}"
        if "assignedTo" not in filters:
            yield "POST", f"/cases:claimNext?{urlencode(filters)}"
            yield "POST", f"/cases:claimNext?{urlencode({**filters, 'status': 'needs_info'})}"
    for filters in combinations(EVENT_FILTERS):
        yield "GET", f"/audit?{urlencode(filters)}"
    for path in ("/cases/a/audit", "/cases/a/audit?related=true", "/cases:stats"):
        yield "GET", path
    yield "GET", "/worksheets"
    yield "DELETE", "/cases/b"
    for subject in ("cases/a", "tenant"):
        yield "GET", f"/audit:verify?subject={subject}"


def combinations(filters: dict[str, str]) -> Iterator[dict[str, str]]:
    """Every subset of `filters`."""
    for size in range(len(filters) + 1):
        for names in itertools.combinations(filters, size):
            yield {name: filters[name] for name in names}


class Recorder:
    """A store that notes every query on its way."""

    def __init__(self, store: DocumentStore) -> None:
        self._store = store
        self.queries: set[Query] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def query(self, query: Query) -> list[Document]:
        self.queries.add(query)
        return self._store.query(query)

    def aggregate(self, aggregations: Sequence[Aggregation]) -> list[Totals]:
        self.queries.update(counted(aggregation) for aggregation in aggregations)
        return self._store.aggregate(aggregations)


@pytest.fixture
def queries(config: Config) -> set[Query]:
    """What the store was asked by every request, also for the pages after the first."""
    recorder = Recorder(open_store(config))
    api = Api(Runtime(config, store=cast("DocumentStore", recorder)))
    for case_id in ("a", "b"):
        api.verifier.create(id=case_id, title="Sarah Smith")
        save = {"worksheets": [{"caseId": case_id, "fsrNotes": "A note"}]}
        assert api.admin.post("/worksheets:batchSave", save).json["succeeded"] == 1
    for method, path in requests():
        response = send(api, method, path)
        token = (response.json or {}).get("nextPageToken")
        if token:
            send(api, method, f"{path}{'&' if '?' in path else '?'}pageToken={token}")
    return recorder.queries


def send(api: Api, method: str, path: str) -> TestResponse:
    """Sends a request, a list's for pages of one row."""
    if method == "GET" and ":" not in path:
        path += f"{'&' if '?' in path else '?'}pageSize=1"
    response = (api.verifier if method == "POST" else api.admin).request(method, path)
    assert response.status_code in (200, 204, 404), (path, response.text)
    return response


def test_every_query_is_served_by_an_index_of_the_file(queries: set[Query]) -> None:
    for query in queries:
        for part in disjuncts(query):
            project_indexes().plan(part)


def test_without_any_one_index_of_the_file_some_query_is_refused(queries: set[Query]) -> None:
    indexes = project_indexes()
    for index in indexes.composites:
        others = tuple(other for other in indexes.composites if other != index)
        assert any(refused(query, replace(indexes, composites=others)) for query in queries)


def refused(query: Query, indexes: Indexes) -> bool:
    try:
        indexes.plan(query)
    except MissingIndex:
        return True
    return False


@pytest.mark.parametrize("config", ["emulator"], indirect=True)
def test_the_planner_names_the_indexes_that_the_emulator_names(
    config: Config, queries: set[Query]
) -> None:
    assert config.emulator is not None
    assert config.project is not None
    reported = {index_of(usage) for usage in index_usage(config.emulator, config.project)}

    assert {index for query in queries if len((index := required(query)).fields) > 1} == reported


def index_of(usage: dict[str, Any]) -> Index:
    """The index in a report of the emulator, without the name that ends every index."""
    index = usage["index"]
    collection = index["name"].split("/")[-3]
    *fields, name = index["fields"]
    assert name["fieldPath"] == "__name__"
    modes = tuple((f["fieldPath"], f.get("order") or f["arrayConfig"]) for f in fields)
    return Index(collection, modes, group=index["queryScope"] == "COLLECTION_GROUP")
