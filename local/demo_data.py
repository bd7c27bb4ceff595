"""Cases to look at in a new local instance, made through the API as any client would make them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from local.client import Answer, call
from local.tokens import unsigned_token

TENANT = "demo"


def token(role: str, sub: str) -> str:
    """An unsigned token of a member of the demo tenant."""
    return unsigned_token(sub=sub, tenant=TENANT, role=role, email=f"{sub}@example.com")


def load(url: str) -> int:
    """Opens the demo cases, once; gives how many there are."""
    admin = token("admin", "alex")
    stats = call("GET", f"{url}/cases:stats", token=admin)
    if stats.body["caseCount"]:
        return int(stats.body["caseCount"])
    for number, (decision_type, title, summary, steps) in enumerate(_CASES, 1):
        case_id = f"CASE-2024-{number:03}"
        body = {
            "id": case_id,
            "decisionType": decision_type,
            "title": title,
            "summary": summary,
            "dueAt": (datetime.now(UTC) + timedelta(hours=24 * number - 60)).isoformat(),
        }
        _made(call("POST", f"{url}/cases", token=token("agent", "intake"), body=body))
        for step in steps:
            patch = call(
                "PATCH", f"{url}/cases/{case_id}", token=token("verifier", "vera"), body=step
            )
            _made(patch)
    return len(_CASES)


def _made(answer: Answer) -> None:
    if answer.code >= 300:  # noqa: PLR2004
        raise RuntimeError(f"demo data was refused: {answer.body}")


_TAKEN: dict[str, Any] = {"status": "in_review", "assignedTo": "vera@example.com"}
_CASES: list[tuple[str, str, str, list[dict[str, Any]]]] = [
    ("csf_practitioner", "Dr. Sarah Smith - CSF Application", "Controlled substances, Ohio", []),
    ("csf_practitioner", "Dr. Omar Haddad - CSF Renewal", "Renewal with a new address", [_TAKEN]),
    (
        "csf_facility",
        "Lakeside Clinic - CSF Facility",
        "Inspection report is missing",
        [_TAKEN, {"status": "needs_info"}],
    ),
    (
        "aml_alert",
        "Structured deposits below the threshold",
        "Eleven cash deposits in nine days",
        [{"status": "blocked", "reason": "Waiting for the branch's answer"}],
    ),
    ("aml_alert", "Transfers to a sanctioned bank", "Two transfers, 4 and 6 March", []),
    (
        "csf_practitioner",
        "Dr. Alice Nguyen - CSF Application",
        "Complete, no findings",
        [_TAKEN, {"status": "approved"}],
    ),
    (
        "field_service",
        "Pump 7 vibrates under load",
        "Third visit this quarter",
        [{"status": "closed", "reason": "Bearing replaced"}],
    ),
]
