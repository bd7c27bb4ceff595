"""When people are reminded of an open intervention, and what becomes of it then. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from shared.models.intervention import OPEN, Priority, StoredIntervention

PERCENTS = (50, 90)
"""At how much of the time to decide people are reminded."""
_PRIORITIES = list(Priority)


def first(asked_at: datetime, expires_at: datetime | None) -> datetime | None:
    """When people are first reminded of what is asked; None where it never expires."""
    return None if expires_at is None else _at(asked_at, expires_at, PERCENTS[0])


def reminded(
    intervention: StoredIntervention, now: datetime
) -> tuple[StoredIntervention, int] | None:
    """The intervention once people are reminded, and how many percent of its time are over.

    None where that is not due. Where more than one reminder is due, because nothing ran meanwhile,
    there is one, for the later of them. With `raisePriority` each raises the priority by one step.
    """
    due, expires_at = intervention.remind_at, intervention.expires_at
    open_ = intervention.status in OPEN
    if due is None or expires_at is None or not open_ or not due <= now < expires_at:
        return None
    times = {percent: _at(intervention.created_at, expires_at, percent) for percent in PERCENTS}
    passed = [percent for percent, at in times.items() if due <= at <= now]
    later = [at for at in times.values() if at > now]
    updates: dict[str, Any] = {"remind_at": min(later, default=None)}
    if intervention.raise_priority:
        rank = max(0, intervention.priority_rank - len(passed))
        updates |= {"priority": _PRIORITIES[rank], "priority_rank": rank}
    return intervention.model_copy(update=updates), max(passed)


def _at(begin: datetime, end: datetime, percent: int) -> datetime:
    return begin + (end - begin) * percent / 100
