"""The rules for changes of a case. Pure: no store, no clock of its own.

Every rule takes a case and gives the case after the change, or raises: `FailedPrecondition` where
the case's state forbids it, `InvalidArgument` where a reason is missing. A rule that changes
nothing gives the same case back.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.errors import FailedPrecondition, InvalidArgument, NotFound, PermissionDenied
from shared.models.case import (
    MAX_FIELDS,
    MAX_TAGS,
    Case,
    CaseFields,
    CasePatch,
    NewCase,
    Status,
    StoredCase,
)
from shared.models.names import folded, normalised
from shared.models.roles import Actor, Role
from shared.models.sharing import Permission
from shared.rules import claims, people, search
from shared.rules.callers import PILOTS, Caller
from shared.rules.canonical import canonical_text, parsed

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
STANDING = DONE | {Status.NEEDS_INFO}
"""Where the clock stands; it runs in every other status."""
RUNNING = tuple(status for status in Status if status not in STANDING)
_STAYS_CHANGEABLE = {Status.APPROVED: frozenset({"assigned_to"}), Status.CLOSED: frozenset[str]()}
"""What can be changed of a done case besides its status; all other fields stay as they are."""
_REASON_NEEDED = frozenset({Status.BLOCKED, Status.CLOSED})
_SHOWN = CaseFields.aliases()
SOONEST = timedelta(days=1)
"""The shortest time that a tenant's settings can keep a done case."""
NEVER = datetime.max.replace(tzinfo=UTC)
"""Where a running clock has no due date, this is what it is sorted by."""


def opened(  # noqa: PLR0913 - each by its name
    case_id: str,
    new: NewCase,
    *,
    by: str,
    due_hours: int | None,
    now: datetime,
    by_subject: str | None = None,
    assignee: str | None = None,
) -> StoredCase:
    """A new case. Without a due date of its own it is due in `due_hours`, or never.

    `by_subject` and `assignee` are the subjects of who opens it and of the assignee, where known.
    """
    due_at = new.due_at
    if due_at is None and due_hours is not None:
        due_at = _later(now, timedelta(hours=due_hours))
    return StoredCase(
        created_at=now,
        updated_at=now,
        created_by=normalised(by),
        created_by_subject=by_subject,
        decision_type=new.decision_type,
        title=new.title,
        summary=new.summary,
        status=Status.NEW,
        status_changed_at=now,
        assigned_to=new.assigned_to,
        assigned_to_subject=assignee,
        assigned_at=now if new.assigned_to else None,
        due_at=due_at,
        submission_id=new.submission_id,
        severity=new.severity,
        tags=new.tags,
        fields=_with_fields(None, new.fields),
        clock_due_at=due_at or NEVER,
        search_tokens=search.tokens(case_id, new.title, new.summary, new.submission_id),
        open_interventions=0,
        open_runs=0,
    )


def changed(
    case_id: str, case: StoredCase, patch: CasePatch, now: datetime, assignee: str | None = None
) -> StoredCase:
    """The case with the patch's fields.

    A due date that is set during a pause is later extended by the rest of that pause only. A done
    case keeps its fields, but for its status and, until it is closed, its assignee. `assignee` is
    the subject of who is assigned, where the patch names somebody who is known.
    """
    given = {name: getattr(patch, name) for name in patch.model_fields_set - {"reason", "end_open"}}
    to = given.pop("status", case.status)
    if "fields" in given:
        given["fields"] = _with_fields(case.fields, given["fields"])
    updates: dict[str, Any] = {}
    if "assigned_to" in given:
        updates = _assigned(case, given.pop("assigned_to"), assignee, now)
    if to is not case.status:
        updates |= _moved(case, to, patch.reason, now)
    for name, value in given.items():
        if value != updates.get(name, getattr(case, name)):
            updates[name] = value
    _require_changeable(case, updates)
    if "due_at" in given and "due_at" in updates and to in STANDING:
        updates["due_stands_since"] = now
    if {"title", "summary"} & updates.keys():
        texts = case.model_copy(update=updates)
        updates["search_tokens"] = search.tokens(
            case_id, texts.title, texts.summary, texts.submission_id
        )
    return _clocked(case, updates)


def require_may_assign(case: StoredCase, after: StoredCase, caller: Caller) -> None:
    """Raises PermissionDenied where a change would take the case from its holder.

    The holder may do that, and pilots and admins; others assign only what is free.
    """
    holder = case.assigned_to
    before = (holder, case.assigned_to_subject or after.assigned_to_subject)
    taken = holder is not None and (after.assigned_to, after.assigned_to_subject) != before
    if not taken or owned(case, caller.actor) or caller.role in PILOTS:
        return
    raise PermissionDenied(
        f"assignedTo: the case is {holder}'s; only they, a pilot or an admin assign it to others",
        [{"assignedTo": holder}],
    )


def retagged(case: StoredCase, add: Sequence[str], remove: Collection[str]) -> list[str]:
    """The tags of a case with some more at the end, and then without those to remove."""
    tags = [tag for tag in dict.fromkeys((*case.tags, *add)) if tag not in remove]
    if len(tags) > MAX_TAGS:
        raise InvalidArgument.field("addTags", f"a case has at most {MAX_TAGS} tags")
    return tags


