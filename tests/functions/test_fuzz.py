"""A running server against its own description, by every check that schemathesis has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from functions.api import ROUTES
from local.tokens import unsigned_token
from tests.reliability.server import Server, running
from tests.reliability.support import LOAD

BOUND_SECONDS = 150 * LOAD
"""How long the run may take on a busy machine; it takes a tenth of that on a quiet one."""
SHARE = 16 if LOAD == 1 else 1
"""Of so many operations one is sent everything that its schema makes a difference of; by day."""


def test_a_running_server_keeps_to_its_description_by_day_with_a_share_of_the_cases(
    tmp_path: Path,
) -> None:
    spared = [route.name for number, route in enumerate(ROUTES) if number % SHARE]
    settings = tmp_path / "schemathesis.toml"
    settings.write_text(
        f"[[operations]]\ninclude-operation-id = {spared}\nphases.coverage.enabled = false\n"
        if spared
        else ""
    )
    store = {"CASELEDGER_STORE": f"sqlite:///{tmp_path / 'fuzzed.db'}"}
    token = unsigned_token(sub="admin", tenant="acme", role="admin", email="admin@example.com")
    with running(Server(**store)) as server:
        command = [
            str(Path(sys.executable).parent / "st"),
            f"--config-file={settings}",
            "run",
            f"{server.url}/v1/openapi.json",
            f"--header=Authorization: Bearer {token}",
            f"--phases=examples,coverage,{'fuzzing,' if LOAD > 1 else ''}stateful",
            f"--max-examples={2 * LOAD}",
            f"--seed={LOAD}",
            # It would wait; tests/functions/test_wait.py has it.
            "--exclude-operation-id=wait_intervention",
            # What a schema allows may be refused: a page token, fields that exclude each other.
            "--exclude-checks=positive_data_acceptance",
        ]
        found = subprocess.run(
            command,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=BOUND_SECONDS,
            check=False,
        )

    assert found.returncode == 0, found.stdout
