"""Subjects as documents: what is wrong with one, and what an event shows of a change."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError, model_validator

from shared.errors import Unreadable
from shared.ledger.kinds import WORKSHEETS
from shared.ledger.subjects import problem_of
from shared.models.base import Model

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PRIVATE = "Jane Doe"


class Inner(Model):
    """A part of a document."""

    names: list[int]


class Outer(Model):
    """A document that is refused."""

    inner: Inner

    @model_validator(mode="after")
    def _refused(self) -> Outer:
        raise ValueError("is refused as a whole")


def invalid(inner: Any) -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate({"inner": {"names": inner}})
    return caught.value


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (invalid([1, PRIVATE]), "inner.names.1: Input should be a valid integer"),
        (invalid([1]), "the document: Value error, is refused as a whole"),
        (KeyError("actor"), "actor: is missing"),
        (Unreadable("it cannot be read"), "it cannot be read"),
        (ValueError(f"actor: is missing\nin {PRIVATE}\nand more"), "actor: is missing"),
        (ValueError(), "a field is of another kind than this release stores"),
        (TypeError(PRIVATE), "a field is of another kind than this release stores"),
    ],
)
def test_what_is_wrong_with_a_document_is_told_without_what_stands_in_it(
    error: Exception, told: str
) -> None:
    assert problem_of(error) == told


@pytest.mark.parametrize("user", ["kim", "auth0|kim:2", ":"])
def test_a_worksheet_that_was_never_saved_is_empty_and_its_owners_whatever_their_id(
    user: str,
) -> None:
    assert WORKSHEETS.absent
    sheet = WORKSHEETS.absent(f"CASE-1:{user}", NOW)

    assert (sheet.case_id, sheet.user_id) == ("CASE-1", user)
    assert (sheet.problem_statement, sheet.fsr_notes) == ("", "")
    assert (sheet.created_at, sheet.updated_at) == (NOW, NOW)
