"""The rules for changes of an intervention. Pure: no store, no clock of its own.

Every rule takes an intervention and gives the one after the change, or raises: `PermissionDenied`
where the caller may never do this, `FailedPrecondition` where the intervention's state forbids it,
with details that say who holds or decided it and the outcome. Where its time is over, every rule
gives it as `expired`. A rule that changes nothing gives the same intervention back.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from shared.errors import FailedPrecondition, PermissionDenied
from shared.models.approvals import Approval
from shared.models.intervention import (
    OPEN,
    DecisionGiven,
    InterventionStatus,
    InterventionType,
    StoredIntervention,
)
from shared.models.names import normalised
from shared.models.roles import Actor, Role
from shared.rules import actions, answers, approvals, claims, people
from shared.rules.callers import PILOTS, Caller, at_least
from shared.rules.canonical import canonical_text
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
UNDECIDED = frozenset(
    {InterventionType.KILL_SWITCH, InterventionType.RESUME, InterventionType.CANCEL}
)
"""What its holder may complete without a decision; all else is decided first."""
_FREE: dict[str, Any] = {"assigned_to": None, "assigned_to_subject": None, "held_until": None}
_OVER: dict[str, Any] = {"held_until": None, "remind_at": None}
_NOTHING_APPROVED: dict[str, Any] = {"approved_arguments": None, "approved_action_hash": None}
ENDED_UNDECIDED: dict[str, Any] = {**_OVER, **_NOTHING_APPROVED, "response": None}
"""What becomes of an intervention that ends without a decision, also of approvals so far."""


def claimed(
    intervention: StoredIntervention, caller: Caller, now: datetime, minutes: int | None = None
) -> StoredIntervention:
    """The intervention held by the caller for so many minutes, or without an end.

    Nobody else may hold it, unless their claim has lapsed.
    """
    require_decider(intervention, caller)
    if has_run_out(intervention, now):
        return expired(intervention, now)
    until = claims.held_until(minutes, now)
    in_progress = intervention.status is _Status.IN_PROGRESS
    if in_progress and _holds(intervention, caller):
        known = identified(intervention, caller.actor)
        again = intervention.held_until is not None
        return known.model_copy(update={"held_until": until}) if again else known
    if not (in_progress and claims.has_lapsed(intervention.held_until, now)):
        require_move(intervention, _Status.IN_PROGRESS)
    require_another(intervention, intervention.approvals, caller.subject, caller.actor.name)
    claim = {"status": _Status.IN_PROGRESS, **_assigned(caller), "held_until": until}
    return intervention.model_copy(update=claim)


def released(intervention: StoredIntervention, caller: Caller, now: datetime) -> StoredIntervention:
    """The intervention back in the queue; only its holder or an admin may do this."""
    caller.require_person()
    caller.require(at_least(Role(intervention.required_role)))
    if has_run_out(intervention, now):
        return expired(intervention, now)
    require_move(intervention, _Status.PENDING)
    if not _holds(intervention, caller) and caller.role is not Role.ADMIN:
        raise refusal(intervention, f"it is held by {intervention.assigned_to}")
    return intervention.model_copy(update={"status": _Status.PENDING, **_FREE})


def decided(
    intervention: StoredIntervention, given: DecisionGiven, caller: Caller, now: datetime
) -> StoredIntervention:
    """The intervention decided by the caller, who has not asked for it; nobody else may hold it.

    Where more people must approve it, it is pending again with one approval more.
    """
    require_decider(intervention, caller)
    answers.require_whole(intervention, given)
    if has_run_out(intervention, now):
        return expired(intervention, now)
    outcome = actions.outcome(intervention, given.decision)
    require_move(intervention, outcome)
    if intervention.assigned_to and not _holds(intervention, caller):
        raise refusal(intervention, f"it is held by {intervention.assigned_to}")
    answer = {
        "response": canonical_text(given.response),
        **_NOTHING_APPROVED,
        **actions.approved(intervention, given, now),
    }
    if outcome is _Status.APPROVED:
        collected = approvals.of_the_same(intervention, answer)
        require_another(intervention, collected, caller.subject, caller.actor.name)
        answer["approvals"] = [*collected, approvals.of(caller, now)]
        if len(answer["approvals"]) < intervention.approvals_required:
            so_far = {"status": _Status.PENDING, **_FREE, **answer, "act_until": None}
            return intervention.model_copy(update=so_far)
    if until := answer.get("act_until"):
        # If it is not started by then, nothing follows, and nothing is written either.
        answer["sweep_at"] = until + SOONEST
    return _resolved(
        intervention,
        outcome,
        now,
        **_assigned(caller),
        decision=given.decision,
        decided_by=caller.actor.name,
        decided_by_subject=caller.subject,
        action_reason=given.reason,
        **answer,
    )


def completed(
    intervention: StoredIntervention, result: Any, caller: Caller, now: datetime
) -> StoredIntervention:
    """The intervention marked as acted on: by an agent once it is approved, or by its holder.

    A holder needs the required role. Without a decision only a kill switch, a resume and a cancel
    without an action are completed. An action is started first, and is then its agent's own.
    """
    if caller.role is not Role.AGENT:
        caller.require_person()
        caller.require(at_least(Role(intervention.required_role)))
    if has_run_out(intervention, now):
        return expired(intervention, now)
    require_move(intervention, _Status.COMPLETED)
    _require_started(intervention, caller)
    by_agent = caller.role is Role.AGENT and intervention.status is _Status.APPROVED
    by_holder = caller.role is not Role.AGENT and _holds(intervention, caller)
    if not (by_agent or by_holder):
        raise refusal(intervention, "only an agent, once it is approved, or its holder may")
    if intervention.decision is None and intervention.type not in UNDECIDED:
        raise refusal(intervention, f"a {intervention.type} is decided first")
    if intervention.decision is None and intervention.approvals_required > 1:
        raise refusal(intervention, f"{intervention.approvals_required} people approve it first")
    done = {
        "result": canonical_text(result),
        "completed_by": caller.actor.name,
        "completed_by_subject": caller.subject,
        "completed_at": now,
    }
    if intervention.decision is None:
        return _resolved(intervention, _Status.COMPLETED, now, **done)
    return intervention.model_copy(update={"status": _Status.COMPLETED, **done, **archived(now)})


def withdrawn(
    intervention: StoredIntervention, reason: str | None, caller: Caller, now: datetime
) -> StoredIntervention:
    """The intervention taken back by who asked, a pilot or an admin, also where it is claimed."""
    if caller.subject != intervention.created_by_subject:
        caller.require(PILOTS)
    if not has_run_out(intervention, now):
        require_move(intervention, _Status.WITHDRAWN)
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
            **ENDED_UNDECIDED,
            **archived(now),
        }
    )


def expired(intervention: StoredIntervention, now: datetime) -> StoredIntervention:
    """The intervention as expired at its `expiresAt`. This does not count as a rejection."""
    at = intervention.expires_at
    return intervention.model_copy(
        update={"status": _Status.EXPIRED, "action_at": at, **ENDED_UNDECIDED, **archived(now)}
    )


def has_run_out(intervention: StoredIntervention, now: datetime) -> bool:
    """Whether it is too late to decide an open intervention; at `expiresAt` it is."""
    open_ = intervention.status in OPEN
    return open_ and intervention.expires_at is not None and intervention.expires_at <= now


def late(intervention: StoredIntervention) -> FailedPrecondition:
    """The error for a caller who was too late."""
    return refusal(intervention, "it expired before it was decided")


def identified(intervention: StoredIntervention, who: Actor) -> StoredIntervention:
    """The intervention with its holder's subject, where `who` holds it by their name alone."""
    known = intervention.assigned_to_subject is not None
    if known or not people.is_person(who, None, intervention.assigned_to):
        return intervention
    return intervention.model_copy(update={"assigned_to_subject": who.subject})


