"""What the tests of interventions share: asking, deciding, and a store full of them."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from pydantic.alias_generators import to_camel

from shared.documents.port import Create
from shared.ledger import directory
from shared.models.intervention import (
    DecisionGiven,
    InterventionStatus,
    InterventionType,
    NewIntervention,
    Priority,
    StoredIntervention,
)
from shared.models.roles import Role
from shared.models.tallies import StoredTotals, Tally
from shared.repository.tallies import totals_path
from shared.rules import asking
from shared.rules import interventions as intervention_rules
from shared.rules.callers import Caller
from tests.client import Api, Client, TestResponse
from tests.functions.support import cost, pages

QUESTION = {"uowId": "uow-1", "type": "resume", "title": "May I go on?"}
RANKS = {priority: rank for rank, priority in enumerate(["critical", "high", "normal", "low"])}
PILOTS = ("kim", "kim", "pat", "lee")
_SEEDED_AT_ONCE = 200


def ask(client: Client, **fields: Any) -> dict[str, Any]:
    """Asks for a decision and gives the intervention; what the test does not care for has a value.

    Fields are named as in Python.
    """
    body = {**QUESTION, **{to_camel(name): value for name, value in fields.items()}}
    response = client.post("/interventions", body)
    assert response.status_code == 201, response.text
    intervention: dict[str, Any] = response.json
    return intervention


def act(client: Client, intervention_id: str, verb: str, body: Any = None, **headers: str) -> Any:
    """The answer to `:claim`, `:release`, `:decide` or `:complete`."""
    return client.post(f"/interventions/{intervention_id}:{verb}", body, **headers)


def decide(
    client: Client, intervention_id: str, decision: str = "approve", **fields: Any
) -> TestResponse:
    """The answer to a decision for a reason."""
    body = {"decision": decision, "reason": "Looked at it", **fields}
    response: TestResponse = act(client, intervention_id, "decide", body)
    return response


def done(response: TestResponse) -> dict[str, Any]:
    """The intervention in an answer that is no refusal."""
    assert response.status_code == 200, response.text
    intervention: dict[str, Any] = response.json
    return intervention


def shown(api: Api, intervention_id: str) -> dict[str, Any]:
    """An intervention as everybody sees it."""
    return done(api.viewer.get(f"/interventions/{intervention_id}"))


def conflict(response: TestResponse, *, writes: int = 0) -> dict[str, Any]:
    """How a 409 says that an intervention stands, after so many writes."""
    assert response.status_code == 409, response.text
    assert cost(response)[1] == writes
    error = response.json["error"]
    assert error["status"] == "FAILED_PRECONDITION"
    detail: dict[str, Any]
    (detail,) = error["details"]
    return detail


def chain(api: Api, intervention_id: str) -> list[dict[str, Any]]:
    """An intervention's own events, first to last, on a chain that holds."""
    subject = f"interventions/{intervention_id}"
    verified = api.pilot.get(f"/audit:verify?subject={subject}")
    assert verified.json["valid"] is True, verified.text
    found = pages(api.pilot, f"/audit?subject={subject}&pageSize=200", "events")
    events = sorted((event for page in found for event in page), key=lambda e: e["sequence"])
    assert verified.json["events"] == len(events)
    return events


def steps(api: Api, intervention_id: str) -> list[str]:
    """The types of an intervention's events, without what they have in common."""
    types = (event["eventType"] for event in chain(api, intervention_id))
    return [event_type.removeprefix("intervention_") for event_type in types]


def listed(client: Client, path: str) -> list[dict[str, Any]]:
    """All rows of a list of interventions."""
    return [row for page in pages(client, path, "interventions") for row in page]


