"""What an auditor sees in the console: what everybody else sees, and no button that acts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from tests.console.people import Person
from tests.console.test_life import opened

Api = Callable[..., Any]


def test_an_auditor_finds_no_button_and_no_field_that_would_change_anything(
    api: Api, person: Person
) -> None:
    case = opened(api, "audited", assignedTo="audra@example.com")
    api("intake", "POST", "/cases/audited/evidence", {"evidence": [{"id": "e", "title": "Found"}]})
    api("alex", "POST", "/cases/audited/holds", {"reason": "Court order 26-118"})
    question = {"uowId": "u", "caseId": "audited", "type": "resume", "title": "Audited?"}
    asked = api("robot", "POST", "/interventions", question)["id"]
    person.signs_in("audra", case)

    # What is there looks, exports, prints and compares; of what is stored only their own views.
    seen = {
        case: ("Found", ["Export case", "Print case", "Print packet"]),
        f"#/inbox/{asked}": ("This is decided by a pilot, or a higher role.", []),
        "#/admin": ("Only an admin changes settings.", []),
        "#/cases": ("Case audited", ["More…", "Save view…", "Due "]),
    }
    for address, (text, buttons) in seen.items():
        page = person.goto(address)
        expect(page.locator("main").get_by_text(text).first).to_be_visible()
        page.wait_for_load_state("networkidle")
        assert page.locator("main").get_by_role("button").all_inner_texts() == buttons, address
        expect(page.locator("main textarea")).to_have_count(0)


def test_an_auditor_sees_every_page_the_servers_check_and_what_runs_automatically(
    api: Api, person: Person
) -> None:
    opened(api, "audited-too")
    page = person.signs_in("audra", "#/trail/audited-too")
    links = page.get_by_role("navigation", name="Pages").get_by_role("link")
    expect(links).to_have_count(5)
    expect(page.get_by_text("The server says: 1 event, chain holds, same head")).to_be_visible()

    person.goto("#/admin")

    expect(page.get_by_role("row").filter(has_text="Expire questions")).to_be_visible()
    assert not [one.url for one in person.responses if one.status == 403]
