"""Entries that are pending: queries answer as if each commit had written them at once."""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.documents.embedded import codec, pending
from shared.documents.embedded.store import EmbeddedStore
from shared.documents.indexes import ASCENDING, Index, Indexes, counted
from shared.documents.port import (
    Aggregation,
    Create,
    Data,
    Delete,
    DocumentStore,
    Filter,
    Order,
    Query,
    Set,
    Update,
    Write,
)
from tests.documents.test_differential import (
    IDS,
    ROWS,
    answer,
    examples,
    indexes_for,
    rows_of,
    tallies,
    worlds,
)

AT_ONCE, FEW, MANY = 0, 3, 128
BY_KIND = Indexes(composites=(Index("rows", (("kind", ASCENDING), ("n", ASCENDING))),))
ONLY_KIND = Indexes(composites=BY_KIND.composites, overrides=(("rows", "*", ()),))
OF_KIND = Query("rows", (Filter("kind", "==", "x"),), (Order("n"),))
Commit = tuple[int, list[Write]]
"""How many notes there may be after it, and its writes."""


def commit(store: DocumentStore, most: int, writes: list[Write]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pending, "MOST", most)
        store.commit(writes)


@st.composite
def histories(draw: st.DrawFn, rows: dict[str, Data]) -> list[Commit]:
    """Commits that end with `rows`; some of them were others, or were removed and made again."""
    paths = sorted(rows)
    others = draw(st.permutations(paths))
    former = [Set(path, rows[other]) for path, other in zip(paths, others, strict=True)]
    last = [Set(path, rows[path]) for path in draw(st.permutations(paths))]
    gone = [Delete(path) for path in paths if draw(st.booleans())]
    parts: list[list[Write]] = [[*former[::2]], [*former[1::2]], [*gone], [*last[:4]]]
    some = parts[draw(st.integers(0, 3)) :] + [[write] for write in last[4:]]
    return [(draw(st.sampled_from([AT_ONCE, FEW, MANY])), part) for part in some if part]


def both(history: list[Commit], indexes: Indexes, stack: ExitStack) -> list[DocumentStore]:
    """A store without notes, and one with them, with the same documents."""
    stores = [stack.enter_context(closing(EmbeddedStore(":memory:", indexes))) for _ in "ab"]
    for most, writes in history:
        commit(stores[0], AT_ONCE, writes)
        commit(stores[1], most, writes)
    return [*stores]


@examples(60)
@given(worlds(), st.data())
def test_queries_give_the_same_rows_whatever_is_pending(
    world: tuple[dict[str, Data], list[Query]], data: st.DataObject
) -> None:
    rows, asked = world
    with ExitStack() as stack:
        stores = both(data.draw(histories(rows)), indexes_for(asked), stack)
        for query in asked:
            at_once, noted = (answer(partial(rows_of, store, query)) for store in stores)
            assert at_once == noted, query


@examples(40)
@given(
    st.dictionaries(IDS.map("rows/{}".format), ROWS, min_size=2, max_size=8),
    st.lists(tallies(), min_size=1, max_size=6),
    st.data(),
)
def test_aggregations_give_the_same_totals_whatever_is_pending(
    rows: dict[str, Data], asked: list[Aggregation], data: st.DataObject
) -> None:
    with ExitStack() as stack:
        stores = both(data.draw(histories(rows)), indexes_for([*map(counted, asked)]), stack)
        for wanted in asked:
            ((at_once,), (noted,)) = (store.aggregate([wanted]) for store in stores)
            assert at_once.count == noted.count, wanted
            assert at_once.sums == pytest.approx(noted.sums), wanted
            assert at_once.averages == pytest.approx(noted.averages), wanted


