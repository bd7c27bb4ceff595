"""Audit events: what a client may report, and what is kept of every change."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import SerializeAsAny

from shared.models.base import OMITTED, Model, Name, Page, Rows, SubjectName, Time
from shared.models.events import Event, Severity
from shared.models.filters import Equal, Filters, Listing, Since, Sort, Until


class EventPage(Rows):
    """One page of events."""

    events: list[SerializeAsAny[Event]]
    next_page_token: str | None = OMITTED


class CaseEventQuery(Page):
    """A page of a case's events; `related` adds those of its interventions."""

    related: bool = False


class EventQuery(Filters, Page):
    """A page of the tenant's events; filters combine. `since` is included, `until` is not."""

    listing: ClassVar[Listing] = Listing("audit", (Sort("createdAt", descending=True),))

    subject: Annotated[SubjectName | None, Equal("subject")] = None
    actor: Annotated[Name | None, Equal("actorName")] = None
    event_type: Annotated[Name | None, Equal("eventType")] = None
    severity: Annotated[Severity | None, Equal("severity")] = None
    agent_id: Annotated[Name | None, Equal("agentId")] = None
    since: Annotated[Time | None, Since("createdAt")] = None
    until: Annotated[Time | None, Until("createdAt")] = None


class SubjectQuery(Model):
    """Whose chain: `cases/{id}`, `interventions/{id}`, `worksheets/{id}` or `tenant`."""

    subject: SubjectName


class BrokenLink(Model):
    """The first sequence number at which a chain does not hold, and why."""

    sequence: int
    problem: str


class Verification(Model):
    """Whether a subject's chain holds from its first event to its head.

    `purged` says that the subject itself is gone, past its retention; its events stay.
    """

    subject: str
    valid: bool
    events: int
    head_hash: str
    purged: bool | None = OMITTED
    first_broken: BrokenLink | None = OMITTED
