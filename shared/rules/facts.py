"""What figures need to know of a case or an intervention when an event changes it. Pure.

An event says what it changed. It also carries the rest in its `meta`: `opened` for a case, `asked`
for an intervention (`of_case`, `of_intervention`). Events of earlier releases do not, and their
facts follow from the events before them on the same chain (`followed`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from shared.models.case import Status, StoredCase
from shared.models.events import EventType
from shared.models.intervention import InterventionStatus, StoredIntervention
from shared.rules.canonical import parsed
from shared.rules.cases import DONE

OPENED, ASKED = "opened", "asked"
DECIDED = {"approve": "approved", "edit": "edited", "reject": "rejected", "respond": "answered"}
"""What figures call each decision."""
COMPLETED = "completed"
"""What they call the end of an intervention that needed no decision."""
_CREATED = (EventType.CASE_CREATED, EventType.INTERVENTION_REQUESTED)
_TELLING = frozenset({"status", "priority", "type", "decisionType", "lapsedAt"})
"""The fields of which a change moves something from one figure to another; so does the assignee of
a case, where it had none before or has none afterwards."""
_ASSIGNEE = "assignedTo"


class Happening(NamedTuple):
    """An event, as far as figures go: the `old` and `new` values are those of its changes.

    `actor` is the subject of who did it, and `human` whether that is a person.
    """

    subject: str
    at: datetime
    event_type: str
    actor: str
    old: dict[str, Any]
    new: dict[str, Any]
    meta: dict[str, Any]
    human: bool = False


class Facts(NamedTuple):
    """A case or an intervention after an event. `type` is of a case its type of decision.

    Of a case: `closed_at` is when it was closed last, and `in_time` whether it was done by then
    when it was due, at `due_at`; `done_at` is since when it has been done; `assigned` is whether it
    has an assignee. Of an intervention: `by` is the subject of who asked, `outcome` how it was
    resolved, after `milliseconds`, and `decider` the subject of who decided. `tool` is that of its
    action; the event that asks does not tell it.
    """

    at: datetime
    type: str
    status: str
    due_at: datetime | None = None
    done_at: datetime | None = None
    closed_at: datetime | None = None
    in_time: bool = True
    assigned: bool = False
    by: str = ""
    priority: str = ""
    expires_at: datetime | None = None
    outcome: str | None = None
    milliseconds: int | None = None
    decider: str | None = None
    tool: str | None = None


def of_case(before: StoredCase, after: StoredCase) -> dict[str, Any]:
    """What the meta of an event has besides, where a change of a case moves it to other figures."""
    if _place_of(before) == _place_of(after):
        return {}
    return _opened(after, after if after.status is Status.CLOSED else before)


def _place_of(case: StoredCase) -> tuple[Status, str, bool]:
    return case.status, case.decision_type, case.assigned_to is not None


def of_imported(case: StoredCase) -> dict[str, Any]:
    """The same for a case that comes from another system: when it was opened and closed there."""
    return _opened(case, case)


def _opened(case: StoredCase, closing: StoredCase) -> dict[str, Any]:
    """The facts of a case, and when it was closed last in the state `closing`."""
    told: dict[str, Any] = {
        "at": case.created_at,
        "decisionType": case.decision_type,
        "status": case.status,
    }
    if case.assigned_to is not None:
        told["assigned"] = True
    if closing.status is Status.CLOSED and closing.closed_at:
        due, done = closing.due_at, closing.clock_stopped_at
        told["closedAt"] = closing.closed_at
        told["inTime"] = due is None or done is None or due >= done
    return {OPENED: told}


def of_intervention(before: StoredIntervention, after: StoredIntervention) -> dict[str, Any]:
    """The same for a change of an intervention."""
    unmoved = (before.status, before.priority) == (after.status, after.priority)
    if unmoved and before.lapsed_at == after.lapsed_at:
        return {}
    told: dict[str, Any] = {
        "at": after.created_at,
        "by": after.created_by_subject,
        "type": after.type,
        "priority": after.priority,
        "status": after.status,
    }
    if after.status is InterventionStatus.EXPIRED:
        told["expiresAt"] = after.expires_at
    if after.action is not None:
        told["tool"] = parsed(after.action)["tool"]
    return {ASKED: told}


def of_state(state: StoredIntervention) -> Facts:
    """The facts of an intervention as it is stored."""
    seconds = state.resolution_seconds
    return Facts(
        at=state.created_at,
        type=state.type,
        status=state.status,
        by=state.created_by_subject,
        priority=state.priority,
        outcome=DECIDED.get(state.decision or ""),
        milliseconds=None if seconds is None else round(seconds * 1000),
        decider=state.decided_by_subject,
    )


def is_telling(one: Happening) -> bool:
    """Whether an event moves a case or an intervention from one figure to another."""
    of_case = one.subject.startswith("cases/")
    had, has = (values.get(_ASSIGNEE) is not None for values in (one.old, one.new))
    moves = bool(_TELLING & one.new.keys()) or (of_case and had != has)
    return moves and (of_case or one.subject.startswith("interventions/"))


def told_by(one: Happening) -> Facts | None:
    """The facts that a telling event has itself; None where they follow from those before it.

    Raises KeyError, TypeError or ValueError for an event that no release has recorded so.
    """
    if one.event_type in _CREATED or one.event_type == EventType.CASE_DELETED:
        return followed(None, one)
    if told := one.meta.get(OPENED):
        return _of_opened(told)
    if told := one.meta.get(ASKED):
        facts = Facts(
            at=_required(_time(told["at"])),
            type=told["type"],
            status=told["status"],
            by=told["by"],
            priority=told["priority"],
            expires_at=_time(told.get("expiresAt")),
            tool=told.get("tool"),
        )
        return _resolved(facts, one)
    return None


def followed(facts: Facts | None, one: Happening) -> Facts | None:
    """The facts after an event, by those before it; None where nothing is known before it."""
    new = one.new
    if one.event_type == EventType.CASE_CREATED:
        opened = _of_opened(one.meta.get(OPENED, {"at": one.at.isoformat(), **new}))
        return opened._replace(
            due_at=_time(new.get("dueAt")),
            done_at=opened.closed_at,
            assigned=new.get(_ASSIGNEE) is not None,
        )
    if one.event_type == EventType.INTERVENTION_REQUESTED:
        return Facts(
            at=one.at,
            type=new["type"],
            status=new["status"],
            by=one.actor,
            priority=new["priority"],
            expires_at=_time(new.get("expiresAt")),
        )
    if one.event_type == EventType.CASE_DELETED:
        return Facts(one.at, one.old["decisionType"], one.old["status"])
    if facts is None:
        return None
    if one.subject.startswith("interventions/"):
        moved = {"status": new.get("status", facts.status)}
        moved["priority"] = new.get("priority", facts.priority)
        return _resolved(facts._replace(**moved), one)
    return _moved(facts, one)


def _of_opened(told: dict[str, Any]) -> Facts:
    return Facts(
        at=_required(_time(told["at"])),
        type=told["decisionType"],
        status=told["status"],
        closed_at=_time(told.get("closedAt")),
        in_time=told.get("inTime", True),
        assigned=told.get("assigned", False),
    )


def before(facts: Facts, one: Happening) -> Facts:
    """The facts before a telling event, by those after it."""
    old, type_ = one.old, "type" if one.subject.startswith("interventions/") else "decisionType"
    was = facts._replace(
        type=old.get(type_, facts.type),
        status=old.get("status", facts.status),
        priority=old.get("priority", facts.priority),
        assigned=old[_ASSIGNEE] is not None if _ASSIGNEE in old else facts.assigned,
    )
    return was._replace(outcome=None, milliseconds=None, decider=None) if _resolves(one) else was


def _moved(facts: Facts, one: Happening) -> Facts:
    """A case after one of its events."""
    new = one.new
    due_at = _time(new["dueAt"]) if "dueAt" in new else facts.due_at
    status = new.get("status", facts.status)
    after = facts._replace(
        type=new.get("decisionType", facts.type),
        status=status,
        due_at=due_at,
        assigned=new[_ASSIGNEE] is not None if _ASSIGNEE in new else facts.assigned,
    )
    if status not in DONE:
        return after._replace(done_at=None)
    # The clock of a case stops when it is done, so that an approved one waits in time.
    done_at = (facts.status in DONE and facts.done_at) or one.at
    after = after._replace(done_at=done_at)
    if status != Status.CLOSED or facts.status == Status.CLOSED:
        return after
    return after._replace(closed_at=one.at, in_time=due_at is None or due_at >= done_at)


def _resolves(one: Happening) -> bool:
    """Whether an event decides an intervention, or completes it without a decision."""
    if one.new.get("decision") is not None:
        return True
    return (one.old.get("status"), one.new.get("status")) == (
        InterventionStatus.IN_PROGRESS,
        InterventionStatus.COMPLETED,
    )


def _resolved(facts: Facts, one: Happening) -> Facts:
    if not _resolves(one):
        return facts
    decision = one.new.get("decision")
    seconds = max(0.0, (one.at - facts.at).total_seconds())
    return facts._replace(
        outcome=DECIDED.get(decision, decision) if decision else COMPLETED,
        # As the intervention itself keeps it: rounded to a millisecond.
        milliseconds=round(round(seconds, 3) * 1000),
        decider=one.actor if decision else None,
    )


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _required(time: datetime | None) -> datetime:
    if time is None:
        raise ValueError("at: must be a time")
    return time
