"""A test that walks a table: it fails where a row fails, and says which."""

from __future__ import annotations

import pytest

from tests.rows import each_row


def test_every_row_is_walked_and_each_that_fails_is_named() -> None:
    walked: list[int] = []

    @each_row("number", [1, 2, 3, 4])
    @each_row(("word", "ending"), [("even", "?")])
    def odd(number: int, word: str, ending: str, fixture: list[int]) -> None:
        fixture.append(number)
        if number == 4:
            pytest.fail("not four")
        assert number % 2, word + ending

    with pytest.raises(BaseExceptionGroup, match="2 of 4 rows fail") as failed:
        odd(fixture=walked)

    assert walked == [1, 2, 3, 4]
    assert [error.__notes__ for error in failed.value.exceptions] == [["the row 2"], ["the row 4"]]


def test_a_table_has_a_row() -> None:
    with pytest.raises(AssertionError, match="cannot fail"):
        each_row("number", [])


@each_row("number", [1, 2])
def test_what_is_no_column_of_the_table_is_a_fixture(number: int, clock: object) -> None:
    assert number in {1, 2}
    assert clock is not None
