"""Receivers of webhooks on this machine, as bad as they come."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Behaviour = Callable[[socket.socket, bytes, threading.Event], None]
"""What a receiver does with a connection once it has read the request; until the test is over."""
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class Receiver:
    """A receiver: what it is to do, and the requests that it has read."""

    port: int
    behaviour: Behaviour
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}/hook"

    def heads(self) -> list[dict[str, str]]:
        """The headers of each request, by their names in small letters."""
        return [_head(request) for request in self.requests]

    def bodies(self) -> list[bytes]:
        """The body of each request."""
        return [request.partition(b"\r\n\r\n")[2] for request in self.requests]


def answers(answer: bytes) -> Behaviour:
    """Answers with these bytes, and closes."""

    def behave(connection: socket.socket, _: bytes, __: threading.Event) -> None:
        connection.sendall(answer)

    return behave


def status(code: int, *headers: str) -> Behaviour:
    """Answers with a status."""
    lines = "".join(f"{header}\r\n" for header in headers)
    return answers(f"HTTP/1.1 {code} Whatever\r\n{lines}Content-Length: 0\r\n\r\n".encode())


def stalls(connection: socket.socket, _: bytes, over: threading.Event) -> None:
    """Never answers."""
    del connection
    over.wait(60)


def closes(connection: socket.socket, _: bytes, __: threading.Event) -> None:
    """Closes without an answer."""
    del connection


def drips(first: bytes, drop: bytes) -> Behaviour:
    """Answers so slowly that each step is in time, and the whole never ends."""

    def behave(connection: socket.socket, _: bytes, over: threading.Event) -> None:
        connection.sendall(first)
        while not over.wait(0.01):
            connection.sendall(drop)

    return behave


def floods(first: bytes) -> Behaviour:
    """Answers without an end, as fast as it can."""

    def behave(connection: socket.socket, _: bytes, over: threading.Event) -> None:
        connection.sendall(first)
        while not over.is_set():
            connection.sendall(b"x" * 65_536)

    return behave


@contextmanager
def receiving(
    behaviour: Behaviour | None = None, tls: ssl.SSLContext | None = None
) -> Iterator[Receiver]:
    """A receiver on a free port of 127.0.0.1."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        receiver = Receiver(listening.getsockname()[1], behaviour or answers(OK))

        def accept() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                receiver.connections += 1
                arguments = (connection, receiver, over, tls)
                threading.Thread(target=_serve, args=arguments, daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            over.set()
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def _serve(
    connection: socket.socket,
    receiver: Receiver,
    over: threading.Event,
    tls: ssl.SSLContext | None,
) -> None:
    with suppress(OSError):
        if tls:
            connection = tls.wrap_socket(connection, server_side=True)
        with connection:
            connection.settimeout(60)
            request = _request(connection)
            receiver.requests.append(request)
            receiver.behaviour(connection, request, over)


def _request(connection: socket.socket) -> bytes:
    read = b""
    while b"\r\n\r\n" not in read:
        if not (more := connection.recv(65_536)):
            return read
        read += more
    head, _, body = read.partition(b"\r\n\r\n")
    left = int(_head(read).get("content-length", "0")) - len(body)
    while left > 0 and (more := connection.recv(left)):
        body += more
        left -= len(more)
    return head + b"\r\n\r\n" + body


def _head(request: bytes) -> dict[str, str]:
    lines = request.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    return {name.lower(): text.strip() for name, _, text in (line.partition(":") for line in lines)}
