"""The rule by which a case comes from another system. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic_core import to_jsonable_python

from shared.errors import InvalidArgument
from shared.models.case import CasePatch, Status, StoredCase
from shared.models.imports import CaseToImport
from shared.rules import cases


def imported(  # noqa: PLR0913 - each by its name
    case_id: str,
    new: CaseToImport,
    *,
    by: str,
    by_subject: str,
    assignee: str | None,
    due_hours: int | None,
    now: datetime,
) -> StoredCase:
    """The case as it was in the other system, at `now`.

    It was opened at its `createdAt`, from which its due date follows if it has none. It has been
    closed since its `closedAt`; every other status but `new` begins with the import, because
    nothing is known of it before. Raises InvalidArgument for a time in the future.
    """
    for name, time in _times(new):
        if time > now:
            raise InvalidArgument.field(name, "must not be in the future")
    case = cases.opened(
        case_id,
        new,
        by=by,
        by_subject=by_subject,
        assignee=assignee,
        due_hours=due_hours,
        now=new.created_at,
    )
    case = case.model_copy(update={"assigned_at": now if new.assigned_to else None})
    # Some moves need a reason here. The case does not keep it, and another system may have none.
    moved = CasePatch.model_construct(status=new.status, reason="imported")
    return cases.changed(case_id, case, moved, new.closed_at or now)


def history(new: CaseToImport) -> list[dict[str, Any]]:
    """What the event of each item of the history says, the oldest first."""
    items = sorted(new.history, key=lambda item: item.at)
    return [to_jsonable_python(item.model_dump()) for item in items]


def _times(new: CaseToImport) -> list[tuple[str, datetime]]:
    times = [("createdAt", new.created_at)]
    if new.status is Status.CLOSED and new.closed_at:
        times.append(("closedAt", new.closed_at))
    return times + [(f"history[{n}].at", item.at) for n, item in enumerate(new.history)]
