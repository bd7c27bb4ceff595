"""Interventions as subjects of an audit chain."""

from __future__ import annotations

from shared.ledger.subjects import Kind, only_stored
from shared.models.intervention import InterventionFields, StoredIntervention
from shared.rules import facts
from shared.rules import interventions as intervention_rules

INTERVENTIONS = Kind(
    StoredIntervention,
    "interventions",
    unlisted=(only_stored(StoredIntervention, InterventionFields) - {"approved_arguments"})
    | {"created_at", "created_by", "created_by_subject", "case_id", "run_id"}
    | {"action_reason", "action_at", "resolution_seconds", "completed_at", "archived"}
    | {"started_at"},
    hashed=frozenset({"context", "response", "result", "action", "response_schema"}),
    json=frozenset({"approvedArguments"}),
    identified=intervention_rules.identified,
    facts=lambda before, after: facts.of_intervention(before, after),  # noqa: PLW0108 - loaded when used
)
