"""How many people approve an intervention, until when somebody holds it, and its reminders."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from shared.models.base import Model
from shared.models.stored import Kept

People = Annotated[int, Field(ge=1, le=5)]
"""How many people must approve."""


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
    """The approvals so far, oldest first, all of the same arguments and the same response. Empty
    also where an earlier release kept only who decided.
    """
    held_until: datetime | None = None
    """From when on somebody else can claim it; null where nobody holds it, or the claim has no end.
    Its holder keeps it until somebody else claims it.
    """
    remind_at: datetime | None = None
    """When people are reminded of it next; null for never."""
    raise_priority: bool = False
    """Whether each reminder raises the priority by one step."""
