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
)
from shared.ledger.decision import Decider, Decision, Unchanged
from shared.ledger.kinds.cases import CASES
from shared.ledger.subjects import tenant_of
from shared.models.case import StoredCase
from shared.models.run import StoredRun
from shared.repository import hanging, runs
from shared.rules import runs as run_rules
from shared.sweeps.run import SweepRun, rounds


def fail_stale(sweep: SweepRun) -> None:
    """Fails runs past their `timeoutAt`, of all tenants, the longest overdue first."""
    query = Query(
        "runs",
        (Filter("timeoutAt", "<=", sweep.now),),
        (Order("timeoutAt"),),
        select=hanging.SMALL_FIELDS,
        group=True,
    )
    for rows in sweep.due(query):
        readable = list(sweep.readable(runs.state, rows))
        of_cases = [(CASES.path(tenant_of(row.path), run.case_id), row) for row, run in readable]
        for by_case in rounds(of_cases):
            _fail(sweep, by_case)


def _fail(sweep: SweepRun, by_case: dict[str, Document]) -> None:
    sweep.ledger.keep_beside({run.path: run for run in by_case.values()})
    found = [case for case in sweep.store.get_many(list(by_case)) if case]
    sweep.counts["skipped"] += len(by_case) - len(found)
    pairs = list(_with_states(sweep, found))
    sweep.change(CASES, pairs, lambda case: _failer(sweep, case, by_case[case.path].path))


def _with_states(
    sweep: SweepRun, cases: Sequence[Document]
) -> Iterator[tuple[Document, StoredCase | None]]:
    """The cases that can be read; the others are counted as failed."""
    for case in cases:
        try:
            state = CASES.state(case)
        except (ValidationError, errors.Unreadable):
            sweep.failed(case)
        else:
            yield case, state


def _failer(sweep: SweepRun, case: Document, run_path: str) -> Decider[StoredCase, StoredRun]:
    """Fails a run of a case if its time is over."""

    def failed(
        old: StoredCase, now: datetime
    ) -> Decision[StoredCase, StoredRun] | Unchanged[StoredRun]:
        document = sweep.ledger.beside(run_path)
        if document is None:
            return Unchanged()
        before = runs.state(document)
        after = run_rules.timed_out(before, now)
        if after == before:
            return Unchanged()
        write = runs.changed(document, before, after)
        decided = runs.step(old, case.id, document.id, after, write)
        return runs.ended(sweep.ledger_of(tenant_of(case.path)), decided, document.id, now)

    return failed
