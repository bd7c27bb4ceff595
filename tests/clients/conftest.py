"""The description of the API, and the tools that are tried on it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from functions.api import ROUTES
from shared.edge.openapi import description

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
        pytest.skip("NO NODE: make installs the tools of tests/clients, with npm")


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
