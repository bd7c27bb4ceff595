"""The rules for changes of a case. Pure: no store, no clock of its own.

Every rule takes a case and gives the case after the change, or raises: `FailedPrecondition` where
the case's state forbids it, `InvalidArgument` where a reason is missing. A rule that changes
nothing gives the same case back.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from shared.errors import FailedPrecondition, InvalidArgument, NotFound, PermissionDenied
from shared.models.case import (
    Case,
    CaseFields,
    CasePatch,
    NewCase,
    Status,
    StoredCase,
)
from shared.models.roles import Role
from shared.models.sharing import Permission
from shared.rules import search
from shared.rules.callers import Caller

TRANSITIONS: dict[Status, tuple[Status, ...]] = {
    Status.NEW: (Status.IN_REVIEW, Status.NEEDS_INFO, Status.BLOCKED, Status.CLOSED),
    Status.IN_REVIEW: (Status.NEEDS_INFO, Status.APPROVED, Status.BLOCKED, Status.CLOSED),
    Status.NEEDS_INFO: (Status.IN_REVIEW, Status.BLOCKED, Status.CLOSED),
    Status.BLOCKED: (Status.IN_REVIEW, Status.CLOSED),
    Status.APPROVED: (Status.CLOSED,),
    Status.CLOSED: (),
}
MAX_COLLABORATORS = 100
DONE = frozenset({Status.APPROVED, Status.CLOSED})
_CLOCK_STANDS = DONE | {Status.NEEDS_INFO}
_REASON_NEEDED = frozenset({Status.BLOCKED, Status.CLOSED})
_SHOWN = tuple(field.alias or name for name, field in CaseFields.model_fields.items())
SOONEST = timedelta(days=1)
"""The shortest time that a tenant's settings can keep a done case."""
NEVER = datetime.max.replace(tzinfo=UTC)
"""Where a running clock has no due date, this is what it is sorted by."""


def opened(
    case_id: str, new: NewCase, *, by: str, due_hours: int | None, now: datetime
) -> StoredCase:
    """A new case. Without a due date of its own it is due in `due_hours`, or never."""
    due_at = new.due_at
    if due_at is None and due_hours is not None:
        due_at = _later(now, timedelta(hours=due_hours))
    return StoredCase(
        created_at=now,
        updated_at=now,
        created_by=by,
        decision_type=new.decision_type,
        title=new.title,
        summary=new.summary,
        status=Status.NEW,
        status_changed_at=now,
        assigned_to=new.assigned_to,
        assigned_at=now if new.assigned_to else None,
        due_at=due_at,
        submission_id=new.submission_id,
        clock_due_at=due_at or NEVER,
        search_tokens=search.tokens(case_id, new.title, new.summary, new.submission_id),
        open_interventions=0,
        open_runs=0,
    )


def changed(case_id: str, case: StoredCase, patch: CasePatch, now: datetime) -> StoredCase:
    """The case with the patch's fields; a due date in the patch is not moved by a pause."""
    given = {name: getattr(patch, name) for name in patch.model_fields_set - {"reason", "end_open"}}
    to = given.pop("status", case.status)
    updates: dict[str, Any] = {}
    if to is not case.status:
        updates |= _moved(case, to, patch.reason, now)
    for name, value in given.items():
        if value != updates.get(name, getattr(case, name)):
            updates[name] = value
    if "assigned_to" in updates:
        updates["assigned_at"] = now if updates["assigned_to"] else None
    if {"title", "summary"} & updates.keys():
        texts = case.model_copy(update=updates)
        updates["search_tokens"] = search.tokens(
            case_id, texts.title, texts.summary, texts.submission_id
        )
    return _clocked(case, updates)


def claimed(case: StoredCase, who: str, now: datetime) -> StoredCase:
    """The case assigned to `who`; it must be unassigned, or assigned to `who` already."""
    if case.assigned_to == who:
        return case
    if case.assigned_to is not None:
        raise FailedPrecondition(
            f"the case is assigned to {case.assigned_to}", [{"assignedTo": case.assigned_to}]
        )
    if case.status in DONE:
        allowed = [status for status in Status if status not in DONE]
        raise FailedPrecondition(
            f"a case that is {case.status} cannot be claimed",
            [{"status": case.status, "allowed": allowed}],
        )
    return case.model_copy(update={"assigned_to": who, "assigned_at": now})


def closed(case: StoredCase, reason: str, now: datetime) -> StoredCase:
    """The case closed for a reason. Raises FailedPrecondition for a closed case."""
    return _clocked(case, _moved(case, Status.CLOSED, reason, now))


