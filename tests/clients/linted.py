"""What linters say of the description of the API: `make lint` runs it, `make test` does not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.clients.conftest import HERE, TOOLS, run


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
