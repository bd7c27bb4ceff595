"""What the peer does in one transaction, written once for both databases.

Each takes a session within a transaction and gives what is answered. A change adds its event.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, NamedTuple

from fastapi import HTTPException
from sqlalchemy import Select, func, insert, inspect, select, update
from sqlalchemy.orm import InstanceState, Session

from benchmarks.peers.models import (
    Case,
    CasePage,
    CasePatch,
    CaseStats,
    DecisionGiven,
    Intervention,
    InterventionMetrics,
    InterventionPage,
    NewCase,
    NewIntervention,
    PilotMetrics,
    Sweep,
)
from benchmarks.peers.tables import CaseRow, EventRow, InterventionRow

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
_OPEN = ("pending", "in_progress")
_RANKS = {"critical": 0, "high": 1, "normal": 2, "low": 3}
_NOT_SHOWN = {"tenant", "id", "version", "created_at", "updated_at", "priority_rank"}
_DUE = timedelta(hours=72)
_AT_ONCE = 1_000
_TOP = 10


class Caller(NamedTuple):
    """Who sent a request."""

    subject: str
    name: str
    tenant: str
    role: str

    @property
    def actor(self) -> dict[str, str]:
        """As an event names them."""
        return {"subject": self.subject, "name": self.name, "role": self.role}


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
    _record(session, caller, row, "case_created", "Case created", now)
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
    _record(session, caller, row, "case_updated", "Case updated", now, body.reason)
    return Case.model_validate(row)


def case_stats(session: Session, caller: Caller) -> CaseStats:
    """How many cases and events there are."""
    now = datetime.now(UTC)
    tenant = CaseRow.tenant == caller.tenant
    undone = CaseRow.status.not_in(_DONE)
    by_status = select(CaseRow.status, func.count()).where(tenant).group_by(CaseRow.status)
    counts = _counts(session, by_status)
    conditions = {
        "overdue": CaseRow.clock_due_at < now,
        "waiting": CaseRow.waiting.is_(True),
        "mine": undone & (CaseRow.assigned_to == caller.name),
        "unassigned": undone & CaseRow.assigned_to.is_(None),
    }
    found = {
        name: session.scalar(select(func.count()).select_from(CaseRow).where(tenant, condition))
        for name, condition in conditions.items()
    }
    of_tenant = EventRow.tenant == caller.tenant
    events = session.scalar(select(func.count()).select_from(EventRow).where(of_tenant))
    return CaseStats(
        case_count=sum(counts.values()),
        total_events=events or 0,
        cases_by_status=counts,
        **{name: count or 0 for name, count in found.items()},
    )


def create_intervention(session: Session, caller: Caller, body: NewIntervention) -> Intervention:
    """Asks people for a decision."""
    now = datetime.now(UTC)
    seconds = body.expires_in_seconds
    priority = body.priority or ("critical" if body.type == "kill_switch" else "normal")
    row = InterventionRow(
        **body.model_dump(exclude={"priority", "expires_in_seconds"}),
        tenant=caller.tenant,
        id=str(uuid.uuid4()),
        status="pending",
        priority=priority,
        priority_rank=_RANKS[priority],
        created_at=now,
        created_by=caller.name,
        created_by_subject=caller.subject,
        updated_at=now,
        expires_at=now + timedelta(seconds=seconds) if seconds else None,
        archived=False,
    )
    session.add(row)
    _record(session, caller, row, "intervention_requested", f"Asked for: {row.type}", now)
    return Intervention.model_validate(row)


def pending(session: Session, caller: Caller, size: int) -> InterventionPage:
    """What waits for a decision, the most urgent first."""
    query = (
        select(InterventionRow)
        .where(InterventionRow.tenant == caller.tenant, InterventionRow.status == "pending")
        .order_by(InterventionRow.priority_rank, InterventionRow.created_at)
        .limit(size + 1)
    )
    rows = session.scalars(query).all()
    token = rows[size - 1].created_at.isoformat() if len(rows) > size else None
    now = datetime.now(UTC)
    shown = [
        Intervention.model_validate(row)
        for row in rows[:size]
        if row.expires_at is None or row.expires_at > now
    ]
    return InterventionPage(interventions=shown, next_page_token=token)


def decide(
    session: Session, caller: Caller, intervention_id: str, body: DecisionGiven
) -> Intervention:
    """Decides an intervention, once."""
    now = datetime.now(UTC)
    row = session.get(InterventionRow, (caller.tenant, intervention_id))
    if row is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, "there is no such intervention")
    if caller.subject == row.created_by_subject:
        raise HTTPException(HTTPStatus.FORBIDDEN, "who asked does not decide")
    if body.decision == "reject" and not body.reason:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "a rejection needs a reason")
    if row.status not in _OPEN or (row.expires_at and row.expires_at <= now):
        raise HTTPException(HTTPStatus.CONFLICT, f"the intervention is {row.status}")
    if row.assigned_to_subject not in (None, caller.subject):
        raise HTTPException(HTTPStatus.CONFLICT, f"it is held by {row.assigned_to}")
    row.status = "approved" if body.decision == "approve" else "rejected"
    row.decision, row.action_reason, row.response = body.decision, body.reason, body.response
    row.assigned_to = row.decided_by = caller.name
    row.assigned_to_subject = row.decided_by_subject = caller.subject
    row.action_at = row.updated_at = now
    row.resolution_seconds = (now - row.created_at).total_seconds()
    row.archived = body.decision == "reject"
    message = f"Decided: {body.decision}"
    _record(session, caller, row, "intervention_decided", message, now, body.reason)
    return Intervention.model_validate(row)


def metrics(session: Session, caller: Caller) -> InterventionMetrics:
    """Counts by status, type and priority, the average time to decide, and who decided most."""
    row = InterventionRow
    tenant = row.tenant == caller.tenant
    by_status, by_type, by_priority = (
        _counts(session, select(column, func.count()).where(tenant).group_by(column))
        for column in (row.status, row.type, row.priority)
    )
    average = session.scalar(select(func.avg(row.resolution_seconds)).where(tenant))
    approved = func.count().filter(row.decision == "approve")
    top = (
        select(row.decided_by, func.count(), approved)
        .where(tenant, row.decided_by.is_not(None))
        .group_by(row.decided_by)
        .order_by(func.count().desc())
        .limit(_TOP)
    )
    return InterventionMetrics(
        total=sum(by_status.values()),
        by_status=by_status,
        by_type=by_type,
        by_priority=by_priority,
        average_resolution_seconds=average,
        top_pilots=[
            PilotMetrics(pilot=name, decided=decided, approved=yes, rejected=decided - yes)
            for name, decided, yes in session.execute(top).tuples()
            if name
        ],
    )


def expire(session: Session, caller: Caller) -> Sweep:
    """Expires what ran out, each with its event: one statement for all rows, one for all events."""
    now = datetime.now(UTC)
    row = InterventionRow
    due = select(row.tenant, row.id).where(row.status.in_(_OPEN), row.expires_at <= now)
    found = session.execute(
        due.order_by(row.expires_at).limit(_AT_ONCE).with_for_update(skip_locked=True)
    ).all()
    if not found:
        return Sweep(changed=0)
    changed = session.execute(
        update(row)
        .where(row.tenant.in_({tenant for tenant, _ in found}), row.id.in_([i for _, i in found]))
        .values(
            status="expired",
            archived=True,
            action_at=row.expires_at,
            updated_at=now,
            version=row.version + 1,
        )
        .returning(row.tenant, row.id, row.case_id, row.version, row.expires_at)
        .execution_options(synchronize_session=False)
    ).all()
    events = [
        _event(
            caller,
            tenant,
            f"interventions/{name}",
            version,
            case_id,
            "intervention_expired",
            "Expired",
            now,
            [_change("status", "pending", "expired"), _change("actionAt", None, _json(expires_at))],
            None,
        )
        for tenant, name, case_id, version, expires_at in changed
    ]
    session.execute(insert(EventRow), events)
    return Sweep(changed=len(events))


def _counts(session: Session, query: Select[str, int]) -> dict[str, int]:
    return {name: number for name, number in session.execute(query).all()}  # noqa: C416 - rows


def _case(session: Session, caller: Caller, case_id: str) -> CaseRow:
    row = session.get(CaseRow, (caller.tenant, case_id))
    if row is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, "there is no such case")
    return row


def _record(  # noqa: PLR0913, PLR0917 - as an event is told
    session: Session,
    caller: Caller,
    row: CaseRow | InterventionRow,
    event_type: str,
    message: str,
    now: datetime,
    reason: str | None = None,
) -> None:
    """Adds the event of a change to a row that the session holds, and sends both."""
    changes = list(_changes(row))
    session.flush()
    case = row.id if isinstance(row, CaseRow) else row.case_id
    subject = f"{row.__tablename__}/{row.id}"
    event = _event(
        caller, row.tenant, subject, row.version, case, event_type, message, now, changes, reason
    )
    session.add(EventRow(**event))
    session.flush()


def _changes(row: CaseRow | InterventionRow) -> Iterable[dict[str, Any]]:
    state: InstanceState[Any] = inspect(row)
    for attribute in state.attrs:
        history = attribute.history
        if history.has_changes() and attribute.key not in _NOT_SHOWN:
            old, new = (next(iter(some), None) for some in (history.deleted, history.added))
            if old != new:
                yield _change(attribute.key, _json(old), _json(new))


def _change(field: str, old: Any, new: Any) -> dict[str, Any]:
    return {"field": field, "old": old, "new": new}


def _json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _event(  # noqa: PLR0913, PLR0917 - as an event is told
    caller: Caller,
    tenant: str,
    subject: str,
    sequence: int,
    case_id: str | None,
    event_type: str,
    message: str,
    now: datetime,
    changes: list[dict[str, Any]],
    reason: str | None,
) -> dict[str, Any]:
    return {
        "tenant": tenant,
        "subject": subject,
        "sequence": sequence,
        "id": str(uuid.uuid4()),
        "case_id": case_id,
        "created_at": now,
        "actor_name": caller.name,
        "actor": caller.actor,
        "source": "system",
        "event_type": event_type,
        "severity": "info",
        "agent_id": None,
        "outcome": "success",
        "message": message,
        "reason": reason,
        "changes": changes,
        "meta": {},
        "request_id": str(uuid.uuid4()),
    }
