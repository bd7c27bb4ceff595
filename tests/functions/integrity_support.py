"""A tenant in which everything has happened that leaves something in the store."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pytest

from shared.documents.port import Data, Delete, Document, Query, Set
from shared.models.actions import NewAction
from shared.repository import items
from shared.rules import packets as packet_rules
from shared.rules.actions import hash_of
from tests.client import Api, Client
from tests.conftest import Clock

CASE = "FULL-1"
_OWN = f"cases/{CASE}"
ITEM = {"title": "An item", "snippet": "Quoted", "tags": ["a"], "metadata": {"pages": [[1, 2.5]]}}
PARTS = ("evidence", "packets", "records", "preserved")


def done(client: Client, method: str, path: str, body: Any = None) -> Any:
    """The answer to a request that must be accepted."""
    answer = client.request(method, path, body)
    assert answer.status_code < 300, f"{method} {path}: {answer.text}"
    return answer.json


def lives(api: Api, clock: Clock) -> Iterator[str]:
    """Does one thing after the other, and says after each what it was."""
    ids: dict[str, str] = {}
    for number, step in enumerate(_steps(api, ids), 1):
        clock.advance(minutes=7)
        step()
        yield f"step {number}"


def _steps(api: Api, ids: dict[str, str]) -> Iterator[Callable[[], Any]]:  # noqa: PLR0915
    agent, verifier, pilot, admin = api.agent, api.verifier, api.pilot, api.admin
    kim = api.caller("pilot", "kim")
    case = f"/cases/{CASE}"

    def does(client: Client, method: str, path: str, body: Any = None) -> Callable[[], Any]:
        return lambda: done(client, method, path, body)

    def asks(name: str, **fields: Any) -> Callable[[], Any]:
        body = {"uowId": "uow-1", "type": "clarification", "title": f"{name}?", **fields}
        return lambda: ids.update({name: done(agent, "POST", "/interventions", body)["id"]})

    def answers(client: Client, name: str, verb: str, body: Any = None) -> Callable[[], Any]:
        return lambda: done(client, "POST", f"/interventions/{ids[name]}:{verb}", body)

    def case_does(client: Client, method: str, path: str, body: Any = None) -> Callable[[], Any]:
        return does(client, method, f"{case}{path}", body)

    yield does(admin, "PATCH", "/settings", {"slaHours": {"kyc": 24}, "caseRetentionDays": 30})
    yield does(admin, "PATCH", "/settings", {"autoCloseDays": 3, "runTimeoutMinutes": None})
    people = {"claimMinutes": 600, "approvalsRequired": {"cancel": 2}}
    yield does(admin, "PATCH", "/settings", people)
    new = {"id": CASE, "decisionType": "kyc", "title": "At first", "summary": "So far"}
    more = {"tags": ["eu"], "fields": {"amount": 1e20, "vip": True}, "submissionId": "sub-1"}
    first = [{**ITEM, "id": "e-1", "includedInPacket": True}, {**ITEM, "id": "e-2"}]
    yield does(verifier, "POST", "/cases", {**new, **more, "evidence": first})
    yield case_does(verifier, "PATCH", "", {"title": "Later", "fields": {"vip": False, "n": 1.5}})
    yield case_does(verifier, "POST", ":claim")
    yield case_does(verifier, "PATCH", "", {"assignedTo": "kim@example.com"})
    yield does(kim, "PATCH", case, {"status": "in_review", "severity": "high"})
    yield case_does(kim, "PUT", "/collaborators/viewer", {"permission": "read"})
    yield case_does(kim, "PUT", "/collaborators/verifier", {"permission": "write"})
    yield case_does(kim, "DELETE", "/collaborators/viewer")
    yield case_does(agent, "POST", "/audit", {"eventType": "note_added", "message": "A note"})
    meta = {"runId": "none", "status": "running", "evidenceCount": 9, "added": [1]}
    reported = {"eventType": "agent_action", "message": "Any meta", "meta": meta}
    yield case_does(agent, "POST", "/audit", reported)
    yield case_does(agent, "POST", "/audit", {**reported, "eventType": "attachment_added"})
    yield case_does(agent, "POST", "/evidence", {"evidence": [{**ITEM, "id": "e-3"}]})
    yield case_does(verifier, "PATCH", "/evidence/e-2", {"title": "Patched"})
    replaced = [{**ITEM, "id": "e-2", "title": "Replaced"}, {**ITEM, "id": "e-4"}, first[0]]
    yield case_does(verifier, "PUT", "/evidence", {"evidence": replaced})
    yield case_does(verifier, "PATCH", "/evidence/e-2", {"snippet": "Patched again"})
    yield case_does(verifier, "DELETE", "/evidence/e-4")
    yield case_does(verifier, "PUT", "/evidence", {"packetEvidenceIds": ["e-2", "e-1"]})
    sheet = {"problemStatement": "A problem", "sharedWith": "write"}
    yield case_does(verifier, "PUT", "/worksheet", sheet)
    yield case_does(verifier, "PUT", "/worksheet", {"fsrNotes": "Notes"})
    yield case_does(kim, "PUT", "/worksheet", {"problemStatement": ""})
    run = {"agentId": "a-1", "packId": "pack", "version": "1.2.3", "input": {"n": [1, 2]}}
    for name in ("done", "failed", "cancelled", "running"):
        yield case_does(agent, "POST", "/runs", {**run, "id": f"r-{name}"})
    yield case_does(agent, "POST", "/runs", {"id": "r-queued", "agentId": "a-2", "queued": True})
    yield case_does(agent, "PATCH", "/runs/r-queued", {"status": "running"})
    yield case_does(agent, "POST", "/runs", {"id": "r-waits", "agentId": "a-2", "queued": True})
    yield case_does(agent, "PATCH", "/runs/r-done", {"status": "completed", "output": [1.5]})
    yield case_does(agent, "PATCH", "/runs/r-failed", {"status": "failed", "errors": ["x"]})
    yield case_does(agent, "PATCH", "/runs/r-cancelled", {"status": "cancelled"})
    record = {"kind": "finding", "title": "A finding", "data": {"page": 3}}
    yield case_does(agent, "POST", "/records", record)
    yield case_does(agent, "POST", "/records", {**record, "data": [0.5], "runId": "r-running"})
    yield case_does(agent, "POST", "/records", {**record, "kind": "delivery"})
    about = {"caseId": CASE, "context": {"page": [3]}}
    yield asks("waits", **about, runId="r-running", expiresInSeconds=864_000)
    for name in ("claimed", "decided", "done", "given back", "withdrawn"):
        yield asks(name, **about)
    yield asks("late", **about, expiresInSeconds=60)
    yield asks("rejected", type="waive_violation", description="About nothing")
    yield asks("stopped", type="kill_switch")
    yield answers(pilot, "claimed", "claim")
    yield answers(pilot, "given back", "claim")
    yield answers(pilot, "given back", "release")
    answer = {"decision": "approve", "response": {"text": "Yes"}}
    yield answers(pilot, "decided", "decide", {**answer, "reason": "Clear"})
    yield answers(kim, "done", "decide", answer)
    yield answers(agent, "done", "complete", {"result": {"sent": True}})
    yield answers(kim, "rejected", "decide", {"decision": "reject", "reason": "No"})
    yield answers(kim, "stopped", "claim")
    yield answers(kim, "stopped", "complete", {"result": None})
    yield answers(agent, "withdrawn", "withdraw", {"reason": "Not needed"})
    yield from _actions(agent, kim, asks, answers)
    yield from _people(pilot, kim, asks, answers)
    yield does(api.caller("scheduler"), "POST", "/scheduled/expireInterventions")
    yield case_does(agent, "POST", ":escalate", {"reason": "Look at this"})
    yield case_does(kim, "PATCH", "", {"status": "approved"})
    yield case_does(pilot, "POST", ":reopen", {"reason": "News"})
    yield case_does(kim, "PATCH", "", {"title": "Last of all", "decisionType": "aml"})
    yield case_does(verifier, "PUT", "/evidence", {"packetEvidenceIds": ["e-1"]})
    for reason in ("A court", "An audit"):
        yield case_does(admin, "POST", "/holds", {"reason": reason})
    yield lambda: done(admin, "POST", f"{case}/holds/{_hold(api)}:release", {"reason": "Over"})
    yield case_does(verifier, "DELETE", "/evidence/e-1")
    yield case_does(verifier, "PATCH", "/evidence/e-2", {"snippet": "Held", "metadata": {}})
    yield case_does(kim, "PATCH", "", {"summary": "What is held"})
    yield case_does(verifier, "PUT", "/worksheet", {"fsrNotes": "Held notes"})
    yield case_does(kim, "PATCH", "", {"status": "needs_info", "dueAt": "2026-03-04T12:00:00Z"})
    yield case_does(kim, "PATCH", "", {"dueAt": "2026-03-05T12:00:00.000001Z"})
    yield from _others(api, does)


def _actions(
    agent: Client, kim: Client, asks: Callable[..., Any], answers: Callable[..., Any]
) -> Iterator[Callable[[], Any]]:
    """An action that is edited, started and completed, and one whose approval lapses."""
    action = {"tool": "pay", "arguments": {"amount": 100}}
    number = {"type": "object", "properties": {"n": {"type": "number"}}}
    terms = {"actWithinSeconds": 3600, "decisions": ["edit", "reject"], "responseSchema": number}
    yield asks("acted", type="resume", action=action, **terms)
    edit = {"decision": "edit", "arguments": {"amount": 50}, "response": {"n": 1}}
    yield answers(kim, "acted", "decide", edit)
    edited = NewAction(tool="pay", arguments={"amount": 50})
    yield answers(agent, "acted", "start", {"actionHash": hash_of(edited)})
    yield answers(agent, "acted", "complete", {"result": "paid"})
    yield asks("lapsed", type="resume", action=action, actWithinSeconds=60)
    yield answers(kim, "lapsed", "decide", {"decision": "approve"})
    start = {"actionHash": hash_of(NewAction.model_validate(action))}

    def too_late() -> None:
        with pytest.raises(AssertionError, match="lapsed"):
            answers(agent, "lapsed", "start", start)()

    yield too_late


def _people(
    pilot: Client, kim: Client, asks: Callable[..., Any], answers: Callable[..., Any]
) -> Iterator[Callable[[], Any]]:
    """What two people approve, what waits for the second one, and what is handed over."""
    yes = {"decision": "approve"}
    soon = {"expiresInSeconds": 864_000, "raisePriority": True}
    yield asks("two approve", type="cancel")
    yield answers(pilot, "two approve", "claim")
    yield answers(pilot, "two approve", "decide", yes)
    yield answers(kim, "two approve", "decide", yes)
    action = {"tool": "pay", "arguments": {"amount": 1}}
    yield asks("waits for one", type="cancel", action=action, **soon)
    edit = {"decision": "edit", "arguments": {"amount": 2}}
    yield answers(pilot, "waits for one", "decide", edit)
    yield asks("never enough", type="cancel", expiresInSeconds=450)
    yield answers(pilot, "never enough", "decide", {**yes, "response": {"n": 1}})
    yield asks("handed over", type="resume", expiresInSeconds=7200, raisePriority=True)
    yield answers(pilot, "handed over", "assign", {"to": "kim@example.com"})


def _others(api: Api, does: Callable[..., Any]) -> Iterator[Callable[[], Any]]:
    """Cases that are closed with what is open on them, and one that is deleted."""
    for name in ("CLOSED-1", "GONE-1", "PURGED-1"):
        new = {"id": name, "decisionType": "other", "title": name, "evidence": [ITEM]}
        yield does(api.verifier, "POST", "/cases", new)
        yield does(api.agent, "POST", f"/cases/{name}/runs", {"agentId": "a", "input": [1]})
        asked = {"uowId": "u", "type": "resume", "title": "?", "caseId": name}
        yield does(api.agent, "POST", "/interventions", asked)
        yield does(api.verifier, "PUT", f"/cases/{name}/worksheet", {"fsrNotes": "Notes"})
    end = {"status": "closed", "reason": "Over", "endOpen": True}
    yield does(api.verifier, "PATCH", "/cases/CLOSED-1", {**end, "title": "Closed"})
    yield does(api.verifier, "PATCH", "/cases/PURGED-1", end)
    yield lambda: api.admin.delete("/cases/GONE-1")
    yield from _keys(api)
    for _ in range(2):
        yield does(
            api.admin, "POST", "/webhooks", {"url": "https://a.example", "events": ["tenant.*"]}
        )
    yield lambda: api.admin.post(f"/webhooks/{_first_webhook(api)}:rotateSecret")
    yield lambda: api.admin.patch(f"/webhooks/{_first_webhook(api)}", {"disabled": True})


def _first_webhook(api: Api) -> str:
    found: str = api.admin.get("/webhooks").json["webhooks"][0]["id"]
    return found


def _keys(api: Api) -> Iterator[Callable[[], Any]]:
    """A key that is used, and one that is revoked."""
    made: list[dict[str, Any]] = []

    def make() -> None:
        made.append(done(api.admin, "POST", "/keys", {"name": "A bot", "role": "viewer"}))

    yield make
    yield lambda: done(replace(api.viewer, token=made[0]["key"]), "GET", "/cases")
    yield make
    yield lambda: api.admin.delete(f"/keys/{made[1]['id']}")


def _hold(api: Api) -> str:
    found: str = api.viewer.get(f"/cases/{CASE}?view=full").json["holds"][0]["id"]
    return found


def stored(api: Api) -> list[Document]:
    """All documents of the tenant that somebody is shown, but for its events."""
    store, root = api.runtime.store, f"tenants/{api.tenant}"
    tenant = store.get(root)
    found = [tenant] if tenant else []
    for name in ("cases", "interventions", "worksheets", "runs", "keys", "webhooks"):
        found += store.query(Query(f"{root}/{name}"))
    for name in PARTS:
        found += store.query(Query(f"{root}/cases/{CASE}/{name}"))
    return found


def subject_of(document: Document) -> str:
    """Which subject's trail speaks of a document."""
    parts = document.path.split("/")[2:]
    if not parts:
        return "tenant"
    if parts[0] == "runs":
        return f"cases/{document.data['caseId']}"
    return "/".join(parts[:2])


