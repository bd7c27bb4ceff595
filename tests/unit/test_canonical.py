"""The canonical form against the library that does nothing else."""

from __future__ import annotations

from typing import Any

import hypothesis
import rfc8785
from hypothesis import strategies as st

from shared.rules.canonical import canonical, canonical_text, parsed
from tests.reliability.support import LOAD
from tests.rows import each_row

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
INTEGERS = st.integers(-(2**53) + 1, 2**53 - 1)
SCALARS = st.none() | st.booleans() | INTEGERS | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    SCALARS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@hypothesis.settings(derandomize=True, max_examples=60 * LOAD, deadline=None)
@hypothesis.given(st.dictionaries(TEXT, VALUES, max_size=5))
def test_any_json_object_has_the_form_that_rfc_8785_names(content: dict[str, Any]) -> None:
    assert rfc8785.dumps(content) == canonical(content)


@each_row(
    "content",
    [
        {"\U0001f600": 1, "\ue000": 2},
        {"n": 1e21, "m": -0.0, "k": 1.0},
        *({"n": number} for number in (1e16, 1e22, 5e-324, 1e-7, 1.5e-9, 1.7976931348623157e308)),
        *([number] for number in (1e16, -1e-7, 2.5)),
        [1e16, "at 1.5, or 2.0}", {"id": "e-1"}],
        {"id": "e-1", "of": "1.5]"},
        {"control": '\x00\x1f\x7f\u2028\b\f\n\r\t"\\/'},
        {"b": {"ä": [], "": {}}, "a": [1, {"z": None, "y": True}]},
    ],
)
def test_what_encoders_differ_on_has_the_form_that_rfc_8785_names(content: dict[str, Any]) -> None:
    assert rfc8785.dumps(content) == canonical(content)


@each_row("number", [2**53 - 1, 10**15, 2**53, 10**16, 10**20])
def test_integers_beyond_53_bits_are_read_as_floats(number: int) -> None:
    expected = int if number < 2**53 else float

    for read in (parsed(f"[{number}]"), parsed(f"[-{number}]")):
        assert [(abs(one), type(one)) for one in read] == [(number, expected)]


@hypothesis.settings(derandomize=True, max_examples=50, deadline=None)
@hypothesis.given(VALUES)
def test_any_json_is_read_from_its_text_as_it_was_and_no_value_from_no_text(content: Any) -> None:
    text = canonical_text(content)

    assert parsed(text) == content
    assert (text is None) == (content is None)
