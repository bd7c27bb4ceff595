"""The server's worker, in which no thread waits for a caller who stalls.

gunicorn's threads read the head of a request, write its answer, and see its connection end, each
for as long as the caller takes: as many callers as there are threads make such a server deaf.
Here its main loop does all three for every connection at once, and a thread gets a request when
its head is there. Only bodies are read by a thread: see `slow_bodies`.
"""

from __future__ import annotations

import atexit
import resource
import signal
import socket
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from selectors import EVENT_READ, EVENT_WRITE
from typing import Any, Literal

from gunicorn import util  # type: ignore[import-untyped]
from gunicorn.http.errors import (  # type: ignore[import-untyped]
    InvalidRequestLine,
    InvalidResponseHeader,
    InvalidResponseHeaderName,
    ParseException,
)
from gunicorn.workers import gthread  # type: ignore[import-untyped]
from pydantic_core import to_json

from shared import errors, log
from shared.edge.exchange import ALWAYS
from shared.edge.outlet import LOOKS_SECONDS, Outlet
from shared.models.base import JSON
from shared.runtime import Runtime

HEAD_SECONDS = 10.0
"""How long the head of a request may take, from the connection or the last answer."""
ANSWER_SECONDS = 60.0
"""How long a caller may take to read an answer."""
MAX_HEAD_BYTES = 65_536
MAX_STALLED = 250
"""How many connections may wait for a head, how many for an answer to be read, how many for their
end. One more ends the one that has waited the longest for the same."""
MAX_UNREAD_BYTES = 64 * 1_048_576
"""How much of all answers together may wait to be read, by the same rule."""
_OTHER_FILES = 100
"""What a worker may open beside connections."""
_STOPPING_SECONDS = {"head": 1.0, "answer": 5.0, "end": 1.0}
"""How long a worker that stops waits for each of these. Cloud Run kills it after 10 s."""
_LINGER_SECONDS = 2.0
_AT_ONCE = 262_144
_BAD_REQUEST = "the request is not well-formed HTTP/1.1"
_BAD_LINE = (
    "the request line is not well-formed: "
    "percent-encode spaces and all that is not ASCII in the path and the query"
)
_OURS = (InvalidResponseHeader, InvalidResponseHeaderName)
"""What the server raises for a header of an answer."""

gthread.STOP_KEEPALIVE_LINGER = _STOPPING_SECONDS["head"]

Then = Callable[[], None]
Step = Callable[[], Then | None]
"""Goes on with a connection as far as the caller lets it; what to do then, once that is all."""


@dataclass(frozen=True)
class _Stall:
    """A connection that waits for its caller, and since when."""

    what: Literal["head", "answer", "end"]
    seconds: float
    step: Step
    late: Then
    held: bytearray
    since: float = field(default_factory=time.monotonic)


