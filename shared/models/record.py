"""Records: what agents hand over on a case. They are added, and never changed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar

from pydantic import SerializeAsAny

from shared.models.base import OMITTED, Id, Identified, LargeJson, Model, Page, Reason, Rows, Title
from shared.models.filters import Equal, Filters, Listing, Sort
from shared.models.intervention import Priority, RequiredRole
from shared.models.stored import StoredDocument


class NewRecord(Model):
    """A record to add; it supersedes the one of its kind before it."""

    kind: Id
    """What kind of record it is, such as `requirements`."""
    title: Title
    """What the record is, on one line."""
    data: LargeJson
    """The record itself."""
    run_id: Id | None = None
    """The run that delivers it."""


class RecordQuery(Filters, Page):
    """A page of a case's records, newest first; with `latest` the newest of each kind only."""

    listing: ClassVar[Listing] = Listing("records", (Sort("sequence", descending=True),))

    kind: Annotated[Id | None, Equal("kind")] = None
    """Only records of this kind."""
    latest: bool = False
    """With `true` only the newest of each kind."""


class RecordFields(Model):
    """What a stored record and a shown one have in common.

    `version` counts the records of a kind, `sequence` is that of the case's event, `sha256` that of
    the RFC 8785 form of `data`.
    """

    case_id: str
    """The case."""
    kind: str
    """What kind of record it is."""
    title: str
    """What the record is, on one line."""
    version: int
    """Its place among the records of its kind on the case; the first is 1."""
    supersedes: str | None
    """The id of the record of its kind before it; null for the first."""
    run_id: str | None
    """The run that delivered it; null for none."""
    sequence: int
    """The sequence number of its event in the chain of the case."""
    sha256: str
    """The SHA-256, in hex, of the RFC 8785 form of `data`."""
    created_at: datetime
    """When it was added."""
    created_by: str
    """Who added it: an email address, or a subject."""


class StoredRecord(RecordFields, StoredDocument):
    """A record as it is stored, its data as their canonical text."""

    data: str


class Record(RecordFields, Identified):
    """A record as a client sees it."""

    data: Any
    """The record itself."""


class RecordPage(Rows):
    """One page of records."""

    records: list[SerializeAsAny[Record]]
    """The records of this page."""
    next_page_token: str | None = OMITTED
    """The `pageToken` of the next page. Left out on the last one."""


class Escalation(Model):
    """Why people are to look at a case, and who at least."""

    reason: Reason
    """Why people are to look at the case."""
    required_role: RequiredRole = "pilot"
    """Which role the decider needs at least."""
    priority: Priority = Priority.HIGH
    """How urgent it is."""
