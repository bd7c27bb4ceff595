"""Inbox, trail, figures and administration: any eye, any width, and another language."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.console.people import api_of, at_browser
from tests.console.test_life import opened

Api = Callable[..., Any]

# Texts of English in nodes and in attributes, where the German text is another one.
_LEFT = """
async () => {
  const load = async (name) => Promise.all(["texts", "figures_texts"].map(
    async (module) => (await import(`/console/${module}.${name}.js`)).default));
  const strings = (value) => typeof value === "string" ? [value]
    : value && typeof value === "object" ? Object.values(value).flatMap(strings) : [];
  const german = new Set(strings(await load("de")));
  const english = new Set(strings(await load("en")).filter((one) => !german.has(one)));
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) found.push(walker.currentNode.data);
  for (const one of document.querySelectorAll("[aria-label], [placeholder], [title]"))
    found.push(one.getAttribute("aria-label"), one.getAttribute("placeholder"), one.title);
  return found.map((one) => one?.trim()).filter((one) => english.has(one));
}
"""


@pytest.fixture(scope="module")
def question(url: str) -> str:
    """The address of a question that has everything, of a case with a life."""
    api = api_of(url)
    opened(api, "other-pages", title="A case with a life", decisionType="other_pages")
    api("vera", "PATCH", "/cases/other-pages", {"summary": "One", "status": "in_review"})
    api("alex", "POST", "/cases/other-pages/holds", {"reason": "Court order 26-118"})
    asked = {
        "uowId": "other-pages",
        "type": "clarification",
        "title": "A question with everything",
        "description": "Why it is asked",
        "caseId": "other-pages",
        "priority": "critical",
        "context": {"a": [1, {"long": "text " * 30}]},
        "expiresInSeconds": 280,
    }
    other = api("checker", "POST", "/interventions", {**asked, "uowId": "other"})
    body = {"decision": "reject", "reason": "Asked twice"}
    api("paul", "POST", f"/interventions/{other['id']}:decide", body)
    return f"#/inbox/{api('checker', 'POST', '/interventions', asked)['id']}"


def visited(page: Page, url: str, question: str) -> dict[str, Callable[[], None]]:
    """How each page and state is come to."""

    def at(address: str, ready: str, click: str | None = None) -> Callable[[], None]:
        def go() -> None:
            page.goto(f"{url}/console{address}")
            page.locator(ready).first.wait_for()
            page.wait_for_load_state("networkidle")
            if click:
                page.locator(click).first.click()

        return go

    return {
        "inbox": at("#/inbox", ".entries .name"),
        "question": at(question, "#question"),
        "armed": lambda: page.keyboard.press("a"),
        "decided": at("#/inbox?tab=decided", ".entries .name"),
        "trail": at("#/trail/other-pages", ".proof code", ".chain button.kind"),
        "trail of the tenant": at("#/trail?actor=mallory@example.com", ".empty a"),
        "figures": at("#/figures", "figure", "figure summary"),
        "admin": at("#/admin", ".settings input"),
        "cases": at("#/cases?decisionType=other_pages", "tr .t"),
        "case": at("#/cases/other-pages", ".moves"),
    }


def test_no_other_page_breaks_a_rule_of_wcag_and_none_scrolls_sideways_at_320_pixels(
    browser: Browser, url: str, question: str
) -> None:
    found, wide = {}, {}
    with at_browser(browser, url) as person:
        page = person.signs_in("alex")
        for name, go in visited(page, url, question).items():
            go()
            found[name] = person.violations()
            page.set_viewport_size({"width": 320, "height": 256})
            wide[name] = page.evaluate("document.documentElement.scrollWidth")
            page.set_viewport_size({"width": 1440, "height": 900})
    assert {name: those for name, those in found.items() if those} == {}
    assert {name: width for name, width in wide.items() if width != 320} == {}


def test_a_german_browser_shows_german_everywhere(
    browser: Browser, url: str, question: str
) -> None:
    left = {}
    with at_browser(browser, url, locale="de-DE") as person:
        page = person.goto()
        page.get_by_text("Beim lokalen Lauf anmelden").or_(page.locator("h1")).first.wait_for()
        left["sign-in"] = page.evaluate(_LEFT)
        assert page.evaluate("document.documentElement.lang") == "de"
        page = person.signs_in("alex")
        pages = visited(page, url, question)
        for name, go in pages.items():
            go()
            left[name] = page.evaluate(_LEFT)
        page.keyboard.press("?")
        left["keys"] = page.evaluate(_LEFT)
    assert {name: texts for name, texts in left.items() if texts} == {}
