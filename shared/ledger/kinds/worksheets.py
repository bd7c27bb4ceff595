"""Worksheets as subjects of an audit chain."""

from __future__ import annotations

from datetime import datetime

from shared.ledger.subjects import Kind
from shared.models.worksheet import StoredWorksheet


def _new_worksheet(name: str, now: datetime) -> StoredWorksheet:
    case_id, _, user_id = name.partition(":")
    return StoredWorksheet(
        case_id=case_id,
        user_id=user_id,
        problem_statement="",
        fsr_notes="",
        created_at=now,
        updated_at=now,
    )


WORKSHEETS = Kind(
    StoredWorksheet,
    "worksheets",
    unlisted=frozenset({"case_id", "user_id", "created_at"}),
    hashed=frozenset({"problem_statement", "fsr_notes"}),
    absent=_new_worksheet,
    kept=frozenset({"problem_statement", "fsr_notes"}),
    case_of=lambda name: name.partition(":")[0],
)
