"""Batches of more data than one commit takes."""

from __future__ import annotations

from datetime import UTC, datetime

from shared.documents.port import DocumentStore
from shared.documents.values import MAX_COMMIT_BYTES
from shared.ledger.decision import Origin, Recorded
from shared.ledger.ledger import BATCH_BYTES, Ledger
from shared.models.case import NewCase
from shared.models.roles import Actor, Role
from shared.models.settings import Settings
from shared.models.worksheet import WorksheetRow
from shared.repository import cases, worksheets

ROWS = 45
TEXT = "\U0001f600" * 10_000


def test_a_batch_of_more_data_than_one_commit_takes_is_saved_in_several(
    store: DocumentStore,
) -> None:
    actor = Actor(subject="kim", email=None, type="user", role=Role.VERIFIER)
    origin = Origin("acme", actor, "system", "save_worksheets", "r-1", key="k", request_hash="h")
    ledger = Ledger(store, origin, lambda: datetime(2026, 3, 2, tzinfo=UTC))
    rows = [
        WorksheetRow(case_id=f"CASE-{number}", problem_statement=TEXT, fsr_notes=TEXT)
        for number in range(ROWS)
    ]
    for row in rows:
        opening = Origin("acme", actor, "system", "create_case", "r-0")
        new = NewCase(id=row.case_id, decision_type="kyc", title="A case")
        cases.create(Ledger(store, opening, ledger.clock), new, Settings())

    first = worksheets.save_many(ledger, rows)
    again = worksheets.save_many(ledger, rows)

    assert BATCH_BYTES < 2 * ROWS * len(TEXT.encode()) < MAX_COMMIT_BYTES
    for saved, repeated in zip(first, again, strict=True):
        assert isinstance(saved, Recorded)
        assert isinstance(repeated, Recorded)
        assert (saved.current.problem_statement, repeated.replayed) == (TEXT, True)
        assert repeated.current == saved.current
