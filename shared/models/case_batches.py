"""Many cases in one request: what is to be done with them, and what became of each."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import (
    Field,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from shared.models.base import (
    OMITTED,
    UNSET,
    Id,
    Model,
    Problem,
    Reason,
)
from shared.models.case import EndOpen, Severity, Status, Tags
from shared.models.names import PersonName


class ManyCases(Model):
    """Cases to do the same with, at most 200."""

    case_ids: Annotated[list[Id], Field(min_length=1, max_length=200)]
    """The cases, each once."""

    @field_validator("case_ids")
    @classmethod
    def _each_once(cls, case_ids: list[str]) -> list[str]:
        if len(set(case_ids)) < len(case_ids):
            raise PydanticCustomError("case_ids", "must name each case once")
        return case_ids


class CasesToClose(ManyCases):
    """Cases to close for one reason, at most 200."""

    reason: Reason
    """Why. It is kept in the event of each case."""
    end_open: bool = False
    """Whether closing ends what is open: interventions are withdrawn, and runs are cancelled."""


class CasesToUpdate(ManyCases):
    """Cases to change in the same way, at most 200. What is not named stays."""

    assigned_to: PersonName | None = UNSET
    """Whom the cases are assigned to; null takes them away."""
    severity: Severity = UNSET
    """How much is at stake: low, normal, high or critical."""
    add_tags: Tags = []
    """Tags that each case has afterwards, up to 20 with those that it has."""
    remove_tags: Tags = []
    """Tags that no case has afterwards, also where they are among `addTags`."""
    status: Status = UNSET
    """The status that each case goes to."""
    reason: Reason | None = None
    """Why; required where a case becomes blocked or closed."""
    end_open: EndOpen = False
    """Whether closing ends what is open: interventions are withdrawn, and runs are cancelled."""

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        told = self.model_fields_set - {"case_ids", "reason"}
        if not told:
            raise PydanticCustomError("nothing", "must name something to change")
        return self


class CaseClosing(Model):
    """What became of one case in a batch; `error` is the error it would have got alone."""

    case_id: str
    """The case."""
    ok: bool
    """Whether it is now as was asked."""
    error: Problem | None = OMITTED
    """Why it is not, as the error that it would have got alone. Only where `ok` is false."""


class CaseClosings(Model):
    """What became of a batch, case by case in the order asked."""

    results: list[CaseClosing]
    """One for each case, in the order asked."""
    succeeded: int
    """How many have `ok`: true."""
    failed: int
    """How many have `ok`: false."""


class CaseUpdates(CaseClosings):
    """What became of a batch of changes, case by case in the order asked."""
