"""HTTP/1.1 over plain sockets: a client that costs little beside the server it measures."""

from __future__ import annotations

import json
import re
import selectors
import socket
import time
from collections.abc import Sequence
from contextlib import closing
from itertools import count
from typing import Any, NamedTuple

from local.tokens import unsigned_token

TENANT = "bench"
CLIENTS = 8
_SECONDS = 30.0
_KEPT_SECONDS = 1.0  # some servers hang up after two
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_END = b"\r\n\r\n"
_HTTP_ERRORS = 300
_TOKENS = {
    "agent": unsigned_token(sub="robot", tenant=TENANT, role="agent", email="robot@example.com"),
    "pilot": unsigned_token(sub="vera", tenant=TENANT, role="pilot", email="vera@example.com"),
    "scheduler": unsigned_token(sub="cron", tenant="none", role="scheduler"),
}


class Answer(NamedTuple):
    """A response."""

    status: int
    body: bytes


def message(who: str, method: str, path: str, body: Any = None) -> bytes:
    """A request to `/v1` + path, ready to be sent, of one who has this role."""
    content = b"" if body is None else json.dumps(body).encode()
    head = (
        f"{method} /v1{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {_TOKENS[who]}"
        f"\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


class Client:
    """One kept connection to a server on this machine."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None
        self._used = 0.0

    def send(self, wanted: bytes) -> Answer:
        """The answer to a message. Raises RuntimeError for any other than a success."""
        if time.monotonic() - self._used > _KEPT_SECONDS:
            self.close()
        connection = self._socket or self._connected()
        connection.sendall(wanted)
        received = b""
        while (answer := _parsed(received)) is None:
            received += _received(connection)
        self._used = time.monotonic()
        return _succeeded(wanted, answer)

    def close(self) -> None:
        """Hangs up."""
        if self._socket:
            self._socket.close()
            self._socket = None

    def _connected(self) -> socket.socket:
        self._socket = _connection(self._port)
        return self._socket


def load(port: int, messages: Sequence[bytes]) -> tuple[float, list[Answer]]:
    """Sends messages from 8 clients, each of which waits for its answers.

    Gives the seconds that all of them took, and the answers. Raises RuntimeError as `Client.send`.
    """
    answers: list[Answer] = []
    turns = count()
    with selectors.DefaultSelector() as selector:
        connection: Any
        connections = [_connection(port) for _ in range(min(CLIENTS, len(messages)))]
        started = time.perf_counter()
        for connection in connections:
            selector.register(connection, selectors.EVENT_READ, (next(turns), b""))
            connection.sendall(messages[len(selector.get_map()) - 1])
        while selector.get_map():
            ready = selector.select(_SECONDS)
            if not ready:
                raise RuntimeError("the server does not answer")
            for key, _ in ready:
                connection = key.fileobj
                sent, received = key.data
                received += _received(connection)
                if (answer := _parsed(received)) is None:
                    selector.modify(connection, selectors.EVENT_READ, (sent, received))
                    continue
                answers.append(_succeeded(messages[sent], answer))
                if (following := next(turns)) < len(messages):
                    connection.sendall(messages[following])
                    selector.modify(connection, selectors.EVENT_READ, (following, b""))
                else:
                    selector.unregister(connection)
        took = time.perf_counter() - started
    for connection in connections:
        with closing(connection):
            pass
    return took, answers


def _connection(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=_SECONDS)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _received(connection: socket.socket) -> bytes:
    received = connection.recv(1 << 18)
    if not received:
        raise RuntimeError("the server hung up")
    return received


def _parsed(received: bytes) -> Answer | None:
    """The answer, once all of it is there."""
    head, end, body = received.partition(_END)
    if not end:
        return None
    found = _LENGTH.search(head)
    if found is None:
        raise RuntimeError(f"an answer without its length: {head!r}")
    return Answer(int(head[9:12]), body) if len(body) >= int(found[1]) else None


def _succeeded(wanted: bytes, answer: Answer) -> Answer:
    if answer.status >= _HTTP_ERRORS:
        line = wanted.split(b"\r\n", 1)[0].decode()
        raise RuntimeError(f"{line}: {answer.status} {answer.body[:500]!r}")
    return answer
