"""What each operation costs according to `Server-Timing`, beside the least that it can cost."""

from __future__ import annotations

import re
from typing import NamedTuple

from benchmarks.commits import assignment, case_id, new_case
from benchmarks.server import Answer, Connection, Request, request
from benchmarks.table import Row

_PAGE = 50
_MANY = 20
_CASE = f"/cases/{case_id(0)}"
_COST = re.compile(r"reads=(\d+) writes=(\d+) trips=(\d+)")


class Cost(NamedTuple):
    """Documents read and written, round trips one after the other."""

    reads: int
    writes: int
    trips: int

    def __str__(self) -> str:
        return f"{self.reads}r {self.writes}w {self.trips}t"


class _Case(NamedTuple):
    """One operation, and the least cost of it."""

    what: str
    request: Request
    least: Cost
    because: str


def measured(connections: dict[str, Connection]) -> list[Row]:
    """The costs on each store; no store may hold documents of the tenant yet."""
    for connection in connections.values():
        _prepare(connection)
    return [
        _row(operation, store, connection)
        for operation in _operations()
        for store, connection in connections.items()
    ]


def _prepare(connection: Connection) -> None:
    # Enough cases for a page; the first create also reads the tenant's settings, kept five minutes,
    # and notes its caller in the directory, once a day.
    for number in range(_PAGE + 1):
        connection.send(request("POST", "/cases", new_case(number)))


def _operations() -> list[_Case]:
    several = [case_id(number) for number in range(1, _MANY + 1)]
    others = [case_id(number) for number in range(_PAGE - _MANY, _PAGE)]
    note = {"eventType": "note_added", "message": "A note"}
    closing = {"caseIds": several, "reason": "Done"}
    change = Cost(1, 2, 2)
    evidence = f"/cases/{case_id(31)}/evidence"
    items = {"evidence": [{"title": f"Item {number}"} for number in range(_MANY)]}
    sheet = f"/cases/{case_id(31)}/worksheet"
    return [
        _Case("get", request("GET", _CASE), Cost(1, 0, 1), "the case"),
        _Case(
            "create", request("POST", "/cases", new_case(_PAGE + 1)), Cost(0, 2, 1), "case, event"
        ),
        _Case(
            "assign by name",
            request("PATCH", _CASE, assignment(1)),
            Cost(2, 2, 3),
            "the directory; read; case, event",
        ),
        _Case("claim", request("POST", f"/cases/{case_id(30)}:claim"), change, "read; case, event"),
        _Case(
            "status change",
            request("PATCH", _CASE, {"status": "in_review"}),
            change,
            "read; case, event",
        ),
        _Case("add event", request("POST", f"{_CASE}/audit", note), change, "read; case, event"),
        _Case(
            "page of 50", request("GET", f"/cases?pageSize={_PAGE}"), Cost(_PAGE, 0, 1), "its rows"
        ),
        _Case(
            "stats",
            request("GET", "/cases:stats"),
            Cost(1 + 56 + 3, 0, 3),
            "totals; 56 events that are not sealed; three counts side by side",
        ),
        _Case(
            "verify, 4 events",
            request("GET", f"/audit:verify?subject=cases/{case_id(0)}"),
            Cost(13, 0, 9),
            "head; 4 events; a query of each kind that belongs to the case; the log",
        ),
        _Case(
            "check of 20",
            request("POST", "/cases:check", {"caseIds": several}),
            Cost(_MANY, 0, 1),
            "each case",
        ),
        _Case(
            "close of 20",
            request("POST", "/cases:close", closing),
            Cost(_MANY, 2 * _MANY, 2),
            "read; 20 cases, 20 events",
        ),
        _Case(
            "change of 20",
            request("POST", "/cases:update", {"caseIds": others, "severity": "high"}),
            Cost(_MANY, 2 * _MANY, 2),
            "read; 20 cases, 20 events",
        ),
        _Case(
            "put 20 items of evidence",
            request("PUT", evidence, items),
            Cost(1, _MANY + 2, 2),
            "read; 20 items, case, event",
        ),
        _Case(
            "list 20 items of evidence",
            request("GET", evidence),
            Cost(1 + _MANY, 0, 2),
            "case; 20 items",
        ),
        _Case(
            "save a worksheet",
            request("PUT", sheet, {"fsrNotes": "A note"}),
            Cost(2, 3, 2),
            "case, worksheet; worksheet, event, the case's version as a condition",
        ),
        _Case(
            "save the same again",
            request("PUT", sheet, {"fsrNotes": "A note"}),
            Cost(2, 0, 1),
            "case, worksheet",
        ),
        *_agents_operations(),
    ]


def _agents_operations() -> list[_Case]:
    case = f"/cases/{case_id(32)}"
    question = {"uowId": "uow-1", "type": "resume", "title": "Go on?"}
    record = {"kind": "finding", "title": "A finding", "data": {"found": True}}
    written = Cost(1, 3, 2)
    return [
        _Case(
            "create intervention",
            request("POST", "/interventions", question),
            Cost(0, 2, 1),
            "intervention, event",
        ),
        _Case(
            "create intervention about a case",
            request("POST", "/interventions", {**question, "caseId": case_id(32)}),
            written,
            "case; intervention, event, the case's count",
        ),
        _Case(
            "metrics",
            request("GET", "/interventions:metrics"),
            Cost(1 + 100 + 1, 0, 3),
            "totals; 100 events that are not sealed; none has run out",
        ),
        _Case(
            "start run",
            request("POST", f"{case}/runs", {"agentId": "bench"}),
            written,
            "read; case, run, event",
        ),
        _Case(
            "add record",
            request("POST", f"{case}/records", record),
            written,
            "read; case, record, event",
        ),
    ]


def _row(operation: _Case, store: str, connection: Connection) -> Row:
    cost = _cost(connection.send(operation.request))
    return Row(
        f"{operation.what}, {store}",
        str(cost),
        str(operation.least),
        f"least: {operation.because}",
        goal="==",
        met=cost == operation.least,
        exact=True,
    )


def _cost(answer: Answer) -> Cost:
    found = _COST.search(answer.headers["Server-Timing"])
    if found is None:
        raise RuntimeError("an answer does not say what it cost")
    return Cost(*map(int, found.groups()))
