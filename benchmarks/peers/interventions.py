"""What the peer does with interventions, each in one transaction, for both databases."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from fastapi import HTTPException
from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from benchmarks.peers.models import (
    DecisionGiven,
    Intervention,
    InterventionMetrics,
    InterventionPage,
    NewIntervention,
    PilotMetrics,
    Sweep,
)
from benchmarks.peers.recording import Caller, change, counts, event_of, record, written
from benchmarks.peers.tables import EventRow, InterventionRow

_OPEN = ("pending", "in_progress")
_RANKS = {"critical": 0, "high": 1, "normal": 2, "low": 3}
_AT_ONCE = 1_000
_TOP = 10


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
    record(session, caller, row, "intervention_requested", f"Asked for: {row.type}", now)
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
    record(session, caller, row, "intervention_decided", message, now, body.reason)
    return Intervention.model_validate(row)


def metrics(session: Session, caller: Caller) -> InterventionMetrics:
    """Counts by status, type and priority, the average time to decide, and who decided most."""
    row = InterventionRow
    tenant = row.tenant == caller.tenant
    by_status, by_type, by_priority = (
        counts(session, select(column, func.count()).where(tenant).group_by(column))
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
        event_of(
            caller,
            now,
            [
                change("status", "pending", "expired"),
                change("actionAt", None, written(expires_at)),
            ],
            tenant=tenant,
            subject=f"interventions/{name}",
            sequence=version,
            case_id=case_id,
            event_type="intervention_expired",
            message="Expired",
        )
        for tenant, name, case_id, version, expires_at in changed
    ]
    session.execute(insert(EventRow), events)
    return Sweep(changed=len(events))
