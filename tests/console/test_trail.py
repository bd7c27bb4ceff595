"""The trail: what the browser itself proves of it, and what is found and kept of it."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import rfc8785
from playwright.sync_api import Browser, Page, Route, expect

from local.demo_tenant import TENANT
from local.editing import replace_text
from shared.models.events import EventType
from shared.rules.disclosures import erase
from tests.console.people import Person, at_browser
from tests.console.test_life import opened
from tests.console.test_looks import HOSTILE
from tests.reliability import independent
from tests.unit import test_disclosures as disclosed
from tests.unit.test_canonical import VALUES

Api = Callable[..., Any]


def lived(api: Api, case_id: str) -> str:
    """A case with some events, of texts and numbers that encoders differ on; gives its trail."""
    fields = {"county": "Fränklin \u2126", "n": 1e21, "m": 0.1, "k": 2.0}
    opened(api, case_id, title="\U0001f600 opened", summary="Before it all", fields=fields)
    summary = {"summary": "After it all", "tags": ["Ohio"]}
    api("vera", "PATCH", f"/cases/{case_id}", summary)
    api("vera", "PATCH", f"/cases/{case_id}", {"status": "blocked", "reason": "No answer yet"})
    note = {"eventType": "note_added", "message": "Asked again", "severity": "warning"}
    api("paul", "POST", f"/cases/{case_id}/audit", note)
    return f"#/trail/{case_id}"


def proof(page: Page) -> Any:
    return page.locator(".proof")


def test_the_browser_computes_every_hash_itself_and_says_so_apart_from_the_server(
    api: Api, person: Person
) -> None:
    page = person.signs_in("vera", lived(api, "proven"))

    head = api("vera", "GET", "/audit:verify?subject=cases/proven")["headHash"]
    expect(proof(page)).to_contain_text("Checked in this browser: 4 events, chain holds")
    expect(proof(page)).to_contain_text("The server says: 4 events, chain holds, same head")
    expect(proof(page)).to_contain_text(head)
    page.get_by_role("button", name="Case changed.").click()
    row = page.get_by_role("row", name=re.compile("^summary"))
    expect(row.locator("del")).to_have_text("Before ")
    expect(row.locator("ins")).to_have_text("After ")
    expect(page.get_by_text("as computed here", exact=True)).to_be_visible()
    page.get_by_role("button", name="Compare with mine…").click()
    page.get_by_label("The hash, 64 digits").fill(head)
    expect(page.get_by_role("dialog")).to_contain_text("nothing changed since you kept it")


def test_an_event_that_was_edited_on_its_way_is_named_though_the_server_says_that_all_holds(
    api: Api, browser: Browser, url: str
) -> None:
    address = lived(api, "on-its-way")

    def edited(route: Route) -> None:
        answer = route.fetch()
        body = answer.json()
        body["events"][1]["reason"] = "Another reason"
        route.fulfill(response=answer, json=body)

    with at_browser(browser, url) as person:
        person.page.route("**/v1/cases/on-its-way/audit*", edited)
        page = person.signs_in("vera", address)
        expect(proof(page)).to_contain_text("breaks at event 3: its content does not match its")
        expect(proof(page)).to_contain_text("The server says: 4 events, chain holds")
        expect(page.locator(".chain > .gap .m")).to_have_text("3")
        expect(page.locator(".chain > .after .m")).to_have_text(["4"])


def test_an_event_that_was_edited_or_removed_in_the_store_is_named_by_both(
    api: Api, person: Person, database: Path
) -> None:
    address = lived(api, "in-the-store")
    this = '"subject":"cases/in-the-store"'
    assert replace_text(database, "No answer yet", "It was answered", where=this) == 1
    page = person.signs_in("vera", address)
    expect(proof(page)).to_contain_text("breaks at event 3: its content does not match its hash")
    expect(proof(page)).to_contain_text("The server says: the chain breaks at event 3")

    assert replace_text(database, "It was answered", "No answer yet", where=this) == 1
    page.get_by_role("button", name="Verify again").click()
    expect(proof(page)).to_contain_text("chain holds, same head")
    page.route("**/v1/cases/in-the-store/audit*", without_second)
    page.get_by_role("button", name="Verify again").click()
    expect(proof(page)).to_contain_text("breaks at event 2: it is missing")


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ({}, "Nothing is in the log yet."),
        (
            {"log": {"size": 2048, "index": 2047, "sealed": 3}},
            (
                "In the log: 3 of 4 events, the newest at index 2047; the log has 2,048 entries."
                " The others follow within two minutes."
            ),
        ),
        (
            {"log": {"size": 9, "index": None, "sealed": 0, "refused": "it was set back"}},
            (
                "In the log: 0 of 4 events; the log has 9 entries."
                " Nothing is added to the log until an admin starts a new epoch: it was set back"
            ),
        ),
        (
            {
                "valid": False,
                "firstBroken": {"sequence": 2, "problem": "it is gone", "field": "evidence/e1"},
            },
            "The server says: at event 2, evidence/e1 does not hold: it is gone",
        ),
    ],
)
def test_the_browser_shows_what_the_server_says_of_the_log_and_of_what_is_stored(
    api: Api, person: Person, told: dict[str, Any], shown: str
) -> None:
    address = lived(api, f"told-{len(shown)}")

    def answered(route: Route) -> None:
        answer = route.fetch()
        body = answer.json()
        route.fulfill(response=answer, json={**without_log(body), **told})

    person.page.route("**/v1/audit:verify*", answered)
    page = person.signs_in("vera", address)

    expect(proof(page)).to_contain_text(shown)
    fails = "refused" in str(told) or "valid" in told
    expect(page.locator(".proof.fails")).to_have_count(int(fails))


def without_log(body: dict[str, Any]) -> dict[str, Any]:
    """What a verification says, but of the log."""
    return {name: value for name, value in body.items() if name != "log"}


def without_second(route: Route) -> None:
    """Answers with the trail, but for its second event."""
    answer = route.fetch()
    body = answer.json()
    body["events"] = [one for one in body["events"] if one["sequence"] != 2]
    route.fulfill(response=answer, json=body)


def test_the_browser_writes_any_value_in_the_form_that_rfc_8785_names(person: Person) -> None:
    contents: list[Any] = [
        {"\U0001f600": 1, "\ue000": 2, "__proto__": 3, "10": 4, "9": 5},
        {"n": 1e21, "m": -0.0, "k": 1.0, "tiny": 5e-324, "third": 1 / 3, "big": 2**53 - 1},
        {"control": '\x00\x1f\x7f\u2028\b\f\n\r\t"\\/', "texts": HOSTILE},
    ]

    @hypothesis.settings(derandomize=True, max_examples=200, deadline=None, database=None)
    @hypothesis.given(VALUES)
    def collected(content: Any) -> None:
        contents.append(content)

    collected()
    page = person.goto()
    written = page.evaluate(
        "async (texts) => (({canonical}) => texts.map((text) => canonical(JSON.parse(text))))"
        "(await import('/console/canonical.js'))",
        [json.dumps(one) for one in contents],
    )
    assert written == [rfc8785.dumps(one).decode() for one in contents]


HASHES = (
    "async (events) => { const {eventHash} = await import('/console/chain.js');"
    " return Promise.all(events.map((event) => eventHash('acme', JSON.parse(event)))); }"
)


def test_the_browser_computes_the_hash_of_any_event_and_finds_what_python_finds(
    person: Person,
) -> None:
    found: list[Any] = [disclosed.event().content(), disclosed.erased_event()]

    @hypothesis.settings(derandomize=True, max_examples=60, deadline=None, database=None)
    @hypothesis.given(VALUES, VALUES)
    def collected(old: Any, new: Any) -> None:
        meta = {"a/b": old, "__proto__": new, "m~": [new], "": "x"}
        change = {"field": "fields", "old": old, "new": new}
        made = disclosed.event(event_type=EventType.CUSTOM, changes=[change], meta=meta).content()
        gone = erase(made, [*made["disclosures"]][::2], "e-9")
        found.extend([made, gone, {**made, "disclosures": {}}])

    collected()
    attacked = []
    for attack in disclosed.ATTACKS:
        attacked.append(content := disclosed.erased_event())
        attack(content)
    page = person.goto()
    computed = page.evaluate(HASHES, [json.dumps(one) for one in found])
    assert computed == [independent.event_hash("acme", one) for one in found]
    computed = page.evaluate(HASHES, [json.dumps(one) for one in attacked])
    held = [one["hash"] == computed[at] for at, one in enumerate(attacked)]
    assert held == [attack in disclosed.NOT_HASHED for attack in disclosed.ATTACKS]


def test_the_browser_acts_on_keys_while_a_long_trail_is_checked(person: Person) -> None:
    busy = "const end = performance.now() + 30; while (performance.now() < end);"
    keys = person.goto().evaluate(
        "async () => { const {inTurns} = await import('/console/chain.js'); let keys = 0;"
        f" for await (const _ of inTurns([1, 2, 3])) {{ setTimeout(() => keys += 1); {busy} }}"
        " return keys; }"
    )

    assert keys == 3


def test_what_happened_before_an_import_is_told_with_its_own_time_and_person(
    api: Api, person: Person
) -> None:
    text = "Asked <b>the board</b>"
    told = {"at": "2025-06-03T09:30:00Z", "by": "Kim Smith", "text": text}
    row = {"source": "jira", "rowKey": "LEG-17", "createdAt": "2025-06-02T08:00:00Z"}
    named = {"id": "brought", "decisionType": "csf", "title": "From elsewhere"}
    named["summary"] = "Word\n" * 1000
    api("ada", "POST", "/cases:import", {**row, **named, "history": [told]})

    page = person.signs_in("vera", "#/trail/brought")

    expect(proof(page)).to_contain_text("Checked in this browser: 2 events, chain holds")
    event = page.get_by_role("listitem").filter(has_text="Before the import.")
    expect(event).to_contain_text(f"Kim Smith: {text}")
    expect(event.locator(".what")).to_contain_text("2025")
    expect(page.get_by_text("Case imported from jira.")).to_be_visible()
    page.goto(page.url.replace("#/trail/", "#/cases/"))
    # A long summary leaves the case in sight, and can be scrolled with the keyboard.
    expect(page.get_by_role("button", name="Needs info")).to_be_in_viewport()
    expect(page.locator(".summary")).to_have_attribute("tabindex", "0")


def test_what_was_erased_is_called_erased_and_the_chain_holds(api: Api, person: Person) -> None:
    address = lived(api, "by-letter")
    lawful = {"subject": "cases/by-letter", "legalBasis": "GDPR Art. 17", "reason": "By letter"}
    asked = api("ada", "POST", "/audit:erase", lawful)
    done = api("alex", "POST", f"/erasures/{asked['id']}:confirm")

    page = person.signs_in("vera", address)

    expect(proof(page)).to_contain_text("Checked in this browser: 4 events, chain holds")
    expect(proof(page)).to_contain_text("The server says: 4 events, chain holds, same head")
    expect(proof(page)).to_contain_text(re.compile(r"\d+ values in them were erased"))
    main = page.locator("main")
    for text in (
        "vera@example.com",
        "paul@example.com",
        "Asked again",
        "No answer yet",
        "After it",
    ):
        expect(main).not_to_contain_text(text)
    rows = page.locator(".chain > li")
    expect(rows.locator(".who-did")).to_have_text(["erased"] * 4)
    page.get_by_role("button", name="Case changed.").click()
    row = page.get_by_role("row", name=re.compile("^summary"))
    expect(row.get_by_role("cell")).to_have_text(["erased", "erased"])
    expect(page.locator("dt:text('Erased') + dd")).to_contain_text(done["eventId"])
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download as JSON Lines").click()
    lines = [json.loads(line) for line in Path(saved.value.path()).read_text().splitlines()]
    independent.assert_chain(TENANT, lines)
    assert [one["message"] for one in lines] == ["erased"] * 4


def test_what_is_filtered_stands_in_the_address_and_is_downloaded_as_json_lines(
    api: Api, person: Person
) -> None:
    page = person.signs_in("vera", lived(api, "filtered"))
    rows = page.locator(".chain > li")
    expect(rows).to_have_count(4)
    page.get_by_label("Who").select_option("paul@example.com")
    expect(rows).to_have_count(1)
    page.get_by_label("Who").select_option("")
    page.get_by_label("Severity").select_option("warning")
    expect(page).to_have_url(re.compile("severity=warning"))
    expect(rows).to_contain_text(["Asked again."])
    page.get_by_label("What").select_option("status_changed")
    expect(page.get_by_text("No event fits these filters.")).to_be_visible()
    page.get_by_role("link", name="Show everything").click()
    expect(rows).to_have_count(4)

    with page.expect_download() as found:
        page.get_by_role("button", name="Download as JSON Lines").click()
    lines = Path(found.value.path()).read_text().splitlines()
    listed = api("vera", "GET", "/cases/filtered/audit")["events"]
    assert [json.loads(line) for line in lines] == listed[::-1]
    assert found.value.suggested_filename == "filtered.jsonl"


def test_the_tenant_s_trail_is_filtered_by_the_server_and_checked_event_by_event(
    api: Api, person: Person
) -> None:
    lived(api, "of-the-tenant")
    page = person.signs_in("vera", "#/trail?actor=paul@example.com&eventType=note_added")
    rows = page.locator(".chain > li")

    expect(rows.first).to_contain_text("of-the-tenant")
    expect(proof(page)).to_contain_text(re.compile(r"each of the \d+ events? shown has the hash"))
    assert {"paul@example.com"} == set(rows.locator(".who-did").all_inner_texts())
    page.get_by_label("What").select_option("case_created")
    expect(page.get_by_text("No event fits these filters.")).to_be_visible()


def test_hostile_events_are_shown_as_text(api: Api, person: Person) -> None:
    opened(api, "hostile-trail")
    for text in HOSTILE:
        note = {"eventType": "note_added", "message": text, "meta": {text: text}}
        api("vera", "POST", "/cases/hostile-trail/audit", note)
    page = person.signs_in("vera", "#/trail/hostile-trail")
    expect(proof(page)).to_contain_text("chain holds, same head")

    for text in HOSTILE:
        row = page.locator(".chain > li").filter(has_text=text)
        row.get_by_role("button", name="Note added.").click()
        expect(row.locator("dt:text('Details') + dd")).to_have_text(
            json.dumps({text: text}, separators=(",", ":"), ensure_ascii=False)
        )
    assert not page.locator("main script, main img, main b:text('bold')").count()


def test_an_auditor_keeps_a_case_as_a_zip_from_its_page_and_from_its_trail(
    api: Api, person: Person
) -> None:
    page = person.signs_in("audra", lived(api, "kept"))

    for address, heading in (("#/trail/kept", "Trail"), ("#/cases/kept", "\U0001f600 opened")):
        page.evaluate("address => { location.hash = address }", address)
        page.get_by_role("heading", level=1, name=heading).wait_for()
        with page.expect_download() as found:
            page.get_by_role("button", name="Export case").click()
        assert found.value.suggested_filename == "kept.zip"
        with zipfile.ZipFile(found.value.path()) as bundle:
            assert bundle.testzip() is None
            assert json.loads(bundle.read("case.json"))["title"] == "\U0001f600 opened"


def test_who_may_not_export_is_not_offered_it(api: Api, person: Person) -> None:
    page = person.signs_in("nora", lived(api, "not-kept"))

    expect(proof(page)).to_contain_text("chain holds")
    expect(page.get_by_role("button", name="Export case")).to_have_count(0)
