"""The endpoints of a tenant that hear of its events: one document, and one audit chain."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple

from shared import errors
from shared.documents.port import Document, DocumentStore
from shared.ledger import listeners
from shared.ledger.decision import Decision, Recorded, Unchanged
from shared.ledger.kinds.webhooks import ENDPOINTS, WEBHOOKS
from shared.ledger.ledger import Ledger
from shared.ledger.subjects import load
from shared.models.events import EventType
from shared.models.webhooks import (
    BOTH_SECRETS,
    MAX_ENDPOINTS,
    NewWebhook,
    SealedParts,
    StoredEndpoint,
    StoredEndpoints,
    WebhookPatch,
)
from shared.repository.webhook_keys import WebhookKeys, new_secret
from shared.rules import webhooks as rules

NO_KEY = "webhooks need CASELEDGER_WEBHOOK_KEY, which is not set"
Found = Recorded[StoredEndpoints, str]
"""What became of the endpoints; its result is the id of the one that the request is about."""


class Sealing(NamedTuple):
    """What seals what is secret of a tenant's endpoints. `local`: see `require_address`."""

    keys: WebhookKeys
    tenant: str
    local: bool


class Target(NamedTuple):
    """What is needed to send to an endpoint. `secrets` are texts like `whsec_…`, newest first."""

    url: str
    secrets: tuple[str, ...]
    endpoint: StoredEndpoint


def get(store: DocumentStore, tenant: str, now: datetime) -> StoredEndpoints:
    """The tenant's endpoints as they are now; none where it has none. Raises Unreadable."""
    return read(store.get(listeners.path(tenant)), now)


def read(document: Document | None, now: datetime) -> StoredEndpoints:
    """The endpoints in a tenant's document of them; none without one. Raises Unreadable."""
    return load(WEBHOOKS, document) or StoredEndpoints(updated_at=now)


def required(state: StoredEndpoints, webhook_id: str) -> tuple[StoredEndpoint, SealedParts]:
    """An endpoint, and what is sealed of it. Raises NotFound where there is none."""
    if webhook_id not in state.endpoints or webhook_id not in state.sealed:
        raise errors.NotFound(f"webhooks/{webhook_id} does not exist")
    return state.endpoints[webhook_id], state.sealed[webhook_id]


def create(ledger: Ledger, sealing: Sealing, new: NewWebhook) -> Found:
    """Makes an endpoint with a secret of its own.

    Raises InvalidArgument for an address that nothing is sent to, and FailedPrecondition where the
    tenant has as many endpoints as it can.
    """
    rules.require_address(new.url, local=sealing.local)

    def made(old: StoredEndpoints, now: datetime) -> Decision[StoredEndpoints, str]:
        if len(old.endpoints) >= MAX_ENDPOINTS:
            most = f"a tenant has at most {MAX_ENDPOINTS} webhooks: delete one first"
            raise errors.FailedPrecondition(most, [{"webhooks": len(old.endpoints)}])
        webhook_id = f"wh-{secrets.token_hex(8)}"
        endpoint = rules.made(new, ledger.origin.actor.name, now)
        parts = SealedParts(
            url=sealing.keys.seal(new.url, sealing.tenant, webhook_id, "url"),
            secret=sealing.keys.seal(new_secret(), sealing.tenant, webhook_id, "secret"),
            made_by=ledger.event_id,
        )
        state = _with(old, webhook_id, endpoint, parts)
        return _decided(state, webhook_id, EventType.WEBHOOK_CREATED, "Webhook added")

    return _changed(ledger, made)


def update(
    ledger: Ledger, sealing: Callable[[], Sealing], webhook_id: str, patch: WebhookPatch
) -> Found:
    """Changes an endpoint. What seals is asked for where the address changes."""
    needed = sealing() if "url" in patch.model_fields_set else None
    if needed:
        rules.require_address(patch.url, local=needed.local)

    def patched(
        old: StoredEndpoints, now: datetime
    ) -> Decision[StoredEndpoints, str] | Unchanged[str]:
        endpoint, parts = required(old, webhook_id)
        url = endpoint.url
        if needed:
            sealed = needed.keys.seal(patch.url, needed.tenant, webhook_id, "url")
            parts = parts.model_copy(update={"url": sealed})
            url = rules.shown_address(patch.url)
        new = rules.patched(endpoint, patch, url, now)
        if new is None:
            return Unchanged(webhook_id)
        state = _with(old, webhook_id, new, parts)
        if new.disabled_at and not endpoint.disabled_at:
            return _decided(state, webhook_id, EventType.WEBHOOK_DISABLED, "Webhook disabled")
        message = "Webhook changed: " + ", ".join(sorted(patch.model_fields_set))
        return _decided(state, webhook_id, EventType.WEBHOOK_UPDATED, message)

    return _changed(ledger, patched)


