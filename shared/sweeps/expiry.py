"""Expires interventions that nobody decided in time, and reminds people of the others.

To expire them is only for tidiness: an intervention also expires when somebody tries to decide it
too late.
"""

from __future__ import annotations

from datetime import datetime

from shared.documents.port import Document, Filter, Order, Query
from shared.ledger.decision import Decider, Decision, Unchanged
from shared.ledger.kinds.cases import CASES
from shared.ledger.kinds.interventions import INTERVENTIONS
from shared.ledger.ledger import Ledger
from shared.ledger.subjects import tenant_of
from shared.models.events import EventType
from shared.models.intervention import OPEN, StoredIntervention
from shared.repository import hanging
from shared.repository.reading import unless_unreadable
from shared.rules import intervention_rows, reminders
from shared.rules import interventions as intervention_rules
from shared.sweeps.run import SweepRun, rounds


def expire(run: SweepRun) -> None:
    """Expires interventions past their `expiresAt`, of all tenants, the longest overdue first."""
    overdue = (Filter("status", "in", list(OPEN)), Filter("expiresAt", "<=", run.now))
    query = Query("interventions", overdue, (Order("expiresAt"),), group=True)
    for rows in run.due(query):
        readable = [
            (_counted_at(row, state) or row.path, (row, state))
            for row, state in run.readable(INTERVENTIONS.state, rows)
        ]
        for by_case in rounds(readable):
            _expire(run, by_case)


def remind(run: SweepRun) -> None:
    """Records that it is time to remind people of open interventions, of all tenants."""
    due = (Filter("remindAt", "<=", run.now),)
    query = Query("interventions", due, (Order("remindAt"),), group=True)
    # To expire them is not done here.
    in_time = unless_unreadable(lambda row: intervention_rows.waits(row.data, run.now))
    for rows in run.due(query):
        readable = run.readable(INTERVENTIONS.state, list(filter(in_time, rows)))
        run.change(INTERVENTIONS, list(readable), lambda _: _reminded)


def _reminded(old: StoredIntervention, now: datetime) -> Decision[StoredIntervention] | Unchanged:
    found = reminders.reminded(old, now)
    if found is None:
        return Unchanged()
    new, percent = found
    return Decision(
        new,
        EventType.INTERVENTION_REMINDED,
        f"{percent} % of the time to decide are over",
        severity="warning",
        case_id=new.case_id,
        meta={"percent": percent},
    )


def _counted_at(row: Document, state: StoredIntervention) -> str | None:
    """The path of the case that counts an intervention."""
    return (
        CASES.path(tenant_of(row.path), state.case_id) if state.counted and state.case_id else None
    )


def _expire(run: SweepRun, by_case: dict[str, tuple[Document, StoredIntervention]]) -> None:
    """Expires interventions of different cases, each with the count of its case."""
    cases = [path for path, (row, _) in by_case.items() if path != row.path]
    if cases and not run.dry:
        documents = run.store.get_many(cases)
        run.ledger.keep_beside(dict(zip(cases, documents, strict=True)))
    run.change(INTERVENTIONS, list(by_case.values()), lambda row: _expirer(run.ledger, row))


def _expirer(ledger: Ledger, row: Document) -> Decider[StoredIntervention]:
    def expired(old: StoredIntervention, now: datetime) -> Decision[StoredIntervention] | Unchanged:
        if not intervention_rules.has_run_out(old, now):
            return Unchanged()
        new = intervention_rules.expired(old, now)
        writes = hanging.settled(ledger, tenant_of(row.path), old, new)
        return hanging.ending(new, writes)

    return expired
