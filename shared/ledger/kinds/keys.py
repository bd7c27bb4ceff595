"""Keys as subjects of an audit chain."""

from __future__ import annotations

from shared.ledger.subjects import Kind
from shared.models.key import StoredKey

KEYS = Kind(
    StoredKey,
    "keys",
    unlisted=frozenset({"created_at", "created_by", "created_by_subject", "last_used_on"}),
    # So a hash that somebody has put in its place is found, and the trail does not show it.
    hashed=frozenset({"secret_hash"}),
)
