"""`docs/operations.md` names what an operator can meet: variables, log events, errors."""

from __future__ import annotations

import ast
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest

from local import client
from local.ports import free_port
from local.tokens import unsigned_token
from shared import errors
from shared.config import variables
from shared.errors import ApiError

ROOT = Path(__file__).parent.parent
DOCUMENT = (ROOT / "docs" / "operations.md").read_text()
OPERATIONS = " ".join(DOCUMENT.split())
_EXPLAINED = {"Aborted", "Internal", "RateLimited", "ResourceExhausted", "Unavailable"}
"""The errors whose every message is explained."""


@cache
def modules() -> list[ast.Module]:
    """The source of what is deployed: read by the test that asks, not with each collection."""
    return [
        ast.parse(path.read_text())
        for top in ("functions", "shared")
        for path in sorted((ROOT / top).rglob("*.py"))
    ]


@cache
def calls() -> list[tuple[ast.Module, list[ast.Call]]]:
    """Each module, and every call in it."""
    return [
        (module, [node for node in ast.walk(module) if isinstance(node, ast.Call)])
        for module in modules()
    ]


def called(call: ast.Call) -> str:
    """What is called, where it has a name: `f` or `module.f`."""
    match call.func:
        case ast.Name(name):
            return name
        case ast.Attribute(ast.Name(module), name):
            return f"{module}.{name}"
    return ""


def text(module: ast.Module, node: ast.expr) -> str:
    """A message: the text of a constant or of its name, or the longest part of an f-string."""
    if isinstance(node, ast.Name):
        for step in module.body:
            if isinstance(step, ast.Assign) and ast.unparse(step.targets[0]) == node.id:
                return text(module, step.value)
    if isinstance(node, ast.JoinedStr):
        return max((text(module, part) for part in node.values), key=len)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def raised() -> Iterator[str]:
    """The messages of errors of `shared.errors`, of the kinds that are explained."""
    for module, found in calls():
        imported = {
            alias.asname or alias.name
            for step in module.body
            if isinstance(step, ast.ImportFrom) and step.module == "shared.errors"
            for alias in step.names
        }
        explained = {f"errors.{name}" for name in _EXPLAINED} | (_EXPLAINED & imported)
        for call in found:
            if called(call) in explained and (said := text(module, call.args[0]).strip()):
                yield said


def logged() -> Iterator[str]:
    """The messages of lines that warn or tell of an error, but for those of requests."""
    for module, found in calls():
        for call in found:
            if called(call) == "log.write" and isinstance(call.args[0], ast.Constant):
                yield text(module, call.args[1]).strip(": ")


def security_events(kind: type[ApiError] = ApiError) -> Iterator[str]:
    if kind.security_event:
        yield kind.security_event
    for more in kind.__subclasses__():
        yield from security_events(more)


@pytest.mark.parametrize("event", sorted(set(security_events())))
def test_every_security_event_has_a_row(event: str) -> None:
    assert f"| `{event}` |" in OPERATIONS


@pytest.mark.parametrize("message", sorted(set(logged())))
def test_every_line_that_warns_or_tells_of_an_error_is_explained(message: str) -> None:
    assert message
    assert message in OPERATIONS


@pytest.mark.parametrize("message", sorted(set(raised())))
def test_every_message_of_an_error_that_may_be_sent_again_is_explained(message: str) -> None:
    assert message
    assert message.partition(": ")[0] in OPERATIONS


def test_the_messages_are_found_in_the_code() -> None:
    assert {"internal error", "the issuer's keys are out of reach"} <= set(raised())
    assert "a scheduled function leaves a document as it is" in set(logged())
    assert issubclass(errors.RateLimited, errors.ResourceExhausted)


def test_every_message_that_is_explained_is_in_the_code() -> None:
    rows = re.findall(r"^\| (?:ERROR, |WARNING, )?`([a-z][^`]+)`", DOCUMENT, re.MULTILINE)
    constants = [
        node.value
        for module in modules()
        for node in ast.walk(module)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    fragments = [part.strip(" :") for row in rows if " " in row for part in row.split("…")]

    assert len(fragments) > 10
    assert [one for one in fragments if not any(one in known for known in constants)] == []


def test_every_variable_is_in_the_tables() -> None:
    read = {name for name in variables() if name.startswith(("CASELEDGER_", "FIRE"))}

    assert len(read) > 20
    assert sorted(name for name in read if f"`{name}`" not in OPERATIONS) == []


def test_one_function_is_served_to_this_machine_only_and_takes_local_tokens() -> None:
    command = re.findall(r"```sh\n(CASELEDGER_.*?)```", DOCUMENT, re.DOTALL)[0]
    port = free_port()
    variables = {"PORT": str(port), "CASELEDGER_STORE": "sqlite:///:memory:"}
    kept = {name: text for name, text in os.environ.items() if not name.startswith("CASELEDGER_")}
    url = f"http://127.0.0.1:{port}/v1/cases/CASE-1"
    token = unsigned_token(sub="kim", tenant="acme", role="viewer")

    with subprocess.Popen(
        ["bash", "-c", f"exec env {command}"],  # noqa: S607
        cwd=ROOT,
        env=kept | variables,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    ) as server:
        try:
            answer = answered(server, url, token)
            addresses = listening(port)
        finally:
            os.killpg(server.pid, signal.SIGTERM)

    assert (answer.code, answer.body["error"]["status"]) == (404, "NOT_FOUND")
    assert addresses == {"0100007F"}  # 127.0.0.1


def answered(server: subprocess.Popen[bytes], url: str, token: str) -> client.Answer:
    """The first answer of a server that is starting."""
    until = time.monotonic() + 30
    while server.poll() is None and time.monotonic() < until:
        with suppress(client.Unreachable):
            return client.call("GET", url, token=token)
        time.sleep(0.05)
    pytest.fail("the server did not start")


def listening(port: int) -> set[str]:
    """The addresses, as Linux writes them, at which somebody listens on a port."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {
        row[1].partition(":")[0]
        for row in rows
        if row[1].endswith(f":{port:04X}") and row[3] == "0A"
    }
