"""The README's commands, run as they stand in a copy of the project."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import bill
from local.client import call
from local.ports import free_port
from local.server import ROOT
from tests.reliability.server import START_SECONDS, wait_until

README = (ROOT / "README.md").read_text()
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
SHELL = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What git would clone, with this environment beside it."""
    clone = tmp_path_factory.mktemp("clone")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, clone / name)
    (clone / ".venv").symlink_to(sys.prefix)
    return clone


@pytest.fixture(scope="module")
def port(copy: Path) -> Iterator[int]:
    """`make run`, as the README begins, on a port of its own."""
    assert SHELL[0].strip() == "make run"
    port = free_port()
    command = ["make", "run", f"PORT={port}", "--assume-old=.venv/runtime"]
    with (copy / "server.log").open("w") as log:
        server = subprocess.Popen(command, cwd=copy, stdout=log, stderr=log, start_new_session=True)
        try:
            # It says so when the demo cases are there.
            wait_until(lambda: "Ctrl-C" in (copy / "server.log").read_text(), START_SECONDS)
            yield port
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait()
            # Make is gone at once; what it started follows, however often it is told to stop.
            wait_until(lambda: not listens(port), START_SECONDS)


def listens(port: int) -> bool:
    with contextlib.closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_the_commands_of_the_readme_answer_as_it_says(copy: Path, port: int) -> None:
    told = played(copy, port, SHELL[1])

    assert '"overdue": true' in told
    assert '"assignedTo": "vera@example.com"' in told
    assert '"valid": true' in told


def played(copy: Path, port: int, *blocks: str) -> str:
    """What the README's commands print, one after the other in one shell."""
    script = "\n".join(blocks).replace("8080", str(port))
    # As after `pip install ./clients/python`.
    client = {"PYTHONPATH": str(copy / "clients" / "python" / "src")}
    with subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", script],  # noqa: S607
        cwd=copy,
        env={**os.environ, **client},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as shell:
        try:
            told, _ = shell.communicate(timeout=2 * START_SECONDS)
        except subprocess.TimeoutExpired:
            # What it has started in the background, too.
            os.killpg(shell.pid, signal.SIGKILL)
            raise
    assert shell.returncode == 0, told
    return told


def test_every_answer_that_the_readme_asks_for_is_shown_in_lines() -> None:
    commands = " ".join(SHELL).replace("\\\n", " ").splitlines()

    asked = [line for line in commands if line.startswith("curl")]
    assert len(asked) > 4
    assert all(line.endswith("| python3 -m json.tool") for line in asked)


def test_the_first_curl_of_the_readme_comes_within_thirty_lines() -> None:
    lines = README.splitlines()

    assert any("curl" in line for line in lines[:30])
    assert len(lines) < 150


def test_the_hash_of_an_event_can_be_recomputed_as_the_readme_says(port: int) -> None:
    from local.demo_tenant import TENANT, token  # noqa: PLC0415

    code = PYTHON[1]
    names: dict[str, object] = {}
    exec(code, names)  # noqa: S102 - the README's own
    event_hash = names["event_hash"]
    assert callable(event_hash)
    url = f"http://127.0.0.1:{port}/v1/cases/CASE-2024-003/audit"
    events = call("GET", url, token=token("pilot", "vera")).body["events"]

    assert [event["hash"] for event in events] == [event_hash(TENANT, event) for event in events]


def test_an_agent_asks_and_a_pilot_decides_as_the_readme_says(copy: Path, port: int) -> None:
    (copy / "agent.py").write_text(PYTHON[0].replace("8080", str(port)))
    who, where, *_ = SHELL[1].splitlines()  # the rest is asked above
    key, start, queue, _, *decide = SHELL[2].splitlines()

    told = played(
        copy,
        port,
        who,
        where,
        key.replace("api-key", f"api-key --url http://127.0.0.1:{port}/v1"),
        start,
        f"until {queue} | grep '\"id\"'; do sleep 0.1; done",
        f'ID=$({queue} | grep -oP \'"id": "\\K[^"]+\')',
        *decide,
        "wait",
        "echo AGAIN",
        start.removesuffix("&"),
    )

    first, _, again = told.partition("AGAIN")
    assert "It sends the letter to Dr. Smith\nsent" in first
    assert again.strip() == "sent"
    (asked,) = letters(port)
    assert (asked["status"], asked["decision"], asked["result"]) == ("completed", "approve", "sent")
    assert asked["startedBy"] == asked["createdBy"]
    assert asked["createdBy"].startswith("key:robot-")
    assert asked["decidedBy"] == "vera@example.com"


def letters(port: int) -> list[dict[str, Any]]:
    """The interventions of the README's agent."""
    from local.demo_tenant import token  # noqa: PLC0415

    url = f"http://127.0.0.1:{port}/v1/interventions?uowId=letter-7"
    answer = call("GET", url, token=token("viewer", "vic")).body
    found: list[dict[str, Any]] = answer["interventions"]
    return found


def test_the_bill_in_the_readme_is_what_its_command_says() -> None:
    for line in bill.lines()[-2:]:
        assert line.removesuffix(" a month") in " ".join(README.split())


def test_what_waiting_costs_is_told_as_the_bill_and_the_table_of_functions_say() -> None:
    scaling = " ".join((ROOT / "docs" / "scaling.md").read_text().split())

    assert bill.waiting_line() in scaling
