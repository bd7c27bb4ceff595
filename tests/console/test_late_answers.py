"""Answers that come after the reader has gone on are not shown in the place of what is open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from tests.console.people import Person
from tests.console.test_life import opened
from tests.reliability.server import wait_until

Api = Callable[..., Any]
ONE_MORE_ROUND = """async () => {
  await fetch("/v1/health");
  for (const _ of [1, 2, 3]) await new Promise(requestAnimationFrame);
}"""
"""After it the page has shown whatever it shows of answers that came before it."""


def period(page: Page) -> str:
    return page.locator(".bar .cap").inner_text().partition(",")[0]


def groups(page: Page) -> str:
    return " ".join(page.locator(".list .list-h").all_inner_texts())


def messages(page: Page) -> str:
    return " ".join(page.locator("main h3, main .events, main ol").all_inner_texts())


@pytest.mark.parametrize(
    ("first", "second", "asked", "shown"),
    [
        ("#/figures", "#/figures?days=7", "**/v1/figures*", period),
        ("#/inbox?tab=decided", "#/inbox", "**/v1/interventions?*pageSize=100*", groups),
        ("#/trail/late-1", "#/trail/late-2", "**/v1/cases/late-1/audit*", messages),
    ],
    ids=["figures", "inbox", "trail"],
)
def test_what_the_reader_has_left_is_not_shown_in_the_place_of_what_they_opened(  # noqa: PLR0913, PLR0917
    api: Api, person: Person, first: str, second: str, asked: str, shown: Callable[[Page], str]
) -> None:
    if first.startswith("#/trail"):
        opened(api, "late-1", title="The first")
        opened(api, "late-2", title="The second")
    if first.startswith("#/inbox"):
        api("robot", "POST", "/interventions", {"uowId": "u", "type": "resume", "title": "Late?"})
    page = person.signs_in("vera", second)
    page.wait_for_load_state("networkidle")
    right = shown(page)
    assert right
    page.evaluate("location.hash = '#/cases'")
    expect(page.locator("main h1")).to_have_text("Cases")
    held: list[Route] = []
    page.route(asked, lambda route: route.continue_() if held else held.append(route))

    with page.expect_request(asked):
        page.evaluate("address => { location.hash = address; }", first)
    page.evaluate("address => { location.hash = address; }", second)
    wait_until(lambda: shown(page) == right, 10)
    with page.expect_response(asked):
        for route in held:
            route.continue_()
    page.evaluate(ONE_MORE_ROUND)

    assert shown(page) == right


class MorePages:
    """Lists at a path that have a row have a full page of its like, and one more page to come."""

    def __init__(self, page: Page, path: str, name: str) -> None:
        self.path, self.name = path, name
        self.held: list[Route] = []
        self.row: dict[str, Any] = {}
        page.route("**/v1/**", self._handle)

    def _handle(self, route: Route) -> None:
        if urlsplit(route.request.url).path != self.path:
            route.fallback()
        elif "pageToken" in route.request.url:
            self.held.append(route)
        else:
            body = route.fetch().json()
            if body[self.name]:
                self.row = body[self.name][0]
                rows = [{**self.row, "id": f"row-{number}"} for number in range(100)]
                body = {**body, self.name: rows, "nextPageToken": route.request.url}
            route.fulfill(json=body)

    def answer(self) -> None:
        """Answers all that was asked for."""
        for route in self.held:
            route.fulfill(json={self.name: [{**self.row, "id": "one-more"}]})


LISTS = {
    "cases": ("#/cases?tags=late-more", "/v1/cases", "cases", "tr .t"),
    "inbox": ("#/inbox", "/v1/interventions:pending", "interventions", ".list li"),
    "trail": ("#/trail", "/v1/audit", "events", ".chain > li"),
    "case": ("#/cases/late-more", "/v1/cases/late-more/audit", "events", ".chain > li"),
}


@pytest.fixture
def listed(api: Api) -> None:
    """A row for each list."""
    if api("vera", "GET", "/cases?tags=late-more")["cases"] == []:
        opened(api, "late-more", tags=["late-more"])
    api("robot", "POST", "/interventions", {"uowId": "u", "type": "resume", "title": "Late?"})


@pytest.mark.usefixtures("listed")
@pytest.mark.parametrize("name", LISTS)
def test_what_follows_is_shown_once_however_often_it_was_asked_for(
    person: Person, name: str
) -> None:
    address, *asked, rows = LISTS[name]
    more = MorePages(person.page, *asked)
    row = person.signs_in("vera", address).locator(rows)
    row.first.wait_for()
    before = row.count()
    for _ in range(2):
        person.page.get_by_role("button", name="Show more").click()
    wait_until(lambda: len(more.held) == 2, 10)

    more.answer()
    expect(row).to_have_count(before + 1)
    person.page.evaluate(ONE_MORE_ROUND)

    assert row.count() == before + 1


@pytest.mark.usefixtures("listed")
@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("cases", "#/cases?tags=of-none"),
        ("inbox", "#/inbox?tab=mine"),
        ("trail", "#/trail?severity=error"),
    ],
)
def test_what_follows_is_not_shown_below_what_the_reader_opened_meanwhile(
    person: Person, name: str, other: str
) -> None:
    address, *asked, rows = LISTS[name]
    page = person.signs_in("vera", other)
    page.wait_for_load_state("networkidle")
    right = page.locator(rows).count()
    more = MorePages(page, *asked)
    page.evaluate("address => { location.hash = address; }", address)
    page.get_by_role("button", name="Show more").click()
    wait_until(lambda: len(more.held) == 1, 10)
    with page.expect_response(lambda response: urlsplit(response.url).path == more.path):
        page.evaluate("address => { location.hash = address; }", other)
    page.evaluate(ONE_MORE_ROUND)
    expect(page.locator(rows)).to_have_count(right)

    more.answer()
    page.evaluate(ONE_MORE_ROUND)

    assert page.locator(rows).count() == right
