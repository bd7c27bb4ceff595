"""Cases that come from another system, in the store."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime

from shared import errors
from shared.ledger.decision import Decision, Note, Recorded
from shared.ledger.kinds.cases import CASES
from shared.ledger.ledger import Ledger
from shared.models.case import StoredCase
from shared.models.events import EventType
from shared.models.imports import CaseToImport
from shared.models.settings import Settings
from shared.repository import evidence, people
from shared.rules import facts
from shared.rules import imports as import_rules


def bring(
    ledger: Ledger, new: CaseToImport, settings: Settings, *, dry_run: bool
) -> Recorded[StoredCase]:
    """Imports a case with its history, in one commit; once, whoever asks for it again.

    With `dry_run` it only gives the case as it would be. Raises AlreadyExists where its number is
    another case's, and InvalidArgument.
    """
    case_id = new.id or str(uuid.uuid4())
    assignee = people.subject_of(ledger, new.assigned_to)
    due_hours = settings.due_hours(new.decision_type)
    row = ledger.for_row(new.source, new.row_key)
    actor = row.origin.actor

    def imported(now: datetime) -> Decision[StoredCase]:
        case = import_rules.imported(
            case_id,
            new,
            by=actor.name,
            by_subject=actor.subject,
            assignee=assignee,
            due_hours=due_hours,
            now=now,
        )
        return evidence.with_first(row, _created(case_id, case, new), case_id, new.evidence, now)

    return _tried(row, case_id, imported) if dry_run else row.create(CASES, case_id, imported)


def _created(case_id: str, case: StoredCase, new: CaseToImport) -> Decision[StoredCase]:
    """The decision to have a case as it was there, with an event for each item of its history."""
    row = {"source": new.source, "rowKey": new.row_key}
    return Decision(
        case,
        EventType.CASE_CREATED,
        f"Case imported from {new.source}",
        reason=new.reason,
        case_id=case_id,
        meta={"imported": row, **facts.of_imported(case)},
        also=tuple(
            Note(EventType.IMPORTED, f"Happened in {new.source}", item)
            for item in import_rules.history(new)
        ),
    )


def _tried(
    ledger: Ledger, case_id: str, imported: Callable[[datetime], Decision[StoredCase]]
) -> Recorded[StoredCase]:
    """What would be recorded: of a row that was imported before, its case."""
    if replayed := ledger.replay(CASES):
        return replayed
    now = ledger.clock()
    case = imported(now).state
    if ledger.store.get(CASES.path(ledger.tenant, case_id)):
        raise errors.AlreadyExists(f"{CASES.subject(case_id)} exists, or has existed")
    return Recorded(case_id, case.model_copy(update={"updated_at": now}), None)
