"""The export of a case: what is in the ZIP, and what its manifest says where something is not."""

from __future__ import annotations

import hashlib
import json
import re
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import verify_caseledger
from shared.config import Config
from shared.documents.port import Create, Delete, Update
from shared.ledger import events
from shared.ledger.ledger import Ledger
from shared.ledger.origin import Origin
from shared.models.roles import Role
from shared.repository import case_export
from shared.repository.archive import Archive
from shared.rules.callers import Caller
from tests.client import Api
from tests.conftest import Clock
from tests.functions.export_support import (
    CASE,
    EXPORT,
    KEY,
    Bundle,
    done,
    exported,
    full_case,
    incompressible,
    opened,
    sealed,
    verified,
)
from tests.functions.sealing_support import with_keys
from tests.functions.support import ON_EMBEDDED, acquainted, cost, event_types, refused, trail

Change = Callable[[Api], Any]


@pytest.fixture
def configured(config: Config, tmp_path: Path) -> Config:
    """With a key that seals."""
    return with_keys(config, tmp_path, KEY)


def stored(api: Api, path: str) -> str:
    """The path of a document of the tenant."""
    return f"tenants/{api.tenant}/{path}"


@pytest.mark.both_stores
def test_a_sealed_case_is_exported_whole_and_verifies(
    api: Api, clock: Clock, tmp_path: Path
) -> None:
    full_case(api, clock)

    bundle = exported(api.pilot)

    assert (bundle.manifest["complete"], bundle.manifest["reasons"]) == (True, [])
    assert verified(api, tmp_path, bundle.content) == (0, [])


@pytest.mark.both_stores
def test_a_case_that_is_not_sealed_yet_says_so_and_verifies_in_part(
    api: Api, clock: Clock, tmp_path: Path
) -> None:
    full_case(api, clock)
    done(api.verifier.patch(CASE, {"title": "New"}))

    bundle = exported(api.pilot)

    assert bundle.manifest["complete"] is False
    assert bundle.manifest["reasons"] == ["1 of the events are not sealed in the log yet"]
    assert [line["index"] is None for line in bundle.lines if line["event"]["sequence"] == 13] == [
        True
    ]
    assert verified(api, tmp_path, bundle.content)[0] == 2


def test_a_case_of_a_tenant_without_a_log_is_exported_without_proofs(
    api: Api, tmp_path: Path
) -> None:
    api.verifier.create(id="CASE-1")

    bundle = exported(api.pilot)

    assert bundle.manifest["reasons"] == ["nothing of the trail is sealed in the log yet"]
    assert bundle.manifest["origin"] is None
    assert "checkpoint" not in bundle.names
    assert [line["index"] for line in bundle.lines] == [None]
    assert verified(api, tmp_path, bundle.content)[0] == 2


@pytest.mark.both_stores
def test_the_files_are_what_the_api_shows_in_their_order(api: Api, clock: Clock) -> None:
    question = full_case(api, clock)
    case = api.pilot.get(f"{CASE}?view=full").json
    packet = api.pilot.get(f"{CASE}/packet?version=1")
    (record,) = api.pilot.get(f"{CASE}/records").json["records"]
    chain = [event["id"] for event in trail(api, "CASE-1")]

    bundle = exported(api.pilot)

    items = case.pop("evidence")
    assert bundle.json("case.json") == case
    assert [bundle.json(f"evidence/{item['id']}.json") for item in items] == items
    assert bundle.zip.read("packets/1.json") == packet.data
    markdown = api.pilot.get(f"{CASE}/packet?version=1", accept="text/markdown")
    assert bundle.zip.read("packets/1.md") == markdown.data
    asked = api.pilot.get(f"/interventions/{question}").json
    assert bundle.json(f"interventions/{question}.json") == asked
    assert bundle.json("runs/run-1.json") == api.pilot.get(f"{CASE}/runs/run-1").json
    assert bundle.json(f"records/{record['id']}.json") == record
    assert bundle.json("collaborators.json") == {"kim": "write"}
    own = [line["event"]["id"] for line in bundle.lines if line["event"]["subject"][:5] == "cases"]
    assert own == chain
    proofs = {f"proofs/{line['event']['id']}.tlog-proof" for line in bundle.lines}
    fixed = [re.sub(r"/.*", "/", name) for name in bundle.names]
    assert list(dict.fromkeys(fixed)) == [
        "README.txt",
        "case.json",
        "evidence/",
        "packets/",
        "interventions/",
        "runs/",
        "records/",
        "worksheets.json",
        "collaborators.json",
        "events.ndjson",
        "proofs/",
        "checkpoint",
        "manifest.json",
    ]
    assert {name for name in bundle.names if name.startswith("proofs/")} == proofs


