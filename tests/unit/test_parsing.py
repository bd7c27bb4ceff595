"""From bytes and strings to models: nothing is guessed, and what is wrong is named."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, TypeAdapter, ValidationError
from werkzeug.datastructures import MultiDict

from shared.edge import parsing
from shared.errors import InvalidArgument
from shared.models.base import (
    Id,
    JsonObject,
    Model,
    Name,
    Quotation,
    Reason,
    Text,
    Time,
    Title,
)
from tests.reliability.support import LOAD
from tests.rows import each_row
from tests.unit.examples import STABLE

EXAMPLES = settings(STABLE, max_examples=50)


class Inner(Model):
    """A part."""

    some_number: int


class Example(Model):
    """One field of each kind."""

    case_id: Id = "A"
    title: Title = "A"
    count: Annotated[int, Field(ge=0, le=200)] = 0
    flag: bool = False
    due_at: Time | None = None
    meta: JsonObject = {}
    parts: list[Inner] = []
    kind: Literal["a", "b"] = "a"
    few: Annotated[list[int], Field(min_length=1, max_length=2)] = [1]


def parsed(body: Any) -> Example:
    """A body, parsed."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return parsing.body(raw, Example)


def outcome(body: Any) -> Example | InvalidArgument:
    """What becomes of a body; nothing else may."""
    try:
        return parsed(body)
    except InvalidArgument as error:
        return error


def fields(error: pytest.ExceptionInfo[InvalidArgument]) -> list[str]:
    """The fields that an error names."""
    return [detail["field"] for detail in error.value.details]


@each_row("raw", [b"", b"{}", b" {} \n"])
def test_no_body_is_an_empty_one(raw: bytes) -> None:
    assert parsed(raw) == Example()


@each_row(
    ("text", "expected"),
    [
        ("2026-03-02T09:00:00Z", datetime(2026, 3, 2, 9, tzinfo=UTC)),
        ("2026-03-02t09:00:00z", datetime(2026, 3, 2, 9, tzinfo=UTC)),
        ("2026-03-02T11:00:00+02:00", datetime(2026, 3, 2, 9, tzinfo=UTC)),
        ("2026-03-01T23:30:00-09:30", datetime(2026, 3, 2, 9, tzinfo=UTC)),
        ("2026-03-02T09:00:00.1Z", datetime(2026, 3, 2, 9, 0, 0, 100_000, tzinfo=UTC)),
        ("2026-03-02T09:00:00.123456789Z", datetime(2026, 3, 2, 9, 0, 0, 123_456, tzinfo=UTC)),
        ("2024-02-29T00:00:00Z", datetime(2024, 2, 29, tzinfo=UTC)),
    ],
)
def test_a_time_is_kept_in_utc_to_the_microsecond(text: str, expected: datetime) -> None:
    body, query = parsed({"dueAt": text}), parsing.query(MultiDict({"dueAt": text}), Example)

    assert body.due_at == query.due_at == expected
    assert body.due_at
    assert body.due_at.tzinfo is UTC


@each_row(
    ("body", "expected"),
    [
        ({"caseId": "../x"}, ["caseId"]),
        ({"case_id": "A"}, ["case_id"]),
        ({"title": "a\nb", "count": -1}, ["title", "count"]),
        ({"count": "5"}, ["count"]),
        ({"count": 5.0}, ["count"]),
        ({"count": True}, ["count"]),
        ({"flag": "true"}, ["flag"]),
        ({"flag": 1}, ["flag"]),
        ({"parts": [{"someNumber": 1}, {}]}, ["parts[1].someNumber"]),
        ({"parts": [{"someNumber": 1, "x": 1}]}, ["parts[0].x"]),
        ({"parts": {}}, ["parts"]),
        ([], ["body"]),
        (b"{", ["body"]),
        (b'{"count": 1, "count": 1}', ["count"]),
        (b'{"meta": {"a": [{"b": 1, "b": 2}]}}', ["b"]),
    ],
)
def test_a_body_that_is_wrong_is_refused_field_by_field(body: Any, expected: list[str]) -> None:
    with pytest.raises(InvalidArgument) as error:
        parsed(body)

    assert fields(error) == expected
    assert expected[0] in error.value.message


@each_row(
    ("body", "message"),
    [
        ({"title": ""}, "title: must not be empty"),
        ({"title": None}, "title: must be text"),
        ({"count": -1}, "count: must be at least 0"),
        ({"count": 201}, "count: must be at most 200"),
        ({"kind": "c"}, "kind: must be 'a' or 'b'"),
        ({"few": []}, "few: must not be empty"),
        ({"few": 1}, "few: must be a list"),
        ({"flag": "yes"}, "flag: must be true or false"),
        ({"count": "1"}, "count: must be a whole number"),
        ({"meta": 1}, "meta: must be an object"),
        ({"parts": [1]}, "parts[0]: must be an object"),
        ([1], "body: must be an object"),
        ({"few": [1, 2, 3]}, "few: must have at most 2 items"),
    ],
)
def test_what_is_wrong_is_said_in_words_for_clients(body: Any, message: str) -> None:
    with pytest.raises(InvalidArgument) as error:
        parsed(body)

    assert error.value.message == message


