"""Interventions: agents ask, people decide."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from shared.edge.function import Call, Reply, function
from shared.ledger.decision import Recorded
from shared.ledger.subjects import etag
from shared.models.base import Id
from shared.models.intervention import (
    Completion,
    DecisionGiven,
    Intervention,
    InterventionMetrics,
    InterventionPage,
    InterventionQuery,
    MetricsQuery,
    NewIntervention,
    PendingQuery,
    StoredIntervention,
    Wait,
)
from shared.models.roles import Role
from shared.repository import interventions, metrics
from shared.repository.interventions import Rows
from shared.rules import interventions as intervention_rules
from shared.rules.callers import CONTRIBUTORS, READERS, VERIFIERS


@function("POST", "/interventions", roles=CONTRIBUTORS, code=201)
def create_intervention(call: Call, body: NewIntervention) -> Reply[Intervention]:
    """Asks people for a decision. Only `requiredRole` or above decides, and never who asked."""
    recorded = interventions.create(call.ledger, call.caller, body)
    return _reply(call, recorded, created=True)


@function("GET", "/interventions/{interventionId}", roles=READERS)
def get_intervention(call: Call, intervention_id: Id) -> Reply[Intervention]:
    """Gives one intervention."""
    stored = interventions.get(call.store, call.tenant, intervention_id)
    return Reply(intervention_rules.shown(intervention_id, stored, call.now), etag=etag(stored))


@function("GET", "/interventions", roles=READERS)
def list_interventions(call: Call, query: InterventionQuery) -> InterventionPage:
    """Lists interventions, newest first."""
    return _page(interventions.listed(call.store, call.tenant, query, call.now), call.now)


@function("GET", "/interventions:pending", roles=READERS)
def list_pending_interventions(call: Call, query: PendingQuery) -> InterventionPage:
    """Lists what waits for a decision: critical to low, then oldest first."""
    return _page(interventions.pending(call.store, call.tenant, query, call.now), call.now)


@function("POST", "/interventions/{interventionId}:claim", roles=VERIFIERS)
def claim_intervention(call: Call, intervention_id: Id) -> Reply[Intervention]:
    """Takes an intervention, so that nobody else decides it. Another's is refused, naming them."""
    return _reply(call, interventions.claim(call.ledger, call.caller, intervention_id))


@function("POST", "/interventions/{interventionId}:release", roles=VERIFIERS)
def release_intervention(call: Call, intervention_id: Id) -> Reply[Intervention]:
    """Puts a claimed intervention back into the queue: its holder may, or an admin."""
    return _reply(call, interventions.release(call.ledger, call.caller, intervention_id))


@function("POST", "/interventions/{interventionId}:decide", roles=VERIFIERS)
def decide_intervention(
    call: Call, intervention_id: Id, body: DecisionGiven
) -> Reply[Intervention]:
    """Approves or rejects, once. At or after `expiresAt` it expires instead, which is no rejection.

    A rejection, and any decision on a waiver, needs a `reason`; approving a clarification needs
    `response.text`.
    """
    return _reply(call, interventions.decide(call.ledger, call.caller, intervention_id, body))


@function("POST", "/interventions/{interventionId}:complete", roles=VERIFIERS | {Role.AGENT})
def complete_intervention(call: Call, intervention_id: Id, body: Completion) -> Reply[Intervention]:
    """Says that it was acted on: an agent may once it is approved, its holder also before that."""
    return _reply(call, interventions.complete(call.ledger, call.caller, intervention_id, body))


@function("GET", "/interventions:metrics", roles=READERS, expensive=True)
def intervention_metrics(call: Call, query: MetricsQuery) -> InterventionMetrics:
    """Counts by status, type and priority, the average resolution time, and the top pilots.

    `since` and `until` choose by the time of creation. `daily` adds a row for each day of the
    period, in UTC: at most 31, and without a period the last 31.
    """
    return metrics.metrics(call.store, call.tenant, query, call.now)


@function("GET", "/interventions/{interventionId}:wait", roles=READERS)
def wait_intervention(call: Call, intervention_id: Id, query: Wait) -> Reply[Intervention]:
    """Answers as soon as the intervention is neither pending nor in progress, or in time as it is.

    Waiting costs no more reads than there are changes. 429 where too many wait
    already, or where half of those who may are the caller's.
    """
    with call.runtime.waits.taken_by(call.caller):
        stored = interventions.wait(
            call.ledger, intervention_id, query.timeout_seconds, call.exchange.abandoned
        )
    return Reply(
        intervention_rules.shown(intervention_id, stored, call.runtime.clock()), etag=etag(stored)
    )


def _page(found: Rows, now: datetime) -> InterventionPage:
    rows, token = found
    shown: list[Any] = [intervention_rules.shown_row(row.id, row.data, now) for row in rows]
    return InterventionPage.model_construct(interventions=shown, next_page_token=token)


def _reply(
    call: Call, recorded: Recorded[StoredIntervention], *, created: bool = False
) -> Reply[Intervention]:
    return Reply(
        intervention_rules.shown(recorded.name, recorded.current, call.now),
        etag=etag(recorded.current),
        location=f"/v1/interventions/{recorded.name}" if created else None,
        replayed=recorded.replayed,
    )
