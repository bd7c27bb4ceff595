"""What the peer does with cases, each in one transaction, written once for both databases."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from fastapi import HTTPException
from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from benchmarks.peers.models import (
    Case,
    CasePage,
    CasePatch,
    CaseStats,
    CasesToUpdate,
    CaseUpdate,
    CaseUpdates,
    NewCase,
)
from benchmarks.peers.recording import Caller, changes_of, counts, event_of, record
from benchmarks.peers.tables import CaseRow, EventRow

_NEVER = datetime.max.replace(tzinfo=UTC)
_TRANSITIONS = {
    "new": {"in_review", "needs_info", "blocked", "closed"},
    "in_review": {"needs_info", "approved", "blocked", "closed"},
    "needs_info": {"in_review", "blocked", "closed"},
    "blocked": {"in_review", "closed"},
    "approved": {"closed"},
    "closed": set[str](),
}
_DONE = ("approved", "closed")
_STANDING = (*_DONE, "needs_info")
_DUE = timedelta(hours=72)


def create_case(session: Session, caller: Caller, body: NewCase) -> Case:
    """Opens a case. Without a due date of its own it is due in three days."""
    now = datetime.now(UTC)
    due_at = body.due_at if "due_at" in body.model_fields_set else now + _DUE
    row = CaseRow(
        **body.model_dump(exclude={"id", "due_at"}),
        tenant=caller.tenant,
        id=body.id or str(uuid.uuid4()),
        created_at=now,
        updated_at=now,
        created_by=caller.name,
        created_by_subject=caller.subject,
        status="new",
        status_changed_at=now,
        closed_at=None,
        assigned_to_subject=None,
        assigned_at=now if body.assigned_to else None,
        due_at=due_at,
        clock_due_at=due_at or _NEVER,
        evidence_count=0,
        notes_count=0,
        attachments_count=0,
        collaborators={},
        legal_hold=False,
        waiting=False,
        reopen_count=0,
        escalated_at=None,
        open_interventions=0,
        open_runs=0,
        packet_version=0,
    )
    session.add(row)
    record(session, caller, row, "case_created", "Case created", now)
    return Case.model_validate(row)


def get_case(session: Session, caller: Caller, case_id: str) -> Case:
    """One case."""
    return Case.model_validate(_case(session, caller, case_id))


def list_cases(session: Session, caller: Caller, status: str | None, size: int) -> CasePage:
    """The newest cases, of one status."""
    query = select(CaseRow).where(CaseRow.tenant == caller.tenant)
    if status:
        query = query.where(CaseRow.status == status)
    rows = session.scalars(query.order_by(CaseRow.created_at.desc()).limit(size + 1)).all()
    token = rows[size - 1].created_at.isoformat() if len(rows) > size else None
    cases = [Case.model_validate(row) for row in rows[:size]]
    return CasePage(cases=cases, next_page_token=token)


def update_case(session: Session, caller: Caller, case_id: str, body: CasePatch) -> Case:
    """Changes the fields of a case that are given."""
    now = datetime.now(UTC)
    row = _case(session, caller, case_id)
    given = body.model_dump(exclude_unset=True, exclude={"reason"})
    if row.status in _DONE and given.keys() - {"status", "assigned_to"}:
        raise HTTPException(HTTPStatus.CONFLICT, f"a case that is {row.status} is not changed")
    if given.get("status", row.status) != row.status:
        if given["status"] not in _TRANSITIONS[row.status]:
            raise HTTPException(HTTPStatus.CONFLICT, f"a case that is {row.status} cannot be that")
        row.status_changed_at = now
        row.closed_at = now if given["status"] == "closed" else None
    if given.get("assigned_to", row.assigned_to) != row.assigned_to:
        row.assigned_to_subject, row.assigned_at = None, now
    for name, value in given.items():
        setattr(row, name, value)
    if {"status", "due_at"} & given.keys():
        row.clock_due_at = None if row.status in _STANDING else row.due_at or _NEVER
    row.updated_at = now
    record(session, caller, row, "case_updated", "Case updated", now, body.reason)
    return Case.model_validate(row)


def update_cases(session: Session, caller: Caller, body: CasesToUpdate) -> CaseUpdates:
    """Changes many cases alike, with an event of each."""
    now = datetime.now(UTC)
    wanted = CaseRow.tenant == caller.tenant, CaseRow.id.in_(body.case_ids)
    rows = {row.id: row for row in session.scalars(select(CaseRow).where(*wanted))}
    changing = [row for row in rows.values() if row.status not in _DONE]
    events = []
    for row in changing:
        row.severity, row.updated_at = body.severity, now
        events.append(
            event_of(
                caller,
                now,
                list(changes_of(row)),
                tenant=row.tenant,
                subject=f"cases/{row.id}",
                sequence=row.version + 1,
                case_id=row.id,
                event_type="case_updated",
                message="Case updated",
            )
        )
    session.flush()
    if events:
        session.execute(insert(EventRow), events)
    done = {row.id for row in changing}
    return CaseUpdates(
        results=[CaseUpdate(case_id=name, ok=name in done) for name in body.case_ids],
        succeeded=len(done),
        failed=len(body.case_ids) - len(done),
    )


def case_stats(session: Session, caller: Caller) -> CaseStats:
    """How many cases and events there are."""
    now = datetime.now(UTC)
    tenant = CaseRow.tenant == caller.tenant
    undone = CaseRow.status.not_in(_DONE)
    by_status = select(CaseRow.status, func.count()).where(tenant).group_by(CaseRow.status)
    found = counts(session, by_status)
    conditions = {
        "overdue": CaseRow.clock_due_at < now,
        "waiting": CaseRow.waiting.is_(True),
        "mine": undone & (CaseRow.assigned_to == caller.name),
        "unassigned": undone & CaseRow.assigned_to.is_(None),
    }
    others = {
        name: session.scalar(select(func.count()).select_from(CaseRow).where(tenant, condition))
        for name, condition in conditions.items()
    }
    of_tenant = EventRow.tenant == caller.tenant
    events = session.scalar(select(func.count()).select_from(EventRow).where(of_tenant))
    return CaseStats(
        case_count=sum(found.values()),
        total_events=events or 0,
        cases_by_status=found,
        **{name: count or 0 for name, count in others.items()},
    )


def _case(session: Session, caller: Caller, case_id: str) -> CaseRow:
    row = session.get(CaseRow, (caller.tenant, case_id))
    if row is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, "there is no such case")
    return row
