"""Figures of the period in the address: a sentence, a chart with its numbers and a table each."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from local.demo_tenant import TENANT
from local.log_key import new_keys
from local.sealing import sealed_later
from tests.console.people import Person
from tests.console.test_life import opened

Api = Callable[..., Any]


def done_late_and_decided(api: Api) -> None:
    """A case that was done late, one in time, a decision, and an open case."""
    for case_id, due in (("figures-late", "2020-01-01T00:00:00Z"), ("figures-in-time", None)):
        opened(api, case_id, decisionType="figures_type", dueAt=due)
        api("vera", "PATCH", f"/cases/{case_id}", {"status": "closed", "reason": "Done"})
    opened(api, "figures-open", decisionType="figures_type")
    asked = {"uowId": "figures", "type": "resume", "title": "Go on?", "priority": "low"}
    action = {"tool": "figures.tool", "arguments": {}}
    for one in (asked, {**asked, "action": action}):
        question = api("checker", "POST", "/interventions", one)
        api("paul", "POST", f"/interventions/{question['id']}:decide", {"decision": "approve"})


@pytest.fixture(autouse=True)
def counted(database: Path) -> None:
    """Whatever other tests have done is sealed and counted, so that little is left to readers."""
    sealed_later(database, new_keys("caseledger"), TENANT)


def figure(page: Page, title: str) -> Any:
    return page.get_by_role("figure").filter(has=page.get_by_role("heading", name=title))


def test_each_figure_says_what_to_see_and_its_table_has_what_its_chart_has(
    api: Api, person: Person
) -> None:
    done_late_and_decided(api)
    page = person.signs_in("paul", "#/figures?decisionType=figures_type")

    expect(figure(page, "Open, by status")).to_contain_text("1 case is open; none of them for more")
    late = figure(page, "In time and late")
    expect(late).to_contain_text("Figures type was late most often: 1 of 2.")
    expect(late.locator("svg")).to_contain_text("1 late")
    late.locator("summary").click()
    expect(late.get_by_role("row", name=re.compile("^Figures type"))).to_contain_text("50%")
    asked = api("paul", "GET", "/figures")
    decided = figure(page, "Decisions a day")
    expect(decided).to_contain_text(
        re.compile(rf"^.*{asked['decided']} questions? w(as|ere) decid")
    )
    decided.locator("summary").click()
    expect(decided.get_by_role("row")).to_have_count(29)
    expect(figure(page, "Time to decide")).to_contain_text("Dot: the median.")
    expect(figure(page, "Expired undecided")).to_contain_text("before anybody decided.")
    who = asked["pilots"][0]
    expect(figure(page, "Who decided")).to_contain_text(
        f"{who['pilot']} decided most: {who['decided']} of"
    )


def test_the_period_and_the_type_stand_in_the_address(api: Api, person: Person) -> None:
    done_late_and_decided_once(api)
    page = person.signs_in("vera", "#/figures")
    page.get_by_role("link", name="7 days").click()
    expect(page).to_have_url(re.compile(r"#/figures\?days=7$"))
    expect(page.get_by_role("link", name="7 days")).to_have_attribute("aria-current", "page")
    page.locator("summary").filter(has_text="Figure 3").click()
    expect(figure(page, "Decisions a day").get_by_role("row")).to_have_count(8)
    page.locator(".bar select").select_option("figures_type")
    expect(page).to_have_url(re.compile(r"days=7&decisionType=figures_type$"))
    page.go_back()
    expect(page.locator(".bar select")).to_have_value("")


def done_late_and_decided_once(api: Api) -> None:
    """The same, where the test before has not done it."""
    if not api("vera", "GET", "/cases?decisionType=figures_type")["cases"]:
        done_late_and_decided(api)


def test_rows_are_by_what_the_reader_chooses(api: Api, person: Person) -> None:
    done_late_and_decided_once(api)
    page = person.signs_in("paul", "#/figures?decisionType=figures_type")
    times = figure(page, "Time to close, by type")
    expect(times.get_by_role("row", name=re.compile("^Figures type"))).to_contain_text("3")

    times.get_by_role("link", name="by agent").click()
    expect(page).to_have_url(re.compile("by=agent"))
    agents = figure(page, "What became of each agent's questions")
    expect(agents.get_by_role("row").filter(has_text="checker")).to_be_visible()
    agents.get_by_role("link", name="by tool").click()
    tools = figure(page, "What became of each tool's calls")
    expect(tools).to_contain_text("No approval lapsed.")
    expect(tools.get_by_role("row", name=re.compile("^figures.tool"))).to_be_visible()
    tools.get_by_role("link", name="by person").click()
    people = figure(page, "How each person decided")
    expect(people.get_by_role("row").filter(has_text="paul@example.com")).to_be_visible()
    people.get_by_role("link", name="by day").click()
    days = figure(page, "Cases opened a day")
    days.locator("summary").click()
    expect(days.get_by_role("row")).to_have_count(29)


def test_who_is_no_pilot_is_told_that_people_are_not_shown(person: Person) -> None:
    page = person.signs_in("victor", "#/figures")

    expect(figure(page, "Who decided")).to_contain_text("unless the settings hide it")
    expect(page.get_by_role("link", name="by agent")).to_be_visible()
    expect(page.get_by_role("link", name="by person")).to_have_count(0)


def test_figures_of_long_ago_say_up_to_when_they_are(person: Person) -> None:
    def old(route: Any) -> None:
        body = {**route.fetch().json(), "asOf": "2020-05-01T10:00:00Z"}
        route.fulfill(json=body)

    person.page.route("**/v1/figures*", old)
    page = person.signs_in("vera", "#/figures")

    expect(page.get_by_role("status").filter(has_text="Counted up to 1 May 2020")).to_be_visible()
