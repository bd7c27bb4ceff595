"""Deliveries as admins see them: their list, one that is sent again, and events that are replayed.

They are no part of the casework and follow from the trail, so what is done here leaves no event.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from shared import errors
from shared.documents.port import (
    Conflict,
    Create,
    Document,
    DocumentStore,
    Filter,
    Order,
    Query,
    Set,
    Write,
)
from shared.ledger import deliveries, events, listeners
from shared.ledger.kinds.webhooks import WEBHOOKS
from shared.ledger.subjects import written
from shared.models.deliveries import Delivery, DeliveryQuery, Replay, Replayed
from shared.models.events import Event
from shared.models.webhooks import StoredDelivery, StoredEndpoint, StoredEndpoints
from shared.repository import webhooks
from shared.repository.batches import made, pages
from shared.repository.paging import page
from shared.repository.reading import UNREADABLE
from shared.repository.sending import Sender
from shared.rules import deliveries as rules
from shared.rules.webhooks import matches

_PAGE = 200
_DISABLED = "the webhook is disabled, so nothing is sent to it"
_NO_DELIVERY = "the webhook has no delivery of this id"


def shown(delivery: StoredDelivery) -> Delivery:
    """A delivery as admins see it."""
    own = {
        name: getattr(delivery, name)
        for name in Delivery.model_fields
        if name not in ("id", "event_type")
    }
    spelled = rules.spelled(delivery.event_type)
    return Delivery(id=delivery.event_id, event_type=spelled, **own)


def listed(
    store: DocumentStore, tenant: str, webhook_id: str, wanted: DeliveryQuery, now: datetime
) -> tuple[list[Document], str | None]:
    """A page of an endpoint's deliveries, newest first. Raises NotFound."""
    filters = [Filter("webhookId", "==", webhook_id)]
    if wanted.status:
        filters.append(Filter("status", "==", wanted.status))
    newest_first = (Order("createdAt", descending=True),)
    query = Query(f"tenants/{tenant}/{deliveries.COLLECTION}", tuple(filters), newest_first)
    rows, token = page(store, query, wanted)
    if not rows and not wanted.page_token:
        webhooks.required(webhooks.get(store, tenant, now), webhook_id)
    return rows, token


def retry(
    store: DocumentStore, tenant: str, webhook_id: str, event_id: str, now: datetime
) -> StoredDelivery:
    """Makes a delivery due now, with all attempts before it.

    Raises NotFound, FailedPrecondition where the endpoint is disabled, and Aborted.
    """
    path = deliveries.path(tenant, event_id, webhook_id)
    document, endpoints = store.get_many([path, listeners.path(tenant)])
    _enabled(webhooks.read(endpoints, now), webhook_id)
    if document is None:
        raise errors.NotFound(_NO_DELIVERY)
    after = rules.again(StoredDelivery.read(document.data), now)
    try:
        store.commit([written(path, document, after)])
    except Conflict:
        raise errors.Aborted("the delivery was sent at the same time; try again") from None
    return after


def replay(  # noqa: PLR0913, PLR0917 - what is replayed, and for how long
    store: DocumentStore,
    tenant: str,
    webhook_id: str,
    wanted: Replay,
    now: datetime,
    has_time: Callable[[], bool],
) -> Replayed:
    """Makes deliveries of the events of a period that an endpoint hears of, while there is time.

    What is due already is left as it is. Raises NotFound, and FailedPrecondition where the endpoint
    is disabled.
    """
    endpoint = _enabled(webhooks.get(store, tenant, now), webhook_id)
    period = (
        Filter("createdAt", ">=", wanted.since),
        Filter("createdAt", "<", min(wanted.until or now, now)),
    )
    query = Query(f"tenants/{tenant}/audit", period, (Order("createdAt"),))
    replayed, last = 0, wanted.since
    for rows in pages(store, query, _PAGE):
        found = [event for event in _events(rows) if matches(endpoint, event)]
        replayed += _made_due(store, tenant, webhook_id, found, now)
        last = rows[-1].data["createdAt"]
        if len(rows) == _PAGE and not has_time():
            return Replayed(replayed=replayed, complete=False, continue_from=last)
    return Replayed(replayed=replayed, complete=True, continue_from=None)


def test(
    store: DocumentStore,
    sender: Sender,
    tenant: str,
    webhook_id: str,
    clock: Callable[[], datetime],
) -> StoredDelivery:
    """Sends an event of the type `webhook.test` at once, and keeps what came of it: no more tries.

    Raises NotFound, FailedPrecondition where the endpoint is disabled, and Unreadable.
    """
    now = clock()
    state = webhooks.get(store, tenant, now)
    _enabled(state, webhook_id)
    target = webhooks.target(sender.keys, tenant, state, webhook_id, now)
    if target is None:
        raise errors.FailedPrecondition(_DISABLED)
    delivery = StoredDelivery(
        webhook_id=webhook_id,
        event_id=f"test-{secrets.token_hex(12)}",
        event_type="webhook_test",
        subject=WEBHOOKS.subject(webhook_id),
        event_at=now,
        created_at=now,
    )
    answer = sender.send(target, delivery, now)
    after = rules.tested(delivery, answer, clock())
    store.commit([Create(deliveries.path(tenant, after.event_id, webhook_id), after.to_data())])
    return after


def _enabled(state: StoredEndpoints, webhook_id: str) -> StoredEndpoint:
    """An endpoint. Raises NotFound, and FailedPrecondition where it is disabled."""
    endpoint, _ = webhooks.required(state, webhook_id)
    if endpoint.disabled_at:
        raise errors.FailedPrecondition(_DISABLED, [{"disabledReason": endpoint.disabled_reason}])
    return endpoint


def _events(rows: Sequence[Document]) -> Iterator[Event]:
    """The events of rows; one that cannot be read was told by verification, and is left out."""
    for row in rows:
        try:
            yield events.from_document(row)
        except UNREADABLE:
            continue


def _made_due(
    store: DocumentStore, tenant: str, webhook_id: str, found: Sequence[Event], now: datetime
) -> int:
    """Makes deliveries of events due now; gives how many were not due before."""
    if not found:
        return 0
    paths = [deliveries.path(tenant, event.id, webhook_id) for event in found]
    writes: list[tuple[str, Write]] = []
    for event, path, document in zip(found, paths, store.get_many(paths), strict=True):
        told = {"created_at": now, "due_at": now}
        delivery = deliveries.new(event, webhook_id).model_copy(update=told)
        if document is None:
            writes.append((path, Create(path, delivery.to_data())))
        elif document.data.get("status") != "due":
            due = Set(path, delivery.to_data(), version=document.version)
            writes.append((path, due))
    return len(made(store, writes))
