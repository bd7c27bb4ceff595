"""The verifier of exports on what the API exports, whole and corrupted in every way."""

from __future__ import annotations

import ast
import base64
import io
import json
import random
import re
import sys
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask

import verify_caseledger
from shared.rules.disclosures import erase
from shared.rules.note import Signer, checkpoint_text, sign
from tests.client import Api
from tests.conftest import ROOT, Clock
from tests.functions import erasure_support
from tests.stored.formats import documents, kept, restore
from tests.stored.record import TENANT
from tests.transparency.exported import Exports, exports

Files = dict[str, bytes]
SOUND, BROKEN, PARTLY = 0, 1, 2
PARTS = (0, 9, 16)
"""Where the three files of events begin."""


@dataclass(frozen=True)
class Exported:
    """The exports of one instance: a bundle by its files, events in three files that follow."""

    key: str
    bundle: Files
    events: tuple[bytes, ...]
    old: str
    """A checkpoint of when there was less."""
    signer: Signer


@pytest.fixture(scope="module")
def instance(
    tmp_path_factory: pytest.TempPathFactory, empty_database: Path, framework: Flask
) -> Iterator[Exports]:
    with exports(tmp_path_factory.mktemp("exports"), empty_database, framework) as found:
        yield found


@pytest.fixture(scope="module")
def exported(instance: Exports) -> Exported:
    old = instance.seal()
    instance.api.verifier.patch("/cases/CASE-2", {"summary": "Later"})
    instance.seal()
    ends = [*PARTS[1:], ""]
    events = [
        instance.events(f"start={a}&end={b}" if b else f"start={a}")
        for a, b in zip(PARTS, ends, strict=True)
    ]
    return Exported(instance.key, unpacked(instance.case()), tuple(events), old, instance.signer)


def unpacked(archive: bytes) -> Files:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def packed(files: Files, *, listed: bool = True) -> bytes:
    """A bundle of files; `listed` makes the manifest anew, as somebody who forges it would."""
    files = dict(files)
    if listed and "manifest.json" in files:
        manifest = json.loads(files.pop("manifest.json"))
        manifest["files"] = [
            {"name": name, "sha256": sha256(content).hexdigest(), "bytes": len(content)}
            for name, content in files.items()
        ]
        files["manifest.json"] = json.dumps(manifest).encode()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        for name, content in files.items():
            opened.writestr(name, content)
    return archive.getvalue()


