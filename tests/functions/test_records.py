"""Records over HTTP: what agents hand over on a case, never changed, superseded by kind."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any, cast

import pytest
import rfc8785

from shared.config import Config
from shared.documents.indexes import project_indexes
from shared.documents.port import DocumentStore, Update
from shared.models.base import MAX_LARGE_JSON_BYTES
from shared.models.case import RecordRef
from shared.repository.records import MAX_KINDS
from shared.runtime import Runtime, open_store
from tests.client import Api, Client, TestResponse
from tests.conftest import Clock
from tests.functions.support import (
    ON_EMBEDDED,
    cost,
    event_types,
    pages,
    refused,
    refused_field,
    trail,
    when,
)
from tests.functions.test_index_safety import Recorder

RECORDS = "/cases/CASE-1/records"
DATA: dict[str, Any] = {
    "cohort": [120, 0.5, 1e21, -0.0],
    "ä": {"€": "\U0001f600", "z": None, "a": [True, {}]},
    "text": 'two\nlines\t"quoted" \\ /',
}
NEW = {"kind": "feasibility", "title": "A report", "data": DATA}


def added(api: Api, case_id: str = "CASE-1", **fields: Any) -> dict[str, Any]:
    """A record added to a case."""
    response = api.agent.post(f"/cases/{case_id}/records", {**NEW, **fields})
    assert response.status_code == 201, response.text
    record: dict[str, Any] = response.json
    return record


def listed(api: Api, query: str = "") -> list[dict[str, Any]]:
    """All records of a list."""
    path = f"{RECORDS}?{query}"
    return [record for page in pages(api.viewer, path, "records") for record in page]


def with_a_run(api: Api) -> None:
    """Starts the run of the case that delivers."""
    started = api.agent.post("/cases/CASE-1/runs", {"id": "run-1", "agentId": "a"})
    assert started.status_code == 201


@pytest.fixture
def case(api: Api) -> dict[str, Any]:
    """A case, after which this instance knows the tenant's settings."""
    return api.verifier.create(id="CASE-1")


@pytest.mark.usefixtures("case")
def test_a_record_is_kept_as_it_was_handed_over(api: Api, clock: Clock) -> None:
    with_a_run(api)
    answer = api.agent.post(RECORDS, {**NEW, "runId": "run-1"})

    record = answer.json
    assert (answer.status_code, answer.headers["Location"]) == (201, f"/v1{RECORDS}")
    assert record == {
        "id": record["id"],
        **NEW,
        "caseId": "CASE-1",
        "version": 1,
        "supersedes": None,
        "runId": "run-1",
        "sequence": 3,
        "sha256": record["sha256"],
        "createdAt": record["createdAt"],
        "createdBy": "agent@example.com",
    }
    assert when(record["createdAt"]) == clock.now
    assert listed(api) == listed(api, "latest=true") == [record]


@pytest.mark.usefixtures("case")
def test_the_event_holds_the_hash_of_the_data_that_anybody_can_find_again(api: Api) -> None:
    with_a_run(api)
    record = added(api, runId="run-1")

    event = trail(api, "CASE-1")[-1]
    sha256 = hashlib.sha256(rfc8785.dumps(DATA)).hexdigest()
    assert (event["eventType"], event["severity"]) == ("record_added", "info")
    assert record["sha256"] == sha256
    assert event["meta"] == {
        "recordId": record["id"],
        "kind": "feasibility",
        "title": "A report",
        "version": 1,
        "supersedes": None,
        "runId": "run-1",
        "sha256": sha256,
    }
    assert event["sequence"] == record["sequence"]
    assert "cohort" not in json.dumps(event)


@ON_EMBEDDED
@pytest.mark.usefixtures("case")
def test_the_data_of_a_record_are_any_json(api: Api) -> None:
    values: list[Any] = [None, True, 0, -1, 0.25, "", "text", [], {}, [[[]]], [None]]
    for data in values:
        record = added(api, data=data)

        assert record["data"] == data
        assert record["sha256"] == hashlib.sha256(rfc8785.dumps(data)).hexdigest()
    assert [record["data"] for record in listed(api)] == values[::-1]


