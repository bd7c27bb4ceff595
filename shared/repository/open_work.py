"""Open work on a case that is being closed: it prevents that, or ends in the same commit."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from shared.documents.port import Write
from shared.ledger.decision import Decision, Note
from shared.ledger.kinds.cases import CASES
from shared.ledger.ledger import Ledger
from shared.models.case import StoredCase
from shared.repository import hanging, runs
from shared.rules import hanging as hanging_rules
from shared.rules import interventions as intervention_rules
from shared.rules import runs as run_rules


def without_open(
    ledger: Ledger, decided: Decision[StoredCase], case_id: str, now: datetime, *, end: bool
) -> Decision[StoredCase]:
    """The decision to close a case, with the end of what is open on it where `end` says so.

    What only has to be recorded as expired or timed out is ended in any case. Raises
    FailedPrecondition, naming what is open.
    """
    case, path = decided.state, CASES.path(ledger.tenant, case_id)
    asked = hanging.open_interventions(ledger.store, path, case)
    running = hanging.open_runs(ledger.store, path, case)
    live = [row.id for row, one in asked if not intervention_rules.has_run_out(one, now)]
    live_runs = [row.id for row, run in running if run_rules.timed_out(run, now) is run]
    if (live or live_runs) and not end:
        raise hanging_rules.refusal(live, live_runs)
    notes: list[Note] = []
    writes: list[Write] = hanging.ended(ledger, asked, "The case was closed", now)
    for row, run in running:
        after = run_rules.cancelled(run, now)
        step = runs.step(case, case_id, row.id, after, runs.changed(row, run, after))
        notes.append(Note(step.event_type, step.message, step.meta, step.agent_id, step.severity))
        writes += step.writes
    return replace(
        decided,
        state=case.model_copy(update={"open_interventions": 0, "open_runs": 0, "waiting": False}),
        also=(*decided.also, *notes),
        writes=(*decided.writes, *writes),
    )
