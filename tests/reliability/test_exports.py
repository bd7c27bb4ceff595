"""Exports by a real server: they arrive while they are made, and who breaks them off sees it."""

from __future__ import annotations

import io
import json
import socket
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.documents.embedded.store import EmbeddedStore
from shared.documents.indexes import project_indexes
from shared.documents.port import Create
from shared.models.case import NewCase
from shared.models.evidence import EvidenceRef
from shared.rules import cases as case_rules
from shared.runtime import utc_now
from tests.functions.export_support import incompressible
from tests.reliability.server import ROOT, Server, running, token, wait_until

ITEMS = 100
SIZE = 65_000
"""Bytes of an item, which do not compress: together far more than all buffers on the way hold."""
EXPORT = "/cases/BIG:export"


def filled(path: Path) -> None:
    """A store with a case that has more evidence than a connection holds."""
    store = EmbeddedStore(str(path), project_indexes())
    now = utc_now()
    new = NewCase(id="BIG", decision_type="kyc", title="A big case")
    case = case_rules.opened("BIG", new, by="seed", due_hours=72, now=now)
    names = [f"ev-{number:03}" for number in range(ITEMS)]
    refs = [EvidenceRef(id=name, sha256="0" * 64, size=SIZE) for name in names]
    case = case.model_copy(update={"evidence": refs, "evidence_count": ITEMS})
    store.commit([Create("tenants/acme/cases/BIG", case.to_data())])
    for name in names:
        item = incompressible(SIZE, now)
        store.commit([Create(f"tenants/acme/cases/BIG/evidence/{name}", item.to_data())])
    store.close()


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server writes its log."""
    return tmp_path_factory.mktemp("exports") / "log"


@pytest.fixture(scope="module")
def server(log: Path) -> Iterator[Server]:
    """A server with little patience for who does not read."""
    path = log.parent / "caseledger.db"
    filled(path)
    patch = ["import gunicorn", "gunicorn.SERVER = 'caseledger'", "import shared.edge.outlet as it"]
    patch += ["it.STREAM_SECONDS = 3.0", "it.STREAM_BYTES_A_SECOND = 2**30"]
    (log.parent / "sitecustomize.py").write_text("\n".join(patch))
    told = {"CASELEDGER_STORE": f"sqlite:///{path}", "PYTHONPATH": f"{log.parent}:{ROOT}"}
    with running(Server(log, THREADS="8", CASELEDGER_MAX_EXPENSIVE="2", **told)) as opened:
        yield opened


def logged(log: Path, request_id: str) -> list[dict[str, Any]]:
    """What was logged of a request."""
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return [line for line in lines if line.get("requestId") == request_id]


def asking(server: Server, request_id: str, version: str = "1.1") -> socket.socket:
    """A caller with little room who has asked for the export, and reads nothing by itself."""
    connection = socket.socket()
    connection.settimeout(60)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    connection.connect(server.address)
    head = f"GET /v1{EXPORT} HTTP/{version}\r\nHost: localhost\r\nX-Request-Id: {request_id}\r\n"
    connection.sendall(f"{head}Authorization: Bearer {token('pilot')}\r\n\r\n".encode())
    return connection


def test_an_export_begins_to_arrive_before_its_last_document_is_read(
    server: Server, log: Path
) -> None:
    with server.client("pilot", timeout=60) as client:
        with client.stream("GET", EXPORT, headers={"X-Request-Id": "whole"}) as answer:
            chunks = answer.iter_raw()
            parts = [next(chunks)]
            begun = logged(log, "whole")
            parts += list(chunks)
        whole = b"".join(parts)
        wait_until(lambda: logged(log, "whole"), 30)

    assert begun == []
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert len(parts) > 10
    with zipfile.ZipFile(io.BytesIO(whole)) as found:
        assert found.testzip() is None
        assert len([name for name in found.namelist() if name.startswith("evidence/")]) == ITEMS
    (line,) = logged(log, "whole")
    assert (line["stream"], line["severity"]) == ("whole", "INFO")
    assert line["httpRequest"]["responseSize"] == str(len(whole))
    assert line["reads"] > ITEMS


def test_after_an_export_the_connection_is_kept(server: Server) -> None:
    with server.client("pilot", timeout=60) as client:
        answers = [client.get(EXPORT), client.get("/health")]

    assert [answer.headers["Connection"] for answer in answers] == ["keep-alive"] * 2


def test_a_head_request_has_no_body_and_no_size(server: Server) -> None:
    with server.client("pilot", timeout=60) as client:
        answer = client.head(EXPORT)

    assert (answer.status_code, answer.content) == (200, b"")
    assert "Content-Length" not in answer.headers


def test_who_does_not_read_is_given_up_and_has_no_whole_answer(server: Server, log: Path) -> None:
    with asking(server, "stalled") as stalled:
        wait_until(lambda: logged(log, "stalled"), 30)
        (line,) = logged(log, "stalled")
        received = b"".join(iter(lambda: stalled.recv(65_536), b""))

    assert line["stream"] == "abandoned"
    assert not received.endswith(b"\r\n0\r\n\r\n")
    with server.client("pilot", timeout=60) as client:
        assert client.get("/health").status_code == 200


def test_who_goes_away_ends_the_export(server: Server, log: Path) -> None:
    with asking(server, "gone") as caller:
        caller.recv(1_000)
    wait_until(lambda: logged(log, "gone"), 30)

    (line,) = logged(log, "gone")
    assert (line["severity"], line["stream"]) == ("INFO", "abandoned")
    assert "gunicorn" not in log.read_text()


def test_a_second_export_of_one_caller_waits_for_the_end_of_the_first(
    server: Server, log: Path
) -> None:
    with asking(server, "first") as first, server.client("pilot", timeout=60) as client:
        first.recv(1_000)
        second = client.get(EXPORT)
    wait_until(lambda: logged(log, "first"), 30)

    assert (second.status_code, second.json()["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")
    with server.client("pilot", timeout=60) as client:
        assert client.get(EXPORT).status_code == 200


def test_a_server_that_stops_breaks_exports_off_so_that_it_shows(server: Server, log: Path) -> None:
    with asking(server, "stopped") as caller:
        caller.recv(1_000)
        server.stop(30)
        received = b"".join(iter(lambda: caller.recv(65_536), b""))

    assert [line["stream"] for line in logged(log, "stopped")] == ["stopped"]
    assert not received.endswith(b"\r\n0\r\n\r\n")
