"""Each recipe asks, is killed while it waits, finds its answer, and acts once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from select import select
from typing import Any

import pytest

from local.tokens import unsigned_token
from shared.config import Config
from shared.runtime import Runtime
from tests.client import Api, Client, served
from tests.conftest import ROOT
from tests.reliability.server import START_SECONDS, wait_until
from tests.serving import serving
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


class Run:
    """One run of a recipe, in a process of its own, which can be killed."""

    def __init__(
        self, forking: subprocess.Popen[bytes], directory: Path, **environment: str
    ) -> None:
        assert forking.stdin
        assert forking.stdout
        self._answers = forking.stdout
        self._directory = directory
        order = {"directory": str(directory), "environment": environment}
        forking.stdin.write(json.dumps(order).encode() + b"\n")
        self._pid = int(self._answers.readline())

    def kill(self) -> None:
        """Kills it where it stands."""
        os.kill(self._pid, signal.SIGKILL)

    def is_over(self, seconds: float = 0.0) -> bool:
        """Whether it has ended, or does within so many seconds."""
        return bool(select([self._answers], [], [], seconds)[0])

    def end(self) -> tuple[int, int, str]:
        """Waits for its end; gives its exit code, how often it has acted, and its errors."""
        assert self.is_over(START_SECONDS)
        code = int(self._answers.readline())
        said, failed = ((self._directory / name).read_text() for name in ("out", "err"))
        return code, said.count(EFFECT), failed[-3_000:]


class Door:
    """The functions as they are served; `killed` ends when it is about to say what came of it."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.killed: Run | None = None

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
    with serving(door) as address:
        yield address
        Runtime.of(functions.app).stopping = True  # what waits is answered


def pending(pilot: Client) -> list[str]:
    found = pilot.get("/interventions:pending").json["interventions"]
    return [one["id"] for one in found]


@pytest.fixture(params=NAMES, scope="module")
def name(request: pytest.FixtureRequest) -> str:
    """Each recipe."""
    found: str = request.param
    return found


@pytest.fixture(scope="module")
def forking(name: str) -> Iterator[subprocess.Popen[bytes]]:
    """What runs a recipe, in an environment of its own where it needs one.

    Most of a run would be its imports: they are made once.
    """
    (program,) = (RECIPES / name).glob("*.py")
    lock = LOCKS.get(name, RECIPES / name / "requirements.lock")
    python = python_of(lock) if lock.exists() else Path(sys.executable)
    programs = [*([FAKES[name]] if name in FAKES else []), program]
    with subprocess.Popen(
        [python, HERE / "forking.py", *programs],
        env={**os.environ, "PYTHONPATH": str(ROOT / "clients" / "python" / "src")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
    ) as process:
        yield process


Started = Callable[[], Run]


@pytest.fixture
def started(functions: Api, url: str, tmp_path: Path, forking: subprocess.Popen[bytes]) -> Started:
    """Starts the recipe in a directory and a tenant of the test's own."""
    functions.tenant = f"t-{uuid.uuid4().hex}"
    token = unsigned_token(sub="clerk", tenant=functions.tenant, role="agent")
    return lambda: Run(forking, tmp_path, CASELEDGER_URL=url, CASELEDGER_TOKEN=token)


def approved(functions: Api, waits: Run, *, killed: bool) -> str:
    """Approves what a recipe asks, which is killed before where that is said; gives its id."""
    wait_until(lambda: pending(functions.pilot) or waits.is_over(), START_SECONDS)
    if killed:
        waits.kill()
        assert waits.end()[:2] == (-signal.SIGKILL, 0)
    asked = pending(functions.pilot)
    assert len(asked) == 1
    decided = functions.pilot.post(f"/interventions/{asked[0]}:decide", {"decision": "approve"})
    assert decided.status_code == 200
    return asked[0]


def test_a_recipe_that_is_killed_while_it_waits_finds_its_answer_and_acts_once(
    functions: Api, started: Started
) -> None:
    asked = approved(functions, started(), killed=True)

    code, acted, failed = started().end()

    assert (code, acted) == (0, 1), failed
    assert pending(functions.pilot) == []
    found = functions.pilot.get(f"/interventions/{asked}").json
    assert (found["status"], found["result"]) == ("completed", "sent")


def test_a_recipe_that_is_killed_after_it_has_acted_ends_with_an_error_and_does_not_act_again(
    functions: Api, started: Started, door: Door
) -> None:
    door.killed = acts = started()
    approved(functions, acts, killed=False)
    code, acted, failed = acts.end()
    door.killed = None
    assert (code, acted) == (-signal.SIGKILL, 1), failed

    code, acted, _ = started().end()

    assert code > 0
    assert acted == 0
    assert pending(functions.pilot) == []


def test_a_recipe_is_short(name: str) -> None:
    (program,) = (RECIPES / name).glob("*.py")

    assert len(program.read_text().splitlines()) <= 40