class Worker(gthread.ThreadWorker):  # type: ignore[misc]
    """A worker of threads that only get requests whose head is whole."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = self.cfg.worker_connections
        if files != resource.RLIM_INFINITY:
            # The server ends where the system gives it no file for one connection more.
            most = max(4, min(most, files - _OTHER_FILES))
        self.worker_connections = most
        self.max_keepalived = most // 4
        self._room = min(MAX_STALLED, most // 4)
        self._stalls: dict[Any, _Stall] = {}
        self._next_look = 0.0
        self._runtime: Runtime | None = None

    def run(self) -> None:
        """Serves until it is told to stop; the store is closed when the last thread has ended."""
        self._runtime = Runtime.of(self.wsgi)
        atexit.register(self._runtime.close)
        try:
            super().run()
        finally:
            # A second signal is usual: a terminal tells each process, and the server tells its
            # workers. It must not end this one before the store is closed.
            for number in (signal.SIGINT, signal.SIGQUIT):
                signal.signal(number, signal.SIG_IGN)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Ends gracefully (SIGTERM): who waits is answered at once."""
        self._stop_waits()
        super().handle_exit(sig, frame)

    def handle_quit(self, sig: int, frame: Any) -> None:
        """Ends at once (SIGINT, SIGQUIT): who waits is answered all the same."""
        self._stop_waits()
        super().handle_quit(sig, frame)

    def enqueue_req(self, conn: Any) -> None:
        """Waits for the head of the connection's next request, then gives it to a thread."""
        conn.init()
        head = bytearray(conn.parser.unreader.take_buffered())
        if _is_whole(head):
            self._give_to_thread(conn, head)
            return
        late = partial(self._head_is_late, conn, head)
        step = partial(self._read_head, conn, head)
        self._wait(conn, EVENT_READ, _Stall("head", HEAD_SECONDS, step, late, head))

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answers a request, in a thread."""
        connection = conn.sock
        conn.sock = outlet = Outlet(connection, req, self._is_stopping)
        try:
            kept = super().handle_request(req, conn)
            outlet.flush()
        finally:
            conn.sock = connection
            conn.rest = outlet.rest
        return kept

    def finish_request(self, conn: Any, fs: Any) -> None:
        """Sends what is left of an answer; then keeps the connection, or ends it."""
        rest: bytearray = vars(conn).pop("rest", bytearray())
        then = partial(self._answered, conn, fs)
        if not rest or conn.sock.fileno() < 0:
            then()
            return
        self._let_go_above("answer", MAX_UNREAD_BYTES - len(rest), len)
        step = partial(self._send, conn, rest, then)
        late = partial(self._close, conn)
        self._wait(conn, EVENT_WRITE, _Stall("answer", ANSWER_SECONDS, step, late, rest))

    def notify(self) -> None:
        """Tells the server that this worker lives, by the time of a file, where it looks."""
        if self.cfg.timeout:
            super().notify()

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Waits for what happens next; one that stops looks more often who is late."""
        super().wait_for_and_dispatch_events(timeout if self.alive else LOOKS_SECONDS)

    def murder_pending(self) -> None:
        """Gives up who is late; the main loop calls it every second or more often."""
        super().murder_pending()
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + LOOKS_SECONDS
        for conn, stall in list(self._stalls.items()):
            seconds = stall.seconds if self.alive else _STOPPING_SECONDS[stall.what]
            if now >= stall.since + seconds:
                self._let_go(conn)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:  # noqa: ARG002 - as the server calls it
        """Answers what is no HTTP, and what failed before the application had it."""
        if isinstance(exc, ParseException) and not isinstance(exc, _OURS):
            line = isinstance(exc, InvalidRequestLine)
            _refuse(client, errors.InvalidArgument(_BAD_LINE if line else _BAD_REQUEST))
        else:
            _refuse(client, errors.Internal("internal error"), **log.failure(exc))

    def _is_stopping(self) -> bool:
        return self._runtime is not None and self._runtime.stopping

    def _stop_waits(self) -> None:
        if self._runtime:
            self._runtime.stopping = True

    def _wait(self, conn: Any, event: int, stall: _Stall) -> None:
        conn.sock.settimeout(0)
        if then := self._gone_on(conn, stall):  # most callers do not stall
            then()
            return
        self._let_go_above(stall.what, self._room - 1, lambda _: 1)
        self._stalls[conn] = stall
        self.poller.register(conn.sock, event, lambda _: self._go_on(conn))

    def _go_on(self, conn: Any) -> None:
        stall = self._stalls.get(conn)
        if stall is None:  # it was let go by what happened at the same moment
            return
        if then := self._gone_on(conn, stall):
            self._forget(conn)
            then()

    def _gone_on(self, conn: Any, stall: _Stall) -> Then | None:
        try:
            return stall.step()
        except BlockingIOError:
            return None
        except OSError:
            return partial(self._close, conn)

    def _forget(self, conn: Any) -> None:
        del self._stalls[conn]
        self.poller.unregister(conn.sock)

    def _let_go(self, conn: Any) -> None:
        late = self._stalls[conn].late
        self._forget(conn)
        late()

    def _let_go_above(self, what: str, most: int, size: Callable[[bytearray], int]) -> None:
        """Ends those that have waited the longest until the others are at most so much."""
        waiting = [(conn, size(s.held)) for conn, s in self._stalls.items() if s.what == what]
        total = sum(one for _, one in waiting)
        for conn, one in waiting:
            if total <= most:
                return
            total -= one
            self._let_go(conn)

    def _read_head(self, conn: Any, head: bytearray) -> Then | None:
        received = conn.sock.recv(MAX_HEAD_BYTES)
        if not received:
            return partial(self._close, conn)
        head += received
        if _is_whole(head):
            return partial(self._give_to_thread, conn, head)
        if len(head) > MAX_HEAD_BYTES:
            return partial(
                self._refuse_head,
                conn,
                errors.InvalidArgument(
                    f"the head of the request is larger than {MAX_HEAD_BYTES} bytes"
                ),
            )
        return None

    def _give_to_thread(self, conn: Any, head: bytearray) -> None:
        conn.parser.unreader.unread(bytes(head))
        super().enqueue_req(conn)

    def _head_is_late(self, conn: Any, head: bytearray) -> None:
        if head:
            late = errors.RequestTimeout("the head of the request did not come in time")
            self._refuse_head(conn, late)
        else:
            self._close(conn)

    def _refuse_head(self, conn: Any, error: errors.ApiError) -> None:
        _refuse(conn.sock, error)
        self._end(conn)

    def _send(self, conn: Any, rest: bytearray, then: Then) -> Then | None:
        with memoryview(rest) as view:
            sent = conn.sock.send(view[:_AT_ONCE])
        del rest[:sent]
        return None if rest else then

    def _answered(self, conn: Any, fs: Any) -> None:
        if not fs.cancelled() and fs.exception() is None and fs.result():
            super().finish_request(conn, fs)
        else:
            self._end(conn)

    def _end(self, conn: Any) -> None:
        """Ends a connection so that the caller can read the answer (RFC 9112, 9.6)."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(conn)
            return
        late = partial(self._close, conn)
        step = partial(self._discard, conn)
        self._wait(conn, EVENT_READ, _Stall("end", _LINGER_SECONDS, step, late, bytearray()))

    def _discard(self, conn: Any) -> Then | None:
        return None if conn.sock.recv(_AT_ONCE) else partial(self._close, conn)

    def _close(self, conn: Any) -> None:
        self.nr_conns -= 1
        conn.close()


def _is_whole(head: bytearray) -> bool:
    """Whether the server can read it, or refuse it, without waiting for more of it.

    It refuses a line that does not end with CR LF as soon as it sees one.
    """
    return b"\r\n\r\n" in head or head.count(b"\n") != head.count(b"\r\n")


def _refuse(connection: socket.socket, error: errors.ApiError, **fields: Any) -> None:
    """Answers what no application has seen, as an application would."""
    request_id = uuid.uuid4().hex
    body = to_json({"error": error.body()})
    headers = {
        "Server": "caseledger",
        "Date": util.http_date(),
        "Connection": "close",
        "Content-Type": JSON,
        "Content-Length": str(len(body)),
        "X-Request-Id": request_id,
        **ALWAYS,
    }
    lines = [
        f"HTTP/1.1 {error.code} {HTTPStatus(error.code).phrase}",
        *(f"{n}: {v}" for n, v in headers.items()),
    ]
    with suppress(OSError):
        connection.send("\r\n".join([*lines, "", ""]).encode() + body, socket.MSG_DONTWAIT)
    log.write(
        "ERROR" if error.code >= 500 else "WARNING",  # noqa: PLR2004
        f"unread {error.code}",
        requestId=request_id,
        code=error.code,
        securityEvent=error.security_event,
        **fields,
    )
