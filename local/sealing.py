"""Seals events of a file at once, which a server does a minute later."""

from __future__ import annotations

from pathlib import Path

from shared.config import Config
from shared.ledger.ledger import Ledger
from shared.ledger.origin import Origin
from shared.models.roles import Actor, Role
from shared.repository import sealed
from shared.repository.log_keys import LogKeys
from shared.runtime import open_store, utc_now
from shared.sweeps import seal
from shared.sweeps.run import SweepRun

_SECONDS = 60.0


def sealed_later(database: Path, keys: LogKeys, tenant: str) -> str:
    """Seals what is in an SQLite file as if a minute had gone by.

    It gives the checkpoint of a tenant's log.
    """
    store = open_store(Config(sqlite=str(database)))
    later = utc_now() + seal.DELAY
    cron = Actor(subject="cron", email=None, type="system", role=Role.SCHEDULER)
    request = Origin(tenant, cron, "scheduler", "seal_audit", "demo")
    ledger = Ledger(store, request, lambda: later)
    run = SweepRun(ledger, _SECONDS, lambda: False, dry=False)
    seal.seal(run, keys, None)
    log = sealed.opened(store, tenant)
    store.close()
    return log.checkpoint if log else ""
