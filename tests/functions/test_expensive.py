"""Expensive operations: so many at once in an instance, and half of those for one caller."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier, Event

import pytest

from functions.api import ROUTES
from shared.config import Config
from shared.repository import standings
from shared.runtime import Runtime
from tests.client import Api
from tests.functions.support import cost, refused

EXPENSIVE = {
    "verify_audit",
    "case_stats",
    "check_cases",
    "close_cases",
    "update_cases",
    "save_worksheets",
} | {
    "intervention_metrics",
    "get_figures",
    "export_audit",
    "export_case",
    "erase_audit",
    "confirm_erasure",
    "replay_webhook",
    "test_webhook",
}


@pytest.fixture
def api(embedded_config: Config) -> Iterator[Api]:
    """The functions, of which two expensive ones are handled at once."""
    runtime = Runtime(replace(embedded_config, max_expensive=2))
    yield Api(runtime)
    runtime.close()


def test_who_reads_or_writes_much_at_once_is_expensive() -> None:
    assert {route.name for route in ROUTES if route.budget == "expensive"} == EXPENSIVE


def test_a_second_expensive_request_of_one_caller_comes_later_and_others_are_answered(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = Barrier(2, timeout=30), Event()
    counted = standings.stats

    def held(*arguments: object) -> object:
        begun.wait()
        assert go_on.wait(30)
        return counted(*arguments)  # type: ignore[arg-type]

    with ThreadPoolExecutor() as pool:
        with monkeypatch.context() as patched:
            patched.setattr(standings, "stats", held)
            first = pool.submit(api.viewer.get, "/cases:stats")
            begun.wait()
        again = api.viewer.get("/cases:stats")
        cheap = api.viewer.get("/cases")
        other = api.pilot.get("/cases:stats")
        go_on.set()
        answered = first.result(30)

    error = refused(again, 429, "RESOURCE_EXHAUSTED")
    assert "of one caller" in error["message"]
    assert int(again.headers["Retry-After"]) > 0
    assert cost(again) == (0, 0, 0)
    assert [cheap.status_code, other.status_code, answered.status_code] == [200, 200, 200]
    assert api.viewer.get("/cases:stats").status_code == 200
