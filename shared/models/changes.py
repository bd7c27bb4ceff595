"""What changed in a tenant since somebody last asked."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from shared.models.base import Model


class ChangesQuery(Model):
    """Since when."""

    after: Annotated[str, Field(max_length=400)] | None = None
    """The `cursor` of the last answer. Without it, nothing is returned but a cursor of now."""


class ChangedSubject(Model):
    """One change: what it was about. The resource itself is to be fetched."""

    subject: str
    """What changed: `cases/{id}`, `interventions/{id}`, `worksheets/{id}`, `keys/{id}`,
    `webhooks/endpoints` or `tenant`.
    """
    sequence: int
    """The place of the change in the chain of its subject: a larger one is newer."""
    event_type: str
    """What happened."""
    case_id: str | None
    """The case that it belongs to; null for none."""
    created_at: datetime
    """When it was committed."""


class Changes(Model):
    """What changed, by time; each change at least once, those of the last seconds repeatedly."""

    changes: list[ChangedSubject]
    """The changes, at most 200. Where there are more, the next request returns them."""
    cursor: str
    """The `after` of the next request; it can be used for a day."""
