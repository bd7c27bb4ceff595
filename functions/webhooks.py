"""Webhooks: which addresses hear of which events of the tenant."""

from __future__ import annotations

from shared.edge.function import Call, Reply, function
from shared.errors import FailedPrecondition
from shared.ledger.subjects import etag
from shared.models.base import Id
from shared.models.webhooks import (
    NewWebhook,
    StoredEndpoints,
    Webhook,
    WebhookPatch,
    Webhooks,
    WebhookWithSecret,
)
from shared.repository import webhooks
from shared.repository.webhooks import NO_KEY, Found, Sealing
from shared.rules import webhooks as rules
from shared.rules.callers import ADMINS, OVERSEEING


@function("GET", "/webhooks", roles=OVERSEEING)
def list_webhooks(call: Call) -> Reply[Webhooks]:
    """Lists the webhooks of the tenant, the oldest first. Their secrets are not shown."""
    stored = webhooks.get(call.store, call.tenant, call.now)
    found = [_shown(call, stored, webhook_id) for webhook_id in stored.endpoints]
    found.sort(key=lambda one: (one.created_at, one.id))
    return Reply(Webhooks(webhooks=found), etag=etag(stored))


@function("POST", "/webhooks", roles=ADMINS, code=201)
def create_webhook(call: Call, body: NewWebhook) -> Reply[WebhookWithSecret]:
    """Makes a webhook, and shows its secret this once; a tenant has at most 20.

    Other instances send it what happens within five minutes.
    """
    sealing = _sealing(call)
    return _with_secret(call, sealing, webhooks.create(call.ledger, sealing, body))


@function("PATCH", "/webhooks/{webhookId}", roles=ADMINS)
def update_webhook(call: Call, webhook_id: Id, body: WebhookPatch) -> Reply[Webhook]:
    """Changes what is given of a webhook; other instances go by it within five minutes."""
    found = webhooks.update(call.ledger, lambda: _sealing(call), webhook_id, body)
    stored = _kept(call, found)
    shown = _shown(call, stored, webhook_id)
    return Reply(shown, etag=etag(stored), replayed=found.replayed)


@function("POST", "/webhooks/{webhookId}:rotateSecret", roles=ADMINS)
def rotate_webhook_secret(call: Call, webhook_id: Id) -> Reply[WebhookWithSecret]:
    """Gives a webhook a new secret, and shows it this once.

    For 24 hours the secret before signs as well; one from before that does not sign any more.
    """
    sealing = _sealing(call)
    return _with_secret(call, sealing, webhooks.rotate(call.ledger, sealing, webhook_id))


@function("DELETE", "/webhooks/{webhookId}", roles=ADMINS, code=204)
def delete_webhook(call: Call, webhook_id: Id) -> Reply[None]:
    """Removes a webhook. What was not delivered to it yet is not sent any more."""
    found = webhooks.delete(call.ledger, webhook_id)
    _kept(call, found)
    return Reply(None, replayed=found.replayed)


def _sealing(call: Call) -> Sealing:
    keys = call.runtime.webhook_keys
    if keys is None:
        raise FailedPrecondition(NO_KEY)
    return Sealing(keys, call.tenant, local=call.runtime.config.unsigned_tokens)


def _kept(call: Call, found: Found) -> StoredEndpoints:
    """The endpoints after a change, by which this instance goes at once."""
    stored = found.current
    call.runtime.listeners.keep(call.tenant, stored.endpoints, call.now)
    return stored


def _shown(call: Call, stored: StoredEndpoints, webhook_id: str) -> Webhook:
    endpoint, parts = webhooks.required(stored, webhook_id)
    return rules.shown(webhook_id, endpoint, parts, call.now)


def _with_secret(call: Call, sealing: Sealing, found: Found) -> Reply[WebhookWithSecret]:
    stored = _kept(call, found)
    shown = _shown(call, stored, webhooks.id_of(found))
    body = WebhookWithSecret(**dict(shown), secret=webhooks.secret_of(sealing, found))
    return Reply(body, etag=etag(stored), replayed=found.replayed)
