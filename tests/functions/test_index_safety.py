"""Every query that the functions can send is served by an index, and every index by a need."""

from __future__ import annotations

import re
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, cast
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deployment.verification.queries import shapes
from functions.api import ROUTES
from local.emulator import index_usage
from local.indexes import MODELS, combinations, each_value, of_lists, of_pairs, queries_of
from shared.config import Config
from shared.documents.indexes import (
    EVERY_FIELD,
    Index,
    Indexes,
    counted,
    disjuncts,
    project_indexes,
    required,
)
from shared.documents.port import (
    Aggregation,
    Document,
    DocumentStore,
    Filter,
    MissingIndex,
    Order,
    Query,
    Totals,
)
from shared.edge.routes import match
from shared.ledger import events
from shared.models.base import Page
from shared.models.filters import Filters
from shared.models.sealed import StoredLog
from shared.repository import gone
from shared.repository.removal import PARTS
from shared.repository.sealed import Log
from shared.rules.callers import SCHEDULERS
from shared.runtime import Runtime, open_store
from tests.client import Api, TestResponse, whole
from tests.functions.intervention_support import act, ask, decide, done
from tests.functions.sealing_support import with_keys
from tests.functions.support import ON_EMBEDDED
from tests.rows import each_row

NOT_OF_LISTS = [
    ("GET", "/audit:verify?subject=cases/a"),
    ("DELETE", "/cases/b"),
]
"""What besides sends queries: requests that need more than a path with the id `a` in it."""

OF_CLIENTS = {
    Query(f"tenants/t/{collection}", (Filter("status", "==", "new"),))
    for collection in ("cases", "interventions")
}
"""What `firestore.rules` let clients list without the functions only where they name a status."""


def requests() -> Iterator[tuple[str, str]]:
    """Every function that takes no body, with every value and every pair of its parameters.

    Every combination of three filters is asked of the planner, which takes far less time.
    """
    for route in ROUTES:
        if route.takes_body or (route.method != "GET" and "{" in route.path):
            continue
        path = re.sub(r"\{\w+\}", "a", route.path.removeprefix("/v1"))
        names = [name for name in route.query.model_fields if name not in Page.model_fields]
        few = combinations(route.query, sorted({0, 1, 2, len(names)} & {*range(len(names) + 1)}))
        for given in (*few, *each_value(route.query)):
            yield route.method, f"{path}?{urlencode(given)}"
    yield from NOT_OF_LISTS


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
def queries(config: Config, tmp_path_factory: pytest.TempPathFactory) -> set[Query]:
    """What the store was asked by every request, also for the pages after the first."""
    recorder = Recorder(open_store(config))
    config = with_keys(config, tmp_path_factory.mktemp("key"), Ed25519PrivateKey.generate())
    api = Api(Runtime(config, store=cast("DocumentStore", recorder)))
    for case_id in ("a", "b"):
        api.verifier.create(id=case_id, title="Sarah Smith")
        save = {"worksheets": [{"caseId": case_id, "fsrNotes": "A note"}]}
        assert api.admin.post("/worksheets:batchSave", save).json["succeeded"] == 1
        done(act(api.pilot, ask(api.agent, case_id="a")["id"], "claim"))
        done(decide(api.pilot, ask(api.agent)["id"]))
        record = {"kind": "finding", "title": "Found", "data": {}}
        assert api.agent.post(f"/cases/{case_id}/records", record).status_code == 201
        assert api.agent.post(f"/cases/{case_id}/runs", {"agentId": "a-1"}).status_code == 201
    done(api.verifier.patch("/cases/a", {"assignedTo": "kim@example.com"}))
    changed = {"autoCloseDays": 1, "interventionRetentionDays": 1, "caseRetentionDays": 1}
    # Those whose claim has lapsed are looked for where claims lapse.
    changed |= {"claimMinutes": 1}
    done(api.admin.patch("/settings", changed))
    for method, path in requests():
        answer = send(api, method, path)
        # Some values exclude each other, some things are not there, and a query may lack its index.
        good = answer.status_code in (200, 204, 400, 404) or missing_for(recorder.queries)
        assert good, (path, answer.text)
        if token := (answer.json or {}).get("nextPageToken"):
            send(api, method, f"{path}&pageToken={token}")
    cursor = done(api.admin.get("/changes"))["cursor"]
    done(api.admin.get(f"/changes?after={cursor}"))
    # Where an event is in a log is asked only of one that has full bundles.
    event = events.from_document(api.runtime.store.query(Query(f"tenants/{api.tenant}/audit"))[0])
    assert Log(api.runtime.store, api.tenant, StoredLog(until="9")).find(event) is None
    assert gone.purged_by(api.runtime.store, api.tenant, "none") == []
    return recorder.queries


def send(api: Api, method: str, path: str) -> TestResponse:
    """Sends a request, a list's for pages of one row."""
    route, _ = match(method, whole(path.partition("?")[0]), ROUTES)
    if "page_size" in route.query.model_fields and "pageSize" not in path:
        path += "&pageSize=1"
    caller = api.verifier if method == "POST" else api.admin
    if route.roles == SCHEDULERS:
        caller = api.caller("scheduler")
    return caller.request(method, path)


