"""Cases: what a client sends, what is stored, what a client sees."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import (
    AfterValidator,
    Field,
    SerializeAsAny,
    TypeAdapter,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)
from pydantic_core import PydanticCustomError

from shared.models.base import (
    OMITTED,
    UNSET,
    Id,
    Identified,
    Model,
    Name,
    Page,
    Problem,
    Reason,
    Rows,
    Text,
    Time,
    Title,
    Unreadable,
)
from shared.models.evidence import Evidence, EvidenceRef, Items
from shared.models.filters import Equal, Filters, HasWords, Listing, Missing, Past, Sort
from shared.models.record import RecordRef
from shared.models.sharing import Hold, Permission, StoredHold
from shared.models.subjects import Subject

_LETTER = re.compile(r"[^\W_]")


def _searchable(text: str) -> str:
    if not _LETTER.search(unicodedata.normalize("NFKC", text)):
        raise PydanticCustomError("search", "must contain a word")
    return text


SEARCH = (
    "Words that a case must all have. They are found at the beginnings of the words of its title, "
    "its id and its submission id; in its summary as whole words, or by five letters or more.\n"
    "Neither case, accents nor the kind of quotes and hyphens matters: `Muller` finds Müller.\n"
    "Parts of a word, as in `CASE-2024-001` or an address, begin words too; telephone numbers are "
    "found with and without spaces.\n"
    "Chinese, Japanese, Thai and other scripts without spaces are found by any part of the text."
)
Search = Annotated[
    Name,
    Field(max_length=200),
    AfterValidator(_searchable),
    WithJsonSchema({**TypeAdapter(Name).json_schema(), "maxLength": 200}),
]


class Status(StrEnum):
    """Where a case stands. Which status may follow which is in `rules/cases.py`."""

    NEW = "new"
    IN_REVIEW = "in_review"
    NEEDS_INFO = "needs_info"
    APPROVED = "approved"
    BLOCKED = "blocked"
    CLOSED = "closed"


class NewCase(Model):
    """A case to be opened. Its id is its number; without one it gets a UUID."""

    id: Id | None = None
    decision_type: Id
    title: Title
    summary: Text | None = None
    submission_id: Name | None = None
    assigned_to: Name | None = None
    due_at: Time | None = None
    evidence: Items = []


class CasePatch(Model):
    """Fields to change; null clears. What is not named stays."""

    title: Title = UNSET
    summary: Text | None = UNSET
    status: Status = UNSET
    assigned_to: Name | None = UNSET
    due_at: Time | None = UNSET
    decision_type: Id = UNSET
    reason: Reason | None = None


class Why(Model):
    """The reason for what is done."""

    reason: Reason


_DUE_FIRST = (Sort("clockDueAt"),)


class CaseFilters(Filters):
    """Which cases a queue shows; filters combine."""

    status: Annotated[Status | None, Equal("status")] = None
    assigned_to: Annotated[Name | None, Equal("assignedTo")] = None
    unassigned: Annotated[bool, Missing("assignedTo")] = False
    decision_type: Annotated[Id | None, Equal("decisionType")] = None
    search: Annotated[
        Search | None, HasWords("searchTokens", sort="createdAt"), Field(description=SEARCH)
    ] = None
    overdue: Annotated[bool, Past("clockDueAt")] = False
    legal_hold: Annotated[bool | None, Equal("legalHold")] = None

    @field_validator("unassigned")
    @classmethod
    def _assigned_or_not(cls, unassigned: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 - Pydantic calls it so
        if unassigned and info.data.get("assigned_to") is not None:
            raise PydanticCustomError("filters", "unassigned and assignedTo exclude each other")
        return unassigned


class CaseQuery(CaseFilters, Page):
    """A page of a queue."""

    listing: ClassVar[Listing] = Listing("cases", (Sort("createdAt", descending=True),), _DUE_FIRST)


class ClaimQuery(CaseFilters):
    """From which cases of a queue one is to be claimed."""

    listing: ClassVar[Listing] = Listing("cases", _DUE_FIRST)


class CaseToValidate(Model):
    """The case number that is asked for."""

    case_id: Id


class CasesToCheck(Model):
    """Case numbers whose standing is asked for, at most 500."""

    case_ids: Annotated[list[Id], Field(max_length=500)]


class CasesToClose(Model):
    """Cases to close for one reason, at most 200."""

    case_ids: Annotated[list[Id], Field(min_length=1, max_length=200)]
    reason: Reason

    @field_validator("case_ids")
    @classmethod
    def _each_once(cls, case_ids: list[str]) -> list[str]:
        if len(set(case_ids)) < len(case_ids):
            raise PydanticCustomError("case_ids", "must name each case once")
        return case_ids


class CaseView(Model):
    """How much of a case is shown: `full` adds its evidence and holds."""

    view: Literal["basic", "full"] = "basic"


class CaseFields(Model):
    """What a stored case and a shown one have in common."""

    created_at: datetime
    updated_at: datetime
    created_by: str
    decision_type: str
    title: str
    summary: str | None
    status: Status
    status_changed_at: datetime
    closed_at: datetime | None = None
    assigned_to: str | None
    assigned_at: datetime | None
    due_at: datetime | None
    submission_id: str | None
    packet_evidence_ids: list[str] = []
    evidence_count: int = 0
    notes_count: int = 0
    attachments_count: int = 0
    collaborators: dict[str, Permission] = {}
    legal_hold: bool = False
    reopen_count: int = 0
    escalated_at: datetime | None = None


class StoredCase(CaseFields, Subject):
    """A case as it is stored.

    `clock_due_at` is what the queues sort by: when the running clock runs out (year 9999 where
    nothing is due), null while the clock stands; `clock_stopped_at` is since when it stands. `head`
    is the end of the case's audit chain; `sweep_at` is when a scheduled function is to look at the
    case next, which is done by then; `records` has the latest of each kind.
    """

    clock_due_at: datetime | None
    clock_stopped_at: datetime | None = None
    search_tokens: list[str]
    evidence: list[EvidenceRef] = []
    packet_version: int = 0
    holds: list[StoredHold] = []
    sweep_at: datetime | None = None
    run_count: int = 0
    records: dict[str, RecordRef] = {}
    was_held: bool = False
    """Whether a legal hold has been on it, so that there may be preserved content."""


class Case(CaseFields, Identified):
    """A case as a client sees it."""

    versioned: ClassVar[bool] = True

    overdue: bool
    paused_at: datetime | None


class FullCase(Case):
    """A case with its evidence, and the holds on it; without them where the basic view is asked."""

    evidence: list[Evidence] | None = OMITTED
    evidence_next_page_token: str | None = OMITTED
    holds: list[Hold] | None = OMITTED
    evidence_unreadable: list[Unreadable] | None = OMITTED
    """Items of evidence that cannot be read, which `evidence` leaves out."""


class CasePage(Rows):
    """One page of cases."""

    cases: list[SerializeAsAny[Case]]
    next_page_token: str | None = OMITTED


class CaseStats(Model):
    """How many cases and events there are."""

    case_count: int
    total_events: int
    cases_by_status: dict[Status, int]


class CaseStanding(Model):
    """Whether a case number is known, and whether its case is closed."""

    case_id: str
    valid: bool
    is_closed: bool
    status: Literal["open", "closed", "invalid"]
    unreadable: str | None = OMITTED
    """What is wrong with a case that cannot be read: it exists, and little else is sure."""


class CaseStandings(Model):
    """The standing of each case number, in the order asked."""

    results: list[CaseStanding]


class CaseClosing(Model):
    """What became of one case in a batch; `error` is the error it would have got alone."""

    case_id: str
    ok: bool
    error: Problem | None = OMITTED


class CaseClosings(Model):
    """What became of a batch, case by case in the order asked."""

    results: list[CaseClosing]
    succeeded: int
    failed: int
