"""The rules by which an approved action is started: once, as it was approved, and in time. Pure."""

from __future__ import annotations

from datetime import datetime

from shared.errors import FailedPrecondition, OtherAction
from shared.models.intervention import InterventionStatus, StoredIntervention
from shared.rules import actions
from shared.rules.callers import Caller
from shared.rules.interventions import archived, expired, has_run_out, refusal


def started(
    intervention: StoredIntervention, action_hash: str, caller: Caller, now: datetime
) -> StoredIntervention:
    """The intervention whose action the caller has started.

    Where it is too late, it is given as `expired`, or as lapsed at its `actUntil`. Raises
    FailedPrecondition where there is nothing to start, somebody has started it, or another action
    was approved.
    """
    if has_run_out(intervention, now):
        return expired(intervention, now)
    _require_approved(intervention)
    if intervention.act_until is not None and intervention.act_until <= now:
        return intervention.model_copy(
            update={"lapsed_at": intervention.act_until, **archived(now)}
        )
    # Made anew, because a call and its hash may differ in a database that was edited.
    approved = {intervention.approved_action_hash, actions.hash_of_approved(intervention)}
    if approved != {action_hash}:
        told = refusal(intervention, "another action was approved")
        raise OtherAction(told.message, told.details)
    return intervention.model_copy(
        update={
            "started_at": now,
            "started_by": caller.actor.name,
            "started_by_subject": caller.subject,
            "sweep_at": None,
        }
    )


def _require_approved(intervention: StoredIntervention) -> None:
    """Raises FailedPrecondition unless there is an approved action that waits to be started."""
    if intervention.action is None:
        raise refusal(intervention, "it has no action")
    if intervention.started_at is not None:
        raise refusal(intervention, f"it was started by {intervention.started_by}")
    if intervention.status is not InterventionStatus.APPROVED:
        by = f" by {intervention.decided_by}" if intervention.decided_by else ""
        raise refusal(intervention, f"it is {intervention.status}{by}")
    if intervention.lapsed_at is not None:
        raise lapsed(intervention)


def lapsed(intervention: StoredIntervention) -> FailedPrecondition:
    """The error for an agent that was too late."""
    return refusal(intervention, "its approval lapsed before it was started")
