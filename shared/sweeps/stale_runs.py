"""Fails runs of agents that have taken longer than they may."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from pydantic import ValidationError

from shared import errors
from shared.documents.port import (
    Document,
    Filter,
    Order,
    Query,
    Update,
)
from shared.ledger.decision import Decider, Decision, Unchanged
from shared.ledger.kinds import CASES
from shared.ledger.ledger import Ledger
from shared.ledger.subjects import tenant_of
from shared.models.case import StoredCase
from shared.models.run import StoredRun
from shared.repository import runs
from shared.rules import runs as run_rules
from shared.sweeps.run import SweepRun


def fail_stale(sweep: SweepRun) -> None:
    """Fails runs past their `timeoutAt`, of all tenants, the longest overdue first."""
    query = Query(
        "runs",
        (Filter("timeoutAt", "<=", sweep.now),),
        (Order("timeoutAt"),),
        select=runs.SMALL_FIELDS,
        group=True,
    )
    for rows in sweep.due(query):
        readable = list(sweep.readable(runs.state, rows))
        for by_case in _one_of_each_case(readable):
            _fail(sweep, by_case)


def _one_of_each_case(
    rows: Sequence[tuple[Document, StoredRun]],
) -> Iterator[dict[str, Document]]:
    """The runs by the path of their case, in rounds that have at most one run of each case."""
    by_case: dict[str, list[Document]] = {}
    for row, run in rows:
        case_path = CASES.path(tenant_of(row.path), run.case_id)
        by_case.setdefault(case_path, []).append(row)
    for number in range(max(map(len, by_case.values()), default=0)):
        yield {name: found[number] for name, found in by_case.items() if number < len(found)}


def _fail(sweep: SweepRun, by_case: dict[str, Document]) -> None:
    sweep.ledger.keep_beside({run.path: run for run in by_case.values()})
    found = [case for case in sweep.store.get_many(list(by_case)) if case]
    sweep.counts["skipped"] += len(by_case) - len(found)
    readable = [case for case in found if _is_readable(sweep, case)]
    sweep.change(
        CASES, readable, lambda case: _failer(sweep.ledger, case.id, by_case[case.path].path)
    )


def _is_readable(sweep: SweepRun, case: Document) -> bool:
    """Whether a case can be read; if not, it is counted as failed, and the others go on."""
    try:
        CASES.state(case)
    except (ValidationError, errors.Unreadable):
        sweep.failed(case)
        return False
    return True


def _failer(ledger: Ledger, case_id: str, run_path: str) -> Decider[StoredCase, StoredRun]:
    """Fails a run of a case if its time is over."""

    def failed(
        old: StoredCase, now: datetime
    ) -> Decision[StoredCase, StoredRun] | Unchanged[StoredRun]:
        document = ledger.beside(run_path)
        if document is None:
            return Unchanged()
        before = runs.state(document)
        after = run_rules.timed_out(before, now)
        if after == before:
            return Unchanged()
        # Of a document that was read in part only what the rule has changed is written.
        old_data, new_data = before.to_data(document.data), after.to_data(document.data)
        fields = {name: value for name, value in new_data.items() if old_data[name] != value}
        write = Update(document.path, fields, version=document.version)
        return runs.step(old, case_id, document.id, after, write)

    return failed
