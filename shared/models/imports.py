"""Cases that come from another system, with their history there."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from shared.models.base import Id, Model, Name, Reason, Text, Time
from shared.models.case import NewCase, Status

IMPORTED = (
    Status.NEW,
    Status.IN_REVIEW,
    Status.NEEDS_INFO,
    Status.BLOCKED,
    Status.CLOSED,
)
"""The statuses that a case can come with. None is approved but here, on a packet that is frozen."""
MAX_HISTORY = 100


def _importable(status: Status) -> Status:
    if status not in IMPORTED:
        raise PydanticCustomError("status", f"must be one of {', '.join(IMPORTED)}")
    return status


def _of_closed(time: Any, info: ValidationInfo) -> Any:
    if time is None:
        return None
    if info.data.get("status") is not Status.CLOSED:
        raise PydanticCustomError("closed_at", "comes with the status closed")
    if (created := info.data.get("created_at")) and time < created:
        raise PydanticCustomError("closed_at", "must not be before createdAt")
    return time


class ImportQuery(Model):
    """Whether a case is imported, or only looked at."""

    dry_run: bool = False
    """Whether to answer with the case as it would be, and to import nothing."""


class HistoryItem(Model):
    """Something that happened to a case in the system that it comes from."""

    at: Time
    """When it happened."""
    by: Name | None = None
    """Who did it, as that system calls them."""
    text: Annotated[Text, Field(min_length=1)]
    """What happened, or what was said."""


class CaseToImport(NewCase):
    """A case as another system had it. Of each row of a source there is one case, once."""

    source: Id
    """The system that it comes from, such as `jira`. With `rowKey` it says which row this is."""
    row_key: Name
    """What the row is called there: its number or its key, not a name of a person. A row that was
    imported before is not imported again."""
    created_at: Time
    """When the case was opened there; not in the future."""
    status: Annotated[
        Status,
        AfterValidator(_importable),
        WithJsonSchema({"type": "string", "enum": list(IMPORTED)}),
    ] = Status.NEW
    """Where it stands. A case is approved here only, so it is imported as `in_review`, or closed.
    """
    closed_at: Annotated[Time | None, AfterValidator(_of_closed)] = None
    """When it was closed; without it a closed case was closed when it is imported."""
    reason: Reason | None = None
    """Why it has this status."""
    history: Annotated[list[HistoryItem], Field(max_length=MAX_HISTORY)] = []
    """What happened there. Each is an event `imported` in the case's trail, the oldest first."""
