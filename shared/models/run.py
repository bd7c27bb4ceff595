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
    """Where a run stands: pending → running → completed or failed."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


# Semantic Versioning 2.0.0 (semver.org), without its rule on leading zeros of pre-releases.
_SEMVER = (
    r"^(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})"
    r"(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$"
)
Version = Annotated[str, Field(max_length=100, pattern=_SEMVER)]


class NewRun(Model):
    """A run to start, or with `queued` to start later. `packId` and `version` name its workflow."""

    id: Id | None = None
    agent_id: Name
    pack_id: Name | None = None
    version: Version | None = None
    input: LargeJson = None
    queued: bool = False


class RunPatch(Model):
    """A queued run's start, or a run's end with what came of it."""

    status: Literal["running", "completed", "failed"]
    output: LargeJson = None
    errors: LargeJson = None


class RunQuery(Filters, Page):
    """A page of the tenant's runs; filters combine."""

    listing: ClassVar[Listing] = Listing("runs", (Sort("createdAt", descending=True),))

    case_id: Annotated[Id | None, Equal("caseId")] = None
    status: Annotated[RunStatus | None, Equal("status")] = None
    agent_id: Annotated[Name | None, Equal("agentId")] = None
    pack_id: Annotated[Name | None, Equal("packId")] = None


class RunFields(Model):
    """What a stored run and a shown one have in common."""

    case_id: str
    agent_id: str
    pack_id: str | None
    version: str | None
    status: RunStatus
    created_at: datetime
    created_by: str
    updated_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    duration_seconds: float | None = None
    timeout_at: datetime | None = None


class StoredRun(RunFields, StoredDocument):
    """A run as it is stored; what may be any JSON is kept as its canonical text."""

    input: str | None = None
    output: str | None = None
    errors: str | None = None


class Run(RunFields, Identified):
    """A run as a client sees it. It fails by itself at `timeoutAt`."""

    versioned: ClassVar[bool] = True

    input: Any
    output: Any
    errors: Any


class RunPage(Rows):
    """One page of runs."""

    runs: list[SerializeAsAny[Run]]
    next_page_token: str | None = OMITTED
