"""Keystrokes in the console, by the browser's own timing (W3C Event Timing): from key to paint."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, Route

from benchmarks.seed import seed
from benchmarks.server import API, TENANT, Connection, embedded_variables, request, served
from benchmarks.table import Row
from local.tokens import unsigned_token
from tests.console.people import CHROMIUM, chromium

_CASES, _EVENTS, _AT_ONCE = 10_000, 2_000, 200
_KEYS = 60
_GOAL = 100
_SHORTEST = 16
"""Milliseconds below which the browser reports nothing, and in whose half it counts."""
_OBSERVED = """
window.keys = new Map();
new PerformanceObserver((list) => {
  for (const one of list.getEntries())
    if (one.name === "keydown") window.keys.set(one.startTime, one.duration);
}).observe({type: "event", durationThreshold: 16, buffered: true});
"""


def measured(directory: Path) -> list[Row]:
    """The rows of this part. Without a browser there are none."""
    if not CHROMIUM.exists():
        return []
    file = directory / "console.db"
    seed(file, _CASES)
    with served(API, embedded_variables(file)) as server, chromium() as browser:
        for number in range(_EVENTS):
            note = {"eventType": "note_added", "message": f"Call {number} with the applicant"}
            server.send(request("POST", "/cases/CASE-000001/audit", note))
        page = browser.new_page()
        page.add_init_script(_OBSERVED)
        page.route("**/console/token", _token)
        _sign_in(page, server)
        return [
            _row(page, f"J in a queue of {_CASES:,} cases", "#/cases", "j"),
            _row(page, f"X in a queue of {_CASES:,} cases", "#/cases", "x"),
            _row(page, f"J in a trail of {_EVENTS:,} events", "#/trail/CASE-000001", "j"),
            _row(page, f"Enter in a trail of {_EVENTS:,} events", "#/trail/CASE-000001", "Enter"),
        ]


def _token(asked: Route) -> None:
    token = unsigned_token(sub="vera", tenant=TENANT, role="pilot", email="vera@example.com")
    asked.fulfill(json={"token": token})


def _sign_in(page: Page, server: Connection) -> None:
    page.goto(f"http://127.0.0.1:{server.port}/console")
    page.get_by_role("button", name="vera@example.com").click()
    page.locator(".menu").wait_for()


def _row(page: Page, what: str, address: str, key: str) -> Row:
    page.evaluate("to => { location.hash = to; }", address)
    page.locator("main .here, main [role=status], main td").first.wait_for()
    page.wait_for_load_state("networkidle")
    page.evaluate("window.keys.clear()")
    for _ in range(_KEYS):
        page.keyboard.press(key)
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    slow = sorted(page.evaluate("[...window.keys.values()]"))
    times = [*[_SHORTEST / 2] * (_KEYS - len(slow)), *slow]
    middle, worst = times[_KEYS // 2], times[-1]
    return Row(
        what,
        f"{middle:.0f} ms",
        f"{worst:.0f} ms",
        f"the slowest of {_KEYS}",
        goal=f"<= {_GOAL} ms",
        met=worst <= _GOAL,
    )
