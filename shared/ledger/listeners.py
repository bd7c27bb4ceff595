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
        known = self._known(tenant, now)
        return self._read(store, [tenant], now)[0] if known is None else known

    def learn(self, store: DocumentStore, tenants: Iterable[str], now: datetime) -> None:
        """Reads the endpoints of those tenants whose are not known, in one round trip."""
        unknown = [one for one in dict.fromkeys(tenants) if self._known(one, now) is None]
        if unknown:
            self._read(store, unknown, now)

    def keep(self, tenant: str, endpoints: Endpoints, now: datetime) -> None:
        """Remembers endpoints that were just read or written."""
        while len(self._seen) >= self._remembered and tenant not in self._seen:
            self._seen.pop(next(iter(self._seen)), None)
        self._seen[tenant] = (now, endpoints)

    def _known(self, tenant: str, now: datetime) -> Endpoints | None:
        seen = self._seen.get(tenant)
        return seen[1] if seen is not None and now - seen[0] <= CACHED_FOR else None

    def _read(self, store: DocumentStore, tenants: list[str], now: datetime) -> list[Endpoints]:
        documents = store.get_many([path(tenant) for tenant in tenants])
        found = [_endpoints(document) for document in documents]
        for tenant, endpoints in zip(tenants, found, strict=True):
            # What another request has written meanwhile is newer.
            seen = self._seen.get(tenant)
            if seen is None or seen[0] < now:
                self.keep(tenant, endpoints, now)
        return found


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
