"""Sums and averages over the embedded store's documents, in SQL, with integers exact."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from shared.documents.port import Aggregation, Totals

_INT64 = 2**63


def columns(aggregation: Aggregation) -> str:
    """The columns selected besides the count: for every field, five numbers that can be added up.

    SQLite's SUM fails beyond 64 bits, so integers are summed in two halves.
    """
    parts = []
    for field in _fields(aggregation):
        whole, fraction = _number_in(field, "integer"), _number_in(field, "real")
        parts.append(f", TOTAL({fraction}), COUNT({fraction}), COUNT({whole})")
        parts.append(f", SUM({whole} >> 32), SUM({whole} & 4294967295)")
    return "".join(parts)


def totals(aggregation: Aggregation, rows: Iterable[Sequence[Any]]) -> Totals:
    """The answer, from rows of a count and `columns`, which are added up."""
    count, *numbers = (sum(value or 0 for value in column) for column in zip(*rows, strict=True))
    sums: dict[str, int | float] = {}
    averages: dict[str, float | None] = {}
    for place, field in enumerate(_fields(aggregation)):
        fraction, fractions, wholes, high, low = numbers[5 * place : 5 * place + 5]
        whole = (high << 32) + low
        exact = not fractions and -_INT64 <= whole < _INT64
        sums[field] = whole if exact else float(whole + fraction)
        averages[field] = (whole + fraction) / (wholes + fractions) if wholes + fractions else None
    return Totals(
        count,
        {field: sums[field] for field in aggregation.sums},
        {field: averages[field] for field in aggregation.averages},
    )


def _fields(aggregation: Aggregation) -> list[str]:
    return sorted({*aggregation.sums, *aggregation.averages})


def _number_in(field: str, kind: str) -> str:
    # Field paths are checked names (values.check_aggregation), so that they can stand in the SQL.
    path = "$." + ".".join(f'"{name}"' for name in field.split("."))
    value = f"json_extract(d.data, '{path}')"
    return f"CASE WHEN json_type(d.data, '{path}') = '{kind}' THEN {value} END"