def _assigned(caller: Caller) -> dict[str, Any]:
    return {
        "assigned_to": normalised(caller.actor.name),
        "assigned_to_subject": caller.subject,
    }


def _holds(intervention: StoredIntervention, caller: Caller) -> bool:
    subject, name = intervention.assigned_to_subject, intervention.assigned_to
    return people.is_person(caller.actor, subject, name)


def require_decider(intervention: StoredIntervention, caller: Caller) -> None:
    """Raises PermissionDenied for a program, below the required role, and for one's own request."""
    caller.require_person()
    caller.require(at_least(Role(intervention.required_role)))
    subject, name = intervention.created_by_subject, intervention.created_by
    if people.asked(caller.actor, subject, name):
        raise PermissionDenied("nobody decides what they asked themselves")


def require_another(
    intervention: StoredIntervention, collected: list[Approval], subject: str | None, name: str
) -> None:
    """Raises FailedPrecondition for somebody whose approval is one of those collected."""
    if approvals.has(collected, subject, name):
        raise refusal(intervention, f"{name} has approved it already: it takes another person")


def _require_started(intervention: StoredIntervention, caller: Caller) -> None:
    """Raises FailedPrecondition for an action that nobody has started, or another agent has."""
    if intervention.action is None:
        return
    if intervention.started_at is None:
        raise refusal(intervention, "its action must be approved and started first")
    if caller.role is Role.AGENT and caller.subject != intervention.started_by_subject:
        raise refusal(intervention, f"it was started by {intervention.started_by}")


def require_move(intervention: StoredIntervention, to: InterventionStatus) -> None:
    """Raises FailedPrecondition where an intervention cannot get this status now."""
    status = intervention.status
    if to in TRANSITIONS[status]:
        return
    if status is _Status.IN_PROGRESS:
        raise refusal(intervention, f"it is held by {intervention.assigned_to}")
    completed_ = status is _Status.COMPLETED
    name = intervention.completed_by if completed_ else intervention.decided_by
    by = f" by {name}" if name else ""
    raise refusal(intervention, f"it is {status}{by}")


def refusal(intervention: StoredIntervention, why: str) -> FailedPrecondition:
    """The error for a refused change, with details that say how the intervention stands."""
    told = {"status", "assigned_to", "decision", "decided_by", "action_reason", "action_at"}
    if intervention.held_until is not None:
        told |= {"held_until"}
    if intervention.approvals_required > 1:
        told |= {"approvals_required", "approvals"}
    if intervention.status is _Status.COMPLETED:
        told |= {"completed_by", "completed_at"}
    if intervention.action is not None:
        told |= {"approved_action_hash", "act_until", "started_by", "started_at", "lapsed_at"}
    state = intervention.model_dump(by_alias=True, include=told)
    allowed = list(TRANSITIONS[intervention.status])
    return FailedPrecondition(f"not possible: {why}", [{**state, "allowed": allowed}])


def _resolved(
    intervention: StoredIntervention, outcome: InterventionStatus, now: datetime, **fields: Any
) -> StoredIntervention:
    seconds = max(0.0, (now - intervention.created_at).total_seconds())
    resolved = {"status": outcome, "action_at": now, "resolution_seconds": round(seconds, 3)}
    done = {} if TRANSITIONS[outcome] else archived(now)
    return intervention.model_copy(update={**fields, **resolved, **_OVER, **done})


def archived(now: datetime) -> dict[str, Any]:
    """The stored fields of an intervention that nothing can follow any more."""
    return {"archived": True, "sweep_at": now + SOONEST}
