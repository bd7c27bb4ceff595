"""Pictures of each page and state of the console, in `.local/pictures`, to be looked at.

`python -m tests.console.pictures [name…]` makes all of them, or those whose names begin so.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from local import demo_data, demo_tenant
from local.log_key import new_keys
from local.ports import free_port
from local.sealing import sealed_later
from local.server import running_server, sqlite
from tests.console import pictures_pages
from tests.console.people import ROOT, Person, api_of, at, at_browser, chromium

Api = Callable[..., Any]

OUT = ROOT / ".local/pictures"
_DESK = {"width": 1440, "height": 900}
_PHONE = {"width": 390, "height": 844}
_NARROW = {"width": 320, "height": 256}
_CASE = "CASE-2026-100"


def main(names: list[str]) -> None:
    """Makes the pictures."""
    OUT.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as directory,
        (Path(directory) / "log").open("w") as log,
        running_server(sqlite(Path(directory) / "db"), free_port(), log) as url,
        chromium() as browser,
    ):
        demo_data.load(sqlite(Path(directory) / "db"))
        seed(api_of(url.removesuffix("/v1")))
        pictures_pages.seed(api_of(url.removesuffix("/v1")), _CASE)
        sealed_later(Path(directory) / "db", new_keys("caseledger"), demo_tenant.TENANT)
        for name, (show, size) in VIEWS.items():
            if not names or any(name.startswith(one) for one in names):
                _picture(browser, url.removesuffix("/v1"), name, show, size)


def _picture(
    browser: Browser, url: str, name: str, show: Callable[[Person], Page], size: dict[str, int]
) -> None:
    options: list[tuple[str, dict[str, Any]]] = [
        ("light", {"color_scheme": "light"}),
        ("dark", {"color_scheme": "dark"}),
    ]
    if name.endswith("forced"):
        options = [("light", {"forced_colors": "active"})]
    for scheme, option in options:
        with at_browser(browser, url, ("4", "Failed"), viewport=size, **option) as person:
            page = show(person)
            page.wait_for_load_state("networkidle")
            file = OUT / f"{name}-{scheme}.png"
            page.screenshot(path=file, full_page=name.endswith(("whole", "320", "390", "print")))
            print(file.relative_to(ROOT))  # noqa: T201


def _selected(person: Person) -> Page:
    page = at("#/cases", ready="tr .t")(person)
    for key in "jjxjjxjxj":
        page.keyboard.press(key)
    return page


def _pressed(*keys: str, address: str = f"#/cases/{_CASE}") -> Callable[[Person], Page]:
    def show(person: Person) -> Page:
        page = at(address, ready=".moves, .cases, .empty")(person)
        for key in keys:
            page.keyboard.press(key)
        return page

    return show


def _button(name: str, address: str = f"#/cases/{_CASE}") -> Callable[[Person], Page]:
    def show(person: Person) -> Page:
        page = at(address, ready=".moves, .cases")(person)
        page.get_by_role("button", name=name).first.click()
        page.get_by_role("dialog").wait_for()
        return page

    return show


def _conflict(person: Person) -> Page:
    page = _pressed("e")(person)
    page.get_by_label("Summary").fill("Application for schedule II; Dublin site to be left out")
    now = datetime.now(UTC).strftime("%H:%M:%S")
    theirs = {"summary": f"Application, schedule II, two practice sites, {now}"}
    api_of(person.url)("paul", "PATCH", f"/cases/{_CASE}", theirs)
    page.get_by_role("button", name="Save").click()
    page.get_by_role("dialog", name="The case changed while you wrote").wait_for()
    return page


def _refused(person: Person) -> Page:
    page = at("#/cases", ready="tr .t")(person)
    page.evaluate("location.hash = '#/cases/CASE-0'")
    page.get_by_role("heading", name="Not shown").wait_for()
    return page


def _offline(person: Person) -> Page:
    page = at(f"#/cases/{_CASE}", ready=".moves")(person)
    page.context.set_offline(offline=True)
    page.get_by_label("Notes").fill("Written on the train")
    page.get_by_role("button", name="Save now").click()
    page.get_by_text("Offline since").wait_for()
    return page


def _printed(person: Person) -> Page:
    page = at(f"#/cases/{_CASE}", ready=".moves")(person)
    page.emulate_media(media="print")
    return page


def _packet(person: Person) -> Page:
    page = _printed(person)
    page.evaluate("document.body.classList.add('packet-alone')")
    return page


def _sign_in(person: Person) -> Page:
    page = person.goto()
    page.locator("h1").wait_for()
    return page


def _menu(person: Person) -> Page:
    page = at("#/cases", ready="tr .t")(person)
    page.locator(".menu summary").click()
    return page


VIEWS: dict[str, tuple[Callable[[Person], Page], dict[str, int]]] = {
    "01-cases": (_selected, _DESK),
    "01-cases-390": (at("#/cases", ready="tr .t"), _PHONE),
    "01-cases-320": (at("#/cases", ready="tr .t"), _NARROW),
    "01-cases-forced": (_selected, _DESK),
    "01-menu": (_menu, _DESK),
    "02-case": (at(f"#/cases/{_CASE}", ready=".moves"), _DESK),
    "02-case-whole": (at(f"#/cases/{_CASE}", ready=".moves"), _DESK),
    "02-case-390": (at(f"#/cases/{_CASE}", ready=".moves"), _PHONE),
    "02-case-320": (at(f"#/cases/{_CASE}", ready=".moves"), _NARROW),
    "02-case-admin": (at(f"#/cases/{_CASE}", ready=".moves", who="alex"), _DESK),
    "02-case-viewer": (at(f"#/cases/{_CASE}", ready=".case", who="victor"), _DESK),
    "02-case-approved": (at("#/cases/CASE-2024-006", ready=".moves"), _DESK),
    "02-case-forced": (at(f"#/cases/{_CASE}", ready=".moves"), _DESK),
    "02-case-offline": (_offline, _DESK),
    "02-case-print": (_printed, {"width": 720, "height": 1020}),
    "02-packet-print": (_packet, {"width": 720, "height": 1020}),
    "02-edit": (_pressed("e"), _DESK),
    "02-evidence": (_button("Add evidence"), _DESK),
    "02-reason": (_button("Block…"), _DESK),
    "02-assign": (_button("Assignee"), _DESK),
    "02-compare": (_button("What differs"), _DESK),
    "07-sign-in": (_sign_in, _DESK),
    "08-empty": (at("#/cases?severity=low&overdue=true", ready=".empty"), _DESK),
    "08-missing": (at("#/nowhere", ready=".empty"), _DESK),
    "09-keys": (_pressed("?"), _DESK),
    "09-save-view": (_button("Save view", "#/cases?severity=high"), _DESK),
    "09-more-filters": (_button("More…", "#/cases"), _DESK),
    "10-conflict": (_conflict, _DESK),
    "11-refused": (_refused, _DESK),
    **pictures_pages.VIEWS,
}


def seed(api: Api) -> None:
    """A case that has been through much: approved, reopened, curated anew, asked about, held."""
    due = (datetime.now(UTC) + timedelta(hours=3, minutes=2)).isoformat()
    new = {
        "id": _CASE,
        "decisionType": "csf_practitioner",
        "title": "Dr. Sarah Smith: CSF application",
        "summary": "Application for controlled substance facilitation, schedule II",
        "severity": "high",
        "tags": ["Ohio", "schedule II"],
        "fields": {"county": "Franklin", "sites": 2},
        "dueAt": due,
    }
    path = f"/cases/{_CASE}"
    api("intake", "POST", "/cases", new)
    api("intake", "POST", f"{path}/evidence", {"evidence": _EVIDENCE[:4]})
    api("vera", "POST", f"{path}:claim")
    for status in ("in_review", "approved"):
        api("vera", "PATCH", path, {"status": status})
    api("paul", "POST", f"{path}:reopen", {"reason": "The registration was withdrawn"})
    api("vera", "POST", f"{path}/evidence", {"evidence": _EVIDENCE[4:]})
    ids = ["rules", "federal", "dea", "agreement"]
    api("vera", "PUT", f"{path}/evidence", {"packetEvidenceIds": ids})
    api("alex", "POST", f"{path}/holds", {"reason": "Court order 26-118"})
    api("vera", "PATCH", path, {"status": "needs_info"})
    note = {"eventType": "note_added", "message": "Asked for the DEA registration"}
    api("vera", "POST", f"{path}/audit", note)
    api("vera", "PATCH", path, {"status": "in_review"})
    for run, agent in (("csf-intake", "intake"), ("csf-recheck", "checker")):
        body = {"id": run, "agentId": agent, "packId": run, "version": "3.0.2"}
        api(agent, "POST", f"{path}/runs", body)
    found = {"kind": "finding", "title": "Signature date is missing", "data": {"page": 3}}
    api("checker", "POST", f"{path}/records", {**found, "runId": "csf-recheck"})
    api("intake", "PATCH", f"{path}/runs/csf-intake", {"status": "completed"})
    waiver = {
        "uowId": "csf-recheck",
        "type": "waive_violation",
        "priority": "high",
        "title": "Waive the signature date on page 3?",
        "caseId": _CASE,
        "runId": "csf-recheck",
        "expiresInSeconds": 2520,
    }
    api("checker", "POST", "/interventions", waiver)
    asked = {
        "uowId": "csf-intake",
        "type": "clarification",
        "title": "Which of the two addresses is the practice?",
        "caseId": _CASE,
    }
    question = api("intake", "POST", "/interventions", asked)
    answer = {"decision": "approve", "response": {"text": "The one in Columbus."}}
    api("paul", "POST", f"/interventions/{question['id']}:decide", answer)
    sheet = {
        "problemStatement": "The third site is on the web page and not in the agreement.",
        "fsrNotes": "Called the practice at 13:40. The Dublin site opens in January.",
    }
    api("vera", "PUT", f"{path}/worksheet", sheet)


def _item(name: str, title: str, snippet: str, *tags: str, **more: Any) -> dict[str, Any]:
    item = {"id": name, "title": title, "snippet": snippet, "tags": list(tags)}
    return {**item, "includedInPacket": name != "web", **more}


_EVIDENCE = [
    _item(
        "rules",
        "CSF practitioner requirements",
        "A nurse who holds a certificate to prescribe shall, before prescribing a schedule II"
        " substance, have a standard care arrangement with a collaborating physician.",
        "rule",
        "Ohio",
        citation="OAC 4723-9-10",
    ),
    _item(
        "federal",
        "Federal registration of practitioners",
        "Every person who dispenses a controlled substance shall obtain a registration unless"
        " exempted by law.",
        "rule",
        "federal",
        citation="21 CFR 1301.11",
    ),
    _item("licence", "License look-up, 25 November", "Active, no discipline.", "register"),
    _item("web", "The practice's web site", "Names three sites.", "web", "contradicts"),
    _item(
        "dea",
        "DEA registration, copy from the applicant",
        "Number ends in 417. Valid until 30 June 2028. Address agrees with the application.",
        "document",
    ),
    _item(
        "agreement",
        "Collaborating agreement, signed 14 October",
        "Physician: Dr. Ruth Feld. Two practice sites, both in Franklin County.",
        "document",
        citation="ORC 4723.431",
    ),
]


if __name__ == "__main__":
    main(sys.argv[1:])
