"""Fixtures: the functions over a Firestore that can be made to fail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from shared.config import Config
from shared.runtime import Runtime
from tests.client import Api
from tests.conftest import Clock
from tests.reliability.fault_proxy import FaultProxy


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
