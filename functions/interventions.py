"""Interventions: agents ask, people decide."""

from __future__ import annotations

from datetime import datetime

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
    Withdrawal,
)
from shared.models.roles import Role
from shared.repository import interventions, metrics
from shared.repository.interventions import Rows
from shared.repository.reading import readable
from shared.rules import interventions as intervention_rules
from shared.rules.callers import CONTRIBUTORS, READERS, VERIFIERS


@function("POST", "/interventions", roles=CONTRIBUTORS, code=201)
def create_intervention(call: Call, body: NewIntervention) -> Reply[Intervention]:
    """Asks people for a decision. The decider needs `requiredRole`, and is never the requester.

    One about a case needs an open case, which counts it. With `runId` it is withdrawn when that run
    ends.
    """
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
    return _page(interventions.listed(call.store, call.caller, query, call.now), call.now)


@function("GET", "/interventions:pending", roles=READERS)
def list_pending_interventions(call: Call, query: PendingQuery) -> InterventionPage:
    """Lists what waits for a decision: from critical to low, then oldest first."""
    return _page(interventions.pending(call.store, call.caller, query, call.now), call.now)


@function("POST", "/interventions/{interventionId}:claim", roles=VERIFIERS)
def claim_intervention(call: Call, intervention_id: Id) -> Reply[Intervention]:
    """Claims an intervention: only the caller can decide it then. A 409 names another holder."""
    return _reply(call, interventions.claim(call.ledger, call.caller, intervention_id))


@function("POST", "/interventions/{interventionId}:release", roles=VERIFIERS)
def release_intervention(call: Call, intervention_id: Id) -> Reply[Intervention]:
    """Puts a claimed intervention back into the queue; for its holder and admins."""
    return _reply(call, interventions.release(call.ledger, call.caller, intervention_id))


@function("POST", "/interventions/{interventionId}:decide", roles=VERIFIERS)
def decide_intervention(
    call: Call, intervention_id: Id, body: DecisionGiven
) -> Reply[Intervention]:
    """Approves or rejects, once. From `expiresAt` on it expires instead, which is no rejection.

    A rejection, and any decision on a waiver, needs a `reason`; approving a clarification needs
    `response.text`.
    """
    return _reply(call, interventions.decide(call.ledger, call.caller, intervention_id, body))


@function("POST", "/interventions/{interventionId}:complete", roles=VERIFIERS | {Role.AGENT})
def complete_intervention(call: Call, intervention_id: Id, body: Completion) -> Reply[Intervention]:
    """Records that it was acted on: by an agent once it is approved, or by its holder.

    A clarification and a waiver are decided first; the others their holder may complete undecided.
    """
    return _reply(call, interventions.complete(call.ledger, call.caller, intervention_id, body))


@function("POST", "/interventions/{interventionId}:withdraw", roles=CONTRIBUTORS)
def withdraw_intervention(call: Call, intervention_id: Id, body: Withdrawal) -> Reply[Intervention]:
    """Withdraws an open intervention; for the requester, pilots and admins."""
    recorded = interventions.withdraw(call.ledger, call.caller, intervention_id, body.reason)
    return _reply(call, recorded)


@function("GET", "/interventions:metrics", roles=READERS, expensive=True)
def intervention_metrics(call: Call, query: MetricsQuery) -> InterventionMetrics:
    """Counts by status, type and priority, the average resolution time, and the top pilots.

    `since` and `until` select by the time of creation. `daily` adds a row for each day of the
    period, in UTC: at most 31 days; without a period, the last 31 days. The top pilots are shown to
    pilots, admins and auditors, unless the setting `personFigures` is off.
    """
    return metrics.metrics(call.store, call.tenant, query, call.now, of_people=call.sees_people)


@function("GET", "/interventions/{interventionId}:wait", roles=READERS, also=get_intervention)
def wait_intervention(call: Call, intervention_id: Id, query: Wait) -> Reply[Intervention]:
    """Answers when the intervention is no longer pending or in progress, or when the time is over.

    A server that stops answers at once with the state as it is.

    Waiting costs one read, and one for each change. 429 when too many requests wait already, or
    when half of those places are the caller's.
    """

    def given_up() -> bool:
        return call.runtime.stopping or call.exchange.abandoned()

    with call.runtime.waits.taken_by(call.caller):
        stored = interventions.wait(call.ledger, intervention_id, query.timeout_seconds, given_up)
    return Reply(
        intervention_rules.shown(intervention_id, stored, call.runtime.clock()), etag=etag(stored)
    )


def _page(found: Rows, now: datetime) -> InterventionPage:
    rows, token = found
    shown, bad = readable(rows, lambda row: intervention_rules.shown_row(row.id, row.data, now))
    return InterventionPage.model_construct(
        interventions=shown, next_page_token=token, unreadable=bad
    )


def _reply(
    call: Call, recorded: Recorded[StoredIntervention], *, created: bool = False
) -> Reply[Intervention]:
    return Reply(
        intervention_rules.shown(recorded.name, recorded.current, call.now),
        etag=etag(recorded.current),
        location=f"/v1/interventions/{recorded.name}" if created else None,
        replayed=recorded.replayed,
    )
