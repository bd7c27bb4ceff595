"""What is sent to webhooks: tries, what became of each delivery, and sending again."""

from __future__ import annotations

import time

from shared.edge.function import Call, function
from shared.errors import FailedPrecondition
from shared.models.base import Id
from shared.models.deliveries import Delivery, DeliveryPage, DeliveryQuery, Replay, Replayed
from shared.models.webhooks import StoredDelivery
from shared.repository import deliveries
from shared.repository.reading import readable
from shared.repository.webhooks import NO_KEY
from shared.rules.callers import ADMINS, OVERSEEING

SECONDS = 20.0
"""How long a replay looks at events before it answers."""


@function("POST", "/webhooks/{webhookId}:test", roles=ADMINS, expensive=True)
def test_webhook(call: Call, webhook_id: Id) -> Delivery:
    """Sends an event of the type `webhook.test` at once, and says what the receiver answered.

    It takes 15 seconds at most. It is sent once, whatever comes of it.
    """
    sender = call.runtime.sender
    if sender is None:
        raise FailedPrecondition(NO_KEY)
    sent = deliveries.test(call.store, sender, call.tenant, webhook_id, call.runtime.clock)
    return deliveries.shown(sent)


@function("GET", "/webhooks/{webhookId}/deliveries", roles=OVERSEEING)
def list_deliveries(call: Call, webhook_id: Id, query: DeliveryQuery) -> DeliveryPage:
    """Lists what is to be sent to an endpoint and what was, newest first."""
    rows, token = deliveries.listed(call.store, call.tenant, webhook_id, query, call.now)
    found, bad = readable(rows, lambda row: deliveries.shown(StoredDelivery.read(row.data)))
    return DeliveryPage.model_construct(deliveries=found, next_page_token=token, unreadable=bad)


@function("POST", "/webhooks/{webhookId}/deliveries/{deliveryId}:retry", roles=ADMINS)
def retry_delivery(call: Call, webhook_id: Id, delivery_id: Id) -> Delivery:
    """Makes a delivery due now, also one that was made or has failed; it gets all attempts again.

    It leaves no audit event. 409 where the endpoint is disabled.
    """
    made = deliveries.retry(call.store, call.tenant, webhook_id, delivery_id, call.now)
    return deliveries.shown(made)


@function("POST", "/webhooks/{webhookId}:replay", roles=ADMINS, expensive=True)
def replay_webhook(call: Call, webhook_id: Id, body: Replay) -> Replayed:
    """Sends the events of a period again, of those that the endpoint hears of.

    They keep their ids, so a receiver knows which it has. Where the request has no time for all of
    it, `complete` is false, and `continueFrom` says where to continue. It leaves no audit event.
    409 where the endpoint is disabled.
    """
    until = time.monotonic() + SECONDS

    def has_time() -> bool:
        return time.monotonic() < until and not call.runtime.stopping

    return deliveries.replay(call.store, call.tenant, webhook_id, body, call.now, has_time)
