"""What an auditor sees and does: what others see, and nothing that changes anything."""

from __future__ import annotations

from tests.client import Api
from tests.functions.support import refused
from tests.rows import each_row

SHEET = "/cases/CASE-1/worksheet"
COURT = {"reason": "Court order 26-118"}


def test_an_auditor_reads_what_otherwise_only_pilots_and_admins_read(api: Api) -> None:
    api.verifier.create(id="CASE-1", title="Before")
    api.admin.post("/cases/CASE-1/holds", COURT)
    api.verifier.patch("/cases/CASE-1", {"title": "After"})
    auditor = api.caller("auditor")

    for path in (
        "/cases/CASE-1?view=full",
        "/cases/CASE-1/preserved",
        "/audit",
        "/audit:verify?subject=cases/CASE-1",
        "/people",
        "/settings",
        "/scheduled",
    ):
        answer = auditor.get(path)
        assert answer.status_code == 200, answer.text
        assert answer.json == api.admin.get(path).json
    assert "Before" in auditor.get("/cases/CASE-1/preserved").text


@each_row("permission", [None, "read", "write", "admin"], apart=True)
def test_a_worksheet_is_open_to_an_auditor_only_where_its_owner_opens_it_and_only_to_read(
    api: Api, permission: str | None
) -> None:
    api.verifier.create(id="CASE-1")
    owner, auditor = api.caller("verifier", "kim"), api.caller("auditor")
    owner.put(SHEET, {"fsrNotes": "Bearing worn", "sharedWith": "none"})
    if permission:
        api.admin.put("/cases/CASE-1/collaborators/auditor", {"permission": permission})
    refused(auditor.get(f"{SHEET}?userId=kim"), 404, "NOT_FOUND")

    owner.put(SHEET, {"sharedWith": "write"})

    read = auditor.get(f"{SHEET}?userId=kim")
    assert read.status_code == (200 if permission else 404)
    written = {"fsrNotes": "Nothing worn"}
    refused(auditor.put(f"{SHEET}?userId=kim", written), 403, "PERMISSION_DENIED")
    refused(auditor.put(SHEET, written), 403, "PERMISSION_DENIED")
    assert owner.get(SHEET).json["fsrNotes"] == "Bearing worn"


def test_who_became_an_auditor_does_nothing_with_what_they_hold_or_asked(api: Api) -> None:
    before, after = api.caller("pilot", "kim"), api.caller("auditor", "kim")
    api.verifier.create(id="CASE-1", assignedTo="kim@example.com")
    asked = before.post("/interventions", {"uowId": "u", "type": "resume", "title": "Go on?"})
    mine = f"/interventions/{asked.json['id']}"
    held = api.agent.post("/interventions", {"uowId": "u", "type": "resume", "title": "And on?"})
    theirs = f"/interventions/{held.json['id']}"
    before.post(f"{theirs}:claim")

    refused(after.patch("/cases/CASE-1", {"status": "in_review"}), 403, "PERMISSION_DENIED")
    refused(
        after.put("/cases/CASE-1/collaborators/lee", {"permission": "read"}),
        403,
        "PERMISSION_DENIED",
    )
    refused(after.post(f"{mine}:withdraw"), 403, "PERMISSION_DENIED")
    refused(after.post(f"{theirs}:decide", {"decision": "approve"}), 403, "PERMISSION_DENIED")
    refused(after.post(f"{theirs}:release"), 403, "PERMISSION_DENIED")


def test_an_auditor_keeps_saved_views_which_leave_no_event(api: Api) -> None:
    auditor = api.caller("auditor")
    views = {"views": [{"name": "Sample", "query": "status=closed"}]}

    assert auditor.put("/views", views).status_code == 200

    assert auditor.get("/views").json == views
    assert auditor.get("/audit").json["events"] == []
