"""Interventions as subjects of an audit chain."""

from __future__ import annotations

from shared.ledger.subjects import Kind, only_stored
from shared.models.intervention import InterventionFields, StoredIntervention
from shared.rules import interventions as intervention_rules

INTERVENTIONS = Kind(
    StoredIntervention,
    "interventions",
    unlisted=only_stored(StoredIntervention, InterventionFields)
    | {"created_at", "created_by", "created_by_subject", "case_id", "run_id"}
    | {"action_reason", "action_at", "resolution_seconds", "completed_at", "archived"},
    hashed=frozenset({"context", "response", "result"}),
    identified=intervention_rules.identified,
)
