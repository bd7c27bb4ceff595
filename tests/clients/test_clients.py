"""What other people's tools make of the description of the API: linters, and generated clients."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from functions.api import ROUTES
from shared.edge.openapi import description
from tests.client import Api
from tests.functions.support import ON_EMBEDDED

HERE = Path(__file__).parent
TOOLS = HERE / "node_modules" / ".bin"
SECONDS = 120
NO_REPORTS = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
"""What keeps the tools from calling home."""


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The description as a file."""
    path = tmp_path_factory.mktemp("description") / "openapi.json"
    path.write_text(json.dumps(description(ROUTES), indent=1))
    return path


@pytest.fixture(scope="session")
def node() -> None:
    """Skips where the tools of npm are not installed; with CI=true that is a failure."""
    if not TOOLS.is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail("CI needs the tools of tests/clients/package.json: make test")
        pytest.skip("NO NODE: make test installs the tools of tests/clients, with npm")


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Runs a command, with this environment's own programs, and gives what came of it."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **NO_REPORTS, "PATH": path},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@pytest.mark.usefixtures("node")
def test_spectral_finds_nothing(served: Path, tmp_path: Path) -> None:
    ruleset = HERE / "spectral.yaml"
    found = run(
        TOOLS / "spectral", "lint", served, "--ruleset", ruleset, "--format=text", cwd=tmp_path
    )

    assert "No results" in found.stdout, found.stdout + found.stderr


@pytest.mark.usefixtures("node")
def test_redocly_finds_nothing_but_that_there_is_no_licence(served: Path, tmp_path: Path) -> None:
    found = run(
        TOOLS / "redocly", "lint", served, "--extends=recommended", "--format=json", cwd=tmp_path
    )

    problems = json.loads(found.stdout)["problems"]
    assert [problem["ruleId"] for problem in problems] == ["info-license"], problems


@pytest.mark.usefixtures("node")
def test_a_strict_typescript_program_creates_a_case(served: Path, tmp_path: Path) -> None:
    made = run(TOOLS / "openapi-typescript", served, "-o", tmp_path / "api.ts", cwd=tmp_path)
    assert made.returncode == 0, made.stdout + made.stderr
    shutil.copy(HERE / "create_case.ts", tmp_path)

    options = ("--strict", "--exactOptionalPropertyTypes", "--noEmit", "--skipLibCheck")
    found = run(TOOLS / "tsc", *options, "--target", "es2022", "create_case.ts", cwd=tmp_path)

    assert found.returncode == 0, found.stdout


@ON_EMBEDDED
def test_a_generated_python_client_creates_a_case_and_reads_it(
    api: Api, served: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--path", served, "--output-path", tmp_path / "generated_client", "--meta=none")
    made = run(
        Path(sys.executable).parent / "openapi-python-client",
        "generate",
        "--fail-on-warning",
        f"--config={HERE / 'python_client.yaml'}",
        *options,
        cwd=tmp_path,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    monkeypatch.syspath_prepend(tmp_path)
    client = _module("client").AuthenticatedClient(
        base_url="http://localhost",
        token=api.verifier.token,
        httpx_args={"transport": httpx.WSGITransport(app=api.app)},
    )
    body = _module("models.new_case").NewCase(decision_type="kyc", title="A case", id="CASE-1")

    created = _module("api.cases.create_case").sync(client=client, body=body)
    read = _module("api.cases.get_case").sync("CASE-1", client=client)
    refused = _module("api.cases.get_case").sync("CASE-2", client=client)

    assert (created.id, created.status, created.assigned_to) == ("CASE-1", "new", None)
    assert read.created_at == created.created_at
    assert refused.error.status == "NOT_FOUND"


def _module(name: str) -> Any:
    return importlib.import_module(f"generated_client.{name}")
