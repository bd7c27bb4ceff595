"""An Idempotency-Key makes a request safe to repeat: one effect, and the same answer again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from shared.documents.port import Unavailable, Write
from tests.client import Api, Client, TestResponse
from tests.conftest import Clock
from tests.reliability.support import held_case, held_tenant, types
from tests.rows import each_row

KEY = "the-key"
NEW = {"decisionType": "csf_practitioner", "title": "A case"}
NOTE = {"eventType": "note_added", "message": "called back"}
WHY = {"reason": "new facts"}

Request = tuple[str, str, str, Any]

MUTATIONS: dict[str, Request] = {
    "create_case": ("verifier", "POST", "/cases", NEW),
    "create_case_with_id": ("verifier", "POST", "/cases", {**NEW, "id": "C-1"}),
    "update_case": ("verifier", "PATCH", "/cases/A-1", {"status": "in_review"}),
    "claim_case": ("verifier", "POST", "/cases/A-1:claim", None),
    "claim_next_case": ("verifier", "POST", "/cases:claimNext", None),
    "reopen_case": ("pilot", "POST", "/cases/B-1:reopen", WHY),
    "delete_case": ("admin", "DELETE", "/cases/A-1", None),
    "add_audit_event": ("agent", "POST", "/cases/A-1/audit", NOTE),
    "update_settings": ("admin", "PATCH", "/settings", {"autoCloseDays": 7}),
    "close_cases": ("pilot", "POST", "/cases:close", {"caseIds": ["A-1", "A-2"], **WHY}),
}
OTHER_PAYLOADS: dict[str, tuple[str, Any]] = {
    "create_case": ("/cases", {**NEW, "title": "Another"}),
    "create_case_with_id": ("/cases", {**NEW, "id": "C-2"}),
    "update_case": ("/cases/A-1", {"title": "Another"}),
    "claim_case": ("/cases/A-2:claim", None),
    "claim_next_case": ("/cases:claimNext?decisionType=csf_practitioner", None),
    "reopen_case": ("/cases/B-1:reopen", {"reason": "another"}),
    "delete_case": ("/cases/A-2", None),
    "add_audit_event": ("/cases/A-1/audit", {**NOTE, "message": "another"}),
    "update_settings": ("/settings", {"autoCloseDays": 8}),
    "close_cases": ("/cases:close", {"caseIds": ["A-1", "A-2"], "reason": "another"}),
}


@pytest.fixture
def queue(api: Api) -> Api:
    """A tenant with cases."""
    return filled(api)


def filled(api: Api) -> Api:
    """Opens two cases, A-1 and A-2, and one that is closed, B-1."""
    for case_id in ("A-1", "A-2", "B-1"):
        api.verifier.create(id=case_id)
    api.pilot.patch("/cases/B-1", {"status": "closed", "reason": "done"})
    return api


def send(api: Api, request: Request, **headers: str) -> TestResponse:
    role, method, path, body = request
    return api.caller(role).request(method, path, body, **headers)


def is_replay(answer: TestResponse) -> bool:
    return answer.headers.get("Idempotent-Replayed") == "true"


def number_of_events(api: Api) -> int:
    return sum(len(events) for events in held_tenant(api).values())


@each_row("name", MUTATIONS, apart=True)
def test_a_repeated_request_is_answered_alike_and_has_one_effect(api: Api, name: str) -> None:
    queue = filled(api)
    first = send(queue, MUTATIONS[name], idempotency_key=KEY)
    after_first = number_of_events(queue)

    second = send(queue, MUTATIONS[name], idempotency_key=KEY)

    assert 200 <= first.status_code < 300, first.text
    assert (second.status_code, second.data) == (first.status_code, first.data)
    for header in ("ETag", "Location"):
        assert second.headers.get(header) == first.headers.get(header)
    assert number_of_events(queue) == after_first
    assert (is_replay(first), is_replay(second)) == (False, True)


@each_row("keyed", [True, False])
@each_row("name", MUTATIONS, apart=True)
def test_a_commit_whose_answer_was_lost_is_recovered_and_no_replay(
    api: Api, monkeypatch: pytest.MonkeyPatch, name: str, *, keyed: bool
) -> None:
    queue = filled(api)
    store = queue.runtime.store
    commit = store.commit

    def unheard(writes: Sequence[Write]) -> None:
        monkeypatch.setattr(store, "commit", commit)
        commit(writes)
        raise Unavailable("the answer was lost")

    before = number_of_events(queue)
    monkeypatch.setattr(store, "commit", unheard)

    answer = send(queue, MUTATIONS[name], **({"idempotency_key": KEY} if keyed else {}))

    assert 200 <= answer.status_code < 300, answer.text
    assert not is_replay(answer)
    assert number_of_events(queue) == before + (2 if name == "close_cases" else 1)


@each_row("name", MUTATIONS, apart=True)
def test_the_key_of_another_request_is_refused_and_nothing_is_done(api: Api, name: str) -> None:
    queue = filled(api)
    role, method, _, _ = MUTATIONS[name]
    path, body = OTHER_PAYLOADS[name]
    send(queue, MUTATIONS[name], idempotency_key=KEY)
    before = number_of_events(queue)

    answer = send(queue, (role, method, path, body), idempotency_key=KEY)

    assert answer.status_code == 422, answer.text
    assert answer.json["error"]["status"] == "UNPROCESSABLE_CONTENT"
    assert number_of_events(queue) == before


def test_a_batch_that_shares_no_case_with_the_first_is_still_another_request(queue: Api) -> None:
    queue.pilot.post("/cases:close", {"caseIds": ["A-1"], **WHY}, idempotency_key=KEY)
    before = number_of_events(queue)

    answer = queue.pilot.post("/cases:close", {"caseIds": ["A-2"], **WHY}, idempotency_key=KEY)

    assert answer.status_code == 422, answer.text
    assert number_of_events(queue) == before


def test_tenants_callers_and_operations_do_not_share_keys(queue: Api) -> None:
    clients: list[Client] = [
        queue.caller("verifier", "one"),
        queue.caller("verifier", "two"),
        queue.caller("verifier", "one", tenant="other"),
    ]
    ids = [c.post("/cases", NEW, idempotency_key=KEY).json["id"] for c in clients]
    assert len(set(ids)) == len(clients)

    own = queue.caller("verifier", "one")
    answers = [
        own.patch(f"/cases/{ids[0]}", {"title": "Another"}, idempotency_key=KEY),
        own.post(f"/cases/{ids[0]}:claim", idempotency_key=KEY),
        own.post(f"/cases/{ids[0]}/audit", NOTE, idempotency_key=KEY),
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 201]
    assert not any(is_replay(answer) for answer in answers)
    recorded = types(held_case(queue, ids[0]))
    assert recorded == ["case_created", "case_updated", "assigned", "note_added"]


@each_row(
    ("code", "request_"),
    [
        (400, ("verifier", "POST", "/cases", {"title": "A case"})),
        (400, ("verifier", "PATCH", "/cases/A-1", {"status": "unheard of"})),
        (403, ("viewer", "POST", "/cases", NEW)),
        (404, ("verifier", "PATCH", "/cases/none", {"title": "Another"})),
        (409, ("verifier", "PATCH", "/cases/B-1", {"status": "in_review"})),
    ],
    apart=True,
)
def test_a_refused_request_leaves_its_key_free(api: Api, code: int, request_: Request) -> None:
    queue = filled(api)
    role, method, path, _ = request_
    before = number_of_events(queue)
    for _ in range(2):
        refused = send(queue, request_, idempotency_key=KEY)
        assert refused.status_code == code
        assert not is_replay(refused)
    assert number_of_events(queue) == before

    path = "/cases/A-1" if method == "PATCH" else path
    body = {"title": "Another"} if method == "PATCH" else NEW
    accepted = send(queue, ("verifier", method, path, body), idempotency_key=KEY)

    assert accepted.status_code in (200, 201), (role, accepted.text)
    assert not is_replay(accepted)


def test_a_refused_request_takes_effect_when_it_has_become_legal(queue: Api) -> None:
    approve: Request = ("pilot", "PATCH", "/cases/A-1", {"status": "approved"})
    assert send(queue, approve, idempotency_key=KEY).status_code == 409
    queue.verifier.patch("/cases/A-1", {"status": "in_review"})

    answer = send(queue, approve, idempotency_key=KEY)

    assert (answer.status_code, answer.json["status"]) == (200, "approved")
    assert not is_replay(answer)
    assert types(held_case(queue, "A-1")) == [
        "case_created",
        *["status_changed"] * 2,
        "packet_frozen",
    ]


def test_a_replay_after_later_changes_shows_the_resource_as_it_is_now(
    queue: Api, clock: Clock
) -> None:
    created = queue.verifier.post("/cases", NEW, idempotency_key=KEY)
    clock.advance(days=2)
    later = queue.verifier.patch(f"/cases/{created.json['id']}", {"title": "Another"})

    answer = queue.verifier.post("/cases", NEW, idempotency_key=KEY)

    assert answer.status_code == 201
    assert is_replay(answer)
    assert answer.json == later.json
    assert answer.headers["Location"] == created.headers["Location"]


@each_row("name", ["update_case", "claim_case"], apart=True)
def test_a_replay_does_not_undo_what_came_after_it(api: Api, name: str) -> None:
    queue = filled(api)
    send(queue, MUTATIONS[name], idempotency_key=KEY)
    undone = {"status": "needs_info", "assignedTo": "kim@example.com"}
    later = queue.verifier.patch("/cases/A-1", undone)

    answer = send(queue, MUTATIONS[name], idempotency_key=KEY)

    assert (answer.status_code, answer.json) == (200, later.json)
    assert is_replay(answer)


def test_a_replay_with_a_stale_if_match_is_still_a_replay(queue: Api) -> None:
    etag = queue.viewer.get("/cases/A-1").headers["ETag"]
    change: Request = ("verifier", "PATCH", "/cases/A-1", {"title": "Another"})
    first = send(queue, change, idempotency_key=KEY, if_match=etag)

    second = send(queue, change, idempotency_key=KEY, if_match=etag)

    assert (second.status_code, second.data) == (first.status_code, first.data)
    assert is_replay(second)


def test_a_replay_about_a_case_that_is_gone_finds_nothing_but_a_delete_is_answered(
    queue: Api,
) -> None:
    change: Request = ("verifier", "PATCH", "/cases/A-1", {"title": "Another"})
    send(queue, change, idempotency_key=KEY)
    for replay in (False, True):
        deleted = send(queue, MUTATIONS["delete_case"], idempotency_key=KEY)
        assert (deleted.status_code, is_replay(deleted)) == (204, replay)

    assert send(queue, change, idempotency_key=KEY).status_code == 404
    assert queue.admin.delete("/cases/A-1", idempotency_key="another").status_code == 404
    assert types(held_case(queue, "A-1")) == ["case_created", "case_updated", "case_deleted"]


def test_claim_next_repeated_answers_the_case_already_claimed_even_from_an_empty_queue(
    queue: Api,
) -> None:
    first = queue.verifier.post("/cases:claimNext", idempotency_key=KEY)
    repeated = queue.verifier.post("/cases:claimNext", idempotency_key=KEY)
    queue.verifier.post("/cases:claimNext")
    from_empty = queue.verifier.post("/cases:claimNext", idempotency_key=KEY)

    assert [answer.json for answer in (repeated, from_empty)] == [first.json] * 2
    assert queue.verifier.post("/cases:claimNext", idempotency_key="another").status_code == 404


def test_a_batch_repeated_with_rows_that_were_refused_has_the_same_results(queue: Api) -> None:
    batch = {"caseIds": ["A-1", "none", "B-1", "A-2"], **WHY}

    first, second = (queue.pilot.post("/cases:close", batch, idempotency_key=KEY) for _ in "12")

    assert [row["ok"] for row in first.json["results"]] == [True, False, False, True]
    assert second.json == first.json
    assert types(held_case(queue, "A-1")) == ["case_created", "status_changed"]


@each_row("key", ["", " ", "a b", "é", "x" * 256, "\t"], apart=True)
def test_a_bad_key_is_refused(api: Api, key: str) -> None:
    queue = filled(api)
    answer = queue.verifier.post("/cases", NEW, idempotency_key=key)

    assert answer.status_code == 400
    assert answer.json["error"]["details"][0]["field"] == "Idempotency-Key"


@each_row("key", ["x", "x" * 255, "!~/\\\"'{}"], apart=True)
def test_any_visible_ascii_is_a_key(api: Api, key: str) -> None:
    queue = filled(api)
    first, second = (queue.verifier.post("/cases", NEW, idempotency_key=key) for _ in "12")

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json == second.json
