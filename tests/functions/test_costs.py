"""What each operation costs in documents and round trips, however much there is."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from functions.api import FUNCTIONS, ROUTES
from shared.documents.port import Document
from shared.edge.bodies import MAX_BODY_BYTES
from shared.edge.routes import match
from shared.ledger.subjects import Kind
from tests.client import Api, TestResponse, whole
from tests.conftest import Clock
from tests.functions.intervention_support import asked, seed, waiting
from tests.functions.support import ABSENT, ON_EMBEDDED, acquainted, cost, filled
from tests.rows import each_row

Operation = Callable[[Api], TestResponse]
NEW = {"decisionType": "seeded", "title": "New"}
ITEMS = [{"id": f"ev-{number}", "title": "An item"} for number in range(5)]
EVIDENCE = "/cases/S-0006/evidence"
SHEET = "/cases/S-0006/worksheet"
QUESTION = "/interventions/S-0000"
RUNS = "/cases/S-0007/runs"
BATCH = [{"caseId": case_id, "fsrNotes": "A note"} for case_id in ("S-0006", "S-0007", ABSENT)]


def ask(api: Api) -> TestResponse:
    body = {"uowId": "uow-1", "type": "cancel", "title": "New"}
    return api.agent.post("/interventions", body, idempotency_key="ask")


def hold(api: Api, case_id: str) -> str:
    """The id of the first hold on a case."""
    found: str = api.viewer.get(f"/cases/{case_id}?view=full").json["holds"][0]["id"]
    return found


def decide(api: Api) -> TestResponse:
    return api.pilot.post(f"{QUESTION}:decide", {"decision": "approve"}, idempotency_key="decide")


def verify(api: Api) -> TestResponse:
    api.verifier.post("/cases", {**NEW, "id": "V-1"})
    for title in "ABC":
        api.verifier.patch("/cases/V-1", {"title": title})
    return api.pilot.get("/audit:verify?subject=cases/V-1")


# Reads, writes, round trips. The operations follow one another on the oldest documents.
TABLE: Mapping[str, tuple[Operation, tuple[int, int, int]]] = {
    "get": (lambda api: api.viewer.get("/cases/S-0000"), (1, 0, 1)),
    "get what is not there": (lambda api: api.viewer.get(f"/cases/{ABSENT}"), (1, 0, 1)),
    "create": (lambda api: api.verifier.post("/cases", NEW), (0, 2, 1)),
    "create what is there": (
        lambda api: api.verifier.post("/cases", {**NEW, "id": "S-0000"}),
        (1, 0, 2),
    ),
    "patch": (lambda api: api.verifier.patch("/cases/S-0000", {"title": "X"}), (1, 2, 2)),
    "patch without change": (
        lambda api: api.verifier.patch("/cases/S-0000", {"title": "X"}),
        (1, 0, 1),
    ),
    "patch against the rules": (
        lambda api: api.verifier.patch("/cases/S-0000", {"status": "approved"}),
        (1, 0, 1),
    ),
    "patch of a stale version": (
        lambda api: api.verifier.patch("/cases/S-0000", {"title": "Y"}, if_match='"stale"'),
        (1, 0, 1),
    ),
    "claim": (lambda api: api.verifier.post("/cases/S-0000:claim"), (1, 2, 2)),
    "claim again": (lambda api: api.verifier.post("/cases/S-0000:claim"), (1, 0, 1)),
    "claim of another's": (lambda api: api.admin.post("/cases/S-0000:claim"), (1, 0, 1)),
    "status": (
        lambda api: api.verifier.patch("/cases/S-0000", {"status": "in_review"}),
        (1, 2, 2),
    ),
    "claim next": (lambda api: api.verifier.post("/cases:claimNext"), (1, 2, 2)),
    "claim next by filters": (
        lambda api: api.verifier.post("/cases:claimNext?decisionType=seeded&search=seeded"),
        (1, 2, 2),
    ),
    "claim next of nothing": (
        lambda api: api.verifier.post("/cases:claimNext?decisionType=unheard-of"),
        (1, 0, 1),
    ),
    "event": (
        lambda api: api.agent.post(
            "/cases/S-0000/audit", {"eventType": "note_added", "message": "A note"}
        ),
        (1, 2, 2),
    ),
    "close three": (
        lambda api: api.pilot.post(
            "/cases:close", {"caseIds": ["S-0001", "S-0002", "S-0003"], "reason": "Over"}
        ),
        (3, 6, 2),
    ),
    "close three, one of which is closed": (
        lambda api: api.pilot.post(
            "/cases:close", {"caseIds": ["S-0003", "S-0004", "S-0005"], "reason": "Over"}
        ),
        (3, 4, 2),
    ),
    "change three, one of which is not there": (
        lambda api: api.verifier.post(
            "/cases:update",
            {"caseIds": ["S-0008", "S-0009", ABSENT], "severity": "high", "addTags": ["late"]},
        ),
        (3, 4, 2),
    ),
    "reopen": (
        lambda api: api.pilot.post("/cases/S-0001:reopen", {"reason": "Again"}),
        (1, 2, 2),
    ),
    "assign to another by name": (
        lambda api: api.verifier.patch("/cases/S-0001", {"assignedTo": "kim@example.com"}),
        (2, 2, 3),
    ),
    "assign to oneself": (
        lambda api: api.pilot.patch("/cases/S-0001", {"assignedTo": "pilot@example.com"}),
        (1, 2, 2),
    ),
    "delete": (lambda api: api.admin.delete("/cases/S-0002"), (2, 2, 3)),
    "page of three": (lambda api: api.viewer.get("/cases?pageSize=3"), (3, 0, 1)),
    "page by every filter": (
        lambda api: api.viewer.get(
            "/cases?pageSize=3&status=new&unassigned=true&decisionType=seeded&search=seeded"
        ),
        (3, 0, 1),
    ),
    "page of overdue cases": (
        lambda api: api.viewer.get("/cases?pageSize=3&overdue=true"),
        (3, 0, 1),
    ),
    "page of one's own cases": (
        lambda api: api.pilot.get("/cases?pageSize=2&assignedTo=me"),
        (1, 0, 1),
    ),
    "empty page": (lambda api: api.viewer.get("/cases?status=approved"), (1, 0, 1)),
    # The totals, the 18 events that are not sealed yet, and three counts of open work.
    "statistics": (lambda api: api.viewer.get("/cases:stats"), (1 + 18 + 3, 0, 3)),
    "validate": (lambda api: api.viewer.get("/cases:validate?caseId=S-0000"), (1, 0, 1)),
    "check four, one asked for twice": (
        lambda api: api.viewer.post(
            "/cases:check", {"caseIds": ["S-0000", "S-0001", ABSENT, "S-0000"]}
        ),
        (3, 0, 1),
    ),
    "trail of four": (lambda api: api.viewer.get("/cases/S-0000/audit?pageSize=4"), (4, 0, 1)),
    "all events, four of them": (lambda api: api.pilot.get("/audit?pageSize=4"), (4, 0, 1)),
    # The case and the end of the log, four events and that there is no more; then four queries for
    # what is below the case, one for its runs, and the number of its open interventions.
    "verify four": (verify, (13, 0, 9)),
    "put five items": (lambda api: api.verifier.put(EVIDENCE, {"evidence": ITEMS}), (1, 7, 2)),
    "put the same": (lambda api: api.verifier.put(EVIDENCE, {"evidence": ITEMS}), (1, 0, 1)),
    "put four of the five": (
        lambda api: api.verifier.put(EVIDENCE, {"evidence": ITEMS[:4]}),
        (1, 3, 2),
    ),
    "add an item": (
        lambda api: api.verifier.post(EVIDENCE, {"evidence": [{"title": "One more"}]}),
        (1, 3, 2),
    ),
    "choose and order the packet": (
        lambda api: api.verifier.put(EVIDENCE, {"packetEvidenceIds": ["ev-3", "ev-1"]}),
        (1, 2, 2),
    ),
    "change an item": (
        lambda api: api.verifier.patch(f"{EVIDENCE}/ev-3", {"title": "Another"}),
        (2, 3, 3),
    ),
    "remove an item": (lambda api: api.verifier.delete(f"{EVIDENCE}/ev-0"), (1, 3, 2)),
    "list four items": (lambda api: api.viewer.get(EVIDENCE), (5, 0, 2)),
    "full view": (lambda api: api.viewer.get("/cases/S-0006?view=full"), (5, 0, 2)),
    "draft of a packet of two": (lambda api: api.viewer.get("/cases/S-0006/packet"), (3, 0, 2)),
    "approve with a packet of two": (
        lambda api: (
            api.verifier.patch("/cases/S-0006", {"status": "in_review"}),
            api.verifier.patch("/cases/S-0006", {"status": "approved"}),
        )[-1],
        (3, 4, 3),
    ),
    "frozen packet": (lambda api: api.viewer.get("/cases/S-0006/packet"), (2, 0, 2)),
    "packet of a version": (
        lambda api: api.viewer.get("/cases/S-0006/packet?version=1"),
        (1, 0, 1),
    ),
    "create with five items": (
        lambda api: api.verifier.post("/cases", {**NEW, "evidence": ITEMS}),
        (0, 7, 1),
    ),
    "save a first worksheet": (
        lambda api: api.viewer.put(SHEET, {"fsrNotes": "First"}),
        (2, 3, 2),
    ),
    "save it again": (lambda api: api.viewer.put(SHEET, {"fsrNotes": "First"}), (2, 0, 1)),
    "save it changed": (lambda api: api.viewer.put(SHEET, {"fsrNotes": "Second"}), (2, 3, 2)),
    "read it": (lambda api: api.viewer.get(SHEET), (1, 0, 1)),
    "read what another wrote": (
        lambda api: api.admin.get(f"{SHEET}?userId=viewer"),
        (2, 0, 1),
    ),
    "save three worksheets, one of no case": (
        lambda api: api.viewer.post("/worksheets:batchSave", {"worksheets": BATCH}),
        (5, 6, 3),
    ),
    "list two worksheets": (lambda api: api.viewer.get("/worksheets"), (4, 0, 2)),
    "share": (
        lambda api: api.admin.put("/cases/S-0006/collaborators/kim", {"permission": "read"}),
        (1, 2, 2),
    ),
    "share no more": (
        lambda api: api.admin.delete("/cases/S-0006/collaborators/kim"),
        (1, 2, 2),
    ),
    "hold": (
        lambda api: api.admin.post("/cases/S-0007/holds", {"reason": "A lawsuit"}),
        (1, 2, 2),
    ),
    "release a hold": (
        lambda api: api.admin.post(
            f"/cases/S-0007/holds/{hold(api, 'S-0007')}:release", {"reason": "It is over"}
        ),
        (1, 2, 2),
    ),
    "hold again": (
        lambda api: api.admin.post("/cases/S-0007/holds", {"reason": "A lawsuit"}),
        (1, 2, 2),
    ),
    "delete under a hold": (lambda api: api.admin.delete("/cases/S-0007"), (1, 0, 1)),
    "put two items under a hold": (
        lambda api: api.verifier.put("/cases/S-0007/evidence", {"evidence": ITEMS[:2]}),
        (1, 4, 2),
    ),
    "replace one and remove one, both of which are preserved": (
        lambda api: api.verifier.put(
            "/cases/S-0007/evidence", {"evidence": [{**ITEMS[0], "title": "Another"}]}
        ),
        (3, 6, 3),
    ),
    "change an item that is preserved": (
        lambda api: api.verifier.patch("/cases/S-0007/evidence/ev-0", {"title": "A third"}),
        (2, 4, 3),
    ),
    "remove an item that is preserved": (
        lambda api: api.verifier.delete("/cases/S-0007/evidence/ev-0"),
        (2, 4, 3),
    ),
    "change a title that is preserved": (
        lambda api: api.verifier.patch("/cases/S-0007", {"title": "X"}),
        (1, 3, 2),
    ),
    "save a worksheet that is preserved": (
        lambda api: api.viewer.put("/cases/S-0007/worksheet", {"fsrNotes": "Second"}),
        (2, 4, 2),
    ),
    "list six that were preserved": (
        lambda api: api.admin.get("/cases/S-0007/preserved"),
        (6, 0, 1),
    ),
    "delete with four items, a packet and a worksheet": (
        lambda api: api.admin.delete("/cases/S-0006"),
        (2, 8, 3),
    ),
    "ask": (ask, (0, 2, 1)),
    "ask again with its key": (ask, (3, 0, 4)),
    "get an intervention": (lambda api: api.viewer.get(QUESTION), (1, 0, 1)),
    "take an intervention": (lambda api: api.pilot.post(f"{QUESTION}:claim"), (1, 2, 2)),
    "take it again": (lambda api: api.pilot.post(f"{QUESTION}:claim"), (1, 0, 1)),
    "take another's": (lambda api: api.admin.post(f"{QUESTION}:claim"), (1, 0, 1)),
    "hand it over by name": (
        lambda api: api.pilot.post(f"{QUESTION}:assign", {"to": "kim@example.com"}),
        (2, 2, 3),
    ),
    "hand it back to oneself": (
        lambda api: api.pilot.post(f"{QUESTION}:assign", {"to": "pilot@example.com"}),
        (1, 2, 2),
    ),
    "put it back": (lambda api: api.pilot.post(f"{QUESTION}:release"), (1, 2, 2)),
    "decide": (decide, (1, 2, 2)),
    "decide again with its key": (decide, (3, 0, 3)),
    "decide what is decided": (
        lambda api: api.admin.post(f"{QUESTION}:decide", {"decision": "approve"}),
        (1, 0, 1),
    ),
    "list the people, one of whom was seen": (lambda api: api.viewer.get("/people"), (1, 0, 1)),
    "complete": (lambda api: api.agent.post(f"{QUESTION}:complete", {}), (1, 2, 2)),
    "decide what has run out": (
        lambda api: api.pilot.post("/interventions/LATE:decide", {"decision": "approve"}),
        (1, 2, 2),
    ),
    "three that wait": (
        lambda api: api.viewer.get("/interventions:pending?pageSize=3"),
        (3, 0, 1),
    ),
    "three that wait by filters": (
        lambda api: api.viewer.get(
            "/interventions:pending?pageSize=3&type=resume&uowId=uow-1&status=pending"
        ),
        (3, 0, 1),
    ),
    "three interventions": (lambda api: api.viewer.get("/interventions?pageSize=3"), (3, 0, 1)),
    "start a run": (
        lambda api: api.agent.post(RUNS, {"id": "run-1", "agentId": "a-1"}),
        (1, 3, 2),
    ),
    "get a run": (lambda api: api.viewer.get(f"{RUNS}/run-1"), (1, 0, 1)),
    "end a run": (lambda api: api.agent.patch(f"{RUNS}/run-1", {"status": "completed"}), (2, 3, 2)),
    "a page of one run": (lambda api: api.viewer.get("/runs?pageSize=1"), (1, 0, 1)),
    "the description of the API": (lambda api: api.stranger.get("/openapi.json"), (0, 0, 0)),
    "settings": (lambda api: api.viewer.get("/settings"), (1, 0, 1)),
    "change settings": (
        lambda api: api.admin.patch("/settings", {"autoCloseDays": 30}),
        (1, 2, 2),
    ),
}


class Noted:
    """Stands for the API and for every answer of it; notes the requests."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        return self

    def __getitem__(self, key: Any) -> Any:
        return self

    def __str__(self) -> str:
        return "x"

    def _request(self, method: str, path: str) -> Any:
        found, _ = match(method, whole(path.partition("?")[0]), ROUTES)
        self.names.add(found.name)
        return self

    def get(self, path: str, *_: Any, **__: Any) -> Any:
        return self._request("GET", path)

    def post(self, path: str, *_: Any, **__: Any) -> Any:
        return self._request("POST", path)

    def put(self, path: str, *_: Any, **__: Any) -> Any:
        return self._request("PUT", path)

    def patch(self, path: str, *_: Any, **__: Any) -> Any:
        return self._request("PATCH", path)

    def delete(self, path: str, *_: Any, **__: Any) -> Any:
        return self._request("DELETE", path)


