"""Sums and averages over the embedded store's documents, with integers exact."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from shared.documents.port import Aggregation, Data, Totals

_INT64 = 2**63


def totals(aggregation: Aggregation, documents: Iterable[Data]) -> Totals:
    """The answer for all the documents of the query."""
    numbers = {field: _Numbers() for field in (*aggregation.sums, *aggregation.averages)}
    count = 0
    for data in documents:
        count += 1
        for field, found in numbers.items():
            found.add(_value(data, field))
    return Totals(
        count,
        {field: numbers[field].total for field in aggregation.sums},
        {field: numbers[field].average for field in aggregation.averages},
    )


class _Numbers:
    """The numbers in one field. All other values are left out."""

    def __init__(self) -> None:
        self._count = 0
        self._integers = 0
        self._fractions: float | None = None

    def add(self, value: Any) -> None:
        """One more document."""
        if isinstance(value, float):
            self._fractions = (self._fractions or 0.0) + value
        elif isinstance(value, int) and not isinstance(value, bool):
            self._integers += value
        else:
            return
        self._count += 1

    @property
    def total(self) -> int | float:
        """Their sum: an integer where all are, and 64 bits have room for it."""
        exact = self._fractions is None and -_INT64 <= self._integers < _INT64
        return self._integers if exact else self._integers + (self._fractions or 0.0)

    @property
    def average(self) -> float | None:
        """Their average; None where there are none."""
        return self.total / self._count if self._count else None


def _value(data: Data, field: str) -> Any:
    value: Any = data
    for name in field.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value
