"""The endpoints of a tenant that hear of its events, as the subject of one audit chain."""

from __future__ import annotations

from shared.ledger.subjects import Kind
from shared.models.webhooks import StoredEndpoints

ENDPOINTS = "endpoints"
"""The name of the one document."""

WEBHOOKS = Kind(
    StoredEndpoints,
    "webhooks",
    unlisted=frozenset({"sealed"}),
    absent=lambda _, now: StoredEndpoints(updated_at=now),
)
