"""What releases stored stays good: it is read, listed, changed, verified and deleted as before.

`tests/stored/` keeps what each release stored and answered; `docs/formats.md` has the rules.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask
from pydantic_core import to_jsonable_python

from shared.config import Config
from shared.documents.port import Document, DocumentStore, Query, Set
from shared.migrate import COLLECTIONS, migrate, move_pilots
from shared.models.case import StoredCase
from shared.models.evidence import StoredEvidence
from shared.models.packet import StoredPacket
from shared.models.stored import Step, StoredDocument
from shared.runtime import Runtime
from tests.client import Api
from tests.conftest import Clock
from tests.functions.sealing_support import checkpoint, seal, with_keys
from tests.functions.sweep_support import run
from tests.functions.webhook_support import DELIVER, SOON, listening
from tests.reliability.independent import assert_chain, event_hash
from tests.reliability.receivers import receiving
from tests.stored.formats import RELEASES, documents, kept, restore
from tests.stored.record import TENANT

pytestmark = pytest.mark.both_stores

_ROOT = f"tenants/{TENANT}"
_NEW = "newField"
_UNKNOWN = {"deep": [{"er": 1.5}], "at": datetime.fromisoformat("2026-03-02T09:00:00.000001Z")}
_NEW_TYPE = "sampled"
"""What the next release has that this one does not know of."""
_CLOSED_WORKSHEET = {"as": "viewer:max", "path": "/cases/HELD-1/worksheet?userId=mia"}
_REFUSED = {"1.0.0": [_CLOSED_WORKSHEET]}
"""What a release answered and this one refuses, on purpose."""
_METRICS = "/interventions:metrics"
"""Who decided how much is shown to pilots now, and was to viewers."""
_MODELS: dict[str, type[StoredDocument]] = {
    **COLLECTIONS,
    "evidence": StoredEvidence,
    "packets": StoredPacket,
}

# Who changes what: requests that touch every kind of document. `{…}` is an intervention by title.
_CHANGES: list[tuple[str, str, str, Any]] = [
    ("verifier", "PATCH", "/cases/NEW-2", {"title": "Another title", "dueAt": None}),
    ("verifier", "POST", "/cases:claimNext", None),
    ("verifier", "PATCH", "/cases/INFO-1", {"status": "in_review"}),
    ("verifier", "PATCH", "/cases/BLOCKED-1", {"status": "in_review"}),
    ("pilot", "POST", "/cases/CLOSED-1:reopen", {"reason": "Again"}),
    ("pilot", "POST", "/cases:close", {"caseIds": ["REOPENED-1", "NEW-1"], "reason": "Done"}),
    ("verifier:vera", "PUT", "/cases/HELD-1/collaborators/max", {"permission": "write"}),
    ("verifier:vera", "DELETE", "/cases/HELD-1/collaborators/moe", None),
    ("admin", "POST", "/cases/HELD-1/holds", {"reason": "A third"}),
    ("viewer:mia", "PUT", "/cases/HELD-1/worksheet", {"fsrNotes": "Changed"}),
    (
        "verifier:vera",
        "POST",
        "/worksheets:batchSave",
        {"worksheets": [{"caseId": "HELD-1", "fsrNotes": "Changed too"}]},
    ),
    ("verifier", "PATCH", "/cases/REVIEW-1/evidence/E-1", {"title": "Patched"}),
    ("agent", "POST", "/cases/REVIEW-1/evidence", {"evidence": [{"title": "One more"}]}),
    ("agent", "POST", "/cases/REVIEW-1/records", {"kind": "delivery", "title": "D", "data": 1}),
    ("agent", "PATCH", "/cases/REVIEW-1/runs/RUN-1", {"status": "running"}),
    ("agent", "PATCH", "/cases/REVIEW-1/runs/RUN-2", {"status": "completed", "output": [1]}),
    ("agent", "POST", "/cases/REVIEW-1/audit", {"eventType": "note_added", "message": "Noted"}),
    ("verifier", "PATCH", "/cases/REVIEW-1", {"status": "approved"}),
    ("agent", "POST", "/cases/ESCALATED-1:escalate", {"reason": "Again"}),
    ("pilot:vera", "POST", "/interventions/{In progress?}:release", None),
    ("pilot:max", "POST", "/interventions/{Pending?}:claim", None),
    ("pilot:max", "POST", "/interventions/{Pending?}:assign", {"to": "kim@example.com"}),
    ("pilot:kim", "POST", "/interventions/{Pending?}:decide", {"decision": "approve"}),
    ("admin", "POST", "/interventions/{Released?}:decide", {"decision": "reject", "reason": "No"}),
    ("agent", "POST", "/interventions/{Approved?}:complete", {"result": {"sent": [1]}}),
    ("admin", "PATCH", "/settings", {"slaHours": {"default": 12}}),
]


@pytest.fixture(params=RELEASES)
def release(request: pytest.FixtureRequest) -> str:
    """Each release whose documents are kept."""
    found: str = request.param
    return found


@pytest.fixture
def api(config: Config, clock: Clock, release: str) -> Iterator[Api]:
    """The functions over an empty store, at the time when the release gave its answers."""
    clock.now = datetime.fromisoformat(kept(release, "answers")["at"])
    runtime = Runtime(config, clock)
    made = Api(runtime)
    made.tenant = TENANT
    yield made
    runtime.close()


def test_what_a_release_answered_is_answered_of_its_documents_still(api: Api, release: str) -> None:
    _restore_for_figures(api.runtime.store, documents(release))

    for read in _reads(release):
        answer = _sent(api, read["as"], "GET", read["path"])

        assert_holds(read["answer"], answer, read["path"])


def test_what_a_release_showed_and_this_one_refuses_is_shown_again_once_its_owner_allows_it(
    api: Api,
) -> None:
    restore(api.runtime.store, documents("1.0.0"))
    max_, path = api.caller("viewer", "max"), _CLOSED_WORKSHEET["path"]
    assert max_.get(path).status_code == 404

    (sheet,) = _sent(api, "viewer:mia", "GET", "/worksheets")["worksheets"]
    assert sheet["sharedWith"] == "none"
    texts = {name: sheet[name] for name in ("problemStatement", "fsrNotes")}
    _sent(api, "viewer:mia", "PUT", "/cases/HELD-1/worksheet", {**texts, "sharedWith": "read"})

    assert texts.items() <= max_.get(path).json.items()


def test_what_a_release_stored_is_changed_verified_and_deleted(api: Api, release: str) -> None:
    restore(api.runtime.store, documents(release))

    _change_all(api)
    _assert_all_verified(api)
    _delete_all(api)
    _assert_all_verified(api)


def test_what_a_release_stored_goes_when_its_time_is_over(
    api: Api, clock: Clock, release: str
) -> None:
    restore(api.runtime.store, documents(release))
    clock.advance(days=400)

    for sweep in ("expireInterventions", "failStaleRuns", "closeApprovedCases", "purgeRecords"):
        counts = _sent(api, "scheduler", "POST", f"/scheduled/{sweep}")

        assert (counts["failed"], counts["complete"]) == (0, True)
        assert counts["changed"] > 0
    _assert_all_verified(api)


def test_what_a_release_recorded_is_sealed_by_the_first_run_whoever_records_more(
    config: Config, clock: Clock, framework: Flask, release: str, tmp_path: Path
) -> None:
    key = Ed25519PrivateKey.generate()
    runtime = Runtime(with_keys(config, tmp_path, key), clock)
    api = Api(runtime, app=framework)
    api.tenant = TENANT
    restore(runtime.store, documents(release))
    stored = runtime.store.query(Query(f"{_ROOT}/audit"))
    clock.advance(days=400)
    _sent(api, "verifier", "PATCH", "/cases/NEW-2", {"title": "Another title"})
    clock.advance(minutes=2)

    counts = seal(api)

    assert (counts["changed"], counts["failed"]) == (len(stored) + 1, 0)
    assert checkpoint(api, key).size == len(stored) + 1
    verified = api.pilot.get("/audit:verify?subject=cases/NEW-2").json
    assert verified["valid"] is True
    assert verified["log"]["sealed"] == verified["events"]
    runtime.close()


def test_a_scheduled_run_that_a_release_did_is_not_done_again(api: Api, release: str) -> None:
    restore(api.runtime.store, documents(release))
    (mark,) = api.runtime.store.query(Query("scheduledRuns"))
    headers = {
        "x_cloudscheduler": "true",
        "x_cloudscheduler_jobname": mark.data["job"],
        "x_cloudscheduler_scheduletime": mark.data["scheduledFor"],
    }

    answer = api.caller("scheduler").post("/scheduled/expireInterventions", **headers)

    assert answer.json["changed"] == json.loads(mark.data["answer"])["changed"]
    assert answer.headers["Idempotent-Replayed"] == "true"


def test_a_request_that_came_to_a_release_with_a_key_is_not_done_again(
    api: Api, release: str
) -> None:
    restore(api.runtime.store, documents(release))

    again = api.caller("verifier", "vera").post("/cases/NEW-1:claim", idempotency_key="claim-1")

    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json["assignedTo"] == "vera@example.com"


def test_a_field_that_was_added_later_has_its_default_on_every_way_of_reading(
    api: Api, release: str
) -> None:
    found = documents(release)
    missing = sum(_leave_out_defaults(document) for document in found)
    _restore_for_figures(api.runtime.store, found)

    for read in _reads(release):
        assert_holds(read["answer"], _sent(api, read["as"], "GET", read["path"]), read["path"])
    _change_all(api)
    _assert_all_verified(api)
    assert missing > 100


def test_documents_of_an_older_format_are_listed_and_lifted_when_they_are_changed(
    api: Api, release: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StoredCase, "steps", (Step(_titled),))
    _restore_for_figures(api.runtime.store, found := _named(documents(release)))

    for read in _reads(release):
        assert_holds(read["answer"], _sent(api, read["as"], "GET", read["path"]), read["path"])
    _change_all(api)
    _assert_all_verified(api)

    before = {document["path"]: document["data"] for document in found}
    cases = _cases(api)
    for case in cases:
        same = before[case.path] == case.data
        assert case.data.get("format", 1) == (1 if same else 2)
        assert ("name" in case.data) is same
        assert ("title" in case.data) is not same
    assert {case.data.get("format", 1) for case in cases} == {1, 2}


def test_a_release_that_only_reads_a_new_format_leaves_each_document_in_its_own(
    api: Api, release: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StoredCase, "steps", (Step(_titled, _untitled),))
    found = _named(documents(release))
    of_the_next = f"{_ROOT}/cases/REVIEW-1"
    for document in found:
        if document["path"] == of_the_next:
            document["data"] = {**_titled(document["data"]), "format": 2}
    restore(api.runtime.store, found)

    api.verifier.create(id="NEW-3")
    _change_all(api)
    _assert_all_verified(api)

    cases = {case.path: case.data for case in _cases(api)}
    new = cases.pop(of_the_next)
    assert (new["format"], "title" in new, "name" in new) == (2, True, False)
    assert f"{_ROOT}/cases/NEW-3" in cases
    for data in cases.values():
        assert ("format" in data, "title" in data, "name" in data) == (False, False, True)


def test_what_the_next_release_stores_is_shown_as_what_this_one_knows(api: Api) -> None:
    _restore_for_figures(api.runtime.store, _of_the_next(documents(RELEASES[-1])))

    for read in _reads(RELEASES[-1]):
        answer = _sent(api, read["as"], "GET", read["path"])

        if not {"events", "headHash", "sha256"} & answer.keys():
            assert_holds(read["answer"], answer, read["path"])
            assert _NEW not in json.dumps(answer)
    _assert_all_verified(api)


def test_a_chain_that_an_earlier_release_began_goes_on(api: Api, release: str) -> None:
    found = documents(release)
    restore(api.runtime.store, found)
    before = _sent(api, "viewer", "GET", "/cases/NEW-2/audit")["events"]
    _sent(api, "agent", "POST", "/cases/NEW-2/audit", {"eventType": "note_added", "message": "x"})

    last, *first = _sent(api, "viewer", "GET", "/cases/NEW-2/audit")["events"]

    assert first == before
    # The first release knew of no disclosures; its events are hashed as it hashed them.
    salted = {one["path"] for one in found if "disclosures" in one["data"]}
    shown = {f"{_ROOT}/audit/{event['id']}" for event in first if "disclosures" in event}
    assert shown <= salted
    assert "/message" in last["disclosures"]
    assert_chain(TENANT, [*reversed(first), last])


def test_a_change_keeps_what_the_next_release_has_written_beside_it(api: Api) -> None:
    store = api.runtime.store
    restore(store, before := _of_the_next(documents(RELEASES[-1])))

    _change_all(api)

    paths = [document["path"] for document in before]
    changed: set[str] = set()
    for document, after in zip(before, store.get_many(paths), strict=True):
        assert after
        _assert_kept(document["data"], after.data, document["path"])
        if document["data"] != after.data:
            changed.add(document["path"].split("/")[-2])
    assert changed == {
        "cases",
        "evidence",
        "interventions",
        "runs",
        "tenants",
        "worksheets",
    }
    _assert_all_verified(api)
    _delete_all(api)
    _assert_all_verified(api)


def test_the_next_releases_events_are_listed_filtered_and_shown_so_that_they_hash(
    api: Api,
) -> None:
    restore(api.runtime.store, _of_the_next(documents(RELEASES[-1])))

    events = _sent(api, "pilot", "GET", "/audit?pageSize=200")["events"]
    sampled = _sent(api, "pilot", "GET", f"/audit?eventType={_NEW_TYPE}")["events"]

    assert [event["hash"] for event in events] == [event_hash(TENANT, event) for event in events]
    assert sampled == [event for event in events if event["eventType"] == _NEW_TYPE]
    assert all(_NEW in event and _NEW in event["actor"] for event in events)
    assert sampled


def test_the_next_releases_receipt_answers_a_request_that_comes_again(api: Api) -> None:
    found = _of_the_next(documents(RELEASES[-1]))
    restore(api.runtime.store, found)
    note = {"eventType": "note_added", "message": "Once", "meta": {}}
    path = "/cases/NEW-2/audit"
    first = api.agent.post(path, note, idempotency_key="note-1")
    document = api.runtime.store.get(f"{_ROOT}/audit/{first.json['id']}")
    assert document
    next_data = {**document.data, _NEW: "x"}
    api.runtime.store.commit([Set(document.path, next_data)])

    again = api.agent.post(path, note, idempotency_key="note-1")

    assert again.json == {**first.json, _NEW: "x"}
    assert again.headers["Idempotent-Replayed"] == "true"


def test_the_next_releases_frozen_packet_is_shown_so_that_it_hashes(api: Api) -> None:
    restore(api.runtime.store, _of_the_next(documents(RELEASES[-1])))

    packet = _sent(api, "viewer", "GET", "/cases/APPROVED-1/packet")

    assert [item[_NEW] for item in packet["items"]] == ["de"] * len(packet["items"])
    assert packet["sha256"] == _packet_hash(packet)
    markdown = api.viewer.get("/cases/APPROVED-1/packet", accept="text/markdown")
    assert f"SHA-256: `{packet['sha256']}`" in markdown.text


def _restore_for_figures(store: DocumentStore, found: list[dict[str, Any]]) -> None:
    """Restores documents, and migrates what the figures of interventions are made of."""
    restore(store, found)
    migrate(store, "interventions", apply=True)
    move_pilots(store, apply=True)


def assert_holds(expected: Any, found: Any, where: str) -> None:
    """Fails unless `found` has all that is expected; objects may have more fields."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for name, value in expected.items():
            if name != "nextPageToken":
                assert name in found, f"{where}: {name} is missing"
                assert_holds(value, found[name], f"{where}: {name}")
    elif isinstance(expected, list) and isinstance(found, list):
        assert len(expected) == len(found), where
        for number, (one, other) in enumerate(zip(expected, found, strict=True)):
            assert_holds(one, other, f"{where}[{number}]")
    else:
        assert expected == found, where


