"""Worksheets: each user's own notes on a case."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from shared.models.base import OMITTED, Id, Model, Page, Problem, Rows, Text, UserId
from shared.models.subjects import Subject


class WorksheetToSave(Model):
    """A worksheet's texts."""

    problem_statement: Text = ""
    fsr_notes: Text = ""


class WorksheetRow(WorksheetToSave):
    """A worksheet's texts, with the case they are about."""

    case_id: Id


class WorksheetsToSave(Model):
    """Worksheets of one user, at most 100."""

    worksheets: Annotated[list[WorksheetRow], Field(min_length=1, max_length=100)]

    @field_validator("worksheets")
    @classmethod
    def _each_once(cls, rows: list[WorksheetRow]) -> list[WorksheetRow]:
        if len({row.case_id for row in rows}) < len(rows):
            raise PydanticCustomError("worksheets", "must name each case once")
        return rows


class WorksheetQuery(Model):
    """Whose worksheet: the caller's own, or another user's where the case allows it."""

    user_id: UserId | None = None


class WorksheetsQuery(Page):
    """A page of the caller's worksheets."""


class StoredWorksheet(Subject):
    """A worksheet as it is stored, at `{caseId}:{userId}`."""

    case_id: str
    user_id: str
    problem_statement: str
    fsr_notes: str
    created_at: datetime


class Worksheet(Model):
    """A worksheet as a client sees it."""

    versioned: ClassVar[bool] = True

    case_id: str
    user_id: str
    problem_statement: str
    fsr_notes: str
    created_at: datetime
    updated_at: datetime


class WorksheetPage(Rows):
    """One page of worksheets."""

    worksheets: list[Worksheet]
    next_page_token: str | None = OMITTED


class WorksheetSaved(Model):
    """What became of one worksheet of a batch."""

    case_id: str
    ok: bool
    updated_at: datetime | None = OMITTED
    error: Problem | None = OMITTED


class WorksheetsSaved(Model):
    """What became of a batch, row by row in the order sent."""

    results: list[WorksheetSaved]
    succeeded: int
    failed: int
