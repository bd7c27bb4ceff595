"""What is asked of each side: the messages of the operations that are compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.commits import case_id, new_case
from benchmarks.peers.sides import Side
from benchmarks.wire import message

CHANGED = 100
"""How many cases one request changes."""
_STRIDE = 7_919  # a prime, so that the requests are spread over all cases
_FIRST_NEW = 700_000
_SEVERITIES = ("low", "critical", "high", "normal")


@dataclass(frozen=True, slots=True)
class Operation:
    """One kind of request: the next message of it to a side."""

    name: str
    next: Callable[[Side], bytes]
    writes: bool = False
    counted: str = ""
    """A field of the answer, where that is made of what was counted once a minute."""


def get(side: Side) -> bytes:
    """Reads a case."""
    return message("pilot", "GET", f"/cases/{_some_case(side, 'get')}")


def list_50(_: Side) -> bytes:
    """The newest cases of a status."""
    return message("pilot", "GET", "/cases?status=new&pageSize=50")


def pending_50(_: Side) -> bytes:
    """What waits for a decision."""
    return message("pilot", "GET", "/interventions:pending?pageSize=50")


def create(side: Side) -> bytes:
    """Opens a case."""
    return message("pilot", "POST", "/cases", new_case(_FIRST_NEW + side.turn("create")))


def ask(_: Side, seconds: int = 3600) -> bytes:
    """Asks a question, which expires in so many seconds."""
    question = {"uowId": "uow-1", "type": "resume", "title": "Go on?", "context": {"step": 1}}
    return message("agent", "POST", "/interventions", {**question, "expiresInSeconds": seconds})


def patch(side: Side) -> bytes:
    """Changes a case that is as it was at first."""
    body = {"severity": "high"}
    return message("pilot", "PATCH", f"/cases/{_some_case(side, 'patch')}", body)


def decide(side: Side) -> bytes:
    """Decides the next of the interventions that the side keeps for it."""
    path = f"/interventions/{side.ids.popleft()}:decide"
    return message("pilot", "POST", path, {"decision": "approve"})


def metrics(_: Side) -> bytes:
    """Counts interventions."""
    return message("pilot", "GET", "/interventions:metrics")


def stats(_: Side) -> bytes:
    """Counts cases."""
    return message("pilot", "GET", "/cases:stats")


def change_100(side: Side) -> bytes:
    """Changes 100 cases alike, next time others."""
    first = side.turn("change 100") * CHANGED
    body = {
        "caseIds": [case_id((first + place) % side.cases) for place in range(CHANGED)],
        "severity": _SEVERITIES[first // side.cases % len(_SEVERITIES)],
    }
    return message("pilot", "POST", "/cases:update", body)


def expire(_: Side) -> bytes:
    """Expires what ran out."""
    return message("scheduler", "POST", "/scheduled/expireInterventions")


def _some_case(side: Side, operation: str) -> str:
    return case_id(side.turn(operation) * _STRIDE % side.cases)


OPERATIONS = {
    one.name: one
    for one in (
        Operation("get", get),
        Operation("list 50", list_50),
        Operation("pending 50", pending_50),
        Operation("create", create, writes=True),
        Operation("create intervention", ask, writes=True),
        Operation("patch", patch, writes=True),
        Operation("decide", decide, writes=True),
        Operation("metrics", metrics, counted="total"),
        Operation("stats", stats, counted="caseCount"),
    )
}
