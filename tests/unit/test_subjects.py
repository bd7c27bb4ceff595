"""Subjects as documents: what is wrong with one, and what an event shows of a change."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError, model_validator

from shared.errors import Unreadable
from shared.ledger.subjects import problem_of
from shared.models.base import Model

PRIVATE = "Jane Doe"


class Inner(Model):
    names: list[int]


class Outer(Model):
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
