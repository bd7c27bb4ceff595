"""What the tests of erasures share: a case with everything, and two admins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shared.documents.port import Document, Filter, Order, Query
from tests.client import Api, TestResponse
from tests.reliability.support import trail

WHY = {"legalBasis": "GDPR Art. 17(1)(b)", "reason": "The applicant asked for it"}
SECRET = "Sarah Smith lives at 4711 Elm Street"  # noqa: S105 - personal, and no password


def busy_case(api: Api, case_id: str) -> tuple[str, str, str]:
    """A case with texts in its trail, a decided intervention, and a worksheet: the subjects."""
    kim = api.caller("pilot", "kim")
    api.verifier.create(id=case_id, title=SECRET)
    api.verifier.put(f"/cases/{case_id}/worksheet", {"fsrNotes": "x"})
    api.agent.post(f"/cases/{case_id}/audit", {"eventType": "note_added", "message": SECRET})
    question = {"uowId": "u", "type": "resume", "title": SECRET, "caseId": case_id}
    asked = api.agent.post("/interventions", question).json["id"]
    verdict = {"decision": "reject", "reason": SECRET}
    assert kim.post(f"/interventions/{asked}:decide", verdict).status_code == 200
    return f"cases/{case_id}", f"interventions/{asked}", f"worksheets/{case_id}:verifier"


def hold(api: Api, case_id: str) -> Callable[[], bool]:
    """Places a hold; gives what releases it."""
    placed = api.admin.post(f"/cases/{case_id}/holds", {"reason": "Court"})
    assert placed.status_code == 201, placed.text
    path = f"/cases/{case_id}/holds/{placed.json['id']}:release"
    return lambda: api.admin.post(path, {"reason": "Over"}).status_code == 200


def ask(api: Api, **what: Any) -> dict[str, Any]:
    """An erasure that the admin has asked for."""
    answer = api.admin.post("/audit:erase", {**WHY, **what})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json
    return found


def confirm(api: Api, erasure_id: str, by: str = "second") -> TestResponse:
    """The answer when an admin confirms it."""
    return api.caller("admin", by).post(f"/erasures/{erasure_id}:confirm")


def erased(api: Api, **what: Any) -> dict[str, Any]:
    """An erasure that is asked for and confirmed."""
    answer = confirm(api, ask(api, **what)["id"])
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json
    return found


def events_of(api: Api, subject: str) -> list[dict[str, Any]]:
    """A subject's events as clients see them, first to last."""
    return trail(api, subject)


def stored_events(api: Api, subject: str) -> list[Document]:
    """A subject's events as they are stored, first to last."""
    of_it = (Filter("subject", "==", subject),)
    by_sequence = (Order("sequence", descending=True),)
    rows = api.runtime.store.query(Query(f"tenants/{api.tenant}/audit", of_it, by_sequence))
    return rows[::-1]