def test_a_proof_is_the_one_that_the_api_gives(api: Api, clock: Clock) -> None:
    full_case(api, clock)

    bundle = exported(api.pilot)

    for line in bundle.lines:
        event_id = line["event"]["id"]
        proof = bundle.zip.read(f"proofs/{event_id}.tlog-proof")
        assert proof == api.pilot.get(f"/audit/{event_id}:prove").data
        assert f"index {line['index']}\n" in proof.decode()
    assert bundle.zip.read("checkpoint") == api.pilot.get(f"/logs/{api.tenant}/checkpoint").data


def test_the_manifest_has_the_hash_of_each_file_but_itself(api: Api, clock: Clock) -> None:
    full_case(api, clock)

    answer = api.pilot.get(EXPORT)
    bundle = opened(answer)

    listed = [
        {"name": name, "sha256": hashlib.sha256(found).hexdigest(), "bytes": len(found)}
        for name in bundle.names[:-1]
        for found in [bundle.zip.read(name)]
    ]
    manifest = bundle.manifest
    assert manifest.pop("files") == listed
    verifier = hashlib.sha256(Path(verify_caseledger.__file__).read_bytes()).hexdigest()
    assert manifest == {
        "format": 1,
        "tenant": api.tenant,
        "caseId": "CASE-1",
        "exportedAt": "2026-03-02T09:02:00Z",
        "complete": True,
        "reasons": [],
        "erased": 0,
        "origin": f"logs.example/caseledger/{api.tenant}",
        "verifier": {"name": "verify_caseledger.py", "sha256": verifier},
    }
    assert verifier in bundle.zip.read("README.txt").decode()
    assert max(map(len, bundle.zip.read("README.txt").decode().splitlines())) <= 100
    assert answer.mimetype == "application/zip"
    assert answer.headers["Content-Disposition"] == "attachment; filename=CASE-1.zip"


def test_of_worksheets_it_has_whose_they_are_and_the_hashes_that_their_events_have(
    api: Api, clock: Clock
) -> None:
    full_case(api, clock)

    bundle = exported(api.pilot)

    (sheet,) = bundle.json("worksheets.json")
    assert (sheet["id"], sheet["userId"], sheet["sharedWith"]) == (
        "CASE-1:viewer",
        "viewer",
        "none",
    )
    (saved,) = [
        line["event"] for line in bundle.lines if line["event"]["subject"][:10] == "worksheets"
    ]
    told = {change["field"]: change["new"] for change in saved["changes"]}
    assert {name: sheet[name] for name in told} == told
    assert all(b"Sesame" not in bundle.zip.read(name) for name in bundle.names)


@pytest.mark.both_stores
def test_the_event_of_an_export_follows_what_is_exported_and_is_in_the_next_one(
    api: Api, clock: Clock
) -> None:
    full_case(api, clock)

    first = exported(api.pilot)
    sealed(api, clock)
    second = exported(api.admin)

    *_, event, _ = trail(api, "CASE-1")
    assert (event["eventType"], event["actor"]["subject"]) == ("data_exported", "pilot")
    assert event["meta"] == {"sequence": 12, "logSize": len(first.lines)}
    last = [line["event"] for line in first.lines if line["event"]["subject"][:5] == "cases"][-1]
    assert (event["sequence"], event["previousHash"]) == (13, last["hash"])
    own = [one["event"] for one in second.lines if one["event"]["subject"] == event["subject"]]
    assert own[-1] == event
    assert second.manifest["complete"] is True


def test_a_head_request_exports_nothing(api: Api, clock: Clock) -> None:
    full_case(api, clock)

    head = api.pilot.request("HEAD", EXPORT)

    assert (head.status_code, head.mimetype, head.data) == (200, "application/zip", b"")
    assert "data_exported" not in event_types(api, "CASE-1")


@pytest.mark.both_stores
def test_a_case_that_is_not_there_is_not_exported(api: Api) -> None:
    refused(api.pilot.get(EXPORT), 404, "NOT_FOUND")
    api.verifier.create(id="CASE-1")
    api.admin.delete(CASE)
    elsewhere = api.caller("pilot", tenant="elsewhere")

    refused(api.pilot.get(EXPORT), 404, "NOT_FOUND")
    refused(elsewhere.get(EXPORT), 404, "NOT_FOUND")


