"""The audit trail: report an event, read a trail, verify a chain."""

from __future__ import annotations

from shared.documents.port import Document
from shared.edge.function import Call, Reply, function
from shared.ledger.events import content
from shared.models.audit import CaseEventQuery, EventPage, EventQuery, SubjectQuery, Verification
from shared.models.base import Id
from shared.models.events import Event, NewEvent
from shared.repository import audit, cases
from shared.repository.reading import readable
from shared.rules.callers import AUDITING, CONTRIBUTORS, READERS


@function("POST", "/cases/{caseId}/audit", roles=CONTRIBUTORS, code=201)
def add_audit_event(call: Call, case_id: Id, body: NewEvent) -> Reply[Event]:
    """Records an event on a case; notes and attachments are counted on the case."""
    recorded = cases.report(call.ledger, case_id, body)
    return Reply(
        recorded.happened,
        location=f"/v1/cases/{recorded.name}/audit",
        replayed=recorded.replayed,
    )


@function("GET", "/cases/{caseId}/audit", roles=READERS)
def list_case_audit(call: Call, case_id: Id, query: CaseEventQuery) -> EventPage:
    """Lists a case's own chain, newest first; with `related` all events about the case, by time."""
    rows, token = audit.of_case(call.store, call.tenant, case_id, query)
    return _page(rows, token)


@function("GET", "/audit", roles=AUDITING)
def list_audit(call: Call, query: EventQuery) -> EventPage:
    """Lists the tenant's events, newest first."""
    rows, token = audit.of_tenant(call.store, call.tenant, query, call.now)
    return _page(rows, token)


@function("GET", "/audit:verify", roles=AUDITING, expensive=True)
def verify_audit(call: Call, query: SubjectQuery) -> Verification:
    """Verifies a subject's chain, what is stored of the subject, and what the log has of it.

    `firstBroken` names the first event that does not hold, or that what is stored contradicts.
    """
    return audit.verify(call.store, call.tenant, query.subject, call.now)


def _page(rows: list[Document], token: str | None) -> EventPage:
    shown, bad = readable(rows, content)
    return EventPage.model_construct(events=shown, next_page_token=token, unreadable=bad)
