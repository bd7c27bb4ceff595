"""What is asked of the stores while the tests run, and that neither store is left out."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import flask
import pytest

from shared.documents import port
from tests.client import Api
from tests.conftest import CALLS, pytest_sessionfinish
from tests.rows import each_row
from tests.store_calls import StoreCalls


@pytest.mark.both_stores
def test_what_a_function_asks_is_recorded_and_what_a_test_asks_is_not(
    api: Api, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CALLS, "on_both", False)
    api.verifier.create(id="CASE-1")
    api.viewer.get("/cases/CASE-1")
    api.viewer.get("/cases/CASE-2")
    api.viewer.get("/cases?status=new")
    api.runtime.store.get("elsewhere/x")

    asked = CALLS.asked["emulator" if api.runtime.config.emulator else "embedded"]
    assert {
        "create tenants/cases: done",
        "create tenants/audit: done",
        "read tenants/cases: something",
        "read tenants/cases: nothing",
        "list tenants/cases by [createdAt descending] where [status in]: something",
        "the function create_case, with success",
    } <= asked.keys()
    assert not [one for one in asked if "elsewhere" in one]
    assert CALLS.test == request.node.nodeid


def test_what_the_emulator_was_never_asked_is_missing_and_names_the_test() -> None:
    calls = StoreCalls()
    calls.test = "tests/functions/test_a.py::test_first"
    calls.note("embedded", ["a", "b"])
    calls.test = "tests/functions/test_a.py::test_second"
    calls.note("embedded", ["a"])
    calls.test = "tests/reliability/test_races.py::test_that_runs_on_both"
    calls.note("embedded", ["by chance"])
    calls.add({"emulator": {"b": "in another process", "c": "in another process"}})

    assert calls.missing() == ["tests/functions/test_a.py::test_first: a"]


@each_row(
    ("store", "on_both", "kept"),
    [("embedded", False, 1), ("embedded", True, 0), ("emulator", True, 1)],
)
def test_a_race_that_runs_on_both_stores_and_is_lost_on_one_is_not_missed_on_the_other(
    store: str, *, on_both: bool, kept: int
) -> None:
    def lost(*_: object) -> None:
        raise port.Stale("tenants/acme/cases/A")

    calls = StoreCalls()
    calls.test, calls.on_both = "tests/functions/test_a.py::test_race", on_both
    commit = calls._recorded(store, "commit", lost)  # noqa: SLF001 - what it puts into the stores
    with flask.Flask("a").test_request_context(), pytest.raises(port.Stale):
        commit(None, [port.Update("tenants/acme/cases/A", {}, version=1)])

    assert len(calls.asked[store]) == kept


@pytest.mark.parametrize(
    ("changed", "failed"),
    [
        ({}, True),
        ({"keyword": "cases"}, False),
        ({"markexpr": "both_stores"}, False),
        ({"args_source": pytest.Config.ArgsSource.ARGS}, False),
        ({"asked_of_the_emulator": ["a", "b"]}, False),
        ({"asked_of_the_emulator": []}, False),
    ],
)
def test_a_run_of_all_tests_fails_for_what_the_emulator_was_never_asked(
    monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any], *, failed: bool
) -> None:
    calls = StoreCalls()
    calls.test = "tests/functions/test_a.py::test_first"
    calls.note("embedded", ["a", "b"])
    calls.note("emulator", changed.get("asked_of_the_emulator", ["a"]))
    monkeypatch.setattr("tests.conftest.CALLS", calls)
    monkeypatch.delenv("CI", raising=False)  # in which it is only said
    option = {"keyword": "", "markexpr": "", "collectonly": False} | changed
    source = changed.get("args_source", pytest.Config.ArgsSource.TESTPATHS)
    config = SimpleNamespace(option=SimpleNamespace(**option), args_source=source, stash={})
    session = SimpleNamespace(config=config, exitstatus=pytest.ExitCode.OK)

    pytest_sessionfinish(cast("pytest.Session", session))

    assert (session.exitstatus == pytest.ExitCode.TESTS_FAILED) is failed
