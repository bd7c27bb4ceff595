"""One server and one browser for the tests of the console; each has its own case and profile."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from local import log_key
from local.server import sqlite
from tests.console.people import AXE, CHROMIUM, Person, api_of, at_browser, chromium
from tests.reliability.server import ForkedServer, running

AS_USUAL = {"CASELEDGER_RATE_LIMITS": ""}
"""What a server of the tests has otherwise."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium. Where there is none, the tests say so and are skipped; in CI they fail."""
    missing = [str(path) for path in (CHROMIUM, AXE) if not path.exists()]
    if missing:
        message = f"NO BROWSER: the console is not tried, {', '.join(missing)} is missing"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    with chromium() as running:
        yield running


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the local run keeps its documents."""
    return tmp_path_factory.mktemp("console") / "db"


@pytest.fixture(scope="session")
def url(browser: Browser, database: Path) -> Iterator[str]:
    """Where a local run serves the console and the API."""
    del browser  # without one no server is needed
    key = log_key.own({}, database.with_name("log-key.pem"))
    log = database.with_name("server.log")
    with running(ForkedServer(log, **AS_USUAL, **sqlite(database), **key)) as server:
        yield server.url


@pytest.fixture
def api(url: str) -> Callable[..., Any]:
    """Sends a request as somebody; gives the body."""
    return api_of(url)


@pytest.fixture
def person(browser: Browser, url: str) -> Iterator[Person]:
    """Somebody at a desk."""
    with at_browser(browser, url) as somebody:
        yield somebody
