"""Health, and what an instance loads before it needs it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import replace

import pytest

from shared.config import Config
from shared.runtime import Runtime
from tests.client import Api
from tests.conftest import ROOT, Clock
from tests.functions.support import ON_EMBEDDED, cost, refused

_WHAT_IS_LOADED = """
import json, sys
from shared.config import Config
from shared.runtime import Runtime
from tests.client import Api

api = Api(Runtime(Config(project="demo-x", emulator="127.0.0.1:1", unsigned_tokens=True)))
codes = [
    api.stranger.get("/health").status_code,
    api.stranger.get("/cases").status_code,
    api.viewer.post("/cases", {}).status_code,
    api.verifier.post("/cases", {}).status_code,
    api.viewer.get("/nothing").status_code,
]
heavy = ("google.cloud.firestore", "google.api_core", "grpc", "sqlite3", "jwt", "cryptography")
print(json.dumps([codes, [name for name in heavy if name in sys.modules]]))
"""


@pytest.mark.both_stores
@pytest.mark.costs_of("health")
def test_health_names_the_store_to_anybody(api: Api) -> None:
    answer = api.stranger.get("/health")

    store = "sqlite" if api.runtime.config.sqlite else "emulator"
    assert (answer.status_code, answer.json) == (200, {"status": "ok", "store": store})
    assert cost(answer) == ((0, 1, 1) if store == "sqlite" else (0, 0, 0))


@ON_EMBEDDED
def test_health_that_is_asked_often_tries_the_store_once_in_two_seconds(
    api: Api, clock: Clock
) -> None:
    def trips(times: int) -> int:
        return sum(cost(api.stranger.get("/health"))[2] for _ in range(times))

    assert trips(20) == 1
    clock.advance(seconds=1.9)
    assert trips(20) == 0
    clock.advance(seconds=0.1)
    assert trips(20) == 1
    clock.advance(seconds=-3600)
    assert trips(20) == 1


@ON_EMBEDDED
def test_the_description_is_made_once_and_not_sent_to_who_has_it(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = api.stranger.get("/openapi.json")
    monkeypatch.setattr("shared.edge.openapi.description", None)

    same = api.stranger.get("/openapi.json", if_none_match=first.headers["ETag"])
    other = api.stranger.get("/openapi.json", if_none_match='"other"')

    assert (same.status_code, same.data) == (304, b"")
    assert same.headers["ETag"] == first.headers["ETag"]
    assert (other.status_code, other.data) == (200, first.data)


@pytest.fixture
def nobodys_port() -> int:
    """A port on which nobody answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def test_health_is_unavailable_where_the_store_is_out_of_reach(nobodys_port: int) -> None:
    config = Config(project="demo-x", emulator=f"127.0.0.1:{nobodys_port}", unsigned_tokens=True)

    answer = Api(Runtime(config)).stranger.get("/health")

    refused(answer, 503, "UNAVAILABLE")
    assert answer.headers["Retry-After"] == "1"


def test_health_and_refusals_load_no_store_and_no_token_library() -> None:
    # Without coverage, which loads SQLite for itself.
    environment = {name: value for name, value in os.environ.items() if "COVERAGE" not in name}
    done = subprocess.run(
        [sys.executable, "-c", _WHAT_IS_LOADED],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )

    codes, loaded = json.loads(done.stdout.splitlines()[-1])
    assert codes == [503, 401, 403, 400, 404]
    assert loaded == []


def test_health_that_found_no_store_says_so_again_and_finds_it_when_it_is_back(
    nobodys_port: int, emulator_host: str, clock: Clock
) -> None:
    config = Config(project="demo-x", emulator=f"127.0.0.1:{nobodys_port}", unsigned_tokens=True)
    runtime = Runtime(config, clock)
    api = Api(runtime)

    assert api.stranger.get("/health").status_code == 503
    runtime.health._config = replace(config, emulator=emulator_host)  # noqa: SLF001 - it is back
    refused(api.stranger.get("/health"), 503, "UNAVAILABLE")
    clock.advance(seconds=2)
    assert api.stranger.get("/health").status_code == 200
