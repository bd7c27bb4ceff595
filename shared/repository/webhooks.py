"""The endpoints of a tenant that hear of its events: one document, and one audit chain."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from shared.documents.port import DocumentStore
from shared.ledger.decision import Decision, Recorded, Unchanged
from shared.ledger.kinds.webhooks import ENDPOINTS, WEBHOOKS
from shared.ledger.ledger import Ledger
from shared.ledger.subjects import load
from shared.models.events import EventType
from shared.models.webhooks import StoredEndpoint, StoredEndpoints
from shared.repository.webhook_keys import WebhookKeys


class Target(NamedTuple):
    """What is needed to send to an endpoint. `secrets` are texts like `whsec_…`, newest first."""

    url: str
    secrets: tuple[str, ...]
    endpoint: StoredEndpoint


def get(store: DocumentStore, tenant: str, now: datetime) -> StoredEndpoints:
    """The tenant's endpoints as they are now; none where it has none. Raises Unreadable."""
    found = load(WEBHOOKS, store.get(WEBHOOKS.path(tenant, ENDPOINTS)))
    return found or StoredEndpoints(updated_at=now)


def target(
    keys: WebhookKeys, tenant: str, state: StoredEndpoints, webhook_id: str, now: datetime
) -> Target | None:
    """What is needed to send to an endpoint; None where there is none, or it is disabled.

    Raises Unreadable where its secret cannot be opened.
    """
    endpoint, sealed = state.endpoints.get(webhook_id), state.sealed.get(webhook_id)
    if endpoint is None or sealed is None or endpoint.disabled_at:
        return None
    texts = [sealed.secret]
    if (
        sealed.previous_secret
        and sealed.previous_secret_until
        and sealed.previous_secret_until > now
    ):
        texts.append(sealed.previous_secret)
    return Target(
        keys.open(sealed.url, tenant, webhook_id, "url"),
        tuple(keys.open(text, tenant, webhook_id, "secret") for text in texts),
        endpoint,
    )


def disable(ledger: Ledger, webhook_id: str, reason: str) -> Recorded[StoredEndpoints]:
    """Disables an endpoint, and records why. Nothing changes where there is none, or it is."""

    def disabled(old: StoredEndpoints, now: datetime) -> Decision[StoredEndpoints] | Unchanged:
        endpoint = old.endpoints.get(webhook_id)
        if endpoint is None or endpoint.disabled_at:
            return Unchanged()
        new = endpoint.model_copy(
            update={"disabled_at": now, "disabled_reason": reason, "updated_at": now}
        )
        return Decision(
            old.model_copy(update={"endpoints": {**old.endpoints, webhook_id: new}}),
            EventType.WEBHOOK_DISABLED,
            "Webhook disabled",
            reason=reason,
            severity="warning",
            meta={"webhookId": webhook_id},
        )

    return ledger.change(WEBHOOKS, ENDPOINTS, disabled)
