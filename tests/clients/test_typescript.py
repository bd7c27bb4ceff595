"""Programs in strict TypeScript: over the description of the API alone, and with our client."""

from __future__ import annotations

import json
import re
import shutil
import socket
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.client import Api
from tests.clients.conftest import HERE, TOOLS, run
from tests.functions.support import ON_EMBEDDED
from tests.reliability.server import ROOT
from tests.serving import serving

CLIENT = ROOT / "clients" / "typescript"
Start = Callable[..., Any]


@pytest.fixture(scope="module")
def programs(node: None, served: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: ARG001
    """Where the programs are, compiled as `make types` and a strict compiler do it."""
    at = tmp_path_factory.mktemp("typescript")
    made = run(TOOLS / "openapi-typescript", served, "-o", at / "schema.d.ts", cwd=at)
    assert made.returncode == 0, made.stdout + made.stderr
    for file in (CLIENT / "caseledger.ts", HERE / "agent.ts", HERE / "create_case.ts"):
        shutil.copy(file, at)
    (block,) = re.findall(r"```ts\n(.*?)```", (CLIENT / "README.md").read_text(), re.DOTALL)
    (at / "readme.ts").write_text(block)
    (at / "package.json").write_text('{"type": "module"}')
    # What a program of Node has; its types are another package.
    (at / "node.d.ts").write_text(
        "declare const process: { argv: string[]; env: Record<string, string | undefined> };"
    )
    return at


class Faulty:
    """The functions, with a fault at the first request to each path, and people who decide."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._seen: set[str] = set()
        self.keys: list[str] = []

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        path = str(environ["PATH_INFO"])
        if path.endswith(":wait") and "timeoutSeconds=0" not in environ["QUERY_STRING"]:
            self._decide()
        if path == "/v1/elsewhere":
            start("307 Elsewhere", [("Location", "/v1/cases")])
            return []
        end = path.rpartition(":")[2]
        if environ["REQUEST_METHOD"] == "POST" and path.startswith("/v1/interventions"):
            self.keys.append(f"{end} {environ['HTTP_IDEMPOTENCY_KEY']}")
            if end not in self._seen:
                self._seen.add(end)
                return self._fault(end, environ, start)
        return self._api.app.wsgi_app(environ, start)

    def _fault(self, end: str, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        if end == "start":
            # It takes effect, and its answer is lost.
            b"".join(self._api.app.wsgi_app(environ, lambda *_: lambda _: None))
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            return []
        aborted = {"error": {"code": 409, "status": "ABORTED", "message": "…", "details": []}}
        code, content = ("409 Conflict", aborted) if end == "complete" else ("503 Away", {})
        start(code, [("Content-Type", "application/json"), ("Retry-After", "0")])
        return [json.dumps(content).encode()]

    def _decide(self) -> None:
        for asked in self._api.viewer.get("/interventions:pending").json["interventions"]:
            edited = {**asked["action"]["arguments"], "to": "Dr. Jones"}
            decision = {"decision": "edit", "arguments": edited}
            answer = self._api.pilot.post(f"/interventions/{asked['id']}:decide", decision)
            assert answer.status_code == 200, answer.text


@pytest.fixture
def faulty(api: Api) -> Iterator[tuple[str, Faulty]]:
    """The address at which the functions answer, and what answers there."""
    app = Faulty(api)
    with serving(app) as url:
        yield url, app


@ON_EMBEDDED
def test_strict_programs_are_compiled_and_an_agent_acts_once_whatever_fails(
    api: Api, programs: Path, faulty: tuple[str, Faulty]
) -> None:
    options = ("--strict", "--exactOptionalPropertyTypes", "--skipLibCheck", "--module", "nodenext")
    files = ("agent.ts", "create_case.ts", "readme.ts", "node.d.ts")
    found = run(TOOLS / "tsc", *options, "--target", "es2022", *files, cwd=programs)
    assert found.returncode == 0, found.stdout
    url, app = faulty

    told = run("node", "agent.js", url, api.agent.token or "", cwd=programs)

    assert told.returncode == 0, told.stderr
    arguments = {"to": "Dr. Jones", "10": 1e21, "9": "€", "nested": [None, {"b": 1, "a": 0.5}]}
    assert json.loads(told.stdout) == {
        "same": True,
        "hash": True,
        "approved": arguments,
        "done": ["completed", {"sent": True}],
        "refused": [409, "FAILED_PRECONDITION"],
        "wrong": [400, "title", "title: must not be empty"],
        "late": told_late(api),
        "cases": ["CASE-1", "CASE-2", "CASE-3"],
        "title": "A case",
        "places": ["this.action.arguments.rows.1 is no JSON"],
        "unsaid": [
            f"give an address with https:// or http://, not {at}, and a key or token"
            for at in ("localhost:8080", url)
        ],
        "elsewhere": ["Error: evidenceId: .. is no id", 307],
    }
    tried = [key for key in app.keys if key.startswith(("start", "complete"))]
    assert [app.keys.count(key) for key in dict.fromkeys(tried)] == [2, 2, 1]


def told_late(api: Api) -> str:
    """What the wait for the question says that nobody has decided."""
    (asked,) = api.viewer.get("/interventions:pending").json["interventions"]
    return f"{asked['id']} is pending after 0 s"


def test_the_client_is_short() -> None:
    assert len((CLIENT / "caseledger.ts").read_text().splitlines()) <= 120
