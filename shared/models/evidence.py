"""Evidence on a case, and the packet that is curated from it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from shared.models.base import (
    OMITTED,
    UNSET,
    Id,
    JsonObject,
    Model,
    Name,
    Page,
    Quotation,
    Rows,
    Title,
)
from shared.models.stored import Kept, StoredDocument

MAX_ITEMS = 400
MAX_PACKET_BYTES = 900_000
"""What the items of a packet may come to as JSON: a frozen packet is one document of 1 MiB."""

Tags = Annotated[list[Name], Field(max_length=50)]


class NewEvidence(Model):
    """An item to attach. Without an id it gets a UUID."""

    id: Id | None = None
    """The item's id, unique on its case. Without it the item gets a UUID."""
    title: Title
    """What the item is, on one line."""
    snippet: Quotation = ""
    """The text that is quoted; it is kept to the byte."""
    citation: Name | None = None
    """Where the text is from: an address, or a reference."""
    source_id: Name | None = None
    """The id of the source, in the system that it is kept in."""
    tags: Tags = []
    """Keywords."""
    metadata: JsonObject = {}
    """Whatever else belongs to the item."""
    included_in_packet: bool = False
    """Whether the item is in the packet, after those that are in it already."""


Items = Annotated[list[NewEvidence], Field(max_length=MAX_ITEMS)]


class EvidenceToAdd(Model):
    """Items to attach after those that are there."""

    evidence: Annotated[list[NewEvidence], Field(min_length=1, max_length=MAX_ITEMS)]
    """The items, in this order."""


class EvidenceToPut(Model):
    """Either all the evidence anew, or which of it is in the packet, in which order."""

    evidence: Items | None = None
    """All the evidence that the case is to have, in this order. Not together with
    `packetEvidenceIds`.
    """
    packet_evidence_ids: Annotated[list[Id], Field(max_length=MAX_ITEMS)] | None = None
    """Which of the case's evidence is in the packet, in this order. Not together with `evidence`.
    """

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.evidence is None) == (self.packet_evidence_ids is None):
            raise PydanticCustomError("evidence", "give either evidence or packetEvidenceIds")
        return self


class EvidencePatch(Model):
    """Fields to change; null clears. What is not named stays."""

    title: Title = UNSET
    """The new title, on one line."""
    snippet: Quotation = UNSET
    """The new text; it is kept to the byte."""
    citation: Name | None = UNSET
    """Where the text is from: an address, or a reference."""
    source_id: Name | None = UNSET
    """The id of the source, in the system that it is kept in."""
    tags: Tags = UNSET
    """The keywords that it has from now on."""
    metadata: JsonObject = UNSET
    """Whatever else belongs to the item; it replaces what was there."""
    included_in_packet: bool = UNSET
    """Whether the item is in the packet."""


class EvidenceContent(Model):
    """What an item says. Its hash is the SHA-256 of the RFC 8785 form of this.

    A field that an item was stored without is in no hash, and is left out of packets.
    """

    # Packets are shown as they were stored, also with fields that this release does not know.
    model_config = ConfigDict(extra="ignore")

    id: str
    """The item's id, unique on its case."""
    title: str
    """What the item is, on one line."""
    snippet: str
    """The text that is quoted."""
    citation: str | None
    """Where the text is from; null where nothing was given."""
    source_id: str | None
    """The id of the source, in the system that it is kept in; null where none was given."""
    tags: list[str]
    """Keywords."""
    metadata: dict[str, Any]
    """Whatever else belongs to the item."""


class StoredEvidence(StoredDocument):
    """An item as it is stored; its id is the document's, `metadata` is JSON text."""

    title: str
    snippet: str
    citation: str | None
    source_id: str | None
    tags: list[str]
    metadata: str
    added_at: datetime
    added_by: str


class Evidence(EvidenceContent):
    """An item as a client sees it; its version is its case's."""

    versioned: ClassVar[bool] = True

    included_in_packet: bool
    """Whether the item is in the packet."""
    added_at: datetime
    """When it was attached."""
    added_by: str
    """Who attached it: an email address, or a subject."""


class EvidenceRef(Kept):
    """An item's place on its case: its id, the hash of its content, its size in bytes."""

    id: str
    sha256: str
    size: int


class EvidenceQuery(Page):
    """A page of a case's evidence; `packet` shows only what is in the packet, in its order."""

    packet: bool = False
    """With `true` only what is in the packet, in the packet's order."""


class EvidencePage(Rows):
    """One page of evidence."""

    evidence: list[Evidence]
    """The items of this page."""
    next_page_token: str | None = OMITTED
    """The `pageToken` of the next page. Left out on the last one."""