def seed(api: Api, of: Iterable[tuple[str, StoredIntervention]]) -> None:
    """Puts interventions straight into the store, and makes known who decided them."""
    rows = list(of)
    writes = [
        Create(f"tenants/{api.tenant}/interventions/{name}", state.to_data())
        for name, state in rows
    ]
    tally, now = Tally(), api.runtime.clock()
    deciders = {state.decided_by_subject for _, state in rows}
    for subject in filter(None, deciders):
        entry = directory.fields(person(subject).actor, now)
        writes.append(Create(directory.path(api.tenant, subject), entry))
        tally.add(("deciders", subject, "approved"), 1)
    if tally.tree:
        totals = StoredTotals(numbers=tally.as_json()).to_data()
        writes.append(Create(totals_path(api.tenant), totals))
    for start in range(0, len(writes), _SEEDED_AT_ONCE):
        api.runtime.store.commit(writes[start : start + _SEEDED_AT_ONCE])


def person(name: str, role: Role = Role.PILOT) -> Caller:
    """A caller as the rules see one."""
    return Caller(name, f"{name}@example.com", "t", role)


def asked(now: datetime, by: str = "robot", **fields: Any) -> StoredIntervention:
    """A new intervention, without a store. Fields are named as in Python."""
    given = {"uow_id": "uow-1", "type": InterventionType.RESUME, "title": "May I go on?"}
    return asking.requested(NewIntervention(**{**given, **fields}), person(by, Role.AGENT), now)


def waiting(number: int, now: datetime) -> Iterator[tuple[str, StoredIntervention]]:
    """So many pending interventions of all priorities, four at a time asked at the same moment."""
    for index in range(number):
        priority = list(Priority)[index % 4]
        at = now - timedelta(days=1) + timedelta(seconds=index // 4)
        yield f"S-{index:04}", asked(at, priority=priority)


def some_interventions(
    number: int, now: datetime, *, days: int
) -> list[tuple[str, StoredIntervention]]:
    """Interventions of the last days, in every status and in no order, many at the same time.

    Some have run out without a sweep, and are still stored as pending or in progress.
    """
    dice = random.Random(7)  # noqa: S311 - the same interventions every time
    rows = []
    for index in range(number):
        at = now - timedelta(hours=dice.randrange(24 * days)) + timedelta(microseconds=index % 2)
        new = asked(
            at,
            type=dice.choice([*InterventionType, InterventionType.RESUME]),
            priority=dice.choice([None, *Priority]),
            uow_id=dice.choice(["uow-1", "uow-1", "uow-2"]),
            case_id=dice.choice([None, "CASE-1", "CASE-1", "CASE-2"]),
            expires_in_seconds=dice.choice([None, None, 60, 10**8]),
        )
        later = at + timedelta(seconds=dice.randrange(1, 3 * 86_400))
        state = _moved(new, dice.choice(list(InterventionStatus)), dice.choice(PILOTS), later)
        rows.append((f"I-{dice.randrange(10**6):06}-{index}", state))
    return rows


def _moved(
    new: StoredIntervention, to: InterventionStatus, pilot: str, at: datetime
) -> StoredIntervention:
    """The intervention brought to a status by its pilot; as it is where it had run out by then."""
    if to is InterventionStatus.WITHDRAWN:
        return intervention_rules.ended(new, "Not needed", at)
    return _decided_by(person(pilot), new, to, at)


def _decided_by(
    by: Caller, new: StoredIntervention, to: InterventionStatus, at: datetime
) -> StoredIntervention:
    verdict: dict[str, Any] = {"reason": "Looked at it", "response": {"text": "So it is"}}
    match to:
        case InterventionStatus.PENDING:
            return new
        case InterventionStatus.EXPIRED if new.expires_at:
            return intervention_rules.expired(new, new.expires_at)
        case InterventionStatus.IN_PROGRESS:
            # Just in time, so that it may run out in somebody's hands.
            return intervention_rules.claimed(new, by, new.created_at)
        case InterventionStatus.APPROVED | InterventionStatus.COMPLETED:
            given = DecisionGiven(decision="approve", **verdict)
        case _:
            given = DecisionGiven(decision="reject", **verdict)
    if intervention_rules.has_run_out(new, at):
        return new
    state = intervention_rules.decided(new, given, by, at)
    if to is InterventionStatus.COMPLETED:
        return intervention_rules.completed(state, None, person("robot", Role.AGENT), at)
    return state
