"""Items of evidence as documents below their case."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic_core import from_json, to_json

from shared import errors
from shared.documents.port import Data, Document, DocumentStore
from shared.models.case import StoredCase
from shared.models.evidence import (
    Evidence,
    EvidenceContent,
    EvidenceRef,
    NewEvidence,
    StoredEvidence,
)
from shared.rules import packets as packet_rules


@dataclass(frozen=True, slots=True)
class Attached:
    """The evidence that a case is to have: references to its items, and the packet's ids, in order.

    `documents` holds the documents of items that may have to be written, by id; items that stay as
    they are may be missing there.
    """

    refs: list[EvidenceRef]
    packet_ids: list[str]
    documents: dict[str, Data]


def attached(items: Sequence[NewEvidence], by: str, now: datetime) -> Attached:
    """New items with ids, hashes and documents. Raises InvalidArgument for an id given twice."""
    contents = [_content(item) for item in items]
    require_each_once([content.id for content in contents], "evidence")
    flags = zip(contents, items, strict=True)
    return Attached(
        refs=[packet_rules.reference(content) for content in contents],
        packet_ids=[content.id for content, item in flags if item.included_in_packet],
        documents={
            content.id: StoredEvidence(**_fields(content), added_at=now, added_by=by).to_data()
            for content in contents
        },
    )


def path(tenant: str, case_id: str, evidence_id: str) -> str:
    """Where an item is kept."""
    return f"tenants/{tenant}/cases/{case_id}/evidence/{evidence_id}"


def read(
    store: DocumentStore, tenant: str, case_id: str, case: StoredCase, ids: Sequence[str]
) -> list[Evidence]:
    """Items of a case, in the order of `ids`, in one round trip, without those just removed."""
    flagged = frozenset(case.packet_evidence_ids)
    found = documents(store, tenant, case_id, ids)
    return [shown(document, flagged) for document in found]


def documents(
    store: DocumentStore, tenant: str, case_id: str, ids: Sequence[str]
) -> list[Document]:
    """The documents of items, in the order of `ids`, in one round trip."""
    found = store.get_many([path(tenant, case_id, i) for i in ids]) if ids else []
    return [document for document in found if document]


def shown(document: Document, flagged: Collection[str]) -> Evidence:
    """An item as a client sees it; `flagged` are the ids of those in the packet."""
    stored = StoredEvidence.read(document.data)
    known = stored.model_fields_set & StoredEvidence.model_fields.keys()
    fields = {name: getattr(stored, name) for name in known}
    fields |= {"id": document.id, "metadata": from_json(stored.metadata)}
    return Evidence(**fields, included_in_packet=document.id in flagged)


def changed(document: Document, content: EvidenceContent) -> Data:
    """The document of an item that says something else now; what else is in it stays."""
    stored = StoredEvidence.read(document.data).model_copy(update=_fields(content))
    return stored.to_data(document.data)


def require_each_once(ids: Sequence[str], field: str) -> None:
    """Raises InvalidArgument where an id is given twice."""
    if len(set(ids)) < len(ids):
        raise errors.InvalidArgument.field(field, "names an id more than once")


def _content(item: NewEvidence) -> EvidenceContent:
    given = {name: getattr(item, name) for name in EvidenceContent.model_fields}
    return EvidenceContent(**given | {"id": item.id or str(uuid.uuid4())})


def _fields(content: EvidenceContent) -> dict[str, Any]:
    """What an item says as its document has it.

    `metadata` is JSON text: Firestore has no list of lists, and would count its every field.
    """
    fields = content.model_dump(exclude={"id"}, exclude_unset=True)
    return {**fields, "metadata": to_json(content.metadata).decode()}
