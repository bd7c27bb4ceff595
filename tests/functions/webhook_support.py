"""What the tests of deliveries share: endpoints, and what is due to them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from shared.documents.port import Create, Document, Query
from shared.models.webhooks import StoredDelivery
from tests.client import Api

DELIVER = "/scheduled/deliverWebhooks"
SOON = timedelta(minutes=1)


def listening(api: Api, url: str, *events: str, **fields: Any) -> dict[str, Any]:
    """Makes an endpoint that hears of some events, by default of none that a test makes."""
    body = {"url": url, "events": list(events) or ["log_epoch_started"], **fields}
    answer = api.admin.post("/webhooks", body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json
    return made


def due(api: Api, webhook: dict[str, Any], at: datetime, *event_ids: str) -> None:
    """Puts deliveries to an endpoint that are due at a time straight into the store."""
    for event_id in event_ids:
        delivery = waiting(webhook, at, event_id)
        api.runtime.store.commit([Create(path(api, webhook, event_id), delivery.to_data())])


def waiting(webhook: dict[str, Any], at: datetime, event_id: str) -> StoredDelivery:
    """A delivery to an endpoint that is due at a time."""
    return StoredDelivery(
        webhook_id=webhook["id"],
        event_id=event_id,
        event_type="case_created",
        subject="cases/C-1",
        case_id="C-1",
        sequence=1,
        hash="b" * 64,
        previous_hash="0" * 64,
        event_at=at,
        created_at=at,
        due_at=at,
    )


def path(api: Api, webhook: dict[str, Any], event_id: str) -> str:
    """Where a delivery is."""
    return f"tenants/{api.tenant}/deliveries/{event_id}:{webhook['id']}"


def kept(api: Api, webhook: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What is stored of the deliveries to an endpoint, by the ids of their events."""
    rows: list[Document] = api.runtime.store.query(Query(f"tenants/{api.tenant}/deliveries"))
    own = [row.data for row in rows if row.data["webhookId"] == webhook["id"]]
    return {data["eventId"]: data for data in own}
