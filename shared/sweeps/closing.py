"""Closes cases that have been approved for as long as their tenant's `autoCloseDays`."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from shared.documents.port import Document, Filter, Query
from shared.errors import FailedPrecondition
from shared.ledger.decision import Decider, Decision, Unchanged
from shared.ledger.kinds.cases import CASES
from shared.ledger.subjects import tenant_of
from shared.models.case import Status, StoredCase
from shared.models.events import EventType
from shared.models.settings import StoredSettings
from shared.repository import open_work
from shared.rules import cases as case_rules
from shared.sweeps.run import SweepRun, after_days, due_by, sorted_by_sweep

_A_DAY = timedelta(days=1)
_APPROVED = Filter("status", "==", Status.APPROVED)
_REASON = "Approved for as long as the settings keep an approved case open"


def close_approved(run: SweepRun) -> None:
    """Closes the cases that are due, of all tenants, by the same rules as any other closing.

    A case on which something is open stays, and is looked at again the next day.
    """
    run.wake("closingChangedAt", _approved)
    for rows in run.due(sorted_by_sweep("cases", _APPROVED, due_by(run.now), group=True)):
        ripe = run.ripe(list(run.readable(CASES.state, rows)), _closes_at)
        busy = [row for row, case in ripe if case.open_interventions or case.open_runs]
        run.postpone([(row, run.now + _A_DAY) for row in busy])
        free = [one for one in ripe if not (one[1].open_interventions or one[1].open_runs)]
        run.change(CASES, free, partial(_closer, run))


def _approved(tenant: str) -> list[Query]:
    return [sorted_by_sweep(f"tenants/{tenant}/cases", _APPROVED)]


def _closes_at(settings: StoredSettings, case: StoredCase) -> datetime:
    return after_days(case.status_changed_at, settings.auto_close_days)


def _closer(run: SweepRun, row: Document) -> Decider[StoredCase]:
    since = StoredCase.row(row.data)["statusChangedAt"]

    def closed(old: StoredCase, now: datetime) -> Decision[StoredCase] | Unchanged:
        if old.status is not Status.APPROVED or old.status_changed_at != since:
            return Unchanged()
        decided = Decision(
            case_rules.closed(old, _REASON, now),
            EventType.STATUS_CHANGED,
            f"Status changed from {old.status} to {Status.CLOSED}",
            reason=_REASON,
            case_id=row.id,
        )
        try:
            ledger = run.ledger_of(tenant_of(row.path))
            return open_work.without_open(ledger, decided, row.id, now, end=False)
        except FailedPrecondition:
            return Unchanged()

    return closed
