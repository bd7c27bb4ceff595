"""A tenant's settings, which each instance reads once every five minutes."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.documents.port import DocumentStore
from shared.errors import InvalidArgument
from shared.ledger.decision import Decision, Recorded, Unchanged
from shared.ledger.kinds.tenants import TENANT
from shared.ledger.ledger import Ledger
from shared.ledger.subjects import load
from shared.models.events import EventType
from shared.models.settings import MAX_TYPES, Settings, SettingsPatch, StoredSettings

CACHED_FOR = timedelta(minutes=5)
_WAITED_FOR = {
    "closing_changed_at": {"auto_close_days"},
    "retention_changed_at": {"intervention_retention_days", "case_retention_days"},
}


class SettingsCache:
    """The settings that this instance has seen, by tenant."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[datetime, Settings]] = {}

    def of(self, store: DocumentStore, tenant: str, now: datetime) -> Settings:
        """The tenant's settings, at most CACHED_FOR old."""
        seen = self._seen.get(tenant)
        if seen is None or now - seen[0] > CACHED_FOR:
            return self.keep(tenant, get(store, tenant, now), now)
        return seen[1]

    def keep(self, tenant: str, settings: Settings, now: datetime) -> Settings:
        """Remembers settings just read or written."""
        self._seen[tenant] = (now, settings)
        return settings


def get(store: DocumentStore, tenant: str, now: datetime) -> StoredSettings:
    """The settings that the tenant has stored, or the defaults where it has stored none."""
    return load(TENANT, store.get(TENANT.path(tenant, ""))) or StoredSettings(updated_at=now)


def update(ledger: Ledger, patch: SettingsPatch) -> Recorded[StoredSettings]:
    """Changes settings, and records what changed. Existing due dates stay as they are."""
    return ledger.change(TENANT, "", lambda old, now: _patched(old, patch, now))


def _patched(
    old: StoredSettings, patch: SettingsPatch, now: datetime
) -> Decision[StoredSettings] | Unchanged:
    updates = {name: getattr(patch, name) for name in patch.model_fields_set}
    if "sla_hours" in updates:
        merged = {**old.sla_hours, **updates["sla_hours"]}
        updates["sla_hours"] = {name: hours for name, hours in merged.items() if hours is not None}
        if len(updates["sla_hours"]) > MAX_TYPES:
            raise InvalidArgument.field("slaHours", f"may name at most {MAX_TYPES} decision types")
    new = old.model_copy(update=updates)
    if new == old:
        return Unchanged()
    flags = {flag: now for flag, names in _WAITED_FOR.items() if names & updates.keys()}
    message = "Settings changed: " + ", ".join(sorted(updates))
    return Decision(new.model_copy(update=flags), EventType.SETTINGS_CHANGED, message)
