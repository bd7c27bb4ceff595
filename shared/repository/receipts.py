"""Receipts of decisions: what is signed of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from shared.documents.port import DocumentStore, Filter, Order, Query
from shared.errors import FailedPrecondition
from shared.ledger import events
from shared.ledger.kinds.interventions import INTERVENTIONS
from shared.models.events import Event, EventType
from shared.models.intervention import InterventionStatus, StoredIntervention
from shared.repository import audit, interventions
from shared.rules import actions
from shared.rules.canonical import parsed

_AFTER = 3
"""The event of a decision is among so many last ones: what follows are its start and its end."""


def claims(
    store: DocumentStore, tenant: str, intervention_id: str, issuer: str, now: datetime
) -> dict[str, Any]:
    """The claims of an intervention's receipt, without those that there is nothing to say of.

    Raises NotFound, and FailedPrecondition while it is not decided, and where the intervention does
    not verify: who edits the database gets nothing signed.
    """
    stored = interventions.get(store, tenant, intervention_id)
    if stored.decision is None:
        raise FailedPrecondition(f"there is no decision to sign: it is {stored.status}")
    _require_sound(store, tenant, intervention_id, now)
    event = _decided(store, tenant, intervention_id)
    said = {
        "iss": issuer,
        "sub": intervention_id,
        "tenant": tenant,
        "uowId": stored.uow_id,
        "tool": _tool(stored),
        "actionHash": stored.action_hash,
        "approvedActionHash": stored.approved_action_hash,
        "decision": stored.decision,
        "decidedBy": event.actor.subject,
        "role": event.actor.role,
        "approvals": _approvals(stored),
        "iat": int(event.created_at.timestamp()),
        "exp": int(stored.act_until.timestamp()) if stored.act_until else None,
        "eventHash": event.hash,
    }
    return {name: value for name, value in said.items() if value is not None}


def _require_sound(store: DocumentStore, tenant: str, intervention_id: str, now: datetime) -> None:
    """Raises FailedPrecondition where what is stored is not what the trail and the log say."""
    broken = audit.verify(store, tenant, INTERVENTIONS.subject(intervention_id), now).first_broken
    if broken:
        why = f"{broken.field}: {broken.problem}" if broken.field else broken.problem
        raise FailedPrecondition(
            f"nothing is signed of an intervention that does not verify: {why}",
            [broken.model_dump(by_alias=True)],
        )


def _approvals(stored: StoredIntervention) -> list[str] | None:
    """The subjects of all who approved it; None where it was not approved, or nobody kept them."""
    decision = stored.decision
    approved = decision and actions.outcome(stored, decision) is InterventionStatus.APPROVED
    return [one.by_subject for one in stored.approvals] or None if approved else None


def _tool(stored: StoredIntervention) -> str | None:
    return parsed(stored.action)["tool"] if stored.action else None


def _decided(store: DocumentStore, tenant: str, intervention_id: str) -> Event:
    """The event of the decision. Raises FailedPrecondition where it cannot be read."""
    own = Filter("subject", "==", INTERVENTIONS.subject(intervention_id))
    newest_first = (Order("sequence", descending=True),)
    query = Query(f"tenants/{tenant}/audit", (own,), newest_first, limit=_AFTER)
    for document in store.query(query):
        event = events.valid(document)
        if event and event.event_type == EventType.INTERVENTION_DECIDED:
            return event
    raise FailedPrecondition("the event of the decision is gone, or cannot be read")
