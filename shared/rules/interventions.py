"""The rules for changes of an intervention. Pure: no store, no clock of its own.

Every rule takes an intervention and gives the one after the change, or raises: `PermissionDenied`
where the caller may never do this, `FailedPrecondition` where the intervention's state forbids it,
with details that say who holds or decided it and the outcome. Where its time is over, every rule
gives it as `expired`. A rule that changes nothing gives the same intervention back.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from shared.errors import FailedPrecondition, InvalidArgument, PermissionDenied
from shared.models.base import is_visible
from shared.models.intervention import (
    OPEN,
    DecisionGiven,
    Intervention,
    InterventionFields,
    InterventionStatus,
    InterventionType,
    NewIntervention,
    Priority,
    StoredIntervention,
)
from shared.models.roles import Role
from shared.rules.callers import PILOTS, Caller, at_least
from shared.rules.canonical import canonical_text, parsed
from shared.rules.cases import SOONEST

_Status = InterventionStatus
TRANSITIONS: dict[InterventionStatus, tuple[InterventionStatus, ...]] = {
    _Status.PENDING: (
        _Status.IN_PROGRESS,
        _Status.APPROVED,
        _Status.REJECTED,
        _Status.EXPIRED,
        _Status.WITHDRAWN,
    ),
    _Status.IN_PROGRESS: (
        _Status.PENDING,
        _Status.APPROVED,
        _Status.REJECTED,
        _Status.COMPLETED,
        _Status.EXPIRED,
        _Status.WITHDRAWN,
    ),
    _Status.APPROVED: (_Status.COMPLETED,),
    _Status.REJECTED: (),
    _Status.EXPIRED: (),
    _Status.COMPLETED: (),
    _Status.WITHDRAWN: (),
}
_RANKS = {priority: rank for rank, priority in enumerate(Priority)}
_OUTCOMES = {"approve": _Status.APPROVED, "reject": _Status.REJECTED}
_ANY_JSON = ("context", "response", "result")
_SHOWN = tuple(field.alias or name for name, field in InterventionFields.model_fields.items())


def requested(new: NewIntervention, caller: Caller, now: datetime) -> StoredIntervention:
    """A new intervention. Raises InvalidArgument where its `expiresAt` has passed."""
    urgent = new.type is InterventionType.KILL_SWITCH
    priority = new.priority or (Priority.CRITICAL if urgent else Priority.NORMAL)
    return StoredIntervention(
        uow_id=new.uow_id,
        type=new.type,
        status=_Status.PENDING,
        priority=priority,
        priority_rank=_RANKS[priority],
        title=new.title,
        description=new.description,
        context=canonical_text(new.context),
        case_id=new.case_id,
        run_id=new.run_id,
        required_role=new.required_role,
        created_at=now,
        created_by=caller.actor.name,
        created_by_subject=caller.subject,
        updated_at=now,
        expires_at=_expiry(new, now),
    )


def claimed(intervention: StoredIntervention, caller: Caller, now: datetime) -> StoredIntervention:
    """The intervention held by the caller; nobody else may hold it."""
    _require_decider(intervention, caller)
    if has_run_out(intervention, now):
        return expired(intervention, now)
    if intervention.status is _Status.IN_PROGRESS and _holds(intervention, caller):
        return intervention
    _require_move(intervention, _Status.IN_PROGRESS)
    return intervention.model_copy(
        update={"status": _Status.IN_PROGRESS, "assigned_to": caller.actor.name}
    )


def released(intervention: StoredIntervention, caller: Caller, now: datetime) -> StoredIntervention:
    """The intervention back in the queue; only its holder or an admin may do this."""
    caller.require(at_least(Role(intervention.required_role)))
    if has_run_out(intervention, now):
        return expired(intervention, now)
    _require_move(intervention, _Status.PENDING)
    if not _holds(intervention, caller) and caller.role is not Role.ADMIN:
        raise _refusal(intervention, f"it is held by {intervention.assigned_to}")
    return intervention.model_copy(update={"status": _Status.PENDING, "assigned_to": None})


def decided(
    intervention: StoredIntervention, given: DecisionGiven, caller: Caller, now: datetime
) -> StoredIntervention:
    """The intervention decided by the caller, who has not asked for it; nobody else may hold it."""
    _require_decider(intervention, caller)
    _require_words(intervention.type, given)
    if has_run_out(intervention, now):
        return expired(intervention, now)
    outcome = _OUTCOMES[given.decision]
    _require_move(intervention, outcome)
    if intervention.assigned_to and not _holds(intervention, caller):
        raise _refusal(intervention, f"it is held by {intervention.assigned_to}")
    return _resolved(
        intervention,
        outcome,
        now,
        assigned_to=caller.actor.name,
        decision=given.decision,
        decided_by=caller.actor.name,
        action_reason=given.reason,
        response=canonical_text(given.response),
    )


def completed(
    intervention: StoredIntervention, result: Any, caller: Caller, now: datetime
) -> StoredIntervention:
    """The intervention marked as acted on: by an agent once it is approved, or by its holder."""
    if has_run_out(intervention, now):
        return expired(intervention, now)
    _require_move(intervention, _Status.COMPLETED)
    by_agent = caller.role is Role.AGENT and intervention.status is _Status.APPROVED
    if not (by_agent or _holds(intervention, caller)):
        raise _refusal(intervention, "only an agent, once it is approved, or its holder may")
    if intervention.decision is None:
        return _resolved(intervention, _Status.COMPLETED, now, result=canonical_text(result))
    return intervention.model_copy(
        update={"status": _Status.COMPLETED, "result": canonical_text(result), **_archived(now)}
    )


def withdrawn(
    intervention: StoredIntervention, reason: str | None, caller: Caller, now: datetime
) -> StoredIntervention:
    """The intervention taken back by who asked, a pilot or an admin, also where it is claimed."""
    if caller.subject != intervention.created_by_subject:
        caller.require(PILOTS)
    if not has_run_out(intervention, now):
        _require_move(intervention, _Status.WITHDRAWN)
    return ended(intervention, reason, now)


def ended(
    intervention: StoredIntervention, reason: str | None, now: datetime
) -> StoredIntervention:
    """An open intervention as withdrawn; as expired where its time is over."""
    if has_run_out(intervention, now):
        return expired(intervention, now)
    return intervention.model_copy(
        update={
            "status": _Status.WITHDRAWN,
            "action_reason": reason,
            "action_at": now,
            **_archived(now),
        }
    )


def expired(intervention: StoredIntervention, now: datetime) -> StoredIntervention:
    """The intervention as expired at its `expiresAt`. This does not count as a rejection."""
    at = intervention.expires_at
    return intervention.model_copy(
        update={"status": _Status.EXPIRED, "action_at": at, **_archived(now)}
    )


def has_run_out(intervention: StoredIntervention, now: datetime) -> bool:
    """Whether it is too late to decide an open intervention; at `expiresAt` it is."""
    open_ = intervention.status in OPEN
    return open_ and intervention.expires_at is not None and intervention.expires_at <= now


def late(intervention: StoredIntervention) -> FailedPrecondition:
    """The error for a caller who was too late."""
    return _refusal(intervention, "it expired before it was decided")


def waits(data: dict[str, Any], now: datetime) -> bool:
    """Whether the intervention in a document's data can still be decided at `now`."""
    return _waits(StoredIntervention.row(data), now)


