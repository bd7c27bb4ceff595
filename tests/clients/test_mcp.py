"""The official clients of the Model Context Protocol, as they are installed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from local.tokens import unsigned_token
from shared.config import Config
from shared.runtime import Runtime
from tests.client import Api, served
from tests.clients.conftest import HERE, run
from tests.serving import serving
from tests.venvs import python_of

PLACE = HERE / "mcp-clients"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the functions, served by a thread of this process."""
    path = tmp_path_factory.mktemp("mcp") / "caseledger.db"
    runtime = Runtime(Config(sqlite=str(path), unsigned_tokens=True, max_waits=8))
    api = Api(runtime, app=served("api", "api.py"))
    with closing(runtime), serving(api.app) as url:
        yield url


def token(role: str, tenant: str) -> str:
    return unsigned_token(sub=f"{role}-1", tenant=tenant, role=role)


def found(*command: Any) -> Any:
    """What the program printed."""
    done = run(*command, cwd=HERE)
    assert done.returncode == 0, done.stderr[-3_000:]
    return json.loads(done.stdout)


def test_the_official_python_client_works_in_both_eras_and_fastmcp_follows_tasks(
    server: str,
) -> None:
    python = python_of(PLACE / "requirements.lock")
    tokens = (token("agent", "t-1"), token("pilot", "t-1"), token("agent", "t-2"))
    told = found(python, PLACE / "official.py", server, *tokens)

    lived = {
        "tools": 10,
        "asked": "pending",
        "decided": "approved",
        "started": [False, True],
        "ended": "completed",
        "wrong": [True, "INVALID_ARGUMENT: title: must not be empty"],
    }
    assert told["modern"] == {"version": "2026-07-28", **lived}
    assert told["legacy"] == {"version": "2025-11-25", **lived}
    assert told["tasks"] == {
        "statuses": ["working", "cancelled"],
        "decided": "approved",
        "same": True,
        "stolen": [-32602, "Task not found"],
    }


@pytest.mark.usefixtures("node")
def test_the_official_clients_in_javascript_work_in_all_three_revisions(server: str) -> None:
    tokens = (token("agent", "t-3"), token("pilot", "t-3"))
    told = found("node", PLACE / "official.mjs", server, *tokens)

    lived = {"tools": 10, "asked": "pending", "decided": "approved", "refused": True}
    assert told["modern"] == {"version": "2026-07-28", **lived}
    assert told["oldest"] == {"version": "2025-06-18", **lived}
    stream = told["legacy"].pop("stream")
    assert (stream[0], stream[-1]) == ("working", "approved")
    assert told["legacy"] == {"version": "2025-11-25", **lived}
