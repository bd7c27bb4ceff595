"""Many callers at the same moment, on both stores: one wins, and everybody is told the truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from tests.client import Api, TestResponse
from tests.reliability.support import (
    LOAD,
    held_case,
    held_tenant,
    held_trail,
    in_parallel,
    persistent,
    types,
)

CLAIMERS = 50
UPDATES = 100
REPEATS = 20
NEW = {"decisionType": "csf_practitioner", "title": "A case"}

Request = tuple[str, str, str, Any]


def codes(answers: Sequence[TestResponse]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


@pytest.mark.parametrize("_round", range(LOAD))
def test_of_fifty_claims_of_one_case_one_wins_and_the_others_learn_who(
    api: Api, _round: int
) -> None:
    case_id = api.verifier.create()["id"]

    answers = in_parallel(
        CLAIMERS,
        lambda n: persistent(api.caller("verifier", f"v{n}"), "POST", f"/cases/{case_id}:claim"),
    )

    assert codes(answers) == {200: 1, 409: CLAIMERS - 1}
    (winner,) = [answer.json["assignedTo"] for answer in answers if answer.status_code == 200]
    for answer in answers:
        if answer.status_code == 409:
            assert answer.json["error"]["status"] == "FAILED_PRECONDITION"
            assert answer.json["error"]["details"] == [{"assignedTo": winner}]
    assert types(held_case(api, case_id)) == ["case_created", "assigned"]


def test_twenty_workers_empty_a_queue_of_a_hundred_and_claim_every_case_once(api: Api) -> None:
    expected = {f"A-{n}" for n in range(100 * LOAD)}
    in_parallel(4, lambda n: [api.verifier.create(id=c) for c in sorted(expected)[n::4]])

    def work(number: int) -> list[str]:
        worker = api.caller("verifier", f"w{number}")
        claimed = []
        while (answer := persistent(worker, "POST", "/cases:claimNext")).status_code == 200:
            assert answer.json["assignedTo"] == f"w{number}@example.com"
            claimed.append(answer.json["id"])
        assert answer.status_code == 404, answer.text
        return claimed

    claimed = [case_id for cases in in_parallel(20, work) for case_id in cases]

    assert sorted(claimed) == sorted(expected)
    for events in held_tenant(api).values():
        assert types(events) == ["case_created", "assigned"]


def test_a_hundred_updates_of_one_case_at_once_all_take_effect(api: Api) -> None:
    case_id = api.verifier.create()["id"]

    answers = in_parallel(
        UPDATES,
        lambda n: persistent(api.verifier, "PATCH", f"/cases/{case_id}", {"title": f"Title {n}"}),
    )

    assert codes(answers) == {200: UPDATES}
    events = held_case(api, case_id)
    assert Counter(types(events)) == {"case_created": 1, "case_updated": UPDATES}


REPEATED: dict[str, Request] = {
    "create_case": ("verifier", "POST", "/cases", NEW),
    "create_case_with_id": ("verifier", "POST", "/cases", {**NEW, "id": "B-1"}),
    "update_case": ("verifier", "PATCH", "/cases/A-1", {"status": "in_review"}),
    "claim_case": ("verifier", "POST", "/cases/A-1:claim", None),
    "claim_next_case": ("verifier", "POST", "/cases:claimNext", None),
    "delete_case": ("admin", "DELETE", "/cases/A-1", None),
    "add_audit_event": (
        "agent",
        "POST",
        "/cases/A-1/audit",
        {"eventType": "note_added", "message": "called back"},
    ),
    "close_cases": (
        "pilot",
        "POST",
        "/cases:close",
        {"caseIds": ["A-1", "A-2", "A-3"], "reason": "done"},
    ),
    "update_settings": ("admin", "PATCH", "/settings", {"autoCloseDays": 7}),
}


@pytest.mark.parametrize("name", REPEATED)
def test_the_same_key_twenty_times_at_once_has_one_effect_and_twenty_equal_answers(
    api: Api, name: str
) -> None:
    role, method, path, body = REPEATED[name]
    before = 3
    for number in range(1, before + 1):
        api.verifier.create(id=f"A-{number}")

    answers = in_parallel(
        REPEATS,
        lambda _: api.caller(role).request(method, path, body, idempotency_key="the-key"),
    )

    assert len({(answer.status_code, answer.data) for answer in answers}) == 1
    assert 200 <= answers[0].status_code < 300, answers[0].text
    effects = before if name == "close_cases" else 1
    assert sum(len(events) for events in held_tenant(api).values()) == before + effects
    marked = [answer for answer in answers if answer.headers.get("Idempotent-Replayed") == "true"]
    assert len(marked) == REPEATS - 1


def test_of_patches_by_one_if_match_one_wins_and_the_others_are_told_it_is_stale(api: Api) -> None:
    created = api.verifier.post("/cases", NEW)
    path, etag = f"/cases/{created.json['id']}", created.headers["ETag"]

    answers = in_parallel(
        32,
        lambda n: persistent(api.verifier, "PATCH", path, {"title": f"Title {n}"}, if_match=etag),
    )

    assert codes(answers) == {200: 1, 412: 31}
    (won,) = [answer.json["title"] for answer in answers if answer.status_code == 200]
    assert api.viewer.get(path).json["title"] == won
    assert types(held_case(api, created.json["id"])) == ["case_created", "case_updated"]


def test_of_creates_with_one_id_one_wins_and_the_others_are_told_it_is_taken(api: Api) -> None:
    answers = in_parallel(
        32,
        lambda n: persistent(
            api.verifier, "POST", "/cases", {**NEW, "id": "A-1", "title": f"Title {n}"}
        ),
    )

    assert codes(answers) == {201: 1, 409: 31}
    statuses = {a.json["error"]["status"] for a in answers if a.status_code == 409}
    assert statuses == {"ALREADY_EXISTS"}
    assert types(held_case(api, "A-1")) == ["case_created"]


@pytest.mark.parametrize("_round", range(3 * LOAD))
def test_whoever_decides_first_the_trail_leads_to_the_state(api: Api, _round: int) -> None:
    case_id = api.verifier.create()["id"]
    path = f"/cases/{case_id}"
    api.pilot.patch(path, {"status": "in_review"})
    requests: list[Request] = [
        ("pilot", "PATCH", path, {"status": "approved"}),
        ("pilot", "PATCH", path, {"status": "closed", "reason": "withdrawn"}),
        ("pilot", "POST", "/cases:close", {"caseIds": [case_id], "reason": "done"}),
        ("pilot", "PATCH", path, {"status": "blocked", "reason": "waiting"}),
        ("pilot", "PATCH", path, {"status": "needs_info"}),
        ("pilot", "POST", f"{path}:reopen", {"reason": "new facts"}),
        ("verifier", "POST", f"{path}:claim", None),
        ("agent", "POST", f"{path}/audit", {"eventType": "custom", "message": "seen"}),
    ] * 3

    def send(number: int) -> TestResponse:
        role, method, target, body = requests[number]
        return persistent(api.caller(role), method, target, body)

    answers = in_parallel(len(requests), send)

    assert codes(answers).keys() <= {200, 201, 409}
    refused = [answer.json["error"] for answer in answers if answer.status_code == 409]
    assert {error["status"] for error in refused} <= {"FAILED_PRECONDITION"}
    held_case(api, case_id)


@pytest.mark.parametrize("_round", range(3 * LOAD))
def test_a_patch_that_meets_a_delete_is_recorded_before_it_or_finds_nothing(
    api: Api, _round: int
) -> None:
    case_id = api.verifier.create()["id"]
    path = f"/cases/{case_id}"

    def send(number: int) -> TestResponse:
        if number == 8:
            return persistent(api.admin, "DELETE", path)
        return persistent(api.verifier, "PATCH", path, {"title": f"Title {number}"})

    *patches, deleted = in_parallel(9, send)

    assert deleted.status_code == 204
    assert codes(patches).keys() <= {200, 404}
    updates = ["case_updated"] * codes(patches)[200]
    assert types(held_case(api, case_id)) == ["case_created", *updates, "case_deleted"]


@pytest.mark.parametrize("_round", range(3 * LOAD))
def test_of_many_verifiers_who_assign_a_free_case_to_themselves_one_keeps_it(
    api: Api, _round: int
) -> None:
    case_id = api.verifier.create()["id"]

    def take(number: int) -> TestResponse:
        patch = {"assignedTo": f"v{number}@example.com"}
        taker = api.caller("verifier", f"v{number}")
        return persistent(taker, "PATCH", f"/cases/{case_id}", patch)

    answers = in_parallel(12, take)

    assert codes(answers) == {200: 1, 403: 11}
    (winner,) = [answer.json["assignedTo"] for answer in answers if answer.status_code == 200]
    assert api.viewer.get(f"/cases/{case_id}").json["assignedTo"] == winner
    assert types(held_case(api, case_id)) == ["case_created", "assigned"]


@pytest.mark.parametrize("_round", range(3 * LOAD))
def test_nothing_that_a_case_says_is_changed_after_its_approval(api: Api, _round: int) -> None:
    case_id = api.verifier.create()["id"]
    path = f"/cases/{case_id}"
    api.verifier.patch(path, {"status": "in_review"})

    def send(number: int) -> TestResponse:
        patch = {"status": "approved"} if number == 5 else {"decisionType": f"type_{number}"}
        return persistent(api.verifier, "PATCH", path, patch)

    answers = in_parallel(10, send)

    approved = answers[5]
    assert approved.status_code == 200
    assert codes(answers).keys() <= {200, 409}
    decision = api.viewer.get(path).json["decisionType"]
    assert decision == approved.json["decisionType"]
    updates = ["case_updated"] * (codes(answers)[200] - 1)
    assert types(held_case(api, case_id)) == [
        "case_created",
        "status_changed",
        *updates,
        "status_changed",
        "packet_frozen",
    ]


@pytest.mark.parametrize("_round", range(3 * LOAD))
def test_nobody_reads_what_its_owner_writes_after_closing_a_worksheet(
    api: Api, _round: int
) -> None:
    case_id = api.verifier.create()["id"]
    api.admin.put(f"/cases/{case_id}/collaborators/lee", {"permission": "write"})
    kim, lee = api.caller("viewer", "kim"), api.caller("viewer", "lee")
    sheet = f"/cases/{case_id}/worksheet"
    kim.put(sheet, {"fsrNotes": "For all", "sharedWith": "write"})

    def send(number: int) -> TestResponse:
        if number == 0:
            secret = {"fsrNotes": "A secret", "sharedWith": "none"}
            return persistent(kim, "PUT", sheet, secret)
        if number % 2:
            return lee.get(f"{sheet}?userId=kim")
        return persistent(lee, "PUT", f"{sheet}?userId=kim", {"fsrNotes": f"Lee's {number}"})

    closed, *others = in_parallel(11, send)

    assert closed.status_code == 200
    assert codes(others).keys() <= {200, 404}
    assert not any("A secret" in answer.text for answer in others)
    mine = kim.get(sheet).json
    assert (mine["fsrNotes"], mine["sharedWith"]) == ("A secret", "none")
    held_trail(api, f"worksheets/{case_id}:kim")
