"""Fixtures: a store of each kind, and the functions over it, called by HTTP in this process.

Every test has a project, a file and a tenant of its own, so nothing is ever cleaned up.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from local.emulator import EmulatorNotFound, running_emulator
from shared.config import Config
from shared.documents.embedded.store import EmbeddedStore
from shared.documents.indexes import project_indexes
from shared.documents.port import DocumentStore
from shared.runtime import Runtime, open_store
from tests.client import Api, served

ROOT = Path(__file__).parent.parent
_EMULATOR = pytest.StashKey[str | None]()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Starts one emulator for all test processes: each of their own would have to warm up."""
    config: pytest.Config = node.config
    if _EMULATOR not in config.stash:
        config.stash[_EMULATOR] = None
        with suppress(EmulatorNotFound):  # a test that needs it says so
            running = ExitStack()
            config.stash[_EMULATOR] = running.enter_context(running_emulator()).host
            config.add_cleanup(running.close)
    node.workerinput["emulator"] = config.stash[_EMULATOR]


@pytest.fixture(scope="session")
def emulator_host(request: pytest.FixtureRequest) -> Iterator[str]:
    """The host and port of a Firestore emulator, the same for all test processes."""
    if shared := getattr(request.config, "workerinput", {}).get("emulator"):
        yield shared
        return
    try:
        with running_emulator() as emulator:
            yield emulator.host
    except EmulatorNotFound as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI needs the Firestore emulator: {error}")
        pytest.skip(f"NO EMULATOR: {error}")


@pytest.hookimpl
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says loudly when the emulator half, or what runs gcloud or npm's tools, was not run."""
    skipped = terminalreporter.stats.get("skipped", [])
    needed = {
        "NO EMULATOR": "on the Firestore emulator",
        "NO GCLOUD": "of gcloud",
        "NO BUILDER": "of the image, with docker, podman or buildah and the image of Python",
        "NO NODE": "with the tools of tests/clients and tests/accounts (npm)",
    }
    for sign, what in needed.items():
        missing = [report for report in skipped if sign in str(report.longrepr)]
        if missing:
            terminalreporter.write_line(
                f"NOT RUN: {len(missing)} tests {what}, which was not found", red=True
            )


@pytest.fixture
def project() -> str:
    """A project that nobody else uses; `demo-` projects never reach Google."""
    return f"demo-{uuid.uuid4().hex[:16]}"


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of the embedded store as it is when new: to copy it is faster than to make it."""
    path = tmp_path_factory.mktemp("empty") / "caseledger.db"
    EmbeddedStore(str(path), project_indexes()).close()
    return path


@pytest.fixture
def embedded_config(tmp_path: Path, empty_database: Path) -> Config:
    """The embedded store in a new file, unsigned tokens."""
    path = shutil.copy(empty_database, tmp_path / "caseledger.db")
    return Config(sqlite=str(path), unsigned_tokens=True)


@pytest.fixture
def emulator_config(emulator_host: str, project: str) -> Config:
    """The emulator with a new project, unsigned tokens."""
    return Config(project=project, emulator=emulator_host, unsigned_tokens=True)


@pytest.fixture(params=["embedded", "emulator"])
def config(request: pytest.FixtureRequest) -> Config:
    """Both stores, one after the other."""
    found: Config = request.getfixturevalue(f"{request.param}_config")
    return found


@pytest.fixture
def store(config: Config) -> Iterator[DocumentStore]:
    """A store of each kind, empty."""
    opened = open_store(config)
    yield opened
    opened.close()


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> datetime:
        """Moves the clock by a timedelta's arguments; gives the new time."""
        self.now += timedelta(**by)
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The clock of `api`."""
    return Clock()


@pytest.fixture(scope="session")
def framework() -> Flask:
    """Every function as the framework serves it; made once, for it takes as long as a test."""
    return served("api", "api.py")


@pytest.fixture
def api(config: Config, clock: Clock, framework: Flask) -> Iterator[Api]:
    """Every function over each kind of store, by HTTP, in this process, at the time of `clock`."""
    runtime = Runtime(config, clock)
    yield Api(runtime, app=framework)
    runtime.close()
