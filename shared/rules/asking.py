"""The rule by which an intervention is asked for. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.errors import InvalidArgument
from shared.models.intervention import (
    InterventionStatus,
    InterventionType,
    NewIntervention,
    Priority,
    StoredIntervention,
)
from shared.rules import actions, reminders
from shared.rules.callers import Caller
from shared.rules.canonical import canonical_text

RANKS = {priority: rank for rank, priority in enumerate(Priority)}


def requested(
    new: NewIntervention, caller: Caller, now: datetime, approvals_required: int = 1
) -> StoredIntervention:
    """A new intervention, which at least so many people must approve.

    Raises InvalidArgument where its `expiresAt` has passed.
    """
    urgent = new.type is InterventionType.KILL_SWITCH
    priority = new.priority or (Priority.CRITICAL if urgent else Priority.NORMAL)
    expires_at = _expiry(new, now)
    return StoredIntervention(
        uow_id=new.uow_id,
        type=new.type,
        status=InterventionStatus.PENDING,
        priority=priority,
        priority_rank=RANKS[priority],
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
        expires_at=expires_at,
        remind_at=reminders.first(now, expires_at),
        raise_priority=new.raise_priority,
        approvals_required=max(new.approvals_required or 1, approvals_required),
        decisions=actions.decisions(new.type, new.action, new.decisions or ()),
        response_schema=canonical_text(new.response_schema and new.response_schema.content()),
        action=actions.text_of(new.action),
        action_hash=actions.hash_of(new.action),
        act_within_seconds=new.act_within_seconds,
    )


def _expiry(new: NewIntervention, now: datetime) -> datetime | None:
    if new.expires_in_seconds is not None:
        return now + timedelta(seconds=new.expires_in_seconds)
    if new.expires_at is not None and new.expires_at <= now:
        raise InvalidArgument.field("expiresAt", "must be in the future")
    return new.expires_at
