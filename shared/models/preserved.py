"""What a legal hold preserves: former content of a case that was changed or removed meanwhile."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from pydantic import SerializeAsAny

from shared.models.base import OMITTED, Identified, Model, Page, Rows
from shared.models.filters import Filters, Listing, Sort
from shared.models.stored import StoredDocument


class PreservedFields(Model):
    """What stored and shown preserved content have in common."""

    collection: str
    """What it was: `evidence`, `worksheets`, or `cases` for the case's own title or summary."""
    name: str
    """The id of the item of evidence, worksheet or case that it belonged to."""
    event_id: str
    """The audit event of the change that took it away."""
    subject: str
    """On whose chain that event is, as in `audit:verify`."""
    sequence: int
    """The number of that event in its chain, from 1."""
    preserved_at: datetime
    """When it was taken away, in UTC: the time of that event."""


class StoredPreserved(PreservedFields, StoredDocument):
    """Preserved content as it is stored."""

    content: str
    """The fields that were taken away, as JSON text."""


class Preserved(PreservedFields, Identified):
    """Preserved content as a client sees it."""

    content: dict[str, Any]
    """The fields that were taken away, as they were."""


class PreservedQuery(Filters, Page):
    """A page of what was preserved, newest first."""

    listing: ClassVar[Listing] = Listing("preserved", (Sort("preservedAt", descending=True),))


class PreservedPage(Rows):
    """One page of preserved content."""

    preserved: list[SerializeAsAny[Preserved]]
    """What was preserved, newest first."""
    next_page_token: str | None = OMITTED
    """The `pageToken` of the next page; left out on the last one."""