def claimed(case: StoredCase, who: Actor, now: datetime, minutes: int | None = None) -> StoredCase:
    """The case assigned to `who`, who holds it for so many minutes, or without an end.

    It must be unassigned, or assigned to `who` already, or the claim of its assignee has lapsed.
    Who has claimed it holds it from now on; who was assigned otherwise holds it without an end.
    """
    until = claims.held_until(minutes, now)
    if owned(case, who):
        known = identified(case, who)
        again = case.held_until is not None and case.status not in DONE
        return known.model_copy(update={"held_until": until}) if again else known
    held = {} if case.held_until is None else {"heldUntil": case.held_until}
    if case.assigned_to is not None and not claims.has_lapsed(case.held_until, now):
        raise FailedPrecondition(
            f"the case is assigned to {case.assigned_to}",
            [{"assignedTo": case.assigned_to, **held}],
        )
    if case.status in DONE:
        allowed = [status for status in Status if status not in DONE]
        raise FailedPrecondition(
            f"a case that is {case.status} cannot be claimed",
            [{"status": case.status, "allowed": allowed}],
        )
    assigned = _assigned(case, normalised(who.name), who.subject, now)
    return case.model_copy(update={**assigned, "held_until": until})


def owned(case: StoredCase, who: Actor) -> bool:
    """Whether `who` is the assignee of a case."""
    return people.is_person(who, case.assigned_to_subject, case.assigned_to)


def identified(case: StoredCase, who: Actor) -> StoredCase:
    """The case with the assignee's subject, where `who` is the assignee by their name alone."""
    if case.assigned_to_subject is not None or not owned(case, who):
        return case
    return case.model_copy(update={"assigned_to_subject": who.subject})


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
            f"evidence of a case that is {case.status} cannot be changed: reopen it",
            [{"status": case.status, "allowed": allowed}],
        )


def shared_with(
    case: StoredCase, caller: Caller, user_id: str, permission: Permission | None
) -> StoredCase:
    """The case with a collaborator's permission set, or removed (None).

    The assignee, a collaborator with `admin`, and an admin may do this; for others it raises
    PermissionDenied.
    """
    owns = owned(case, caller.actor)
    manages = case.collaborators.get(caller.subject) == "admin"
    if not (owns or manages or caller.role is Role.ADMIN):
        raise PermissionDenied(
            "only the assignee, a collaborator with admin, or an admin may do this"
        )
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
    return Case.model_validate(row)


def shown_row(case_id: str, data: dict[str, Any], now: datetime) -> dict[str, Any]:
    """The JSON fields of `shown`, from a case's document.

    Pages are made of these, because making a model of each row takes longer than reading them.
    """
    row: dict[str, Any] = {"id": case_id}
    data = StoredCase.row(data)
    for name in _SHOWN:
        row[name] = data[name]
    row["fields"] = parsed(data["fields"]) or {}
    due_at = data["clockDueAt"]
    row["overdue"] = due_at is not None and due_at < now
    row["pausedAt"] = data["clockStoppedAt"] if data["status"] == Status.NEEDS_INFO else None
    row["packetVersion"] = data["packetVersion"]
    return row


def _require_changeable(case: StoredCase, updates: dict[str, Any]) -> None:
    """Raises FailedPrecondition where a case is done and keeps a field that would change."""
    names = (updates.keys() & CasePatch.model_fields.keys()) - {"status"}
    kept = names - _STAYS_CHANGEABLE.get(case.status, names)
    if kept:
        fields = sorted(CasePatch.model_fields[name].alias or name for name in kept)
        allowed = [status for status in Status if kept <= _STAYS_CHANGEABLE.get(status, kept)]
        raise FailedPrecondition(
            f"{', '.join(fields)} of a case that is {case.status} cannot be changed: reopen it",
            [{"status": case.status, "fields": fields, "allowed": allowed}],
        )


def _assigned(
    case: StoredCase, to: str | None, subject: str | None, now: datetime
) -> dict[str, Any]:
    """What assigning a case to somebody changes.

    The name that is assigned already means the same person, unless it is known to be another's now.
    """
    same = to == case.assigned_to or (to and folded(to) == folded(case.assigned_to or ""))
    if same and subject in (None, case.assigned_to_subject):
        return {}
    if same and case.assigned_to_subject is None:
        return {"assigned_to_subject": subject}
    return {
        "assigned_to": to,
        "assigned_to_subject": subject,
        "assigned_at": now if to else None,
        "held_until": None,
    }


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
    if stopped_at and to in DONE and case.status in DONE:
        return updates
    if stopped_at and case.due_at:
        # A clock that was set back meanwhile must not make it earlier.
        stood = max(now - (case.due_stands_since or stopped_at), timedelta(0))
        updates["due_at"] = _later(case.due_at, stood)
    updates["clock_stopped_at"] = updates["due_stands_since"] = now if to in STANDING else None
    return updates


def _with_fields(old: str | None, given: Mapping[str, Any] | None) -> str | None:
    """The canonical text of a case's own fields with those that are given; None takes away."""
    named = {**(parsed(old) or {}), **given} if given is not None else {}
    kept = {name: value for name, value in named.items() if value is not None}
    if len(kept) > MAX_FIELDS:
        raise InvalidArgument.field("fields", f"a case has at most {MAX_FIELDS} fields")
    return canonical_text(kept) if kept else None


def _clocked(case: StoredCase, updates: dict[str, Any]) -> StoredCase:
    if not updates:
        return case
    after = case.model_copy(update=updates)
    return after.model_copy(update={"clock_due_at": clock_due(after)})


def clock_due(case: StoredCase) -> datetime | None:
    """By what the queues sort a case, as `clock_due_at` of `StoredCase` says."""
    if case.status not in STANDING:
        return case.due_at or NEVER
    since = case.due_stands_since or case.clock_stopped_at
    # A case that was overdue before the pause stays overdue.
    breached = case.due_at is not None and since is not None and case.due_at < since
    return case.due_at if breached and case.status not in DONE else None


def _later(time: datetime, by: timedelta) -> datetime:
    return time + by if by < NEVER - time else NEVER