def _sent(api: Api, who: str, method: str, path: str, body: Any = None) -> Any:
    role, _, sub = who.partition(":")
    answer = api.caller(role, sub or None).request(method, path, body)
    assert answer.status_code < 400, f"{method} {path}: {answer.text}"
    return answer.json


def _reads(release: str) -> list[dict[str, Any]]:
    """What was read from a release, without what is refused on purpose now."""
    refused = _REFUSED.get(release, [])
    reads = kept(release, "answers")["reads"]
    found = [read for read in reads if {"as": read["as"], "path": read["path"]} not in refused]
    assert len(found) == len(reads) - len(refused)
    return [{**read, "as": "pilot"} if read["path"] == _METRICS else read for read in found]


def _change_all(api: Api) -> None:
    listed = _sent(api, "viewer", "GET", "/interventions?pageSize=200")["interventions"]
    ids = {one["title"]: one["id"] for one in listed}
    for who, method, path, body in _CHANGES:
        _sent(api, who, method, path.format_map(ids), body)
    held = _sent(api, "viewer", "GET", "/cases/HELD-1?view=full")
    first = held["holds"][0]["id"]
    _sent(api, "admin", "POST", f"/cases/HELD-1/holds/{first}:release", {"reason": "Over"})


def _delete_all(api: Api) -> None:
    for case in _sent(api, "viewer", "GET", "/cases?pageSize=200")["cases"]:
        answer = api.admin.delete(f"/cases/{case['id']}")
        assert answer.status_code == (409 if case["legalHold"] else 204), answer.text


