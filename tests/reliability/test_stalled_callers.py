"""A real server whose callers stall before and after a request: no thread waits for them."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.reliability.server import ROOT, Server, running, token, wait_until

THREADS = 4
PATIENCE = 1.0
"""Seconds for a head, and for an answer to be read, in `hasty`."""
SOON = 5.0
"""Seconds in which a busy machine answers; a thread that waited would take longer."""
LONG = 30.0
GET = "GET /v1/health HTTP/1.1\r\nHost: here\r\n"


def served(tmp_path: Path, **constants: float) -> Server:
    """A server of a few threads; `constants` are set in its worker."""
    lines = ["import shared.edge.worker as worker", *(f"worker.{n} = {v}" for n, v in constants.items())]
    (tmp_path / "sitecustomize.py").write_text("\n".join(lines) if constants else "")
    store = f"sqlite:///{tmp_path / 'caseledger.db'}"
    path = f"{tmp_path}:{ROOT}"
    return Server(CASELEDGER_STORE=store, THREADS=str(THREADS), PYTHONPATH=path)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running(served(tmp_path)) as opened:
        yield opened


@pytest.fixture
def hasty(tmp_path: Path) -> Iterator[Server]:
    """A server with little patience, and little room for who stalls."""
    constants = {"HEAD_SECONDS": PATIENCE, "ANSWER_SECONDS": PATIENCE, "MAX_HEADS": 8}
    with running(served(tmp_path, **constants)) as opened:
        yield opened


@pytest.fixture
def stalled(server: Server) -> Iterator[contextlib.ExitStack]:
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


def healthy(server: Server, seconds: float = SOON) -> bool:
    with server.client("viewer", timeout=seconds) as client:
        return client.get("/health").status_code == 200
