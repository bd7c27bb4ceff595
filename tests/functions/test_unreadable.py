"""A document that cannot be read takes nothing else down; it is named, with what is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from shared.documents.port import Data, Query, Set
from shared.ledger import directory
from tests.client import Api
from tests.conftest import Clock
from tests.functions.support import ON_EMBEDDED, pages, refused
from tests.functions.sweep_support import PURGE, decided, run, seed
from tests.rows import each_row

COURT = {"reason": "Over"}


def spoilt(api: Api, path: str, *gone: str, **fields: Any) -> None:
    """Takes fields out of a document of the tenant, or replaces them, behind the API's back."""
    store, whole = api.runtime.store, f"tenants/{api.tenant}/{path}"
    document = store.get(whole)
    assert document
    data = {name: value for name, value in document.data.items() if name not in gone}
    store.commit([Set(whole, {**data, **fields})])


def lines(capsys: pytest.CaptureFixture[str]) -> Iterator[Data]:
    for line in capsys.readouterr().out.splitlines():
        if (found := json.loads(line))["message"] == "a stored document cannot be read":
            yield found


def two_of_everything(api: Api) -> dict[str, str]:
    """Makes two of everything; gives by each list the path of the one that is to be spoilt."""
    for case_id in ("CASE-1", "CASE-2"):
        api.verifier.create(id=case_id)
        api.viewer.put(f"/cases/{case_id}/worksheet", {"fsrNotes": "A note"})
    items = [{"id": name, "title": "An item"} for name in ("ev-1", "ev-2")]
    api.verifier.attach("CASE-2", *items)
    ids = []
    for number in (1, 2):
        run_ = {"id": f"run-{number}", "agentId": "robot"}
        assert api.agent.post("/cases/CASE-2/runs", run_).status_code == 201
        record = {"kind": f"kind-{number}", "title": "A", "data": {}}
        ids.append(api.agent.post("/cases/CASE-2/records", record).json["id"])
        question = {"uowId": "uow", "type": "resume", "title": "Go on?"}
        ids.append(api.agent.post("/interventions", question).json["id"])
    return {
        "cases?search=case": "cases/CASE-1",
        "cases": "cases/CASE-1",
        "worksheets": "worksheets/CASE-1:viewer",
        "cases/CASE-2/evidence": "cases/CASE-2/evidence/ev-1",
        "runs": "runs/run-1",
        "cases/CASE-2/records": f"cases/CASE-2/records/{ids[0]}",
        "interventions": f"interventions/{ids[1]}",
        "interventions:pending?status=pending": f"interventions/{ids[1]}",
        "people": directory.path("", "viewer").removeprefix("tenants//"),
    }


FIELDS = {
    "cases": "title",
    "worksheets": "fsrNotes",
    "evidence": "title",
    "runs": "agentId",
    "records": "data",
    "interventions": "context",
    "people": "role",
}


