"""Actions in the inbox: what runs is what was approved, by enough people, in time."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.console.people import Person, at_browser
from tests.console.test_inbox import answered, asked, at_question
from tests.console.test_life import opened
from tests.console.test_session import look_now

Api = Callable[..., Any]

ACTION = {
    "tool": "payments.refund",
    "arguments": {
        "amount": 240.5,
        "to": {"name": "Ann\u00adab\u200d"},
        "urgent": False,
        "tags": [],
    },
}
SCHEMA = {
    "type": "object",
    "properties": {
        "account": {"type": "string", "title": "Account", "enum": ["m", "g"],
                    "enumNames": ["Main", "Gift"]},
        "ground": {"type": "string", "title": "Ground", "enum": ["none", " other "]},
        "fee": {"type": "number", "title": "Fee", "maximum": 50, "description": "In euros."},
        "until": {"type": "string", "title": "Done by", "format": "date-time"},
        "contact": {"type": "string", "title": "Who to ask", "format": "email"},
        "called": {"type": "boolean", "title": "Customer was called"},
        "note": {"type": "string", "title": "Note", "default": "As agreed"},
        "constructor": {"type": "string", "title": "Builder"},
    },
    "required": ["account", "called"],
}  # fmt: skip


@pytest.fixture
def claim_minutes(api: Api) -> Iterator[None]:
    """Claims lapse, for this test alone."""
    api("alex", "PATCH", "/settings", {"claimMinutes": 5})
    yield
    api("alex", "PATCH", "/settings", {"claimMinutes": None})


def row(page: Page, name: str) -> Any:
    """What a table of arguments says of one."""
    return page.locator("tr").filter(has=page.get_by_role("rowheader", name=name))


def test_an_action_is_changed_approved_started_and_its_receipt_taken_along(
    api: Api, browser: Browser, url: str
) -> None:
    address = asked(api, "Refund it?", action=ACTION, actWithinSeconds=600)
    with at_browser(browser, url, permissions=["clipboard-read", "clipboard-write"]) as person:
        page = at_question(person, "vera", address)
        expect(page.locator(".open")).to_contain_text(answered(api, address)["actionHash"])
        # What cannot be seen is written out.
        expect(row(page, "to.name")).to_contain_text(r"Ann\u{ad}ab\u{200d}")

        page.keyboard.press("e")
        page.get_by_label("amount").fill("140,5")
        page.keyboard.press("Escape")
        page.keyboard.press("a")
        expect(page.get_by_text("Not sent: an argument is not valid.")).to_be_visible()
        page.get_by_label("amount").fill("140.50")
        page.get_by_role("button", name="Edit as JSON").click()
        written = page.get_by_label("Arguments")
        changed = {**json.loads(written.input_value()), "reason": "Half of it"}
        written.fill("{}x")
        expect(page.get_by_text("JSON is not valid JSON")).to_be_visible()
        written.fill(json.dumps(changed))
        expect(row(page, "amount")).to_contain_text("changed")
        expect(row(page, "amount").locator("del")).to_have_text("240.5")
        expect(row(page, "amount").locator("ins")).to_have_text("140.5")
        expect(row(page, "reason").locator("ins")).to_have_text('"Half of it"')
        expect(page.get_by_text("2 values differ from what was asked for.")).to_be_visible()
        assert not person.violations()
        page.set_viewport_size({"width": 320, "height": 256})
        assert page.evaluate("document.documentElement.scrollWidth") == 320
        page.get_by_role("button", name="Approve as changed").click()

        expect(page.get_by_text("The agent can start it once, until")).to_be_visible()
        stored = answered(api, address)
        assert stored["decision"] == "edit"
        assert stored["approvedArguments"] == {
            **ACTION["arguments"],  # type: ignore[dict-item] # it is a dict
            "amount": 140.5,
            "reason": "Half of it",
        }
        start = {"actionHash": stored["approvedActionHash"]}
        api("checker", "POST", f"/interventions/{stored['id']}:start", start)
        look_now(page)
        expect(page.get_by_text("Started by checker@example.com")).to_be_visible()
        page.get_by_role("button", name="Copy receipt").click()
        expect(page.locator("#over [role=status]")).to_have_text("Copied.")
        receipt = page.evaluate("navigator.clipboard.readText()")
        claims = jwt.decode(receipt, options={"verify_signature": False})
        assert claims["approvedActionHash"] == stored["approvedActionHash"]


def test_an_answer_follows_its_form_and_each_mistake_stands_at_its_field(
    api: Api, person: Person
) -> None:
    address = asked(api, "Which?", responseSchema=SCHEMA, decisions=["approve", "reject"])
    page = at_question(person, "vera", address)
    expect(page.get_by_label("Note")).to_have_value("As agreed")
    expect(page.get_by_label("Account")).to_have_attribute("aria-required", "true")
    # What every object inherits in the browser is no value, and nothing is wrong with it.
    expect(page.get_by_label("Builder")).to_have_value("")
    expect(page.get_by_label("Builder")).to_have_accessible_description("")

    page.get_by_label("Fee").fill("60")
    page.get_by_label("Who to ask").fill("the desk")
    page.keyboard.press("Escape")
    page.keyboard.press("a")
    for text in (
        "Account is required",
        "Customer was called is required",
        "Fee must be at most 50",
        "Who to ask must be an email address, such as name@example.com",
    ):
        expect(page.get_by_text(text)).to_be_visible()
    assert person.focused().startswith("Account")
    expect(page.get_by_label("Fee")).to_have_accessible_description(
        "In euros. Fee must be at most 50"
    )
    assert not person.violations()
    page.get_by_label("Account").select_option("Gift")
    page.get_by_label("Ground").select_option(" other ")
    page.get_by_label("Customer was called").select_option("no")
    page.get_by_label("Fee").fill("1,5")
    page.get_by_label("Who to ask").fill("desk@example.com")
    page.get_by_label("Done by").fill("2026-12-01T09:30")

    def worse(route: Route) -> None:
        body = json.loads(route.request.post_data or "")
        body["response"]["fee"] = 51
        route.continue_(post_data=json.dumps(body))

    person.allowed("400")
    page.route("**:decide", worse)
    page.get_by_role("button", name="Approve, it goes on").click()
    expect(page.get_by_text("Fee must be at most 50")).to_be_visible()
    page.unroute_all()
    page.get_by_role("button", name="Approve, it goes on").click()

    expect(page.locator(".open")).to_contain_text("Approved by you")
    assert answered(api, address)["response"] == {
        "account": "g",
        "ground": " other ",
        "called": False,
        "fee": 1.5,
        "contact": "desk@example.com",
        "until": "2026-12-01T08:30:00.000Z",
        "note": "As agreed",
    }


def test_only_decisions_that_are_allowed_have_buttons_and_an_answer_replaces_an_action(
    api: Api, person: Person
) -> None:
    address = asked(api, "Only these?", action=ACTION, decisions=["respond", "reject"])
    page = at_question(person, "vera", address)
    expect(page.get_by_role("button", name="Reject")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("Approve|Change"))).to_have_count(0)
    page.keyboard.press("a")
    page.get_by_label("Answer", exact=False).first.fill("Ask the bank first.")
    page.get_by_role("button", name="Answer instead").click()

    expect(page.get_by_text("The answer takes the place of the action")).to_be_visible()
    stored = answered(api, address)
    assert (stored["status"], stored["response"]) == ("rejected", {"text": "Ask the bank first."})


def test_two_people_approve_the_same_and_each_sees_who_has(
    api: Api, browser: Browser, url: str, person: Person
) -> None:
    opened(api, "acts")
    address = asked(api, "Together?", action=ACTION, approvalsRequired=2, caseId="acts")
    first = at_question(person, "vera", address)
    expect(first.get_by_role("heading", name="0 of 2 approvals")).to_be_visible()
    first.keyboard.press("e")
    first.get_by_label("amount").fill("1")
    first.get_by_role("button", name="Approve as changed").click()
    expect(first.get_by_role("heading", name="1 of 2 approvals")).to_be_visible()
    expect(first.locator(".decide")).to_contain_text("You have approved it already")
    first.get_by_label("Reason").fill("Not this after all")
    expect(first.get_by_role("button", name=re.compile("Approve|Claim"))).to_have_count(0)

    first.goto(f"{url}/console#/cases/acts")
    expect(first.locator("ul.entries li").filter(has_text="Together?")).to_contain_text(
        re.compile(r"payments\.refund.*Nobody holds it\. 1 of 2 approvals\.")
    )
    approved = first.locator("ol.entries li").filter(has_text="Approved by one more.")
    expect(approved).to_contain_text("Approved by one more. Together?")

    with at_browser(browser, url) as other:
        second = at_question(other, "paul", address)
        expect(second.locator(".open li").filter(has_text="vera@")).to_be_visible()
        expect(second.get_by_text("1 more person must approve.")).to_be_visible()
        # What the first has changed is what the second approves, unless they change it again.
        expect(row(second, "amount").locator("ins")).to_have_text("1")
        # Whoever has only begun to say why still approves what is approved by then.
        second.get_by_label("Reason").fill("As agreed")
        for amount in (3, 1):
            changed = {**ACTION["arguments"], "amount": amount}  # type: ignore[dict-item]
            edit = {"decision": "edit", "arguments": changed}
            api("vera", "POST", f"/interventions/{answered(api, address)['id']}:decide", edit)
            look_now(second)
            expect(second.get_by_label("amount")).to_have_value(str(amount))
        second.get_by_label("amount").fill("2")
        expect(second.get_by_text("approving yours begins anew")).to_be_visible()
        second.get_by_role("button", name="Drop the changes").click()
        expect(second.get_by_text("approves the arguments as asked")).to_be_visible()
        second.keyboard.press("e")
        expect(second.get_by_label("amount")).to_have_value("1")
        expect(second.locator(".decide")).not_to_contain_text("anew")
        second.get_by_role("button", name="Approve as changed").click()
        expect(second.locator(".open")).to_contain_text("Edited and approved by you")
    stored = answered(api, address)
    assert [one["by"] for one in stored["approvals"]] == ["vera@example.com", "paul@example.com"]
    assert stored["approvedArguments"]["amount"] == 1


def test_what_waits_for_enter_waits_no_more_when_others_change_it(api: Api, person: Person) -> None:
    critical = {"priority": "critical", "approvalsRequired": 2}
    address = asked(api, "At once?", action=ACTION, **critical)
    page = at_question(person, "paul", address)
    page.keyboard.press("a")
    armed = page.get_by_role("button", name="Approve this action: press")
    expect(armed).to_be_visible()

    edit = {"decision": "edit", "arguments": {"amount": 3}}
    api("vera", "POST", f"/interventions/{answered(api, address)['id']}:decide", edit)
    look_now(page)

    expect(page.get_by_label("amount")).to_have_value("3")
    expect(armed).to_have_count(0)


def test_a_claim_says_until_when_it_holds_and_a_pilot_hands_it_over(
    api: Api, browser: Browser, url: str, claim_minutes: None
) -> None:
    del claim_minutes
    address = asked(api, "Held until?")
    with at_browser(browser, url, ("409", "Failed")) as person:
        page = person.page
        page.clock.install(time=datetime.now(UTC))
        at_question(person, "vera", address)
        page.keyboard.press("c")
        expect(page.get_by_text(re.compile("Your claim holds until .*: 4:"))).to_be_visible()
        page.clock.fast_forward(301_000)
        expect(page.get_by_text("Your claim lapsed at")).to_be_visible()
        expect(page.get_by_role("button", name="Approve")).to_be_visible()
        expect(page.locator(".list")).to_contain_text("claim lapsed at")
        page.get_by_role("button", name="Hold longer").click()
        page.get_by_role("button", name="Hand over…").click()
        page.get_by_label("Beginning of a name").fill("paul@example.com")
        page.get_by_role("radio", name="paul@example.com").check()
        page.get_by_role("button", name="Assign").click()
        expect(page.locator(".decide")).to_contain_text(re.compile("The claim of paul|They decide"))
        opened(api, "claimed")
        api("paul", "POST", "/cases/claimed:claim")
        page.goto(f"{url}/console#/cases/claimed")
        # By the clock of this browser the claim has lapsed, so that it can be claimed.
        expect(page.locator(".meta")).to_contain_text("claim lapsed at")
        expect(page.get_by_role("button", name="Claim")).to_be_visible()
    assert answered(api, address)["assignedTo"] == "paul@example.com"