@pytest.mark.usefixtures("case")
def test_a_record_supersedes_the_one_of_its_kind_before_it_and_no_other(api: Api) -> None:
    first = added(api, data=1)
    other = added(api, kind="delivery.v2", data=2)
    second = added(api, data=3)
    third = added(api, data=4)

    assert [record["version"] for record in (first, second, third, other)] == [1, 2, 3, 1]
    ids = [first["id"], second["id"], None]
    assert [second["supersedes"], third["supersedes"], other["supersedes"]] == ids
    # What is superseded stays as it was.
    assert listed(api) == listed(api, "pageSize=1") == [third, second, other, first]
    assert listed(api, "kind=feasibility&pageSize=2") == [third, second, first]
    assert listed(api, "latest=true") == listed(api, "latest=true&pageSize=1") == [third, other]
    assert listed(api, "latest=true&kind=delivery.v2") == [other]
    assert listed(api, "kind=unheard-of") == listed(api, "latest=true&kind=unheard-of") == []


@ON_EMBEDDED
@pytest.mark.usefixtures("case")
def test_no_request_changes_or_removes_a_record(api: Api) -> None:
    record = added(api)

    for method in ("PUT", "PATCH", "DELETE"):
        refused(api.admin.request(method, RECORDS, NEW), 405, "METHOD_NOT_ALLOWED")
        path = f"{RECORDS}/{record['id']}"
        refused(api.admin.request(method, path, NEW), 404, "NOT_FOUND")
    assert listed(api) == [record]


@pytest.mark.usefixtures("case")
def test_a_record_that_was_added_twice_with_one_key_is_one_record(api: Api) -> None:
    first = api.agent.post(RECORDS, NEW, idempotency_key="k")
    added(api, data="newer")

    again = api.agent.post(RECORDS, NEW, idempotency_key="k")

    assert (again.status_code, again.json) == (201, first.json)
    assert again.headers["Idempotent-Replayed"] == "true"
    other = api.agent.post(RECORDS, {**NEW, "data": "other"}, idempotency_key="k")
    refused(other, 422, "UNPROCESSABLE_CONTENT")
    assert event_types(api, "CASE-1") == ["case_created", "record_added", "record_added"]
    assert len(listed(api)) == 2


@ON_EMBEDDED
@pytest.mark.usefixtures("case")
def test_a_closed_case_takes_no_record_but_repeats_the_one_it_took(api: Api) -> None:
    first = api.agent.post(RECORDS, NEW, idempotency_key="k")
    api.pilot.patch("/cases/CASE-1", {"status": "closed", "reason": "Withdrawn"})

    error = refused(api.agent.post(RECORDS, NEW), 409, "FAILED_PRECONDITION")

    assert error["details"][0]["status"] == "closed"
    again = api.agent.post(RECORDS, NEW, idempotency_key="k")
    assert (again.status_code, again.json) == (201, first.json)
    assert listed(api) == [first.json]
    api.pilot.post("/cases/CASE-1:reopen", {"reason": "New facts"})
    assert added(api)["version"] == 2


@ON_EMBEDDED
@pytest.mark.usefixtures("case")
def test_records_are_of_one_case_of_one_tenant(api: Api) -> None:
    api.verifier.create(id="CASE-2")
    added(api)
    stranger = api.caller("agent", tenant="other-tenant")

    assert added(api, "CASE-2")["version"] == 1
    for client, path in ((stranger, RECORDS), (api.agent, "/cases/CASE-404/records")):
        refused(client.post(path, NEW), 404, "NOT_FOUND")
        refused(client.get(path), 404, "NOT_FOUND")
        refused(client.get(f"{path}?latest=true"), 404, "NOT_FOUND")
    assert len(listed(api)) == 1


@pytest.mark.usefixtures("case")
def test_the_data_of_a_record_fill_a_quarter_of_a_mebibyte(api: Api) -> None:
    full = "x" * (MAX_LARGE_JSON_BYTES - 2)

    assert added(api, data=full)["data"] == full
    assert listed(api)[0]["data"] == full


