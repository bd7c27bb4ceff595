"""What every page keeps to: nothing from elsewhere, texts as text, any eye and any width."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.console.people import Person, at_browser
from tests.console.test_life import opened

Api = Callable[..., Any]

FIRST_LOAD_BYTES = 60_000
HOSTILE = [
    "<script>document.title = 'taken'</script>",
    "<img src=x onerror=\"document.title = 'taken'\">",
    "\"'><svg onload=alert(1)>",
    "{{constructor.constructor('alert(1)')()}} ${alert(1)}",
    "javascript:alert(1)",
    "</textarea></title></style><b>bold</b>",
    "&lt;b&gt; &amp; gnp.exe \U0001f469\u200d\u2696\ufe0f \ud55c\uad6d\uc5b4",
]
PAGES = ["#/cases", "#/cases?overdue=true", "#/cases/looks", "#/nowhere"]


@pytest.fixture(scope="module")
def looks(url: str) -> str:
    """A case that has something of everything."""
    from tests.console.people import api_of  # noqa: PLC0415

    api = api_of(url)
    opened(api, "looks", tags=["Ohio"], severity="critical", fields={"county": "Franklin"})
    items = [{"id": f"e{n}", "title": f"Item {n}", "snippet": "Text " * 40} for n in range(3)]
    api("intake", "POST", "/cases/looks/evidence", {"evidence": items})
    api("vera", "PUT", "/cases/looks/evidence", {"packetEvidenceIds": ["e2", "e0"]})
    run = {"id": "looks-run", "agentId": "checker", "packId": "recheck", "version": "1.0.0"}
    api("checker", "POST", "/cases/looks/runs", run)
    asked = {"uowId": "looks-run", "type": "resume", "title": "Go on?", "caseId": "looks"}
    api("checker", "POST", "/interventions", asked)
    record = {"kind": "finding", "title": "Found", "data": {"page": 3}, "runId": "looks-run"}
    api("checker", "POST", "/cases/looks/records", record)
    return "looks"


@pytest.mark.parametrize("locale", ["en-GB", "de-DE"])
def test_the_first_load_is_small_and_asks_nobody_else(
    browser: Browser, url: str, locale: str
) -> None:
    with at_browser(browser, url, locale=locale) as person:
        page = person.signs_in("vera")
        page.locator(".tabs").wait_for()

        files = [one for one in person.responses if one.url.startswith(f"{url}/console")]
        sizes = {one.url: len(gzip.compress(one.body(), 9)) for one in files if one.ok}

        assert sum(sizes.values()) <= FIRST_LOAD_BYTES, sizes


def test_no_page_breaks_a_rule_of_wcag_in_light_or_dark(
    browser: Browser, url: str, looks: str
) -> None:
    del looks
    with at_browser(browser, url) as person:
        page = person.goto()
        page.locator("h1").wait_for()
        found = {"sign-in": person.violations()}
        person.signs_in("vera")
        for address in PAGES:
            page.goto(f"{url}/console{address}")
            page.locator("h1").wait_for()
            page.wait_for_load_state("networkidle")
            found[address] = person.violations()
        page.goto(f"{url}/console#/cases/looks")
        for key, name in {"?": "Keys", "e": "Edit the case"}.items():
            page.get_by_role("button", name="Edit", exact=True).wait_for()
            page.keyboard.press(key)
            page.get_by_role("dialog", name=name).wait_for()
            found[name] = person.violations()
            page.keyboard.press("Escape")
        assert {name: those for name, those in found.items() if those} == {}


def test_nothing_is_lost_at_320_pixels_or_400_percent(
    browser: Browser, url: str, looks: str
) -> None:
    del looks
    # A window of 1280 by 1024 at 400 % has 320 by 256 CSS pixels.
    with at_browser(browser, url, viewport={"width": 320, "height": 256}) as person:
        page = person.signs_in("alex")
        for address in PAGES:
            page.goto(f"{url}/console{address}")
            page.wait_for_load_state("networkidle")
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert (address, wide) == (address, 320)
        page.goto(f"{url}/console#/cases/looks")
        for text in ("Item 0", "Go on?", "csf", "Timeline", "Problem statement", "county"):
            expect(page.get_by_text(text, exact=False).first).to_be_visible()


def test_hostile_texts_are_shown_as_text_everywhere(api: Api, person: Person) -> None:
    for number, text in enumerate(HOSTILE):
        case_id = f"hostile-{number}"
        opened(api, case_id, title=text, summary=text, tags=[text[:50]], fields={"own": text})
        item = {"title": text, "snippet": text, "citation": text, "tags": [text[:50]]}
        api("intake", "POST", f"/cases/{case_id}/evidence", {"evidence": [item]})
        api("vera", "PATCH", f"/cases/{case_id}", {"status": "blocked", "reason": text})
        asked = {"uowId": text, "type": "resume", "title": text, "caseId": case_id}
        api("intake", "POST", "/interventions", asked)
        record = {"kind": "finding", "title": text, "data": {"text": text}}
        api("intake", "POST", f"/cases/{case_id}/records", record)
    page = person.signs_in("vera")
    page.locator("tr .t").first.wait_for()

    for number, text in enumerate(HOSTILE):
        expect(page.locator(f"a[href='#/cases/hostile-{number}']")).to_have_text(text)
        page.goto(f"{person.url}/console#/cases/hostile-{number}")
        expect(page.locator("h1")).to_have_text(text)
        expect(page.locator(".entries .name").first).to_have_text(text)
        assert page.title() == f"hostile-{number}, {text}, Caseledger".strip()
        assert not page.locator("main script, main img, main b:text('bold')").count()
        page.go_back()
        page.locator("tr .t").first.wait_for()
