"""The endpoints of tenants that this instance has seen, so that a commit need not read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from shared import errors
from shared.documents.port import Document, DocumentStore
from shared.ledger.subjects import tell

if TYPE_CHECKING:  # where nobody listens, nothing of it is loaded
    from shared.models.webhooks import StoredEndpoint

CACHED_FOR = timedelta(minutes=5)
"""After how long at most an instance knows of an endpoint that was made by another."""
_REMEMBERED = 10_000
"""How many tenants an instance remembers; whichever is forgotten is only read once more."""

Endpoints = Mapping[str, "StoredEndpoint"]


class Listeners:
    """The endpoints that hear of events, by tenant and id, at most CACHED_FOR old."""

    def __init__(self, remembered: int = _REMEMBERED) -> None:
        self._remembered = remembered
        self._seen: dict[str, tuple[datetime, Endpoints]] = {}

    def of(self, store: DocumentStore, tenant: str, now: datetime) -> Endpoints:
        """The tenant's endpoints; they are read where they are not known, or no more."""
        self.learn(store, [tenant], now)
        return self._seen[tenant][1]

    def learn(self, store: DocumentStore, tenants: Iterable[str], now: datetime) -> None:
        """Reads the endpoints of those tenants whose are not known, in one round trip."""
        unknown = [tenant for tenant in dict.fromkeys(tenants) if not self._knows(tenant, now)]
        if not unknown:
            return
        for tenant, document in zip(
            unknown, store.get_many([path(tenant) for tenant in unknown]), strict=True
        ):
            self.keep(tenant, _endpoints(document), now)

    def keep(self, tenant: str, endpoints: Endpoints, now: datetime) -> None:
        """Remembers endpoints that were just read or written."""
        while len(self._seen) >= self._remembered and tenant not in self._seen:
            self._seen.pop(next(iter(self._seen)), None)
        self._seen[tenant] = (now, endpoints)

    def _knows(self, tenant: str, now: datetime) -> bool:
        seen = self._seen.get(tenant)
        return seen is not None and now - seen[0] <= CACHED_FOR


def path(tenant: str) -> str:
    """Where the endpoints of a tenant are kept."""
    return f"tenants/{tenant}/webhooks/endpoints"


def _endpoints(document: Document | None) -> Endpoints:
    """The endpoints in a document. What cannot be read hears of nothing: no change fails by it."""
    if document is None:
        return {}
    from shared.ledger.kinds.webhooks import WEBHOOKS  # noqa: PLC0415 - as above

    try:
        state = WEBHOOKS.state(document)
    except errors.Unreadable:
        tell(document.path)
        return {}
    return state.endpoints if state else {}
