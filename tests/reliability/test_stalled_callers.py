"""A real server whose callers stall before and after a request: no thread waits for them."""

from __future__ import annotations

import contextlib
import json
import resource
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.reliability.server import ROOT, Server, running, wait_until

THREADS = 4
PATIENCE = 1.0
"""Seconds for a head, and for an answer to be read, in `hasty`."""
LONG = 30.0
"""Seconds in which any machine answers; a thread that waited for a caller would take longer."""
OK = b"HTTP/1.1 200 OK"
MANY = 60
"""Answers that are more than a system keeps for who does not read: 9 MB."""
GET = "GET /v1/health HTTP/1.1\r\nHost: localhost\r\n"


def served(tmp_path: Path, **constants: float) -> Server:
    """A server of a few threads; `constants` are set in its worker."""
    # The name of the server is given before its modules are loaded: see edge/function.py.
    patch = ["import gunicorn", "gunicorn.SERVER = 'caseledger'", "import shared.edge.worker as it"]
    patch += [f"it.{name} = {value}" for name, value in constants.items()]
    (tmp_path / "sitecustomize.py").write_text("\n".join(patch) if constants else "")
    store = f"sqlite:///{tmp_path / 'caseledger.db'}"
    path = f"{tmp_path}:{ROOT}"
    return Server(CASELEDGER_STORE=store, THREADS=str(THREADS), PYTHONPATH=path)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that waits for a head much longer than any test does."""
    with running(served(tmp_path_factory.mktemp("server"), HEAD_SECONDS=20 * LONG)) as opened:
        assert healthy(opened)
        yield opened


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with little patience, and little room for who stalls."""
    constants = {"HEAD_SECONDS": PATIENCE, "ANSWER_SECONDS": PATIENCE, "MAX_STALLED": 8}
    with running(served(tmp_path_factory.mktemp("hasty"), **constants)) as opened:
        assert healthy(opened)
        yield opened


@pytest.fixture
def stalled() -> Iterator[contextlib.ExitStack]:
    """Connections that stay open until the end of the test."""
    with contextlib.ExitStack() as stack:
        yield stack


def connected(server: Server, sent: str = "") -> socket.socket:
    connection = socket.create_connection(server.address, timeout=LONG)
    connection.sendall(sent.encode("latin-1"))
    return connection


def received(connection: socket.socket) -> bytes:
    """Everything until the server ends the connection."""
    parts = []
    while part := connection.recv(65_536):
        parts.append(part)
    return b"".join(parts)


