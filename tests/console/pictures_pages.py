"""What pictures show of inbox, trail, figures and administration, and what they need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page

from tests.console.people import Person, at

Api = Callable[..., Any]
Show = Callable[[Person], Page]

_QUESTIONS: list[dict[str, Any]] = [
    {
        "uowId": "pump-7",
        "type": "kill_switch",
        "priority": "critical",
        "title": "Stop pump 7 now?",
        "description": "Vibration is 11.2 mm/s, over the limit of 7.1, for nine minutes.",
        "context": {
            "unit": "pump-7",
            "readings": [
                {"at": "14:29", "mmPerSecond": 10.8},
                {"at": "14:38", "mmPerSecond": 11.2},
            ],
            "limit": 7.1,
            "effect": "Line 2 stops; the tank lasts 40 minutes.",
        },
        "expiresInSeconds": 290,
    },
    {
        "uowId": "aml-17",
        "type": "waive_violation",
        "priority": "high",
        "title": "Waive the missing source of funds for 2,400 €?",
        "context": {"rule": "KYC-12", "amount": 2400.5},
        "expiresInSeconds": 5400,
    },
    {
        "uowId": "aml-17",
        "type": "clarification",
        "title": "Are the two transfers of 4 and 6 March one transaction?",
        "description": "Both went to the same bank; the second has no purpose.",
    },
    {
        "uowId": "refund-88",
        "type": "resume",
        "title": "Refund the second payment?",
        "description": "It was taken twice; the customer wrote on 25 November.",
        "action": {
            "tool": "payments.refund",
            "arguments": {
                "amount": 240.5,
                "currency": "EUR",
                "customer": {"id": "C-1182", "country": "DE"},
                "note": "Taken twice; we are sorry.",
                "notify": True,
            },
        },
        "decisions": ["approve", "edit", "respond", "reject"],
        "responseSchema": {
            "type": "object",
            "properties": {
                "account": {
                    "type": "string",
                    "title": "Account to refund from",
                    "enum": ["main", "goodwill"],
                    "enumNames": ["Main account", "Goodwill"],
                },
                "until": {
                    "type": "string",
                    "title": "Done by",
                    "format": "date",
                    "description": "The customer is told this day.",
                },
                "fee": {"type": "number", "title": "Fee", "minimum": 0, "maximum": 50},
                "contact": {"type": "string", "title": "Who to ask", "format": "email"},
                "called": {"type": "boolean", "title": "The customer was called"},
            },
            "required": ["account", "called"],
        },
        "approvalsRequired": 2,
        "actWithinSeconds": 3600,
    },
    {"uowId": "notes", "type": "resume", "priority": "low", "title": "Go on with the second half?"},
]

_STARTED: dict[str, Any] = {
    "uowId": "files-3",
    "type": "resume",
    "title": "Delete the export of the third quarter?",
    "action": {"tool": "files.delete", "arguments": {"path": "/exports/q3.csv", "keepDays": 0}},
    "actWithinSeconds": 86400,
}


def seed(api: Api, case: str) -> str:
    """Questions of each priority, held, decided, withdrawn; gives the id of the critical one."""
    found = [
        api("checker", "POST", "/interventions", {**one, "caseId": case}) for one in _QUESTIONS
    ]
    api("alex", "PATCH", "/settings", {"claimMinutes": 30})
    api("paul", "POST", f"/interventions/{found[1]['id']}:claim")
    refund = f"/interventions/{found[3]['id']}:decide"
    answers = {"account": "goodwill", "until": "2026-12-01", "called": True}
    api("paul", "POST", refund, {"decision": "approve", "response": answers})
    for reason in ("Both sites are covered by the agreement.", "The photograph is enough."):
        asked = {"uowId": "old", "type": "waive_violation", "title": f"Is it enough? {reason[:9]}"}
        old = api("checker", "POST", "/interventions", {**asked, "caseId": case})
        body = {"decision": "reject", "reason": reason}
        api("paul", "POST", f"/interventions/{old['id']}:decide", body)
    started = api("checker", "POST", "/interventions", _STARTED)
    path, edited = f"/interventions/{started['id']}", {"path": "/exports/q3.csv", "keepDays": 30}
    api("paul", "POST", f"{path}:decide", {"decision": "edit", "arguments": edited})
    approved = api("vera", "GET", path)["approvedActionHash"]
    api("checker", "POST", f"{path}:start", {"actionHash": approved})
    settings = {"slaHours": {"csf_practitioner": 48, "default": 72}, "autoCloseDays": 30}
    api("alex", "PATCH", "/settings", settings)
    return str(found[0]["id"])


def _question(*keys: str, who: str = "vera", title: str = "Stop pump 7 now?") -> Show:
    def show(person: Person) -> Page:
        page = person.signs_in(who, "#/inbox")
        page.get_by_role("link", name=title).click()
        page.locator(".beside h2").first.wait_for()
        for key in keys:
            page.keyboard.press(key)
        return page

    return show


def _edited(person: Person) -> Page:
    page = _question("c", "e", title="Refund the second")(person)
    page.get_by_label("amount").fill("140.5")
    page.get_by_label("note").fill("Taken twice; we are very sorry.")
    return page


def _wrong(person: Person) -> Page:
    page = _question(title="Refund the second")(person)
    page.get_by_label("Account to refund from").select_option("")
    page.get_by_label("Fee").fill("60")
    page.get_by_label("Who to ask").fill("the front desk")
    page.get_by_role("button", name="Answer instead").click()
    return page


def _event(person: Person) -> Page:
    page = at("#/trail/CASE-2026-100", ".proof code")(person)
    page.get_by_role("button", name="Packet changed.").first.click()
    return page


def _broken(person: Person) -> Page:
    def edited(route: Any) -> None:
        answer = route.fetch()
        body = answer.json()
        body["events"][4]["actor"]["email"] = "mallory@example.com"
        route.fulfill(response=answer, json=body)

    person.page.route("**/v1/cases/*/audit*", edited)
    page = at("#/trail/CASE-2026-100", ".proof.fails")(person)
    page.evaluate("scrollTo(0, 0)")
    return page


def _changed(person: Person) -> Page:
    page = at("#/admin", ".settings input", "alex")(person)
    page.get_by_label("CSF practitioner").fill("24")
    page.get_by_label("Keep closed cases").fill("0")
    return page


_DESK = {"width": 1440, "height": 900}
_PHONE = {"width": 390, "height": 844}
_NARROW = {"width": 320, "height": 256}
_TRAIL = "#/trail/CASE-2026-100"
VIEWS: dict[str, tuple[Show, dict[str, int]]] = {
    "03-inbox": (_question(), _DESK),
    "03-inbox-armed": (_question("a"), _DESK),
    "03-inbox-viewer": (_question(who="victor"), _DESK),
    "03-action-whole": (_question(title="Refund the second"), _DESK),
    "03-action-edited-whole": (_edited, _DESK),
    "03-action-edited-390": (_edited, _PHONE),
    "03-action-wrong-whole": (_wrong, _DESK),
    "03-action-started": (_question(title="Delete the export", who="paul"), _DESK),
    "03-inbox-list-390": (at("#/inbox", ".entries .name"), _PHONE),
    "03-inbox-390": (_question(), _PHONE),
    "03-inbox-decided": (at("#/inbox?tab=decided", ".entries .name"), _DESK),
    "03-inbox-empty": (at("#/inbox?tab=mine", ".empty"), _DESK),
    "04-trail": (_event, _DESK),
    "04-trail-390": (_event, _PHONE),
    "04-trail-320": (at(_TRAIL, ".proof code"), _NARROW),
    "04-trail-broken": (_broken, _DESK),
    "04-trail-tenant": (at("#/trail", ".chain li"), _DESK),
    "04-trail-forced": (_event, _DESK),
    "05-figures": (at("#/figures", "figure svg"), _DESK),
    "05-figures-whole": (at("#/figures", "figure svg"), _DESK),
    "05-figures-agents": (at("#/figures?by=agent", "figure.whole svg", "paul"), _DESK),
    "05-figures-year": (at("#/figures?days=365", "figure svg"), _DESK),
    "05-figures-390": (at("#/figures", "figure svg"), _PHONE),
    "05-figures-320": (at("#/figures", "figure svg"), _NARROW),
    "05-figures-forced": (at("#/figures", "figure svg"), _DESK),
    "06-admin": (_changed, _DESK),
    "06-admin-390": (at("#/admin", ".settings input", "alex"), _PHONE),
    "06-admin-viewer": (at("#/admin", ".settings input", "victor"), _DESK),
}
