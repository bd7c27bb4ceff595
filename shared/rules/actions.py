"""The action that an intervention asks about: what is approved of it, and for how long. Pure.

An action is known by its hash: the SHA-256 of the RFC 8785 form of its tool and its arguments. So
the same arguments in another order are the same action, and any other value is another one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from shared.models.actions import NewAction, Verdict
from shared.models.intervention import (
    DecisionGiven,
    InterventionStatus,
    InterventionType,
    StoredIntervention,
)
from shared.rules.canonical import canonical_hash, canonical_text, parsed


def text_of(action: NewAction | None) -> str | None:
    """The RFC 8785 form of an action, as it is stored; None without one."""
    return None if action is None else canonical_text(action.model_dump())


def hash_of(action: NewAction | None) -> str | None:
    """The SHA-256, in hex, of the RFC 8785 form of an action; None without one."""
    return None if action is None else canonical_hash(action.model_dump())


def decisions(kind: str, action: Any, given: Sequence[Verdict]) -> list[Verdict]:
    """Which decisions people may make: those that were given, or the default of the kind."""
    if given:
        return [*given]
    if action is not None:
        return ["approve", "edit", "reject"]
    if kind == InterventionType.CLARIFICATION:
        return ["approve", "respond", "reject"]
    return ["approve", "reject"]


def outcome(intervention: StoredIntervention, decision: Verdict) -> InterventionStatus:
    """What a decision makes of an intervention. A response takes the place of an action."""
    if decision == "reject" or (decision == "respond" and intervention.action is not None):
        return InterventionStatus.REJECTED
    return InterventionStatus.APPROVED


def approved(
    intervention: StoredIntervention, given: DecisionGiven, now: datetime
) -> dict[str, Any]:
    """The stored fields of the action that a decision approves; empty where it approves none."""
    if intervention.action is None or given.decision not in ("approve", "edit"):
        return {}
    seconds = intervention.act_within_seconds
    until = {"act_until": now + timedelta(seconds=seconds)} if seconds else {}
    if given.arguments is None:
        return {"approved_action_hash": intervention.action_hash, **until}
    call = parsed(intervention.action) | {"arguments": given.arguments}
    return {
        "approved_arguments": canonical_text(given.arguments),
        "approved_action_hash": canonical_hash(call),
        **until,
    }


def hash_of_approved(intervention: StoredIntervention) -> str | None:
    """The hash of the call that is stored as approved, made anew; None without an action."""
    action = parsed(intervention.action)
    if action is not None and intervention.approved_arguments is not None:
        action["arguments"] = parsed(intervention.approved_arguments)
    return action and canonical_hash(action)


def edited(old: StoredIntervention, new: StoredIntervention) -> dict[str, Any]:
    """What the event of an edit says besides the new arguments: those that were asked for."""
    if new.approved_arguments in (None, old.approved_arguments):
        return {}
    return {"arguments": parsed(new.action)["arguments"]}


def has_lapsed(row: dict[str, Any], now: datetime) -> bool:
    """Whether it is too late to start the approved action of a row; at `actUntil` it is."""
    waits = row["status"] == InterventionStatus.APPROVED and row["startedAt"] is None
    return waits and row["actUntil"] is not None and row["actUntil"] <= now


def is_same(one: StoredIntervention, other: StoredIntervention) -> bool:
    """Whether two interventions ask the same: for the same action, and on the same terms."""
    return all(getattr(one, name) == getattr(other, name) for name in _TERMS)


_TERMS = (
    *("created_by_subject", "uow_id", "type", "action_hash", "case_id", "run_id"),
    *("required_role", "approvals_required", "decisions", "response_schema", "act_within_seconds"),
)
"""What makes a question another one. How it is put, and until when, is not part of it."""
