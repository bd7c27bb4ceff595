"""All documents of a store, one after the other: both stores give each of them once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from shared.config import Config
from shared.documents.cost import counted
from shared.documents.embedded.whole import WholeFile
from shared.documents.firestore.whole import WholeDatabase
from shared.documents.indexes import project_indexes
from shared.documents.port import Create, WholeStore

PATHS = {
    "a/1",
    "a/1/b/1",
    "a/1-2",
    "a/1-2/b/2",
    "a/é",
    "a/\U0001f600/a/1",
    "ab/\uffff",
    *(f"tenants/t{n}/cases/c" for n in range(5)),
}


@pytest.fixture
def whole(config: Config) -> Iterator[WholeStore]:
    """A store of each kind, empty."""
    made = (
        WholeFile(config.sqlite, project_indexes())
        if config.sqlite
        else WholeDatabase(config.project or "", config.database, config.emulator)
    )
    with closing(made) as store:
        yield store


@pytest.mark.parametrize("most", [1, 3, len(PATHS), 100])
def test_pages_of_any_size_give_each_document_once(whole: WholeStore, most: int) -> None:
    assert whole.walk("", most) == []
    whole.commit([Create(path, {"path": path}) for path in PATHS])

    found, after = [], ""
    with counted() as cost:
        while rows := whole.walk(after, most):
            found += rows
            after = rows[-1].path

    assert sorted(row.path for row in found) == sorted(PATHS)
    assert all(row.data == {"path": row.path} for row in found)
    assert cost.reads == len(PATHS) + 1
    assert whole.count() == len(PATHS)


def test_no_document_has_a_version_above_the_newest(whole: WholeStore) -> None:
    whole.commit([Create("a/1", {})])
    before = whole.newest()
    whole.commit([Create("a/2", {})])

    first, second = whole.walk("", 2)

    assert first.version <= before < second.version <= whole.newest()