@each_row("model", MODELS, ids=lambda model: model.__name__)
def test_every_combination_of_a_lists_filters_is_served_by_the_indexes(
    model: type[Filters],
) -> None:
    missing = missing_for(queries_of(model))

    assert not missing, (
        "filters have no index in firestore.indexes.json; `python -m local indexes` adds these:\n"
        + listed(missing)
    )


def test_every_query_that_is_sent_is_served_by_the_indexes(queries: set[Query]) -> None:
    missing = missing_for(queries | OF_CLIENTS)

    assert not missing, f"add these to firestore.indexes.json:\n{listed(missing)}"


@ON_EMBEDDED
def test_a_query_of_every_index_in_use_is_among_those_that_deploy_sh_verifies(
    queries: set[Query],
) -> None:
    indexes = project_indexes()
    asked = {leg.index for query in shapes() for leg in indexes.plan(query)}

    assert {leg.index for query in queries for leg in indexes.plan(query)} - asked == set()


@ON_EMBEDDED
def test_every_collection_is_exempted_but_for_the_fields_that_queries_need(
    queries: set[Query],
) -> None:
    asked = {query.collection.rpartition("/")[2] for query in queries} | set(PARTS)
    exempted = {name for name, field, _ in project_indexes().overrides if field == EVERY_FIELD}

    missing = sorted(asked - exempted)
    assert missing == [], (
        f"every field of {missing} is indexed, which costs more than it serves. "
        "`python -m local indexes` exempts the collections of lists; for another add "
        '{"collectionGroup": …, "fieldPath": "*", "indexes": []} to firestore.indexes.json'
    )


@ON_EMBEDDED
def test_without_any_one_index_of_the_file_some_query_is_refused(queries: set[Query]) -> None:
    pairs = of_pairs()
    known = [*queries, *of_lists().values(), *OF_CLIENTS]
    # Only who uses an index can miss it: asked first, they spare the others the question.
    users = defaultdict(list)
    for query in known:
        for leg in project_indexes().plan(query):
            users[leg.index.collection, fields_of(leg.index)].append(query)

    unused = [
        index
        for index, rest in each_left_out(project_indexes())
        if index not in pairs
        and not any(
            refused(query, rest) for query in (*users[index.collection, fields_of(index)], *known)
        )
    ]
    assert not unused, (
        "no query needs these: take them out of firestore.indexes.json, or add to NOT_OF_LISTS the "
        "request that sends it:\n" + listed(unused)
    )


def test_parameters_that_are_together_have_an_index_of_their_own_and_use_it() -> None:
    pairs = of_pairs()

    missing = pairs - set(project_indexes().composites)
    assert not missing, f"`python -m local indexes` adds these:\n{listed(missing)}"
    cases = [
        Query(
            "tenants/t/cases",
            (Filter("status", "==", "new"), Filter(field, "==", "kim")),
            (Order(sort, descending=sort == "createdAt"),),
        )
        for field in ("assignedTo", "assigneeKey")
        for sort in ("createdAt", "clockDueAt")
    ]
    assert {required(query) for query in cases} == pairs
    for query in cases:
        (leg,) = project_indexes().plan(query)
        assert leg.index == required(query)


def fields_of(index: Index) -> tuple[str, ...]:
    return tuple(field for field, _ in index.fields)


def each_left_out(indexes: Indexes) -> Iterator[tuple[Index, Indexes]]:
    """Every index of the file, a single field's too, with the others."""
    for index in indexes.composites:
        others = tuple(other for other in indexes.composites if other != index)
        yield index, replace(indexes, composites=others)
    for override in indexes.overrides:
        name, field, modes = override
        for mode, group in modes:
            kept = tuple(one for one in modes if one != (mode, group))
            left = tuple(o for o in indexes.overrides if o != override)
            rest = replace(indexes, overrides=(*left, (name, field, kept)))
            yield Index(name, ((field, mode),), group), rest


def missing_for(queries: Iterable[Query]) -> set[Index]:
    """The indexes to add to the file for these queries."""
    indexes = project_indexes()
    found = (indexes.lacking(query) for query in queries if refused(query, indexes))
    return {index for each in found for index in each}


def listed(indexes: Iterable[Index]) -> str:
    return "\n".join(sorted(map(str, indexes)))


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
    named = {one for one in needed if len(one.fields) > 1 or (one.group and one.fields)}
    assert named == reported


def index_of(usage: dict[str, Any]) -> Index:
    """The index in a report of the emulator, without the name that ends every index."""
    index = usage["index"]
    collection = index["name"].split("/")[-3]
    *fields, name = index["fields"]
    assert name["fieldPath"] == "__name__"
    modes = tuple((f["fieldPath"], f.get("order") or f["arrayConfig"]) for f in fields)
    return Index(collection, modes, group=index["queryScope"] == "COLLECTION_GROUP")
