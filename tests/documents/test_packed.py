"""How the embedded store keeps documents in its file, and how much of it they take."""

from __future__ import annotations

import hashlib
import re
import sqlite3
import tracemalloc
import zlib
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from benchmarks.commits import open_case
from shared.documents.embedded import codec
from shared.documents.embedded.packed import unpack
from shared.documents.embedded.store import EmbeddedStore
from shared.documents.embedded.words import WORDS
from shared.documents.indexes import Indexes, project_indexes
from shared.documents.port import Create, Data, Delete, Order, Query

ROOT = Path(__file__).parents[2]
DATA: Data = {"title": "A device review", "createdAt": datetime(2026, 3, 2, 9, tzinfo=UTC)}
LONG: Data = {**DATA, "text": "again and " * 1_000}
BY_VERSION_4 = (
    "01432b20b9aae1b5bca3424a2aa8bbad00efc923977246064666ba06c6ba06462106965606064014a5540b00"
)
"""`DATA` as the first release that packed documents has stored it."""


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "rows.db")


def column(path: str, name: str) -> Any:
    """What the file has of a document's JSON."""
    with closing(sqlite3.connect(path)) as connection:
        (found,) = connection.execute("SELECT data FROM documents WHERE id = ?", (name,)).fetchone()
    return found


def size_with(path: str, cases: range) -> int:
    """How large the file is with more cases, each with its event."""
    with closing(EmbeddedStore(path, project_indexes())) as store:
        for number in cases:
            open_case(store, number)
    return Path(path).stat().st_size


def test_a_case_with_its_event_takes_at_most_3500_bytes(path: str) -> None:
    before = size_with(path, range(100))

    assert size_with(path, range(100, 600)) - before <= 500 * 3_500


def test_a_document_that_gets_shorter_by_it_is_packed_and_any_other_is_text(path: str) -> None:
    kept: dict[str, tuple[Data, type]] = {
        "packed": (DATA, bytes),
        "long": (LONG, str),
        "short": ({"n": 1}, str),
        "empty": ({}, str),
    }
    with closing(EmbeddedStore(path, Indexes())) as store:
        store.commit([Create(f"rows/{name}", data) for name, (data, _) in kept.items()])

        for name, (data, form) in kept.items():
            found = store.get(f"rows/{name}")
            assert found
            assert found.data == data
            assert type(column(path, name)) is form


def test_what_an_earlier_release_packed_is_read_as_it_was(path: str) -> None:
    with closing(EmbeddedStore(path, Indexes())) as store:
        store.commit([Create("rows/a", {})])
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE documents SET data = ?", (bytes.fromhex(BY_VERSION_4),))

        found = store.get("rows/a")
    assert found
    assert found.data == DATA


def test_the_texts_that_packed_documents_refer_to_are_what_they_were() -> None:
    assert {number: hashlib.sha256(text).hexdigest() for number, text in WORDS.items()} == {
        1: "46c501a06c257cd5a23ce133bd8ee022dad0768db6f5a343b5504089de61e8f9",
    }


def test_a_text_in_the_file_is_a_document_as_good_as_a_packed_one(path: str) -> None:
    with closing(EmbeddedStore(path, Indexes())) as store:
        store.commit([Create("rows/a", DATA)])
        text, times = unpack(column(path, "a"), "[]")
        with closing(sqlite3.connect(path)) as connection, connection:
            edited = (text.replace("device", "building"), times)
            connection.execute("UPDATE documents SET data = ?, times = ?", edited)

        found = store.get("rows/a")
    assert found
    assert found.data == {**DATA, "title": "A building review"}


def test_no_changed_byte_of_a_packed_document_stops_its_reader() -> None:
    packed, times = codec.encode(DATA)
    assert isinstance(packed, bytes)
    for place in range(len(packed)):
        for byte in range(256):
            changed = bytes((*packed[:place], byte, *packed[place + 1 :]))

            assert isinstance(codec.decode(changed, times), dict)


def test_a_few_bytes_in_the_file_do_not_fill_the_memory() -> None:
    packing = zlib.compressobj(wbits=-13, zdict=WORDS[1])
    many = packing.compress(b'[]\n{"a":"' + b"x" * 2**24 + b'"}') + packing.flush()

    tracemalloc.start()
    found = codec.decode(b"\x01" + many, "[]")
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert found == {}
    assert most < 2**24


@pytest.mark.parametrize("times", ["no JSON", "5", "[5]", "[[]]", "[" * 100_000], ids=len)
def test_a_document_whose_list_of_times_is_none_has_no_fields(times: str) -> None:
    assert codec.decode('{"title":"A device review"}', times) == {}


def test_the_operators_line_prints_a_document(
    path: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = re.search(
        r"python -c '(.*?unpack.*?)'", (ROOT / "docs/operations.md").read_text(), re.DOTALL
    )
    assert found
    with closing(EmbeddedStore(path, Indexes())) as store:
        store.commit([Create("tenants/acme/rows/a", DATA)])
    monkeypatch.setattr("sys.argv", ["-c", path, "tenants/acme/rows/a"])

    exec(found[1], {})  # noqa: S102 - it is our own

    assert capsys.readouterr().out == (
        '{"title":"A device review","createdAt":"2026-03-02T09:00:00Z"}\n'
    )


def test_nothing_of_a_collection_below_a_case_is_left_when_it_is_gone(path: str) -> None:
    notes = "tenants/acme/cases/CASE-1/notes"
    by_title = Query(notes, order=(Order("title"),))
    with closing(EmbeddedStore(path, Indexes())) as store:
        store.commit([Create("tenants/acme/cases/CASE-1", DATA)])
    whole = contents(path)
    with closing(EmbeddedStore(path, Indexes())) as store:
        store.commit([Create(f"{notes}/a", DATA)])
    with closing(EmbeddedStore(path, Indexes())) as store:
        assert [found.id for found in store.query(by_title)] == ["a"]
        assert contents(path) != whole
        store.commit([Delete(f"{notes}/a")])

    assert contents(path) == whole


def contents(path: str) -> list[str]:
    """All that is in the tables of a file."""
    with closing(sqlite3.connect(path)) as connection:
        return [*connection.iterdump()]
