"""Fixtures: a store of each kind, and the functions over it, called by HTTP in this process.

Every test has a project, a file and a tenant of its own, so nothing is ever cleaned up.

The tests of the functions run on the embedded store, and those that are marked `both_stores` on the
emulator too; all others, and all with CASELEDGER_TEST_STORES=both, run on both. When all tests have
run, what the functions asked of the embedded store must have been asked of the emulator too: see
`tests/store_calls.py`.
"""

from __future__ import annotations

import gc
import importlib
import os
import pkgutil
import shutil
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from local import webhook_key as webhook_keys
from local.emulator import EmulatorNotFound, running_emulator
from shared import models, repository, rules
from shared.config import Config
from shared.documents.embedded.database import Connection, Database
from shared.documents.embedded.store import EmbeddedStore
from shared.documents.indexes import project_indexes
from shared.documents.port import DocumentStore
from shared.runtime import Runtime, open_store
from tests.client import Api, served
from tests.firebase_auth import AuthEmulator, running_auth_emulator
from tests.store_calls import STORES, StoreCalls

ROOT = Path(__file__).parent.parent
EVERYTHING_ON_BOTH = os.environ.get("CASELEDGER_TEST_STORES") == "both"
_EMULATOR = pytest.StashKey[str | None]()
CALLS = StoreCalls()
_EMBEDDED_ONLY = pytest.StashKey[list[str]]()

# Compiled files are kept, also where the environment forbids it: to compile again takes each test
# process 4 s of CPU time, and each server 0.4 s.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# What a test changes for a while has to be the module, not what stands for it until it is loaded.
for package in (models, rules, repository):
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)


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


@pytest.hookimpl
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Says on which stores a test runs that does not say so itself."""
    marks = metafunc.definition.iter_markers("parametrize")
    told = any("config" in mark.args[0] for mark in marks) or hasattr(metafunc.module, "config")
    if told or "config" not in metafunc.fixturenames:
        return
    of_functions = metafunc.definition.path.parent == ROOT / "tests" / "functions"
    marked = metafunc.definition.get_closest_marker("both_stores")
    both = EVERYTHING_ON_BOTH or marked or not of_functions
    metafunc.parametrize("config", list(STORES) if both else ["embedded"], indirect=True)


@pytest.hookimpl
def pytest_sessionstart() -> None:
    """Begins to record what the functions ask of the stores, which do not wait for the disk."""
    CALLS.record()
    connect = Database._connect  # noqa: SLF001 - in the tests' own process only

    def hasty(self: Database) -> Connection:
        connection = connect(self)
        connection.execute("PRAGMA synchronous = OFF")
        return connection

    Database._connect = hasty  # type: ignore[method-assign]  # noqa: SLF001
    # Thousands of tests are made, and stay: to look through them for garbage takes a second.
    gc.disable()


@pytest.hookimpl
def pytest_collection_finish() -> None:
    """Collects garbage again, and leaves aside what stays to the end."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Says which test asks from now on."""
    CALLS.test = item.nodeid
    CALLS.on_both = item.get_closest_marker("both_stores") is not None


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Takes what a test process recorded; one that crashed has recorded nothing."""
    CALLS.add(getattr(node, "workeroutput", {}).get("store_calls", {}))


@pytest.hookimpl
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fails when all tests passed, and the emulator was not asked what the functions asked."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["store_calls"] = CALLS.asked
    elif _is_whole(session) and (missing := CALLS.missing()):
        session.config.stash[_EMBEDDED_ONLY] = missing
        # A race may have an outcome that it seldom has, which is no fault of a commit under test.
        if os.environ.get("CI") != "true":
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _is_whole(session: pytest.Session) -> bool:
    """Whether every test was asked for, and the emulator was there for those that need it."""
    config = session.config
    whole = config.args_source == pytest.Config.ArgsSource.TESTPATHS
    chosen = config.option.keyword or config.option.markexpr or config.option.collectonly
    return bool(whole and not chosen and session.exitstatus == 0 and CALLS.asked["emulator"])


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
    for line in terminalreporter.config.stash.get(_EMBEDDED_ONLY, []):
        terminalreporter.write_line(
            f"ON THE EMBEDDED STORE ONLY, mark with both_stores: {line}", red=True
        )
    skipped = terminalreporter.stats.get("skipped", [])
    needed = {
        "NO EMULATOR": "on the Firestore emulator",
        "NO GCLOUD": "of gcloud",
        "NO BUILDER": "of the image, with docker, podman or buildah and the image of Python",
        "NO GO:": "of the log by Go's own checker (golang-go and golang-golang-x-mod-dev)",
        "NO PACKAGES": "in environments of their own, whose packages cannot be installed",
        "NO NODE": "with the tools of tests/clients and tests/accounts (npm)",
    }
    for sign, what in needed.items():
        missing = [report for report in skipped if sign in str(report.longrepr)]
        if missing:
            terminalreporter.write_line(
                f"NOT RUN: {len(missing)} tests {what}, which was not found", red=True
            )


@pytest.fixture(scope="session")
def auth_emulator() -> Iterator[AuthEmulator]:
    """The emulator of Firebase Authentication, for who clears it first."""
    with running_auth_emulator() as started:
        yield started


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


@pytest.fixture(scope="session")
def webhook_key(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of a file with the key that seals the secrets of webhooks."""
    path = tmp_path_factory.mktemp("keys") / "webhook-key.txt"
    return webhook_keys.own({}, path)[webhook_keys.VARIABLE]


@pytest.fixture
def embedded_config(tmp_path: Path, empty_database: Path, webhook_key: str) -> Config:
    """The embedded store in a new file, unsigned tokens."""
    path = shutil.copy(empty_database, tmp_path / "caseledger.db")
    return Config(sqlite=str(path), unsigned_tokens=True, webhook_key=webhook_key)


@pytest.fixture
def emulator_config(emulator_host: str, project: str, webhook_key: str) -> Config:
    """The emulator with a new project, unsigned tokens."""
    return Config(
        project=project, emulator=emulator_host, unsigned_tokens=True, webhook_key=webhook_key
    )


@pytest.fixture
def config(request: pytest.FixtureRequest) -> Config:
    """The store that the test runs on: see `pytest_generate_tests`."""
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
def configured(config: Config) -> Config:
    """The configuration of `api`: a module whose functions need more than a store says it here."""
    return config


@pytest.fixture
def api(configured: Config, clock: Clock, framework: Flask) -> Iterator[Api]:
    """Every function over each kind of store, by HTTP, in this process, at the time of `clock`."""
    runtime = Runtime(configured, clock)
    opened = Api(runtime, app=framework)
    opened.listens_to_nobody()
    yield opened
    runtime.close()
