"""Interventions: what an agent asks of people, what is stored, what a client sees."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, SerializeAsAny, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from shared.models.base import (
    OMITTED,
    Id,
    Identified,
    Json,
    JsonObject,
    Model,
    Name,
    Page,
    Reason,
    Rows,
    Text,
    Time,
    Title,
)
from shared.models.filters import Equal, Filters, Listing, Sort
from shared.models.subjects import Subject

MAX_WAIT_SECONDS = 55
_TEN_YEARS = 315_360_000


class InterventionType(StrEnum):
    """What is asked for."""

    KILL_SWITCH = "kill_switch"
    CLARIFICATION = "clarification"
    WAIVE_VIOLATION = "waive_violation"
    RESUME = "resume"
    CANCEL = "cancel"


class Priority(StrEnum):
    """How urgent it is; the queue has them in this order."""

    CRITICAL = "critical"
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


class InterventionStatus(StrEnum):
    """Where an intervention stands. What may follow is in `rules/interventions.py`."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    COMPLETED = "completed"


OPEN = (InterventionStatus.PENDING, InterventionStatus.IN_PROGRESS)
"""What can still be decided."""

RequiredRole = Literal["verifier", "pilot", "admin"]
Verdict = Literal["approve", "reject"]


class NewIntervention(Model):
    """A question to people. Without `priority` a kill switch is critical, all else normal.

    It expires at `expiresAt`, or after `expiresInSeconds`, or never.
    """

    uow_id: Name
    type: InterventionType
    priority: Priority | None = None
    title: Title
    description: Text | None = None
    context: Json = None
    case_id: Id | None = None
    expires_at: Time | None = None
    expires_in_seconds: Annotated[int, Field(ge=1, le=_TEN_YEARS)] | None = None
    required_role: RequiredRole = "pilot"

    @field_validator("expires_in_seconds")
    @classmethod
    def _one_expiry(cls, seconds: int | None, info: ValidationInfo) -> int | None:
        if seconds is not None and info.data.get("expires_at") is not None:
            raise PydanticCustomError("expiry", "expiresAt and expiresInSeconds exclude each other")
        return seconds


class DecisionGiven(Model):
    """What a person decides. `response` is data for the agent; `response.text` answers it."""

    decision: Verdict
    reason: Reason | None = None
    response: JsonObject | None = None


class Completion(Model):
    """That a decision was acted on, with what came of it."""

    result: Json = None


class InterventionFilters(Filters):
    """Which interventions a list shows; filters combine, the status of each list with them."""

    priority: Annotated[Priority | None, Equal("priority")] = None
    type: Annotated[InterventionType | None, Equal("type")] = None
    assigned_to: Annotated[Name | None, Equal("assignedTo")] = None
    uow_id: Annotated[Name | None, Equal("uowId")] = None
    case_id: Annotated[Id | None, Equal("caseId")] = None


class InterventionQuery(InterventionFilters, Page):
    """A page of interventions, newest first."""

    listing: ClassVar[Listing] = Listing("interventions", (Sort("createdAt", descending=True),))

    status: Annotated[InterventionStatus | None, Equal("status")] = None


class PendingQuery(InterventionFilters, Page):
    """A page of what waits: pending, or where `assignedTo` or `status` says so, in progress."""

    listing: ClassVar[Listing] = Listing("interventions", (Sort("priorityRank"), Sort("createdAt")))

    status: Annotated[Literal["pending", "in_progress"], Equal("status")] = Field(
        default_factory=lambda given: "in_progress" if given.get("assigned_to") else "pending"
    )


class Wait(Model):
    """How long to wait for a decision, in seconds."""

    timeout_seconds: Annotated[int, Field(ge=0, le=MAX_WAIT_SECONDS)] = 30


class InterventionFields(Model):
    """What a stored intervention and a shown one have in common."""

    uow_id: str
    type: InterventionType
    status: InterventionStatus
    priority: Priority
    title: str
    description: str | None
    case_id: str | None
    required_role: RequiredRole
    created_at: datetime
    created_by: str
    updated_at: datetime
    expires_at: datetime | None
    assigned_to: str | None = None
    decision: Verdict | None = None
    decided_by: str | None = None
    action_reason: str | None = None
    action_at: datetime | None = None
    resolution_seconds: float | None = None
    archived: bool = False


class StoredIntervention(InterventionFields, Subject):
    """An intervention as it is stored.

    What may be any JSON is kept as its canonical text. `priority_rank` is what the queue sorts by;
    `created_by_subject` is who asked, whatever they are called; `sweep_at` is when the purge is to
    look at it next.
    """

    context: str | None
    response: str | None = None
    result: str | None = None
    priority_rank: int
    created_by_subject: str
    sweep_at: datetime | None = None


class Intervention(InterventionFields, Identified):
    """An intervention as a client sees it: past `expiresAt` it is `expired`, swept or not."""

    versioned: ClassVar[bool] = True

    context: Any
    response: dict[str, Any] | None
    result: Any


class InterventionPage(Rows):
    """One page of interventions."""

    interventions: list[SerializeAsAny[Intervention]]
    next_page_token: str | None = OMITTED


class MetricsQuery(Model):
    """Interventions created since (included) and until (not included); `daily` adds rows by day."""

    since: Time | None = None
    until: Time | None = None
    daily: bool = False


class PilotMetrics(Model):
    """What one person decided."""

    pilot: str
    decided: int
    approved: int
    rejected: int


class Day(Model):
    """What happened on one day, in UTC; the average is of what was decided on it."""

    date: date
    created: int
    decided: int
    expired: int
    average_resolution_seconds: float | None


class InterventionMetrics(Model):
    """Counts of interventions, how long people took, and who decided most."""

    total: int
    by_status: dict[InterventionStatus, int]
    by_type: dict[InterventionType, int]
    by_priority: dict[Priority, int]
    average_resolution_seconds: float | None
    top_pilots: list[PilotMetrics]
    daily: list[Day] | None = OMITTED
