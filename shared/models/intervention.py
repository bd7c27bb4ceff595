"""Interventions: what an agent asks of people, what is stored, what a client sees."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, SerializeAsAny, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from shared.models.actions import Action, ActionFields, AskedAction, Verdict
from shared.models.approvals import ApprovalFields, People
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
    UserId,
)
from shared.models.filters import Equal, Filters, Listing, OfPerson, Repeated, Sort
from shared.models.names import PersonName, person_key
from shared.models.stored import Data
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
    """Where an intervention stands."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    COMPLETED = "completed"
    WITHDRAWN = "withdrawn"


OPEN = (InterventionStatus.PENDING, InterventionStatus.IN_PROGRESS)
"""What can still be decided."""

RequiredRole = Literal["verifier", "pilot", "admin"]


class NewIntervention(AskedAction):
    """A question to people. Without `priority` a kill switch is critical, all else normal.

    It expires at `expiresAt`, or after `expiresInSeconds`, or never.
    """

    uow_id: Name
    """The unit of work that asks: whatever the agent calls what it is doing."""
    type: InterventionType
    """What is asked of people."""
    priority: Priority | None = None
    """How urgent it is. Without it a kill switch is critical, and everything else normal."""
    title: Title
    """The question, on one line."""
    description: Text | None = None
    """The question in more words."""
    context: Json = None
    """Data that people need to decide."""
    case_id: Id | None = None
    """The case that it is about."""
    run_id: Id | None = None
    """The run of the case that asks; its open interventions are withdrawn when it ends."""
    expires_at: Time | None = None
    """From when on a decision is too late. Not together with `expiresInSeconds`."""
    expires_in_seconds: Annotated[int, Field(ge=1, le=_TEN_YEARS)] | None = None
    """In how many seconds a decision is too late. Not together with `expiresAt`; without both it
    never is.
    """
    required_role: RequiredRole = "pilot"
    """Which role the decider needs at least."""
    approvals_required: People | None = None
    """How many different people must approve, from 1 to 5. It is never less than the tenant's
    setting for the type.
    """
    raise_priority: bool = False
    """Whether the priority rises by one step with each reminder, at 50 % and 90 % of the time to
    decide. It comes with `expiresAt` or `expiresInSeconds`.
    """

    @field_validator("raise_priority")
    @classmethod
    def _of_what_expires(cls, raised: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 - Pydantic calls it so
        ends = (info.data.get(name, ...) for name in ("expires_at", "expires_in_seconds"))
        if raised and all(end is None for end in ends):
            raise PydanticCustomError("raise_priority", "comes with expiresAt or expiresInSeconds")
        return raised

    @field_validator("run_id")
    @classmethod
    def _of_a_case(cls, run_id: str | None, info: ValidationInfo) -> str | None:
        if run_id is not None and info.data.get("case_id", run_id) is None:
            raise PydanticCustomError("run_id", "comes with the caseId of its case")
        return run_id

    @field_validator("expires_in_seconds")
    @classmethod
    def _one_expiry(cls, seconds: int | None, info: ValidationInfo) -> int | None:
        if seconds is not None and info.data.get("expires_at") is not None:
            raise PydanticCustomError("expiry", "expiresAt and expiresInSeconds exclude each other")
        return seconds


class DecisionGiven(Model):
    """What a person decides. `response` is data for the agent; `response.text` answers it."""

    decision: Verdict
    """One of the intervention's `decisions`."""
    reason: Reason | None = None
    """Why. A rejection, and any decision on a waiver, needs one."""
    response: JsonObject | None = None
    """Data for the agent, as the `responseSchema` says, if there is one. `respond` needs it.
    Without a schema, a clarification is answered in its `text`.
    """
    arguments: JsonObject | None = None
    """With `edit`: the arguments to call the tool with, instead of those that were asked for."""


class Completion(Model):
    """That a decision was acted on, with what came of it."""

    result: Json = None
    """What came of it."""


class Assignment(Model):
    """Who is to hold an intervention."""

    to: PersonName
    """Who is to hold it: an email address, or a subject."""
    to_subject: UserId | None = None
    """The subject of their token. Without it the tenant's directory is asked for it, by the name.
    """


class Withdrawal(Model):
    """That a question needs no answer any more."""

    reason: Reason | None = None
    """Why; events and `actionReason` show it."""


class InterventionFilters(Filters):
    """Which interventions a list shows; filters combine, the status of each list with them."""

    priority: Annotated[Priority | None, Equal("priority")] = None
    """Only interventions of this priority."""
    type: Annotated[InterventionType | None, Equal("type")] = None
    """Only interventions of this type."""
    assigned_to: Annotated[Name | None, OfPerson("assignedTo", key="assigneeKey")] = None
    """Only interventions that this person has claimed; `me` is the caller."""
    uow_id: Annotated[Name | None, Equal("uowId")] = None
    """Only interventions of this unit of work."""
    case_id: Annotated[Id | None, Equal("caseId")] = None
    """Only interventions about this case."""


class InterventionQuery(InterventionFilters, Page):
    """A page of interventions, newest first."""

    listing: ClassVar[Listing] = Listing("interventions", (Sort("createdAt", descending=True),))

    status: Annotated[
        Repeated[InterventionStatus] | None,
        Field(max_length=len(InterventionStatus)),
        Equal("status"),
    ] = None
    """The status; where it is repeated, any of them."""


class PendingQuery(InterventionFilters, Page):
    """A page of what waits: pending, or where `assignedTo` or `status` says so, in progress."""

    listing: ClassVar[Listing] = Listing("interventions", (Sort("priorityRank"), Sort("createdAt")))

    status: Annotated[Literal["pending", "in_progress"], Equal("status")] = Field(
        default_factory=lambda given: "in_progress" if given.get("assigned_to") else "pending"
    )
    """`pending`: what nobody has claimed; `in_progress`: what somebody has. The default is
    `pending`, and with `assignedTo` it is `in_progress`.
    """


class Wait(Model):
    """How long to wait for a decision, in seconds."""

    timeout_seconds: Annotated[int, Field(ge=0, le=MAX_WAIT_SECONDS)] = 30
    """How long to wait at most, in seconds."""


class _QuestionFields(Model):
    """What a stored intervention and a shown one say of the question and its answer."""

    uow_id: str
    """The unit of work that asks."""
    type: InterventionType
    """What is asked of people."""
    status: InterventionStatus
    """Where the intervention stands."""
    priority: Priority
    """How urgent it is."""
    title: str
    """The question, on one line."""
    description: str | None
    """The question in more words; null where nothing was given."""
    case_id: str | None
    """The case that it is about; null for none."""
    required_role: RequiredRole
    """Which role the decider needs at least."""
    created_at: datetime
    """When it was asked."""
    created_by: str
    """Who asked: an email address, or a subject."""
    updated_at: datetime
    """When it was last changed."""
    expires_at: datetime | None
    """From when on a decision is too late; null for never."""
    assigned_to: str | None = None
    """Who has claimed it; null for nobody."""
    decision: Verdict | None = None
    """How it was decided; null while it is not."""
    decided_by: str | None = None
    """Who decided it; null while nobody has."""
    action_reason: str | None = None
    """The reason of the decision or the withdrawal; null for none."""
    action_at: datetime | None = None
    """When it was decided or withdrawn, or when it expired; null while it is open."""
    resolution_seconds: float | None = None
    """How long it took from the question to the decision, in seconds; null while it is not decided.
    """
    archived: bool = False
    """Whether nothing can follow any more: it was rejected or withdrawn, has expired or is
    completed. Its retention runs from then on.
    """
    created_by_subject: str
    """The token's subject of who asked."""
    assigned_to_subject: str | None = None
    """The token's subject of who holds it; null where nobody does, or only the name is known."""
    decided_by_subject: str | None = None
    """The token's subject of who decided; null before, and where only the name is known."""
    completed_by: str | None = None
    """The name of who completed it; null before, and where an earlier release did not keep it."""
    completed_by_subject: str | None = None
    """The token's subject of who completed it; null where `completedBy` is."""
    completed_at: datetime | None = None
    """When it was completed; null where `completedBy` is."""
    run_id: str | None = None
    """The run of the case that asked, if one did."""


class InterventionFields(ApprovalFields, ActionFields, _QuestionFields):
    """What a stored intervention and a shown one have in common."""


class StoredIntervention(InterventionFields, Subject):
    """An intervention as it is stored.

    What may be any JSON is kept as its canonical text. `priority_rank` is what the queue sorts by;
    `sweep_at` is when the purge is to look at it next. `decisions` is empty in what earlier
    releases stored: then it is the default.
    """

    context: str | None
    response: str | None = None
    result: str | None = None
    action: str | None = None
    approved_arguments: str | None = None
    response_schema: str | None = None
    priority_rank: int
    sweep_at: datetime | None = None
    counted: bool = False
    """Whether its case counts it while it is open; release 1.0.0 counted none."""

    def to_data(self, old: Data | None = None) -> Data:
        """The data to store, with the keys by which queries find who holds it and who decided."""
        keys = {
            "assigneeKey": person_key(self.assigned_to_subject, self.assigned_to),
            "deciderKey": person_key(self.decided_by_subject, self.decided_by),
        }
        data = super().to_data(old)
        # Most interventions have the defaults of these, and are the smaller without them.
        for name in _MOSTLY_DEFAULT:
            if data[name] == self._defaults[name] and name not in (old or {}):
                del data[name]
        return {**data, **keys}


_MOSTLY_DEFAULT = (
    *ActionFields.aliases(),
    *ApprovalFields.aliases(),
    *("action", "approvedArguments", "responseSchema"),
)


class Intervention(InterventionFields, Identified):
    """An intervention as a client sees it: undecided, it is `expired` from `expiresAt` on."""

    versioned: ClassVar[bool] = True

    context: Any
    """Data that people need to decide."""
    response: dict[str, Any] | None
    """Data from the decider for the agent; null for none. While `approvalsRequired` people have not
    approved it, it is from those so far, and binds nobody.
    """
    result: Any
    """What came of the decision, as whoever acted on it said; null for nothing."""
    action: Action | None
    """What the agent wants to do; null where the question is about no action."""
    approved_arguments: dict[str, Any] | None
    """The arguments that were approved instead of those of `action`; null for none."""
    response_schema: dict[str, Any] | None
    """The JSON Schema that a `response` follows; null for none."""


class InterventionPage(Rows):
    """One page of interventions."""

    interventions: list[SerializeAsAny[Intervention]]
    """The interventions of this page."""
    next_page_token: str | None = OMITTED
    """The `pageToken` of the next page. Left out on the last one."""


class MetricsQuery(Model):
    """Interventions created since (included) and until (not included); `daily` adds rows by day."""

    since: Time | None = None
    """Only interventions that were created at this time or later."""
    until: Time | None = None
    """Only interventions that were created before this time."""
    daily: bool = False
    """With `true` also a row for each day of the period, in UTC: at most 31 days; without a period
    the last 31 days.
    """


class PilotMetrics(Model):
    """What one person decided."""

    pilot: str
    """Who decided: the name in the directory, which is an email address or a subject; "erased"
    where the person's data was erased.
    """
    decided: int
    """How many they decided."""
    approved: int
    """How many of these they approved, edited or responded to."""
    rejected: int
    """How many of these they rejected."""


class Day(Model):
    """What happened on one day, in UTC; the average is of what was decided on it."""

    date: date
    """The day, in UTC."""
    created: int
    """How many were created on it."""
    decided: int
    """How many were decided on it."""
    expired: int
    """How many expired on it."""
    average_resolution_seconds: float | None
    """How long it took on average from the question to the decision, in seconds; null where nothing
    was decided.
    """


class InterventionMetrics(Model):
    """Counts of interventions, how long people took, and who decided most."""

    as_of: datetime
    """Of when the figures are. That is now, but where more than 300 events wait to be sealed: then
    it is the time of the last event that was counted. A period with an end that is no midnight in
    UTC is always counted as of now.
    """

    total: int
    """How many interventions there are."""
    by_status: dict[InterventionStatus, int]
    """How many have each status."""
    by_type: dict[InterventionType, int]
    """How many are of each type."""
    by_priority: dict[Priority, int]
    """How many have each priority."""
    average_resolution_seconds: float | None
    """How long it took on average from the question to the decision, in seconds; null where nothing
    was decided.
    """
    top_pilots: list[PilotMetrics]
    """The ten who decided most. Of a period with an end that is no midnight in UTC they are among
    the 50 who decided most in all. For pilots, admins and auditors, unless the setting
    `personFigures` is off; otherwise empty.
    """
    daily: list[Day] | None = OMITTED
    """One row for each day of the period. Only where `daily` is asked for."""
