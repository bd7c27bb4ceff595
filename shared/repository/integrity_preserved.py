"""Whether what a legal hold has preserved is what events took away, and whether all of it is there.

An event has the hash of an item or a text that it took away, or the text itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic_core import from_json

from shared.documents.port import Document, DocumentStore, Query
from shared.ledger import events
from shared.ledger.kinds.worksheets import WORKSHEETS
from shared.ledger.preserved import PRESERVED
from shared.ledger.subjects import sha256_of, tenant_of
from shared.models.audit import BrokenLink
from shared.models.base import is_id
from shared.models.events import Event
from shared.models.preserved import StoredPreserved
from shared.repository import items
from shared.repository.batches import rows_of
from shared.repository.reading import UNREADABLE
from shared.rules import packets as packet_rules
from shared.rules.replay import differs, erased
from shared.rules.replay_parts import Parts

MISSING = "a document that this event says is stored is missing"
SURPLUS = "a document is stored that no event says is there"
_AT_ONCE = 20


def differences(
    store: DocumentStore, document: Document, parts: Parts, last: int
) -> Iterator[BrokenLink]:
    """What of the preserved content of a case is not what its events took away.

    `last` is the sequence of the case's newest event. What worksheets lost is compared where it is
    there; their own chains do not say whether the case was under a hold.
    """
    seen: set[str] = set()
    query = Query(f"{document.path}/{PRESERVED}")
    for row in rows_of(store, query, _AT_ONCE):
        seen.add(row.id)
        field = _wrong(store, row)
        if field is not None:
            sequence = row.data.get("sequence") if row.data.get("subject") == _own(document) else 0
            found = sequence if isinstance(sequence, int) and 0 < sequence <= last else last
            path = f"{PRESERVED}/{row.id}"
            yield differs(found, f"{path}/{field}" if field else path)
    for one in parts.taken:
        for number in range(1, one.count + 1 if one.held else 1):
            name = f"{one.event_id}-{number}"
            if name not in seen:
                field = f"{PRESERVED}/{name}"
                yield BrokenLink(sequence=one.sequence, problem=MISSING, field=field)


def _own(document: Document) -> str:
    return f"cases/{document.id}"


def _wrong(store: DocumentStore, row: Document) -> str | None:
    """Which field of preserved content is not as its event says; "" for what no event took away."""
    try:
        kept = StoredPreserved.read(row.data)
        event_id = row.id.rpartition("-")[0]
        if kept.event_id != event_id or not is_id(event_id):
            return "eventId"
        document = store.get(events.path(tenant_of(row.path), event_id))
        event = events.valid(document) if document else None
        if event is None:
            return ""
        beside = {
            "subject": event.subject,
            "sequence": event.sequence,
            "preserved_at": event.created_at,
        }
        for name, value in beside.items():
            if getattr(kept, name) != value:
                return StoredPreserved.model_fields[name].alias or name
        return _content(event, kept)
    except UNREADABLE:
        return "content"


def _content(event: Event, kept: StoredPreserved) -> str | None:
    content = from_json(kept.content)
    if kept.collection == "evidence":
        gone = {one["id"]: one["old"] for one in event.meta.get("changed", ())}
        gone |= {one["id"]: one["sha256"] for one in event.meta.get("removed", ())}
        if kept.name not in gone:
            return "name"
        item = items.shown(Document(f"evidence/{kept.name}", content, 0), ())
        same = packet_rules.content_hash(packet_rules.content_of(item)) == gone[kept.name]
        return None if same else "content"
    if kept.collection not in ("cases", "worksheets"):
        return "collection"
    if event.subject != f"{kept.collection}/{kept.name}":
        return "name"
    before = {
        change.field: change.old
        for number, change in enumerate(event.changes)
        if f"/changes/{number}/old" not in erased(event)
    }
    known = {change.field for change in event.changes}
    told = content
    if kept.collection == WORKSHEETS.collection:
        told = {name: sha256_of(text) for name, text in content.items()}
    same = (
        known >= told.keys()
        and before.items()
        >= {name: value for name, value in told.items() if name in before}.items()
    )
    return None if same and told else "content"