@ON_EMBEDDED
def test_a_case_has_records_of_a_hundred_kinds_and_more_of_each(
    api: Api, case: dict[str, Any]
) -> None:
    ref = RecordRef(id="x", version=1, sequence=1).model_dump(by_alias=True)
    path = f"tenants/{api.tenant}/cases/{case['id']}"
    document = api.runtime.store.get(path)
    assert document
    many = {f"kind-{number}": ref for number in range(MAX_KINDS - 1)}
    api.runtime.store.commit([Update(path, {"records": many}, version=document.version)])

    added(api, kind="the-last")
    refused(api.agent.post(RECORDS, {**NEW, "kind": "one-more"}), 409, "FAILED_PRECONDITION")
    assert added(api, kind="the-last")["version"] == 2


@ON_EMBEDDED
@pytest.mark.usefixtures("case")
def test_a_page_of_the_latest_goes_on_behind_a_kind_that_was_superseded_meanwhile(
    api: Api,
) -> None:
    kinds = [f"kind-{number}" for number in range(4)]
    for kind in kinds:
        added(api, kind=kind)
    reading = pages(api.viewer, f"{RECORDS}?latest=true&pageSize=2", "records")
    first = next(reading)
    added(api, kind="kind-0")

    rest = [record for page in reading for record in page]

    # What is newer than the page before is for who begins again.
    assert [record["kind"] for record in first] == ["kind-3", "kind-2"]
    assert [record["kind"] for record in rest] == ["kind-1"]
    fresh = ["kind-0", "kind-3", "kind-2", "kind-1"]
    assert [record["kind"] for record in listed(api, "latest=true")] == fresh


@ON_EMBEDDED
@pytest.mark.usefixtures("case")
@pytest.mark.parametrize("query", ["", "latest=true&", "kind=a&"])
def test_a_token_of_records_is_of_one_list_of_one_case(api: Api, query: str) -> None:
    api.verifier.create(id="CASE-2")
    for kind in ("a", "a", "b"):
        added(api, kind=kind)
    token = api.viewer.get(f"{RECORDS}?{query}pageSize=1").json["nextPageToken"]

    assert api.viewer.get(f"{RECORDS}?{query}pageToken={token}").status_code == 200
    for other in {"", "latest=true&", "kind=a&", "latest=true&kind=a&"} - {query}:
        refused_field(api.viewer.get(f"{RECORDS}?{other}pageToken={token}"), "pageToken")
    elsewhere = f"/cases/CASE-2/records?{query}pageToken={token}"
    refused_field(api.viewer.get(elsewhere), "pageToken")


def test_every_list_of_records_is_served_by_an_index(config: Config, clock: Clock) -> None:
    recorder = Recorder(open_store(config))
    api = Api(Runtime(config, clock, store=cast("DocumentStore", recorder)))
    api.verifier.create(id="CASE-1")
    for kind in ("a", "a", "b"):
        added(api, kind=kind)

    for query in ("pageSize=1", "pageSize=1&kind=a", "latest=true", "latest=true&kind=a"):
        listed(api, query)

    filters = {tuple(f.field for f in query.filters) for query in recorder.queries}
    assert filters == {(), ("kind",)}
    for asked in recorder.queries:
        project_indexes().plan(asked)


@pytest.mark.costs_of("add_record", "list_records")
@pytest.mark.parametrize(
    ("config", "number"), [("embedded", 30), ("emulator", 5)], indirect=["config"]
)
@pytest.mark.usefixtures("case")
def test_records_cost_the_least_however_many_there_are(api: Api, number: int) -> None:
    for index in range(number):
        added(api, kind=f"kind-{index % 3}", data=index)

    costs = [
        cost(api.agent.post(RECORDS, NEW)),
        cost(api.viewer.get(f"{RECORDS}?pageSize=3")),
        cost(api.viewer.get(f"{RECORDS}?pageSize=1&kind=kind-1")),
        cost(api.viewer.get(f"{RECORDS}?latest=true")),
        cost(api.viewer.get(f"{RECORDS}?latest=true&pageSize=2")),
        cost(api.viewer.get(f"{RECORDS}?latest=true&kind=kind-0")),
        cost(api.viewer.get(f"{RECORDS}?latest=true&kind=none")),
        cost(api.viewer.get(f"{RECORDS}?kind=none")),
    ]

    assert costs == [
        (1, 3, 2),
        (3, 0, 1),
        (1, 0, 1),
        (5, 0, 2),
        (3, 0, 2),
        (2, 0, 2),
        (1, 0, 1),
        (2, 0, 2),
    ]


