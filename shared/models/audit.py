"""Reading the audit trail: pages of events, their filters, and what a verification says."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import SerializeAsAny

from shared.models.base import OMITTED, Model, Name, Page, Rows, SubjectName, Time
from shared.models.events import Event, Severity
from shared.models.filters import Equal, Filters, Listing, Since, Sort, Until
from shared.models.names import FilterName


class EventPage(Rows):
    """One page of events."""

    events: list[SerializeAsAny[Event]]
    """The events of this page."""
    next_page_token: str | None = OMITTED
    """The `pageToken` of the next page. Left out on the last one."""


class CaseEventQuery(Page):
    """A page of a case's events; `related` adds those of its interventions."""

    related: bool = False
    """With `true` also the events of the case's interventions, all by time."""


class EventQuery(Filters, Page):
    """A page of the tenant's events; filters combine. `since` is included, `until` is not."""

    listing: ClassVar[Listing] = Listing("audit", (Sort("createdAt", descending=True),))

    subject: Annotated[SubjectName | None, Equal("subject")] = None
    """Only events about this subject."""
    actor: Annotated[FilterName | None, Equal("actorName")] = None
    """Only events of this person or service: the email address, or where there is none the subject.
    """
    event_type: Annotated[Name | None, Equal("eventType")] = None
    """Only events of this type."""
    severity: Annotated[Severity | None, Equal("severity")] = None
    """Only events of this severity."""
    agent_id: Annotated[Name | None, Equal("agentId")] = None
    """Only events of this agent."""
    since: Annotated[Time | None, Since("createdAt")] = None
    """Only events at this time or later."""
    until: Annotated[Time | None, Until("createdAt")] = None
    """Only events before this time."""


class SubjectQuery(Model):
    """Whose chain: of a case, an intervention, a worksheet, a key, the webhooks or the tenant."""

    subject: SubjectName
    """Whose chain to verify."""


class BrokenLink(Model):
    """The first sequence number at which a trail does not hold, and why."""

    sequence: int
    """The sequence number of the first event that does not hold, or of the event that contradicts
    what is stored.
    """
    problem: str
    """What is wrong with it."""
    field: str | None = OMITTED
    """What is not as the event says: a field of the subject's document, or of one below it, such as
    `evidence/{id}` or `runs/{id}/status`. Left out where an event or a link is broken.
    """


class LogPart(Model):
    """What the log of the tenant has of a chain."""

    size: int
    """How many entries the log has."""
    index: int | None
    """The index of the chain's newest event that is in the log; null for none."""
    sealed: int
    """How many of the chain's events are in the log; those of the last minute or two are not."""
    refused: str | None = OMITTED
    """Why nothing is appended to the log until an admin starts a new epoch. Otherwise left out."""


class Verification(Model):
    """Whether a subject's chain holds, and whether what is stored of it is what its events say.

    `purged` says that the subject itself is gone, past its retention; its events stay.
    """

    subject: str
    """Whose chain it is."""
    valid: bool
    """Whether the chain holds, and what is stored of the subject is what its events say."""
    events: int
    """How many events the chain has."""
    head_hash: str
    """The hash of its last event, in hex; keep it elsewhere to notice if the end is cut off."""
    erased_values: int | None = OMITTED
    """How many values in its events were erased; each is proven by its digest alone. Left out where
    none was.
    """
    purged: bool | None = OMITTED
    """`true` where the subject itself is gone, past its retention; its events stay. Otherwise left
    out.
    """
    log: LogPart | None = OMITTED
    """What the log of the tenant has of the chain. Left out where nothing was sealed yet."""
    first_broken: BrokenLink | None = OMITTED
    """The first event that does not hold, or that the stored subject contradicts. Only where
    `valid` is false.
    """
