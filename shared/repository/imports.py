"""Cases that come from another system, in the store."""

from __future__ import annotations

import uuid
from datetime import datetime

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


def bring(ledger: Ledger, new: CaseToImport, settings: Settings) -> Recorded[StoredCase]:
    """Imports a case with its history, in one commit; once, whoever asks for it again.

    Raises AlreadyExists where its number is another case's, and InvalidArgument.
    """
    case_id = new.id or str(uuid.uuid4())
    assignee = people.subject_of(ledger, new.assigned_to)
    actor = ledger.origin.actor
    notes = tuple(
        Note(EventType.IMPORTED, f"Happened in {new.source}", item)
        for item in import_rules.history(new)
    )

    def imported(now: datetime) -> Decision[StoredCase]:
        case = import_rules.imported(
            case_id,
            new,
            by=actor.name,
            by_subject=actor.subject,
            assignee=assignee,
            due_hours=settings.due_hours(new.decision_type),
            now=now,
        )
        created = Decision(
            case,
            EventType.CASE_CREATED,
            f"Case imported from {new.source}",
            reason=new.reason,
            case_id=case_id,
            meta={
                "imported": {"source": new.source, "rowKey": new.row_key},
                **facts.of_imported(case),
            },
            also=notes,
        )
        return evidence.with_first(ledger, created, case_id, new.evidence, now)

    return ledger.for_row(new.source, new.row_key).create(CASES, case_id, imported)
