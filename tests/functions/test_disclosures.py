"""Events whose texts can be erased: how they are stored, shown and verified."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from shared.documents.port import Document, Set, Update
from shared.ledger import events
from tests.client import Api
from tests.conftest import Clock
from tests.functions.erasure_support import erased
from tests.functions.support import trail
from tests.reliability.independent import assert_chain
from tests.rows import each_row

WHOLE = "cases/CASE-1"


def stored(api: Api, event: dict[str, Any]) -> Document:
    """The document of an event that was shown."""
    document = api.runtime.store.get(f"tenants/{api.tenant}/audit/{event['id']}")
    assert document
    return document


def erase(api: Api, event: dict[str, Any], *pointers: str, by: str = "") -> str:
    """Erases values of an event, as an erasure does; gives `by`, the event that records it."""
    document, by = stored(api, event), by or erased(api, person="nobody")["eventId"]
    fields = events.erased(document, pointers, by)
    api.runtime.store.commit([Update(document.path, fields, version=document.version)])
    return by


def verified(api: Api, subject: str = WHOLE) -> dict[str, Any]:
    answer: dict[str, Any] = api.pilot.get(f"/audit:verify?subject={subject}").json
    return answer


def test_an_event_is_shown_as_ever_and_has_the_salts_of_its_texts(api: Api) -> None:
    api.verifier.create(id="CASE-1", title="Renewal")
    note = {"eventType": "note_added", "message": "Called", "meta": {"who": {"x": 1}, "n": 1}}
    sent = api.agent.post("/cases/CASE-1/audit", note).json

    created, noted = trail(api, "CASE-1")

    assert noted == sent
    assert (noted["message"], noted["meta"]) == ("Called", {"who": {"x": 1}, "n": 1})
    assert list(noted["disclosures"]) == ["/actor/email", "/message", "/meta/who"]
    assert {"erased", "erasedBy"}.isdisjoint(noted)
    title = [one["field"] for one in created["changes"]].index("title")
    assert f"/changes/{title}/new" in created["disclosures"]
    every = [salt for one in (created, noted) for salt in one["disclosures"].values()]
    assert len(set(every)) == len(every)
    assert all(len(bytes.fromhex(salt)) == 16 for salt in every)


@pytest.mark.both_stores
def test_salts_are_stored_as_text_and_beside_the_event_stands_where_it_is_sealed(api: Api) -> None:
    api.verifier.create(id="CASE-1")
    for number in range(12):
        note = {"eventType": "note_added", "message": f"Note {number}"}
        api.agent.post("/cases/CASE-1/audit", note)

    found = trail(api, "CASE-1")

    rows = [stored(api, event).data for event in found]
    assert [json.loads(row["disclosures"]) for row in rows] == [e["disclosures"] for e in found]
    slots = {row["sealSlot"] for row in rows}
    # At random all are the same once in 16 million runs.
    assert len(slots) > 1
    assert slots <= set(range(events.SEAL_SLOTS))
    assert all("sealSlot" not in event for event in found)


@pytest.mark.both_stores
def test_what_was_erased_is_counted_and_the_chain_holds(api: Api) -> None:
    api.verifier.create(id="CASE-1", title="Renewal of Dr. Lee")
    note = {"eventType": "note_added", "message": "Called Dr. Lee", "meta": {"of": "Lee", "n": 1}}
    sent = api.agent.post("/cases/CASE-1/audit", note, idempotency_key="note")
    assert "erasedValues" not in verified(api)

    created, noted = trail(api, "CASE-1")
    title = [one["field"] for one in created["changes"]].index("title")
    erase(api, created, "/actor/email", f"/changes/{title}/new")
    erase(api, noted, "/message")
    by = erase(api, noted, "/message", "/meta/of")

    created, noted = trail(api, "CASE-1")
    assert created["actor"]["email"] == created["changes"][title]["new"] == "erased"
    assert (noted["message"], noted["meta"]) == ("erased", {"of": "erased", "n": 1})
    assert list(noted["erased"]) == ["/message", "/meta/of"]
    assert (noted["erasedBy"], noted["hash"]) == (by, sent.json["hash"])
    assert_chain(api.tenant, [created, noted])
    held = verified(api)
    assert (held["valid"], held["erasedValues"]) == (True, 4)
    # Nothing of it is in the documents any more, and lists by person do not find it.
    assert "Lee" not in f"{stored(api, created).data} {stored(api, noted).data}"
    theirs = api.pilot.get("/audit?actor=verifier@example.com").json["events"]
    assert noted["id"] not in [event["id"] for event in theirs]
    assert created["id"] not in [event["id"] for event in theirs]
    # The event is the receipt still.
    again = api.agent.post("/cases/CASE-1/audit", note, idempotency_key="note")
    assert (again.status_code, again.json) == (201, noted)
    assert api.agent.post("/cases/CASE-1/audit", note).status_code == 201
    assert verified(api)["valid"]


@pytest.mark.both_stores
@each_row("by", ["no-such-event", "no/path", "x" * 2_000], apart=True)
def test_what_was_erased_though_no_event_records_it_is_found(api: Api, by: str) -> None:
    api.verifier.create(id="CASE-1")
    for message in ("First", "Second"):
        api.agent.post("/cases/CASE-1/audit", {"eventType": "note_added", "message": message})
    for event in trail(api, "CASE-1")[1:]:
        erase(api, event, "/message", by=by)

    problem = "a value was erased, and no event records it"
    assert verified(api)["firstBroken"] == {"sequence": 2, "problem": problem}


def of_another_case(api: Api) -> str:
    api.verifier.create(id="OTHER")
    return str(erased(api, subject="cases/OTHER")["eventId"])


def of_earlier(api: Api) -> str:
    return str(erased(api, person="nobody")["eventId"])


def of_another_type(api: Api) -> str:
    return str(api.admin.patch("/settings", {"autoCloseDays": 30}) and trail_of_tenant(api)[0])


def of_this_case_without_its_hash(api: Api) -> str:
    by = str(erased(api, person="nobody")["eventId"])
    row = api.runtime.store.get(f"tenants/{api.tenant}/audit/{by}")
    assert row
    forged = {**row.data, "createdAt": row.data["createdAt"] + timedelta(days=9)}
    api.runtime.store.commit([Set(row.path, forged)])
    return by


def trail_of_tenant(api: Api) -> list[str]:
    return [event["id"] for event in api.pilot.get("/audit?subject=tenant").json["events"]]


@pytest.mark.parametrize(
    "record", [of_another_case, of_earlier, of_another_type, of_this_case_without_its_hash]
)
def test_an_event_that_does_not_cover_what_was_erased_does_not_record_it(
    api: Api, clock: Clock, record: Callable[[Api], str]
) -> None:
    by = record(api)
    clock.advance(seconds=1)
    api.verifier.create(id="CASE-1")
    erase(api, trail(api, "CASE-1")[0], "/message", by=by)

    assert verified(api)["firstBroken"]["sequence"] == 1


def changed(name: str, change: Callable[[dict[str, str]], Any]) -> Callable[[Document], Set]:
    """A change of what one of an event's two objects of texts holds."""

    def act(document: Document) -> Set:
        found = json.loads(document.data[name])
        change(found)
        return Set(document.path, {**document.data, name: json.dumps(found)})

    return act


