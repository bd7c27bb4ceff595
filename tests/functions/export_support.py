"""What the tests of exports share: a sealed trail, a case that has everything, and the verifier."""

from __future__ import annotations

import io
import json
import os
import re
import zipfile
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import verify_caseledger
from shared.models.evidence import StoredEvidence
from shared.rules.note import Signer
from tests.client import Api, Client, TestResponse
from tests.conftest import Clock
from tests.functions.sealing_support import ORIGIN, seal

CASE = "/cases/CASE-1"
EXPORT = f"{CASE}:export"
KEY = Ed25519PrivateKey.generate()
"""The key of the log."""


@dataclass(frozen=True)
class Bundle:
    """The export of a case, opened."""

    content: bytes
    zip: zipfile.ZipFile

    def json(self, name: str) -> Any:
        """A file of JSON."""
        return json.loads(self.zip.read(name))

    @property
    def names(self) -> list[str]:
        """The names of its files, in their order."""
        return self.zip.namelist()

    @property
    def manifest(self) -> dict[str, Any]:
        """Its manifest."""
        found: dict[str, Any] = self.json("manifest.json")
        return found

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The lines of its events."""
        return [json.loads(line) for line in self.zip.read("events.ndjson").splitlines()]


def exported(client: Client, path: str = EXPORT) -> Bundle:
    """The export of a case, which is a sound ZIP."""
    return opened(client.get(path))


def opened(answer: TestResponse) -> Bundle:
    """The ZIP in an answer."""
    assert answer.status_code == 200, answer.text
    found = zipfile.ZipFile(io.BytesIO(answer.data))
    assert found.testzip() is None
    return Bundle(answer.data, found)


def lines(answer: TestResponse) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The lines of the events in an export of the trail, and its last line."""
    assert answer.status_code == 200, answer.text
    *found, last = [json.loads(line) for line in answer.data.splitlines()]
    return found, last


def verified(api: Api, directory: Path, *contents: bytes) -> tuple[int, list[str]]:
    """What the verifier says of files: its exit code, and what is broken or not verified."""
    paths = [directory / f"{number}.export" for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    public = Signer(f"{ORIGIN}/{api.tenant}", KEY).verifier_key
    with redirect_stdout(io.StringIO()) as said:
        code = verify_caseledger.main(["--key", public, *map(str, paths)])
    lines = said.getvalue().splitlines()
    return code, [line for line in lines if re.match("BROKEN|  gone|  NOT verified", line)]


def full_case(api: Api, clock: Clock) -> str:
    """A case that has one of everything and more, and is sealed; gives the id of its question."""
    items = [
        {"id": "ev-1", "title": "Café", "metadata": {"a": [1.5, "x"]}, "includedInPacket": True},
        {"id": "ev-2", "title": "Second"},
    ]
    done(api.verifier.post("/cases", {"id": "CASE-1", "decisionType": "kyc", "title": "A case"}))
    done(api.verifier.post(f"{CASE}/evidence", {"evidence": items}))
    for status in ("in_review", "approved"):
        done(api.verifier.patch(CASE, {"status": status}))
    done(api.pilot.post(f"{CASE}:reopen", {"reason": "Something is missing"}))
    run = {"id": "run-1", "agentId": "robot", "input": {"depth": 1}}
    done(api.agent.post(f"{CASE}/runs", run))
    done(api.agent.patch(f"{CASE}/runs/run-1", {"status": "completed", "output": ["done"]}))
    done(api.agent.post(f"{CASE}/records", {"kind": "finding", "title": "F", "data": {"b": 2}}))
    question = {"uowId": "u", "type": "clarification", "title": "Why?", "caseId": "CASE-1"}
    asked = done(api.agent.post("/interventions", {**question, "context": {"c": 3}}))
    answer = {"decision": "approve", "response": {"text": "Because"}}
    done(api.pilot.post(f"/interventions/{asked.json['id']}:decide", answer))
    done(api.admin.put(f"{CASE}/collaborators/kim", {"permission": "write"}))
    done(api.admin.post(f"{CASE}/holds", {"reason": "A lawsuit"}))
    done(api.viewer.put(f"{CASE}/worksheet", {"fsrNotes": "Sesame", "problemStatement": "Open"}))
    note = {"eventType": "note_added", "message": "A note", "meta": {"text": "é \U0001f600"}}
    done(api.agent.post(f"{CASE}/audit", note))
    sealed(api, clock)
    found: str = asked.json["id"]
    return found


def incompressible(size: int, at: datetime) -> StoredEvidence:
    """An item of so many bytes, which do not compress to less than half."""
    return StoredEvidence(
        title="An item",
        snippet="",
        citation=None,
        source_id=None,
        tags=[],
        metadata=json.dumps({"noise": os.urandom(size // 2).hex()}),
        added_at=at,
        added_by="seed",
    )


def done(answer: TestResponse) -> TestResponse:
    """The answer to a request that succeeded."""
    assert answer.status_code < 300, answer.text
    return answer


def sealed(api: Api, clock: Clock) -> None:
    """Lets all events so far be sealed."""
    clock.advance(minutes=2)
    assert seal(api)["failed"] == 0
