"""Expires interventions that nobody decided in time.

This is only for tidiness: an intervention also expires when somebody tries to decide it too late.
"""

from __future__ import annotations

from datetime import datetime

from shared.documents.port import Filter, Order, Query
from shared.ledger.decision import Decision, Unchanged
from shared.ledger.kinds import INTERVENTIONS
from shared.models.intervention import OPEN, StoredIntervention
from shared.repository import interventions
from shared.rules import interventions as intervention_rules
from shared.sweeps.run import SweepRun


def expire(run: SweepRun) -> None:
    """Expires interventions past their `expiresAt`, of all tenants, the longest overdue first."""
    overdue = (Filter("status", "in", list(OPEN)), Filter("expiresAt", "<=", run.now))
    query = Query("interventions", overdue, (Order("expiresAt"),), group=True)
    for rows in run.due(query):
        readable = [row for row, _ in run.readable(INTERVENTIONS.state, rows)]
        run.change(INTERVENTIONS, readable, lambda _: _expired)


def _expired(old: StoredIntervention, now: datetime) -> Decision[StoredIntervention] | Unchanged:
    if not intervention_rules.has_run_out(old, now):
        return Unchanged()
    return interventions.expiry(intervention_rules.expired(old, now))
