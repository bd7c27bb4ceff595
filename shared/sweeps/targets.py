"""Where deliveries are sent to: the endpoints of tenants, as one run has read them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from shared import errors
from shared.documents.port import Document, DocumentStore
from shared.ledger.listeners import path
from shared.ledger.subjects import tell
from shared.models.webhooks import StoredEndpoints
from shared.outgoing import Answer
from shared.repository import webhooks
from shared.repository.sending import NO_SECRET
from shared.repository.webhook_keys import WebhookKeys
from shared.repository.webhooks import Target


class Endpoint(NamedTuple):
    """A tenant, and the id of one of its webhooks."""

    tenant: str
    id: str


class Targets:
    """What is needed to send to endpoints, in `found`; not for one that is disabled or deleted.

    `unread` has the endpoints that cannot be read, each with what comes of an attempt.
    """

    def __init__(self, store: DocumentStore, keys: WebhookKeys, now: datetime) -> None:
        self.found: dict[Endpoint, Target] = {}
        self.unread: dict[Endpoint, Answer] = {}
        self._store = store
        self._keys = keys
        self._now = now
        self._known: set[Endpoint] = set()
        self._tenants: dict[str, StoredEndpoints | None] = {}

    def learn(self, endpoints: Collection[Endpoint]) -> None:
        """Reads those that are not known: one document for each tenant."""
        unknown = set(endpoints) - self._known
        self._known |= unknown
        tenants = sorted({one.tenant for one in unknown} - self._tenants.keys())
        if tenants:
            documents = self._store.get_many([path(tenant) for tenant in tenants])
            for tenant, document in zip(tenants, documents, strict=True):
                self._tenants[tenant] = self._read(tenant, document)
        for endpoint in unknown:
            self._open(endpoint)

    def _read(self, tenant: str, document: Document | None) -> StoredEndpoints | None:
        try:
            return webhooks.read(document, self._now)
        except errors.Unreadable:
            tell(path(tenant))
            return None

    def _open(self, endpoint: Endpoint) -> None:
        state = self._tenants[endpoint.tenant]
        if state is None:
            self.unread[endpoint] = NO_SECRET
            return
        try:
            target = webhooks.target(self._keys, endpoint.tenant, state, endpoint.id, self._now)
        except errors.Unreadable:
            tell(path(endpoint.tenant))
            self.unread[endpoint] = NO_SECRET
        else:
            if target:
                self.found[endpoint] = target
