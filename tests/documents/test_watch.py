"""What both stores promise of a watch, and how the one on Firestore bears what a network does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

from shared.config import Config
from shared.documents import cost as costs
from shared.documents import waiting
from shared.documents.cost import Cost, counted
from shared.documents.embedded.store import EmbeddedStore
from shared.documents.firestore import wire
from shared.documents.firestore.store import FirestoreStore
from shared.documents.indexes import Indexes
from shared.documents.port import (
    Delete,
    Document,
    DocumentStore,
    Merge,
    Rejected,
    Set,
    StoreError,
    Unavailable,
    Update,
)
from shared.runtime import open_store
from tests.documents.processes import FORKED
from tests.reliability.tcp_proxy import TcpProxy, Toxic
from tests.stopwatch import Stopwatch

PATH = "notes/a"
END = None
"""The answer by which a scripted server ends a stream."""
LONG = 60
"""Seconds that no test waits for unless it fails: a busy machine may take its time."""


@pytest.fixture
def stopwatch(monkeypatch: pytest.MonkeyPatch) -> Stopwatch:
    """The clock by which a watch ends."""
    clock = Stopwatch()
    monkeypatch.setattr(waiting, "time", clock)
    return clock


def never() -> bool:
    return False


def number(document: Document | None) -> int | None:
    """What the tests change."""
    return document.data["n"] if document else None


def at_least(wanted: int) -> Callable[[Document | None], bool]:
    return lambda document: (number(document) or 0) >= wanted


class Seen:
    """An `until` that remembers what it was asked about, and lets a test wait for that."""

    def __init__(self, until: Callable[[Document | None], bool]) -> None:
        self.numbers: list[int | None] = []
        self._until = until
        self._asked = threading.Condition()

    def __call__(self, document: Document | None) -> bool:
        with self._asked:
            self.numbers.append(number(document))
            self._asked.notify_all()
        return self._until(document)

    def wait(self, states: int) -> None:
        """Waits until that many states have been seen."""
        with self._asked:
            assert self._asked.wait_for(lambda: len(self.numbers) >= states, timeout=LONG)


@contextmanager
def watched(
    store: DocumentStore,
    until: Callable[[Document | None], bool],
    seconds: float = LONG,
    *,
    lost: float = 0,
    given_up: Callable[[Cost], bool] = lambda _: False,
) -> Iterator[Future[tuple[Document | None, Cost]]]:
    """A watch of `PATH` in another thread, and what it comes to and costs.

    It is of a request that has `lost` that many seconds before.
    """

    def watch() -> tuple[Document | None, Cost]:
        with counted() as cost:
            cost.lost = lost
            return store.watch(PATH, until, seconds, lambda: given_up(cost)), cost

    with ThreadPoolExecutor(1) as thread:
        yield thread.submit(watch)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# What is seen


def test_a_watch_that_is_satisfied_at_once_is_one_read(store: DocumentStore) -> None:
    store.commit([Set(PATH, {"n": 1})])
    with counted() as cost:
        found = store.watch(PATH, at_least(1), LONG, never)
    assert found == store.get(PATH)
    assert (cost.reads, cost.writes, cost.trips, cost.lost) == (1, 0, 1, 0)


def test_a_watch_may_be_for_a_document_that_is_not_there(store: DocumentStore) -> None:
    with counted() as cost:
        assert store.watch(PATH, lambda document: document is None, LONG, never) is None
    assert (cost.reads, cost.trips) == (1, 1)


def test_a_watch_sees_a_later_commit_of_another_store(store: DocumentStore, config: Config) -> None:
    store.commit([Set(PATH, {"n": 1})])
    seen = Seen(at_least(2))
    with closing(open_store(config)) as other, watched(store, seen) as watch:
        seen.wait(1)
        other.commit([Update(PATH, {"n": 2})])
        found, cost = watch.result()
        assert found == other.get(PATH)
    assert number(found) == 2
    assert (cost.reads, cost.trips) == (2, 1)


def test_each_change_is_seen_before_the_next_if_that_waits_for_it(store: DocumentStore) -> None:
    store.commit([Set(PATH, {"n": 0})])
    seen = Seen(at_least(10))
    with watched(store, seen):
        for change in range(1, 11):
            seen.wait(change)
            store.commit([Update(PATH, {"n": change})])
    assert seen.numbers == list(range(11))


def test_every_change_before_the_one_waited_for_is_seen_and_billed(store: DocumentStore) -> None:
    seen = Seen(at_least(3))
    with watched(store, seen) as watch:
        for change in range(1, 4):
            seen.wait(change)
            store.commit([Merge(PATH, {"n": change})])
        found, cost = watch.result()
    assert seen.numbers == [None, 1, 2, 3]
    assert number(found) == 3
    assert (cost.reads, cost.trips) == (4, 1)


def test_a_deletion_is_seen_as_no_document(store: DocumentStore) -> None:
    store.commit([Set(PATH, {"n": 1})])
    seen = Seen(lambda document: document is None)
    with watched(store, seen) as watch:
        seen.wait(1)
        store.commit([Delete(PATH)])
        assert watch.result()[0] is None
    assert seen.numbers == [1, None]


def test_a_document_deleted_and_made_again_is_seen(store: DocumentStore) -> None:
    store.commit([Set(PATH, {"n": 1})])
    seen = Seen(at_least(2))
    with watched(store, seen) as watch:
        for change in (Delete(PATH), Set(PATH, {"n": 2})):
            seen.wait(len(seen.numbers) or 1)
            store.commit([change])
            seen.wait(2)
        found, _ = watch.result()
    assert seen.numbers == [1, None, 2]
    assert number(found) == 2


def test_a_write_that_changes_nothing_and_one_beside_it_are_not_seen(
    store: DocumentStore, stopwatch: Stopwatch
) -> None:
    store.commit([Set(PATH, {"n": 1})])
    seen = Seen(at_least(2))
    with watched(store, seen) as watch:
        seen.wait(1)
        store.commit([Update(PATH, {"n": 1}), Set("notes/b", {"n": 2}), Set(f"{PATH}/parts/p", {})])
        stopwatch.passed()
        store.commit([Update(PATH, {"n": 2})])
        found, cost = watch.result()
    assert number(found) == 2
    assert (seen.numbers, cost.reads) == ([1, 2], 2)


def test_eight_threads_watch_one_document(store: DocumentStore) -> None:
    store.commit([Set(PATH, {"n": 0})])
    seen = [Seen(at_least(2)) for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        watches = [threads.submit(store.watch, PATH, one, LONG, never) for one in seen]
        for change in (1, 2):
            for one in seen:
                one.wait(change)
            store.commit([Update(PATH, {"n": change})])
        assert [number(watch.result()) for watch in watches] == [2] * 8


def commit_elsewhere(path: str) -> None:
    """What another process does."""
    with closing(EmbeddedStore(path, Indexes())) as store:
        store.commit([Set(PATH, {"n": 1})])


@pytest.mark.parametrize("name", [":memory:", "rows.db"])
def test_an_embedded_watch_hinders_nobody_and_sees_other_processes(
    tmp_path: Path, name: str
) -> None:
    path = name if name == ":memory:" else str(tmp_path / name)
    with closing(EmbeddedStore(path, Indexes())) as store, watched(store, at_least(1)) as watch:
        for change in range(20):
            store.commit([Set("notes/b", {"n": change})])
        if name == ":memory:":
            store.commit([Set(PATH, {"n": 1})])
        else:
            process = FORKED.Process(target=commit_elsewhere, args=(path,))
            process.start()
            process.join()
        assert number(watch.result()[0]) == 1


# How it ends


def test_when_the_time_is_over_and_not_earlier_the_last_state_is_the_answer(
    store: DocumentStore, stopwatch: Stopwatch
) -> None:
    store.commit([Set(PATH, {"n": 1})])
    seen = Seen(at_least(2))
    with watched(store, seen, 100 * LONG) as watch:
        seen.wait(1)
        stopwatch.advance(98 * LONG)
        stopwatch.passed()
        assert not watch.done()
        stopwatch.advance(2 * LONG)
        found, cost = watch.result()
    assert number(found) == 1
    assert (cost.reads, cost.lost) == (1, 0)


def test_a_watch_of_no_seconds_answers_the_state_at_once(store: DocumentStore) -> None:
    store.commit([Set(PATH, {"n": 1})])
    with counted() as cost:
        assert number(store.watch(PATH, at_least(2), 0, never)) == 1
        assert store.watch("notes/none", at_least(2), 0, never) is None
    assert (cost.reads, cost.trips) == (2, 2)


def test_a_watch_ends_soon_after_nobody_waits_any_more(store: DocumentStore) -> None:
    store.commit([Set(PATH, {"n": 1})])
    asked = 0

    def given_up() -> bool:
        nonlocal asked
        asked += 1
        return True

    assert number(store.watch(PATH, at_least(2), LONG, given_up)) == 1
    assert asked == 1


def test_waiting_is_not_time_in_the_store(
    store: DocumentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0

    def perf_counter() -> int:
        nonlocal now
        now += 1
        return now

    monkeypatch.setattr(costs, "time", SimpleNamespace(perf_counter=perf_counter))

    def found(document: Document | None) -> bool:
        nonlocal now
        now += LONG
        return number(document) == 1

    seen = Seen(found)
    with watched(store, seen) as watch:
        seen.wait(1)
        store.commit([Set(PATH, {"n": 1})])
        _, cost = watch.result()
    assert (cost.trips, cost.seconds) == (1, 1)


def fail(document: Document | None) -> bool:
    raise LookupError(document)


def test_an_error_of_the_caller_ends_the_watch(store: DocumentStore) -> None:
    with pytest.raises(LookupError):
        store.watch(PATH, fail, LONG, never)


@pytest.mark.parametrize("path", ["notes", "notes/..", "notes/__x__", "", "notes/\x00"])
def test_a_bad_path_is_not_watched(store: DocumentStore, path: str) -> None:
    with counted() as cost, pytest.raises(Rejected):
        store.watch(path, at_least(1), LONG, never)
    assert cost == Cost()


def test_no_thread_is_left_however_a_watch_ends(store: DocumentStore) -> None:
    store.watch(PATH, at_least(1), 0, never)
    before = set(threading.enumerate())
    for _ in range(5):
        store.watch(PATH, lambda _: True, LONG, never)
        store.watch(PATH, at_least(1), 0.02, never)
        store.watch(PATH, at_least(1), 0, never)
        with pytest.raises(LookupError):
            store.watch(PATH, fail, LONG, never)
    wait_until(lambda: set(threading.enumerate()) <= before)


def test_watches_that_end_hinder_no_commit(store: DocumentStore) -> None:
    store.commit([Set(PATH, {"n": 0})])
    with ThreadPoolExecutor(4) as threads:
        for change in range(0, 60, 2):
            seen = [Seen(at_least(change + 1)) for _ in range(4)]
            watches = [threads.submit(store.watch, PATH, one, LONG, never) for one in seen]
            for one in seen:
                one.wait(1)
            for _ in range(2):
                store.commit([Update(PATH, increments={"n": 1})])
            for watch in watches:
                watch.result()


# The stream itself, against a server that says what it is told to


class Script:
    """A Listen server: each stream is sent the answers of the next act, and then stays open."""

    def __init__(self) -> None:
        self.acts: list[list[Any]] = []
        self.streams: list[grpc.ServicerContext] = []
        self.ended = 0
        self.polite = True
        self._server = grpc.server(ThreadPoolExecutor(4))
        handler = grpc.stream_stream_rpc_method_handler(
            self._listen,
            request_deserializer=wire.ListenRequest.FromString,
            response_serializer=wire.ListenResponse.SerializeToString,
        )
        service = grpc.method_handlers_generic_handler(
            "google.firestore.v1.Firestore", {"Listen": handler}
        )
        self._server.add_generic_rpc_handlers((service,))
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def close(self) -> None:
        self._server.stop(None).wait()

    def _listen(self, requests: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
        next(requests)
        context.add_callback(self._count)
        self.streams.append(context)
        for answer in self.acts.pop(0) if len(self.acts) > 1 else self.acts[0]:
            if answer is END:
                return
            yield answer
        if next(requests, None) and self.polite:
            yield turn("REMOVE")
        next(requests, None)

    def _count(self) -> None:
        self.ended += 1


@pytest.fixture
def script() -> Iterator[Script]:
    """The server."""
    with closing(Script()) as server:
        yield server


@pytest.fixture
def scripted(script: Script, project: str) -> Iterator[FirestoreStore]:
    """The store that it plays."""
    with closing(FirestoreStore(project, "(default)", script.address)) as store:
        yield store


def change_of(store: FirestoreStore, n: int) -> Any:
    """The answer that the document holds `n` now."""
    name = f"{store._root}/{PATH}"  # noqa: SLF001 - what the server calls it
    document = {"name": name, "fields": {"n": {"integer_value": n}}, "update_time": {"seconds": n}}
    return wire.ListenResponse(document_change={"document": document, "target_ids": [1]})


def turn(kind: str, code: int | None = None) -> Any:
    """The answer that something happened to the whole target."""
    cause = {} if code is None else {"cause": {"code": code, "message": "because"}}
    return wire.ListenResponse(
        target_change={"target_change_type": kind, "target_ids": [1], **cause}
    )


GONE = wire.ListenResponse(document_remove={"document": "x", "removed_target_ids": [1]})
FILTER = wire.ListenResponse(filter={"target_id": 1, "count": 1})


def test_a_target_that_is_current_without_a_document_has_none(
    script: Script, scripted: FirestoreStore
) -> None:
    script.acts = [[turn("ADD"), FILTER, turn("CURRENT")]]
    seen = Seen(at_least(1))
    assert scripted.watch(PATH, seen, 0.1, never) is None
    assert seen.numbers == [None]


def test_only_what_is_current_is_a_state(script: Script, scripted: FirestoreStore) -> None:
    one, two, three = (change_of(scripted, n) for n in (1, 2, 3))
    script.acts = [
        [
            *(turn("ADD"), one, two, turn("CURRENT"), turn("NO_CHANGE"), GONE),
            *(turn("RESET"), one, turn("CURRENT"), three),
        ]
    ]
    seen = Seen(at_least(3))
    assert number(scripted.watch(PATH, seen, LONG, never)) == 3
    assert seen.numbers == [2, None, 1, 3]


@pytest.mark.parametrize(("code", "error"), [(3, Rejected), (7, StoreError), (99, Unavailable)])
def test_a_target_refused_is_the_error_of_its_cause(
    script: Script, scripted: FirestoreStore, code: int, error: type[StoreError]
) -> None:
    script.acts = [[turn("ADD"), turn("REMOVE", code)]]
    with counted() as cost:
        cost.lost = 2.3
        with pytest.raises(error, match="because"):
            scripted.watch(PATH, at_least(1), LONG, never)


@pytest.mark.parametrize("last", [END, turn("REMOVE"), turn("REMOVE", 14)])
def test_a_stream_that_the_server_ends_is_opened_again(
    script: Script, scripted: FirestoreStore, last: Any
) -> None:
    one, two = change_of(scripted, 1), change_of(scripted, 2)
    script.acts = [[one, turn("CURRENT"), last], [two, turn("CURRENT")]]
    seen = Seen(at_least(2))
    with watched(scripted, seen) as watch:
        seen.wait(1)
        assert number(watch.result()[0]) == 2
    assert seen.numbers == [1, 2]


def test_no_stream_is_left_open_however_a_watch_ends(
    script: Script, scripted: FirestoreStore
) -> None:
    script.acts = [[change_of(scripted, 1), turn("CURRENT")]]
    for _ in range(5):
        scripted.watch(PATH, lambda _: True, LONG, never)
        scripted.watch(PATH, at_least(2), 0.02, never)
        scripted.watch(PATH, at_least(2), 0, never)
        with pytest.raises(LookupError):
            scripted.watch(PATH, fail, LONG, never)
    with pytest.raises(LookupError):
        scripted.watch(PATH, at_least(2), LONG, lambda: fail(None))
    wait_until(lambda: script.ended == 21)
    assert not any(stream.is_active() for stream in script.streams)


def test_a_server_that_does_not_confirm_the_end_is_not_waited_for(
    script: Script, scripted: FirestoreStore
) -> None:
    script.polite = False
    script.acts = [[change_of(scripted, 1), turn("CURRENT")]]
    assert number(scripted.watch(PATH, at_least(1), LONG, never)) == 1
    wait_until(lambda: script.ended == 1)


# A network that breaks


def persistently(store: DocumentStore, write: Set) -> None:
    """Commits what may be committed twice, until that is known to have been done."""
    while True:
        with suppress(Unavailable):
            return store.commit([write])


@pytest.fixture
def network(emulator_host: str) -> Iterator[TcpProxy]:
    """The way to the emulator."""
    with closing(TcpProxy(emulator_host)) as proxy:
        yield proxy


@pytest.fixture
def near(emulator_config: Config) -> Iterator[DocumentStore]:
    """The emulator, with the document."""
    with closing(open_store(emulator_config)) as store:
        store.commit([Set(PATH, {"n": 1})])
        yield store


@pytest.fixture
def far(near: DocumentStore, network: TcpProxy, emulator_config: Config) -> Iterator[DocumentStore]:
    """The same at the end of `network`."""
    assert near
    with closing(open_store(replace(emulator_config, emulator=network.address))) as store:
        yield store


def test_a_watch_of_a_store_out_of_reach_is_unavailable_once_the_patience_is_over(
    project: str,
) -> None:
    with closing(FirestoreStore(project, "(default)", "127.0.0.1:9")) as store:
        with counted() as cost:
            for _ in range(2):
                with pytest.raises(Unavailable):
                    store.watch(PATH, at_least(1), 0.1, never)
        assert 2 <= cost.lost <= cost.seconds


@pytest.mark.parametrize("toxic", [Toxic("reset"), Toxic("refuse")], ids=str)
def test_a_stream_that_breaks_is_resumed_and_sees_what_changed_meanwhile(
    near: DocumentStore, far: DocumentStore, network: TcpProxy, toxic: Toxic
) -> None:
    seen = Seen(at_least(3))
    with watched(far, seen) as watch:
        seen.wait(1)
        network.poison(toxic)
        # The emulator fails a commit that it would tell to a stream which was reset just now.
        persistently(near, Set(PATH, {"n": 2}))
        network.poison(Toxic())
        seen.wait(2)
        near.commit([Update(PATH, {"n": 3})])
        found, cost = watch.result()
    assert number(found) == 3
    assert seen.numbers == [1, 2, 3]
    assert cost.trips >= 2
    assert cost.lost == 0


def test_a_resumed_stream_tells_nothing_twice(far: DocumentStore, network: TcpProxy) -> None:
    seen = Seen(at_least(2))
    with watched(far, seen, given_up=lambda cost: cost.reads == 2) as watch:
        seen.wait(1)
        network.poison(Toxic("reset"))
        network.poison(Toxic())
        found, cost = watch.result()
    assert number(found) == 1
    assert seen.numbers == [1]
    assert (cost.reads, cost.trips) == (2, 2)


def test_a_stream_that_stays_broken_is_unavailable_when_the_patience_is_over(
    far: DocumentStore, network: TcpProxy
) -> None:
    seen = Seen(at_least(2))
    with watched(far, seen, lost=1.7) as watch:
        seen.wait(1)
        network.poison(Toxic("refuse"))
        with pytest.raises(Unavailable):
            watch.result()


def test_when_the_time_ends_while_a_stream_is_broken_the_last_state_is_the_answer(
    far: DocumentStore, network: TcpProxy, stopwatch: Stopwatch
) -> None:
    seen = Seen(at_least(2))
    with watched(far, seen, 100 * LONG) as watch:
        seen.wait(1)
        network.poison(Toxic("refuse"))
        stopwatch.advance(100 * LONG)
        assert number(watch.result()[0]) == 1
