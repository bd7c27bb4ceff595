"""Verify means the state, too: what is stored is what the trail says, else the field is named."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.config import Config
from shared.documents.port import Data, Document, Query, Set, Update
from shared.ledger.events import erased
from shared.models.intervention import StoredIntervention
from shared.rules.replay import CONTRADICTION
from shared.runtime import Runtime
from tests.client import Api
from tests.conftest import Clock
from tests.functions import erasure_support
from tests.functions.integrity_support import (
    CASE,
    Tampering,
    lives,
    stored,
    subject_of,
    subjects,
    verified,
)
from tests.rows import each_row

pytestmark = pytest.mark.both_stores

SUBJECT = f"cases/{CASE}"
AT = datetime.fromisoformat("2026-01-01T00:00:00Z")

UNCOVERED: dict[str, set[str]] = {
    "tenants": {"closingChangedAt", "retentionChangedAt"},
    "cases": {
        # For searches, pages and the scheduled functions.
        *("searchTokens", "evidenceNumbers", "packetNumbers", "sweepAt"),
        # By which a deletion finds that a worksheet is new; nobody is shown it.
        "worksheetsBegun",
    },
    "interventions": {"sweepAt", "counted", "runId"},
    # Written whenever somebody calls with it, which is no change of the key.
    "keys": {"lastUsedOn"},
    # Only the key that is outside of the database can make them.
    "webhooks": {"sealed"},
}
"""The fields that no event covers: SECURITY.md says so."""
WHOLE: dict[str, set[str]] = {
    "evidence": {"title", "snippet", "citation", "sourceId", "tags", "metadata"},
    "packets": {"json"},
    "records": {"data"},
    # The run is missing from its case then.
    "runs": {"caseId"},
}
"""The fields of which an event has one hash: the document is named."""
VALUES: dict[str, list[Any]] = {
    "status": ["in_review", "blocked", "pending", "in_progress", "running", "completed"],
    "severity": ["low", "high"],
    "type": ["resume", "cancel"],
    "priority": ["low", "high"],
    "requiredRole": ["verifier", "admin"],
    "decision": ["approve", "reject"],
    "sharedWith": ["read", "none"],
}
NULLS: dict[str, Any] = {
    "resolutionSeconds": 1.5,
    "durationSeconds": 1.5,
    "openRuns": 1,
    "openInterventions": 1,
    "caseRetentionDays": 1,
    "autoCloseDays": 1,
    "runTimeoutMinutes": 1,
    "decision": "approve",
    "fields": '{"a":1}',
    "actWithinSeconds": 1,
    "approvals": [{"by": "x", "bySubject": "x", "at": AT}],
    "approvalsRequired": 2,
    "decisions": ["reject"],
    "raisePriority": True,
    **dict.fromkeys(("actUntil", "heldUntil"), AT),
    **dict.fromkeys(("action", "approvedArguments", "responseSchema"), '{"a":1}'),
    **dict.fromkeys(("context", "response", "result", "input", "output", "errors"), '{"a":1}'),
}


@pytest.fixture(scope="module", params=["embedded", "emulator"])
def life(request: pytest.FixtureRequest) -> Iterator[Tampering]:
    """A tenant in which everything has happened; made once for each store."""
    if request.param == "embedded":
        config = Config(sqlite=":memory:", unsigned_tokens=True)
    else:
        host = request.getfixturevalue("emulator_host")
        project = f"demo-{uuid.uuid4().hex[:16]}"
        config = Config(project=project, emulator=host, unsigned_tokens=True)
    clock = Clock()
    key = request.getfixturevalue("webhook_key")
    runtime = Runtime(replace(config, webhook_key=key), clock)
    api = Api(runtime)
    assert list(lives(api, clock))
    yield Tampering(api)
    runtime.close()


def test_after_each_step_of_a_life_with_everything_in_it_what_is_stored_is_what_the_trail_says(
    api: Api, clock: Clock
) -> None:
    # On the emulator not after each: what is compared is the same.
    for number, step in enumerate(lives(api, clock)):
        often = number % 6 == 0 or api.runtime.config.sqlite
        for subject in subjects(api, clock.now) if often else ():
            found = verified(api, subject)
            assert found["valid"], (step, found)

    for subject in subjects(api):
        assert verified(api, subject)["valid"], subject


def test_each_field_that_is_edited_in_the_database_is_the_one_that_is_named(
    life: Tampering,
) -> None:
    edited_once = {
        # Of what is empty it would not be seen what is compared of it.
        (document.path.split("/")[-2], name, not before and repr(before)): (document, data, field)
        for document in stored(life.api)
        for name, data, field in edits(document)
        for before in [document.data.get(name)]
    }
    found = list(edited_once.values())
    assert len(found) > 150
    wrong = []
    # All of them take long on the emulator, and which field it is makes no difference to a store.
    for document, data, field in found[:: 10 if life.api.runtime.config.emulator else 1]:
        with life.undone():
            life.write(document.path, data)
            answer = verified(life.api, subject_of(document))
        if answer.get("firstBroken", {}).get("field") != field:
            wrong.append((document.path, field, answer))
    assert wrong == []


def edits(document: Document) -> Iterator[tuple[str, Data, str]]:
    """Each field of a document in turn: its name, the document edited, the field to be named."""
    parts = document.path.split("/")
    kind = parts[-2]
    own = kind in {"tenants", "cases", "interventions", "worksheets", "keys", "webhooks"}
    if "deletedAt" in document.data:
        return
    unsaid = dict.fromkeys(StoredIntervention.aliases()) if kind == "interventions" else {}
    for name, value in (unsaid | document.data).items():
        if name in UNCOVERED.get(kind, ()) or name == "head":
            continue
        whole = own or name in WHOLE.get(kind, ())
        path = name if own else "/".join(parts[-2:])
        yield (
            name,
            {**document.data, name: edited(name, value)},
            path if whole else f"{path}/{name}",
        )


def edited(name: str, value: Any) -> Any:
    """Another value that a field of a name could have."""
    if name in VALUES and value is not None:
        return next(one for one in VALUES[name] if one != value)
    if value is None:
        return NULLS.get(name, AT if name.endswith("At") else "x")
    others: dict[type, Callable[[Any], Any]] = {
        bool: lambda one: not one,
        str: lambda one: f"{one}x",
        list: lambda one: one[1:] if one else ["x"],
        dict: lambda one: dict(list(one.items())[1:]) if one else {"x": "read"},
        datetime: lambda one: one + timedelta(microseconds=1),
    }
    kind = next((kind for kind in others if isinstance(value, kind)), None)
    return others[kind](value) if kind else value + 1


ATTACKS: dict[str, Callable[[Tampering], tuple[str, str]]] = {
    "the hold is taken off": lambda t: t.edit("", "legalHold", legalHold=False, holds=[]),
    "a hold says another reason": lambda t: t.edit_first("holds", reason="Another"),
    "an item has another size": lambda t: t.edit_first("evidence", size=1),
    "an item of evidence is deleted": lambda t: t.delete("evidence/e-2"),
    "an item is added": lambda t: t.add("evidence/e-2", "evidence/e-9"),
    "a removed item is back": lambda t: t.add("evidence/e-2", "evidence/e-1"),
    "the packet is deleted": lambda t: t.delete("packets/1"),
    "another packet is added": lambda t: t.add("packets/1", "packets/2"),
    "a packet says another title": lambda t: t.repack("/title", title="Another"),
    "a packet has other items": lambda t: t.repack("", items=[]),
    "a record is deleted": lambda t: t.delete(t.one("records")),
    "a record is added": lambda t: t.add(t.one("records"), "records/x"),
    "preserved content is deleted": lambda t: t.delete(t.kept()),
    "preserved content is made up": lambda t: t.edit_made_up(),
    "a run is deleted": lambda t: t.delete("runs/r-done", below=""),
    "a run is given to another case": lambda t: t.move_run(),
    "an item is changed with its reference": lambda t: t.rewrite_item(),
    "an intervention is taken from its case": lambda t: t.take_question(),
}


@each_row("attack", ATTACKS)
def test_what_is_missing_surplus_or_another_is_named(life: Tampering, attack: str) -> None:
    with life.undone():
        subject, field = ATTACKS[attack](life)

        broken = verified(life.api, subject)["firstBroken"]

        assert broken["field"] == field
    assert verified(life.api, subject)["valid"]


def test_the_states_of_two_cases_that_are_swapped_are_found_on_both(life: Tampering) -> None:
    one, other = (life.document(f"cases/{name}") for name in (CASE, "CLOSED-1"))
    with life.undone():
        for to, source in ((one, other), (other, one)):
            life.write(to.path, {**source.data, "head": to.data["head"]})

        for document in (one, other):
            assert verified(life.api, subject_of(document))["firstBroken"]["field"]


def test_a_change_on_top_of_what_was_edited_does_not_hide_it(api: Api) -> None:
    api.verifier.create(id=CASE)
    api.agent.post(f"/cases/{CASE}/audit", {"eventType": "note_added", "message": "One"})
    document = api.runtime.store.get(f"tenants/{api.tenant}/cases/{CASE}")
    assert document
    api.runtime.store.commit([Set(document.path, {**document.data, "notesCount": 7})])
    api.agent.post(f"/cases/{CASE}/audit", {"eventType": "note_added", "message": "Two"})

    broken = verified(api, SUBJECT)["firstBroken"]

    assert (broken["sequence"], broken["field"]) == (3, "notesCount")
    assert broken["problem"] == CONTRADICTION


def test_what_a_client_reports_is_not_taken_for_what_the_system_did(api: Api) -> None:
    api.verifier.create(id=CASE)
    for meta in ({"runId": "r", "status": "running"}, {"evidenceCount": 1, "added": 5}):
        body = {"eventType": "agent_action", "message": "Mine", "meta": meta}
        assert api.agent.post(f"/cases/{CASE}/audit", body).status_code == 201

    assert verified(api, SUBJECT)["valid"]


@pytest.mark.parametrize("of", ["an open case", "a closed case"])
def test_a_tombstone_that_names_anothers_purge_is_found(api: Api, clock: Clock, of: str) -> None:
    api.admin.patch("/settings", {"caseRetentionDays": 2})
    over = {"status": "closed", "reason": "Over"}
    for name in ("PURGED", "KEPT"):
        api.verifier.create(id=name)
    api.verifier.patch("/cases/PURGED", over)
    clock.advance(days=3)
    api.caller("scheduler").post("/scheduled/purgeRecords")
    if of == "a closed case":
        api.verifier.patch("/cases/KEPT", over)
    store, root = api.runtime.store, f"tenants/{api.tenant}/cases"
    purged, kept = store.get(f"{root}/PURGED"), store.get(f"{root}/KEPT")
    assert purged
    assert kept
    assert verified(api, "cases/PURGED")["purged"] is True

    forged = {**purged.data, "head": kept.data["head"]}
    store.commit([Set(kept.path, forged)])

    assert verified(api, "cases/KEPT")["firstBroken"]["field"] == "purgedBy"


def test_a_field_that_is_broken_is_named_in_the_log_without_its_value(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    api.verifier.create(id=CASE, title="A private title")
    path = f"tenants/{api.tenant}/cases/{CASE}"
    api.runtime.store.commit([Update(path, {"title": "Another title"})])
    capsys.readouterr()

    verified(api, SUBJECT)

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (line,) = [line for line in lines if line["severity"] == "ERROR"]
    assert line == {
        "severity": "ERROR",
        "message": "a chain does not verify",
        "securityEvent": "trail_broken",
        "tenant": api.tenant,
        "subject": SUBJECT,
        "sequence": 1,
        "field": "title",
    }


def test_a_text_that_was_erased_from_the_trail_is_not_compared(api: Api) -> None:
    api.verifier.create(id=CASE, title="A private title")
    rows = api.runtime.store.query(Query(f"tenants/{api.tenant}/audit"))
    record = erasure_support.erased(api, person="nobody")["eventId"]
    (row,) = [row for row in rows if row.data["subject"] == SUBJECT]
    changes = json.loads(row.data["changes"])
    number = [change["field"] for change in changes].index("title")
    fields = erased(row, [f"/changes/{number}/new", "/actor/email"], record)
    api.runtime.store.commit([Update(row.path, fields)])
    path = f"tenants/{api.tenant}/cases/{CASE}"
    api.runtime.store.commit([Update(path, {"title": "erased", "createdBy": "erased"})])

    found = verified(api, SUBJECT)

    assert (found["valid"], found["erasedValues"]) == (True, 2)
