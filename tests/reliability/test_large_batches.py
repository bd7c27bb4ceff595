"""Batches of more data than one commit takes."""

from __future__ import annotations

from datetime import UTC, datetime

from shared.documents.port import Create, DocumentStore, Write
from shared.documents.values import commit_bytes
from shared.ledger.decision import Recorded
from shared.ledger.ledger import Ledger
from shared.ledger.origin import Origin
from shared.models.case import NewCase
from shared.models.roles import Actor, Role
from shared.models.settings import Settings
from shared.models.worksheet import WorksheetRow
from shared.repository import cases, worksheets

TEXT = "\U0001f600" * 10_000


def test_a_store_takes_as_much_in_one_commit_as_it_says(store: DocumentStore) -> None:
    writes: list[Write] = []
    while True:
        more = Create(f"large/{len(writes)}", {"text": TEXT})
        if commit_bytes([*writes, more]) > store.max_commit_bytes:
            break
        writes.append(more)

    store.commit(writes)

    assert store.get(writes[-1].path) is not None


def test_a_batch_of_more_data_than_one_commit_takes_is_saved_in_several(
    store: DocumentStore,
) -> None:
    actor = Actor(subject="kim", email=None, type="user", role=Role.VERIFIER)
    origin = Origin("acme", actor, "system", "save_worksheets", "r-1", key="k", request_hash="h")
    ledger = Ledger(store, origin, lambda: datetime(2026, 3, 2, tzinfo=UTC))
    number = store.max_commit_bytes // (2 * len(TEXT.encode())) + 1
    rows = [
        WorksheetRow(case_id=f"CASE-{index}", problem_statement=TEXT, fsr_notes=TEXT)
        for index in range(number)
    ]
    for row in rows:
        opening = Origin("acme", actor, "system", "create_case", "r-0")
        new = NewCase(id=row.case_id, decision_type="kyc", title="A case")
        cases.create(Ledger(store, opening, ledger.clock), new, Settings())

    first = worksheets.save_many(ledger, rows)
    again = worksheets.save_many(ledger, rows)

    assert 2 * number * len(TEXT.encode()) > store.max_commit_bytes
    for saved, repeated in zip(first, again, strict=True):
        assert isinstance(saved, Recorded)
        assert isinstance(repeated, Recorded)
        assert (saved.current.problem_statement, repeated.replayed) == (TEXT, True)
        assert repeated.current == saved.current