def test_each_list_names_a_row_that_cannot_be_read_and_has_the_others(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    made = two_of_everything(api)
    for path in sorted(set(made.values())):
        spoilt(api, path, FIELDS[path.split("/")[-2]])
    for name, path in made.items():
        list(lines(capsys))

        answer = api.viewer.get(f"/{name}")

        assert answer.status_code == 200, answer.text
        key = name.partition("?")[0].partition(":")[0].split("/")[-1]
        rows = answer.json[key]
        (bad,) = answer.json["unreadable"]
        assert bad["id"] == path.rpartition("/")[2]
        assert FIELDS[path.split("/")[-2]] in bad["problem"]
        assert len(rows) == 1, name
        assert [line["document"] for line in lines(capsys)] == [f"tenants/{api.tenant}/{path}"]
        joint = "&" if "?" in name else "?"
        paged = list(pages(api.viewer, f"/{name}{joint}pageSize=1", key))
        assert sum(map(len, paged)) == 1, name


@each_row(
    ("spoil", "field"),
    [
        ({"actorName": "x@example.com"}, "actorName"),
        ({"actor": None}, None),
        ({"meta": "{"}, None),
    ],
    apart=True,
)
def test_an_event_that_cannot_be_read_is_named_by_the_trails_and_by_verify(
    api: Api, spoil: dict[str, Any], field: str | None
) -> None:
    api.verifier.create(id="CASE-1")
    api.verifier.patch("/cases/CASE-1", {"title": "Another"})
    created = api.viewer.get("/cases/CASE-1/audit").json["events"][-1]
    spoilt(api, f"audit/{created['id']}", **spoil)

    for path in ("/cases/CASE-1/audit", "/cases/CASE-1/audit?related=true", "/audit"):
        answer = api.pilot.get(path)
        assert answer.status_code == 200, answer.text
        assert [bad["id"] for bad in answer.json["unreadable"]] == [created["id"]]
        assert len(answer.json["events"]) == 1
    verified = api.pilot.get("/audit:verify?subject=cases/CASE-1").json
    named = {"field": field} if field else {}
    assert verified["firstBroken"] == {"sequence": 1, "problem": "event cannot be read", **named}


def test_an_unreadable_case_is_a_row_of_checks_and_batches_and_the_others_are_done(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    for case_id in ("CASE-1", "CASE-2", "CASE-3"):
        api.verifier.create(id=case_id)
    spoilt(api, "cases/CASE-2", "title")
    ids = {"caseIds": ["CASE-1", "CASE-2", "CASE-3"]}
    list(lines(capsys))

    checked = api.viewer.post("/cases:check", ids).json["results"]
    sheets = [{"caseId": case_id, "fsrNotes": "A note"} for case_id in ids["caseIds"]]
    saved = api.viewer.post("/worksheets:batchSave", {"worksheets": sheets}).json["results"]
    done = api.pilot.post("/cases:close", {**ids, **COURT}).json["results"]

    assert [row["status"] for row in checked] == ["open"] * 3
    assert [row.get("unreadable", "") != "" for row in checked] == [False, True, False]
    assert [row["ok"] for row in saved] == [row["ok"] for row in done] == [True, False, True]
    assert done[1]["error"]["code"] == 500
    assert done[1]["error"]["message"] == "cases/CASE-2 cannot be read: title: Field required"
    assert len(list(lines(capsys))) >= 3
    error = refused(api.viewer.get("/cases/CASE-2"), 500, "INTERNAL")
    assert error["message"] == "cases/CASE-2 cannot be read: title: Field required"


def person(api: Api, subject: str) -> str:
    """Where the directory has somebody."""
    rows = api.runtime.store.query(Query(f"tenants/{api.tenant}/people"))
    (found,) = [row.id for row in rows if row.data["subject"] == subject]
    return f"people/{found}"


@each_row("field", ["name", "subject", "lastSeenAt"], apart=True)
def test_a_person_who_cannot_be_read_is_named_by_the_directory_and_stops_nothing(
    api: Api, field: str
) -> None:
    question = {"uowId": "uow", "type": "resume", "title": "Go on?"}
    for pilot in (api.pilot, api.caller("pilot", "other")):
        asked = api.agent.post("/interventions", question).json["id"]
        decided_ = pilot.post(f"/interventions/{asked}:decide", {"decision": "approve"})
        assert decided_.status_code == 200
    path = person(api, "pilot")
    spoilt(api, path, field)

    listed = api.viewer.get("/people")
    assert listed.status_code == 200, listed.text
    assert [one["subject"] for one in listed.json["people"]] == ["other"]
    assert [bad["id"] for bad in listed.json["unreadable"]] == [path.rpartition("/")[2]]
    for query in ("", "?since=2026-01-01T00:00:00Z"):
        figures = api.pilot.get(f"/interventions:metrics{query}")
        assert figures.status_code == 200, figures.text
        assert "other@example.com" in [one["pilot"] for one in figures.json["topPilots"]]
    assert api.verifier.create(assignedTo="pilot@example.com")["assignedTo"] == "pilot@example.com"


def test_the_next_case_is_claimed_behind_one_that_cannot_be_read(api: Api) -> None:
    for case_id in ("CASE-1", "CASE-2"):
        api.verifier.create(id=case_id, dueAt="2030-01-01T00:00:00Z")
    spoilt(api, "cases/CASE-1", "title")

    for query in ("", "?search=case"):
        assert api.verifier.post(f"/cases:claimNext{query}").json["id"] == "CASE-2"
        api.verifier.patch("/cases/CASE-2", {"assignedTo": None})


def test_a_full_case_names_its_evidence_that_cannot_be_read(api: Api) -> None:
    api.verifier.create(id="CASE-1", evidence=[{"id": f"ev-{n}", "title": "A"} for n in range(2)])
    spoilt(api, "cases/CASE-1/evidence/ev-0", "title")

    found = api.viewer.get("/cases/CASE-1?view=full").json

    assert [item["id"] for item in found["evidence"]] == ["ev-1"]
    assert [bad["id"] for bad in found["evidenceUnreadable"]] == ["ev-0"]


@pytest.mark.both_stores
@pytest.mark.parametrize("field", ["eventType", "sequence", "subject", "hash", "actor"])
def test_verify_calls_a_purge_broken_whose_event_lost_a_field(
    api: Api, clock: Clock, field: str
) -> None:
    root = f"tenants/{api.tenant}"
    api.verifier.create(id="CASE-1")
    api.pilot.post("/cases:close", {"caseIds": ["CASE-1"], **COURT})
    seed(api.runtime.store, {root: decided(clock.now, case_retention_days=5)})
    clock.advance(days=10)
    assert run(api, PURGE)["changed"] == 1
    (event,) = [
        row
        for row in api.runtime.store.query(Query(f"{root}/audit"))
        if row.data["eventType"] == "records_purged"
    ]
    spoilt(api, f"audit/{event.id}", field)

    for subject in ("cases/CASE-1", "tenant"):
        answer = api.pilot.get(f"/audit:verify?subject={subject}")
        assert answer.status_code == 200, answer.text
        assert answer.json["valid"] is False
        assert answer.json["firstBroken"]["problem"]


@ON_EMBEDDED
@each_row(
    "text",
    ["no JSON", "[]", "{}", b"", b"\x00", b"\x01", b"\x01packed", b"\xff" * 50],
    apart=True,
)
def test_what_is_no_json_in_the_file_is_a_document_that_cannot_be_read(
    api: Api, text: str | bytes
) -> None:
    api.verifier.create(id="CASE-1")
    api.verifier.create(id="CASE-2")
    event = api.viewer.get("/cases/CASE-1/audit").json["events"][0]
    database = api.runtime.store._database  # type: ignore[attr-defined] # noqa: SLF001 - as a hand would
    with database.writing() as connection:
        for name in ("CASE-1", event["id"]):
            connection.execute("UPDATE documents SET data = ? WHERE id = ?", (text, name))

    cases = api.viewer.get("/cases").json
    assert [case["id"] for case in cases["cases"]] == ["CASE-2"]
    assert [bad["id"] for bad in cases["unreadable"]] == ["CASE-1"]
    assert len(list(pages(api.viewer, "/cases?pageSize=1"))) <= 3
    assert [bad["id"] for bad in api.pilot.get("/audit").json["unreadable"]] == [event["id"]]
    verified = api.pilot.get("/audit:verify?subject=cases/CASE-1")
    assert (verified.status_code, verified.json["valid"]) == (200, False)
