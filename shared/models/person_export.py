"""What is kept of a person, for the answer to their request (GDPR, Article 15)."""

from __future__ import annotations

from datetime import date
from typing import Any

from pydantic import Field

from shared.models.base import OMITTED, Page, Rows
from shared.models.person import PersonFields
from shared.models.views import View

PARTS = (
    "events",
    "casesAssigned",
    "casesCreated",
    "interventionsHeld",
    "interventionsDecided",
    "worksheets",
)
"""The parts of an export, in their order."""


class PersonExportQuery(Page):
    """A page of what is kept of a person; the pages go through its parts one after the other."""


class PersonKept(PersonFields):
    """A person's entry in the directory."""

    last_seen_on: date
    """The last day, in UTC, on which they changed something."""


class PersonExport(Rows):
    """A page of what is kept of a person."""

    person: PersonKept | None
    """Their entry in the directory; null where there is none."""
    views: list[View] | None = OMITTED
    """Their saved views, which only they themselves are shown."""
    part: str = Field(examples=list(PARTS))
    """What this page has: `events` of which they are the actor; `casesAssigned` to them and
    `casesCreated` by them; `interventionsHeld` and `interventionsDecided` by them; their
    `worksheets`, whose texts only they themselves are shown.
    """
    items: list[dict[str, Any]]
    """The items of this part, as the functions for them show them."""
    next_page_token: str | None = OMITTED
    """The `pageToken` of the next page, of this part or the next one. Left out on the last one."""
