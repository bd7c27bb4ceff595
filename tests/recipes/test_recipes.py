"""Each recipe asks, is killed while it waits, finds its answer, and acts once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from local.tokens import unsigned_token
from shared.config import Config
from shared.runtime import Runtime
from tests.client import Api, Client, served
from tests.conftest import ROOT
from tests.listening import listening
from tests.reliability.server import START_SECONDS, wait_until
from tests.venvs import python_of

RECIPES = ROOT / "clients" / "recipes"
HERE = Path(__file__).parent
FAKES = {
    "openai_agents": HERE / "fake-models" / "run_openai.py",
    "pydantic_ai": HERE / "fake-models" / "run_pydantic.py",
}
"""What runs a recipe with a model that needs no provider."""
LOCKS = {"mcp": ROOT / "tests" / "clients" / "mcp-clients" / "requirements.lock"}
"""Environments that others make, and that have what a recipe needs."""
EFFECT = "It sends the letter to Dr. Smith"
NAMES = sorted(path.name for path in RECIPES.iterdir() if path.is_dir())


class Door:
    """The functions as they are served; `killed` ends when it is about to say what came of it."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.killed: subprocess.Popen[str] | None = None

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """As WSGI has it."""
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = BytesIO(body)
        completes = environ["PATH_INFO"].endswith(":complete") or b'"report_result"' in body
        if self.killed and completes:
            self.killed.kill()
            start_response("503 Service Unavailable", [])
            return []
        return self._app(environ, start_response)


@pytest.fixture(scope="module")
def functions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The functions over a file."""
    path = tmp_path_factory.mktemp("recipes") / "caseledger.db"
    runtime = Runtime(Config(sqlite=str(path), unsigned_tokens=True, max_waits=8))
    yield Api(runtime, app=served("api", "api.py"))
    runtime.close()


@pytest.fixture(scope="module")
def door(functions: Api) -> Door:
    """Where the recipes come in."""
    return Door(functions.app)


@pytest.fixture(scope="module")
def url(functions: Api, door: Door) -> Iterator[str]:
    """Its address: a thread of this process serves it."""
    with listening(door) as address:
        yield address
        Runtime.of(functions.app).stopping = True  # what waits is answered


def command(name: str) -> list[str]:
    """What runs a recipe, in an environment of its own where it needs one."""
    (program,) = (RECIPES / name).glob("*.py")
    lock = LOCKS.get(name, RECIPES / name / "requirements.lock")
    python = python_of(lock) if lock.exists() else Path(sys.executable)
    fake = [str(FAKES[name])] if name in FAKES else []
    return [str(python), *fake, str(program)]


def pending(pilot: Client) -> list[str]:
    found = pilot.get("/interventions:pending").json["interventions"]
    return [one["id"] for one in found]


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    """Each recipe."""
    found: str = request.param
    return found


Started = Callable[[], subprocess.Popen[str]]


@pytest.fixture
def started(functions: Api, url: str, tmp_path: Path, name: str) -> Started:
    """Starts the recipe in a directory and a tenant of the test's own."""
    functions.tenant = f"t-{uuid.uuid4().hex}"
    environment = {
        **os.environ,
        "CASELEDGER_URL": url,
        "CASELEDGER_TOKEN": unsigned_token(sub="clerk", tenant=functions.tenant, role="agent"),
        "PYTHONPATH": str(ROOT / "clients" / "python" / "src"),
        "PYTHONUNBUFFERED": "1",
    }
    arguments = command(name)

    def start() -> subprocess.Popen[str]:
        pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(arguments, cwd=tmp_path, env=environment, **pipes)

    return start


def approved(functions: Api, waits: subprocess.Popen[str], *, killed: bool) -> str:
    """Approves what a recipe asks, which is killed before where that is said; gives its id."""
    wait_until(lambda: pending(functions.pilot) or waits.poll() is not None, START_SECONDS)
    if killed:
        waits.kill()
    asked = pending(functions.pilot)
    assert len(asked) == 1
    decided = functions.pilot.post(f"/interventions/{asked[0]}:decide", {"decision": "approve"})
    assert decided.status_code == 200
    return asked[0]


def test_a_recipe_that_is_killed_while_it_waits_finds_its_answer_and_acts_once(
    functions: Api, started: Started
) -> None:
    with started() as waits:
        asked = approved(functions, waits, killed=True)
        assert EFFECT not in waits.communicate()[0]

    with started() as acts:
        said, failed = acts.communicate(timeout=START_SECONDS)
    assert (acts.returncode, said.count(EFFECT)) == (0, 1), failed[-3_000:]
    assert pending(functions.pilot) == []
    found = functions.pilot.get(f"/interventions/{asked}").json
    assert (found["status"], found["result"]) == ("completed", "sent")


def test_a_recipe_that_is_killed_after_it_has_acted_ends_with_an_error_and_does_not_act_again(
    functions: Api, started: Started, door: Door
) -> None:
    with started() as acts:
        door.killed = acts
        approved(functions, acts, killed=False)
        said, failed = acts.communicate(timeout=START_SECONDS)
        door.killed = None
    assert (acts.returncode, said.count(EFFECT)) == (-signal.SIGKILL, 1), failed[-3_000:]

    with started() as again:
        said, _ = again.communicate(timeout=START_SECONDS)
    assert again.returncode > 0
    assert EFFECT not in said
    assert pending(functions.pilot) == []


def test_a_recipe_is_short(name: str) -> None:
    (program,) = (RECIPES / name).glob("*.py")

    assert len(program.read_text().splitlines()) <= 40
