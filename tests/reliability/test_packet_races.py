"""Many people on one packet at once: nothing is lost, and what is frozen is one whole state."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import rfc8785

from tests.client import Api, TestResponse
from tests.functions.support import trail

CASE = "/cases/CASE-1"
EVIDENCE = f"{CASE}/evidence"


def item(evidence_id: str) -> dict[str, Any]:
    """An item that is in the packet."""
    return {"id": evidence_id, "title": f"Item {evidence_id}", "includedInPacket": True}


def at_once(calls: list[Callable[[], TestResponse]]) -> list[TestResponse]:
    """The answers to calls that start together."""
    barrier = Barrier(len(calls))

    def start(send: Callable[[], TestResponse]) -> TestResponse:
        barrier.wait()
        return send()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(start, calls))


def test_people_who_add_to_one_packet_at_once_lose_nothing(api: Api) -> None:
    api.verifier.create(id="CASE-1")

    def adding(number: int) -> Callable[[], TestResponse]:
        caller = api.caller("verifier", f"user-{number}")
        return lambda: caller.post(EVIDENCE, {"evidence": [item(f"ev-{number}")]})

    answers = at_once([adding(number) for number in range(6)])

    assert {201} == {answer.status_code for answer in answers}
    every = {f"ev-{number}" for number in range(6)}
    assert every == set(api.viewer.get(CASE).json["packetEvidenceIds"])
    added = [event["meta"]["added"][0]["id"] for event in trail(api, "CASE-1")[1:]]
    assert every == set(added)
    assert [one["id"] for one in api.viewer.get(EVIDENCE).json["evidence"]] == added


def test_of_people_who_edit_the_same_version_of_a_packet_one_wins_and_the_others_know(
    api: Api,
) -> None:
    api.verifier.create(id="CASE-1", evidence=[item(f"ev-{number}") for number in range(4)])
    seen = api.viewer.get(CASE).headers["ETag"]

    def choosing(number: int) -> Callable[[], TestResponse]:
        body = {"packetEvidenceIds": [f"ev-{number}"]}
        return lambda: api.verifier.put(EVIDENCE, body, if_match=seen)

    answers = at_once([choosing(number) for number in range(4)])

    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]
    (winner,) = [number for number, answer in enumerate(answers) if answer.status_code == 200]
    assert api.viewer.get(CASE).json["packetEvidenceIds"] == [f"ev-{winner}"]
    assert len(trail(api, "CASE-1")) == 2


def test_a_packet_approved_while_evidence_is_added_is_one_of_the_two_states(api: Api) -> None:
    api.verifier.create(id="CASE-1", evidence=[item("ev-1"), item("ev-2")])
    api.verifier.patch(CASE, {"status": "in_review"})
    for version in range(1, 5):
        before = api.viewer.get(CASE).json["packetEvidenceIds"]
        late = item(f"late-{version}")

        added, approved = at_once(
            [
                partial(api.agent.post, EVIDENCE, {"evidence": [late]}),
                lambda: api.verifier.patch(CASE, {"status": "approved"}),
            ]
        )

        assert approved.status_code == 200
        assert added.status_code in (201, 409)
        after = [*before, late["id"]] if added.status_code == 201 else before
        packet = api.viewer.get(f"{CASE}/packet").json
        assert (packet["version"], [one["id"] for one in packet["items"]]) == (version, after)
        covered = {name: packet[name] for name in ("caseId", "version", "items", "manifest")}
        assert packet["sha256"] == hashlib.sha256(rfc8785.dumps(covered)).hexdigest()
        api.pilot.post(f"{CASE}:reopen", {"reason": "Once more"})


def test_a_packet_approved_while_an_item_is_changed_is_one_of_the_two_states(api: Api) -> None:
    api.verifier.create(id="CASE-1", evidence=[item("ev-1"), item("ev-2")])
    api.verifier.patch(CASE, {"status": "in_review"})
    title = "Item ev-1"
    for version in range(1, 5):
        new_title = f"Changed {version}"

        changed, approved = at_once(
            [
                partial(api.admin.patch, f"{EVIDENCE}/ev-1", {"title": new_title}),
                lambda: api.verifier.patch(CASE, {"status": "approved"}),
            ]
        )

        title = new_title if changed.status_code == 200 else title
        if approved.status_code == 409:
            # It read the item of one state and the case of the other, and says to try again.
            assert approved.json["error"]["status"] == "ABORTED"
            approved = api.verifier.patch(CASE, {"status": "approved"})
        assert approved.status_code == 200, approved.text
        packet = api.viewer.get(f"{CASE}/packet").json
        assert (packet["version"], packet["items"][0]["title"]) == (version, title)
        api.pilot.post(f"{CASE}:reopen", {"reason": "Once more"})


def test_a_worksheet_saved_from_two_devices_at_once_has_one_event_for_each_text(api: Api) -> None:
    api.verifier.create(id="CASE-1")
    sheet = f"{CASE}/worksheet"

    answers = at_once([partial(api.viewer.put, sheet, {"fsrNotes": f"Text {n}"}) for n in range(4)])

    assert {200} == {answer.status_code for answer in answers}
    verified = api.pilot.get("/audit:verify?subject=worksheets/CASE-1:viewer").json
    assert (verified["valid"], verified["events"]) == (True, 4)
    last = api.viewer.get(sheet).json
    assert last in [answer.json for answer in answers]
