"""The life of a case, played through the API on a fresh instance, with every answer shown."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local import demo_approvals, log_key
from local.client import Answer, call
from local.demo_tenant import TENANT, token
from local.editing import replace_text
from local.ports import free_port
from local.sealing import sealed_later
from local.server import ServerError, running_server, sqlite
from shared.repository.log_keys import LogKeys

_EVIDENCE = [
    {"id": "oac", "title": "OAC 4723-9-10 - CSF Practitioner Requirements"},
    {"id": "dea", "title": "Federal DEA Requirements", "citation": "21 CFR 1301"},
    {"id": "web", "title": "The practice's web site"},
]
_CASE = "/cases/CASE-2024-001"
_ORIGIN = "demo/caseledger"
_SHOWN = ("id", "status", "assignedTo", "dueAt", "overdue", "reopenCount")


def run() -> int:
    """Plays the demo; gives the process's exit code."""
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "server.log"
        with log.open("w") as output:
            try:
                database, key = Path(directory) / "demo.db", Path(directory) / "log-key.pem"
                log_of = {**log_key.own({}, key), "CASELEDGER_LOG_ORIGIN": _ORIGIN}
                with running_server({**sqlite(database), **log_of}, free_port(), output) as url:
                    _play(url)
                    _seal(url, database, LogKeys.read(str(key), _ORIGIN))
                    _tamper(url, database)
            except (ServerError, UnexpectedAnswer) as error:
                print(f"\n{error}\n\n{log.read_text()}")  # noqa: T201
                return 1
    print("\nEvery step answered as expected.")  # noqa: T201
    return 0


class UnexpectedAnswer(Exception):
    """A step of the demo did not answer as it should."""


def _play(url: str) -> None:
    say = _Narrator(url)
    _open_and_take(say)
    _curate_and_approve(say)
    _run_and_ask(say)
    demo_approvals.play(say, url)
    _look_back(say)


def _open_and_take(say: _Narrator) -> None:
    agent, vera, admin = token("agent", "intake"), token("verifier", "vera"), token("admin", "alex")
    new = {
        "id": "CASE-2024-001",
        "decisionType": "csf_practitioner",
        "title": "Dr. Sarah Smith - CSF Application",
        "summary": "Application for controlled substance facilitation",
    }
    say("An admin sets 24 hours for this kind of decision.")
    say.send(200, "PATCH", "/settings", admin, {"slaHours": {"csf_practitioner": 24}})
    say("An agent opens a case from a submission. Sent twice with one key, it happens once.")
    say.send(201, "POST", "/cases", agent, new, {"Idempotency-Key": "submission-123"})
    say.send(201, "POST", "/cases", agent, new, {"Idempotency-Key": "submission-123"})
    say("Vera takes the next case of the queue and starts to work on it.")
    opened = say.send(200, "POST", "/cases:claimNext", vera)
    say.send(200, "PATCH", _CASE, vera, {"status": "in_review"})
    say("A change based on an old version is refused.")
    stale = {"If-Match": opened.headers["ETag"]}
    say.send(412, "PATCH", _CASE, vera, {"title": "Dr. S. Smith"}, stale)
    say("Another verifier cannot take the case from her.")
    say.send(403, "PATCH", _CASE, token("verifier", "max"), {"assignedTo": "max@example.com"})
    say("A question to the applicant stops the clock; the note is counted.")
    say.send(200, "PATCH", _CASE, vera, {"status": "needs_info"})
    note = {"eventType": "note_added", "message": "Asked for the DEA registration"}
    say.send(201, "POST", f"{_CASE}/audit", vera, note)
    say("A case that waits for information cannot be approved, and the answer says what it can.")
    say.send(409, "PATCH", _CASE, vera, {"status": "approved"})


