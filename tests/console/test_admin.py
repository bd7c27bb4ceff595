"""Administration: settings, holds, people, and what scheduled runs last did."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from local.client import call
from tests.console.people import Person, at_browser
from tests.console.test_life import opened

Api = Callable[..., Any]


@pytest.fixture(autouse=True)
def settings(api: Api) -> Iterator[None]:
    """Leaves the settings of the shared server as they were."""
    before = {"slaHours": {"admin_test": None}, "autoCloseDays": 90, "claimMinutes": None}
    before |= {"approvalsRequired": {"cancel": None}}
    api("alex", "PATCH", "/settings", before)
    yield
    api("alex", "PATCH", "/settings", {**before, "autoCloseDays": None})


def test_settings_say_what_they_do_and_are_saved(api: Api, person: Person) -> None:
    page = person.signs_in("alex", "#/admin")
    save = page.get_by_role("button", name="Save settings")
    expect(save).to_be_disabled()
    close = page.get_by_label("Close approved cases")
    close.fill("0")
    expect(page.get_by_text("A whole number from 1 to 36,500.")).to_be_visible()
    close.fill("30")
    expect(page.get_by_text("30 days after the approval. Empty: never.")).to_be_visible()
    page.get_by_label("Another type").fill("admin_test")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_label("Admin test").fill("48")
    page.get_by_label("Free what is claimed").fill("90")
    expect(page.get_by_text("1 h 30 min after the claim somebody else can")).to_be_visible()
    page.get_by_label("Cancel").fill("6")
    expect(page.get_by_text("A whole number from 1 to 5.")).to_be_visible()
    page.get_by_label("Cancel").fill("2")
    expect(page.get_by_text("2 different people approve the same")).to_be_visible()
    expect(page.get_by_text("4 settings changed, not saved yet.")).to_be_visible()
    save.click()

    expect(page.get_by_text("Settings saved")).to_be_visible()
    expect(page.get_by_text("Nothing is changed yet.")).to_be_visible()
    stored = api("alex", "GET", "/settings")
    assert (stored["autoCloseDays"], stored["slaHours"]["admin_test"]) == (30, 48)
    assert (stored["claimMinutes"], stored["approvalsRequired"]) == (90, {"cancel": 2})


def test_an_admin_shows_the_log_to_everybody_and_reads_what_that_means(
    api: Api, person: Person
) -> None:
    page = person.signs_in("alex", "#/admin")
    readers = page.get_by_label("The log of the trail")
    expect(readers).to_have_value("false")
    expect(page.get_by_text("Only members of the tenant read the log")).to_be_visible()
    readers.select_option("everybody")
    expect(page.get_by_text("It has only hashes, and shows how many events")).to_be_visible()
    page.get_by_role("button", name="Save settings").click()

    expect(page.get_by_text("Settings saved")).to_be_visible()
    assert api("alex", "GET", "/settings")["publicLog"] is True
    readers.select_option("members")
    page.get_by_role("button", name="Save settings").click()
    expect(page.get_by_text("Nothing is changed yet.")).to_be_visible()
    assert api("alex", "GET", "/settings")["publicLog"] is False


def test_an_admin_hides_the_figures_of_each_person(api: Api, person: Person) -> None:
    page = person.signs_in("alex", "#/admin")
    shown = page.get_by_label("Figures of each person")
    expect(page.get_by_text("Pilots, admins and auditors see how much")).to_be_visible()
    shown.select_option("nobody")
    expect(page.get_by_text("Nobody sees how much each person decided.")).to_be_visible()
    page.get_by_role("button", name="Save settings").click()

    expect(page.get_by_text("Settings saved")).to_be_visible()
    assert api("alex", "GET", "/settings")["personFigures"] is False
    assert api("paul", "GET", "/figures")["personFigures"] is False
    api("alex", "PATCH", "/settings", {"personFigures": True})


def test_whatever_runs_automatically_has_a_name_in_words(api: Api, person: Person) -> None:
    page = person.signs_in("alex", "#/admin")
    rows = page.get_by_role("region", name="Scheduled runs").locator("tbody th")

    expect(rows).to_have_count(len(api("alex", "GET", "/scheduled")["runs"]))
    assert [one for one in rows.all_inner_texts() if " " not in one] == []


def test_settings_that_changed_meanwhile_are_not_overwritten_and_nothing_written_is_lost(
    api: Api, browser: Browser, url: str
) -> None:
    with at_browser(browser, url, ("412", "404", "Failed")) as person:
        page = person.signs_in("alex", "#/admin")
        close = page.get_by_label("Close approved cases")
        close.fill("11")
        page.route("**/v1/changes*", lambda route: route.abort())  # what is live would show it
        api("alex", "PATCH", "/settings", {"slaHours": {"admin_test": 5}})
        page.get_by_role("button", name="Save settings").click()

        expect(page.get_by_role("alert").filter(has_text="Not saved")).to_contain_text(
            "What you wrote is still here"
        )
        expect(close).to_have_value("11")
        assert api("alex", "GET", "/settings")["autoCloseDays"] != 11
        page.get_by_role("button", name="Save settings").click()
        expect(page.get_by_text("Settings saved")).to_be_visible()
    stored = api("alex", "GET", "/settings")
    assert (stored["autoCloseDays"], stored["slaHours"]["admin_test"]) == (11, 5)


def test_a_hold_is_placed_and_released_each_with_its_reason(
    api: Api, browser: Browser, url: str
) -> None:
    opened(api, "held")
    with at_browser(browser, url, ("404",)) as person:
        page = person.signs_in("alex", "#/admin")
        page.get_by_role("button", name="Place a hold…").click()
        page.get_by_label("Id of the case").fill("no-such-case")
        page.get_by_label("Reason").fill("Court order 26-118")
        page.get_by_role("button", name="Place it").click()
        expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text(
            "Nothing was changed."
        )
        page.get_by_label("Id of the case").fill("held")
        page.get_by_role("button", name="Place it").click()

        row = page.get_by_role("row").filter(has_text="held")
        expect(row).to_contain_text("Court order 26-118")
        assert api("vera", "GET", "/cases/held")["legalHold"]
        row.get_by_role("button", name="Release…").click()
        page.get_by_label("Reason").fill("The order was lifted")
        page.get_by_role("button", name="Release it").click()
        expect(row).to_have_count(0)
        assert not api("vera", "GET", "/cases/held")["legalHold"]


def test_who_is_no_admin_reads_and_is_told_why_nothing_can_be_changed(person: Person) -> None:
    page = person.signs_in("victor", "#/admin")

    expect(page.get_by_text("Only an admin changes settings.")).to_be_visible()
    expect(page.get_by_label("Close approved cases")).to_be_disabled()
    expect(page.get_by_role("button", name="Place a hold…")).to_have_count(0)
    expect(page.get_by_role("row").filter(has_text="their cases").first).to_be_visible()


def test_an_admin_sees_when_scheduled_functions_run_and_what_they_last_did(
    api: Api, browser: Browser, url: str
) -> None:
    expired = {"name": "expireInterventions", "cron": "* * * * *", "last": None}
    last = {"startedAt": "2026-11-26T03:23:00Z", "complete": False, "done": 412, "failed": 0}
    purge = {"name": "purgeRecords", "cron": "23 3 * * *", "last": last}
    served = api("alex", "GET", "/scheduled")["runs"]
    assert {run["name"] for run in served} > {expired["name"], purge["name"]}
    with at_browser(browser, url) as person:
        person.page.route(
            "**/v1/scheduled", lambda route: route.fulfill(json={"runs": [expired, purge]})
        )
        page = person.signs_in("alex", "#/admin")
        row = page.get_by_role("row").filter(has_text="Expire questions")
        expect(row).to_contain_text("every minute")
        expect(row).to_contain_text("nothing to do in two days")
        row = page.get_by_role("row").filter(has_text="Purge records")
        expect(row).to_contain_text("daily, at 04:23")
        expect(row).to_contain_text("412 items done, time was over; the next run goes on")


def test_an_erasure_is_confirmed_by_a_second_admin_and_not_by_who_asked_for_it(
    api: Api, person: Person
) -> None:
    opened(api, "erase-me")
    lawful = {"legalBasis": "GDPR Art. 17", "reason": "Asked by letter"}
    asked = {**lawful, "subject": "cases/erase-me"}
    api("ada", "POST", "/audit:erase", asked)
    page = person.signs_in("alex", "#/admin")
    page.get_by_role("button", name="Ask for an erasure…").click()
    page.get_by_label("Id of the case").fill("erase-me")
    page.get_by_label("Legal basis").fill("GDPR Art. 6")
    page.get_by_label("Reason").fill("No longer needed")
    page.get_by_role("button", name="Ask for it").click()
    rows = page.get_by_role("row").filter(has_text="erase-me")
    own = rows.filter(has_text="GDPR Art. 6")
    expect(own).to_contain_text("another admin can confirm it until")
    expect(own.get_by_role("button")).to_have_count(0)

    others = rows.filter(has_text="GDPR Art. 17")
    others.get_by_role("button", name="Confirm…").click()
    expect(page.get_by_role("dialog")).to_contain_text("Asked by letter")
    page.get_by_role("button", name="Erase it").click()

    expect(others).to_contain_text("values in")
    events = api("alex", "GET", "/cases/erase-me/audit")["events"]
    assert {event["message"] for event in events} == {"erased"}
    assert person.violations() == []


def test_an_admin_makes_a_key_that_is_shown_once_and_revokes_it(
    api: Api, person: Person, url: str
) -> None:
    page = person.signs_in("alex", "#/admin")
    page.get_by_role("button", name="Make a key…").click()
    page.get_by_label("What it is for").fill("Console bot")
    page.get_by_label("Refused from this day on").fill("2027-03-01")
    expect(page.get_by_label("Role")).to_have_value("agent")
    page.get_by_label("Role").select_option("viewer")
    assert person.violations() == []
    page.get_by_role("button", name="Make it").click()
    key = page.get_by_role("dialog").get_by_label("The key").input_value()
    expect(page.get_by_role("dialog")).to_contain_text("It is shown this once")
    assert person.violations() == []
    page.get_by_role("button", name="I have kept it").click()

    assert call("GET", f"{url}/v1/cases", token=key).code == 200
    assert key not in page.content()
    row = page.get_by_role("row").filter(has_text="Console bot")
    expect(row).to_contain_text("viewer")
    person.goto("#/cases")
    person.goto("#/admin")
    row.get_by_role("button", name="Revoke… Console bot").click()
    page.get_by_role("button", name="Revoke it").click()

    expect(row).to_have_count(0)
    assert [
        one for one in api("alex", "GET", "/keys")["keys"] if one["name"] == "Console bot"
    ] == []


def test_who_is_no_admin_makes_no_keys_and_an_auditor_sees_them(api: Api, person: Person) -> None:
    made = api("alex", "POST", "/keys", {"name": "Seen bot", "role": "viewer"})
    page = person.signs_in("audra", "#/admin")
    expect(page.get_by_role("row").filter(has_text="Seen bot")).to_contain_text("never")
    expect(page.get_by_role("button", name="Make a key…")).to_have_count(0)
    expect(page.get_by_role("button", name="Revoke… Seen bot")).to_have_count(0)
    api("alex", "DELETE", f"/keys/{made['id']}")
