"""Records: what agents hand over on a case. They are added, and never changed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar

from pydantic import SerializeAsAny

from shared.models.base import OMITTED, Id, Identified, LargeJson, Model, Page, Reason, Rows, Title
from shared.models.filters import Equal, Filters, Listing, Sort
from shared.models.intervention import Priority, RequiredRole
from shared.models.stored import Kept, StoredDocument


class NewRecord(Model):
    """A record to add; it supersedes the one of its kind before it."""

    kind: Id
    title: Title
    data: LargeJson
    run_id: Id | None = None


class RecordQuery(Filters, Page):
    """A page of a case's records, newest first; with `latest` the newest of each kind only."""

    listing: ClassVar[Listing] = Listing("records", (Sort("sequence", descending=True),))

    kind: Annotated[Id | None, Equal("kind")] = None
    latest: bool = False


class RecordRef(Kept):
    """The latest record of a kind, as its case knows it."""

    id: str
    version: int
    sequence: int


class RecordFields(Model):
    """What a stored record and a shown one have in common.

    `version` counts the records of a kind, `sequence` is that of the case's event, `sha256` that of
    the RFC 8785 form of `data`.
    """

    case_id: str
    kind: str
    title: str
    version: int
    supersedes: str | None
    run_id: str | None
    sequence: int
    sha256: str
    created_at: datetime
    created_by: str


class StoredRecord(RecordFields, StoredDocument):
    """A record as it is stored, its data as their canonical text."""

    data: str


class Record(RecordFields, Identified):
    """A record as a client sees it."""

    data: Any


class RecordPage(Rows):
    """One page of records."""

    records: list[SerializeAsAny[Record]]
    next_page_token: str | None = OMITTED


class Escalation(Model):
    """Why people are to look at a case, and who at least."""

    reason: Reason
    required_role: RequiredRole = "pilot"
    priority: Priority = Priority.HIGH
