"""Records what a release stores and answers, to be kept for good. It runs on that release's code.

    git worktree add ../release v1.1.0
    (cd ../release && python .../tests/stored/record.py .../tests/stored/1.1.0)

Run it with that release's requirements installed. It plays every kind of change over HTTP, inside
this process, on the embedded store, by a clock that it moves. Then it writes into the directory:

    documents.json   every document as it is stored; a time is `{"$time": "…"}`
    answers.json     what the release answers to reads of them, and who asks
    openapi.json     its description of the API
    release.json     which formats it reads, and what its file of the embedded store is indexed by
"""

# ruff: noqa: T201, PLC0415 - a command; and the release's modules are found only once it runs
from __future__ import annotations

import hashlib
import json
import sqlite3
import sys
import tempfile
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

TENANT = "acme"
STARTED = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
STATUSES = ("new", "in_review", "needs_info", "blocked", "approved", "closed")
EVIDENCE: dict[str, Any] = {
    "title": "Register extract",
    "snippet": "The company is registered.\n\tSince 1999: “active”.",
    "citation": "https://register.example/42",
    "sourceId": "register",
    "tags": ["register", "öffentlich"],
    "metadata": {"score": 0.75, "pages": [[1, 2], [3]], "large": 1e20, "none": None},
}


class Clock:
    """A clock that stands until it is moved; every request takes a second."""

    def __init__(self) -> None:
        self.now = STARTED

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


