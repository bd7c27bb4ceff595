"""Interventions as they are read: what has run out, or lapsed, is shown as that. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic.alias_generators import to_camel

from shared.models.intervention import (
    OPEN,
    Intervention,
    InterventionFields,
    InterventionStatus,
    StoredIntervention,
)
from shared.rules import actions
from shared.rules.canonical import parsed
from shared.rules.interventions import ENDED_UNDECIDED

_ANY_JSON = ("context", "response", "result", "action", "approvedArguments", "responseSchema")
_SHOWN = InterventionFields.aliases()


def waits(data: dict[str, Any], now: datetime) -> bool:
    """Whether the intervention in a document's data can still be decided at `now`."""
    row = StoredIntervention.row(data)
    return row["status"] in OPEN and not _has_run_out(row, now)


def status_at(data: dict[str, Any], now: datetime) -> InterventionStatus:
    """The status of the intervention in a document's data: `expired` past `expiresAt`, if open."""
    row = StoredIntervention.row(data)
    run_out = _has_run_out(row, now)
    return InterventionStatus.EXPIRED if run_out else InterventionStatus(row["status"])


def _has_run_out(row: dict[str, Any], now: datetime) -> bool:
    expires_at = row["expiresAt"]
    return row["status"] in OPEN and expires_at is not None and expires_at <= now


def shown(intervention_id: str, stored: StoredIntervention, now: datetime) -> Intervention:
    """The intervention as a client sees it at `now`."""
    row = shown_row(intervention_id, stored.to_data(), now)
    return Intervention.model_validate(row)


def shown_row(intervention_id: str, data: dict[str, Any], now: datetime) -> dict[str, Any]:
    """The JSON fields of an intervention as a client sees it, from its document's data."""
    row: dict[str, Any] = {"id": intervention_id}
    data = StoredIntervention.row(data)
    for name in _SHOWN:
        row[name] = data[name]
    for name in _ANY_JSON:
        row[name] = parsed(data[name])
    row["decisions"] = actions.decisions(data["type"], data["action"], data["decisions"])
    if actions.has_lapsed(data, now):
        row |= {"lapsedAt": data["actUntil"], "archived": True}
    if _has_run_out(data, now):
        row |= {
            "status": InterventionStatus.EXPIRED,
            "actionAt": data["expiresAt"],
            "archived": True,
        }
        row |= dict.fromkeys(map(to_camel, ENDED_UNDECIDED))
    return row
