"""Answers that come after the reader has gone on are not shown in the place of what is open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
