"""A tenant's settings."""

from __future__ import annotations

from shared.edge.function import Call, Reply, function
from shared.ledger.subjects import etag
from shared.models.settings import Settings, SettingsPatch, StoredSettings
from shared.repository import settings
from shared.rules.callers import ADMINS, READERS


@function("GET", "/settings", roles=READERS)
def get_settings(call: Call) -> Reply[Settings]:
    """Gives the tenant's settings, as they are now."""
    stored = settings.get(call.store, call.tenant, call.now)
    return Reply(_shown(call, stored), etag=etag(stored))


@function("PATCH", "/settings", roles=ADMINS)
def update_settings(call: Call, body: SettingsPatch) -> Reply[Settings]:
    """Changes the settings that are given; other instances use them within five minutes."""
    recorded = settings.update(call.ledger, body)
    stored = recorded.current
    return Reply(_shown(call, stored), etag=etag(stored), replayed=recorded.replayed)


def _shown(call: Call, stored: StoredSettings) -> Settings:
    shown = Settings(**{name: getattr(stored, name) for name in Settings.model_fields})
    return call.runtime.settings.keep(call.tenant, shown, call.now)
