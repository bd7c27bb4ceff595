"""What the API exports of a case in which everything happened that events tell of, by HTTP."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask

from shared.config import Config
from shared.rules.note import Signer
from shared.runtime import Runtime
from tests.client import Api, TestResponse
from tests.conftest import Clock
from tests.functions.intervention_support import act, ask, decide
from tests.functions.sealing_support import ORIGIN, seal, with_keys
from tests.functions.test_packet import ITEMS
from tests.functions.test_records import DATA

CASE = "/cases/CASE-1"
Fill = Callable[[Api, Clock], None]


def done(response: TestResponse) -> Any:
    assert response.status_code < 300, response.text
    return response.json


@dataclass
class Exports:
    """An instance whose log is sealed, and the key that says so."""

    api: Api
    clock: Clock
    signer: Signer

    @property
    def key(self) -> str:
        return self.signer.verifier_key

    def seal(self) -> str:
        """Seals what there is; gives the checkpoint."""
        self.clock.advance(minutes=3)
        seal(self.api)
        return self.api.pilot.get(f"/logs/{self.api.tenant}/checkpoint").text

    def case(self, path: str = CASE) -> bytes:
        """The ZIP of a case."""
        answer = self.api.pilot.get(f"{path}:export")
        assert answer.status_code == 200, answer.text
        return bytes(answer.data)

    def events(self, query: str = "") -> bytes:
        """Lines of events."""
        answer = self.api.pilot.get(f"/audit:export?{query}")
        assert answer.status_code == 200, answer.text
        return bytes(answer.data)


@contextmanager
def exports(
    directory: Path, empty_database: Path, framework: Flask, fill: Fill | None = None
) -> Iterator[Exports]:
    """An instance with nothing sealed yet, in which a case was worked on, or that `fill` fills."""
    private = Ed25519PrivateKey.generate()
    path = shutil.copy(empty_database, directory / "caseledger.db")
    config = with_keys(Config(sqlite=str(path), unsigned_tokens=True), directory, private)
    clock = Clock()
    runtime = Runtime(config, clock)
    api = Api(runtime, app=framework)
    (fill or play)(api, clock)
    yield Exports(api, clock, Signer(f"{ORIGIN}/{api.tenant}", private))
    runtime.close()


def play(api: Api, clock: Clock) -> None:
    """The life of a case: evidence, questions, runs, records, notes, packets, and another case."""
    api.verifier.create(id="CASE-1", title="A café", evidence=[ITEMS[0]])
    api.verifier.attach("CASE-1", *ITEMS[1:], {"id": "ev-4", "title": "Gone soon"})
    done(api.verifier.patch(f"{CASE}/evidence/ev-2", {"title": "Other background"}))
    done(api.verifier.delete(f"{CASE}/evidence/ev-4"))
    done(api.verifier.patch(CASE, {"summary": "À la carte", "assignedTo": "kim@example.com"}))
    report = {"eventType": "note_added", "message": "Called", "meta": {"added": "not a list"}}
    done(api.verifier.post(f"{CASE}/audit", report))
    run = {"id": "run-1", "agentId": "robot", "input": DATA}
    done(api.agent.post(f"{CASE}/runs", run))
    done(api.agent.post(f"{CASE}/records", {"kind": "report", "title": "R", "data": DATA}))
    done(api.agent.patch(f"{CASE}/runs/run-1", {"status": "completed", "output": [1e21, 0.5]}))
    for decision in ("reject", "approve"):
        asked = ask(api.agent, case_id="CASE-1", context={"n": 1.0, "text": "é"})
        done(act(api.pilot, asked["id"], "claim"))
        assert decide(api.pilot, asked["id"], decision, response={"b": 2.5}).status_code == 200
    done(act(api.agent, asked["id"], "complete", {"result": {"sent": True}}))
    action = {"tool": "pay", "arguments": {"amount": 1.5, "to": "Zoë"}}
    schema = {"type": "object", "properties": {"sure": {"type": "boolean"}}}
    terms = {"action": action, "response_schema": schema, "act_within_seconds": 60}
    asked = ask(api.agent, case_id="CASE-1", approvals_required=2, **terms)
    for person in (api.pilot, api.admin):
        edited = done(decide(person, asked["id"], "edit", arguments={"amount": 2.5}))
    start = {"actionHash": edited["approvedActionHash"]}
    done(act(api.agent, asked["id"], "start", start))
    done(api.pilot.put(f"{CASE}/worksheet", {"problemStatement": "Why?", "fsrNotes": "-"}))
    clock.advance(hours=30)
    for _ in range(2):
        for status in ("in_review", "approved"):
            done(api.admin.patch(CASE, {"status": status, "reason": "Complete"}))
        done(api.admin.post(f"{CASE}:reopen", {"reason": "Once more"}))
    api.verifier.create(id="CASE-2")
