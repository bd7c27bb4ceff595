"""The inbox: an agent asks through HTTP, people decide, each question once."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from playwright.sync_api import Browser, Page, Route, expect

from tests.console.people import Person, at_browser
from tests.console.test_life import opened
from tests.console.test_looks import HOSTILE
from tests.console.test_session import look_now

Api = Callable[..., Any]


def asked(api: Api, title: str, **fields: Any) -> str:
    """An agent asks; gives the question's address in the console."""
    body = {"uowId": "unit", "type": "resume", "title": title, **fields}
    return f"#/inbox/{api('checker', 'POST', '/interventions', body)['id']}"


def answered(api: Api, address: str) -> dict[str, Any]:
    """How a question stands."""
    question = address.removeprefix("#/inbox/")
    found: dict[str, Any] = api("vera", "GET", f"/interventions/{question}")
    return found


def at_question(person: Person, who: str, address: str) -> Page:
    page = person.signs_in(who, address)
    page.locator("#question").wait_for()
    return page


def test_an_agent_asks_and_the_question_is_found_and_answered_by_keyboard_alone(
    api: Api, person: Person
) -> None:
    opened(api, "beside-it", title="The case beside it")
    page = person.signs_in("vera", "#/inbox")
    page.wait_for_load_state("networkidle")
    address = asked(
        api,
        "Which address is the practice?",
        type="clarification",
        caseId="beside-it",
        context={"addresses": ["Columbus", "Dublin"]},
    )
    look_now(page)
    expect(page.get_by_role("button", name="1 new, take them in")).to_be_visible()
    press = page.keyboard.press

    press(".")
    person.tabs_to("Which address")
    press("Enter")
    expect(page.get_by_role("region", name="Context, as sent")).to_contain_text('"Dublin"')
    expect(page.get_by_label("The case")).to_contain_text("The case beside it")
    press("c")
    expect(page.get_by_text("You hold it.")).to_be_visible()
    press("a")
    expect(page.get_by_text("Not sent: the answer is empty.")).to_be_visible()
    page.keyboard.type("The one in Columbus.")
    press("Escape")
    press("a")
    expect(page.locator(".open")).to_contain_text("Approved by you")

    question = answered(api, address)
    assert (question["status"], question["decidedBy"]) == ("approved", "vera@example.com")
    assert question["response"] == {"text": "The one in Columbus."}


def test_a_critical_question_needs_a_then_enter_and_esc_steps_back(
    api: Api, person: Person
) -> None:
    address = asked(api, "Stop the letters?", type="kill_switch", priority="critical")
    page = at_question(person, "vera", address)
    armed = page.get_by_role("button", name="Approve and stop it: press")

    page.keyboard.press("a")
    expect(armed).to_be_visible()
    page.keyboard.press("a")
    page.keyboard.press("Escape")
    expect(armed).to_have_count(0)
    assert answered(api, address)["status"] == "pending"

    page.keyboard.press("a")
    expect(armed).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator(".open")).to_contain_text("Approved by you")
    assert answered(api, address)["status"] == "approved"


def test_a_rejection_needs_its_reason_and_is_read_back(api: Api, person: Person) -> None:
    address = asked(api, "Waive it?", type="waive_violation")
    page = at_question(person, "vera", address)

    page.keyboard.press("r")
    expect(page.get_by_text("Not sent: a rejection needs its reason.")).to_be_visible()
    page.keyboard.type("The rule has no exception.")
    page.get_by_role("button", name="Reject").click()

    expect(page.locator(".open")).to_contain_text("Rejected by you")
    page.get_by_role("link", name="Decided").click()
    row = page.get_by_role("listitem").filter(has=page.get_by_role("link", name="Waive it?"))
    expect(row).to_contain_text("The rule has no exception.")


def test_who_decides_second_is_told_who_was_first_and_how_and_keeps_what_was_written(
    api: Api, browser: Browser, url: str, person: Person
) -> None:
    address = asked(api, "Who is first?")
    with at_browser(browser, url, ("409", "404", "Failed")) as other:
        first, second = at_question(person, "vera", address), at_question(other, "paul", address)
        second.route("**/v1/changes*", lambda route: route.abort())  # what is live would show it
        second.get_by_label("Reason").fill("My reason against it")

        first.get_by_label("Reason").fill("Seen by both")
        first.get_by_role("button", name="Approve, it goes on").click()
        expect(first.locator(".open")).to_contain_text("Approved by you")
        second.get_by_role("button", name="Reject").click()

        toast = second.get_by_role("alert").filter(has_text="Not decided")
        expect(toast).to_contain_text("Approved by vera@example.com")
        expect(toast).to_contain_text("Seen by both")
        expect(toast).to_contain_text("Nothing was changed.")
        expect(second.locator(".open")).to_contain_text("My reason against it")
        expect(second.get_by_role("button", name="Reject")).to_have_count(0)
    assert answered(api, address)["decidedBy"] == "vera@example.com"