def parsed(answer: bytes) -> tuple[int, dict[str, str], Any]:
    """Status, headers in lower case, and JSON."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return int(status.split()[1]), headers, json.loads(body)


def healthy(server: Server) -> bool:
    with server.client("viewer", timeout=LONG) as client:
        return client.get("/health").status_code == 200


def test_unfinished_heads_and_silent_connections_keep_nobody_waiting(
    server: Server, stalled: contextlib.ExitStack
) -> None:
    threads = threads_of(server)
    for number in (8, 64, 200):
        for begun in ("", GET):
            for _ in range(number):
                stalled.enter_context(connected(server, begun))
            assert healthy(server)

    assert threads_of(server) <= max(threads, THREADS + 1)


def test_a_head_that_does_not_come_in_time_is_given_up(hasty: Server) -> None:
    with connected(hasty) as silent, connected(hasty, GET) as begun:
        assert received(silent) == b""
        code, headers, body = parsed(received(begun))

    assert (code, headers["connection"]) == (408, "close")
    assert body["error"]["status"] == "REQUEST_TIMEOUT"
    assert headers["x-request-id"]


def test_more_unfinished_heads_than_there_is_room_for_end_the_oldest(hasty: Server) -> None:
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(connected(hasty))
        for _ in range(64):
            stack.enter_context(connected(hasty, GET))
        assert received(first) == b""
        assert healthy(hasty)


def test_a_head_in_parts_and_requests_in_one_piece_are_answered_in_order(server: Server) -> None:
    whole = GET + "X-Request-Id: {}\r\n\r\n"
    with connected(server, whole.format(1) + whole.format(2) + whole.format(3)[:30]) as connection:
        connection.sendall(whole.format(3)[30:-3].encode())
        connection.sendall((whole.format(3)[-3:] + whole.format("last")).encode())
        connection.shutdown(socket.SHUT_WR)
        answers = received(connection).decode()

    ids = [line.split()[1] for line in answers.splitlines() if line.startswith("X-Request-Id")]
    assert ids == ["1", "2", "3", "last"]
    assert answers.count("HTTP/1.1 200 OK") == 4


@pytest.mark.parametrize(
    "request_line",
    [
        "POST /v1/cases HTTP/1.1",  # 401
        "POST /v1/nothing HTTP/1.1",
        "PUT /v1/cases HTTP/1.1",
        "GET /v1/health HTTP/1.1",
        "POST /robots.txt HTTP/1.1",
    ],
)
@pytest.mark.parametrize("framing", ["Content-Length: 99", "Transfer-Encoding: chunked"])
def test_a_body_that_is_not_read_ends_the_connection_and_is_not_waited_for(
    server: Server, stalled: contextlib.ExitStack, request_line: str, framing: str
) -> None:
    request = f"{request_line}\r\nHost: localhost\r\n{framing}\r\n\r\n"
    connections = [stalled.enter_context(connected(server, request)) for _ in range(4 * THREADS)]

    assert healthy(server)
    for connection in connections:
        code, headers, _ = parsed(received(connection))
        assert (code in (200, 401, 404, 405), headers["connection"]) == (True, "close")


def test_a_connection_whose_body_was_read_is_kept(server: Server) -> None:
    with server.client("verifier") as client:
        answer = client.post("/cases", json={"decisionType": "kyc", "title": "A case"})

    assert (answer.status_code, answer.headers["Connection"]) == (201, "keep-alive")


def test_readers_who_read_nothing_keep_nobody_waiting_and_are_given_up(hasty: Server) -> None:
    with contextlib.ExitStack() as stack:
        readers = [stack.enter_context(not_reading(hasty)) for _ in range(2 * THREADS)]
        assert healthy(hasty)
        wait_until(lambda: not connections(hasty), LONG)
        answers = [received(reader).count(OK) for reader in readers]

    assert max(answers) < MANY


def test_more_unread_answers_than_there_is_room_for_end_the_oldest(tmp_path: Path) -> None:
    with (
        running(served(tmp_path, MAX_UNREAD_BYTES=1)) as server,
        contextlib.ExitStack() as stack,
    ):
        readers = [stack.enter_context(not_reading(server)) for _ in range(3)]
        assert healthy(server)
        wait_until(lambda: connections(server) == 1, LONG)
        answers = sorted(received(reader).count(OK) for reader in readers)
        assert answers[1] < MANY == answers[2]
        assert healthy(server)


def test_who_reads_slowly_but_in_time_gets_the_whole_of_every_answer(server: Server) -> None:
    with server.client("viewer") as client:
        whole = client.get("/openapi.json").content
    with not_reading(server) as reader:
        assert healthy(server)  # meanwhile
        reader.shutdown(socket.SHUT_WR)
        answers = received(reader).split(OK)[1:]

    assert [answer.partition(b"\r\n\r\n")[2] for answer in answers] == [whole] * MANY


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ("GET /v1/cases?query=Müller HTTP/1.1\r\nHost: localhost\r\n\r\n", "percent-encode"),
        ("GET /v1/cases/Müller HTTP/1.1\r\nHost: localhost\r\n\r\n", "percent-encode"),
        ("GET /v1/health\nHost: localhost\n\n", "request line"),
        ("\r\n\r\n", "request line"),
        ("GET /v1/health HTTP/1.1\r\nHost : here\r\n\r\n", "not well-formed HTTP"),
        ("GET /v1/health HTTP/1.1\r\nX: " + "x" * 70_000, "larger than 65536 bytes"),
        ("GET /v1/health HTTP/1.1\r\nX: y\r\n\r\n", "Host: is required"),
        ("GET /v1/cases HTTP/1.1\r\n\r\n", "Host: is required"),
    ],
)
def test_what_is_no_request_is_answered_in_the_one_form_of_errors(
    server: Server, sent: str, told: str
) -> None:
    with connected(server) as connection:
        connection.sendall(sent.encode())
        connection.shutdown(socket.SHUT_WR)
        code, headers, body = parsed(received(connection))

    assert (code, body["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert told in body["error"]["message"]
    assert headers["content-type"] == "application/json"
    assert (headers["server"], headers["cache-control"]) == ("caseledger", "no-store")
    assert headers["x-request-id"]


def test_http_1_0_needs_no_host(server: Server) -> None:
    with connected(server, "GET /v1/health HTTP/1.0\r\n\r\n") as connection:
        code, _, _ = parsed(received(connection))

    assert code == 200


@pytest.fixture(scope="module")
def few_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that may open a quarter of the usual number of files."""
    opened = served(tmp_path_factory.mktemp("few_files"))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        opened.start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    try:
        yield opened
    finally:
        opened.kill()


@pytest.mark.parametrize("sent", ["", GET, GET + "\r\n"])
def test_more_connections_than_files_do_not_end_the_worker(
    few_files: Server, stalled: contextlib.ExitStack, sent: str
) -> None:
    assert healthy(few_files)
    worker = few_files.worker
    for _ in range(200):
        stalled.enter_context(connected(few_files, sent))
    assert healthy(few_files)
    assert few_files.worker == worker


def test_a_server_with_silent_connections_stops(tmp_path: Path) -> None:
    with running(served(tmp_path)) as server, connected(server), connected(server, GET):
        assert healthy(server)
        server.stop(LONG)


def not_reading(server: Server) -> socket.socket:
    """A caller with little room, who asks for much and reads nothing of it."""
    connection = socket.socket()
    connection.settimeout(LONG)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
    connection.connect(server.address)
    connection.sendall(b"GET /v1/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * MANY)
    return connection


def threads_of(server: Server) -> int:
    """How many threads the worker has."""
    return len(list(Path(f"/proc/{server.worker}/task").iterdir()))


def connections(server: Server) -> int:
    """How many connections the worker has open, beside those that it listens on."""
    sockets = [file for file in Path(f"/proc/{server.worker}/fd").iterdir() if is_socket(file)]
    return len(sockets) - 1


def is_socket(file: Path) -> bool:
    """Whether a file of a running process is a socket; by now it may be closed."""
    try:
        return file.readlink().name.startswith("socket:")
    except FileNotFoundError:
        return False