def replaced(**fields: Any) -> Callable[[Document], Set]:
    return lambda document: Set(document.path, {**document.data, **fields})


ATTACKS: dict[str, tuple[Callable[[Document], Set], str]] = {
    "an erased value replaced": (replaced(message="Called"), "event cannot be read"),
    "its digest replaced": (
        changed("erased", lambda found: found.update({"/message": "0" * 64})),
        "content does not match its hash",
    ),
    "its digest removed": (
        changed("erased", lambda found: found.pop("/message")),
        "event cannot be read",
    ),
    "a salt replaced": (
        changed("disclosures", lambda found: found.update({"/meta/of": "0" * 32})),
        "content does not match its hash",
    ),
    "a text hashed as it is": (
        changed("disclosures", lambda found: found.pop("/meta/of")),
        "content does not match its hash",
    ),
    "a pointer to nothing": (
        changed("disclosures", lambda found: found.update({"/meta/no": "0" * 32})),
        "event cannot be read",
    ),
    "salts that are no JSON": (replaced(disclosures="{"), "event cannot be read"),
    "salts that are no text": (replaced(disclosures=None), "event cannot be read"),
    "a text replaced": (replaced(meta='{"of":"Li","n":1}'), "content does not match its hash"),
    "a digest beside": (replaced(digests="{}"), "event cannot be read"),
    "nobody who erased it": (replaced(erasedBy=None), "event cannot be read"),
}


@each_row("attack", ATTACKS, apart=True)
def test_whatever_is_done_to_salts_and_digests_in_the_store_is_found(api: Api, attack: str) -> None:
    api.verifier.create(id="CASE-1")
    note = {"eventType": "note_added", "message": "Called Dr. Lee", "meta": {"of": "Lee", "n": 1}}
    noted = api.agent.post("/cases/CASE-1/audit", note).json
    erase(api, noted, "/message")
    assert verified(api)["valid"]
    act, problem = ATTACKS[attack]

    api.runtime.store.commit([act(stored(api, noted))])

    found = verified(api)
    assert (found["valid"], found["firstBroken"]) == (False, {"sequence": 2, "problem": problem})
    listed = api.viewer.get("/cases/CASE-1/audit").json
    if problem == "event cannot be read":
        assert [one["id"] for one in listed["unreadable"]] == [noted["id"]]
    else:
        assert "unreadable" not in listed
