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
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from benchmarks import bill
from local.client import call
from local.ports import free_port
from local.server import ROOT

README = (ROOT / "README.md").read_text()
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
SHELL = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """What git would clone, with this environment beside it."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tmp_path / name)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    return tmp_path


@pytest.fixture
def port(copy: Path) -> Iterator[int]:
    """`make run`, as the README begins, on a port of its own."""
    assert SHELL[0].strip() == "make run"
    port = free_port()
    command = ["make", "run", f"PORT={port}", "--assume-old=.venv/runtime"]
    with (copy / "server.log").open("w") as log:
        server = subprocess.Popen(command, cwd=copy, stdout=log, stderr=log, start_new_session=True)
        try:
            wait_for_the_demo_cases(copy / "server.log")
            yield port
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait()
            wait_until_nobody_listens(port)


def wait_until_nobody_listens(port: int) -> None:
    """Make is gone at once; what it started is to follow, however often it is told to stop."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with contextlib.closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return
        time.sleep(0.1)
    pytest.fail("the server outlived make run")


def wait_for_the_demo_cases(log: Path) -> None:
    until = time.monotonic() + 40
    while "Ctrl-C" not in log.read_text():
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.1)


def test_the_commands_of_the_readme_answer_as_it_says(copy: Path, port: int) -> None:
    script = "\n".join(SHELL[1:]).replace("8080", str(port))
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],  # noqa: S607
        cwd=copy,
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stderr + result.stdout
    assert '"overdue":true' in result.stdout
    assert '"assignedTo":"vera@example.com"' in result.stdout
    assert '"valid":true' in result.stdout


def test_the_first_curl_of_the_readme_comes_within_thirty_lines() -> None:
    lines = README.splitlines()

    assert any("curl" in line for line in lines[:30])
    assert len(lines) < 150


def test_the_hash_of_an_event_can_be_recomputed_as_the_readme_says(port: int) -> None:
    from local.demo_data import TENANT, token  # noqa: PLC0415

    code = PYTHON[1]
    names: dict[str, object] = {}
    exec(code, names)  # noqa: S102 - the README's own
    event_hash = names["event_hash"]
    assert callable(event_hash)
    url = f"http://127.0.0.1:{port}/v1/cases/CASE-2024-003/audit"
    events = call("GET", url, token=token("pilot", "vera")).body["events"]

    assert [event["hash"] for event in events] == [event_hash(TENANT, event) for event in events]


def test_an_agent_asks_waits_acts_and_completes_as_the_readme_says(port: int) -> None:
    from local.demo_data import token  # noqa: PLC0415

    sent: list[str] = []

    def send_the_letter() -> str:
        sent.append("the letter")
        return "sent"

    code = PYTHON[0].replace("8080", str(port))
    names = {"TOKEN": token("agent", "robot"), "send_the_letter": send_the_letter}
    with ThreadPoolExecutor() as pool:
        agent = pool.submit(exec, code, names)
        decide_what_is_asked(f"http://127.0.0.1:{port}/v1", token("pilot", "paul"))
        agent.result(timeout=20)

    assert sent == ["the letter"]
    path = f"http://127.0.0.1:{port}/v1/interventions?uowId=letter-7"
    (asked,) = call("GET", path, token=token("viewer", "vic")).body["interventions"]
    assert (asked["status"], asked["decision"], asked["result"]) == ("completed", "approve", "sent")


def decide_what_is_asked(url: str, pilot: str) -> None:
    until = time.monotonic() + 20
    queue = f"{url}/interventions:pending?uowId=letter-7"
    while not (waiting := call("GET", queue, token=pilot).body["interventions"]):
        assert time.monotonic() < until
        time.sleep(0.05)
    (asked,) = waiting
    path = f"{url}/interventions/{asked['id']}:decide"
    assert call("POST", path, token=pilot, body={"decision": "approve"}).code == 200


def test_the_bill_in_the_readme_is_what_its_command_says() -> None:
    for line in bill.lines()[-2:]:
        assert line.removesuffix(" a month") in " ".join(README.split())
