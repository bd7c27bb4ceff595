"""Keys compare, byte by byte, as Firestore compares the values."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from functools import cmp_to_key
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.documents.keys import after, encode, encode_directed, inverted_range, type_bounds
from tests.reliability.support import LOAD
from tests.rows import each_row

EDGES = [0, 0.0, -0.0, 1, 1.0, 2**53, 2**53 + 1, 2.0**53, 2**63 - 1, -(2**63), 2.0**63, 5e-324]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(EDGES),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=3),
    st.text(alphabet="\x00\x01\xff", max_size=3),
    st.datetimes(timezones=st.just(UTC)),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(min_size=1, max_size=2), inner, max_size=3)
    ),
    max_leaves=6,
)
STABLE = settings(max_examples=40 * LOAD, derandomize=True, deadline=None, database=None)


def rank(value: Any) -> int:
    types = (type(None), bool, int | float, datetime, str, list, dict)
    return next(place for place, kind in enumerate(types) if isinstance(value, kind))


def sign(one: Any, other: Any) -> int:
    return int(one > other) - int(one < other)


def compare(one: Any, other: Any) -> int:
    """Firestore's order, by its documentation: -1, 0 or 1."""
    if rank(one) != rank(other) or one is None:
        return sign(rank(one), rank(other))
    match one:
        case str():
            return sign(one.encode(), other.encode())
        case int() | float():
            return sign(Fraction(one), Fraction(other))
        case list():
            return compare_items(one, other)
        case dict():
            return compare_items(*(flattened(value) for value in (one, other)))
    return sign(one, other)


def compare_items(one: list[Any], other: list[Any]) -> int:
    differences = (compare(*pair) for pair in zip(one, other, strict=False))
    return next(filter(None, differences), sign(len(one), len(other)))


def flattened(value: dict[str, Any]) -> list[Any]:
    """Name, item, name, item … by name."""
    return [part for name in sorted(value, key=str.encode) for part in (name, value[name])]


@STABLE
@given(VALUES, VALUES)
def test_keys_compare_as_the_values_do(one: Any, other: Any) -> None:
    assert sign(encode(one), encode(other)) == compare(one, other)


@STABLE
@given(VALUES, VALUES)
def test_descending_keys_compare_the_other_way_round(one: Any, other: Any) -> None:
    keys = [encode_directed(value, descending=True) for value in (one, other)]
    assert sign(*keys) == -compare(one, other)


@STABLE
@given(VALUES, VALUES)
def test_no_key_begins_with_another(one: Any, other: Any) -> None:
    first, second = encode(one), encode(other)
    assert first == second or not second.startswith(first)


FIELDS = st.tuples(VALUES, VALUES, st.booleans())


@STABLE
@given(st.lists(FIELDS, min_size=1, max_size=3))
def test_joined_keys_compare_field_by_field(fields: list[tuple[Any, Any, bool]]) -> None:
    first, second = (
        b"".join(encode_directed(field[side], descending=field[2]) for field in fields)
        for side in (0, 1)
    )
    differences = (-compare(a, b) if down else compare(a, b) for a, b, down in fields)
    assert sign(first, second) == next(filter(None, differences), 0)


@STABLE
@given(VALUES, VALUES)
def test_the_bounds_of_a_type_hold_its_values_and_no_others(one: Any, other: Any) -> None:
    low, high = type_bounds(one)
    assert (low <= encode(other) < high) == (rank(one) == rank(other))


@STABLE
@given(VALUES, st.binary(max_size=6), st.booleans())
def test_after_a_key_come_only_keys_that_are_greater_and_do_not_begin_with_it(
    value: Any,
    other: bytes,
    descending: bool,  # noqa: FBT001 - drawn
) -> None:
    key = encode_directed(value, descending=descending)
    assert after(key) > key + other
    assert (other >= after(key)) == (other > key and not other.startswith(key))


@STABLE
@given(st.lists(VALUES, min_size=2, max_size=2), VALUES)
def test_an_inverted_range_holds_the_descending_keys_of_the_same_values(
    bounds: list[Any], value: Any
) -> None:
    low, high = (encode(bound) for bound in sorted(bounds, key=cmp_to_key(compare)))
    start, stop = inverted_range(low, high)
    inside = start <= encode_directed(value, descending=True) < stop
    assert inside == (low <= encode(value) < high)


@each_row("value", [b"bytes", {1}, object()])
def test_what_is_no_value_has_no_key(value: Any) -> None:
    with pytest.raises(TypeError):
        encode(value)


@STABLE
@given(st.lists(VALUES, max_size=8), st.booleans())
def test_a_key_is_the_same_whatever_was_asked_before(values: list[Any], descending: bool) -> None:  # noqa: FBT001
    for value in [*values, *EDGES, True, False, *values]:
        plain = encode(value)
        inverted = bytes(255 - byte for byte in plain)
        key = encode_directed(value, descending=descending)
        assert key == (inverted if descending else plain)
