"""The rule by which an intervention is handed over. Pure."""

from __future__ import annotations

from datetime import datetime

from shared.errors import PermissionDenied
from shared.models.intervention import InterventionStatus, StoredIntervention
from shared.models.names import folded
from shared.rules import claims, people
from shared.rules.callers import PILOTS, Caller
from shared.rules.interventions import (
    expired,
    has_run_out,
    require_another,
    require_decider,
    require_move,
)


def assigned(
    intervention: StoredIntervention,
    whom: tuple[str, str | None],
    caller: Caller,
    now: datetime,
    minutes: int | None = None,
) -> StoredIntervention:
    """The intervention held by somebody else, as if they had claimed it; for pilots and admins.

    `whom` is their name, and their subject where it is known. Who asked neither gets it nor says
    who does.
    """
    to, subject = whom
    caller.require(PILOTS)
    require_decider(intervention, caller)
    asked = (intervention.created_by_subject, intervention.created_by)
    if people.may_be(subject, to, *asked):
        raise PermissionDenied("nobody decides what they asked themselves")
    if has_run_out(intervention, now):
        return expired(intervention, now)
    if intervention.status is not InterventionStatus.IN_PROGRESS:
        require_move(intervention, InterventionStatus.IN_PROGRESS)
    require_another(intervention, intervention.approvals, subject, to)
    if subject is None and folded(to) == folded(intervention.assigned_to or ""):
        subject = intervention.assigned_to_subject
    held = {
        "status": InterventionStatus.IN_PROGRESS,
        "assigned_to": to,
        "assigned_to_subject": subject,
        "held_until": claims.held_until(minutes, now),
    }
    return intervention.model_copy(update=held)
