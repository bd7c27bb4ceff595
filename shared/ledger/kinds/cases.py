"""Cases as subjects of an audit chain."""

from __future__ import annotations

from shared.ledger.subjects import Kind, only_stored
from shared.models.case import CaseFields, StoredCase
from shared.rules import cases as case_rules
from shared.rules import facts

CASES = Kind(
    StoredCase,
    "cases",
    unlisted=(only_stored(StoredCase, CaseFields) - {"fields"})
    | {"created_at", "created_by", "created_by_subject"}
    | {"status_changed_at", "closed_at", "assigned_at"}
    # Interventions change them without an event of the case.
    | {"open_interventions", "open_runs"},
    json=frozenset({"fields"}),
    identified=case_rules.identified,
    facts=lambda before, after: facts.of_case(before, after),  # noqa: PLW0108 - loaded when used
    kept=frozenset({"title", "summary"}),
    case_of=lambda name: name,
)