def _curate_and_approve(say: _Narrator) -> None:
    agent, vera, paul = token("agent", "intake"), token("verifier", "vera"), token("pilot", "paul")
    say("An agent attaches what it found; Vera chooses what the decision rests on.")
    say.send(201, "POST", f"{_CASE}/evidence", agent, {"evidence": _EVIDENCE})
    say.send(200, "PUT", f"{_CASE}/evidence", vera, {"packetEvidenceIds": ["dea", "oac"]})
    say("Review goes on, the case is approved: that freezes the packet.")
    say.send(200, "PATCH", _CASE, vera, {"status": "in_review"})
    say.send(200, "PATCH", _CASE, vera, {"status": "approved"})
    say.send(200, "GET", f"{_CASE}/packet", vera)
    say("An approved case keeps its evidence, and what it says.")
    say.send(409, "DELETE", f"{_CASE}/evidence/oac", vera)
    say.send(409, "PATCH", _CASE, vera, {"decisionType": "csf_facility"})
    say("Then it is closed.")
    say.send(200, "PATCH", _CASE, vera, {"status": "closed", "reason": "Certificate issued"})
    say("A pilot reopens it, with a reason.")
    say.send(200, "POST", f"{_CASE}:reopen", paul, {"reason": "The registration was withdrawn"})


def _run_and_ask(say: _Narrator) -> None:
    agent, paul, nora = token("agent", "checker"), token("pilot", "paul"), token("pilot", "nora")
    say("An agent checks the case again, and hands over what it found.")
    run = {"id": "run-1", "agentId": "checker", "packId": "csf-recheck", "version": "1.4.0"}
    say.send(201, "POST", f"{_CASE}/runs", agent, run)
    record = {"kind": "finding", "title": "DEA registration", "data": {"active": False}}
    say.send(201, "POST", f"{_CASE}/records", agent, {**record, "runId": "run-1"})
    say("It stops and asks: may the rule be waived? Only people decide.")
    question = {
        "uowId": "run-1",
        "type": "waive_violation",
        "title": "Waive the active registration?",
        "caseId": "CASE-2024-001",
        "runId": "run-1",
        "expiresInSeconds": 3600,
    }
    asked = say.send(201, "POST", "/interventions", agent, question).body
    path = f"/interventions/{asked['id']}"
    yes, no = ({"decision": verdict, "reason": "Because"} for verdict in ("approve", "reject"))
    say.send(403, "POST", f"{path}:decide", agent, yes)
    say("While a question is open, the case waits, and is not closed under it.")
    say.send(200, "GET", "/cases?waiting=true", paul)
    say.send(409, "PATCH", _CASE, paul, {"status": "closed", "reason": "No answer"})
    say("Paul takes it. Nora comes second, and is told who has it, and later how it was decided.")
    say.send(200, "POST", f"{path}:claim", paul)
    say.send(409, "POST", f"{path}:claim", nora)
    say.send(200, "POST", f"{path}:decide", paul, {**no, "reason": "The rule has no exception"})
    say.send(409, "POST", f"{path}:decide", nora, yes)
    say("The agent, which waits, is answered at once, and ends its run.")
    say.send(200, "GET", f"{path}:wait?timeoutSeconds=50", agent)
    done = {"status": "completed", "output": {"waived": False}}
    say.send(200, "PATCH", f"{_CASE}/runs/run-1", agent, done)
    say.send(200, "GET", "/interventions:metrics", paul)


def _look_back(say: _Narrator) -> None:
    vera, paul = token("verifier", "vera"), token("pilot", "paul")
    say("Queues and figures.")
    say.send(200, "GET", "/cases?search=dr.%20smi&status=in_review", vera)
    say.send(200, "GET", "/cases:stats", vera)
    say("What would be purged now? Cloud Scheduler asks every night, without the dry run.")
    say.send(200, "POST", "/scheduled/purgeRecords?dryRun=true", token("scheduler", "cron"))
    say("Years later: who changed what, when, why?")
    say.send(200, "GET", f"{_CASE}/audit?related=true", paul)
    say("And can you prove it?")
    say.send(200, "GET", "/audit:verify?subject=cases/CASE-2024-001", paul)


def _seal(url: str, database: Path, keys: LogKeys) -> None:
    say = _Narrator(url)
    say("A minute later all events are sealed: whoever keeps this checkpoint can prove them.")
    checkpoint = sealed_later(database, keys, TENANT)
    print(f"\n{checkpoint}".replace("\n", "\n  "))  # noqa: T201
    say.send(200, "GET", "/audit:verify?subject=cases/CASE-2024-001", token("pilot", "paul"))


