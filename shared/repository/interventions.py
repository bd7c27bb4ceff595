"""Interventions in the store: listing, deciding, waiting for the decision."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime

from shared.documents.port import Document, DocumentStore, Filter, Order, Query
from shared.errors import FailedPrecondition
from shared.ledger.decision import Decision, Recorded, Unchanged
from shared.ledger.kinds.interventions import INTERVENTIONS
from shared.ledger.ledger import Ledger
from shared.ledger.subjects import required
from shared.models.events import EventType
from shared.models.intervention import (
    OPEN,
    Assignment,
    Completion,
    DecisionGiven,
    InterventionQuery,
    InterventionStatus,
    PendingQuery,
    StoredIntervention,
)
from shared.models.settings import Settings
from shared.repository import hanging, people
from shared.repository.listing import query_of
from shared.repository.paging import page
from shared.rules import actions as action_rules
from shared.rules import assigning, intervention_rows, starting
from shared.rules import interventions as intervention_rules
from shared.rules import people as people_rules
from shared.rules.callers import Caller

Move = Callable[[StoredIntervention, datetime], StoredIntervention]
Rows = tuple[list[Document], str | None]


def get(store: DocumentStore, tenant: str, intervention_id: str) -> StoredIntervention:
    """An intervention. Raises NotFound."""
    document = store.get(INTERVENTIONS.path(tenant, intervention_id))
    return required(INTERVENTIONS, document, intervention_id)


def listed(store: DocumentStore, caller: Caller, wanted: InterventionQuery, now: datetime) -> Rows:
    """A page of interventions, newest first; and the token of the next.

    What has run out is `expired`, swept or not: where there is such, a list of the expired ones
    reads the open ones too.
    """
    asked = set(wanted.status or ())
    stored = wanted
    if InterventionStatus.EXPIRED in asked and _some_ran_out(store, caller.tenant, now):
        stored = wanted.model_copy(update={"status": sorted(asked | set(OPEN))})
    query = query_of(f"tenants/{caller.tenant}", stored, now, people_rules.keys(caller.actor))
    return page(store, query, wanted, accept=_with_status(asked, now))


def pending(store: DocumentStore, caller: Caller, wanted: PendingQuery, now: datetime) -> Rows:
    """A page of open interventions, most urgent first, then oldest; and the token of the next."""
    query = query_of(f"tenants/{caller.tenant}", wanted, now, people_rules.keys(caller.actor))
    return page(store, query, wanted, accept=_with_status({wanted.status}, now))


def claim(
    ledger: Ledger, caller: Caller, intervention_id: str, settings: Settings
) -> Recorded[StoredIntervention]:
    """Assigns an intervention to the caller. Raises FailedPrecondition, naming the holder.

    Where the intervention's time is over, this function and each of the following ones records it
    as expired, and then raises FailedPrecondition.
    """

    def claimed(old: StoredIntervention, now: datetime) -> StoredIntervention:
        return intervention_rules.claimed(old, caller, now, settings.claim_minutes)

    message = f"Claimed by {caller.actor.name}"
    return _move(ledger, intervention_id, claimed, EventType.INTERVENTION_CLAIMED, message)


def assign(
    ledger: Ledger, caller: Caller, intervention_id: str, to: Assignment, settings: Settings
) -> Recorded[StoredIntervention]:
    """Hands an intervention over to somebody. To name them without their subject costs a read."""
    subject = to.to_subject or people.subject_of(ledger, to.to)

    def assigned(old: StoredIntervention, now: datetime) -> StoredIntervention:
        minutes = settings.claim_minutes
        return assigning.assigned(old, (to.to, subject), caller, now, minutes)

    message = f"Assigned to {to.to}"
    return _move(ledger, intervention_id, assigned, EventType.INTERVENTION_ASSIGNED, message)


def release(ledger: Ledger, caller: Caller, intervention_id: str) -> Recorded[StoredIntervention]:
    """Puts a claimed intervention back into the queue."""

    def released(old: StoredIntervention, now: datetime) -> StoredIntervention:
        return intervention_rules.released(old, caller, now)

    message = "Released"
    return _move(ledger, intervention_id, released, EventType.INTERVENTION_RELEASED, message)


def decide(
    ledger: Ledger, caller: Caller, intervention_id: str, given: DecisionGiven
) -> Recorded[StoredIntervention]:
    """Decides an intervention; where more people must approve it, it records the approval."""

    def decided(old: StoredIntervention, now: datetime) -> StoredIntervention:
        return intervention_rules.decided(old, given, caller, now)

    message = f"Decided: {given.decision}"
    event_type = EventType.INTERVENTION_DECIDED
    return _move(ledger, intervention_id, decided, event_type, message, reason=given.reason)


def start(
    ledger: Ledger, caller: Caller, intervention_id: str, action_hash: str
) -> Recorded[StoredIntervention]:
    """Records that an agent starts what was approved; where that has lapsed, records that first."""

    def started(old: StoredIntervention, now: datetime) -> StoredIntervention:
        return starting.started(old, action_hash, caller, now)

    message = f"Started by {caller.actor.name}"
    return _move(ledger, intervention_id, started, EventType.INTERVENTION_STARTED, message)


def complete(
    ledger: Ledger, caller: Caller, intervention_id: str, completion: Completion
) -> Recorded[StoredIntervention]:
    """Records that an intervention was acted on."""

    def completed(old: StoredIntervention, now: datetime) -> StoredIntervention:
        return intervention_rules.completed(old, completion.result, caller, now)

    message = "Completed"
    return _move(ledger, intervention_id, completed, EventType.INTERVENTION_COMPLETED, message)


def withdraw(
    ledger: Ledger, caller: Caller, intervention_id: str, reason: str | None
) -> Recorded[StoredIntervention]:
    """Takes an open intervention back. Raises PermissionDenied where the caller may not."""

    def withdrawn(old: StoredIntervention, now: datetime) -> StoredIntervention:
        return intervention_rules.withdrawn(old, reason, caller, now)

    message = "Withdrawn"
    event_type = EventType.INTERVENTION_WITHDRAWN
    return _move(ledger, intervention_id, withdrawn, event_type, message, reason=reason)


def wait(
    ledger: Ledger, intervention_id: str, seconds: float, given_up: Callable[[], bool]
) -> StoredIntervention:
    """Waits until an intervention is not open any more, for at most `seconds`; gives its state.

    It ends early once `given_up()`, which is asked several times a second. Raises NotFound.
    """
    last: Document | None = None

    def settled(document: Document | None) -> bool:
        nonlocal last
        last = document
        return document is None or not intervention_rows.waits(document.data, ledger.clock())

    def pointless() -> bool:
        # An intervention expires without a change of its document.
        return given_up() or (last is not None and settled(last))

    path = INTERVENTIONS.path(ledger.tenant, intervention_id)
    document = ledger.store.watch(path, settled, seconds, pointless)
    return required(INTERVENTIONS, document, intervention_id)


def _move(  # noqa: PLR0913 - each by its name
    ledger: Ledger,
    intervention_id: str,
    move: Move,
    event_type: EventType,
    message: str,
    *,
    reason: str | None = None,
) -> Recorded[StoredIntervention]:
    """Records what `move` makes of an intervention; raises where that is that it was too late."""

    def moved(old: StoredIntervention, now: datetime) -> Decision[StoredIntervention] | Unchanged:
        new = move(old, now)
        if new == old:
            return Unchanged()
        left = hanging.settled(ledger, ledger.tenant, old, new)
        if new.status is InterventionStatus.EXPIRED:
            return hanging.ending(new, left)
        if new.lapsed_at:
            why = "Lapsed before it was started"
            lapsed = EventType.INTERVENTION_LAPSED
            return Decision(new, lapsed, why, severity="warning", case_id=new.case_id)
        return Decision(
            new,
            *_told(new, event_type, message),
            reason=reason,
            case_id=new.case_id,
            meta=action_rules.edited(old, new),
            writes=left,
        )

    recorded = ledger.change(INTERVENTIONS, intervention_id, moved)
    if recorded.event and (too_late := _TOO_LATE.get(recorded.event.event_type)):
        raise too_late(recorded.current)
    return recorded


_TOO_LATE: dict[str, Callable[[StoredIntervention], FailedPrecondition]] = {
    EventType.INTERVENTION_EXPIRED: intervention_rules.late,
    EventType.INTERVENTION_LAPSED: starting.lapsed,
}
"""The error for a change that came too late, by the event that records this instead."""


def _told(new: StoredIntervention, event_type: EventType, message: str) -> tuple[EventType, str]:
    """What an event says of a change; a decision that needs more people is an approval so far."""
    if event_type is EventType.INTERVENTION_DECIDED and new.decision is None:
        number = f"{len(new.approvals)} of {new.approvals_required}"
        return EventType.INTERVENTION_APPROVED, f"Approved by {number}"
    return event_type, message


def ran_out(tenant: str, now: datetime, *statuses: InterventionStatus) -> Query:
    """The interventions that have run out in one of these statuses and wait for the sweep."""
    late = (Filter("status", "in", list(statuses)), Filter("expiresAt", "<=", now))
    return Query(f"tenants/{tenant}/interventions", late, (Order("expiresAt"),))


def _some_ran_out(store: DocumentStore, tenant: str, now: datetime) -> bool:
    return bool(store.query(replace(ran_out(tenant, now, *OPEN), limit=1, select=())))


def _with_status(asked: Collection[str], now: datetime) -> Callable[[Document], bool] | None:
    """Which rows a list by status shows: those that have one of the statuses now."""
    if {*OPEN, InterventionStatus.EXPIRED}.isdisjoint(asked):
        return None
    return lambda row: intervention_rows.status_at(row.data, now) in asked
