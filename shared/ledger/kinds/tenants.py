"""A tenant, with its settings, as the subject of an audit chain."""

from __future__ import annotations

from shared.ledger.subjects import Kind, only_stored
from shared.models.settings import Settings, StoredSettings

TENANT = Kind(
    StoredSettings,
    "",
    unlisted=only_stored(StoredSettings, Settings),
    absent=lambda _, now: StoredSettings(updated_at=now),
)