def _tamper(url: str, database: Path) -> None:
    say = _Narrator(url)
    say("Somebody with access to the database rewrites a reason, and is found out.")
    replace_text(database, "Certificate issued", "Applicant withdrew")
    path = "/audit:verify?subject=cases/CASE-2024-001"
    answer = say.send(200, "GET", path, token("pilot", "paul"))
    if answer.body["valid"]:
        raise UnexpectedAnswer("the change was not found")


class _Narrator:
    def __init__(self, url: str) -> None:
        self._url = url

    def __call__(self, text: str) -> None:
        print(f"\n# {text}")  # noqa: T201

    def send(  # noqa: PLR0913, PLR0917 - it reads as the request it shows
        self,
        expected: int,
        method: str,
        path: str,
        token: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Sends a request and shows it with its answer. Raises UnexpectedAnswer."""
        extra = "".join(f"  {name}: {value}" for name, value in (headers or {}).items())
        print(f"\n> {method} /v1{path}{extra}")  # noqa: T201
        if body is not None:
            print(f"  {json.dumps(body)}")  # noqa: T201
        answer = call(method, self._url + path, token=token, body=body, headers=headers)
        notes = " (replayed)" if answer.headers["Idempotent-Replayed"] else ""
        print(f"< {answer.code}{notes}   {answer.headers['Server-Timing']}")  # noqa: T201
        for line in _summary(answer.body):
            print(f"  {line}")  # noqa: T201
        if answer.code != expected:
            raise UnexpectedAnswer(f"expected {expected}: {json.dumps(answer.body, indent=2)}")
        return answer


def _summary(body: Any) -> list[str]:
    """The part of a response that a reader of the demo wants to see."""
    shapes: dict[str, Callable[[Any], list[str]]] = {
        "valid": lambda _: [json.dumps(body)],
        "error": lambda error: [error["message"], *map(json.dumps, error["details"])],
        "events": lambda events: [_event(event) for event in events],
        "cases": lambda cases: [_case(case) for case in cases],
        "manifest": lambda _: _packet(body),
        "decisionType": lambda _: [_case(body)],
        "eventType": lambda _: [_event(body)],
        "agentId": lambda agent: [f"run {body['id']} of {agent}: {body['status']}"],
        "kind": lambda kind: [f"{kind}, version {body['version']}, sha256 {body['sha256']}"],
        "uowId": lambda _: [_intervention(body)],
        "byStatus": lambda counts: [json.dumps(counts), json.dumps(body["topPilots"])],
    }
    if isinstance(body, str):
        return [body]
    for name, lines in shapes.items():
        if name in body:
            return lines(body[name])
    return [json.dumps(body)]


def _case(case: dict[str, Any]) -> str:
    return ", ".join(f"{name}: {case[name]}" for name in _SHOWN)


def _intervention(asked: dict[str, Any]) -> str:
    names = ("title", "status", "priority", "assignedTo", "decidedBy", "actionReason")
    binding = ("approvedArguments", "startedBy", "lapsedAt")
    shown = {name: asked[name] for name in names}
    shown |= {name: asked[name] for name in binding if asked[name] is not None}
    if asked["approvalsRequired"] > 1:
        shown["approvals"] = f"{len(asked['approvals'])} of {asked['approvalsRequired']}"
    return ", ".join(f"{name}: {one}" for name, one in shown.items())


def _packet(packet: dict[str, Any]) -> list[str]:
    hashes = [f"{entry['sha256']}  {entry['id']}" for entry in packet["manifest"]]
    return [*hashes, f"{packet['sha256']}  version {packet['version']}, {packet['state']}"]


def _event(event: dict[str, Any]) -> str:
    who = event["actor"]["email"]
    why = f" because: {event['reason']}" if event["reason"] else ""
    what = "; ".join(f"{c['field']}: {c['old']} -> {c['new']}" for c in event["changes"][:3])
    opens = event["eventType"] in ("case_created", "intervention_requested")
    changes = f" [{what}]" if what and not opens else ""
    return f"{event['sequence']:>2} {event['createdAt']} {who}: {event['message']}{why}{changes}"
