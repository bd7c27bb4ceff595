"""Audit events: what a client may report, and what is kept of every change."""

from __future__ import annotations

from pydantic import SerializeAsAny

from shared.models.base import OMITTED, Model, Name, Page, SubjectName, Time
from shared.models.events import Event, Severity


class EventPage(Model):
    """One page of events."""

    events: list[SerializeAsAny[Event]]
    next_page_token: str | None = OMITTED


class CaseEventQuery(Page):
    """A page of a case's events; `related` adds those of its interventions."""

    related: bool = False


class EventQuery(Page):
    """A page of the tenant's events; filters combine. `since` is included, `until` is not."""

    subject: SubjectName | None = None
    actor: Name | None = None
    event_type: Name | None = None
    severity: Severity | None = None
    agent_id: Name | None = None
    since: Time | None = None
    until: Time | None = None


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