MEANWHILE: dict[str, tuple[Change, str]] = {
    "the case": (
        lambda api: api.verifier.patch(CASE, {"title": "New"}),
        "cases/CASE-1 changed while it was exported",
    ),
    "the case, gone": (
        lambda api: (
            [
                api.admin.post(f"{CASE}/holds/{hold['id']}:release", {"reason": "Over"})
                for hold in api.admin.get(f"{CASE}?view=full").json["holds"]
            ],
            api.admin.delete(CASE),
        )[-1],
        "cases/CASE-1 changed while it was exported",
    ),
    "a worksheet": (
        lambda api: api.viewer.put(f"{CASE}/worksheet", {"fsrNotes": "Another"}),
        "worksheets/CASE-1:viewer changed while it was exported",
    ),
}


@pytest.mark.parametrize("name", MEANWHILE)
def test_what_changes_while_it_is_exported_is_said_and_the_rest_is_of_one_state(
    api: Api,
    clock: Clock,
    tmp_path: Path,
    name: str,
) -> None:
    full_case(api, clock)
    change, reason = MEANWHILE[name]
    add = Archive.add

    def adding(archive: Archive, file: str, content: bytes) -> bytes:
        if file == "collaborators.json":
            done(change(api))
        return add(archive, file, content)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Archive, "add", adding)
        bundle = exported(api.pilot)

    assert bundle.manifest["complete"] is False
    assert reason in bundle.manifest["reasons"]
    code, said = verified(api, tmp_path, bundle.content)
    assert code == 2, said


def edited(api: Api, path: str, **fields: Any) -> None:
    """Changes a document of the tenant past the API."""
    api.runtime.store.commit([Update(stored(api, path), fields)])


