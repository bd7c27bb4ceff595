"""The life of a case in the console, by keyboard alone, and what two people do to each other."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.sync_api import Browser, Route, expect

from tests.console.people import Person, at_browser

Api = Callable[..., Any]


def opened(api: Api, case_id: str, **fields: Any) -> str:
    """Opens a case; gives its address in the console."""
    due = (datetime.now(UTC) + timedelta(hours=3)).isoformat()
    new = {"id": case_id, "decisionType": "csf_facility", "title": f"Case {case_id}", "dueAt": due}
    api("intake", "POST", "/cases", {**new, **fields})
    return f"#/cases/{case_id}"


def test_a_case_is_claimed_curated_approved_closed_and_reopened_by_keyboard_alone(  # noqa: PLR0915 - it is one life
    api: Api, person: Person
) -> None:
    opened(api, "life", decisionType="life", dueAt=datetime(2020, 1, 1, tzinfo=UTC).isoformat())
    for item in ("first", "second"):
        api("intake", "POST", "/cases/life/evidence", {"evidence": [{"id": item, "title": item}]})
    page = person.goto()
    page.get_by_text("Sign in to the local run").wait_for()
    press = page.keyboard.press

    press("1")
    expect(page.locator("h1")).to_have_text("Cases")
    page.locator("tr .t").first.wait_for()
    press("n")
    expect(page.locator("h1")).to_have_text("Case life")
    person.tabs_to("Review")
    press("Enter")
    expect(page.locator(".meta .st").first).to_have_text("In review")
    press("j")
    press("x")
    expect(page.get_by_text("1 of 2 in the packet")).to_be_visible()
    press("j")
    press("x")
    expect(page.get_by_text("2 of 2 in the packet")).to_be_visible()
    press("Alt+ArrowUp")
    expect(page.locator(".paper h4")).to_have_text(["1. second", "2. first"])
    person.tabs_to("Add evidence", "Shift+Tab")
    press("Enter")
    page.keyboard.type("Third item")
    press("Enter")
    expect(page.locator(".paper h4")).to_have_text(["1. second", "2. first", "3. Third item"])
    press("e")
    press("Control+a")
    page.keyboard.type("The life of a case")
    press("Enter")
    expect(page.locator("h1")).to_have_text("The life of a case")
    person.tabs_to("Approve, freezes", "Shift+Tab")
    press("Enter")
    expect(page.locator(".meta .st").first).to_have_text("Approved")
    expect(page.locator(".paper .from").first).to_contain_text("version 1, frozen")
    person.tabs_to("Close…", "Shift+Tab")
    press("Enter")
    page.keyboard.type("Certificate issued")
    person.tabs_to("Close the case")
    press("Enter")
    expect(page.locator(".meta .st").first).to_have_text("Closed")
    person.tabs_to("Reopen…", "Shift+Tab")
    press("Enter")
    page.keyboard.type("Withdrawn")
    person.tabs_to("Reopen")
    press("Enter")
    expect(page.locator(".meta .st").first).to_have_text("In review")

    case = api("vera", "GET", "/cases/life")
    assert (case["status"], case["assignedTo"]) == ("in_review", "vera@example.com")
    assert case["packetEvidenceIds"][:2] == ["second", "first"]
    assert case["title"] == "The life of a case"


def test_a_move_says_that_it_starts_the_clock_only_where_the_clock_stands(
    api: Api, person: Person
) -> None:
    page = person.signs_in("vera", opened(api, "clock"))
    review = page.locator(".moves button").first

    expect(review).to_have_text("Review")
    page.get_by_role("button", name="Needs info, stops the clock").click()
    expect(review).to_have_text("Review, starts the clock")


def test_the_times_of_earlier_days_and_years_do_not_run_into_who_did_it(
    api: Api, browser: Browser, url: str
) -> None:
    address = opened(api, "old")

    def years_ago(route: Route) -> None:
        page = route.fetch().json()
        for event in page["events"]:
            event["createdAt"] = "2023-11-23T14:40:00Z"
        route.fulfill(json=page)

    with at_browser(browser, url, locale="de-DE") as person:
        person.page.route("**/v1/cases/old/audit*", years_ago)
        page = person.signs_in("vera", address)
        time = page.locator(".chain time").first
        expect(time).to_have_text("23. Nov. 2023, 15:40")

        assert time.evaluate("one => one.scrollWidth <= one.clientWidth")


def test_values_that_are_named_as_what_every_object_has_do_not_break_the_timeline(
    api: Api, person: Person
) -> None:
    address = opened(api, "names")
    api("vera", "PATCH", "/cases/names", {"fields": {"toString": "none", "valueOf": "none"}})

    page = person.signs_in("vera", address)

    expect(page.locator(".chain")).to_contain_text('{"toString":"none","valueOf":"none"}')


def test_who_claims_second_is_told_who_was_first_and_nothing_changes(
    api: Api, browser: Browser, url: str, person: Person
) -> None:
    address = opened(api, "race")
    with at_browser(browser, url, ("409",)) as other:
        pages = person.signs_in("vera", address), other.signs_in("paul", address)
        for page in pages:
            expect(page.get_by_role("button", name="Claim")).to_be_visible()

        pages[0].keyboard.press("c")
        expect(pages[0].get_by_role("button", name="Release")).to_be_visible()
        # What is live would show it by itself; the race is for who presses before.
        pages[1].route("**/v1/changes*", lambda route: route.abort())
        pages[1].evaluate("document.querySelector('.moves .push button').click()")

        toast = pages[1].get_by_role("alert").filter(has_text="Not claimed")
        expect(toast).to_contain_text("vera@example.com")
        expect(toast).to_contain_text("Nothing was changed.")
    assert api("vera", "GET", "/cases/race")["assignedTo"] == "vera@example.com"


def test_a_case_that_changed_while_one_wrote_shows_both_versions_and_loses_neither(
    api: Api, browser: Browser, url: str
) -> None:
    address = opened(api, "conflict", summary="The summary of both")
    with at_browser(browser, url, ("412",)) as person:
        page = person.signs_in("vera", address)
        page.get_by_role("button", name="Edit").wait_for()
        page.keyboard.press("e")
        page.get_by_label("Summary").fill("The summary of Vera")
        theirs = {"summary": "The summary of Paul", "severity": "high"}
        api("paul", "PATCH", "/cases/conflict", theirs)
        page.get_by_role("button", name="Save").click()

        dialog = page.get_by_role("dialog", name="The case changed while you wrote")
        expect(dialog).to_contain_text("paul@example.com saved conflict")
        expect(dialog.get_by_role("row", name=re.compile("^summary"))).to_contain_text("Paul")
        expect(dialog.get_by_role("row", name=re.compile("^severity"))).to_contain_text(
            "you did not touch it"
        )
        dialog.get_by_role("button", name="Save with these choices").click()
        expect(page.locator(".case-head .lines")).to_have_text("The summary of Vera")

    case = api("vera", "GET", "/cases/conflict")
    assert (case["summary"], case["severity"]) == ("The summary of Vera", "high")


def test_a_worksheet_is_saved_on_leaving_and_after_the_server_was_out_of_reach(
    api: Api, browser: Browser, url: str
) -> None:
    address = opened(api, "notes")
    with at_browser(browser, url, ("ERR_INTERNET_DISCONNECTED",)) as person:
        page = person.signs_in("vera", address)
        notes = page.get_by_label("Notes")
        expect(notes).to_be_editable()
        notes.fill("Written and left")
        page.keyboard.press("Escape")
        page.keyboard.press("g")
        page.keyboard.press("c")
        expect(page.locator("h1")).to_have_text("Cases")
        page.goto(f"{url}/console{address}")
        expect(notes).to_have_value("Written and left")
        page.wait_for_load_state("networkidle")

        page.context.set_offline(offline=True)
        notes.fill("Written offline")
        page.get_by_role("button", name="Save now").click()
        expect(page.get_by_text("Not saved, 1 word; again in 30 s")).to_be_visible()
        expect(page.get_by_text("Offline since")).to_be_visible()
        page.context.set_offline(offline=False)
        page.get_by_role("button", name="Save now").click()
        expect(page.get_by_text(re.compile(r"^Saved \d\d:\d\d:\d\d"))).to_be_visible()

    assert api("vera", "GET", "/cases/notes/worksheet")["fsrNotes"] == "Written offline"


def test_many_cases_are_changed_each_by_itself_and_refused_ones_stay_selected(
    api: Api, person: Person
) -> None:
    for case_id in ("many-1", "many-2", "many-3"):
        opened(api, case_id, decisionType="many")
    api("paul", "POST", "/cases/many-2:claim")
    page = person.signs_in("nora", "#/cases?decisionType=many")
    page.get_by_label("Select all 3").check()

    page.get_by_role("button", name="Assign…").click()
    page.get_by_role("radio", name="nora@example.com").check()
    page.get_by_role("button", name="Assign", exact=True).click()

    dialog = page.get_by_role("dialog", name="Many at once, each with its result")
    expect(dialog).to_contain_text("2 done, 1 refused.")
    expect(dialog.get_by_role("row", name=re.compile("^many-2"))).to_contain_text(
        "paul@example.com"
    )
    page.keyboard.press("Escape")
    expect(page.get_by_label("Select many-2")).to_be_checked()
    expect(page.get_by_label("Select many-1")).not_to_be_checked()