def reopened(case: StoredCase, now: datetime) -> StoredCase:
    """A done case in review again; its due date is extended by the time it was done."""
    if case.status not in DONE:
        raise FailedPrecondition(
            f"a case that is {case.status} cannot be reopened",
            [{"status": case.status, "allowed": sorted(DONE)}],
        )
    updates = _status_updates(case, Status.IN_REVIEW, now)
    return _clocked(case, {**updates, "reopen_count": case.reopen_count + 1})


def require_editable(case: StoredCase) -> None:
    """Raises FailedPrecondition where a case is done, so that its evidence must not change."""
    if case.status in DONE:
        allowed = [status for status in Status if status not in DONE]
        raise FailedPrecondition(
            f"evidence of a case that is {case.status} is not changed: reopen it",
            [{"status": case.status, "allowed": allowed}],
        )


def shared_with(
    case: StoredCase, caller: Caller, user_id: str, permission: Permission | None
) -> StoredCase:
    """The case with a collaborator's permission set, or removed (None).

    The assignee, a collaborator with `admin`, and an admin may do this; for others it raises
    PermissionDenied.
    """
    owns = caller.actor.name == case.assigned_to
    manages = case.collaborators.get(caller.subject) == "admin"
    if not (owns or manages or caller.role is Role.ADMIN):
        raise PermissionDenied("only the assignee, a collaborator with admin, or an admin may")
    others = {user: held for user, held in case.collaborators.items() if user != user_id}
    if permission is None:
        if user_id not in case.collaborators:
            raise NotFound("the case has no such collaborator")
        return case.model_copy(update={"collaborators": others})
    if len(others) >= MAX_COLLABORATORS:
        raise FailedPrecondition(f"a case has at most {MAX_COLLABORATORS} collaborators")
    if case.collaborators.get(user_id) == permission:
        return case
    return case.model_copy(update={"collaborators": {**others, user_id: permission}})


def shown(case_id: str, case: StoredCase, now: datetime) -> Case:
    """The case as a client sees it at `now`."""
    row = shown_row(case_id, case.to_data(), now)
    return Case.model_validate(row, strict=False, by_name=False)


def shown_row(case_id: str, data: dict[str, Any], now: datetime) -> dict[str, Any]:
    """The JSON fields of `shown`, from a case's document.

    Pages are made of these, because making a model of each row takes longer than reading them.
    """
    row: dict[str, Any] = {"id": case_id}
    data = StoredCase.row(data)
    for name in _SHOWN:
        row[name] = data[name]
    due_at = data["clockDueAt"]
    row["overdue"] = due_at is not None and due_at < now
    row["pausedAt"] = data["clockStoppedAt"] if data["status"] == Status.NEEDS_INFO else None
    return row


def _moved(case: StoredCase, to: Status, reason: str | None, now: datetime) -> dict[str, Any]:
    allowed = TRANSITIONS[case.status]
    if to not in allowed:
        raise FailedPrecondition(
            f"a case that is {case.status} cannot become {to}",
            [{"status": case.status, "allowed": list(allowed)}],
        )
    if to in _REASON_NEEDED and not reason:
        raise InvalidArgument.field("reason", f"is required when a case becomes {to}")
    return _status_updates(case, to, now)


def _status_updates(case: StoredCase, to: Status, now: datetime) -> dict[str, Any]:
    updates: dict[str, Any] = {
        "status": to,
        "status_changed_at": now,
        "closed_at": now if to is Status.CLOSED else None,
        "sweep_at": _later(now, SOONEST) if to in DONE else None,
    }
    stopped_at = case.clock_stopped_at
    if stopped_at and (case.status is Status.NEEDS_INFO or to not in _CLOCK_STANDS):
        if case.due_at:
            # A clock that was set back meanwhile must not make it earlier.
            updates["due_at"] = _later(case.due_at, max(now - stopped_at, timedelta(0)))
        stopped_at = None
    updates["clock_stopped_at"] = stopped_at or (now if to in _CLOCK_STANDS else None)
    return updates


def _clocked(case: StoredCase, updates: dict[str, Any]) -> StoredCase:
    if not updates:
        return case
    after = case.model_copy(update=updates)
    due = None if after.status in _CLOCK_STANDS else after.due_at or NEVER
    return after.model_copy(update={"clock_due_at": due})


def _later(time: datetime, by: timedelta) -> datetime:
    return time + by if by < NEVER - time else NEVER
