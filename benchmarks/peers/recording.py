"""The peer's audit trail: each change adds its event to the transaction that it is made in."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, inspect
from sqlalchemy.orm import InstanceState, Session

from benchmarks.peers.tables import CaseRow, EventRow, InterventionRow

_NOT_SHOWN = {"tenant", "id", "version", "created_at", "updated_at", "priority_rank"}


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


def record(  # noqa: PLR0913, PLR0917 - as an event is told
    session: Session,
    caller: Caller,
    row: CaseRow | InterventionRow,
    event_type: str,
    message: str,
    now: datetime,
    reason: str | None = None,
) -> None:
    """Adds the event of a change to a row that the session holds, and sends both."""
    changes = list(changes_of(row))
    session.flush()
    case = row.id if isinstance(row, CaseRow) else row.case_id
    subject = f"{row.__tablename__}/{row.id}"
    event = event_of(
        caller,
        now,
        changes,
        tenant=row.tenant,
        subject=subject,
        sequence=row.version,
        case_id=case,
        event_type=event_type,
        message=message,
        reason=reason,
    )
    session.add(EventRow(**event))
    session.flush()


def changes_of(row: CaseRow | InterventionRow) -> Iterator[dict[str, Any]]:
    """What has changed in a row since it was read, field by field."""
    state: InstanceState[Any] = inspect(row)
    for attribute in state.attrs:
        history = attribute.history
        if history.has_changes() and attribute.key not in _NOT_SHOWN:
            old, new = (next(iter(some), None) for some in (history.deleted, history.added))
            if old != new:
                yield change(attribute.key, written(old), written(new))


def change(field: str, old: Any, new: Any) -> dict[str, Any]:
    """A field's value before and after."""
    return {"field": field, "old": old, "new": new}


def written(value: Any) -> Any:
    """A value as JSON has it."""
    return value.isoformat() if isinstance(value, datetime) else value


def event_of(
    caller: Caller,
    now: datetime,
    changes: list[dict[str, Any]],
    *,
    reason: str | None = None,
    **told: str | int | None,
) -> dict[str, Any]:
    """The columns of an event: `told` has what it is about, its number, its type and message."""
    return {
        **told,
        "id": str(uuid.uuid4()),
        "created_at": now,
        "actor_name": caller.name,
        "actor": caller.actor,
        "source": "system",
        "severity": "info",
        "agent_id": None,
        "outcome": "success",
        "reason": reason,
        "changes": changes,
        "meta": {},
        "request_id": str(uuid.uuid4()),
    }


def counts(session: Session, query: Select[str, int]) -> dict[str, int]:
    """The rows of a query that counts by a name."""
    return {name: number for name, number in session.execute(query).all()}  # noqa: C416 - rows
