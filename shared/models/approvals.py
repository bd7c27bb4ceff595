"""How many people approve an intervention, until when somebody holds it, and its reminders."""

from __future__ import annotations

from datetime import datetime

from shared.models.base import Model
from shared.models.stored import Kept


class Approval(Kept):
    """One person's approval."""

    by: str
    """Who approved: an email address, or a subject."""
    by_subject: str
    """The token's subject of who approved."""
    at: datetime
    """When they approved."""


class ApprovalFields(Model):
    """What a stored intervention and a shown one say of it."""

    approvals_required: int = 1
    """How many different people must approve it."""
    approvals: list[Approval] = []
    """The approvals so far, oldest first."""
    held_until: datetime | None = None
    """From when on the next one may claim what is claimed; null for never."""
    remind_at: datetime | None = None
    """When its deciders are reminded next; null for never."""
    raise_priority: bool = False
    """Whether each reminder raises the priority by one step."""