def verified(api: Api, subject: str) -> dict[str, Any]:
    """What the API says of a subject."""
    answer = api.pilot.get(f"/audit:verify?subject={subject}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json
    return found


def subjects(api: Api, since: datetime | None = None) -> list[str]:
    """All subjects that have events, or that have events since then."""
    query = Query(f"tenants/{api.tenant}/audit", select=("subject", "createdAt"))
    rows = api.runtime.store.query(query)
    return sorted(
        {row.data["subject"] for row in rows if not since or row.data["createdAt"] >= since}
    )


@dataclass
class Tampering:
    """A tenant in which everything has happened, and what was changed in its database."""

    api: Api
    _before: list[Document] = field(default_factory=list)

    def document(self, path: str) -> Document:
        """A document of the tenant."""
        found = self.api.runtime.store.get(f"tenants/{self.api.tenant}/{path}")
        assert found, path
        return found

    def write(self, path: str, data: Data | None) -> None:
        """Writes a document, or removes it, until `undone` ends."""
        store = self.api.runtime.store
        self._before.append(store.get(path) or Document(path, {}, 0))
        store.commit([Delete(path) if data is None else Set(path, data)])

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Takes back what is written meanwhile."""
        yield
        for one in reversed(self._before):
            write = Set(one.path, one.data) if one.data else Delete(one.path)
            self.api.runtime.store.commit([write])
        self._before.clear()

    def one(self, kind: str) -> str:
        """One document below the case, by its kind and id."""
        rows = self.api.runtime.store.query(Query(f"tenants/{self.api.tenant}/{_OWN}/{kind}"))
        return f"{kind}/{rows[0].id}"

    def kept(self) -> str:
        """What a hold has preserved of an item of evidence."""
        query = Query(f"tenants/{self.api.tenant}/{_OWN}/preserved")
        rows = self.api.runtime.store.query(query)
        return f"preserved/{next(row.id for row in rows if row.data['collection'] == 'evidence')}"

    def edit(self, name: str, field: str, **fields: Any) -> tuple[str, str]:
        """Edits the case, or a document below it."""
        found = self.document(f"{_OWN}/{name}".rstrip("/"))
        self.write(found.path, {**found.data, **fields})
        return _OWN, field

    def edit_first(self, name: str, **fields: Any) -> tuple[str, str]:
        """Edits the first one of a list that the case has."""
        first, *others = self.document(_OWN).data[name]
        return self.edit("", name, **{name: [{**first, **fields}, *others]})

    def delete(self, name: str, below: str = f"{_OWN}/") -> tuple[str, str]:
        """Removes a document below the case."""
        self.write(self.document(f"{below}{name}").path, None)
        return _OWN, name

    def add(self, like: str, name: str) -> tuple[str, str]:
        """Adds a document below the case that is like another."""
        found = self.document(f"{_OWN}/{like}")
        self.write(found.path.removesuffix(like) + name, found.data)
        return _OWN, name

    def edit_made_up(self) -> tuple[str, str]:
        """Adds preserved content that names an event which is not there."""
        kept = self.document(f"{_OWN}/{self.kept()}")
        path = f"{kept.path.removesuffix(kept.id)}x-1"
        self.write(path, {**kept.data, "eventId": "x"})
        return _OWN, "preserved/x-1"

    def repack(self, field: str, **fields: Any) -> tuple[str, str]:
        """Edits what the frozen packet says."""
        packet = json.loads(self.document(f"{_OWN}/packets/1").data["json"])
        text = json.dumps({**packet, **fields})
        return self.edit("packets/1", f"packets/1{field}", json=text)

    def move_run(self) -> tuple[str, str]:
        """Gives a run to another case, where no event knows it."""
        run = self.document("runs/r-done")
        self.write(run.path, {**run.data, "caseId": "CLOSED-1"})
        return "cases/CLOSED-1", "runs/r-done"

    def rewrite_item(self) -> tuple[str, str]:
        """Changes an item of evidence, together with the hash and the size that its case has."""
        item, case = self.document(f"{_OWN}/evidence/e-2"), self.document(_OWN)
        data = {**item.data, "snippet": "Another text"}
        self.write(item.path, data)
        ref = packet_rules.reference(
            packet_rules.content_of(items.shown(Document(item.path, data, 0), ()))
        )
        evidence = [
            {**one, **ref.model_dump(by_alias=True)} if one["id"] == "e-2" else one
            for one in case.data["evidence"]
        ]
        self.write(case.path, {**case.data, "evidence": evidence})
        return _OWN, "evidence"

    def take_question(self) -> tuple[str, str]:
        """Removes an open intervention about the case."""
        rows = self.api.runtime.store.query(Query(f"tenants/{self.api.tenant}/interventions"))
        about = [row for row in rows if row.data.get("caseId") == CASE]
        self.write(next(row.path for row in about if row.data["status"] == "pending"), None)
        return _OWN, "openInterventions"
