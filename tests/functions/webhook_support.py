"""What the tests of webhooks share: an endpoint in the store, and what is due to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.documents.port import Create, Document, Query, Update
from shared.ledger.kinds.webhooks import ENDPOINTS, WEBHOOKS
from shared.models.webhooks import SealedParts, StoredDelivery, StoredEndpoint, StoredEndpoints
from shared.repository.webhook_keys import WebhookKeys
from tests.client import Api

DELIVER = "/scheduled/deliverWebhooks"
KEYS = WebhookKeys([bytes(32)])
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="  # noqa: S105 - of the tests
OLD_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDC2FVsBQIhrs="  # noqa: S105 - of the tests
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def listening(
    api: Api,
    *urls: str,
    events: Sequence[str] = ("*",),
    previous_until: datetime | None = None,
    **fields: Any,
) -> list[str]:
    """Puts endpoints of this test's tenant straight into the store; gives their ids."""
    api.runtime.webhook_keys = KEYS
    names = [f"wh-{number}" for number in range(len(urls))]
    made = {"created_at": NOW, "created_by": "admin", "updated_at": NOW}
    endpoints = {
        name: StoredEndpoint(url=url, events=list(events), **made, **fields)
        for name, url in zip(names, urls, strict=True)
    }
    tenant = api.tenant
    sealed = {
        name: SealedParts(
            url=KEYS.seal(url, tenant, name, "url"),
            secret=KEYS.seal(SECRET, tenant, name, "secret"),
            previous_secret=KEYS.seal(OLD_SECRET, tenant, name, "secret"),
            previous_secret_until=previous_until,
        )
        for name, url in zip(names, urls, strict=True)
    }
    state = StoredEndpoints(endpoints=endpoints, sealed=sealed, updated_at=NOW)
    api.runtime.store.commit([Create(WEBHOOKS.path(tenant, ENDPOINTS), state.to_data())])
    return names


def due(api: Api, at: datetime, *ids: str, webhook_id: str = "wh-0", **fields: Any) -> None:
    """Puts deliveries that are due at a time straight into the store."""
    for name in ids:
        delivery = StoredDelivery(
            webhook_id=webhook_id,
            event_id=name,
            event_type="case_created",
            subject="cases/C-1",
            case_id="C-1",
            sequence=1,
            hash="b" * 64,
            previous_hash="0" * 64,
            event_at=at,
            created_at=at,
            due_at=at,
        ).model_copy(update=fields)
        path = f"tenants/{api.tenant}/deliveries/{name}:{webhook_id}"
        api.runtime.store.commit([Create(path, delivery.to_data())])


def kept(api: Api) -> dict[str, dict[str, Any]]:
    """What is stored of this test's deliveries, by the ids of the events and endpoints."""
    rows: list[Document] = api.runtime.store.query(Query(f"tenants/{api.tenant}/deliveries"))
    return {row.id: row.data for row in rows}


def leased(api: Api, name: str, until: datetime) -> None:
    """Has somebody be sending a delivery until a time."""
    path = f"tenants/{api.tenant}/deliveries/{name}"
    api.runtime.store.commit([Update(path, {"dueAt": until, "leasedUntil": until})])


SOON = timedelta(minutes=1)
