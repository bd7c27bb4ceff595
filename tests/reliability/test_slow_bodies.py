"""A real server whose callers stall: no thread is held for ever, and others are answered."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.reliability.server import ROOT, Server, running, token

PATIENCE = 1.0
"""Seconds, here; ten in production, see tests/unit/test_slow_bodies.py."""
LONG = 60.0
"""Seconds that nobody waits for unless a test fails."""
NEW = b'{"decisionType": "kyc", "title": "A case"}'
CHUNK = b"%x\r\n%s\r\n" % (len(NEW), NEW)
CASES, ROBOTS = "POST /v1/cases", "POST /robots.txt"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server, with four threads and less patience."""
    tmp_path = tmp_path_factory.mktemp("server")
    patched = f"import shared.edge.slow_bodies\nshared.edge.slow_bodies.BODY_SECONDS = {PATIENCE}\n"
    (tmp_path / "sitecustomize.py").write_text(patched)
    store = f"sqlite:///{tmp_path / 'caseledger.db'}"
    path = f"{tmp_path}:{ROOT}"
    with running(Server(CASELEDGER_STORE=store, THREADS="4", PYTHONPATH=path)) as opened:
        assert healthy(opened)
        yield opened


def healthy(server: Server) -> bool:
    """Whether others are answered."""
    with server.client("viewer", timeout=LONG) as client:
        return client.get("/health").status_code == 200


def cases(server: Server) -> int:
    """How many cases there are."""
    with server.client("viewer") as client:
        return len(client.get("/cases").json()["cases"])


def opened(
    server: Server, request: str, body: bytes, *framing: str, role: str = "verifier"
) -> socket.socket:
    """A connection on which a request was begun."""
    connection = socket.create_connection(server.address, timeout=LONG)
    head = [
        f"{request} HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer {token(role)}",
        "Content-Type: application/json",
        *framing,
    ]
    connection.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + body)
    return connection


def answered(connection: socket.socket) -> tuple[int, bytes]:
    """The status and the whole of an answer; 0 where the connection is closed without one."""
    response = connection.recv(65536)
    return int(response.split()[1]) if response else 0, response


def drip(connection: socket.socket, over: threading.Event) -> None:
    """Sends a byte now and then, until the other side has enough."""
    with contextlib.suppress(OSError):
        while not over.wait(0.1):
            connection.sendall(b" ")


def half(server: Server) -> socket.socket:
    return opened(server, CASES, NEW[:9], f"Content-Length: {len(NEW)}")


def too_long(server: Server) -> socket.socket:
    return opened(server, CASES, NEW, "Content-Length: 99")


def chunked(server: Server) -> socket.socket:
    return opened(server, CASES, CHUNK, "Transfer-Encoding: chunked")


def dripping(server: Server) -> socket.socket:
    return opened(server, CASES, NEW, "Content-Length: 99999")


STALLS: dict[str, Callable[[Server], socket.socket]] = {
    "one that stops in the middle": half,
    "one that promises more than it is": too_long,
    "one in chunks that stops": chunked,
}


def test_bodies_that_do_not_come_are_given_up_and_others_are_answered_meanwhile(
    server: Server,
) -> None:
    for _ in range(2):
        with ThreadPoolExecutor() as pool:
            stalled = [stall(server) for stall in STALLS.values()]
            assert all(healthy(server) for _ in range(5))
            answers = list(pool.map(answered, stalled))
        assert [code for code, _ in answers] == [408] * 3
    assert cases(server) == 0


def test_a_body_that_drips_is_given_up_too_and_all_threads_are_free_again(server: Server) -> None:
    over = threading.Event()
    with ThreadPoolExecutor() as pool, contextlib.ExitStack() as stack:
        stack.callback(over.set)
        connections = [dripping(server) for _ in range(4)]
        for connection in connections:
            pool.submit(drip, connection, over)
        codes = [answered(connection)[0] for connection in connections]
        assert set(codes) <= {0, 408}
        for _ in range(3):
            stack.enter_context(half(server))
        assert healthy(server)
    assert cases(server) == 0


def test_who_is_refused_before_the_body_is_read_is_refused_without_it(server: Server) -> None:
    for request, role, length, code in (
        (CASES, "nobody", "99", 401),
        (CASES, "viewer", "99", 403),
        (CASES, "verifier", "99999999", 413),
        ("POST /v1/nothing", "nobody", "99", 404),
        ("PUT /v1/cases", "nobody", "99", 405),
        (ROBOTS, "nobody", "99", 404),
        ("POST /favicon.ico", "nobody", "99999999", 404),
    ):
        with opened(server, request, b"{", f"Content-Length: {length}", role=role) as connection:
            assert code == answered(connection)[0]
    assert healthy(server)


def test_a_body_that_is_cut_off_changes_nothing_and_is_no_error_of_ours(server: Server) -> None:
    length, chunks = "Content-Length: {}".format, "Transfer-Encoding: chunked"
    for body, framing, code in (
        (NEW, length(len(NEW) + 1), 408),
        (NEW[:9], length(len(NEW)), 408),
        (b"", length(5), 408),
        (CHUNK, chunks, 408),
        (CHUNK[:9], chunks, 408),
        (b"zz\r\n", chunks, 400),
        (b"5\r\n" + NEW, chunks, 400),
        (CHUNK + b"0\r\nX\n: y\r\n\r\n", chunks, 400),
        (NEW, length(9), 400),
        (NEW, length(-1), 400),
    ):
        with opened(server, CASES, body, framing) as connection:
            connection.shutdown(socket.SHUT_WR)
            assert (body, framing, code) == (body, framing, answered(connection)[0])
    assert cases(server) == 0


def test_no_answer_names_the_software_of_the_server(server: Server) -> None:
    def banner(response: httpx.Response) -> str:
        assert "gunicorn" not in str(response.headers) + response.text
        return response.headers["Server"]

    with server.client("viewer") as client:
        answers = [
            client.get("/health"),
            client.get("/cases/CASE-404"),
            client.post("/cases", json={}),
            client.options("/cases"),
            client.get(f"{server.url}/robots.txt"),
        ]

    assert [answer.status_code for answer in answers] == [200, 404, 403, 204, 404]
    assert {"caseledger"} == {banner(answer) for answer in answers}
