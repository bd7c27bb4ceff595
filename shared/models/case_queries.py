"""The queues of cases: which of them a list shows, and from which one is claimed."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, ClassVar, Literal

from pydantic import (
    AfterValidator,
    Field,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from shared.models.base import (
    Id,
    Name,
    Page,
    Tag,
    Time,
    described_line,
)
from shared.models.case import Severity, Status
from shared.models.filters import (
    Contains,
    Equal,
    Filters,
    HasWords,
    Listing,
    Missing,
    Named,
    OfPerson,
    Past,
    Repeated,
    Since,
    Sort,
    SortedBy,
    Until,
)
from shared.models.names import FilterName

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
    described_line(200),
]


_DUE_FIRST = (Sort("clockDueAt"),)


class CaseFilters(Filters):
    """Which cases a queue shows; filters combine."""

    status: Annotated[Repeated[Status] | None, Field(max_length=6), Equal("status")] = None
    """Only cases with this status; where it is repeated, with any of them."""
    assigned_to: Annotated[Name | None, OfPerson("assignedTo", key="assigneeKey")] = None
    """Only cases that are assigned to this person; `me` is the caller."""
    unassigned: Annotated[bool, Missing("assignedTo")] = False
    """With `true` only cases that are assigned to nobody."""
    decision_type: Annotated[Id | None, Equal("decisionType")] = None
    """Only cases of this type of decision."""
    search: Annotated[
        Search | None, HasWords("searchTokens", sort="createdAt"), Field(description=SEARCH)
    ] = None
    overdue: Annotated[bool, Past("clockDueAt")] = False
    """With `true` only cases whose due date is past while their clock runs; the longest overdue
    comes first.
    """
    legal_hold: Annotated[bool | None, Equal("legalHold")] = None
    """`true`: only cases under a legal hold; `false`: only the others."""
    severity: Annotated[Severity | None, Equal("severity")] = None
    """How much is at stake."""
    tags: Annotated[Repeated[Tag] | None, Field(max_length=5), Contains("tags")] = None
    """A tag that the case has; where it is repeated, up to five times, any of them."""
    created_by: Annotated[FilterName | None, Named("createdBy")] = None
    """Who opened the case."""
    submission_id: Annotated[Name | None, Equal("submissionId")] = None
    """The submission that the case is about."""
    due_until: Annotated[Time | None, Until("clockDueAt")] = None
    """Due before this time, while the clock runs; due first."""
    waiting: Annotated[bool | None, Equal("waiting")] = None
    """Whether interventions about the case are open, so that it waits for people's answers."""

    @field_validator("unassigned")
    @classmethod
    def _assigned_or_not(cls, unassigned: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 - Pydantic calls it so
        if unassigned and info.data.get("assigned_to") is not None:
            raise PydanticCustomError("filters", "unassigned and assignedTo exclude each other")
        return unassigned


class CaseQuery(CaseFilters, Page):
    """A page of a queue."""

    listing: ClassVar[Listing] = Listing(
        "cases",
        (Sort("createdAt", descending=True),),
        _DUE_FIRST,
        # Of those who have worked for years: what is still open.
        together=(frozenset({"status", "assigned_to"}),),
    )

    created_since: Annotated[Time | None, Since("createdAt")] = None
    """Opened at this time or later."""
    created_until: Annotated[Time | None, Until("createdAt")] = None
    """Opened before this time."""
    sort: Annotated[
        Literal["createdAt", "dueAt"] | None,
        SortedBy({"createdAt": "createdAt", "dueAt": "clockDueAt"}),
    ] = None
    """`createdAt`: newest first. `dueAt`: due first, without cases whose clock stands, unless
    `status` asks for such; those come before the others. Without it, newest first, but due first
    where `overdue` or `dueUntil` is given."""


class ClaimQuery(CaseFilters):
    """From which cases of a queue one is to be claimed."""

    listing: ClassVar[Listing] = Listing("cases", _DUE_FIRST)