UNREADABLE: dict[str, tuple[Change, str]] = {
    "evidence, edited": (
        lambda api: edited(api, "cases/CASE-1/evidence/ev-1", metadata="["),
        "cases/CASE-1/evidence/ev-1 cannot be read: ",
    ),
    "evidence, gone": (
        lambda api: api.runtime.store.commit([Delete(stored(api, "cases/CASE-1/evidence/ev-1"))]),
        "cases/CASE-1/evidence/ev-1 is missing",
    ),
    "a packet": (
        lambda api: edited(api, "cases/CASE-1/packets/1", json="["),
        "cases/CASE-1/packets/1 cannot be read: ",
    ),
    "a run": (lambda api: edited(api, "runs/run-1", input="["), "runs/run-1 cannot be read: "),
    "a worksheet": (
        lambda api: edited(api, "worksheets/CASE-1:viewer", fsrNotes=None),
        "worksheets/CASE-1:viewer cannot be read: ",
    ),
    "the head of a worksheet": (
        lambda api: edited(api, "worksheets/CASE-1:viewer", head={"sequence": "x"}),
        "worksheets/CASE-1:viewer: the head of its chain cannot be read",
    ),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_is_named_and_all_else_is_there(
    api: Api, clock: Clock, name: str
) -> None:
    full_case(api, clock)
    before = exported(api.pilot)
    edit, reason = UNREADABLE[name]

    edit(api)
    sealed(api, clock)
    bundle = exported(api.pilot)

    assert bundle.manifest["complete"] is False
    assert [one.startswith(reason) for one in bundle.manifest["reasons"]].count(True) == 1
    assert len(set(before.names) - set(bundle.names)) <= 2
    assert "checkpoint" in bundle.names


def events_of(bundle: Bundle) -> dict[int, dict[str, Any]]:
    """The case's own events in an export, by their sequence."""
    own = [line["event"] for line in bundle.lines if line["event"]["subject"] == "cases/CASE-1"]
    return {event["sequence"]: event for event in own}


@pytest.mark.both_stores
def test_an_event_that_cannot_be_read_or_is_gone_is_named(
    api: Api, clock: Clock, tmp_path: Path
) -> None:
    full_case(api, clock)
    own = events_of(exported(api.pilot))
    sealed(api, clock)
    unreadable, gone = own[4], own[8]
    edited(api, f"audit/{unreadable['id']}", meta="[")
    api.runtime.store.commit([Delete(stored(api, f"audit/{gone['id']}"))])

    bundle = exported(api.pilot)

    line = next(line for line in bundle.lines if "problem" in line)
    assert (line["index"], line["id"], line["hash"]) == (None, unreadable["id"], unreadable["hash"])
    assert line["problem"].startswith("event cannot be read: ")
    first, second = bundle.manifest["reasons"]
    assert first.startswith(f"audit/{unreadable['id']}: event cannot be read: ")
    assert second == "cases/CASE-1: its chain is broken before event 9"
    assert verified(api, tmp_path, bundle.content)[0] == 1


def test_a_chain_without_its_last_event_is_named(api: Api, clock: Clock) -> None:
    full_case(api, clock)
    last = trail(api, "CASE-1")[-1]
    api.runtime.store.commit([Delete(stored(api, f"audit/{last['id']}"))])

    bundle = exported(api.pilot)

    assert bundle.manifest["reasons"] == [
        "cases/CASE-1: its chain ends at event 11, not at its head"
    ]


@pytest.mark.both_stores
def test_where_values_were_erased_the_export_is_complete_and_says_how_many_events_have_such(
    api: Api, clock: Clock, tmp_path: Path
) -> None:
    full_case(api, clock)
    note = trail(api, "CASE-1")[-1]
    path = stored(api, f"audit/{note['id']}")
    document = api.runtime.store.get(path)
    assert document
    fields = events.erased(document, ["/message", "/meta/text"], "erasure-1")
    api.runtime.store.commit([Update(path, fields)])

    bundle = exported(api.pilot)

    assert (bundle.manifest["complete"], bundle.manifest["erased"]) == (True, 1)
    assert events_of(bundle)[12]["message"] == "erased"
    assert verified(api, tmp_path, bundle.content) == (0, [])


def test_a_question_that_has_run_out_is_shown_as_its_events_say(
    api: Api, clock: Clock, tmp_path: Path
) -> None:
    api.verifier.create(id="CASE-1")
    question = {"uowId": "u", "type": "resume", "title": "May I?", "caseId": "CASE-1"}
    asked = done(api.agent.post("/interventions", {**question, "expiresInSeconds": 30})).json
    sealed(api, clock)

    bundle = exported(api.pilot)

    assert api.viewer.get(f"/interventions/{asked['id']}").json["status"] == "expired"
    assert bundle.json(f"interventions/{asked['id']}.json")["status"] == "pending"
    assert verified(api, tmp_path, bundle.content) == (0, [])


@pytest.mark.both_stores
def test_the_events_of_a_question_that_was_purged_are_still_in_it(
    api: Api, clock: Clock, tmp_path: Path
) -> None:
    question = full_case(api, clock)
    done(api.agent.post(f"/interventions/{question}:complete", {}))
    for hold in api.admin.get(f"{CASE}?view=full").json["holds"]:
        done(api.admin.post(f"{CASE}/holds/{hold['id']}:release", {"reason": "It is over"}))
    for days in (1, 100):
        clock.advance(days=days)
        done(api.caller("scheduler", tenant="none").post("/scheduled/purgeRecords"))
    refused(api.viewer.get(f"/interventions/{question}"), 404, "NOT_FOUND")
    sealed(api, clock)

    bundle = exported(api.pilot)

    assert f"interventions/{question}.json" not in bundle.names
    told = [line["event"]["subject"] for line in bundle.lines]
    assert told.count(f"interventions/{question}") == 3
    assert bundle.manifest["complete"] is True
    assert verified(api, tmp_path, bundle.content) == (0, [])


HOSTILE = ["CON", "con", "nul.x", "Com1", "a", "A", "1.", "x..", "a.json", "A.JSON"]


def test_names_are_files_on_every_system_and_differ_in_more_than_case(
    api: Api, clock: Clock, tmp_path: Path
) -> None:
    texts = ["../../etc/passwd", "Café \U0001f600", "<script>", "=1+1", "C:\\x"]
    items = [{"id": i, "title": texts[n % len(texts)]} for n, i in enumerate(HOSTILE)]
    api.verifier.create(id="CASE-1", evidence=items)
    sealed(api, clock)

    bundle = exported(api.pilot)

    names = [name for name in bundle.names if name.startswith("evidence/")]
    assert [bundle.json(name)["id"] for name in names] == HOSTILE
    assert len({name.lower() for name in bundle.names}) == len(bundle.names)
    for name in bundle.names:
        *_, stem = name.split("/")
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._~-]*[A-Za-z0-9]", stem), name
        assert stem.partition(".")[0].lower() not in {"con", "nul", "com1"}
    assert names[4:6] == ["evidence/a.json", "evidence/2~A.json"]
    assert verified(api, tmp_path, bundle.content) == (0, [])


def test_a_document_whose_id_is_none_that_the_api_takes_gets_no_path_of_its_own(
    api: Api, clock: Clock
) -> None:
    full_case(api, clock)
    run = api.runtime.store.get(stored(api, "runs/run-1"))
    assert run
    path = stored(api, "runs/..\\..\\evil:x")
    api.runtime.store.commit([Create(path, run.data)])

    names = [name for name in exported(api.pilot).names if name.startswith("runs/")]

    assert sorted(map(len, names)) == [len("runs/run-1.json"), len("runs/.json") + 64]