class Verify:
    """Runs the verifier in this process; gives its exit code and what it prints."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._directory = directory
        self._capsys = capsys

    def __call__(self, key: str, *files: bytes | Files, own: Sequence[str] = ()) -> tuple[int, str]:
        paths, options = [], ["--key", key]
        for number, content in enumerate(files):
            whole = packed(content) if isinstance(content, dict) else content
            ending = "zip" if whole.startswith(b"PK") else "ndjson"
            paths.append(self._written(f"{number}.{ending}", whole))
        for number, note in enumerate(own):
            options += ["--checkpoint", self._written(f"own-{number}", note.encode())]
        self._capsys.readouterr()
        code = verify_caseledger.main([*options, *paths])
        return code, self._capsys.readouterr().out

    def _written(self, name: str, content: bytes) -> str:
        path = self._directory / name
        path.write_bytes(content)
        return str(path)


@pytest.fixture
def verify(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Verify:
    return Verify(tmp_path, capsys)


def is_found(outcome: tuple[int, str], *words: str) -> None:
    """Checks that a fault is found, and is named in one sentence."""
    code, told = outcome
    assert code == BROKEN, told
    assert re.fullmatch(r"BROKEN: [^\n]+: [^\n]+\n", told), told
    for word in words:
        assert word in told, told


def lines(content: bytes) -> list[Any]:
    return [json.loads(line) for line in content.splitlines()]


def joined(rows: Sequence[Any]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def altered(value: Any) -> Any:
    """Another value of the same type, as near as can be."""
    match value:
        case bool() | None:
            return not value
        case int() | float():
            return value + 1
        case str():
            return ("1" if value[:1] == "0" else "0") + value[1:]
        case list():
            return [*value, 0]
        case _:
            return {**value, "more": 0}


def alterations(value: Any) -> Iterator[tuple[str, Any]]:
    """Each copy of JSON content in which one thing differs; where it is, as a JSON Pointer."""
    yield "", altered(value)
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for name, part in inner:
        for place, other in alterations(part):
            copy = value.copy()
            copy[name] = other
            yield f"/{name}{place}", copy


# --- Sound exports ---


def test_what_the_api_exports_is_sound(exported: Exported, verify: Verify) -> None:
    code, told = verify(exported.key, exported.bundle, *exported.events, own=[exported.old])

    assert code == SOUND, told
    assert "SOUND\n" in told
    assert "28 events in 5 whole chains" in told
    assert "28 of them are in logs.example/" in told
    assert "the whole log, with 6 whole chains" in told


def test_each_of_the_keys_that_signed_will_do_also_from_a_file(
    exported: Exported, verify: Verify, tmp_path: Path
) -> None:
    other = Signer(exported.signer.name, Ed25519PrivateKey.generate())
    path = tmp_path / "keys"
    path.write_text(f"{other.verifier_key}\n{exported.key}\n")

    assert verify(str(path), exported.bundle)[0] == SOUND


def test_a_part_of_the_log_is_verified_and_is_said_to_be_a_part(
    exported: Exported, verify: Verify
) -> None:
    for parts in (exported.events[:2], exported.events[1:], exported.events[1:2]):
        code, told = verify(exported.key, *parts)
        assert code == PARTLY, told
        assert "NOT verified: only entries" in told
    code, told = verify(exported.key, exported.events[0], exported.events[2])
    assert code == PARTLY, told
    assert told.count("NOT verified: only entries") == 2


def test_a_file_that_broke_off_is_said_to_be_incomplete(exported: Exported, verify: Verify) -> None:
    whole = exported.events[0]
    for broken in (b"", whole[:100], b"".join(whole.splitlines(keepends=True)[:-1]), whole[:-30]):
        code, told = verify(exported.key, broken)
        assert code == PARTLY, told
        assert "broke off" in told


def test_an_event_that_is_gone_is_broken_and_named_and_the_range_is_proven(
    exported: Exported, verify: Verify
) -> None:
    rows = lines(exported.events[1])
    gone = rows[3]["event"]
    rows[3] = {"index": rows[3]["index"], "id": gone["id"], "hash": gone["hash"], "problem": "gone"}

    code, told = verify(exported.key, exported.events[0], joined(rows), exported.events[2])

    assert code == BROKEN, told
    assert f"gone: 1.ndjson, line 4: {gone['id']}: gone" in told
    assert "the whole log, with 6 whole chains but for the events that are gone" in told
    rows[3]["hash"] = "0" * 64
    is_found(verify(exported.key, exported.events[0], joined(rows), exported.events[2]))


def test_a_bundle_that_says_that_it_is_not_complete_is_believed(
    exported: Exported, verify: Verify
) -> None:
    manifest = json.loads(exported.bundle["manifest.json"])
    manifest |= {"complete": False, "reasons": ["cases/CASE-1 changed"]}
    files = {**exported.bundle, "manifest.json": json.dumps(manifest).encode()}
    del files["evidence/ev-1.json"]

    code, told = verify(exported.key, files)

    assert code == PARTLY, told
    assert "is not complete: cases/CASE-1 changed" in told


def test_events_that_are_not_sealed_yet_are_said(instance: Exports, verify: Verify) -> None:
    instance.api.verifier.patch("/cases/CASE-1", {"summary": "Just now"})

    code, told = verify(instance.key, instance.case())

    assert code == PARTLY, told
    assert "2 events are not in the log yet" in told


def test_an_erased_text_leaves_sound_events_and_is_said(exported: Exported, verify: Verify) -> None:
    code, told = verify(exported.key, *map(erased, exported.events[:1]))

    assert (code, told.count("NOT verified")) == (PARTLY, 1), told
    assert "only entries 0 to" in told
    assert re.search(r"erased: \d\d+ values of events, whose hashes hold without them", told)


def test_what_is_erased_must_be_recorded_in_the_whole_log(
    instance: Exports, exported: Exported, verify: Verify
) -> None:
    code, told = verify(exported.key, *map(erased, exported.events))

    assert (code, told.count("NOT verified")) == (PARTLY, 1), told
    assert "values were erased by some-event, which is not in the log" in told
    erasure_support.erased(instance.api, person="verifier")
    instance.seal()
    code, told = verify(exported.key, instance.events())
    assert (code, "erased: " in told) == (SOUND, True), told


def test_a_document_cannot_be_forged_by_erasing_what_events_tell_of_it(
    exported: Exported, verify: Verify
) -> None:
    """For that, nobody needs a key, nor anything but the file."""
    case = json.loads(exported.bundle["case.json"]) | {"title": "Forged"}
    files = {
        **exported.bundle,
        "case.json": json.dumps(case).encode(),
        "events.ndjson": erased(exported.bundle["events.ndjson"]),
    }

    code, told = verify(exported.key, files)

    assert code == PARTLY, told
    assert "NOT verified: title of cases/CASE-1 was erased from its event" in told


def erased(content: bytes) -> bytes:
    """Lines of events without any value that can be erased."""
    return joined(
        [
            {**row, "event": erase(row["event"], row["event"]["disclosures"], "some-event")}
            if "event" in row
            else row
            for row in lines(content)
        ]
    )


def test_what_the_first_release_stored_is_exported_and_sound(
    tmp_path: Path, empty_database: Path, framework: Flask, verify: Verify
) -> None:
    def fill(api: Api, clock: Clock) -> None:
        restore(api.runtime.store, documents("1.0.0"))
        api.tenant = TENANT
        clock.now = datetime.fromisoformat(kept("1.0.0", "answers")["at"])

    with exports(tmp_path, empty_database, framework, fill) as old:
        # Its events cannot be found by what later ones have, so the daily comparison finds them.
        old.seal()
        old.clock.advance(days=1)
        old.seal()
        cases = [old.case(f"/cases/{name}") for name in ("HELD-1", "REVIEW-1", "APPROVED-1")]
        events = old.events()

    code, told = verify(old.key, *cases, events)
    assert code == SOUND, told
    assert "disclosures" not in json.loads(events.splitlines()[0])["event"]


# --- Corrupted exports ---


def test_a_changed_byte_in_any_file_of_a_bundle_is_found_and_named(
    exported: Exported, verify: Verify
) -> None:
    choice = random.Random(15)  # noqa: S311 - the same places each time
    for name, content in exported.bundle.items():
        for _ in range(2):
            at = choice.randrange(len(content))
            changed = (
                content[:at] + bytes([content[at] ^ 1 << choice.randrange(7)]) + content[at + 1 :]
            )
            outcome = verify(exported.key, packed({**exported.bundle, name: changed}, listed=False))
            is_found(outcome, *([name] if name != "manifest.json" else []))


def test_a_file_that_is_dropped_added_or_renamed_is_found(
    exported: Exported, verify: Verify
) -> None:
    for name in exported.bundle:
        fewer = {other: content for other, content in exported.bundle.items() if other != name}
        is_found(verify(exported.key, packed(fewer, listed=False)), name)
        renamed = {
            "x" + other if other == name else other: exported.bundle[other]
            for other in exported.bundle
        }
        is_found(verify(exported.key, packed(renamed, listed=False)))
    for name in ("evidence/ev-9.json", "proofs/x.tlog-proof", "more.json", "packets/3.json"):
        more = {**exported.bundle, name: exported.bundle["evidence/ev-1.json"]}
        is_found(verify(exported.key, packed(more, listed=False)), name)
        is_found(verify(exported.key, packed(more)))


NOT_PROVEN = re.compile(r"README\.txt|packets/.*\.md|interventions/.*")
FORGED = {
    "case.json": [
        "/id",
        "/createdAt",
        "/title",
        "/status",
        "/dueAt",
        "/summary",
        "/assignedTo",
        "/packetEvidenceIds",
    ],
    "evidence/": ["/id", "/title", "/snippet", "/citation", "/sourceId", "/tags", "/metadata/n"],
    "packets/": [
        "/version",
        "/items",
        "/items/0/title",
        "/manifest/0/sha256",
        "/sha256",
        "/caseId",
    ],
    "records/": ["/id", "/caseId", "/data/text"],
    "runs/": ["/id", "/caseId", "/input/text", "/output/1"],
    "interventions/": [
        "/id",
        "/caseId",
        "/createdAt",
        "/actionReason",
        "/title",
        "/status",
        "/context/n",
        "/decidedBy",
        "/completedBy",
    ],
    "interventions": [
        "/action/tool",
        "/action/arguments/amount",
        "/actionHash",
        "/approvedActionHash",
        "/approvedArguments/amount",
        "/approvals/0/bySubject",
        "/approvalsRequired",
        "/decisions",
        "/responseSchema/properties/sure/type",
        "/actUntil",
        "/startedBy",
        "/lapsedAt",
    ],
    "worksheets.json": ["/0/caseId", "/0/problemStatement", "/0/id"],
    "collaborators.json": [""],
}
"""What is changed in files of a bundle, by the beginning of their names, as JSON Pointers."""


def test_a_forged_document_is_found_also_where_the_manifest_is_forged_too(
    exported: Exported, verify: Verify
) -> None:
    for start, names in FORGED.items():
        file, forged = next(
            (file, found)
            for file in exported.bundle
            if file.startswith(start) and "json" in file
            for altered in [alterations(json.loads(exported.bundle[file]))]
            for found in [[(place, other) for place, other in altered if place in names]]
            if len(found) == len(names)
        )
        for place, other in forged:
            outcome = verify(exported.key, {**exported.bundle, file: json.dumps(other).encode()})
            is_found(outcome, *([file] if place != "/id" else []))


def test_a_document_that_is_dropped_is_found_also_where_the_manifest_is_forged_too(
    exported: Exported, verify: Verify
) -> None:
    proofs = [name for name in exported.bundle if name.startswith("proofs/")]
    for name in exported.bundle.keys() - proofs[2:]:
        fewer = {other: content for other, content in exported.bundle.items() if other != name}
        if not NOT_PROVEN.fullmatch(name):
            is_found(verify(exported.key, fewer))


def test_whatever_is_changed_in_an_event_is_found_and_named(
    exported: Exported, verify: Verify
) -> None:
    rows = lines(exported.bundle["events.ndjson"])
    tried = 0
    for at in (3, len(rows) - 1):
        for place, row in alterations(rows[at]):
            changed = joined([*rows[:at], row, *rows[at + 1 :]])
            if place in ("/event", "") or row == rows[at]:
                continue
            outcome = verify(exported.key, {**exported.bundle, "events.ndjson": changed})
            is_found(outcome, *(["line " + str(at + 1)] if place != "/index" else ["proof"]))
            tried += 1
    assert tried > 70


def test_whatever_is_changed_in_an_erased_event_is_found(
    exported: Exported, verify: Verify
) -> None:
    rows = lines(erased(exported.bundle["events.ndjson"]))
    event = rows[2]["event"]
    pointer = next(iter(event["erased"]))
    forged: list[dict[str, Any]] = [
        {**event, "message": "Another"},
        {**event, "erased": {**event["erased"], pointer: "0" * 64}},
        {**event, "erased": {"/message/x": "0" * 64, **event["erased"]}},
        {**event, "erased": {}, "disclosures": {}},
        {**event, "disclosures": {pointer: "0" * 32}},
        {name: value for name, value in event.items() if name != "erasedBy"},
        {**event, "digests": event["erased"]},
        {**event, "tenant": "other"},
    ]
    for other in forged:
        rows[2]["event"] = other
        is_found(verify(exported.key, {**exported.bundle, "events.ndjson": joined(rows)}), "line 3")


def test_lines_of_a_bundle_that_are_dropped_doubled_or_swapped_are_found(
    exported: Exported, verify: Verify
) -> None:
    rows = lines(exported.bundle["events.ndjson"])
    for at in range(0, len(rows), 4):
        fewer = [*rows[:at], *rows[at + 1 :]]
        is_found(verify(exported.key, {**exported.bundle, "events.ndjson": joined(fewer)}))
        twice = [*rows[: at + 1], *rows[at:]]
        is_found(verify(exported.key, {**exported.bundle, "events.ndjson": joined(twice)}))


def test_the_last_events_of_a_chain_are_missed_with_their_proofs_too(
    exported: Exported, verify: Verify
) -> None:
    rows = lines(exported.bundle["events.ndjson"])
    frozen = [row for row in rows if row["event"]["eventType"] == "packet_frozen"][-1]
    after = [
        row
        for row in rows
        if row["event"]["subject"] == "cases/CASE-1"
        and row["event"]["sequence"] >= frozen["event"]["sequence"]
    ]
    files = {**exported.bundle, "events.ndjson": joined([row for row in rows if row not in after])}
    for row in after:
        del files[f"proofs/{row['event']['id']}.tlog-proof"]

    is_found(verify(exported.key, files), "packets/")


def test_a_question_that_is_dropped_with_all_its_events_is_missed_in_the_log(
    exported: Exported, verify: Verify
) -> None:
    rows = lines(exported.bundle["events.ndjson"])
    subject = next(row["event"]["subject"] for row in rows if "interv" in row["event"]["subject"])
    dropped = [row for row in rows if row["event"]["subject"] == subject]
    gone = {f"proofs/{row['event']['id']}.tlog-proof" for row in dropped} | {f"{subject}.json"}
    files = {name: content for name, content in exported.bundle.items() if name not in gone}
    files["events.ndjson"] = joined([row for row in rows if row not in dropped])

    is_found(verify(exported.key, *exported.events, files), "the export of that case")


def test_a_changed_proof_is_found_and_named(exported: Exported, verify: Verify) -> None:
    names = sorted(name for name in exported.bundle if name.startswith("proofs/"))
    name, other = names[0], names[1]
    proof = exported.bundle[name].decode()
    head, _, note = proof.partition("\n\n")
    header, index, *hashes = head.split("\n")
    forged = [
        exported.bundle[other].decode(),
        proof.replace(index, "index 99"),
        proof.replace(index, index.replace(" ", " 0")),
        proof.replace(header, "c2sp.org/tlog-proof@v2"),
        "\n".join([header, index, *hashes[::-1], "", note]),
        "\n".join([header, index, *hashes[1:], "", note]),
        "\n".join([header, index, *hashes, hashes[0], "", note]),
        "\n".join([header, index, *hashes, *hashes * 20, "", note]),
        "\n".join([header, index, altered(hashes[0]), *hashes[1:], "", note]),
        "\n".join([header, index, *hashes, "", exported.old]),
        head,
        "",
    ]
    for text in forged:
        is_found(verify(exported.key, {**exported.bundle, name: text.encode()}), name)


def with_checkpoint(files: Files, note: str) -> Files:
    """A bundle in which everything is of another checkpoint."""
    old = files["checkpoint"]
    return {name: content.replace(old, note.encode()) for name, content in files.items()}


def test_a_forged_or_earlier_checkpoint_is_found(exported: Exported, verify: Verify) -> None:
    note = exported.bundle["checkpoint"].decode()
    text, _, signature = note.partition("\n\n")
    origin, size, root = text.split("\n")
    other = Signer(origin, Ed25519PrivateKey.generate())
    stranger = Signer("logs.example/caseledger/other", exported.signer.private)
    forged = [
        exported.old,  # the log as it was before
        note.replace(root, root[1:2] + root[0] + root[2:]),
        note.replace(f"\n{size}\n", f"\n{int(size) + 1}\n"),
        note.replace(origin, origin + "x"),
        sign(checkpoint_text(origin, int(size), b"r" * 32), [exported.signer]),  # a second log
        sign(text + "\n", [other]),
        # The key of this log, under the name of another.
        sign(checkpoint_text(f"x/{origin}", int(size), base64.b64decode(root)), [exported.signer]),
        sign(checkpoint_text(stranger.name, int(size), base64.b64decode(root)), [stranger]),
        note[:-1],
        text + "\n",
        "",
        text + "\n\n" + signature[:30] + altered(signature[30:]),
    ]
    for one in forged:
        is_found(verify(exported.key, with_checkpoint(exported.bundle, one)))
        rows = lines(exported.events[0])
        rows[-1]["checkpoint"] = one
        is_found(verify(exported.key, joined(rows)), "0.ndjson, the last line")
    is_found(verify(stranger.verifier_key, exported.bundle), "no key that you gave")


def test_all_that_fits_is_nothing_without_the_signature_of_the_key(
    exported: Exported, verify: Verify
) -> None:
    """As of a history that somebody has made anew, who has no key."""
    text, _, line = exported.bundle["checkpoint"].decode().partition("\n\n")
    start, _, encoded = line.rstrip("\n").rpartition(" ")
    known = base64.b64decode(encoded)
    of_another = base64.b64decode(exported.old.rstrip("\n").rpartition(" ")[2])
    changed = [known[:place] + bytes([known[place] ^ 1]) + known[place + 1 :] for place in (4, 67)]
    for signature in (of_another, *changed):
        note = f"{text}\n\n{start} {base64.b64encode(signature).decode()}\n"
        forged = with_checkpoint(exported.bundle, note)
        is_found(verify(exported.key, forged), "the signature does not hold")
        rows = lines(exported.events[0])
        rows[-1]["checkpoint"] = note
        is_found(verify(exported.key, joined(rows)), "the signature does not hold")


def test_an_export_of_another_tenant_is_found(exported: Exported, verify: Verify) -> None:
    manifest = json.loads(exported.bundle["manifest.json"])
    for name, value in {
        "tenant": "t-other",
        "caseId": "CASE-2",
        "origin": "logs.example/x",
    }.items():
        content = json.dumps({**manifest, name: value}).encode()
        is_found(verify(exported.key, {**exported.bundle, "manifest.json": content}))
    rows = lines(exported.events[0])
    rows[-1]["tenant"] = "t-other"
    is_found(verify(exported.key, joined(rows)), "t-other")


def test_whatever_is_changed_in_lines_of_events_is_found(
    exported: Exported, verify: Verify
) -> None:
    rows = lines(exported.events[1])
    for place, row in alterations(rows[2]):
        if row != rows[2] and place not in ("", "/event"):
            is_found(verify(exported.key, joined([*rows[:2], row, *rows[3:]])), "0.ndjson, line 3")
    for place, row in alterations(rows[-1]):
        if place not in ("", "/next"):
            is_found(verify(exported.key, joined([*rows[:-1], row])), "0.ndjson")
    for at in range(len(rows) - 1):
        is_found(verify(exported.key, joined([*rows[:at], *rows[at + 1 :]])))
        is_found(verify(exported.key, joined([*rows[: at + 1], *rows[at:]])))
    is_found(verify(exported.key, joined([rows[1], rows[0], *rows[2:]])), "line 1")


def test_a_rewritten_chain_is_found_in_the_log(exported: Exported, verify: Verify) -> None:
    tenant = lines(exported.events[0])[-1]["tenant"]
    rows = lines(exported.events[0])
    previous: dict[str, str] = {}
    # Somebody rewrites every chain, from its first event on.
    for event in sorted((row["event"] for row in rows[:-1]), key=lambda event: event["sequence"]):
        event["severity"] = "warning"
        event["previousHash"] = previous.get(event["subject"], "0" * 64)
        event["hash"] = verify_caseledger.event_hash(tenant, event)
        previous[event["subject"]] = event["hash"]

    is_found(verify(exported.key, joined(rows)), "are not those of the checkpoint")


def test_files_of_two_histories_are_found(exported: Exported, verify: Verify) -> None:
    rows = lines(exported.events[1])
    forked = sign(checkpoint_text(exported.signer.name, 1000, b"r" * 32), [exported.signer])
    rows[-1] |= {"size": 1000, "checkpoint": forked, "before": ["0" * 64] * 2}

    is_found(verify(exported.key, exported.events[0], joined(rows)), "another log")


def test_ones_own_checkpoint_must_be_of_the_same_log(exported: Exported, verify: Verify) -> None:
    name, size = exported.signer.name, int(exported.old.split("\n")[1])

    def own(size: int, signer: Signer = exported.signer) -> str:
        return sign(checkpoint_text(name, size, b"r" * 32), [signer])

    for forked in (size, size + 1, 5):
        is_found(verify(exported.key, *exported.events, own=[own(forked)]), "checkpoint")
    is_found(verify(exported.key, exported.bundle, own=[own(size + 1)]), "another root")
    code, told = verify(exported.key, exported.bundle, own=[exported.old])
    assert code == PARTLY
    assert f"no export ends or goes on at its {size} entries of {name}" in told
    stranger = Signer(name, Ed25519PrivateKey.generate())
    is_found(verify(exported.key, exported.bundle, own=[own(size, stranger)]), "own-0")


def test_ones_own_checkpoint_is_said_to_hold(exported: Exported, verify: Verify) -> None:
    code, told = verify(exported.key, *exported.events, own=[exported.old])

    assert code == SOUND, told
    size = exported.old.split("\n")[1]
    assert f"own-0: the log begins with its {size} entries of {exported.signer.name}" in told


def test_ones_own_checkpoint_of_an_earlier_epoch_is_compared_with_the_log_of_the_new_one(
    exported: Exported, verify: Verify, tmp_path: Path
) -> None:
    name, size = exported.signer.name, int(exported.old.split("\n")[1])
    new = Signer(f"{name}/2", exported.signer.private)
    files = [lines(content) for content in exported.events]
    for rows in files:
        root = base64.b64decode(rows[-1]["checkpoint"].split("\n")[2])
        rows[-1]["checkpoint"] = sign(checkpoint_text(new.name, rows[-1]["size"], root), [new])
    keys = tmp_path / "keys.txt"
    keys.write_text(f"{exported.key}\n{new.verifier_key}\n")
    events = [joined(rows) for rows in files]

    code, told = verify(str(keys), *events, own=[exported.old])

    assert code == SOUND, told
    assert f"own-0: the log begins with its {size} entries of {name}" in told

    forked = sign(checkpoint_text(name, size, b"r" * 32), [exported.signer])
    code, told = verify(str(keys), *events, own=[forked])

    assert code == PARTLY, told
    assert f"{name}/2 does not begin with the {size} entries that {name} had" in told
    assert "own-0: the log begins" not in told


def test_an_event_that_another_one_names_must_be_in_the_log(exported: Exported) -> None:
    rows = [row for content in exported.events for row in lines(content)[:-1]]
    chains = verify_caseledger.Chains(
        lines(exported.events[0])[-1]["tenant"], verify_caseledger.Report()
    )
    for row in rows:
        if row["event"]["subject"] != "cases/CASE-1" or row["event"]["sequence"] != 4:
            chains.take(row)

    with pytest.raises(ValueError, match="event 4 of cases/CASE-1 is missing"):
        chains.require_whole()


def test_events_that_came_late_into_the_log_are_in_their_chains(exported: Exported) -> None:
    rows = [row for content in exported.events for row in lines(content)[:-1]]
    shuffled = random.Random(15)  # noqa: S311 - the same order each time
    for _ in range(5):
        chains = verify_caseledger.Chains(
            lines(exported.events[0])[-1]["tenant"], verify_caseledger.Report()
        )
        shuffled.shuffle(rows)
        for row in rows:
            chains.take(row)
        chains.require_whole()
        assert len(chains.subjects) == 6


# --- Hostile exports ---


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"{",
        b"[]",
        b"null",
        b"1",
        b'{"format":1,"format":1}',
        b'{"format":1e999}',
        b'{"format":' + b"9" * 400 + b"}",
        b'{"format":NaN}',
        b'{"format":true}',
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'{"format":1,"complete":true,"reasons":[],"files":[{"name":1}]}',
        b'{"format":1,"complete":true,"reasons":[],"files":[[]]}',
    ],
    ids=range(15),
)
def test_a_hostile_json_ends_with_a_sentence(
    exported: Exported, verify: Verify, content: bytes
) -> None:
    for name in ("manifest.json", "case.json", "events.ndjson", "evidence/ev-1.json"):
        files = {**exported.bundle, name: content}
        is_found(verify(exported.key, packed(files, listed=name != "manifest.json")))
    is_found(verify(exported.key, content + b"\n" if content else b"{}\n"))


@pytest.mark.parametrize(
    "other", [None, [], {}, "", "\ud800", 1.5, -1, True, 2**80, [[]], {"a": {}}]
)
def test_a_member_of_another_type_ends_with_a_sentence(
    exported: Exported, verify: Verify, other: Any
) -> None:
    manifest = json.loads(exported.bundle["manifest.json"])
    for name in ("format", "tenant", "caseId", "complete", "reasons", "origin", "files"):
        content = json.dumps({**manifest, name: other}).encode()
        files = {**exported.bundle, "manifest.json": content}
        code, told = verify(exported.key, packed(files, listed=name != "files"))
        named = told.startswith("BROKEN: ") or "format" in told or "not complete" in told
        assert (code == SOUND) is (json.dumps(manifest[name]) == json.dumps(other)), told
        assert named or code == SOUND, told
    rows = lines(exported.events[0])
    for name in set(rows[-1]) - {"next"}:
        if rows[-1][name] != other:
            is_found(verify(exported.key, joined([*rows[:-1], {**rows[-1], name: other}])))
    for name, value in rows[0]["event"].items():
        if value == other:
            continue
        event = {**rows[0]["event"], name: other}
        is_found(verify(exported.key, joined([{**rows[0], "event": event}, *rows[1:]])), "line 1")


def test_a_hostile_archive_ends_with_a_sentence(
    exported: Exported, verify: Verify, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = packed(exported.bundle)
    for name in (
        "../evil",
        "/etc/passwd",
        "evidence/../x.json",
        "evidence\\x.json",
        "C:x",
        "a/",
    ):
        is_found(
            verify(exported.key, packed({**exported.bundle, name: b"{}"})), "no file of an export"
        )
    twice = io.BytesIO(whole)
    with zipfile.ZipFile(twice, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("case.json", b"{}")
    is_found(verify(exported.key, twice.getvalue()), "case.json is there twice")
    at = whole.index(b"PK\x01\x02")
    encrypted = whole[: at + 8] + b"\x01" + whole[at + 9 :]
    is_found(verify(exported.key, encrypted), "no file of an export")
    for cut in (50, len(whole) // 2, len(whole) - 10):
        code, _ = verify(exported.key, whole[:cut])
        assert code in (BROKEN, PARTLY)

    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in exported.bundle.items():
            archive.writestr(name, content)
        archive.writestr("evidence/bomb.json", b" " * 3_000_000)
    monkeypatch.setattr(verify_caseledger, "MAX_UNPACKED", 2_000_000)
    is_found(verify(exported.key, bomb.getvalue()), "unpacks to more")
    monkeypatch.undo()
    monkeypatch.setattr(verify_caseledger, "MAX_JSON", 100_000)
    files = {**exported.bundle, "evidence/ev-1.json": b" " * 200_000}
    is_found(verify(exported.key, files), "evidence/ev-1.json", "longer than")
    rows = lines(exported.events[0])
    rows[0]["event"]["message"] = "m" * 200_000
    is_found(verify(exported.key, joined(rows)), "line 1", "longer than")


def test_an_archive_in_which_other_programs_find_other_files_is_broken(
    exported: Exported, verify: Verify
) -> None:
    """A program that reads from the beginning unpacks what the directory at the end leaves out."""
    own = {"case.json": b'{"title":"Forged"}'}
    hidden = packed(own)[: packed(own).index(b"PK\x01\x02")]
    is_found(verify(exported.key, hidden + packed(exported.bundle)), "something that is no file")
    for before in ("case.json", None):
        whole = io.BytesIO()
        with zipfile.ZipFile(whole, "w") as archive:
            for name, content in exported.bundle.items():
                if name == before:
                    between(archive, hidden)
                archive.writestr(name, content)
            if before is None:
                between(archive, hidden)
        is_found(verify(exported.key, whole.getvalue()), "something that is no file")


def between(archive: zipfile.ZipFile, hidden: bytes) -> None:
    """Writes bytes into an archive that its directory says nothing of."""
    assert archive.fp
    archive.fp.seek(archive.start_dir)
    archive.fp.write(hidden)
    archive.start_dir = archive.fp.tell()


def test_what_an_export_says_does_not_reach_the_terminal_as_it_is(
    exported: Exported, verify: Verify
) -> None:
    rows = lines(exported.events[0])
    rows[0] = {"index": 0, "id": "\x1b[2J\r", "hash": "x", "problem": "\u202e" + "x" * 9999}
    code, told = verify(exported.key, joined(rows))

    assert code == BROKEN
    assert told.isascii()
    assert "\x1b" not in told
    assert all(len(line) < 1000 for line in told.splitlines())


# --- The command ---


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["x.zip"],
        ["--key", "k", "/does/not/exist"],
        ["--key", "no+key+at all", __file__],
        ["--key", "", __file__],
    ],
    ids=range(5),
)
def test_a_wrong_call_ends_with_3(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        verify_caseledger.main(arguments)
    assert ended.value.code == 3


def test_a_key_that_is_no_key_is_told_what_a_key_looks_like(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        verify_caseledger.main(["--key", "keys.txd", __file__])
    told = capsys.readouterr().err
    assert "keys.txd is neither a file nor a key such as name+hex+base64" in told


def test_the_verifier_needs_nothing_but_python_3_9() -> None:
    tree = ast.parse((ROOT / "verify_caseledger.py").read_text(), feature_version=(3, 9))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name for node in imports if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in imports if isinstance(node, ast.ImportFrom)}

    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names