def test_what_every_function_costs_is_tested() -> None:
    noted = Noted()
    for operation, _ in TABLE.values():
        operation(cast("Api", noted))
    texts = [path.read_text() for path in Path(__file__).parent.glob("test_*.py")]
    marks = [mark for text in texts for mark in re.findall(r"@pytest.mark.costs_of\((.*?)\)", text)]
    elsewhere = {name for mark in marks for name in re.findall(r'"(\w+)"', mark)}

    untested = sorted(FUNCTIONS.keys() - noted.names - elsewhere)
    assert untested == [], (
        f"say in TABLE what {untested} cost, "
        'or mark the test that says it with @pytest.mark.costs_of("…")'
    )


@pytest.mark.parametrize(
    ("config", "number"),
    [("embedded", 10), ("embedded", 100), ("embedded", 1_000), ("emulator", 10), ("emulator", 100)],
    indirect=["config"],
)
def test_an_operation_costs_the_least_however_much_there_is(
    api: Api, clock: Clock, number: int
) -> None:
    filled(api, clock, number)
    late = asked(clock.now, expires_in_seconds=1)
    seed(api, [("LATE", late), *waiting(number, clock.now)])
    clock.advance(hours=100)
    api.viewer.get("/settings")
    acquainted(api)

    costs = {name: cost(operation(api)) for name, (operation, _) in TABLE.items()}

    assert costs == {name: least for name, (_, least) in TABLE.items()}


