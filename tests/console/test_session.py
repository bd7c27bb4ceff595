"""How long a session lasts, what it shows of others' work, and what is kept for the next one."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Route, expect

from local.server import sqlite
from tests.console.people import Person, api_of, at_browser
from tests.console.test_life import opened
from tests.reliability.server import ForkedServer, running

Api = Callable[..., Any]


def look_now(page: Page) -> None:
    """Has the page ask for news at once, as it does when its window comes to the front."""
    page.evaluate("dispatchEvent(new Event('focus'))")


def test_rows_change_in_place_and_what_is_new_waits_until_it_is_taken_in(
    api: Api, person: Person
) -> None:
    opened(api, "live-1", decisionType="live", severity="low")
    page = person.signs_in("vera", "#/cases?decisionType=live")
    row = page.get_by_role("row", name=re.compile("live-1"))
    expect(row).to_contain_text("Low")
    expect(page.locator(".live")).to_contain_text("Live, checked")
    page.keyboard.press("j")

    api("paul", "PATCH", "/cases/live-1", {"severity": "critical"})
    opened(api, "live-2", decisionType="live")
    opened(api, "live-other", decisionType="other")
    look_now(page)

    expect(row).to_contain_text("Critical")
    expect(page.get_by_role("button", name="1 new, take them in")).to_be_visible()
    expect(page.locator("tr .t")).to_have_count(1)
    assert person.focused() == "Case live-1"
    page.keyboard.press(".")
    expect(page.locator("tr .t")).to_have_count(2)
    expect(page.get_by_text("new, take them in")).to_have_count(0)


def test_a_view_is_saved_under_a_name_chosen_again_and_removed(person: Person) -> None:
    page = person.signs_in("nora", "#/cases?severity=high&sort=createdAt")
    page.get_by_role("button", name="Save view…").click()
    page.get_by_label("Name").fill("High, newest")
    page.keyboard.press("Enter")
    view = page.locator(".view select")
    expect(view).to_have_value("High, newest")

    page.goto(f"{person.url}/console#/cases")
    expect(view).to_have_value("")
    page.reload()
    view.select_option("High, newest")
    expect(page).to_have_url(re.compile(r"severity=high&sort=createdAt$"))
    page.get_by_role("button", name="Edit views…").click()
    page.get_by_role("button", name="Remove High, newest").click()
    page.get_by_role("button", name="Save views").click()
    expect(view.get_by_role("option", name="High, newest")).to_have_count(0)


def test_what_is_written_outlives_the_token(api: Api, browser: Browser, url: str) -> None:
    address = opened(api, "token")
    with at_browser(browser, url, ("401",)) as person:
        page = person.signs_in("vera", address)
        notes = page.get_by_label("Notes")
        expect(notes).to_be_editable()
        notes.fill("Written before the token ended")
        for ended in ("**/v1/**", "**/console/token"):
            page.route(ended, lambda route: route.fulfill(status=401, json={"error": {}}))
        page.get_by_role("button", name="Save now").click()
        expect(page.get_by_text("You are signed out. What you wrote stays here.")).to_be_visible()
        expect(notes).to_have_value("Written before the token ended")

        page.unroute_all()
        page.get_by_role("button", name="Sign in again").click()
        page.get_by_role("button", name="Save now").click()
        expect(page.get_by_text(re.compile(r"^Saved \d\d"))).to_be_visible()
    saved = api("vera", "GET", "/cases/token/worksheet")
    assert saved["fsrNotes"] == "Written before the token ended"


def test_signing_out_saves_what_is_written_and_leaves_nothing_for_the_next_person(
    api: Api, person: Person
) -> None:
    page = person.signs_in("vera", opened(api, "leaving"))
    notes = page.get_by_label("Notes")
    expect(notes).to_be_editable()
    notes.fill("Only Vera's")
    page.locator(".menu summary").click()
    page.get_by_role("button", name="Sign out").click()

    page.get_by_role("button", name="paul@example.com").click()

    expect(notes).to_be_editable()
    expect(notes).to_have_value("")
    assert api("vera", "GET", "/cases/leaving/worksheet")["fsrNotes"] == "Only Vera's"


def test_a_session_goes_on_after_the_server_was_started_anew(
    browser: Browser, tmp_path: Path
) -> None:
    server = ForkedServer(**sqlite(tmp_path / "db"))
    refused = ("ERR_CONNECTION_REFUSED",)
    with running(server), at_browser(browser, server.url, refused) as person:
        page = person.signs_in("vera", opened(api_of(server.url), "restart"))
        expect(page.get_by_role("button", name="Claim")).to_be_visible()
        server.kill()
        look_now(page)
        expect(page.get_by_text("Offline since")).to_be_visible()
        server.start()
        look_now(page)
        expect(page.locator(".live")).to_contain_text("Live, checked")
        page.keyboard.press("c")
        expect(page.get_by_role("button", name="Release")).to_be_visible()


def test_who_goes_on_before_a_page_has_come_sees_where_they_went(api: Api, person: Person) -> None:
    opened(api, "slow-page")
    page = person.signs_in("vera")
    held: list[Route] = []
    page.route("**/console/case.js", lambda route: held.append(route))  # noqa: PLW0108

    with page.expect_request("**/console/case.js"):
        page.evaluate("location.hash = '#/cases/slow-page'")
    page.evaluate("location.hash = '#/nowhere'")
    expect(page.locator("h1")).to_have_text("There is no such page")
    with page.expect_response("**/console/case.js"):
        held[0].continue_()
    page.wait_for_load_state("networkidle")

    expect(page.locator("h1")).to_have_text("There is no such page")