def notes_in(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        (count,) = connection.execute("SELECT COUNT(*) FROM pending").fetchone()
    return int(count)


def test_a_document_and_its_note_are_seen_by_a_store_that_has_read_the_former_note(
    tmp_path: Path,
) -> None:
    path = str(tmp_path / "rows.db")
    with closing(EmbeddedStore(path, BY_KIND)) as one, closing(EmbeddedStore(path, BY_KIND)) as two:
        one.commit([Create("rows/a", {"kind": "x", "n": 1}), Create("rows/b", {"kind": "y"})])
        assert [row.data["n"] for row in two.query(OF_KIND)] == [1]

        one.commit([Update("rows/a", {"n": 2}), Delete("rows/b")])
        one.commit([Create("rows/c", {"kind": "x", "n": 0})])

        assert [row.data["n"] for row in two.query(OF_KIND)] == [0, 2]


def test_notes_are_carried_out_once_there_are_many_and_when_the_store_is_closed(
    tmp_path: Path,
) -> None:
    path = tmp_path / "rows.db"
    counts = []
    with closing(EmbeddedStore(str(path), BY_KIND)) as store:
        for number in range(8):
            commit(store, FEW, [Create(f"rows/{number}", {"kind": "a secret", "n": number})])
            counts.append(notes_in(path))
        store.commit([Update(f"rows/{number}", {"kind": "x"}) for number in range(8)])
        assert notes_in(path) == 8

    assert counts == [1, 2, 3, 0, 1, 2, 3, 0]
    assert notes_in(path) == 0
    assert b"a secret" not in path.read_bytes()
    with closing(EmbeddedStore(str(path), BY_KIND)) as store:
        assert [row.data["n"] for row in store.query(OF_KIND)] == [*range(8)]


def notes_of(path: Path) -> dict[str, Data]:
    """What the table has the entries of, for each document with a note."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(
            "SELECT d.id, p.data, p.times FROM pending p JOIN documents d ON d.number = p.document"
        )
        return {name: codec.decode(*kept) for name, *kept in rows}


def test_a_note_keeps_what_was_indexed_before_the_first_of_several_changes_and_nothing_else(
    tmp_path: Path,
) -> None:
    path = tmp_path / "rows.db"
    with closing(EmbeddedStore(str(path), ONLY_KIND)) as store:
        store.commit([Create("rows/a", {"kind": "x", "n": 0, "text": "a secret"})])
        assert notes_of(path) == {"a": {}}
    with closing(EmbeddedStore(str(path), ONLY_KIND)) as store:
        store.commit([Update("rows/a", {"text": "none"})])
        assert notes_of(path) == {}
        store.commit([Update("rows/a", {"kind": "y"})])
        store.commit([Update("rows/a", {"kind": "z"})])
        store.commit([Create("rows/b", {"text": "in no index"})])

        assert notes_of(path) == {"a": {"kind": "x", "n": 0}}


@pytest.mark.parametrize("most", [AT_ONCE, FEW])
@pytest.mark.parametrize(
    "number", ["1e999", "NaN", str(10**400), str(2**130 + 1), '{"x":1e999}', "[1e999]"]
)
def test_a_number_without_a_key_in_the_file_is_in_no_way_of_others_or_of_its_own_removal(
    tmp_path: Path, most: int, number: str
) -> None:
    path = tmp_path / "rows.db"
    with closing(EmbeddedStore(str(path), BY_KIND)) as store:
        for name, n in (("a", 1), ("b", 2)):
            commit(store, AT_ONCE, [Create(f"rows/{name}", {"kind": "x", "n": n})])
        edited(path, "a", f'{{"kind":"x","n":{number}}}')
        commit(store, most, [Set("rows/a", {"kind": "x", "n": "a text"})])
        commit(store, most, [Set("rows/a", {"kind": "x", "n": 3})])
        for other in range(FEW):
            commit(store, most, [Create(f"rows/{other}", {"kind": "y", "n": other})])
        # The entry from before the edit may be left.
        assert [row.id for row in store.query(OF_KIND)][-2:] == ["b", "a"]

        edited(path, "a", f'{{"kind":"x","n":{number}}}')
        commit(store, most, [Delete("rows/a")])
        assert store.get("rows/a") is None
        assert "b" in [row.id for row in store.query(OF_KIND)]


@pytest.mark.parametrize("most", [AT_ONCE, FEW])
def test_a_document_that_was_edited_in_the_file_may_be_changed_back(
    tmp_path: Path, most: int
) -> None:
    path = tmp_path / "rows.db"
    with closing(EmbeddedStore(str(path), BY_KIND)) as store:
        commit(store, AT_ONCE, [Create("rows/a", {"kind": "x", "n": 1})])
        edited(path, "a", '{"kind":"y","n":1}')
        commit(store, most, [Update("rows/a", {"kind": "x"})])

    with closing(EmbeddedStore(str(path), BY_KIND)) as store:
        assert [row.id for row in store.query(OF_KIND)] == ["a"]


@pytest.mark.parametrize("most", [AT_ONCE, FEW])
def test_a_document_that_was_removed_from_the_file_is_in_no_way_of_others(
    tmp_path: Path, most: int
) -> None:
    path = tmp_path / "rows.db"
    with closing(EmbeddedStore(str(path), BY_KIND)) as store:
        commit(store, most, [Create("rows/a", {"kind": "x", "n": 1})])
        commit(store, most, [Create("rows/b", {"kind": "x", "n": 2})])
        by_hand(path, "DELETE FROM documents WHERE id = ?", "a")

        assert [row.id for row in store.query(OF_KIND)] == ["b"]
        commit(store, most, [Create("rows/a", {"kind": "x", "n": 3})])
        assert [row.id for row in store.query(OF_KIND)][-2:] == ["b", "a"]


def edited(path: Path, name: str, text: str) -> None:
    """Changes a document as somebody with an editor for SQLite does."""
    by_hand(path, "UPDATE documents SET data = ? WHERE id = ?", text, name)


def by_hand(path: Path, statement: str, *arguments: str) -> None:
    """Does what somebody with an editor for SQLite does."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement, arguments)


class Beaten(pending.Notes):
    """Notes that another thread reads at each moment at which this one has just kept its own."""

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name == "_known" and value:
            super().__setattr__(name, {})


def test_who_reads_notes_beside_another_thread_gets_those_of_its_own_moment() -> None:
    with closing(EmbeddedStore(":memory:", BY_KIND)) as store:
        store._notes = Beaten(BY_KIND)  # noqa: SLF001 - as if another thread were there
        store.commit([Create("rows/a", {"kind": "x", "n": 1})])

        assert [row.data["n"] for row in store.query(OF_KIND)] == [1]
