"""Interventions in the earlier system: two SQLite tables behind SQLAlchemy, as its document says.

It has an active table with eight indexes, and a history to which final ones are moved. It has no
audit chain, and no check for concurrent changes. `interventions.py` compares it with the embedded
store.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, case, create_engine, event, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

_FINAL = ("REJECTED", "EXPIRED", "COMPLETED")
_RANKS = {"critical": 0, "high": 1, "normal": 2, "low": 3}


class _Base(DeclarativeBase):
    type_annotation_map = {dict[str, Any]: JSON}


class _Fields:
    request_id: Mapped[str] = mapped_column(unique=True, index=True)
    uow_id: Mapped[str] = mapped_column(index=True)
    intervention_type: Mapped[str]
    status: Mapped[str] = mapped_column(index=True)
    priority: Mapped[str] = mapped_column(index=True)
    title: Mapped[str]
    context: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(index=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
    updated_at: Mapped[datetime]
    required_role: Mapped[str]
    assigned_to: Mapped[str | None] = mapped_column(index=True)
    action_reason: Mapped[str | None]
    is_archived: Mapped[bool] = mapped_column(default=False)


class _Intervention(_Fields, _Base):
    __tablename__ = "interventions"
    id: Mapped[int] = mapped_column(primary_key=True)


class _History(_Fields, _Base):
    __tablename__ = "intervention_history"
    id: Mapped[int] = mapped_column(primary_key=True)
    resolution_time_seconds: Mapped[float]


class Relational:
    """The earlier store, in the file `path`, as durable as the embedded one."""

    def __init__(self, path: Path) -> None:
        self._engine = create_engine(f"sqlite:///{path}")
        event.listen(self._engine, "connect", _durable)
        _Base.metadata.create_all(self._engine)

    def create(self, *, seconds: float = 3600) -> str:
        """Adds a request; gives its id."""
        now = datetime.now(UTC)
        request = _Intervention(
            request_id=uuid.uuid4().hex,
            uow_id="uow-1",
            intervention_type="resume",
            status="PENDING",
            priority="normal",
            title="Go on?",
            context={"step": 1},
            created_at=now,
            expires_at=now + timedelta(seconds=seconds),
            updated_at=now,
            required_role="pilot",
        )
        name = request.request_id
        with Session(self._engine) as session, session.begin():
            session.add(request)
        return name

    def get(self, request_id: str) -> object:
        """One request."""
        with Session(self._engine) as session:
            found = select(_Intervention).where(_Intervention.request_id == request_id)
            return session.scalars(found).one()

    def pending(self) -> object:
        """The first 50 of the queue."""
        order = case(_RANKS, value=_Intervention.priority), _Intervention.created_at
        waiting = select(_Intervention).where(_Intervention.status == "PENDING")
        with Session(self._engine) as session:
            return session.scalars(waiting.order_by(*order).limit(50)).all()

    def reject(self, request_id: str) -> None:
        """Decides a request, which moves it to the history."""
        with Session(self._engine) as session, session.begin():
            found = select(_Intervention).where(_Intervention.request_id == request_id)
            request = session.scalars(found).one()
            request.status, request.assigned_to = "REJECTED", "pilot@example.com"
            _archive(session, request)

    def metrics(self) -> object:
        """Counts by status, type and priority, the average, and the top pilots."""
        groups = (_Intervention.status, _Intervention.intervention_type, _Intervention.priority)
        with Session(self._engine) as session:
            counts = [
                session.execute(select(column, func.count()).group_by(column)).all()
                for column in (*groups, _History.status, _History.priority)
            ]
            average = session.scalar(select(func.avg(_History.resolution_time_seconds)))
            pilots = select(_History.assigned_to, func.count()).group_by(_History.assigned_to)
            top = session.execute(pilots.order_by(func.count().desc()).limit(10)).all()
        return counts, average, top

    def expire(self) -> None:
        """Marks what is overdue as expired, which moves it to the history."""
        overdue = select(_Intervention).where(
            _Intervention.status == "PENDING", _Intervention.expires_at <= datetime.now(UTC)
        )
        with Session(self._engine) as session, session.begin():
            for request in session.scalars(overdue):
                request.status = "EXPIRED"
                _archive(session, request)


def _archive(session: Session, request: _Intervention) -> None:
    columns = [column.key for column in _History.__table__.columns]
    same = {name: getattr(request, name) for name in columns if hasattr(request, name)}
    del same["id"]
    session.add(_History(**same, resolution_time_seconds=1.0))
    session.delete(request)


def _durable(connection: Any, _: object) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
