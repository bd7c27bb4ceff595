"""Servers that are told to stop answer who waits, close the store, and leave nobody behind."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import socket
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.ports import free_port, holder
from local.server import ServerError, running_server
from shared.config import Config
from shared.runtime import Runtime
from tests.client import Api
from tests.reliability.server import ROOT, Server, running, token, wait_until

KILLED_AFTER = 10
"""Seconds that Cloud Run gives a container. Who waits asks for much more."""
LONG = 60
NEW = {"uowId": "uow-1", "type": "resume", "title": "Go on?"}
SLOW_BODY = (
    "POST /v1/cases HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    f"Authorization: Bearer {token('verifier')}\r\nContent-Length: 100\r\n\r\n{{"
)


def held(address: tuple[str, int], intervention_id: str, sent: str = "") -> socket.socket:
    """A connection whose `:wait` of 50 seconds has reached a thread; or that sent only `sent`."""
    path = f"/v1/interventions/{intervention_id}:wait?timeoutSeconds=50"
    lines = (f"GET {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {token('agent')}")
    opened = socket.create_connection(address, timeout=LONG)
    opened.sendall((sent or "\r\n".join((*lines, "", ""))).encode())
    # The server takes connections and requests in their order.
    httpx.get("http://{}:{}/v1/health".format(*address), timeout=LONG)
    return opened


def answered(connection: socket.socket) -> dict[str, Any]:
    """The one answer on a connection that its server ended."""
    with connection, connection.makefile("rb") as file:
        head, _, body = file.read().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK"), head
    assert b"connection: close" in head.lower()
    found: dict[str, Any] = json.loads(body)
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda one: one.name)
def test_a_server_that_stops_answers_who_waits_and_merges_the_log_of_its_database(
    tmp_path: Path, number: signal.Signals
) -> None:
    database = tmp_path / "stopping.db"
    with running(Server(CASELEDGER_STORE=f"sqlite:///{database}")) as server:
        with server.client("agent", timeout=LONG) as agent:
            intervention_id = agent.post("/interventions", json=NEW).json()["id"]
        waiting = held(server.address, intervention_id)
        with (
            held(server.address, "", "GET /v1/health HTTP/1.1\r\n"),
            held(server.address, "", SLOW_BODY),
        ):
            assert database.with_name("stopping.db-wal").exists()
            server.stop(KILLED_AFTER, number)

    assert answered(waiting)["status"] == "pending"
    assert list(tmp_path.iterdir()) == [database]


TOLD_AGAIN = """
import os, signal
from functions.api import api
from shared.runtime import Runtime

close = Runtime.close

def told_again(runtime):
    os.kill(os.getpid(), signal.SIGQUIT)
    os.kill(os.getpid(), signal.SIGINT)
    close(runtime)

Runtime.close = told_again
"""


def test_a_server_that_is_told_to_stop_again_meanwhile_closes_its_store_all_the_same(
    tmp_path: Path,
) -> None:
    source, database = tmp_path / "told_again.py", tmp_path / "data" / "stopping.db"
    source.write_text(TOLD_AGAIN)
    database.parent.mkdir()
    server = Server(source=str(source), CASELEDGER_STORE=f"sqlite:///{database}")
    with running(server):
        with server.client("agent", timeout=LONG) as agent:
            agent.post("/interventions", json=NEW).raise_for_status()
        server.stop(KILLED_AFTER)

    assert list(database.parent.iterdir()) == [database]


def test_a_single_function_over_firestore_that_stops_answers_who_waits(
    emulator_config: Config,
) -> None:
    runtime = Runtime(emulator_config)
    agent = Api(runtime).caller("agent", tenant="acme")
    intervention_id = agent.post("/interventions", NEW).json["id"]
    runtime.close()
    store = {
        "FIRESTORE_EMULATOR_HOST": str(emulator_config.emulator),
        "GOOGLE_CLOUD_PROJECT": str(emulator_config.project),
    }
    server = Server(target="wait_intervention", source="interventions.py", **store)
    with running(server):
        waiting = held(server.address, intervention_id)
        server.stop(KILLED_AFTER)

    assert answered(waiting)["status"] == "pending"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "run.db"


def in_a_terminal(command: list[str], environment: dict[str, str]) -> tuple[int, Any]:
    """Starts a command as a shell in a terminal does; the terminal's other end, and the process."""
    ours, theirs = pty.openpty()

    def take_the_terminal() -> None:
        fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=take_the_terminal,  # noqa: PLW1509 - one system call
    )
    os.close(theirs)
    return ours, process


def test_a_local_run_whose_terminal_is_closed_stops_with_all_that_it_started(
    database: Path,
) -> None:
    port = free_port()
    environment = {"CASELEDGER_STORE": f"sqlite:///{database}"}
    # One worker: it is known to have taken one request before it answers the next.
    command = [sys.executable, "-m", "local", "run", "--port", str(port), "--workers", "1"]
    terminal, run = in_a_terminal(command, environment)
    shown = b""
    while b"Ctrl-C" not in shown:
        shown += os.read(terminal, 65_536)
    server = int(children(run.pid)[0])
    url = f"http://127.0.0.1:{port}/v1"
    asking = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token('agent')}"})
    with asking:
        intervention_id = asking.post("/interventions", json=NEW).json()["id"]
    waiting = held(("127.0.0.1", port), intervention_id)

    with pytest.raises(ServerError) as in_use, running_server(environment, port):
        pass
    os.close(terminal)

    assert run.wait(LONG) == 0
    assert answered(waiting)["status"] == "pending"
    assert f"port {port} is in use by process" in str(in_use.value)
    assert "gunicorn" in str(in_use.value)
    assert not Path(f"/proc/{server}").exists()
    assert [file.name for file in database.parent.iterdir()] == [database.name]


def children(pid: int) -> list[str]:
    """The processes that a process has started."""
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def test_a_server_ends_when_the_run_that_started_it_is_killed() -> None:
    started = """
import signal, subprocess, sys
from local.processes import end_with_parent
ends = end_with_parent(signal.SIGTERM)
child = subprocess.Popen(["sleep", "600"], stdout=subprocess.DEVNULL, preexec_fn=ends)
print(child.pid, flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", started], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout
        child = Path(f"/proc/{int(parent.stdout.readline())}/cmdline")
        parent.kill()

    wait_until(lambda: not child.exists() or not child.read_text(), LONG)


def test_who_holds_a_port_is_named_by_id_and_command() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = holder(port)

    command = Path("/proc/self/cmdline").read_text().replace("\0", " ").strip()
    assert found == f"process {os.getpid()}: {command}"
    assert holder(port) is None
