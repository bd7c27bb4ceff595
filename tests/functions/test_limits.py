"""Budgets over HTTP: who has which, what a refusal says and costs, who has none."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from functions.api import ROUTES
from shared.config import Budget, Config
from shared.errors import RateLimited
from shared.rules.callers import SCHEDULERS
from shared.runtime import Runtime
from tests.client import Api, Client, TestResponse
from tests.functions.support import cost, refused
from tests.rows import each_row

BUDGETS: dict[Budget, int] = {"read": 4, "write": 3, "expensive": 2}
MIDDLE_OF_A_MINUTE = 1_800_000_030.5
ASK: dict[Budget, Callable[[Client], TestResponse]] = {
    "read": lambda client: client.get("/cases/CASE-404"),
    "write": lambda client: client.post("/cases", {"decisionType": "kyc", "title": "A case"}),
    "expensive": lambda client: client.get("/cases:stats"),
}


class Minute:
    """The time by which requests are counted; it stands until it is moved."""

    def __init__(self) -> None:
        self.now = MIDDLE_OF_A_MINUTE

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def minute(monkeypatch: pytest.MonkeyPatch) -> Minute:
    """The time by which requests are counted."""
    clock = Minute()
    monkeypatch.setattr(time, "time", clock)
    return clock


def limited(embedded_config: Config, **budgets: int) -> Api:
    given: dict[Any, int] = {**BUDGETS, **budgets}
    return Api(Runtime(replace(embedded_config, budgets=given)))


@pytest.fixture
def api(embedded_config: Config) -> Api:
    """The functions, with small budgets."""
    return limited(embedded_config)


def passed(client: Client, budget: Budget) -> int:
    """How many requests pass before one is refused, which says so."""
    for number in range(1_000):
        answer = ASK[budget](client)
        if answer.status_code == 429:
            refused(answer, 429, "RESOURCE_EXHAUSTED")
            return number
    raise AssertionError("nothing was refused")


def test_reads_writes_and_expensive_operations_have_budgets_of_their_own(api: Api) -> None:
    assert {budget: passed(api.admin, budget) for budget in BUDGETS} == BUDGETS


@pytest.mark.parametrize("budget", BUDGETS)
def test_after_the_seconds_that_a_refusal_names_the_request_passes_and_not_before(
    api: Api, minute: Minute, budget: Budget
) -> None:
    passed(api.admin, budget)
    seconds = int(ASK[budget](api.admin).headers["Retry-After"])
    assert 1 <= seconds <= 60

    minute.now += seconds - 1
    assert ASK[budget](api.admin).status_code == 429
    minute.now += 1
    assert ASK[budget](api.admin).status_code != 429


def test_what_one_caller_spends_another_does_not(api: Api) -> None:
    assert passed(api.viewer, "read") == 4
    assert passed(api.pilot, "read") == 4
    assert passed(api.caller("viewer", tenant="other"), "read") == 4


def test_a_role_that_a_caller_has_besides_gives_no_second_budget(api: Api) -> None:
    assert passed(api.caller("viewer", "kim"), "read") == 4
    assert passed(api.caller("admin", "kim"), "read") == 0


def test_a_tenant_has_ten_callers_budgets_and_another_tenant_its_own(api: Api) -> None:
    each = [passed(api.caller("admin", f"a-{number}"), "expensive") for number in range(12)]

    assert each == [2] * 10 + [0] * 2
    assert passed(api.caller("admin", tenant="other"), "expensive") == 2


@pytest.mark.parametrize("budget", BUDGETS)
def test_a_request_beyond_its_budget_reads_nothing_and_writes_nothing(
    api: Api, budget: Budget
) -> None:
    passed(api.admin, budget)

    answer = ASK[budget](api.admin)

    error = refused(answer, 429, "RESOURCE_EXHAUSTED")
    assert cost(answer) == (0, 0, 0)
    assert f"{BUDGETS[budget]} {budget} requests of one caller" in error["message"]


def test_what_a_role_may_not_do_is_counted_too(api: Api) -> None:
    codes = [ASK["write"](api.viewer).status_code for _ in range(5)]

    assert codes == [403] * 3 + [429] * 2


def test_strangers_spend_nobodys_budget(api: Api) -> None:
    for _ in range(20):
        refused(api.stranger.get("/cases/CASE-404"), 401, "UNAUTHENTICATED")

    assert passed(api.viewer, "read") == 4


def test_the_scheduler_has_no_budget(api: Api) -> None:
    for _ in range(8):
        assert api.caller("scheduler").post("/scheduled/failStaleRuns").status_code == 200


def test_what_is_for_everybody_has_no_budget(embedded_config: Config) -> None:
    api = limited(embedded_config, read=1)
    for _ in range(3):
        for client in (api.stranger, api.viewer):
            assert client.get("/health").status_code == 200
            assert client.request("OPTIONS", "/cases").status_code == 204
        assert api.viewer.get("/openapi.json").status_code == 200


@each_row("route", ROUTES, ids=lambda route: route.name)
def test_each_function_takes_from_the_budget_of_its_kind(
    embedded_config: Config, monkeypatch: pytest.MonkeyPatch, route: Any
) -> None:
    api = limited(embedded_config)
    taken = []

    def take(_: object, budget: Budget) -> None:
        taken.append(budget)
        raise RateLimited("enough", 7)

    monkeypatch.setattr(api.runtime.budgets, "spend", take)
    path = route.path.removeprefix("/v1").replace("{", "").replace("}", "")
    answer = api.admin.request(route.method, path)

    kind = "read" if route.method == "GET" else "write"
    if route.roles in (None, SCHEDULERS):
        assert (taken, answer.status_code != 429) == ([], True)
    else:
        assert taken in ([kind], ["expensive"])
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")


def test_expensive_are_those_that_read_much_or_wait_for_others() -> None:
    assert {route.name for route in ROUTES if route.budget == "expensive"} == {
        "case_stats",
        "check_cases",
        "close_cases",
        "update_cases",
        "erase_audit",
        "confirm_erasure",
        "export_audit",
        "export_case",
        "get_figures",
        "intervention_metrics",
        "replay_webhook",
        "save_worksheets",
        "test_webhook",
        "verify_audit",
    }


def test_where_limits_are_off_there_are_none(embedded_config: Config) -> None:
    api = Api(Runtime(embedded_config))

    assert {404} == {api.viewer.get("/cases/CASE-404").status_code for _ in range(50)}
