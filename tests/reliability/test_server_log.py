"""What a real server prints: our lines and nothing else, and in them nothing that people wrote."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from shared.documents.embedded.store import EmbeddedStore
from shared.documents.indexes import project_indexes
from shared.documents.port import Update
from tests.functions.test_bad_input import (
    BAD_IDS,
    ENDPOINTS,
    INVISIBLE,
    NO_NUMBERS,
    NOT_JSON,
    QUERIES,
    TEXTS,
)
from tests.reliability.server import ROOT, Server, running

SECRET = "Sesame"  # noqa: S105 - a word to look for
MALFORMED = [
    b"SESAME\r\n\r\n",
    b"GET /v1/cases?search=Sesame HTTP/9.9\r\n\r\n",
    b"GET /v1/cases?search=Sesame HTTP/1.1\r\nSesame Header: x\r\n\r\n",
    b"POST /v1/cases HTTP/1.1\r\nHost: x\r\nContent-Length: Sesame\r\n\r\n",
    b"POST /v1/cases HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Sesame\r\n\r\n",
    b"POST /v1/cases HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nSesame\r\n",
    b"GET /v1/cases HTTP/1.1\r\nX-Sesame: " + b"x" * 70_000 + b"\r\n\r\n",
]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of the embedded store."""
    return tmp_path_factory.mktemp("log") / "caseledger.db"


@pytest.fixture(scope="module")
def server(database: Path) -> Iterator[Server]:
    """A server that tells of everything it can tell of."""
    output = database.with_name("output")
    told = {"CASELEDGER_STORE": f"sqlite:///{database}", "GUNICORN_LOG_LEVEL": "debug"}
    with running(Server(output, **told)) as started:
        yield started


@pytest.fixture
def api(server: Server, database: Path) -> Iterator[httpx.Client]:
    """An admin with a case; at the end, all that was printed is lines of our log without data."""
    with server.client("admin", timeout=30) as client:
        client.headers["User-Agent"] = SECRET
        client.post("/cases", json={"id": "CASE-1", "decisionType": "kyc", "title": SECRET})
        yield client
    printed = database.with_name("output").read_text()
    assert printed
    assert SECRET.lower() not in printed.lower()
    for line in printed.splitlines():
        assert {"severity", "message"} <= json.loads(line).keys()


def lines(database: Path) -> list[dict[str, Any]]:
    """All that was printed so far, line by line."""
    return [json.loads(line) for line in database.with_name("output").read_text().splitlines()]


def test_a_document_that_cannot_be_read_is_an_error_in_one_line_with_types_and_places(
    api: httpx.Client, database: Path
) -> None:
    api.post("/cases", json={"id": "CASE-2", "decisionType": "kyc", "title": SECRET})
    store = EmbeddedStore(str(database), project_indexes())
    store.commit([Update("tenants/acme/cases/CASE-2", {"status": f"{SECRET} Jane Doe"})])
    store.close()

    answer = api.get("/cases/CASE-2", headers={"X-Request-Id": "broken"})

    assert answer.status_code == 500
    assert "Jane" not in answer.text
    (line,) = [line for line in lines(database) if line.get("requestId") == "broken"]
    assert (line["severity"], line["code"], line["stack_trace"].splitlines()[-1]) == (
        "ERROR",
        500,
        "shared.errors.Unreadable",
    )
    assert "functions/cases.py" in line["stack_trace"]


def test_no_bad_input_is_repeated_in_the_log_nor_ends_in_an_unexpected_error(
    api: httpx.Client,
) -> None:
    bodies: list[tuple[str, bytes]] = [
        (endpoint, json.dumps({**ENDPOINTS[endpoint][2], field: value, SECRET: SECRET}).encode())
        for (endpoint, field), values in TEXTS.items()
        for value in values
    ]
    bodies += [("create", body) for body in NOT_JSON.values()]
    bodies += [("create", b'{"Sesame": %s}' % number.encode()) for number in NO_NUMBERS]
    answers = []
    for endpoint, body in bodies:
        method, path, _ = ENDPOINTS[endpoint]
        headers = {"Content-Type": "application/json"}
        answers.append(api.request(method, path, content=body, headers=headers))
    answers += [api.request(method, f"{path}?Sesame={SECRET}") for method, path, _ in QUERIES]
    answers += [api.get(f"/cases/{quote(name, safe='')}?Sesame") for name in BAD_IDS]
    answers += [api.get(f"/cases?search={text}&assignedTo={SECRET}%00") for text in INVISIBLE]
    answers += [api.get("/cases", params={"pageToken": SECRET})]
    answers += [api.get("/cases", headers={"If-Match": SECRET, "Authorization": SECRET})]

    assert {answer.status_code for answer in answers} <= {400, 401, 404, 405}


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("raw", MALFORMED)
def test_what_is_no_http_is_not_repeated_in_the_log(server: Server, raw: bytes) -> None:
    with socket.create_connection(server.address, timeout=30) as connection:
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65_536):
            pass


def test_a_wrong_configuration_stops_the_server_with_one_line_that_names_the_variable() -> None:
    api = str(ROOT / "functions" / "api.py")
    ended = subprocess.run(
        [sys.executable, "-m", "functions_framework", "--target=api", f"--source={api}"],
        env={"PYTHONPATH": str(ROOT), "CASELEDGER_RATE_LIMITS": SECRET},
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (1, b"")
    (line,) = [json.loads(text) for text in ended.stdout.splitlines()]
    assert line["severity"] == "ERROR"
    assert "CASELEDGER_RATE_LIMITS" in line["message"]
    assert SECRET not in line["message"]


def test_functions_are_imported_whatever_the_configuration() -> None:
    imported = subprocess.run(
        [sys.executable, "-c", "import functions.api"],
        env={"PYTHONPATH": str(ROOT), "CASELEDGER_RATE_LIMITS": SECRET},
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert (imported.returncode, imported.stdout, imported.stderr) == (0, b"", b"")
