"""The local ticker calls the scheduled functions as Cloud Scheduler does."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local import ticker
from local.client import call
from local.ports import free_port
from local.server import running_server, sqlite
from local.ticker import ticking
from local.tokens import unsigned_token
from shared.schedules import Schedule

EVERY_MINUTE = Schedule("expire_interventions", "/v1/scheduled/expireInterventions", "* * * * *")
AGENT = unsigned_token(sub="agent", tenant="acme", role="agent")
PILOT = unsigned_token(sub="pilot", tenant="acme", role="pilot")


def clock_near_the_minute() -> Callable[[], datetime]:
    """A clock that goes, and is half a second before a full minute now."""
    real = datetime.now(UTC)
    ahead = timedelta(minutes=1) - timedelta(
        seconds=real.second + 0.5, microseconds=real.microsecond
    )
    return lambda: datetime.now(UTC) + ahead


def test_what_is_due_is_called_once_at_its_time_whichever_worker_takes_it(tmp_path: Path) -> None:
    before = children(os.getpid())
    with (
        (tmp_path / "log").open("w") as log,
        running_server(sqlite(tmp_path / "ticker.db"), free_port(), log, workers=2) as url,
    ):
        (server,) = set(children(os.getpid())) - set(before)
        # It answers as soon as the first of them is there.
        workers = eventually(lambda: children(int(server.name)), 2)
        new = {"uowId": "u-1", "type": "resume", "title": "Go on?", "expiresInSeconds": 1}
        asked = call("POST", f"{url}/interventions", token=AGENT, body=new).body
        eventually(lambda: [s for s in [status(url, asked["id"])] if s == "expired"], 1)
        # Two tickers, as where one is left over: the second delivery of a run does nothing.
        with (
            ticking(url, [EVERY_MINUTE], clock_near_the_minute()),
            ticking(url, [EVERY_MINUTE], clock_near_the_minute()),
        ):
            events = eventually(lambda: trail(url, asked["id"]), 2)

    assert [e["eventType"] for e in events] == ["intervention_expired", "intervention_requested"]
    assert (events[0]["source"], events[0]["actor"]["type"]) == ("scheduler", "system")
    assert len(workers) == 2
    assert not any(worker.exists() for worker in workers)
    assert (tmp_path / "log").read_text().count("POST expire_interventions 200") >= 1


def test_a_run_that_takes_long_holds_up_no_other_function(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Schedule("deliver_webhooks", "/v1/scheduled/deliverWebhooks", "* * * * *")
    called = threading.Event()

    def answer(_: str, url: str, **__: object) -> None:
        if url.endswith(slow.path):
            assert called.wait(30)
        else:
            called.set()

    monkeypatch.setattr(ticker, "call", answer)
    with ticking("http://127.0.0.1:9/v1", [slow, EVERY_MINUTE], clock_near_the_minute()):
        assert called.wait(20)


def children(pid: int) -> list[Path]:
    """The processes that a process has started."""
    return [
        Path("/proc", child)
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    ]


def trail(url: str, intervention_id: str) -> list[dict[str, Any]]:
    path = f"{url}/audit?subject=interventions/{intervention_id}"
    events: list[dict[str, Any]] = call("GET", path, token=PILOT).body["events"]
    return events


def status(url: str, intervention_id: str) -> str:
    shown: str = call("GET", f"{url}/interventions/{intervention_id}", token=PILOT).body["status"]
    return shown


def eventually(look: Callable[[], list[Any]], number: int) -> list[Any]:
    until = time.monotonic() + 60
    while len(found := look()) < number:
        assert time.monotonic() < until
        time.sleep(0.1)
    return found
