"""What the peer takes and gives: the JSON of the API, as far as the measured operations need it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, JsonValue
from pydantic.alias_generators import to_camel

Status = Literal["new", "in_review", "needs_info", "approved", "blocked", "closed"]
Severity = Literal["low", "normal", "high", "critical"]
Priority = Literal["critical", "high", "normal", "low"]
Kind = Literal["kill_switch", "clarification", "waive_violation", "resume", "cancel"]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
Line = Annotated[str, Field(min_length=1, max_length=500)]
Text = Annotated[str, Field(max_length=20_000)]
Name = Annotated[str, Field(min_length=1, max_length=320)]
Tags = Annotated[list[Annotated[str, Field(max_length=50)]], Field(max_length=20)]
Time = Annotated[AwareDatetime, AfterValidator(lambda time: time.astimezone(UTC))]


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, from_attributes=True)


class _Body(_Model):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NewCase(_Body):
    """A case to be opened."""

    id: Id | None = None
    decision_type: Id
    title: Line
    summary: Text | None = None
    submission_id: Name | None = None
    assigned_to: Name | None = None
    due_at: Time | None = None
    severity: Severity = "normal"
    tags: Tags = []
    fields: Annotated[dict[Id, JsonValue], Field(max_length=50)] = {}


class CasePatch(_Body):
    """The fields of a case that change: those that are given."""

    title: Line = ""
    summary: Text | None = None
    status: Status = "new"
    assigned_to: Name | None = None
    due_at: Time | None = None
    decision_type: Id = ""
    severity: Severity = "normal"
    tags: Tags = []
    reason: Text | None = None


class CasesToUpdate(_Body):
    """Cases that change alike."""

    case_ids: Annotated[list[Id], Field(min_length=1, max_length=200)]
    severity: Severity


class CaseUpdate(_Model):
    """What became of a case."""

    case_id: str
    ok: bool


class CaseUpdates(_Model):
    """What became of each case."""

    results: list[CaseUpdate]
    succeeded: int
    failed: int


class Case(_Model):
    """A case as it is shown."""

    id: str
    created_at: datetime
    updated_at: datetime
    created_by: str
    created_by_subject: str
    decision_type: str
    title: str
    summary: str | None
    status: Status
    status_changed_at: datetime
    closed_at: datetime | None
    assigned_to: str | None
    assigned_to_subject: str | None
    assigned_at: datetime | None
    due_at: datetime | None
    clock_due_at: datetime | None
    submission_id: str | None
    severity: Severity
    tags: list[str]
    fields: dict[str, Any]
    evidence_count: int
    notes_count: int
    attachments_count: int
    collaborators: dict[str, str]
    legal_hold: bool
    waiting: bool
    reopen_count: int
    escalated_at: datetime | None
    open_interventions: int
    open_runs: int
    packet_version: int
    version: int


class CasePage(_Model):
    """A page of cases."""

    cases: list[Case]
    next_page_token: str | None


class CaseStats(_Model):
    """How many cases and events there are."""

    case_count: int
    total_events: int
    cases_by_status: dict[str, int]
    overdue: int
    waiting: int
    mine: int
    unassigned: int


class NewIntervention(_Body):
    """A question to people."""

    uow_id: Name
    type: Kind
    priority: Priority | None = None
    title: Line
    description: Text | None = None
    context: JsonValue = None
    case_id: Id | None = None
    run_id: Id | None = None
    expires_in_seconds: Annotated[int, Field(ge=1, le=315_360_000)] | None = None
    required_role: Literal["verifier", "pilot", "admin"] = "pilot"


class DecisionGiven(_Body):
    """What a person decides."""

    decision: Literal["approve", "reject"]
    reason: Text | None = None
    response: dict[str, JsonValue] | None = None


class Intervention(_Model):
    """An intervention as it is shown."""

    id: str
    uow_id: str
    type: Kind
    status: str
    priority: Priority
    title: str
    description: str | None
    context: Any
    case_id: str | None
    run_id: str | None
    required_role: str
    created_at: datetime
    created_by: str
    created_by_subject: str
    updated_at: datetime
    expires_at: datetime | None
    assigned_to: str | None
    assigned_to_subject: str | None
    decision: str | None
    decided_by: str | None
    decided_by_subject: str | None
    action_reason: str | None
    action_at: datetime | None
    resolution_seconds: float | None
    response: dict[str, Any] | None
    result: Any
    archived: bool
    version: int


class InterventionPage(_Model):
    """A page of interventions."""

    interventions: list[Intervention]
    next_page_token: str | None


class PilotMetrics(_Model):
    """What one person decided."""

    pilot: str
    decided: int
    approved: int
    rejected: int


class InterventionMetrics(_Model):
    """Counts of interventions."""

    total: int
    by_status: dict[str, int]
    by_type: dict[str, int]
    by_priority: dict[str, int]
    average_resolution_seconds: float | None
    top_pilots: list[PilotMetrics]


class Sweep(_Model):
    """What a run of a scheduled function did."""

    changed: int
