"""Runs of automated agents on a case: what a client sends, what is stored, what a client sees."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, SerializeAsAny

from shared.models.base import OMITTED, Id, Identified, LargeJson, Model, Name, Page, Rows
from shared.models.filters import Equal, Filters, Listing, Sort
from shared.models.stored import StoredDocument


class RunStatus(StrEnum):
    """Where a run stands: pending → running → completed, failed or cancelled."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN_RUN = (RunStatus.PENDING, RunStatus.RUNNING)
"""What has not ended."""


# Semantic Versioning 2.0.0 (semver.org), without its rule on leading zeros of pre-releases.
_SEMVER = (
    r"^(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})"
    r"(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$"
)
Version = Annotated[str, Field(max_length=100, pattern=_SEMVER)]


class NewRun(Model):
    """A run to start, or with `queued` to start later. `packId` and `version` name its workflow."""

    id: Id | None = None
    """The run's id, unique in the tenant. Without it the run gets a UUID."""
    agent_id: Name
    """The agent that runs."""
    pack_id: Name | None = None
    """The workflow that it runs."""
    version: Version | None = None
    """The version of the workflow, by Semantic Versioning."""
    input: LargeJson = None
    """What the agent works on."""
    queued: bool = False
    """With `true` the run waits as `pending` until it is started."""


class RunPatch(Model):
    """A queued run's start, or a run's end with what came of it."""

    status: Literal["running", "completed", "failed", "cancelled"]
    """The new status."""
    output: LargeJson = None
    """What came of it."""
    errors: LargeJson = None
    """What went wrong."""


class RunQuery(Filters, Page):
    """A page of the tenant's runs; filters combine."""

    listing: ClassVar[Listing] = Listing("runs", (Sort("createdAt", descending=True),))

    case_id: Annotated[Id | None, Equal("caseId")] = None
    """Only runs on this case."""
    status: Annotated[RunStatus | None, Equal("status")] = None
    """Only runs with this status."""
    agent_id: Annotated[Name | None, Equal("agentId")] = None
    """Only runs of this agent."""
    pack_id: Annotated[Name | None, Equal("packId")] = None
    """Only runs of this workflow."""


class RunFields(Model):
    """What a stored run and a shown one have in common."""

    case_id: str
    """The case that it works on."""
    agent_id: str
    """The agent that runs."""
    pack_id: str | None
    """The workflow that it runs; null where none was given."""
    version: str | None
    """The version of the workflow; null where none was given."""
    status: RunStatus
    """Where the run stands."""
    created_at: datetime
    """When it was started or queued."""
    created_by: str
    """Who started or queued it: an email address, or a subject."""
    updated_at: datetime
    """When it was last changed."""
    started_at: datetime | None = None
    """When it started; null while it is queued."""
    finished_at: datetime | None = None
    """When it ended; null while it has not."""
    duration_seconds: float | None = None
    """How long it ran, in seconds; null while it has not ended."""
    timeout_at: datetime | None = None
    """When it fails automatically if it still runs; null for never, and while it is queued."""


class StoredRun(RunFields, StoredDocument):
    """A run as it is stored; what may be any JSON is kept as its canonical text."""

    input: str | None = None
    output: str | None = None
    errors: str | None = None


class Run(RunFields, Identified):
    """A run as a client sees it. It fails automatically at `timeoutAt`."""

    versioned: ClassVar[bool] = True

    input: Any
    """What the agent works on; null for nothing."""
    output: Any
    """What came of it; null for nothing."""
    errors: Any
    """What went wrong; null for nothing."""


class RunPage(Rows):
    """One page of runs."""

    runs: list[SerializeAsAny[Run]]
    """The runs of this page."""
    next_page_token: str | None = OMITTED
    """The `pageToken` of the next page. Left out on the last one."""
