"""Commits of several threads share a transaction; each is still done by itself, or not at all."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from shared.documents.embedded.group import Group
from shared.documents.embedded.store import EmbeddedStore
from shared.documents.indexes import Indexes
from shared.documents.port import AlreadyExists, Create, Set, Unavailable, Update, Write

THREADS = 6
COMMITS: list[list[Write]] = [
    [Set(f"rows/{number}", {"n": number}), Update("rows/all", increments={"count": 1})]
    for number in range(THREADS)
]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    with closing(EmbeddedStore(str(tmp_path / "rows.db"), Indexes())) as store:
        store.commit([Set("rows/all", {"count": 0})])
        yield store


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How each transaction that is committed by a test ends."""
    commit, found = Group._commit, []  # noqa: SLF001 - what reaches the disk

    def counted(self: Group[sqlite3.Connection]) -> None:
        commit(self)
        found.append("committed")

    monkeypatch.setattr(Group, "_commit", counted)
    return found


def at_once(store: EmbeddedStore, commits: list[list[Write]]) -> list[Future[None]]:
    """Commits them in threads that have all come before the first may begin."""
    database = store._database  # noqa: SLF001 - to keep them waiting
    with ThreadPoolExecutor(len(commits)) as threads, database._writing:  # noqa: SLF001
        done = [threads.submit(store.commit, writes) for writes in commits]
        wait_until(lambda: database._waiting == len(commits))  # noqa: SLF001
    return done


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_threads_that_wait_for_each_other_reach_the_disk_together(
    store: EmbeddedStore, ended: list[str]
) -> None:
    done = at_once(store, COMMITS)

    assert [one.exception() for one in done] == [None] * THREADS
    assert ended == ["committed"]
    found = store.get("rows/all")
    assert found
    assert found.data == {"count": THREADS}


def test_who_is_refused_takes_nothing_away_from_the_others(
    store: EmbeddedStore, ended: list[str]
) -> None:
    refused: list[Write] = [Set("rows/left", {}), Create("rows/all", {})]

    done = at_once(store, [refused, *COMMITS, refused])

    kinds = [type(one.exception()) for one in done]
    assert kinds == [AlreadyExists, *[type(None)] * THREADS, AlreadyExists]
    assert len(ended) <= 2
    assert store.get("rows/left") is None
    assert all(store.get_many([f"rows/{number}" for number in range(THREADS)]))


def test_nobody_is_told_anything_else_where_the_transaction_does_not_reach_the_disk(
    store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Group[sqlite3.Connection]) -> None:
        self.connection.execute("ROLLBACK")
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode, error.sqlite_errorname = sqlite3.SQLITE_FULL, "SQLITE_FULL"
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(Group, "_commit", full)
        done = at_once(store, [*COMMITS, [Create("rows/0", {})], [Create("rows/0", {})]])

    assert {type(one.exception()) for one in done} == {Unavailable}
    assert store.get_many(["rows/0", "rows/1"]) == [None, None]
    store.commit(COMMITS[0])


def test_a_transaction_that_was_left_to_somebody_who_gave_up_is_committed_all_the_same(
    store: EmbeddedStore,
) -> None:
    store._database._count(1)  # noqa: SLF001 - somebody who is counted and does not come

    store.commit(COMMITS[0])

    assert store.get("rows/0")
