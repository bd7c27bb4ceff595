"""The examples of the systems united here, step by step as their own descriptions have them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.client import Api
from tests.conftest import Clock
from tests.functions.support import event_types, refused, wire

VERIFIER = "verifier@example.com"
EVIDENCE: list[dict[str, Any]] = [
    {
        "id": "ev-1",
        "title": "OAC 4723-9-10 - CSF Practitioner Requirements",
        "snippet": "All practitioners must complete required training within 30 days...",
        "citation": "OAC 4723-9-10",
        "sourceId": "doc-ohio-csf-001",
        "tags": ["Ohio", "CSF", "Training"],
        "metadata": {"confidence": 0.95, "jurisdiction": "Ohio"},
        "includedInPacket": True,
    },
    {
        "id": "ev-2",
        "title": "Federal DEA Requirements - 21 CFR 1301",
        "snippet": "Federal DEA registration required for all controlled substance handlers...",
        "citation": "21 CFR 1301",
        "sourceId": "doc-federal-dea-001",
        "tags": ["Federal", "DEA"],
        "metadata": {"confidence": 0.88, "jurisdiction": "Federal"},
        "includedInPacket": True,
    },
]


def found(api: Api, query: str) -> list[str]:
    """The ids of the cases in a queue."""
    return [case["id"] for case in api.viewer.get(f"/cases?{query}").json["cases"]]


def test_the_workflow_console_works_a_practitioners_case_to_its_packet(
    api: Api, clock: Clock
) -> None:
    # Example 1: a case from a submission, due in 24 hours.
    case = api.agent.create(
        decisionType="csf_practitioner",
        title="Dr. Sarah Smith - CSF Application",
        summary="Application for controlled substance facilitation",
        submissionId="sub-12345",
        dueAt=wire(clock.now + timedelta(hours=24)),
    )
    path = f"/cases/{case['id']}"
    assert (case["status"], case["submissionId"]) == ("new", "sub-12345")
    received = {"eventType": "submission_received", "message": "From sub-12345"}
    assert api.agent.post(f"{path}/audit", received).status_code == 201
    # Example 2: assigned, and taken into review.
    taken = {"status": "in_review", "assignedTo": VERIFIER}
    assert api.admin.patch(path, taken).json["assignedTo"] == VERIFIER
    # Example 3: evidence from a search, all of it in the packet; then only the packet changes.
    attached = api.agent.put(f"{path}/evidence", {"evidence": EVIDENCE}).json
    assert (attached["evidenceCount"], attached["packetEvidenceIds"]) == (2, ["ev-1", "ev-2"])
    one = api.verifier.put(f"{path}/evidence", {"packetEvidenceIds": ["ev-1"]}).json
    assert one["packetEvidenceIds"] == ["ev-1"]
    both = api.verifier.put(f"{path}/evidence", {"packetEvidenceIds": ["ev-1", "ev-2"]}).json
    assert both["packetEvidenceIds"] == ["ev-1", "ev-2"]
    # Example 4: the queues of the dashboard.
    api.agent.create(id="other", decisionType="kyc", title="Alice")
    assert found(api, "status=new") == found(api, "unassigned=true") == ["other"]
    mine = f"assignedTo={VERIFIER}&status=in_review&decisionType=csf_practitioner"
    assert found(api, mine) == found(api, "search=Dr.%20Smith") == [case["id"]]
    clock.advance(hours=25)
    assert found(api, "overdue=true") == [case["id"]]
    # The timeline, newest first, and the figures.
    assert event_types(api, case["id"])[:4] == [
        "case_created",
        "submission_received",
        "status_changed",
        "evidence_attached",
    ]
    newest, *_ = api.viewer.get(f"{path}/audit").json["events"]
    assert newest["eventType"] == "packet_updated"
    stats = api.viewer.get("/cases:stats").json
    assert (stats["caseCount"], stats["casesByStatus"]["in_review"]) == (2, 1)
    # And what is decided rests on exactly this evidence.
    api.verifier.patch(path, {"status": "approved"})
    packet = api.viewer.get(f"{path}/packet").json
    assert [item["citation"] for item in packet["items"]] == ["OAC 4723-9-10", "21 CFR 1301"]


def test_a_case_of_three_items_has_two_of_them_in_its_packet(api: Api) -> None:
    background = {"id": "ev-3", "title": "Background Info", "citation": "ORC 4723.24"}

    case = api.agent.create(evidence=[*EVIDENCE, background])

    assert (case["evidenceCount"], len(case["packetEvidenceIds"])) == (3, 2)
    full = api.viewer.get(f"/cases/{case['id']}?view=full").json
    assert [item["includedInPacket"] for item in full["evidence"]] == [True, True, False]


def test_the_seven_case_endpoints_of_the_worksheets_have_their_functions(
    api: Api, clock: Clock
) -> None:
    for number in ("CASE-2024-001", "CASE-2024-002", "CASE-2024-003", "67890"):
        api.verifier.create(id=number, decisionType="field_service")
    me, other = api.caller("viewer", "0"), api.caller("viewer", "1")
    for number in ("CASE-2024-001", "CASE-2024-002"):
        assert me.put(f"/cases/{number}/worksheet", {"fsrNotes": "Old"}).status_code == 200
    api.pilot.post("/cases:close", {"caseIds": ["CASE-2024-002", "67890"], "reason": "Done"})
    # 1. GET /api/cases/validate/<case_number>
    valid = me.get("/cases:validate?caseId=CASE-2024-001").json
    assert (valid["valid"], valid["isClosed"], valid["status"]) == (True, False, "open")
    assert me.get("/cases:validate?caseId=67890").json["status"] == "closed"
    unknown = refused(me.get("/cases:validate?caseId=NOPE"), 404, "NOT_FOUND")
    assert unknown["details"][0]["valid"] is False
    # 3. POST /api/cases/status
    asked = ["67890", "NOPE", "CASE-2024-001"]
    checked = me.post("/cases:check", {"caseIds": asked}).json["results"]
    assert [row["status"] for row in checked] == ["closed", "invalid", "open"]
    assert me.post("/cases:check", {"caseIds": []}).json == {"results": []}
    # 6. PUT /api/cases/data/<case_number>
    clock.advance(minutes=1)
    texts = {"problemStatement": "Pump 7 vibrates", "fsrNotes": "Bearing worn"}
    saved = me.put("/cases/CASE-2024-003/worksheet", texts)
    assert (saved.status_code, saved.json["caseId"]) == (200, "CASE-2024-003")
    refused(me.put("/cases/67890/worksheet", texts), 409, "FAILED_PRECONDITION")
    refused(me.put("/cases/NOPE/worksheet", texts), 404, "NOT_FOUND")
    # 5. GET /api/cases/data/<case_number>
    assert texts.items() <= me.get("/cases/CASE-2024-003/worksheet").json.items()
    refused(other.get("/cases/CASE-2024-003/worksheet"), 404, "NOT_FOUND")
    # 2. GET /api/cases/user-cases and 4. GET /api/cases/data
    listed = me.get("/worksheets").json["worksheets"]
    assert [sheet["caseId"] for sheet in listed] == ["CASE-2024-003", "CASE-2024-001"]
    assert {"0"} == {sheet["userId"] for sheet in listed}
    assert other.get("/worksheets").json["worksheets"] == []
    # 7. POST /api/cases/data
    rows = [{"caseId": number, **texts} for number in ("CASE-2024-001", "NOPE", "67890")]
    batch = me.post("/worksheets:batchSave", {"worksheets": rows}).json
    assert (batch["succeeded"], batch["failed"]) == (1, 2)
    assert [row["ok"] for row in batch["results"]] == [True, False, False]