def test_an_error_repeats_nothing_of_what_was_sent() -> None:
    with pytest.raises(InvalidArgument) as error:
        parsed({"title": "Sesame\n", "count": "Sesame", "meta": "Sesame", "flag": "Sesame"})

    assert "Sesame" not in json.dumps(error.value.body())


def test_at_most_twenty_mistakes_are_listed() -> None:
    with pytest.raises(InvalidArgument) as error:
        parsed({"parts": [{}] * 1_000})

    assert len(error.value.details) == 20


@each_row(
    ("query", "expected"),
    [
        ({"count": "7"}, Example(count=7)),
        ({"flag": "true"}, Example(flag=True)),
        ({"caseId": "7"}, Example(case_id="7")),
    ],
)
def test_a_query_is_read_by_the_types_of_its_fields(
    query: dict[str, str], expected: Example
) -> None:
    assert parsing.query(MultiDict(query), Example) == expected


@each_row(
    ("query", "expected"),
    [
        ([("count", "x")], "count"),
        ([("count", "")], "count"),
        ([("flag", "maybe")], "flag"),
        ([("case_id", "A")], "case_id"),
        ([("x", "1")], "x"),
        ([("count", "1"), ("count", "1")], "count"),
        ([("dueAt", "2026-03-02T09:00:00")], "dueAt"),
    ],
)
def test_a_query_that_is_wrong_is_refused_by_name(
    query: list[tuple[str, str]], expected: str
) -> None:
    with pytest.raises(InvalidArgument) as error:
        parsing.query(MultiDict(query), Example)

    assert fields(error) == [expected]


def test_a_path_parameter_that_is_wrong_is_refused_by_name() -> None:
    assert parsing.path_value("caseId", "CASE-1", Id) == "CASE-1"
    with pytest.raises(InvalidArgument) as error:
        parsing.path_value("caseId", "__x__", Id)

    assert fields(error) == ["caseId"]


@each_row("key", [None, "a", "8e03978e-40d5-43dd-bc93-6894a57f9324", "~" * 255])
def test_a_key_is_what_the_header_says(key: str | None) -> None:
    assert parsing.idempotency_key(key) == key


@each_row("key", ["", " ", "a b", "é", "a\n", "~" * 256])
def test_a_key_that_is_none_is_refused_by_name(key: str) -> None:
    with pytest.raises(InvalidArgument) as error:
        parsing.idempotency_key(key)

    assert fields(error) == ["Idempotency-Key"]


@EXAMPLES
@given(
    st.binary(max_size=200) | st.text(max_size=100).map(lambda text: f'{{"{text}": 1}}'.encode())
)
def test_any_bytes_are_parsed_or_refused(raw: bytes) -> None:
    found = outcome(raw)

    assert isinstance(found, Example) or json.dumps(found.body(), ensure_ascii=False).encode()


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@EXAMPLES
@given(st.dictionaries(st.text(), JSON))
def test_free_json_is_kept_exactly_or_refused(meta: dict[str, Any]) -> None:
    found = outcome({"meta": meta})

    if isinstance(found, Example):
        assert json.dumps(found.meta) == json.dumps(meta)
    else:
        assert found.details[0]["field"].partition(".")[0] in {"meta", "body"}


HARD = "a审 \t\n\r\f\x00\x85\u00ad\u115f\u200b\u2028\u202e\u2066\u3164\ue000\ufdd0\U000e0041"


@pytest.mark.parametrize("kind", [Title, Name, Text, Reason, Quotation])
@settings(STABLE, max_examples=100 * LOAD)
@given(st.text(st.sampled_from(HARD) | st.characters(), max_size=6))
def test_the_description_of_a_text_takes_what_is_taken(kind: Any, text: str) -> None:
    adapter: TypeAdapter[str] = TypeAdapter(kind)
    # In ECMAScript, whose patterns these are, $ is the end and never before a line feed.
    pattern = adapter.json_schema()["pattern"].removesuffix("$") + r"\Z"
    # No pattern tells whether isolates are balanced; and it leaves out what is beyond U+FFFF.
    told = max(text, default="") <= "\uffff" and (
        kind is not Quotation or not re.search("[\u2066-\u2069]", text)
    )

    try:
        adapter.validate_python(text)
    except ValidationError:
        assert not (re.match(pattern, text) and told)
    else:
        assert re.match(pattern, text)