@ON_EMBEDDED
def test_a_change_reads_the_state_out_of_its_document_once(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.verifier.create(id="CASE-1")
    read = []
    state_of = Kind.state

    def noted(kind: Kind[Any], document: Document) -> Any:
        read.append(document.path)
        return state_of(kind, document)

    monkeypatch.setattr(Kind, "state", noted)

    api.verifier.patch("/cases/CASE-1", {"title": "Another"})

    assert read == [f"tenants/{api.tenant}/cases/CASE-1"]


def test_the_first_case_of_an_instance_reads_the_settings_once(api: Api) -> None:
    acquainted(api)

    costs = [cost(api.verifier.post("/cases", NEW)) for _ in range(3)]

    assert costs == [(1, 2, 2), (0, 2, 1), (0, 2, 1)]


def test_a_batch_in_which_nothing_changes_commits_nothing(api: Api, clock: Clock) -> None:
    acquainted(api)
    body = {"caseIds": filled(api, clock, 2), "reason": "Over"}
    assert cost(api.pilot.post("/cases:close", body)) == (2, 4, 2)

    assert cost(api.pilot.post("/cases:close", body)) == (2, 0, 1)


REFUSALS: Mapping[int, Operation] = {
    400: lambda api: api.verifier.post("/cases", {"title": ""}),
    401: lambda api: api.stranger.get("/cases/S-0000"),
    403: lambda api: api.viewer.delete("/cases/S-0000"),
    404: lambda api: api.viewer.get("/case/S-0000"),
    405: lambda api: api.viewer.request("PUT", "/cases/S-0000"),
    413: lambda api: api.verifier.request("POST", "/cases", raw=b" " * (MAX_BODY_BYTES + 1)),
    415: lambda api: api.verifier.request("POST", "/cases", raw=b"{}", content_type="text/plain"),
}


@ON_EMBEDDED
@each_row("code", REFUSALS)
def test_what_is_refused_at_the_door_costs_nothing(api: Api, code: int) -> None:
    answer = REFUSALS[code](api)

    assert (answer.status_code, cost(answer)) == (code, (0, 0, 0))
