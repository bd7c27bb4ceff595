"""Every query that the functions can send is served by an index, and every index by a need."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, cast
from urllib.parse import urlencode

import pytest

from local.emulator import index_usage
from shared.config import Config
from shared.documents.indexes import Index, Indexes, counted, disjuncts, project_indexes, required
from shared.documents.port import Aggregation, Document, DocumentStore, MissingIndex, Query, Totals
from shared.runtime import Runtime, open_store
from tests.client import Api, TestResponse
from tests.functions.intervention_support import act, ask, decide, done

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
INTERVENTION_FILTERS = {
    "status": "in_progress",
    "priority": "normal",
    "type": "resume",
    "assignedTo": "pilot@example.com",
    "uowId": "uow-1",
    "caseId": "a",
}
RUN_FILTERS = {"caseId": "a", "status": "running", "agentId": "a-1", "packId": "p-1"}
PERIOD = {"since": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z", "daily": "true"}


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
    yield from requests_of_interventions()
    for filters in combinations(RUN_FILTERS):
        yield "GET", f"/runs?{urlencode(filters)}"
    for path in (
        "/cases/a/records",
        "/cases/a/records?kind=finding",
        "/cases/a/audit",
        "/cases/a/audit?related=true",
        "/cases:stats",
    ):
        yield "GET", path
    yield "GET", "/worksheets"
    yield "DELETE", "/cases/b"
    for subject in ("cases/a", "tenant"):
        yield "GET", f"/audit:verify?subject={subject}"
    for name in ("expireInterventions", "failStaleRuns", "closeApprovedCases", "purgeRecords"):
        yield "POST", f"/scheduled/{name}"


def requests_of_interventions() -> Iterator[tuple[str, str]]:
    """The same of what lists and counts interventions."""
    for filters in combinations(INTERVENTION_FILTERS):
        yield "GET", f"/interventions?{urlencode(filters)}"
        yield "GET", f"/interventions:pending?{urlencode(filters)}"
    for period in combinations(PERIOD):
        # Since then it is more days than there are rows for.
        if period.keys() != {"since", "daily"}:
            yield "GET", f"/interventions:metrics?{urlencode(period)}"


def combinations(filters: dict[str, str]) -> Iterator[dict[str, str]]:
    """Every subset of `filters`."""
    for size in range(len(filters) + 1):
        for names in itertools.combinations(filters, size):
            yield {name: filters[name] for name in names}


class Recorder:
    """A store that notes on its way every query, where it has an `in` those that it stands for."""

    def __init__(self, store: DocumentStore) -> None:
        self._store = store
        self.queries: set[Query] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def query(self, query: Query) -> list[Document]:
        self.queries.update(disjuncts(query))
        return self._store.query(query)

    def aggregate(self, aggregations: Sequence[Aggregation]) -> list[Totals]:
        for aggregation in aggregations:
            self.queries.update(disjuncts(counted(aggregation)))
        return self._store.aggregate(aggregations)


@pytest.fixture(scope="module", params=["embedded", "emulator"])
def config(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Config:
    """A store of each kind, for all tests of this file."""
    if request.param == "embedded":
        path = tmp_path_factory.mktemp("store") / "caseledger.db"
        return Config(sqlite=str(path), unsigned_tokens=True)
    host: str = request.getfixturevalue("emulator_host")
    return Config(project=f"demo-{uuid.uuid4().hex[:16]}", emulator=host, unsigned_tokens=True)


@pytest.fixture(scope="module")
def queries(config: Config) -> set[Query]:
    """What the store was asked by every request, also for the pages after the first."""
    recorder = Recorder(open_store(config))
    api = Api(Runtime(config, store=cast("DocumentStore", recorder)))
    for case_id in ("a", "b"):
        api.verifier.create(id=case_id, title="Sarah Smith")
        save = {"worksheets": [{"caseId": case_id, "fsrNotes": "A note"}]}
        assert api.admin.post("/worksheets:batchSave", save).json["succeeded"] == 1
        done(act(api.pilot, ask(api.agent, case_id="a")["id"], "claim"))
        done(decide(api.pilot, ask(api.agent)["id"]))
    changed = {"autoCloseDays": 1, "interventionRetentionDays": 1, "caseRetentionDays": 1}
    done(api.admin.patch("/settings", changed))
    for method, path in requests():
        response = send(api, method, path)
        token = (response.json or {}).get("nextPageToken")
        if token:
            send(api, method, f"{path}{'&' if '?' in path else '?'}pageToken={token}")
    return recorder.queries


def send(api: Api, method: str, path: str) -> TestResponse:
    """Sends a request, a list's for pages of one row."""
    if method == "GET" and (":" not in path or path.startswith("/interventions:pending")):
        path += f"{'&' if '?' in path else '?'}pageSize=1"
    caller = api.verifier if method == "POST" else api.admin
    if path.startswith("/scheduled"):
        caller = api.caller("scheduler")
    response = caller.request(method, path)
    assert response.status_code in (200, 204, 404), (path, response.text)
    return response


def test_every_query_is_served_by_an_index_of_the_file(queries: set[Query]) -> None:
    for query in queries:
        project_indexes().plan(query)


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

    needed = {required(query) for query in queries}
    assert {index for index in needed if len(index.fields) > 1 or index.group} == reported


def index_of(usage: dict[str, Any]) -> Index:
    """The index in a report of the emulator, without the name that ends every index."""
    index = usage["index"]
    collection = index["name"].split("/")[-3]
    *fields, name = index["fields"]
    assert name["fieldPath"] == "__name__"
    modes = tuple((f["fieldPath"], f.get("order") or f["arrayConfig"]) for f in fields)
    return Index(collection, modes, group=index["queryScope"] == "COLLECTION_GROUP")
