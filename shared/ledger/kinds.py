"""The kinds of subjects that have an audit chain: cases, worksheets, interventions, tenants."""

from __future__ import annotations

from datetime import datetime

from shared.ledger.subjects import Kind
from shared.models.base import Model
from shared.models.case import CaseFields, StoredCase
from shared.models.intervention import InterventionFields, StoredIntervention
from shared.models.settings import Settings, StoredSettings
from shared.models.worksheet import StoredWorksheet
from shared.rules import cases as case_rules
from shared.rules import facts
from shared.rules import interventions as intervention_rules


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


def _only_stored(stored: type[Model], shown: type[Model]) -> frozenset[str]:
    """The stored fields that nobody is shown; an event's changes do not show them either."""
    return frozenset(stored.model_fields) - frozenset(shown.model_fields)


CASES = Kind(
    StoredCase,
    "cases",
    unlisted=(_only_stored(StoredCase, CaseFields) - {"fields"})
    | {"created_at", "created_by", "created_by_subject"}
    | {"status_changed_at", "closed_at", "assigned_at"}
    # Interventions change them without an event of the case.
    | {"open_interventions", "open_runs"},
    json=frozenset({"fields"}),
    identified=case_rules.identified,
    facts=facts.of_case,
    kept=frozenset({"title", "summary"}),
    case_of=lambda name: name,
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
INTERVENTIONS = Kind(
    StoredIntervention,
    "interventions",
    unlisted=_only_stored(StoredIntervention, InterventionFields)
    | {"created_at", "created_by", "created_by_subject", "case_id", "run_id"}
    | {"action_reason", "action_at", "resolution_seconds", "completed_at", "archived"},
    hashed=frozenset({"context", "response", "result"}),
    identified=intervention_rules.identified,
    facts=facts.of_intervention,
)
TENANT = Kind(
    StoredSettings,
    "",
    unlisted=_only_stored(StoredSettings, Settings),
    absent=lambda _, now: StoredSettings(updated_at=now),
)
