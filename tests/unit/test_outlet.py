"""A thread that makes an answer while it is sent waits for its reader, within bounds."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from shared.edge.outlet import AHEAD_BYTES, Outlet

PART = b"x" * 65_536
MANY = 64
"""Parts that are far more than the connection and the outlet hold: 4 MiB."""


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A connection as the server and as the caller have it."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
        yield ours, theirs


def outlet_of(connection: socket.socket) -> Outlet:
    """The outlet of a server that does not stop."""
    return Outlet(connection, None, lambda: False)


def send(outlet: Outlet, parts: int) -> None:
    """Sends so many parts."""
    for _ in range(parts):
        outlet.sendall(PART)


def test_the_head_and_the_body_of_an_answer_are_sent_together(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = ends
    outlet = outlet_of(ours)

    outlet.sendall(b"head")
    outlet.sendall(b"body")

    with pytest.raises(BlockingIOError):
        theirs.recv(1, socket.MSG_DONTWAIT)
    outlet.flush()
    assert theirs.recv(len(PART), socket.MSG_DONTWAIT) == b"headbody"
    assert not outlet.rest


def test_an_answer_that_is_whole_is_kept_and_nobody_waits(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    outlet = outlet_of(ends[0])

    send(outlet, MANY)
    outlet.flush()

    assert len(outlet.rest) > MANY * len(PART) - 1_048_576


def test_of_a_stream_no_more_is_kept_than_is_said_and_all_of_it_arrives(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = ends
    outlet = outlet_of(ours)
    outlet.wait_for_reader()
    received = bytearray()

    def read() -> None:
        while len(received) < MANY * len(PART) - AHEAD_BYTES:
            received.extend(theirs.recv(8_192))

    reader = threading.Thread(target=read)
    reader.start()
    kept = []
    for _ in range(MANY):
        outlet.sendall(PART)
        kept.append(len(outlet.rest))
    reader.join(30)

    assert max(kept) <= AHEAD_BYTES
    assert len(received) >= MANY * len(PART) - AHEAD_BYTES


def test_who_does_not_read_a_stream_is_given_up(
    ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.edge.outlet.STREAM_SECONDS", 0.0)
    monkeypatch.setattr("shared.edge.outlet.STREAM_BYTES_A_SECOND", 2**40)
    outlet = outlet_of(ends[0])
    outlet.wait_for_reader()

    with pytest.raises(ConnectionResetError):
        send(outlet, MANY)

    assert not outlet.rest


def test_who_reads_at_the_least_rate_is_waited_for_however_long_it_takes(
    ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    # No patience but that which is earned: a second for each byte that is taken.
    monkeypatch.setattr("shared.edge.outlet.STREAM_SECONDS", 0.0)
    monkeypatch.setattr("shared.edge.outlet.STREAM_BYTES_A_SECOND", 1)
    ours, theirs = ends
    outlet = outlet_of(ours)
    outlet.wait_for_reader()

    def read() -> None:
        while theirs.recv(1_000):
            pass

    reader = threading.Thread(target=read)
    reader.start()
    send(outlet, 16)
    ours.shutdown(socket.SHUT_WR)
    reader.join(30)

    assert len(outlet.rest) <= AHEAD_BYTES


def test_a_caller_who_has_hung_up_ends_a_stream(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = ends
    outlet = outlet_of(ours)
    outlet.wait_for_reader()
    theirs.close()

    with pytest.raises(ConnectionError):
        send(outlet, MANY)


def test_a_server_that_stops_waits_for_no_reader(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    outlet = Outlet(ends[0], None, lambda: True)
    outlet.wait_for_reader()

    with pytest.raises(ConnectionResetError):
        send(outlet, MANY)
