"""Deliveries of events to webhooks, as documents: what the commit of an event writes beside it.

Most commits write one document for each endpoint that an event matches. Where a commit has no room
for all of these, one document has them all, and whoever delivers makes the documents of it first.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json, to_json

from shared.documents.port import Create, Delete, Document, DocumentStore, Write
from shared.documents.values import MAX_WRITES

if TYPE_CHECKING:  # where nobody listens, nothing of it is loaded
    from shared.models.events import Event
    from shared.models.webhooks import StoredDelivery, StoredEndpoint

COLLECTION = "deliveries"
SLOTS = 4
"""How many values `slot` has, from 0: Firestore takes about 500 writes a second to the documents of
an index on a time alone.
"""
ROOM = 1
"""How many writes a commit needs for deliveries at least: whoever fills one leaves so many free."""
ROOM_BYTES = 1_048_576
"""How much the deliveries of one commit may come to: what a document may."""
_AT_ONCE = MAX_WRITES // 2
_WEBHOOKS = "webhooks"
_ALL = "all"
"""What stands in the place of an endpoint's id, which is longer, in the name of a gathered one."""
_SAME = (
    "eventId",
    "eventType",
    "subject",
    "caseId",
    "sequence",
    "hash",
    "previousHash",
    "eventAt",
    "createdAt",
    "dueAt",
)
"""What the deliveries of one event have in common."""


def path(tenant: str, event_id: str, webhook_id: str) -> str:
    """Where the delivery of an event to an endpoint is kept."""
    return f"tenants/{tenant}/{COLLECTION}/{event_id}:{webhook_id}"


def new(event: Event, webhook_id: str) -> StoredDelivery:
    """The delivery of an event to an endpoint, due at once."""
    from shared.models.webhooks import StoredDelivery  # noqa: PLC0415 - as above

    return StoredDelivery(
        webhook_id=webhook_id,
        event_id=event.id,
        event_type=event.event_type,
        subject=event.subject,
        case_id=event.case_id,
        sequence=event.sequence,
        hash=event.hash,
        previous_hash=event.previous_hash,
        event_at=event.created_at,
        created_at=event.created_at,
        due_at=event.created_at,
        slot=secrets.randbelow(SLOTS),
    )


def of_event(tenant: str, event: Event, endpoints: Mapping[str, StoredEndpoint]) -> Iterator[Write]:
    """The writes that make an event's deliveries: one for each endpoint that hears of it."""
    from shared.rules import webhooks  # noqa: PLC0415 - as above

    for webhook_id, endpoint in endpoints.items():
        if webhooks.matches(endpoint, event):
            yield Create(path(tenant, event.id, webhook_id), new(event, webhook_id).to_data())


def in_room(writes: Sequence[Write], tenant: str, event_id: str, now: datetime) -> list[Write]:
    """The writes of a commit; its deliveries as one document where there are too many for it.

    `event_id` is that of the commit's first event.
    """
    if len(writes) <= MAX_WRITES:
        return list(writes)
    from shared.models.webhooks import StoredDelivery  # noqa: PLC0415 - as above

    found = [write for write in writes if isinstance(write, Create) and is_delivery(write)]
    if not found:
        return list(writes)
    events: dict[str, dict[str, Any]] = {}
    for write in found:
        same = {name: write.data[name] for name in _SAME}
        event = events.setdefault(write.data["eventId"], {**same, _WEBHOOKS: []})
        event[_WEBHOOKS].append(write.data["webhookId"])
    one = StoredDelivery(
        event_id=event_id,
        created_at=now,
        due_at=now,
        slot=secrets.randbelow(SLOTS),
        gathered=to_json(list(events.values())).decode(),
    )
    rest = [write for write in writes if not is_delivery(write)]
    return [*rest, Create(path(tenant, event_id, _ALL), one.to_data())]


def is_delivery(write: Write) -> bool:
    """Whether a write makes a delivery."""
    return isinstance(write, Create) and write.path.split("/")[2:3] == [COLLECTION]


def spread(store: DocumentStore, document: Document) -> None:
    """Makes the documents of the deliveries that were gathered, and removes that which has them.

    Whoever stops in the middle leaves the rest to the next call. Raises Conflict where another call
    does the same now, and ValueError where the document is not as `in_room` makes it.
    """
    from shared.models.webhooks import StoredDelivery  # noqa: PLC0415 - as above

    tenant = document.path.split("/")[1]
    wanted: dict[str, StoredDelivery] = {}
    for event in from_json(document.data["gathered"]):
        same = {name: event[name] for name in _SAME}
        for webhook_id in event[_WEBHOOKS]:
            fields = {**same, "webhookId": webhook_id, "slot": secrets.randbelow(SLOTS)}
            at = path(tenant, event["eventId"], webhook_id)
            wanted[at] = StoredDelivery.read(fields)
    paths = list(wanted)
    for start in range(0, len(paths), _AT_ONCE):
        chunk = paths[start : start + _AT_ONCE]
        there = store.get_many(chunk)
        writes: list[Write] = [
            Create(at, wanted[at].to_data())
            for at, found in zip(chunk, there, strict=True)
            if found is None
        ]
        if start + _AT_ONCE >= len(paths):
            writes.append(Delete(document.path, version=document.version))
        if writes:
            store.commit(writes)
