"""Fixtures: servers that can be killed, and the functions over a Firestore that can fail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from shared.config import Config
from shared.runtime import Runtime
from tests.client import Api
from tests.conftest import Clock
from tests.reliability.fault_proxy import FaultProxy
from tests.reliability.server import ForkedServer, Server, running


@pytest.fixture
def proxy(emulator_host: str) -> Iterator[FaultProxy]:
    """A proxy before the emulator; nothing happens in it until it has a plan."""
    opened = FaultProxy(emulator_host)
    yield opened
    opened.close()


@pytest.fixture
def faulty(proxy: FaultProxy, emulator_config: Config, clock: Clock) -> Iterator[Api]:
    """The functions over the emulator behind `proxy`."""
    runtime = Runtime(replace(emulator_config, emulator=proxy.address), clock)
    yield Api(runtime)
    runtime.close()


@pytest.fixture(params=["embedded", "emulator"])
def server_and_config(request: pytest.FixtureRequest) -> Iterator[tuple[Server, Config]]:
    """A running server, and the configuration with which a test looks into its store."""
    config: Config = request.getfixturevalue(f"{request.param}_config")
    place = (
        {"CASELEDGER_STORE": f"sqlite:///{config.sqlite}"}
        if config.sqlite
        else {
            "FIRESTORE_EMULATOR_HOST": config.emulator or "",
            "GOOGLE_CLOUD_PROJECT": config.project or "",
        }
    )
    with running(ForkedServer(CASELEDGER_WEBHOOK_KEY=config.webhook_key, **place)) as server:
        yield server, config
