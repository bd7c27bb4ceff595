"""The peer's tables, with an index for each filter of the lists, in the order of the list."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, ColumnElement, DateTime, Dialect, Index, String, TypeDecorator, true
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class _UtcInText(TypeDecorator[datetime]):
    """SQLite has no times: kept without their zone, which is UTC."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _: Dialect) -> datetime | None:
        """What is kept."""
        return value and value.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, _: Dialect) -> datetime | None:
        """What was kept, in UTC again."""
        return value and value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    """The base of the tables."""

    type_annotation_map = {
        datetime: DateTime(timezone=True).with_variant(_UtcInText(), "sqlite"),
        Any: JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql"),
        str: String(),
    }


class CaseRow(Base):
    """A case. Its version grows with each change; who changes an older one fails."""

    __tablename__ = "cases"

    tenant: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    created_by: Mapped[str]
    created_by_subject: Mapped[str]
    decision_type: Mapped[str]
    title: Mapped[str]
    summary: Mapped[str | None]
    status: Mapped[str]
    status_changed_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    assigned_to: Mapped[str | None]
    assigned_to_subject: Mapped[str | None]
    assigned_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    clock_due_at: Mapped[datetime | None]
    submission_id: Mapped[str | None]
    severity: Mapped[str]
    tags: Mapped[Any]
    fields: Mapped[Any]
    evidence_count: Mapped[int]
    notes_count: Mapped[int]
    attachments_count: Mapped[int]
    collaborators: Mapped[Any]
    legal_hold: Mapped[bool]
    waiting: Mapped[bool]
    reopen_count: Mapped[int]
    escalated_at: Mapped[datetime | None]
    open_interventions: Mapped[int]
    open_runs: Mapped[int]
    packet_version: Mapped[int]
    version: Mapped[int] = mapped_column()

    __mapper_args__ = {"version_id_col": version}


class InterventionRow(Base):
    """An intervention, with a version as a case has it."""

    __tablename__ = "interventions"

    tenant: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    uow_id: Mapped[str]
    type: Mapped[str]
    status: Mapped[str]
    priority: Mapped[str]
    priority_rank: Mapped[int]
    title: Mapped[str]
    description: Mapped[str | None]
    context: Mapped[Any | None]
    case_id: Mapped[str | None]
    run_id: Mapped[str | None]
    required_role: Mapped[str]
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    created_by_subject: Mapped[str]
    updated_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    assigned_to: Mapped[str | None]
    assigned_to_subject: Mapped[str | None]
    decision: Mapped[str | None]
    decided_by: Mapped[str | None]
    decided_by_subject: Mapped[str | None]
    action_reason: Mapped[str | None]
    action_at: Mapped[datetime | None]
    resolution_seconds: Mapped[float | None]
    response: Mapped[Any | None]
    result: Mapped[Any | None]
    archived: Mapped[bool]
    version: Mapped[int] = mapped_column()

    __mapper_args__ = {"version_id_col": version}


class EventRow(Base):
    """An audit event; `sequence` is the version of its subject that it made."""

    __tablename__ = "audit_events"

    tenant: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str]
    case_id: Mapped[str | None]
    created_at: Mapped[datetime]
    actor_name: Mapped[str]
    actor: Mapped[Any]
    source: Mapped[str]
    event_type: Mapped[str]
    severity: Mapped[str]
    agent_id: Mapped[str | None]
    outcome: Mapped[str]
    message: Mapped[str]
    reason: Mapped[str | None]
    changes: Mapped[Any]
    meta: Mapped[Any]
    request_id: Mapped[str]


def _index(table: type[Base], *fields: str, where: ColumnElement[bool] | None = None) -> None:
    """An index of a tenant's rows; those that no list asks for by it are not `where`."""
    name = "_".join((table.__tablename__, *fields))
    columns = [getattr(table, field) for field in ("tenant", *fields)]
    if where is None:
        Index(name, *columns)
    else:
        Index(name, *columns, sqlite_where=where, postgresql_where=where)


# Lists are newest first: an index is read from either end.
_index(CaseRow, "created_at")
for _field in ("status", "assigned_to", "decision_type", "severity", "created_by"):
    _index(CaseRow, _field, "created_at")
_index(CaseRow, "submission_id", "created_at", where=CaseRow.submission_id.is_not(None))
_index(CaseRow, "legal_hold", "created_at", where=CaseRow.legal_hold.is_(true()))
_index(CaseRow, "waiting", "created_at", where=CaseRow.waiting.is_(true()))
_index(CaseRow, "clock_due_at")
_index(CaseRow, "status", "clock_due_at")
_index(CaseRow, "assigned_to", "clock_due_at")

_index(InterventionRow, "created_at")
for _field in ("status", "type", "priority", "uow_id"):
    _index(InterventionRow, _field, "created_at")
for _column in (InterventionRow.assigned_to, InterventionRow.case_id, InterventionRow.decided_by):
    _index(InterventionRow, _column.key, "created_at", where=_column.is_not(None))
_index(InterventionRow, "status", "priority_rank", "created_at")
Index("interventions_due", InterventionRow.status, InterventionRow.expires_at)

Index("audit_events_id", EventRow.tenant, EventRow.id, unique=True)
_index(EventRow, "created_at")
for _field in ("actor_name", "event_type", "severity"):
    _index(EventRow, _field, "created_at")
_index(EventRow, "case_id", "created_at", where=EventRow.case_id.is_not(None))
_index(EventRow, "agent_id", "created_at", where=EventRow.agent_id.is_not(None))
