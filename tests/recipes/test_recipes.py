"""Each recipe asks, is killed while it waits, finds its answer, and acts once."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from local.tokens import unsigned_token
from shared.config import Config
from shared.runtime import Runtime
from tests.client import Api, Client, served
from tests.conftest import ROOT
from tests.reliability.server import START_SECONDS, wait_until
from tests.venvs import python_of

RECIPES = ROOT / "clients" / "recipes"
HERE = Path(__file__).parent
FAKES = {"openai_agents": HERE / "fake_openai.py", "pydantic_ai": HERE / "fake_pydantic.py"}
"""What runs a recipe with a model that needs no provider."""
LOCKS = {"mcp": ROOT / "tests" / "clients" / "mcp-clients" / "requirements.lock"}
"""Environments that others make, and that have what a recipe needs."""
EFFECT = "It sends the letter to Dr. Smith"
NAMES = sorted(path.name for path in RECIPES.iterdir() if path.is_dir())


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Api, str]]:
    """The functions, served by a thread of this process, and their address."""
    path = tmp_path_factory.mktemp("recipes") / "caseledger.db"
    runtime = Runtime(Config(sqlite=str(path), unsigned_tokens=True, max_waits=8))
    made = Api(runtime, app=served("api", "api.py"))
    listening = make_server("127.0.0.1", 0, made.app, threaded=True)
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    yield made, f"http://127.0.0.1:{listening.server_port}"
    runtime.stopping = True  # what waits is answered
    listening.shutdown()
    thread.join()
    runtime.close()


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


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_that_is_killed_while_it_waits_finds_its_answer_and_acts_once(
    api: tuple[Api, str], name: str, tmp_path: Path
) -> None:
    functions, url = api
    functions.tenant = f"t-{name}"
    environment = {
        **os.environ,
        "CASELEDGER_URL": url,
        "CASELEDGER_TOKEN": unsigned_token(sub="clerk", tenant=functions.tenant, role="agent"),
        "PYTHONPATH": str(ROOT / "clients" / "python" / "src"),
        "PYTHONUNBUFFERED": "1",
    }

    def started() -> subprocess.Popen[str]:
        return subprocess.Popen(
            command(name),
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    with started() as waits:
        try:
            wait_until(lambda: pending(functions.pilot) or waits.poll(), START_SECONDS)
        finally:
            waits.kill()
        said, failed = waits.communicate()
    assert EFFECT not in said
    asked = pending(functions.pilot)
    assert len(asked) == 1, failed[-3_000:]
    decided = functions.pilot.post(f"/interventions/{asked[0]}:decide", {"decision": "approve"})
    assert decided.status_code == 200

    outputs = []
    for _ in range(2):
        with started() as again:
            said, failed = again.communicate(timeout=START_SECONDS)
        assert again.returncode == 0, failed[-3_000:]
        outputs.append(said)

    assert "".join(outputs).count(EFFECT) == 1
    assert pending(functions.pilot) == []
    ended = functions.pilot.get(f"/interventions/{asked[0]}").json
    assert (ended["status"], ended["result"]) == ("completed", "sent")


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_is_short(name: str) -> None:
    (program,) = (RECIPES / name).glob("*.py")

    assert len(program.read_text().splitlines()) <= 40