class Recorder:
    """The release's functions, called by HTTP."""

    def __init__(self, database: Path) -> None:
        from shared.config import Config
        from shared.runtime import Runtime
        from tests.client import Api

        self.clock = Clock()
        self.runtime = Runtime(Config(sqlite=str(database), unsigned_tokens=True), self.clock)
        self.api = Api(self.runtime)
        self.api.tenant = TENANT

    def send(self, who: str, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The JSON of an answer, which must be a success. `who` is a role, or `role:sub`."""
        role, _, sub = who.partition(":")
        answer = self.api.caller(role, sub or None).request(method, path, body, **headers)
        if answer.status_code >= 400:
            raise SystemExit(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json

    def create(self, case_id: str, **fields: Any) -> None:
        """Opens a case."""
        body = {"id": case_id, "decisionType": "csf_practitioner", "title": f"Case {case_id}"}
        self.send("verifier", "POST", "/cases", {**body, **fields})

    def move(self, case_id: str, *statuses: str) -> None:
        """Takes a case through statuses."""
        for status in statuses:
            body = {"status": status, "reason": f"It is {status}"}
            self.send("verifier", "PATCH", f"/cases/{case_id}", body)

    def ask(self, title: str, **fields: Any) -> str:
        """Asks for a decision; gives the intervention's path."""
        body = {"uowId": "letter-7", "type": "resume", "title": title, **fields}
        asked = self.send("agent", "POST", "/interventions", body)
        return f"/interventions/{asked['id']}"

    def play(self) -> None:
        """Every kind of change."""
        self._purged()
        self._cases()
        self._evidence()
        self._agents()
        self._interventions()
        self._scheduled()

    def _purged(self) -> None:
        retention = {"caseRetentionDays": 2, "interventionRetentionDays": 2}
        self.send("admin", "PATCH", "/settings", retention)
        self.create("PURGED-1", evidence=[{**EVIDENCE, "id": "E-1"}])
        self.send("viewer", "PUT", "/cases/PURGED-1/worksheet", {"fsrNotes": "Gone soon."})
        self.send(
            "agent", "POST", "/cases/PURGED-1/records", {"kind": "k", "title": "R", "data": [1]}
        )
        self.send("agent", "POST", "/cases/PURGED-1/runs", {"id": "RUN-PURGED", "agentId": "a-1"})
        done = {"status": "completed"}
        self.send("agent", "PATCH", "/cases/PURGED-1/runs/RUN-PURGED", done)
        self.move("PURGED-1", "closed")
        asked = self.ask("Purged soon?")
        rejected = {"decision": "reject", "reason": "No."}
        self.send("pilot", "POST", f"{asked}:decide", rejected)
        self.clock.now += timedelta(days=3)
        self.send("scheduler", "POST", "/scheduled/purgeRecords")
        settings = {
            "slaHours": {"default": 48, "csf_facility": 24},
            "autoCloseDays": 30,
            "caseRetentionDays": 365,
            "interventionRetentionDays": 90,
        }
        self.send("admin", "PATCH", "/settings", settings)

    def _cases(self) -> None:
        self.create("NEW-1", summary="Prüfung der Zürcher Filiale", submissionId="S-011")
        self.create("NEW-2", decisionType="csf_facility", dueAt="2026-03-04T00:00:00Z")
        for case_id, *statuses in (
            ("REVIEW-1", "in_review"),
            ("INFO-1", "needs_info"),
            ("BLOCKED-1", "blocked"),
            ("CLOSED-1", "in_review", "closed"),
            ("REOPENED-1", "closed"),
        ):
            self.create(case_id, assignedTo="vera@example.com")
            self.move(case_id, *statuses)
        self.send("pilot", "POST", "/cases/REOPENED-1:reopen", {"reason": "New facts"})
        self.send("verifier:vera", "POST", "/cases/NEW-1:claim", idempotency_key="claim-1")
        note = {"eventType": "note_added", "message": "A note", "meta": {"n": [1, 2.5, {"x": "ü"}]}}
        self.send("agent", "POST", "/cases/NEW-1/audit", {**note, "agentId": "a-1"})
        self.send(
            "verifier",
            "POST",
            "/cases/NEW-1/audit",
            {"eventType": "error", "message": "It failed", "severity": "critical"},
        )
        for case_id in ("HELD-1", "DELETED-1"):
            self.create(case_id, assignedTo="vera@example.com")
            for user, permission in (("max", "read"), ("mia", "write"), ("moe", "admin")):
                path = f"/cases/{case_id}/collaborators/{user}"
                self.send("verifier:vera", "PUT", path, {"permission": permission})
            texts = {"problemStatement": "Why?", "fsrNotes": "Because.\n", "sharedWith": "read"}
            self.send("viewer:mia", "PUT", f"/cases/{case_id}/worksheet", texts)
            self.send("verifier:vera", "PUT", f"/cases/{case_id}/worksheet", {"fsrNotes": "Mine"})
        for reason in ("Court order", "Second order"):
            self.send("admin", "POST", "/cases/HELD-1/holds", {"reason": reason})
        self.send("admin", "DELETE", "/cases/DELETED-1")

    def _evidence(self) -> None:
        items = [{**EVIDENCE, "id": f"E-{number}", "title": f"Item {number}"} for number in (1, 2)]
        self.send("agent", "PUT", "/cases/REVIEW-1/evidence", {"evidence": items})
        self.send("agent", "POST", "/cases/REVIEW-1/evidence", {"evidence": [{"title": "Third"}]})
        self.send("verifier", "PATCH", "/cases/REVIEW-1/evidence/E-2", {"citation": None})
        chosen = {"packetEvidenceIds": ["E-2", "E-1"]}
        self.send("verifier", "PUT", "/cases/REVIEW-1/evidence", chosen)
        self.create("APPROVED-1", evidence=[{**item, "includedInPacket": True} for item in items])
        self.move("APPROVED-1", "in_review", "approved")
        self.send("pilot", "POST", "/cases/APPROVED-1:reopen", {"reason": "Once more"})
        self.send("verifier", "DELETE", "/cases/APPROVED-1/evidence/E-2")
        self.move("APPROVED-1", "approved")

    def _agents(self) -> None:
        for number in (1, 2):
            body = {"kind": "feasibility", "title": f"Report {number}", "data": {"n": [number]}}
            self.send("agent", "POST", "/cases/REVIEW-1/records", body)
        path = "/cases/REVIEW-1/runs"
        common = {"agentId": "a-1", "packId": "pack", "version": "1.2.3", "input": {"x": [1.5]}}
        for number in (2, 3, 4, 5):
            self.send("agent", "POST", path, {"id": f"RUN-{number}", **common})
        self.send("agent", "POST", path, {"id": "RUN-1", "agentId": "a-2", "queued": True})
        body = {"kind": "delivery", "title": "Delivery", "data": "sent", "runId": "RUN-3"}
        self.send("agent", "POST", "/cases/REVIEW-1/records", body)
        done = {"status": "completed", "output": {"found": [[1], [2]]}}
        self.send("agent", "PATCH", f"{path}/RUN-3", done)
        self.send("agent", "PATCH", f"{path}/RUN-4", {"status": "failed", "errors": ["no"]})
        self.create("ESCALATED-1")
        escalation = {"reason": "Nobody knows", "priority": "critical"}
        self.send("agent", "POST", "/cases/ESCALATED-1:escalate", escalation)

    def _interventions(self) -> None:
        hour = {"expiresInSeconds": 3600}
        self.ask("Expired?", **hour)
        later = {"expiresAt": "2027-01-01T00:00:00Z"}
        context = {"context": {"amount": 12.5, "lines": [[1], [2]]}}
        self.ask("Pending?", priority="low", caseId="REVIEW-1", **later, **context)
        claimed = self.ask("In progress?", type="kill_switch", **later)
        self.send("pilot:vera", "POST", f"{claimed}:claim")
        approved = self.ask("Approved?", type="clarification", caseId="REVIEW-1", **later)
        answer = {"decision": "approve", "reason": "Clear", "response": {"text": "Yes", "n": 1}}
        self.send("pilot:vera", "POST", f"{approved}:decide", answer)
        rejected = self.ask("Rejected?", type="waive_violation", **later)
        self.send("admin", "POST", f"{rejected}:decide", {"decision": "reject", "reason": "No"})
        completed = self.ask("Completed?", type="cancel", **later)
        self.send("pilot:vera", "POST", f"{completed}:decide", {"decision": "approve"})
        self.send("agent", "POST", f"{completed}:complete", {"result": {"sent": True}})
        released = self.ask("Released?", priority="high", requiredRole="admin", **later)
        self.send("admin", "POST", f"{released}:claim")
        self.send("admin", "POST", f"{released}:release")
        second = self.ask("Second?", approvalsRequired=2, raisePriority=True, **later)
        self.send("pilot:vera", "POST", f"{second}:decide", {"decision": "approve"})
        handed = self.ask("Handed over?", **later)
        to = {"to": "max@example.com", "toSubject": "max"}
        self.send("pilot:vera", "POST", f"{handed}:assign", to)
        action = {"tool": "send_letter", "arguments": {"letter": 7}}
        acted = self.ask("Started?", action=action, actWithinSeconds=3600, **later)
        edit = {"decision": "edit", "arguments": {"letter": 8}}
        decided = self.send("pilot:vera", "POST", f"{acted}:decide", edit)
        start = {"actionHash": decided["approvedActionHash"]}
        self.send("agent", "POST", f"{acted}:start", start)

    def _scheduled(self) -> None:
        self.clock.now += timedelta(days=1)
        due = self.clock.now.isoformat()
        headers = {
            "x_cloudscheduler": "true",
            "x_cloudscheduler_jobname": "expire-interventions",
            "x_cloudscheduler_scheduletime": due,
        }
        self.send("scheduler", "POST", "/scheduled/expireInterventions", **headers)

    def answers(self) -> list[dict[str, Any]]:
        """What the release answers to reads, and who asks."""
        found = [self._asked(*read) for read in _reads()]
        listed = {read["path"]: read["answer"] for read in found}
        asked = listed["/interventions?pageSize=200"]["interventions"]
        events = listed["/audit?pageSize=200"]["events"]
        subjects = sorted({event["subject"] for event in events})
        found += [self._asked("viewer", f"/interventions/{one['id']}") for one in asked]
        found += [self._asked("pilot", f"/audit:verify?subject={name}") for name in subjects]
        return found

    def _asked(self, who: str, path: str) -> dict[str, Any]:
        return {"as": who, "path": path, "answer": self.send(who, "GET", path)}


def _reads() -> list[tuple[str, str]]:
    cases = (
        *("NEW-1", "NEW-2", "REVIEW-1", "INFO-1", "BLOCKED-1", "CLOSED-1", "REOPENED-1"),
        *("HELD-1", "APPROVED-1", "ESCALATED-1"),
    )
    queues = ("overdue=true", "unassigned=true", "search=filiale", "decisionType=csf_facility")
    return [
        ("viewer", "/cases?pageSize=200"),
        *(("viewer", f"/cases?status={status}") for status in STATUSES),
        *(("viewer", f"/cases?{queue}") for queue in queues),
        *(("viewer", f"/cases/{case_id}?view=full") for case_id in cases),
        *(("viewer", f"/cases/{case_id}/audit?related=true") for case_id in cases),
        ("viewer", "/cases:stats"),
        ("viewer", "/cases/REVIEW-1/evidence"),
        ("viewer", "/cases/REVIEW-1/evidence?packet=true"),
        ("viewer", "/cases/REVIEW-1/packet"),
        ("viewer", "/cases/APPROVED-1/packet"),
        ("viewer", "/cases/APPROVED-1/packet?version=1"),
        ("viewer", "/cases/REVIEW-1/records"),
        ("viewer", "/cases/REVIEW-1/records?latest=true"),
        ("viewer", "/runs"),
        *(("viewer", f"/cases/REVIEW-1/runs/RUN-{number}") for number in range(1, 6)),
        ("viewer:mia", "/worksheets"),
        ("viewer:max", "/cases/HELD-1/worksheet?userId=mia"),
        ("viewer", "/interventions?pageSize=200"),
        ("viewer", "/interventions:pending"),
        ("viewer", "/interventions:metrics"),
        ("viewer", "/settings"),
        ("pilot", "/audit?pageSize=200"),
        ("pilot", "/audit?eventType=packet_frozen"),
    ]


def stored_documents(database: Path) -> list[dict[str, Any]]:
    """All documents of a file of the embedded store, with their times marked."""
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT parent, id, data, times FROM documents")
        found = {f"{parent}/{name}": _marked(data, times) for parent, name, data, times in rows}
    return [{"path": path, "data": found[path]} for path in sorted(found)]


def _marked(text: Any, times: str) -> Any:
    try:
        from shared.documents.embedded.packed import unpack
    except ImportError:
        pass  # the first release kept text only
    else:
        text, times = unpack(text, times)
    data = json.loads(text)
    for *way, last in json.loads(times):
        holder = data
        for step in way:
            holder = holder[step]
        holder[last] = {"$time": holder[last]}
    return data


def _release(database: Path) -> dict[str, Any]:
    """Which formats this release reads, by model, and what its file of the embedded store is."""
    reads: dict[str, Any] = {}
    try:
        from tests.stored.formats import stored_models
    except ImportError:
        # The first release knew of no formats.
        reads = {}
    else:
        reads = {model.__name__: model.reads() for model in stored_models()}
    with closing(sqlite3.connect(database)) as connection:
        (definitions,) = connection.execute("SELECT definitions FROM indexed").fetchone()
        (mark,) = connection.execute("PRAGMA user_version").fetchone()
    return {
        "reads": reads,
        "fileVersion": mark >> 16,
        "indexes": hashlib.sha256(definitions.encode()).hexdigest(),
    }


def main(directory: Path) -> None:
    """Writes the four files."""
    sys.path.insert(0, str(Path.cwd()))
    with tempfile.TemporaryDirectory() as scratch:
        database = Path(scratch) / "caseledger.db"
        recorder = Recorder(database)
        recorder.play()
        files = {
            "documents": stored_documents(database),
            "answers": {"at": recorder.clock.now.isoformat(), "reads": recorder.answers()},
            "openapi": recorder.send("viewer", "GET", "/openapi.json"),
            "release": _release(database),
        }
        recorder.runtime.close()
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        # A line for each document and each answer, so that two releases can be compared.
        text = text.replace('},{"path"', '},\n{"path"').replace('},{"as"', '},\n{"as"')
        (directory / f"{name}.json").write_text(f"{text}\n")
        print(f"{directory / name}.json: {len(text)} characters")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