def test_the_same_content_makes_the_same_bytes() -> None:
    def made() -> bytes:
        archive = Archive()
        parts = [archive.add("a.txt", b"one"), *archive.add_parts("b.txt", [b"two", b"three"])]
        return b"".join([*parts, archive.end()])

    assert made() == made()


@pytest.mark.both_stores
@pytest.mark.costs_of("export_case")
def test_an_export_reads_each_document_once(
    api: Api, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    full_case(api, clock)
    acquainted(api)
    bundle = exported(api.pilot)
    events_there = len(bundle.lines)
    capsys.readouterr()

    costs = cost(api.pilot.get(EXPORT))

    case_and_log, evidence, packets, interventions, runs, records, worksheets = 2, 2, 1, 1, 1, 1, 1
    documents = case_and_log + evidence + packets + interventions + runs + records + worksheets
    # The event of the export before, which is not sealed; its own, which is not part of it; the
    # case once more, to see whether it is as it was.
    reads = documents + events_there + 1 + 1 + 1
    assert costs == (reads, 2, 11)
    *_, line = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert (line["reads"], line["writes"], line["stream"]) == (reads, 2, "whole")


@pytest.mark.both_stores
def test_more_than_is_read_at_once_is_read_in_parts(api: Api, clock: Clock, tmp_path: Path) -> None:
    full_case(api, clock)
    for number in range(3):
        done(api.agent.post(f"{CASE}/runs", {"agentId": f"robot-{number}"}))
        done(api.agent.post(f"{CASE}/records", {"kind": f"k-{number}", "title": "R", "data": []}))
        question = {"uowId": "u", "type": "resume", "title": "?", "caseId": "CASE-1"}
        done(api.agent.post("/interventions", question))
        someone = api.caller("viewer", f"viewer-{number}")
        done(someone.put(f"{CASE}/worksheet", {"fsrNotes": "A note"}))
    sealed(api, clock)
    at_once = exported(api.pilot)
    sealed(api, clock)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("shared.repository.batches._FIRST", 2)
        patched.setattr("shared.repository.batches._MOST", 2)
        in_parts = exported(api.pilot)

    added = in_parts.lines[len(events_of(at_once))]
    assert added["event"]["eventType"] == "data_exported"
    assert [line["event"] for line in in_parts.lines if line != added] == [
        line["event"] for line in at_once.lines
    ]
    proof = f"proofs/{added['event']['id']}.tlog-proof"
    assert set(in_parts.names) == {*at_once.names, proof}
    assert verified(api, tmp_path, at_once.content, in_parts.content) == (0, [])


@pytest.mark.both_stores
def test_reasons_are_as_many_as_a_person_reads(api: Api) -> None:
    items = [{"id": f"ev-{number}", "title": "An item"} for number in range(200)]
    api.verifier.create(id="CASE-1", evidence=items)
    gone = [Delete(stored(api, f"cases/CASE-1/evidence/ev-{number}")) for number in range(200)]
    api.runtime.store.commit(gone)

    reasons = exported(api.pilot).manifest["reasons"]

    assert (len(reasons), reasons[-1]) == (200, "and more")
    assert case_export.FORMAT == 1


def filled_with_evidence(api: Api, case_id: str, number: int) -> None:
    """Gives a case so many items of 50 KB that do not compress to less than half."""
    path = stored(api, f"cases/{case_id}")
    names = [f"ev-{one:03}" for one in range(number)]
    item = incompressible(50_000, api.runtime.clock())
    refs = [{"id": name, "sha256": "0" * 64, "size": 50_000} for name in names]
    writes = [Create(f"{path}/evidence/{name}", item.to_data()) for name in names]
    api.runtime.store.commit([Update(path, {"evidence": refs}), *writes])


@ON_EMBEDDED
def test_the_memory_of_an_export_does_not_grow_with_its_size(api: Api) -> None:
    store = api.runtime.store
    peaks = {}
    for number in (40, 160):
        case_id = f"BIG-{number}"
        api.verifier.create(id=case_id)
        filled_with_evidence(api, case_id, number)
        pilot = Caller("pilot", None, api.tenant, Role.PILOT).actor
        origin = Origin(api.tenant, pilot, "system", "export_case", "request-1")
        ledger = Ledger(store, origin, api.runtime.clock)
        tracemalloc.start()
        sent = sum(len(part) for part in case_export.of_case(ledger, case_id))
        peaks[number] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert sent > number * 25_000

    # Four times as much content, which would be 6 MB more.
    assert peaks[160] - peaks[40] < 1_000_000
