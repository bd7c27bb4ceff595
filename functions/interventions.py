"""Interventions: agents ask, people decide."""

from __future__ import annotations

from datetime import datetime

from shared.edge.function import Call, Reply, function
from shared.ledger.decision import Recorded
from shared.ledger.subjects import etag
from shared.models.actions import Start
from shared.models.base import Id
from shared.models.intervention import (
    Assignment,
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
from shared.repository import interventions, metrics, questions
from shared.repository.interventions import Rows
from shared.repository.reading import readable
from shared.rules import intervention_rows
from shared.rules.callers import AGENTS, CONTRIBUTORS, PILOTS, READERS, VERIFIERS


@function("POST", "/interventions", roles=CONTRIBUTORS, code=201, code_if_there=200)
def create_intervention(call: Call, body: NewIntervention) -> Reply[Intervention]:
    """Asks people for a decision. The decider needs `requiredRole`, and is never the requester.

    One about a case needs an open case, which counts it. With `runId` it is withdrawn when that run
    ends. With `reuse` it is 200 where the same question is open. It needs as many approvals as
    `approvalsRequired` says, or the tenant's setting for its type, if that is more. People are
    reminded at 50 % and 90 % of the time to decide.
    """
    recorded = questions.create(call.ledger, call.caller, body, call.settings)
    return _reply(call, recorded, created=True)


@function("GET", "/interventions/{interventionId}", roles=READERS)
def get_intervention(call: Call, intervention_id: Id) -> Reply[Intervention]:
    """Gives one intervention."""
    stored = interventions.get(call.store, call.tenant, intervention_id)
    return Reply(intervention_rows.shown(intervention_id, stored, call.now), etag=etag(stored))


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
    """Claims an intervention: only the caller can decide it then. A 409 names another holder.

    With the setting `claimMinutes` the claim holds until `heldUntil`; after that, somebody else can
    claim it, and until somebody has, its holder can decide. To claim it again holds it for as long
    again.
    """
    recorded = interventions.claim(call.ledger, call.caller, intervention_id, call.settings)
    return _reply(call, recorded)


@function("POST", "/interventions/{interventionId}:assign", roles=PILOTS)
def assign_intervention(call: Call, intervention_id: Id, body: Assignment) -> Reply[Intervention]:
    """Hands an intervention over: the person that is named holds it as if they had claimed it.

    The caller needs `requiredRole`. The requester can neither get it nor hand it over.
    """
    recorded = interventions.assign(call.ledger, call.caller, intervention_id, body, call.settings)
    return _reply(call, recorded)


@function("POST", "/interventions/{interventionId}:release", roles=VERIFIERS)
def release_intervention(call: Call, intervention_id: Id) -> Reply[Intervention]:
    """Puts a claimed intervention back into the queue; for its holder and admins."""
    return _reply(call, interventions.release(call.ledger, call.caller, intervention_id))


@function("POST", "/interventions/{interventionId}:decide", roles=VERIFIERS)
def decide_intervention(
    call: Call, intervention_id: Id, body: DecisionGiven
) -> Reply[Intervention]:
    """Decides, once. From `expiresAt` on it expires instead, which is no rejection.

    A rejection, and any decision on a waiver, needs a `reason`. An `edit` needs the `arguments`
    that are approved instead. To `respond` needs a `response`: where there is an action, that is
    then not done. A response follows the `responseSchema`; without one, a clarification is answered
    in `response.text`. Where `approvalsRequired` is more than 1, it is approved once so many
    different people have approved the same, with the same arguments and `response`, and it is
    pending until then; one rejection rejects it.
    """
    return _reply(call, interventions.decide(call.ledger, call.caller, intervention_id, body))


@function("POST", "/interventions/{interventionId}:start", roles=AGENTS)
def start_intervention(call: Call, intervention_id: Id, body: Start) -> Reply[Intervention]:
    """Records that an agent starts the approved action: once, with its hash, before `actUntil`.

    It is 409 where somebody has started it, where another action was approved, and where it is too
    late: then the approval has lapsed.
    """
    recorded = interventions.start(call.ledger, call.caller, intervention_id, body.action_hash)
    return _reply(call, recorded)


@function("POST", "/interventions/{interventionId}:complete", roles=VERIFIERS | AGENTS)
def complete_intervention(call: Call, intervention_id: Id, body: Completion) -> Reply[Intervention]:
    """Records that it was acted on: by an agent once it is approved, or by its holder.

    An action is started first, and then completed by the agent that started it, or by its holder.
    A clarification, a waiver, and what more than one person must approve are decided first; their
    holder may complete the others without a decision.
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
        intervention_rows.shown(intervention_id, stored, call.runtime.clock()), etag=etag(stored)
    )


def _page(found: Rows, now: datetime) -> InterventionPage:
    rows, token = found
    shown, bad = readable(rows, lambda row: intervention_rows.shown_row(row.id, row.data, now))
    return InterventionPage.model_construct(
        interventions=shown, next_page_token=token, unreadable=bad
    )


def _reply(
    call: Call, recorded: Recorded[StoredIntervention], *, created: bool = False
) -> Reply[Intervention]:
    return Reply(
        intervention_rows.shown(recorded.name, recorded.current, call.now),
        etag=etag(recorded.current),
        location=f"/v1/interventions/{recorded.name}" if created else None,
        replayed=recorded.replayed,
        is_there=recorded.event is None,
    )
