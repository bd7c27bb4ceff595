"""Tables that one test walks: a row that is a test of its own costs more than most of them ask."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from tests.client import Api

Test = Callable[..., None]


def each_row(
    names: str | tuple[str, ...],
    rows: Iterable[Any],
    *,
    ids: Callable[[Any], Any] = repr,
    apart: bool = False,
) -> Callable[[Test], Test]:
    """As `pytest.mark.parametrize`, but in one test, which walks all rows with the same fixtures.

    It is for tests that leave the fixtures as they were; where they write, `apart` gives each row
    of `api` a tenant of its own. What fails names its row, and the others are walked all the same.
    """
    table = list(rows)
    assert table, "a test that walks no row cannot fail"
    named = (names,) if isinstance(names, str) else names

    def walking(test: Test) -> Test:
        @functools.wraps(test)
        def walk(*of: Any, **fixtures: Any) -> None:
            failed: list[BaseException] = []
            for row in table:
                values = (row,) if isinstance(names, str) else row
                if apart:
                    _new_tenant(fixtures)
                try:
                    test(*of, **fixtures, **dict(zip(named, values, strict=True)))
                except (Exception, BaseExceptionGroup, pytest.fail.Exception) as error:  # noqa: BLE001
                    error.add_note(f"the row {ids(row)}")
                    failed.append(error)
            if failed:
                raise BaseExceptionGroup(f"{len(failed)} of {len(table)} rows fail", failed)

        asked = inspect.signature(test)
        kept = [one for one in asked.parameters.values() if one.name not in named]
        walk.__signature__ = asked.replace(parameters=kept)  # type: ignore[attr-defined]
        return walk

    return walking


def _new_tenant(fixtures: dict[str, Any]) -> None:
    api = fixtures["api"]
    assert isinstance(api, Api)
    api.enter_new_tenant()