def test_of_two_who_claim_at_once_one_holds_it_and_the_other_is_told_who(
    api: Api, browser: Browser, url: str, person: Person
) -> None:
    address = asked(api, "Claimed by whom?")
    with at_browser(browser, url, ("409", "404", "Failed")) as other:
        first, second = at_question(person, "vera", address), at_question(other, "paul", address)
        second.route("**/v1/changes*", lambda route: route.abort())

        first.keyboard.press("c")
        expect(first.get_by_text("You hold it.")).to_be_visible()
        second.keyboard.press("c")
        toast = second.get_by_role("alert").filter(has_text="Not claimed")
        expect(toast).to_contain_text("held by vera@example.com", ignore_case=True)
        expect(second.locator(".decide")).to_contain_text("They decide, or release it.")

        first.keyboard.press("u")
        expect(first.get_by_role("button", name="Claim")).to_be_visible()
        second.unroute_all()
        look_now(second)
        expect(second.get_by_role("button", name="Claim")).to_be_visible()


def test_the_time_left_counts_down_is_announced_and_what_has_run_out_cannot_be_decided(
    api: Api, browser: Browser, url: str
) -> None:
    address = asked(api, "Until when?", expiresInSeconds=600)
    with at_browser(browser, url) as person:
        page = person.page
        page.clock.install(time=datetime.now(UTC))
        at_question(person, "vera", address)
        timer = page.get_by_role("timer")
        expect(timer).to_contain_text("9 min")

        page.clock.fast_forward(320_000)
        expect(timer).to_contain_text(re.compile(r"4:\d\d"))
        expect(page.locator("#over [role=status]")).to_have_text("5 minutes left to decide")
        page.clock.fast_forward(300_000)

        expect(page.locator(".open")).to_contain_text("nobody decided")
        expect(page.get_by_role("button", name="Approve")).to_have_count(0)
        page.keyboard.press("a")
    assert answered(api, address)["status"] == "pending"


def test_who_may_not_decide_is_told_why_and_sees_no_button(api: Api, person: Person) -> None:
    page = at_question(person, "nora", asked(api, "May they?"))

    expect(page.locator(".decide")).to_contain_text("This is decided by a pilot, or a higher role.")
    expect(page.get_by_role("button", name=re.compile("Approve|Reject|Claim"))).to_have_count(0)


def test_an_own_question_is_withdrawn_with_its_reason_but_not_decided(
    api: Api, person: Person
) -> None:
    body = {"uowId": "own", "type": "cancel", "title": "Asked by myself"}
    question = api("vera", "POST", "/interventions", body)
    page = at_question(person, "vera", f"#/inbox/{question['id']}")

    expect(page.locator(".decide")).to_contain_text("You asked this, so somebody else decides.")
    page.get_by_role("button", name="Withdraw…").click()
    page.get_by_label("Reason").fill("Asked by mistake")
    page.get_by_role("button", name="Withdraw it").click()

    expect(page.locator(".open")).to_contain_text("Withdrawn")
    expect(page.locator(".open")).to_contain_text("Asked by mistake")


def test_hostile_questions_are_shown_as_text_and_widen_nothing(api: Api, person: Person) -> None:
    address = "#/inbox"
    for text in HOSTILE:
        context = {text: [text, {"text": text}]}
        address = asked(api, text, description=text, context=context, uowId=text)
    page = at_question(person, "vera", address)

    for text in HOSTILE:
        page.get_by_role("link", name=text, exact=True).first.click()
        expect(page.locator("#question")).to_have_text(text)
        expect(page.locator(".open .lines").first).to_have_text(text)
        expect(page.get_by_label("The case").locator(".id")).to_have_text(text)
    assert not page.locator("main script, main img, main b:text('bold')").count()
    page.set_viewport_size({"width": 320, "height": 256})
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    page.get_by_role("link", name="Back to the questions").click()
    assert page.evaluate("document.documentElement.scrollWidth") == 320


def test_a_question_that_arrives_late_is_not_shown_instead_of_the_one_that_is_opened(
    api: Api, person: Person
) -> None:
    first, second = asked(api, "The first?"), asked(api, "The second?")
    page = person.signs_in("vera", "#/inbox")
    held: list[Route] = []
    late = f"**/v1/interventions/{first.removeprefix('#/inbox/')}"
    page.route(late, lambda route: held.append(route))  # noqa: PLW0108

    with page.expect_request(late):
        page.evaluate("address => { location.hash = address; }", first)
    page.evaluate("address => { location.hash = address; }", second)
    expect(page.locator("#question")).to_have_text("The second?")
    with page.expect_response(late):
        held[0].continue_()
    page.wait_for_load_state("networkidle")

    expect(page.locator("#question")).to_have_text("The second?")
