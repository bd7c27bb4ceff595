"""The bench: peers that do what they are compared for, and a README that says what was measured."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from sqlalchemy import select

from benchmarks import report
from benchmarks.peers import postgres
from benchmarks.peers.app import URL, application
from benchmarks.peers.databases import database
from benchmarks.peers.sides import POSTGRES, SQLITE
from benchmarks.peers.tables import EventRow
from benchmarks.table import Row, markdown
from benchmarks.timing import p95
from local.tokens import unsigned_token

CASE = {"id": "C-1", "decisionType": "renewal", "title": "A review"}
QUESTION = {"uowId": "letter-7", "type": "resume", "title": "Go on?"}
R = TypeVar("R")


class Peer:
    """The peer on a SQLite file."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._app = application()
        _run(self._started())

    async def _started(self) -> None:
        async with self._app.router.lifespan_context(self._app):
            pass

    def send(self, role: str, method: str, path: str, body: Any = None) -> httpx.Response:
        return _run(self._sent(role, method, path, body))

    async def _sent(self, role: str, method: str, path: str, body: Any) -> httpx.Response:
        token = unsigned_token(sub=role, tenant="acme", role=role)
        headers = {"Authorization": f"Bearer {token}"}
        transport = httpx.ASGITransport(self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://peer/v1") as client:
            return await client.request(method, path, json=body, headers=headers)

    def events(self) -> list[tuple[str, int, str]]:
        columns = (EventRow.subject, EventRow.sequence, EventRow.event_type)
        query = select(*columns).order_by(EventRow.created_at)
        found = database(self._url).read(lambda session: session.execute(query).all())
        return [(subject, number, what) for subject, number, what in _run(found)]


def _run(work: Coroutine[Any, Any, R]) -> R:
    """What comes of `work`: in a thread, since the browser of other tests keeps this one's loop."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


@pytest.fixture
def peer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Peer:
    url = f"sqlite:///{tmp_path}/peer.db"
    monkeypatch.setenv(URL, url)
    return Peer(url)


def test_each_change_of_the_peer_leaves_an_event_and_a_refused_one_none(peer: Peer) -> None:
    assert peer.send("pilot", "POST", "/cases", CASE).status_code == 201
    assert peer.send("pilot", "POST", "/cases", CASE).status_code == 409
    patched = peer.send("pilot", "PATCH", "/cases/C-1", {"severity": "high"})
    asked = peer.send("pilot", "POST", "/interventions", QUESTION).json()["id"]
    decision = f"/interventions/{asked}:decide"
    assert peer.send("pilot", "POST", decision, {"decision": "approve"}).status_code == 403
    decided = peer.send("admin", "POST", decision, {"decision": "approve"})
    assert peer.send("admin", "POST", decision, {"decision": "approve"}).status_code == 409

    assert (patched.json()["severity"], patched.json()["version"]) == ("high", 2)
    assert decided.json()["status"] == "approved"
    assert peer.events() == [
        ("cases/C-1", 1, "case_created"),
        ("cases/C-1", 2, "case_updated"),
        (f"interventions/{asked}", 1, "intervention_requested"),
        (f"interventions/{asked}", 2, "intervention_decided"),
    ]


def test_the_peer_refuses_who_has_no_token_or_no_such_role_and_what_is_not_valid(
    peer: Peer,
) -> None:
    wrong = {**CASE, "title": ""}

    assert peer.send("viewer", "POST", "/cases", CASE).status_code == 403
    assert peer.send("nobody", "POST", "/cases", CASE).status_code == 401
    assert peer.send("pilot", "POST", "/cases", wrong).status_code == 422
    assert peer.events() == []


def test_the_readme_says_what_the_bench_has_measured() -> None:
    assert report.line(report.DOCUMENT.read_text()) in report.README.read_text().splitlines()


def test_the_line_of_the_readme_has_the_medians_of_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "NAMES", ("get", "expire 1,000"))
    rows = [
        Row("get, p50", "2 ms", "1 ms", SQLITE, "2.00", "<= 1", met=False),
        Row("get, p50", "2 ms", "4 ms", POSTGRES, "0.50"),
        Row("get, 8 clients", "2/s", "1/s", SQLITE, "7.00"),
        Row("expire 1,000", "2 ms", goal="<= 150 ms", met=True),
        Row("expire 1,000", "2 ms", "1 ms", SQLITE, "3.00"),
        Row("expire 1,000", "2 ms", "1 ms", POSTGRES, "4.00"),
    ]

    told = report.line(markdown([("Beside others", rows)]))

    assert told.endswith(": get 2.00 (0.50), expire 1,000 3.00 (4.00)")


def test_a_machine_without_postgresql_is_told_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgres, "_PLACES", tmp_path)

    with pytest.raises(postgres.NotFound, match="initdb was found neither"), postgres.running():
        pass


def test_of_a_hundred_times_five_are_longer_than_the_95th_percentile() -> None:
    assert p95([float(number) for number in range(1, 101)]) == 95
