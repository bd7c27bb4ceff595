"""An agent's questions outlive the server and the agent, whichever of them is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from caseledger import Client
from tests.reliability.server import (
    ROOT,
    START_SECONDS,
    ForkedServer,
    Server,
    running,
    token,
    wait_until,
)

AGENT = Path(__file__).parent / "agent.py"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a file of its own, which can be killed and started again."""
    file = tmp_path_factory.mktemp("store") / "caseledger.db"
    with running(ForkedServer(CASELEDGER_STORE=f"sqlite:///{file}")) as started:
        yield started


def pending(server: Server) -> list[Any]:
    with Client(server.url, token("pilot")) as pilot:
        return list(pilot.list_pending_interventions())


def approve(server: Server) -> None:
    """Approves what the agent has asked, once it has."""
    wait_until(lambda: pending(server), START_SECONDS)
    (asked,) = pending(server)
    with Client(server.url, token("pilot")) as pilot:
        pilot.decide_intervention(asked["id"], {"decision": "approve"})


def test_wait_goes_on_when_the_server_is_killed_and_started_again(server: Server) -> None:
    with Client(server.url, token("agent")) as agent, ThreadPoolExecutor(1) as threads:
        asked = agent.ask("Send it?", uow_id="letter-7")
        waiting = threads.submit(agent.wait, asked, timeout=START_SECONDS)
        server.kill()
        server.start()
        approve(server)

        assert waiting.result(START_SECONDS)["status"] == "approved"


def test_an_agent_that_is_killed_finds_its_question_and_acts_at_most_once(
    server: Server, tmp_path: Path
) -> None:
    letters = tmp_path / "letters"

    def started(**more: str) -> subprocess.Popen[str]:
        environment = {
            **os.environ,
            "CASELEDGER_URL": server.url,
            "CASELEDGER_TOKEN": token("agent"),
            "LETTERS": str(letters),
            "PYTHONPATH": str(ROOT / "clients" / "python" / "src"),
            **more,
        }
        return subprocess.Popen(
            [sys.executable, str(AGENT)], env=environment, stdout=subprocess.PIPE, text=True
        )

    with started() as waits:
        wait_until(lambda: pending(server), START_SECONDS)
        waits.kill()
    approve(server)
    with started(KILLED="yes") as acts:
        assert acts.wait(START_SECONDS) == -signal.SIGKILL
    with started() as again:
        told, _ = again.communicate(timeout=START_SECONDS)

    assert told.startswith("unknown since ")
    assert letters.read_text() == "Dr. Smith\n"