NOT_TEXT: list[Any] = [1, True, [], {}]
IDS = ["", ".", "..", "__x__", "_x", "-x", "a b", "a/b", "a:b", "é", "x" * 101, "a\n", *NOT_TEXT]
LINES = ["", " ", "\u3000", "a\nb", "a\tb", "a\x00b", "a\u202eb", "x" * 301, *NOT_TEXT]
BAD: dict[str, list[Any]] = {
    "kind": [None, *IDS],
    "title": [None, *LINES],
    "runId": IDS,
    "data": [
        "x" * (MAX_LARGE_JSON_BYTES - 1),
        json.loads("[" * 11 + "]" * 11),
        json.loads('{"a":' * 11 + "1" + "}" * 11),
        2**53,
        [-(10**400)],
        "a\x00b",
        {"a\u202e": 1},
    ],
}
FOREIGN = ["unknown", "id", "version", "supersedes", "sha256", "sequence", "createdBy", "run_id"]


@pytest.fixture
def caller(api: Api, case: dict[str, Any]) -> Iterator[Client]:
    """An agent of a tenant in which a case is; after the test the case is as it was."""
    yield api.agent
    assert api.viewer.get("/cases/CASE-1").json == case
    assert (listed(api), event_types(api, "CASE-1")) == ([], ["case_created"])


def sent(caller: Client, body: dict[str, Any] | bytes) -> TestResponse:
    """The answer to a body, which went out as JSON in ASCII."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return caller.request("POST", RECORDS, raw=raw, content_type="application/json")


@ON_EMBEDDED
@pytest.mark.parametrize("field", BAD)
def test_a_field_of_a_record_that_is_wrong_is_named(caller: Client, field: str) -> None:
    for value in BAD[field]:
        answer = sent(caller, {**NEW, field: value})

        error = refused(answer, 400, "INVALID_ARGUMENT")
        named = {detail["field"].partition(".")[0].partition("[")[0] for detail in error["details"]}
        assert named == {field}, value
        assert cost(answer) == (0, 0, 0)


@ON_EMBEDDED
def test_what_a_record_must_have_and_what_it_cannot_have_is_named(caller: Client) -> None:
    for name in NEW:
        refused_field(sent(caller, {k: v for k, v in NEW.items() if k != name}), name)
    for name in FOREIGN:
        refused_field(sent(caller, {**NEW, name: "x"}), name)


@ON_EMBEDDED
def test_data_with_a_number_that_is_none_are_refused(caller: Client) -> None:
    for number in ("NaN", "-Infinity", "1e999", '{"a":[NaN]}'):
        answer = sent(caller, f'{{"kind":"k","title":"t","data":{number}}}'.encode())

        refused(answer, 400, "INVALID_ARGUMENT")
        assert cost(answer) == (0, 0, 0)


@ON_EMBEDDED
def test_a_filter_of_records_that_is_wrong_is_named(caller: Client) -> None:
    for query, field in [
        ("kind=", "kind"),
        ("kind=a%2Fb", "kind"),
        ("kind=__x__", "kind"),
        ("latest=maybe", "latest"),
        ("latest=", "latest"),
        ("pageSize=0", "pageSize"),
        ("pageSize=201", "pageSize"),
        ("pageToken=x", "pageToken"),
        ("title=x", "title"),
    ]:
        refused_field(caller.get(f"{RECORDS}?{query}"), field)
        refused_field(caller.get(f"/cases/_x/records?{query}"), "caseId")
