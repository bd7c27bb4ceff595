"""The kinds of subjects that have an audit chain: cases, worksheets, interventions, tenants."""

from __future__ import annotations

from datetime import datetime

from shared.ledger.subjects import Kind
from shared.models.case import StoredCase
from shared.models.intervention import StoredIntervention
from shared.models.settings import StoredSettings
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


CASES = Kind(
    StoredCase,
    "cases",
    unlisted=frozenset(
        {
            "created_at",
            "created_by",
            "status_changed_at",
            "closed_at",
            "assigned_at",
            "clock_due_at",
            "clock_stopped_at",
            "search_tokens",
            "evidence",
            "holds",
            "packet_version",
            "sweep_at",
            "run_count",
            "records",
        }
    ),
)
WORKSHEETS = Kind(
    StoredWorksheet,
    "worksheets",
    unlisted=frozenset({"case_id", "user_id", "created_at"}),
    hashed=frozenset({"problem_statement", "fsr_notes"}),
    absent=_new_worksheet,
)
INTERVENTIONS = Kind(
    StoredIntervention,
    "interventions",
    unlisted=frozenset(
        {
            "created_at",
            "created_by",
            "created_by_subject",
            "case_id",
            "priority_rank",
            "action_reason",
            "action_at",
            "resolution_seconds",
            "archived",
            "sweep_at",
        }
    ),
    hashed=frozenset({"context", "response", "result"}),
)
TENANT = Kind(
    StoredSettings,
    "",
    unlisted=frozenset({"closing_changed_at", "retention_changed_at"}),
    absent=lambda _, now: StoredSettings(updated_at=now),
)
