"""The watchdog: whoever reads from a connection for too long reads its end."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from shared.edge import slow_bodies
from shared.edge.slow_bodies import BODY_SECONDS, Watchdog

SOON = 0.05
LONG = 60
"""Seconds that nobody waits for unless a test fails."""


class Clock:
    """A clock that stands until it is moved, for a watchdog that looks all the time."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, _: float) -> None:
        threading.Event().wait(0.01)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The watchdog's clock."""
    made = Clock()
    monkeypatch.setattr(slow_bodies, "time", made)
    return made


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A connection: the server's end, and the client's."""
    server, client = socket.socketpair()
    server.settimeout(LONG)
    with server, client:
        yield server, client


def whole(server: socket.socket, watchdog: Watchdog, seconds: float) -> bytes:
    """What can be read to the end; the test fails where that is not ended."""
    content = b""
    with watchdog.guarding(server, seconds):
        while piece := server.recv(65536):
            content += piece
    return content


def test_a_body_may_take_ten_seconds() -> None:
    assert BODY_SECONDS == 10


def test_who_sends_nothing_more_is_read_to_here(pair: tuple[socket.socket, socket.socket]) -> None:
    server, client = pair
    client.sendall(b"half")

    assert whole(server, Watchdog(), SOON) == b"half"


def test_who_sends_a_byte_now_and_then_is_ended_as_well(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    server, client = pair
    over = threading.Event()

    def drip() -> None:
        # Who is cut off may be told so by the next byte.
        with suppress(BrokenPipeError, ConnectionResetError):
            while not over.wait(0.02):
                client.sendall(b".")

    with ThreadPoolExecutor() as pool:
        dripping = pool.submit(drip)
        content = whole(server, Watchdog(), SOON)
        over.set()
        dripping.result()

    assert content.strip(b".") == b""


def test_who_was_cut_off_can_still_be_answered(pair: tuple[socket.socket, socket.socket]) -> None:
    server, client = pair
    whole(server, Watchdog(), SOON)

    server.sendall(b"408")

    assert client.recv(3) == b"408"


def test_many_are_watched_at_once_by_one_thread() -> None:
    before = threading.active_count()
    watchdog = Watchdog()
    pairs = [socket.socketpair() for _ in range(20)]
    with ThreadPoolExecutor(20) as pool:
        reading = [pool.submit(whole, server, watchdog, SOON) for server, _ in pairs]
        assert [one.result() for one in reading] == [b""] * 20

    assert before + 1 == threading.active_count()


def test_who_is_in_time_keeps_the_connection(
    pair: tuple[socket.socket, socket.socket], clock: Clock
) -> None:
    server, client = pair
    watchdog = Watchdog()
    for _ in range(3):
        client.sendall(b"body")
        with watchdog.guarding(server, 10):
            assert server.recv(4) == b"body"
    clock.now += 11
    # When this one is ended, the watchdog has looked at all that it guards.
    other, far = socket.socketpair()
    with other, far:
        assert whole(other, watchdog, 0) == b""

    client.sendall(b"next")

    assert server.recv(4) == b"next"


def test_who_is_slow_where_the_server_stops_is_ended_after_a_second(
    pair: tuple[socket.socket, socket.socket], clock: Clock
) -> None:
    server, _ = pair
    stopping: list[str] = []
    watchdog = Watchdog()
    with (
        ThreadPoolExecutor() as pool,
        watchdog.guarding(server, LONG, lambda: bool(stopping)),
    ):
        reading = pool.submit(server.recv, 1)
        clock.now += 2
        other, far = socket.socketpair()
        with other, far:
            # When this one is ended, the watchdog has looked at all that it guards.
            assert whole(other, watchdog, 0) == b""
        assert not reading.done()

        stopping.append("SIGTERM")

        assert reading.result(LONG) == b""


def test_a_connection_that_was_closed_meanwhile_does_not_end_the_watch(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    server, _ = pair
    watchdog = Watchdog()
    gone, _ = socket.socketpair()
    with watchdog.guarding(gone, 0):
        gone.close()

        assert whole(server, watchdog, SOON) == b""


def test_a_server_that_does_not_show_its_connection_is_not_watched() -> None:
    before = threading.active_count()

    with Watchdog().guarding(None, 0):
        assert before == threading.active_count()
