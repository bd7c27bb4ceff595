"""The queue of what waits for a decision, and the list of all interventions."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from shared.models.intervention import InterventionStatus
from tests.client import Api
from tests.conftest import Clock
from tests.functions.intervention_support import (
    RANKS,
    act,
    ask,
    asked,
    decide,
    done,
    listed,
    seed,
    some_interventions,
    waiting,
)
from tests.functions.support import ON_EMBEDDED, cost, pages, refused_field, when, wire

pytestmark = pytest.mark.both_stores

PENDING, ALL = "/interventions:pending", "/interventions"
FILTERS = {
    "priority": "normal",
    "type": "resume",
    "assignedTo": "kim@example.com",
    "uowId": "uow-1",
    "caseId": "CASE-1",
}
COMBINATIONS = [
    {name: FILTERS[name] for name in names}
    for size in range(len(FILTERS) + 1)
    for names in itertools.combinations(FILTERS, size)
]
PAGE_SIZES = itertools.cycle([7, 50, 20, 200])
Row = dict[str, Any]


def urgency(row: Row) -> Any:
    return RANKS[row["priority"]], when(row["createdAt"]), row["id"]


def age(row: Row) -> Any:
    return when(row["createdAt"]), row["id"]


def found_without_the_store(rows: list[Row], path: str, wanted: dict[str, str]) -> list[str]:
    """The ids that a list with these filters shows, in order."""
    wanted = dict(wanted)
    status = wanted.pop("status", None)
    if path == PENDING and status is None:
        status = "in_progress" if "assignedTo" in wanted else "pending"

    def fits(row: Row) -> bool:
        # What has run out is expired, whatever is stored.
        return status in (None, row["status"]) and all(
            row[name] == value for name, value in wanted.items()
        )

    matching = [row for row in rows if fits(row)]
    if path == PENDING:
        return [row["id"] for row in sorted(matching, key=urgency)]
    return [row["id"] for row in sorted(matching, key=age, reverse=True)]


def test_every_combination_of_filters_gives_its_interventions_in_order_page_by_page(
    api: Api, clock: Clock
) -> None:
    states = some_interventions(150, clock.now, days=3)
    seed(api, states)
    stored: dict[str, str] = {name: state.status for name, state in states}
    rows = listed(api.viewer, f"{ALL}?pageSize=200")
    assert len(rows) == 150
    assert any(stored[row["id"]] != row["status"] for row in rows)

    def check(path: str, wanted: dict[str, str]) -> int:
        size = next(PAGE_SIZES)
        url = f"{path}?{urlencode({**wanted, 'pageSize': size})}"
        found = list(pages(api.viewer, url, "interventions"))
        expected = found_without_the_store(rows, path, wanted)
        assert expected == [row["id"] for page in found for row in page], url
        assert all(len(page) == size for page in found[:-1])
        return len(expected)

    for index, wanted in enumerate(COMBINATIONS):
        assert check(ALL, wanted) > 0 or len(wanted) > 3
        check(PENDING, wanted)
        path, status = ((ALL, "approved"), (PENDING, "in_progress"))[index % 2]
        check(path, {**wanted, "status": status})
    for status in InterventionStatus:
        assert check(ALL, {"status": status}) > 0


def test_the_queue_shows_what_waits_and_nothing_else(api: Api) -> None:
    waits, held, approved, rejected = (ask(api.agent)["id"] for _ in range(4))
    done(act(api.pilot, held, "claim"))
    done(decide(api.pilot, approved))
    done(decide(api.pilot, rejected, "reject"))

    def ids(query: str = "") -> list[str]:
        return [row["id"] for row in listed(api.viewer, f"{PENDING}{query}")]

    assert [waits] == ids() == ids("?status=pending")
    assert [held] == ids("?status=in_progress") == ids("?assignedTo=pilot@example.com")
    assert ids("?status=pending&assignedTo=pilot@example.com") == []
    done(act(api.pilot, held, "release"))
    assert sorted([waits, held]) == sorted(ids())


def test_the_queue_is_critical_to_low_then_oldest_first(api: Api, clock: Clock) -> None:
    for priority in ("low", "normal", "critical", "high", "low", "critical"):
        ask(api.agent, priority=priority, title=f"{priority} {clock.now:%H:%M}")
        clock.advance(minutes=1)
    ask(api.agent, type="kill_switch", title="kill")

    titles = [row["title"] for row in listed(api.viewer, PENDING)]

    assert titles == [
        "critical 09:02",
        "critical 09:05",
        "kill",
        "high 09:03",
        "normal 09:01",
        "low 09:00",
        "low 09:04",
    ]


@pytest.mark.parametrize("size", [1, 7, 50])
def test_the_queue_comes_in_pages_with_every_row_once_under_ties(
    api: Api, clock: Clock, size: int
) -> None:
    number = 23 if size == 1 else 110
    seed(api, waiting(number, clock.now))

    found = list(pages(api.viewer, f"{PENDING}?pageSize={size}", "interventions"))

    rows = [row for page in found for row in page]
    assert sorted(rows, key=urgency) == rows
    assert number == len({row["id"] for row in rows}) == len(rows)
    assert all(len(page) == size for page in found[:-1])


@pytest.mark.parametrize(
    ("config", "number"),
    [("embedded", 100), ("embedded", 1_000), ("emulator", 100), ("emulator", 1_000)],
    indirect=["config"],
)
def test_a_page_of_fifty_costs_fifty_reads_however_many_wait_or_are_done(
    api: Api, clock: Clock, number: int
) -> None:
    seed(api, waiting(number, clock.now))

    for path in (PENDING, f"{PENDING}?type=resume&uowId=uow-1", ALL, f"{ALL}?status=pending"):
        answer = api.viewer.get(path)
        assert (len(answer.json["interventions"]), cost(answer)) == (50, (50, 0, 1))


@ON_EMBEDDED
def test_the_queue_goes_on_behind_what_has_run_out(api: Api, clock: Clock) -> None:
    at = clock.now - timedelta(hours=1)
    late = ((f"L-{index:03}", asked(at, expires_in_seconds=60)) for index in range(70))
    in_time = ((f"M-{index:03}", asked(at, expires_in_seconds=3_601)) for index in range(10))
    seed(api, [*late, *in_time])

    rows = listed(api.viewer, f"{PENDING}?pageSize=20")

    assert [row["id"] for row in rows] == [f"M-{index:03}" for index in range(10)]


def test_it_leaves_the_queue_at_its_expiry(api: Api, clock: Clock) -> None:
    ask(api.agent, expires_at=wire(clock.now + timedelta(seconds=1)))
    clock.advance(microseconds=999_999)
    assert len(listed(api.viewer, PENDING)) == 1

    clock.advance(microseconds=1)

    assert listed(api.viewer, PENDING) == []


LISTS = [
    PENDING,
    ALL,
    f"{ALL}?status=pending",
    f"{PENDING}?uowId=uow-1",
    f"{ALL}?uowId=uow-1",
    f"{PENDING}?type=resume",
    "/cases",
]


@ON_EMBEDDED
def test_a_token_is_taken_by_the_list_with_the_filters_that_it_came_from_only(
    api: Api,
) -> None:
    for _ in range(2):
        ask(api.agent)
        api.verifier.create()

    def page(path: str, **more: str) -> Any:
        joint = "&" if "?" in path else "?"
        return api.viewer.get(f"{path}{joint}{urlencode({'pageSize': 1, **more})}")

    tokens = {path: page(path).json["nextPageToken"] for path in LISTS}

    for path, (source, token) in itertools.product(LISTS, tokens.items()):
        answer = page(path, pageToken=token)
        if path == source:
            assert answer.status_code == 200
        else:
            refused_field(answer, "pageToken")
            assert cost(answer) == (0, 0, 0)
    other = api.caller("admin", tenant="other-tenant")
    refused_field(other.get(f"{PENDING}?pageSize=1&pageToken={tokens[PENDING]}"), "pageToken")
    # The status that it lists by default, so the same list.
    assert page(f"{PENDING}?status=pending", pageToken=tokens[PENDING]).status_code == 200


BAD_FILTERS = [
    "status=",
    "status=open",
    "priority=urgent",
    "priority=0",
    "type=RESUME",
    "assignedTo=",
    "uowId=",
    "uowId=a%00b",
    "caseId=../x",
    "pageSize=0",
    "pageSize=201",
    "pageToken=x",
    "offset=10",
    "requiredRole=pilot",
]


@ON_EMBEDDED
def test_a_filter_that_is_wrong_is_refused_before_anything_is_read(api: Api) -> None:
    paths = [f"{path}?{query}" for path in (PENDING, ALL) for query in BAD_FILTERS]
    for path in (*paths, f"{PENDING}?status=approved", f"{PENDING}?status=expired"):
        answer = api.viewer.get(path)

        refused_field(answer, path.partition("?")[2].partition("=")[0])
        assert cost(answer) == (0, 0, 0)
