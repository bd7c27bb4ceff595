"""Until when a claim holds. Pure.

A claim that has lapsed stays its holder's until somebody else claims: that is judged at the claim,
so nothing has to be written when its time is over.
"""

from __future__ import annotations

from datetime import datetime, timedelta


def held_until(minutes: int | None, now: datetime) -> datetime | None:
    """Until when a claim of now holds by the tenant's `claimMinutes`; None for no end."""
    return None if minutes is None else now + timedelta(minutes=minutes)


def has_lapsed(until: datetime | None, now: datetime) -> bool:
    """Whether somebody else can have what was claimed; at `until` they can."""
    return until is not None and until <= now