def _waits(row: dict[str, Any], now: datetime) -> bool:
    expires_at = row["expiresAt"]
    return row["status"] in OPEN and (expires_at is None or expires_at > now)


def shown(intervention_id: str, stored: StoredIntervention, now: datetime) -> Intervention:
    """The intervention as a client sees it at `now`."""
    row = shown_row(intervention_id, stored.to_data(), now)
    return Intervention.model_validate(row, strict=False, by_name=False)


def shown_row(intervention_id: str, data: dict[str, Any], now: datetime) -> dict[str, Any]:
    """The JSON fields of an intervention as a client sees it, from its document's data."""
    row: dict[str, Any] = {"id": intervention_id}
    data = StoredIntervention.row(data)
    for name in _SHOWN:
        row[name] = data[name]
    for name in _ANY_JSON:
        row[name] = parsed(data[name])
    if data["status"] in OPEN and not _waits(data, now):
        row |= {"status": _Status.EXPIRED, "actionAt": data["expiresAt"], "archived": True}
    return row


def _expiry(new: NewIntervention, now: datetime) -> datetime | None:
    if new.expires_in_seconds is not None:
        return now + timedelta(seconds=new.expires_in_seconds)
    if new.expires_at is not None and new.expires_at <= now:
        raise InvalidArgument.field("expiresAt", "must be in the future")
    return new.expires_at


def _holds(intervention: StoredIntervention, caller: Caller) -> bool:
    return intervention.assigned_to == caller.actor.name


def _require_decider(intervention: StoredIntervention, caller: Caller) -> None:
    """Raises PermissionDenied below the required role, and for the caller's own request."""
    caller.require(at_least(Role(intervention.required_role)))
    own_names = {intervention.created_by, intervention.created_by_subject}
    if own_names & {caller.subject, caller.actor.name}:
        raise PermissionDenied("nobody decides what they asked themselves")


def _require_words(kind: InterventionType, given: DecisionGiven) -> None:
    """Raises InvalidArgument where a reason or an answer is missing."""
    if given.reason is None and (
        given.decision == "reject" or kind is InterventionType.WAIVE_VIOLATION
    ):
        raise InvalidArgument.field("reason", f"is required to {given.decision} a {kind}")
    if kind is InterventionType.CLARIFICATION and given.decision == "approve":
        text = (given.response or {}).get("text")
        if not isinstance(text, str) or not is_visible(text):
            raise InvalidArgument.field("response.text", "is required to answer a clarification")


def _require_move(intervention: StoredIntervention, to: InterventionStatus) -> None:
    status = intervention.status
    if to in TRANSITIONS[status]:
        return
    if status is _Status.IN_PROGRESS:
        raise _refusal(intervention, f"it is held by {intervention.assigned_to}")
    by = f" by {intervention.decided_by}" if intervention.decided_by else ""
    raise _refusal(intervention, f"it is {status}{by}")


def _refusal(intervention: StoredIntervention, why: str) -> FailedPrecondition:
    """The error for a refused change, with details that say how the intervention stands."""
    told = {"status", "assigned_to", "decision", "decided_by", "action_reason", "action_at"}
    state = intervention.model_dump(mode="json", by_alias=True, include=told)
    allowed = list(TRANSITIONS[intervention.status])
    return FailedPrecondition(f"not possible: {why}", [{**state, "allowed": allowed}])


def _resolved(
    intervention: StoredIntervention, outcome: InterventionStatus, now: datetime, **fields: Any
) -> StoredIntervention:
    seconds = max(0.0, (now - intervention.created_at).total_seconds())
    resolved = {"status": outcome, "action_at": now, "resolution_seconds": round(seconds, 3)}
    archived = {} if TRANSITIONS[outcome] else _archived(now)
    return intervention.model_copy(update={**fields, **resolved, **archived})


def _archived(now: datetime) -> dict[str, Any]:
    return {"archived": True, "sweep_at": now + SOONEST}
