"""The size of a document by Firestore's rules, at its limits exactly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.documents.embedded import codec
from shared.documents.port import Rejected
from shared.documents.values import MAX_DOCUMENT_BYTES, check_document, check_path, most_bytes
from tests.rows import each_row
from tests.unit.test_keys import STABLE, VALUES

# The example of firebase.google.com/docs/firestore/storage-size: 44 bytes of name, 32 of overhead.
PATH = "users/jeff/tasks/my_task_id"


@each_row(
    ("value", "size"),
    [
        (None, 1),
        (True, 1),
        (7, 8),
        (0.5, 8),
        (datetime(2026, 1, 1, tzinfo=UTC), 8),
        ("naïve", 7),
        ([], 0),
        ([1, "a", None], 11),
        ({}, 0),
        ({"key": {"é": False}}, 8),
    ],
)
def test_the_size_of_a_value_is_what_firestore_bills(value: Any, size: int) -> None:
    assert check_document(PATH, {"n": value}) == 44 + 2 + size + 32


def test_a_document_may_be_one_mebibyte_and_not_a_byte_more() -> None:
    half = {"a": "x" * 500_000}
    rest = MAX_DOCUMENT_BYTES - check_document(PATH, {**half, "b": ""})
    assert check_document(PATH, {**half, "b": "x" * rest}) == MAX_DOCUMENT_BYTES
    with pytest.raises(Rejected):
        check_document(PATH, {**half, "b": "x" * (rest + 1)})


@STABLE
@given(st.dictionaries(st.text("aé😀\n", min_size=1, max_size=3), VALUES, max_size=4))
def test_no_document_is_larger_than_its_json_says(data: dict[str, Any]) -> None:
    text, _ = codec.written(data)
    try:
        size = check_document("é/é", data)
    except Rejected:
        return
    assert size <= most_bytes("é/é", text)


@each_row(
    "path", ["rows/a", "rows/...", "rows/.a", "rows/_", "rows/__a", "rows/" + "é" * 750, "a/b/c/d"]
)
def test_a_good_path_passes(path: str) -> None:
    check_path(path)


@each_row("path", ["rows", "rows/a/parts", "a/b/c/d/e"])
def test_a_collection_is_no_document(path: str) -> None:
    check_path(path, collection=True)
    with pytest.raises(Rejected):
        check_path(path)


@each_row("zone", [None, timezone(timedelta(hours=1))])
def test_a_time_must_be_in_utc(zone: timezone | None) -> None:
    with pytest.raises(Rejected):
        check_document(PATH, {"at": datetime(2026, 1, 1, tzinfo=zone)})
