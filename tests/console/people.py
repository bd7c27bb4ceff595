"""People at their browsers, which are watched for what must never happen in the console."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, Response, sync_playwright

from local.client import Answer, call
from local.demo_tenant import token
from shared.edge.local_people import PEOPLE

ROOT = Path(__file__).parents[2]
AXE = ROOT / "tests/clients/node_modules/axe-core/axe.min.js"
# Without windows Chromium takes half the time; the pages are drawn and run by the same engine.
_NAMES = ("chromium-headless-shell", "chromium")
CHROMIUM = Path(next(filter(None, map(shutil.which, _NAMES)), "/usr/bin/chromium"))
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_SECONDS = 10.0
_REPORTS = """
window.reports = [];
addEventListener("securitypolicyviolation", (event) =>
  window.reports.push(`${event.violatedDirective} ${event.blockedURI}`));
"""
ROLES = {one.sub: one.role for one in PEOPLE}


def _told(said: ConsoleMessage) -> str:
    """What the browser's console says, and about which address."""
    return f"{said.text} {said.location['url']}"


class Person:
    """One of the people of the local run, in a browser of their own.

    `wrong` collects errors on the browser's console and in the page, violations of the policy and
    requests to other hosts; `allowed` are texts of which such an error may have one.
    """

    def __init__(self, page: Page, url: str, allowed: tuple[str, ...] = ()) -> None:
        self.page = page
        self.url = url
        self.wrong: list[str] = []
        self._allowed = [*allowed]
        self.responses: list[Response] = []
        page.on("response", lambda response: self.responses.append(response))  # noqa: PLW0108
        page.on(
            "console", lambda said: self._note(said.type == "error", _told(said), self._allowed)
        )
        page.on("pageerror", lambda error: self._note(True, str(error), []))  # noqa: FBT003 - it is an error
        page.on("request", lambda asked: self._note(*self._foreign(asked.url), self._allowed))

    def allowed(self, text: str) -> None:
        """Lets an error have this text from now on."""
        self._allowed.append(text)

    def goto(self, address: str = "") -> Page:
        """Opens an address of the console, from its #."""
        self.page.goto(f"{self.url}/console{address}")
        return self.page

    def signs_in(self, name: str, address: str = "") -> Page:
        """Chooses who to be, by the key beside the name."""
        self.goto(address)
        self.page.get_by_role("button", name=f"{name}@example.com").press("Enter")
        self.page.locator(".menu").wait_for()
        return self.page

    def tabs_to(self, name: str, key: str = "Tab") -> None:
        """Presses Tab until what has the focus is called so."""
        seen = []
        for _ in range(150):
            self.page.keyboard.press(key)
            seen.append(self.focused())
            if seen[-1].startswith(name):
                return
        raise AssertionError(f"{name} is not reached by {key}, only {seen}")

    def focused(self) -> str:
        """What has the focus: its label or its text."""
        return str(
            self.page.evaluate(
                "(document.activeElement.ariaLabel"
                " ?? document.activeElement.labels?.[0]?.innerText"
                " ?? document.activeElement.innerText ?? '').trim()"
            )
        )

    def violations(self) -> list[str]:
        """What axe-core finds by WCAG 2.0 to 2.2, A and AA, in light and in dark."""
        if not self.page.evaluate("'axe' in window"):
            # By the browser's own channel: the page's policy allows no script that is added.
            self.page.context.new_cdp_session(self.page).send(
                "Runtime.evaluate", {"expression": AXE.read_text()}
            )
        every = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']"
        # Of all rules, only that on contrast goes by the colours.
        asked: dict[Literal["light", "dark"], str] = {"light": every, "dark": "['color-contrast']"}
        found = []
        for scheme, rules in asked.items():
            self.page.emulate_media(color_scheme=scheme)
            # Without the places of all that is right it takes half the time.
            options = f"{{runOnly: {rules}, resultTypes: ['violations']}}"
            result = self.page.evaluate(f"axe.run({options})")
            found += [
                f"{scheme}, {one['id']}: {node['html'][:200]} {node['failureSummary']}"
                for one in result["violations"]
                for node in one["nodes"]
            ]
        return found

    def reports(self) -> list[str]:
        """The policy's reports."""
        return list(self.page.evaluate("window.reports"))

    def _foreign(self, url: str) -> tuple[bool, str]:
        own = {urlsplit(self.url).netloc, ""}
        return urlsplit(url).netloc not in own, f"a request to {url}"

    def _note(self, wrong: bool, text: str, allowed: list[str]) -> None:  # noqa: FBT001
        if wrong and not any(one in text for one in allowed):
            self.wrong.append(text)


def at(address: str, ready: str = "h1", who: str = "vera") -> Callable[[Person], Page]:
    """Somebody at an address."""

    def show(person: Person) -> Page:
        page = person.signs_in(who, address)
        page.locator(ready).first.wait_for()
        page.wait_for_load_state("networkidle")
        return page

    return show


@contextlib.contextmanager
def at_browser(
    browser: Browser, url: str, allowed: tuple[str, ...] = (), **options: Any
) -> Iterator[Person]:
    """A person at a fresh profile. At the end nothing went wrong that must not."""
    settings = {
        "viewport": {"width": 1440, "height": 900},
        "locale": "en-GB",
        "timezone_id": "Europe/Berlin",
        "reduced_motion": "reduce",
        **options,
    }
    context = browser.new_context(**settings)
    context.set_default_timeout(_SECONDS * 1000)
    context.add_init_script(_REPORTS)
    person = Person(context.new_page(), url, allowed)
    try:
        yield person
        wrong = [*person.wrong, *person.reports()]
        assert not wrong, wrong
    finally:
        context.close()


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """A running Chromium, Debian's own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def api_of(url: str) -> Callable[..., Any]:
    """Sends requests to the API as one of the people, or as an agent; gives the body."""

    def send(who: str, method: str, path: str, body: Any = None, **headers: str) -> Any:
        role = ROLES.get(who, "agent")
        answer: Answer = call(
            method, f"{url}/v1{path}", token=token(role, who), body=body, headers=headers
        )
        assert answer.code < 300, (method, path, answer.code, answer.body)
        return answer.body

    return send
