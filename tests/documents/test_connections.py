"""When a connection to Firestore is replaced, and what becomes of those that were."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials

from shared.documents.firestore.connection import Connections
from shared.documents.firestore.store import FirestoreStore
from shared.documents.firestore.whole import WholeDatabase


class Channel:
    """A channel that is open until it is closed."""

    def __init__(self) -> None:
        self.is_open = True

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None

    def close(self) -> None:
        self.is_open = False


class Time:
    """A clock that a test sets."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Time:
    clock = Time()
    monkeypatch.setattr("shared.documents.firestore.connection.time", clock)
    return clock


def test_a_store_that_answers_nobody_gets_a_few_connections_and_not_one_for_each_call(
    clock: Time,
) -> None:
    opened: list[Channel] = []

    def channel() -> Channel:
        opened.append(Channel())
        return opened[-1]

    connections = Connections(channel)
    for tick in range(1_000):
        clock.now = tick / 100
        connections.replace(connections.current)

    assert len(opened) <= 20
    assert sum(channel.is_open for channel in opened) <= 10
    connections.close()
    assert not any(channel.is_open for channel in opened)


def test_a_new_connection_uses_the_credentials_of_the_first_one(
    clock: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def default(**scopes: object) -> tuple[AnonymousCredentials, None]:
        asked.append(scopes)
        return AnonymousCredentials(), None  # type: ignore[no-untyped-call]

    monkeypatch.setattr("google.auth.default", default)
    store = FirestoreStore("acme", "(default)")
    connections = store._connections  # noqa: SLF001 - no call shows which one it is over
    first = connections.current
    clock.now = 1
    connections.replace(first)

    assert connections.current is not first
    assert len(asked) == 1
    store.close()


def test_who_walks_a_whole_database_waits_for_a_page_instead_of_asking_twice_for_it() -> None:
    asked: list[float] = []

    def run_query(_: object, *, timeout: float, **__: object) -> list[object]:
        asked.append(timeout)
        return []

    with closing(WholeDatabase("demo-acme", "(default)", "127.0.0.1:9")) as store:
        connection = store._connections.current  # noqa: SLF001 - as above
        connection.run_query = run_query
        assert store.walk("", 1_000) == []

    assert asked == [pytest.approx(20)]
