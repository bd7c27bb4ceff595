"""Worksheets: each user's own notes on a case."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from shared.models.base import OMITTED, UNSET, Id, Model, Page, Problem, Rows, Text, UserId
from shared.models.sharing import Sharing
from shared.models.subjects import Subject


class WorksheetToSave(Model):
    """A worksheet's texts, and whom its owner opens it to."""

    problem_statement: Text = ""
    """The user's statement of the problem. Where it is not given, it becomes empty, unless only
    `sharedWith` is."""
    fsr_notes: Text = ""
    """The user's notes. Where they are not given, they become empty, unless only
    `sharedWith` is."""
    shared_with: Sharing = UNSET
    """What the worksheet is open for, to collaborators who have that permission on the case:
    `none` (only its owner sees it), `read` or `write`. Only its owner changes it; where it is not
    given, it stays as it is, at first `none`."""


class WorksheetRow(WorksheetToSave):
    """A worksheet as it is to be saved, with the case it is about."""

    case_id: Id
    """The case that the worksheet is about."""


class WorksheetsToSave(Model):
    """Worksheets of one user, at most 100."""

    worksheets: Annotated[list[WorksheetRow], Field(min_length=1, max_length=100)]
    """The worksheets, one for each case."""

    @field_validator("worksheets")
    @classmethod
    def _each_once(cls, rows: list[WorksheetRow]) -> list[WorksheetRow]:
        if len({row.case_id for row in rows}) < len(rows):
            raise PydanticCustomError("worksheets", "must name each case once")
        return rows


class WorksheetQuery(Model):
    """Whose worksheet: the caller's own, or another user's that is open to the caller."""

    user_id: UserId | None = None
    """Whose worksheet, by the `sub` of their token; without it the caller's own."""


class WorksheetsQuery(Page):
    """A page of the caller's worksheets; with `caseId` the one on this case, if there is one."""

    case_id: Id | None = None
    """Only the worksheet on this case; it is listed also where the case is closed."""


class StoredWorksheet(Subject):
    """A worksheet as it is stored, at `{caseId}:{userId}`."""

    case_id: str
    user_id: str
    problem_statement: str
    fsr_notes: str
    shared_with: Sharing = "none"
    """What its owner has opened it for. Documents of the first release have none of it: closed."""
    created_at: datetime


class Worksheet(Model):
    """A worksheet as a client sees it."""

    versioned: ClassVar[bool] = True

    case_id: str
    """The case that it is about."""
    user_id: str
    """Whose it is: the `sub` of their token."""
    problem_statement: str
    """The user's statement of the problem."""
    fsr_notes: str
    """The user's notes."""
    shared_with: Sharing
    """What its owner has opened it for, to collaborators who have that permission on the case:
    `none`, `read` or `write`."""
    created_at: datetime
    """When it was first saved."""
    updated_at: datetime
    """When it was last saved with other texts."""


class WorksheetPage(Rows):
    """One page of worksheets."""

    worksheets: list[Worksheet]
    """The worksheets of this page."""
    next_page_token: str | None = OMITTED
    """The `pageToken` of the next page. Left out on the last one."""


class WorksheetSaved(Model):
    """What became of one worksheet of a batch."""

    case_id: str
    """The case that the worksheet is about."""
    ok: bool
    """Whether the worksheet is saved."""
    updated_at: datetime | None = OMITTED
    """When it was last saved with other texts. Only where `ok` is true."""
    error: Problem | None = OMITTED
    """Why it is not saved, as the error that it would have got alone. Only where `ok` is false."""


class WorksheetsSaved(Model):
    """What became of a batch, row by row in the order sent."""

    results: list[WorksheetSaved]
    """One for each row, in the order sent."""
    succeeded: int
    """How many have `ok`: true."""
    failed: int
    """How many have `ok`: false."""