def rotate(ledger: Ledger, sealing: Sealing, webhook_id: str) -> Found:
    """Gives an endpoint a new secret; the one before also signs for BOTH_SECRETS."""

    def rotated(old: StoredEndpoints, now: datetime) -> Decision[StoredEndpoints, str]:
        endpoint, parts = required(old, webhook_id)
        url = sealing.keys.open(parts.url, sealing.tenant, webhook_id, "url")
        new = parts.model_copy(
            update={
                # By the newest key: after a day nothing needs the ones before.
                "url": sealing.keys.seal(url, sealing.tenant, webhook_id, "url"),
                "secret": sealing.keys.seal(new_secret(), sealing.tenant, webhook_id, "secret"),
                "made_by": ledger.event_id,
                "previous_secret": parts.secret,
                "previous_secret_until": now + BOTH_SECRETS,
            }
        )
        state = _with(old, webhook_id, endpoint.model_copy(update={"updated_at": now}), new)
        message = "Secret of a webhook rotated"
        return _decided(state, webhook_id, EventType.WEBHOOK_SECRET_ROTATED, message)

    return _changed(ledger, rotated)


def delete(ledger: Ledger, webhook_id: str) -> Found:
    """Removes an endpoint: it hears of nothing more. What was to be delivered to it is dropped."""

    def deleted(old: StoredEndpoints, _: datetime) -> Decision[StoredEndpoints, str]:
        required(old, webhook_id)
        state = old.model_copy(
            update={
                "endpoints": _without(old.endpoints, webhook_id),
                "sealed": _without(old.sealed, webhook_id),
            }
        )
        return _decided(state, webhook_id, EventType.WEBHOOK_DELETED, "Webhook removed")

    return _changed(ledger, deleted)


def disable(ledger: Ledger, webhook_id: str, reason: str, seen: StoredEndpoint) -> Found:
    """Disables an endpoint, and records why.

    Nothing changes where there is none, where it is disabled, or where it was changed since it was
    `seen`: it may have another address.
    """

    def disabled(
        old: StoredEndpoints, now: datetime
    ) -> Decision[StoredEndpoints, str] | Unchanged[str]:
        endpoint = old.endpoints.get(webhook_id)
        if endpoint is None or endpoint.disabled_at or endpoint.updated_at != seen.updated_at:
            return Unchanged(webhook_id)
        new = rules.disabled(endpoint, reason, now)
        state = _with(old, webhook_id, new, old.sealed[webhook_id])
        return _decided(state, webhook_id, EventType.WEBHOOK_DISABLED, "Webhook disabled", reason)

    return _changed(ledger, disabled)


def id_of(found: Found) -> str:
    """The id of the endpoint that a request was about, also when it is repeated."""
    return found.result or str(found.happened.meta["webhookId"])


def secret_of(sealing: Sealing, found: Found) -> str | None:
    """The secret that a request made; None where it has been rotated since."""
    webhook_id = id_of(found)
    parts = found.current.sealed.get(webhook_id)
    if parts is None or parts.made_by != found.happened.id:
        return None
    return sealing.keys.open(parts.secret, sealing.tenant, webhook_id, "secret")


def target(
    keys: WebhookKeys, tenant: str, state: StoredEndpoints, webhook_id: str, now: datetime
) -> Target | None:
    """What is needed to send to an endpoint; None where there is none, or it is disabled.

    Raises Unreadable where its secret cannot be opened. A previous one that cannot be opened, as
    after the loss of a key, does not sign.
    """
    endpoint, parts = state.endpoints.get(webhook_id), state.sealed.get(webhook_id)
    if endpoint is None or parts is None or endpoint.disabled_at:
        return None
    url = keys.open(parts.url, tenant, webhook_id, "url")
    texts = [keys.open(parts.secret, tenant, webhook_id, "secret")]
    if parts.previous_secret and rules.both_sign(parts, now):
        with suppress(errors.Unreadable):
            texts.append(keys.open(parts.previous_secret, tenant, webhook_id, "secret"))
    return Target(url, tuple(texts), endpoint)


def _changed(ledger: Ledger, decide: Any) -> Found:
    return ledger.change(WEBHOOKS, ENDPOINTS, decide)


def _with(
    old: StoredEndpoints, webhook_id: str, endpoint: StoredEndpoint, parts: SealedParts
) -> StoredEndpoints:
    endpoints = {**old.endpoints, webhook_id: endpoint}
    sealed = {**old.sealed, webhook_id: parts}
    return old.model_copy(update={"endpoints": endpoints, "sealed": sealed})


def _without(old: dict[str, Any], webhook_id: str) -> dict[str, Any]:
    return {name: value for name, value in old.items() if name != webhook_id}


def _decided(
    state: StoredEndpoints,
    webhook_id: str,
    event_type: EventType,
    message: str,
    reason: str | None = None,
) -> Decision[StoredEndpoints, str]:
    """The decision; its meta has the id, which a repeat of the request finds there."""
    meta = {"webhookId": webhook_id}
    return Decision(state, event_type, message, reason=reason, meta=meta, result=webhook_id)