def _assert_all_verified(api: Api) -> None:
    rows = api.runtime.store.query(Query(f"{_ROOT}/audit"))
    for subject in sorted({row.data["subject"] for row in rows}):
        answer = _sent(api, "pilot", "GET", f"/audit:verify?subject={subject}")
        assert answer["valid"], answer


def _titled(data: dict[str, Any]) -> dict[str, Any]:
    """From a format 1 whose cases have a `name` to a format 2 whose cases have a `title`."""
    rest = {name: value for name, value in data.items() if name != "name"}
    return {**rest, "title": data["name"]}


def _untitled(data: dict[str, Any]) -> dict[str, Any]:
    rest = {name: value for name, value in data.items() if name != "title"}
    return {**rest, "name": data["title"]}


def _named(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The documents with their cases in that format 1."""
    for document in found:
        if "/cases/" in document["path"] and "clockDueAt" in document["data"]:
            document["data"] = _untitled(document["data"])
    return found


def _cases(api: Api) -> list[Document]:
    rows = api.runtime.store.query(Query(f"{_ROOT}/cases"))
    return [row for row in rows if "deletedAt" not in row.data]


def _leave_out_defaults(document: dict[str, Any]) -> int:
    """Takes from a document all that is as it is by default; gives how many fields."""
    model = _MODELS.get(document["path"].split("/")[-2])
    data = document["data"]
    if model is None or "deletedAt" in data:
        return 0
    defaults = {
        field.alias or name: field.get_default(call_default_factory=True)
        for name, field in model.model_fields.items()
        if not field.is_required()
    }
    same = [name for name, value in defaults.items() if name in data and data[name] == value]
    for name in same:
        del data[name]
    return len(same)


def _of_the_next(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The documents as a next release might have stored them: with fields that are unknown here.

    The last event of one case is of a new type, every event has new fields within its hash.
    """
    by_path = {document["path"]: document["data"] for document in found}
    chains: dict[str, list[dict[str, Any]]] = {}
    hashes: dict[str, str] = {}
    for path, data in by_path.items():
        if path.startswith(f"{_ROOT}/audit/"):
            chains.setdefault(data["subject"], []).append({"path": path, "data": data})
        elif "deletedAt" not in data:
            _add_fields(data)
            if "/packets/" in path:
                before = data["sha256"]
                _add_to_packet(data)
                hashes[before] = data["sha256"]
    for subject, chain in chains.items():
        chain.sort(key=lambda event: event["data"]["sequence"])
        for before, after in hashes.items():
            for event in chain:
                event["data"]["meta"] = event["data"]["meta"].replace(before, after)
        owner = by_path[_ROOT if subject == "tenant" else f"{_ROOT}/{subject}"]
        _chain_anew(chain, owner, sampled=subject == "cases/NEW-1")
    return found


def _add_fields(data: dict[str, Any]) -> None:
    for value in [*data.values()]:
        if isinstance(value, dict):
            nested = [value, *value.values()]
        else:
            nested = value if isinstance(value, list) else []
        for part in nested:
            # Collaborators and hours by type are named by clients: there every name is known.
            if isinstance(part, dict) and {"sequence", "id"} & part.keys():
                part[_NEW] = _UNKNOWN
    data[_NEW] = _UNKNOWN


def _add_to_packet(data: dict[str, Any]) -> None:
    packet = json.loads(data["json"])
    packet[_NEW] = "of the packet"
    for item, entry in zip(packet["items"], packet["manifest"], strict=True):
        item[_NEW] = "de"
        entry["sha256"] = _sha256(item)
    packet["sha256"] = data["sha256"] = _packet_hash(packet)
    data["json"] = json.dumps(packet)


def _packet_hash(packet: dict[str, Any]) -> str:
    return _sha256({name: packet[name] for name in ("caseId", "version", "items", "manifest")})


def _sha256(content: Any) -> str:
    return hashlib.sha256(rfc8785.dumps(content)).hexdigest()


def _chain_anew(chain: list[dict[str, Any]], owner: dict[str, Any], *, sampled: bool) -> None:
    previous = "0" * 64
    for event in chain:
        data = event["data"]
        data |= {_NEW: _UNKNOWN, "previousHash": previous}
        data["actor"][_NEW] = "x"
        data["actor"]["role"] = "auditor"
        if sampled and event is chain[-1]:
            data |= {"eventType": _NEW_TYPE, "severity": "notice", "source": "stream"}
        shown = {name: value for name, value in data.items() if name != "actorName"}
        shown = to_jsonable_python({**shown, "id": event["path"].rpartition("/")[2]})
        shown |= {name: json.loads(data[name]) for name in ("changes", "meta")}
        data["hash"] = previous = event_hash(TENANT, shown)
    owner["head"]["hash"] = previous


def _assert_kept(before: Any, after: Any, where: str) -> None:
    """Fails where a part that is still there has lost the new field.

    Parts of a list are the same where they have the same id.
    """
    if isinstance(before, dict) and isinstance(after, dict):
        if _NEW in before:
            assert after.get(_NEW) == before[_NEW], where
        for name in before.keys() & after.keys() - {_NEW}:
            _assert_kept(before[name], after[name], f"{where}: {name}")
    elif isinstance(before, list) and isinstance(after, list):
        found = {part["id"]: part for part in after if isinstance(part, dict)}
        for part in before:
            if isinstance(part, dict) and part["id"] in found:
                _assert_kept(part, found[part["id"]], f"{where}: {part['id']}")


def test_what_a_release_recorded_is_replayed_to_a_webhook_as_whole_chains(
    api: Api, clock: Clock, release: str
) -> None:
    restore(api.runtime.store, documents(release))
    rows = api.runtime.store.query(Query(f"{_ROOT}/audit"))
    recorded = {row.id: row.data["hash"] for row in rows}
    with receiving() as receiver:
        hook = listening(api, receiver.url, "*")
        clock.now += SOON
        body = {"since": "2000-01-01T00:00:00Z"}
        answer = api.admin.post(f"/webhooks/{hook['id']}:replay", body).json
        assert answer["complete"]
        assert run(api, DELIVER)["failed"] == 0

    sent = {
        head["webhook-id"]: json.loads(body)["data"]
        for head, body in zip(receiver.heads(), receiver.bodies(), strict=True)
    }
    # Beside them, that of the webhook itself.
    assert {name: sent[name]["hash"] for name in recorded} == recorded
    assert len(sent) == len(recorded) + 1 == answer["replayed"]
    assert max(map(len, receiver.bodies())) < 20_000
    chains: dict[str, list[tuple[int, str, str]]] = {}
    for data in sent.values():
        entry = (data["sequence"], data["previousHash"], data["hash"])
        chains.setdefault(data["subject"], []).append(entry)
    for chain in chains.values():
        numbers, before, hashes = zip(*sorted(chain), strict=True)
        assert numbers == tuple(range(1, len(chain) + 1))
        assert before == ("0" * 64, *hashes[:-1])
