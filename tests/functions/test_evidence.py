"""Evidence on a case: attached, replaced, curated, changed and removed, each in one event."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.client import Api
from tests.functions.support import (
    ABSENT,
    ON_EMBEDDED,
    acquainted,
    cost,
    event_types,
    pages,
    refused,
    refused_field,
    trail,
    when,
)
from tests.functions.test_status import STEPS, move
from tests.rows import each_row

CASE = "/cases/CASE-1"
EVIDENCE = f"{CASE}/evidence"
BARE: dict[str, Any] = {
    "snippet": "",
    "citation": None,
    "sourceId": None,
    "tags": [],
    "metadata": {},
}


def item(evidence_id: str, **fields: Any) -> dict[str, Any]:
    """An item to attach."""
    return {"id": evidence_id, "title": f"Item {evidence_id}", **fields}


def ids(api: Api, path: str = EVIDENCE) -> list[str]:
    """The ids of a list of evidence, all pages."""
    return [one["id"] for page in pages(api.viewer, path, "evidence") for one in page]


def told(api: Api) -> dict[str, Any]:
    """What the last event of CASE-1 tells besides."""
    meta: dict[str, Any] = trail(api, "CASE-1")[-1]["meta"]
    return meta


def test_an_attached_item_is_shown_with_all_that_was_given_and_who_added_it_when(api: Api) -> None:
    api.verifier.create(id="CASE-1")
    given = item(
        "ev-1",
        snippet="All practitioners must\ncomplete training",
        citation="OAC 4723-9-10",
        sourceId="doc-1",
        tags=["Ohio", "CSF"],
        metadata={"confidence": 0.95, "pages": [[1, 2], [3]], "none": None, "big": 1e20},
        includedInPacket=True,
    )

    case = api.agent.attach("CASE-1", given)

    (shown,) = api.viewer.get(EVIDENCE).json["evidence"]
    assert shown == {**given, "addedAt": shown["addedAt"], "addedBy": "agent@example.com"}
    assert when(shown["addedAt"]) == when(case["updatedAt"])
    assert (case["evidenceCount"], case["packetEvidenceIds"]) == (1, ["ev-1"])


def test_an_item_without_an_id_gets_one_and_the_rest_has_a_value(api: Api) -> None:
    api.verifier.create(id="CASE-1")

    answer = api.verifier.post(EVIDENCE, {"evidence": [{"title": "One"}, {"title": "Two"}]})

    assert (answer.status_code, answer.headers["Location"]) == (201, f"/v1{EVIDENCE}")
    first, second = api.viewer.get(EVIDENCE).json["evidence"]
    assert first["id"] != second["id"]
    assert first == first | BARE | {"title": "One", "includedInPacket": False}


def test_added_items_come_behind_those_that_are_there(api: Api) -> None:
    api.verifier.create(id="CASE-1")
    api.verifier.attach("CASE-1", item("b", includedInPacket=True), item("a"))
    case = api.verifier.attach("CASE-1", item("c", includedInPacket=True))

    assert ids(api) == ["b", "a", "c"]
    assert case["packetEvidenceIds"] == ["b", "c"]
    assert event_types(api, "CASE-1")[1:] == ["evidence_attached"] * 2


def test_replacing_writes_what_came_and_changed_and_says_what_went(api: Api) -> None:
    api.verifier.create(id="CASE-1")
    api.verifier.put(EVIDENCE, {"evidence": [item("a"), item("b"), item("c")]})
    before = {one["id"]: one["sha256"] for one in told(api)["added"]}
    kept = api.viewer.get(EVIDENCE).json["evidence"][0]
    acquainted(api)

    answer = api.admin.put(
        EVIDENCE, {"evidence": [item("d"), item("a"), item("b", snippet="New text")]}
    )

    assert cost(answer) == (1, 5, 2)
    meta = told(api)
    assert ids(api) == ["d", "a", "b"]
    assert meta["evidenceCount"] == 3
    assert [one["id"] for one in meta["added"]] == ["d"]
    assert meta["removed"] == [{"id": "c", "sha256": before["c"]}]
    ((changed),) = meta["changed"]
    assert (changed["id"], changed["old"]) == ("b", before["b"])
    assert changed["new"] not in (None, before["b"])
    assert kept == api.viewer.get(EVIDENCE).json["evidence"][1]


def test_replacing_by_the_same_changes_nothing(api: Api) -> None:
    api.verifier.create(id="CASE-1")
    body = {"evidence": [item("a", includedInPacket=True), item("b")]}
    first = api.verifier.put(EVIDENCE, body)

    again = api.admin.put(EVIDENCE, body)

    assert (again.json, cost(again)) == (first.json, (1, 0, 1))
    assert len(event_types(api, "CASE-1")) == 2


def test_another_order_alone_is_a_change_that_the_event_tells(api: Api) -> None:
    api.verifier.create(id="CASE-1")
    api.verifier.put(EVIDENCE, {"evidence": [item("a"), item("b")]})

    api.verifier.put(EVIDENCE, {"evidence": [item("b"), item("a")]})

    assert ids(api) == ["b", "a"]
    assert trail(api, "CASE-1")[-1]["eventType"] == "packet_updated"
    assert told(api)["order"] == ["b", "a"]


@pytest.mark.both_stores
def test_four_hundred_items_are_replaced_by_others_in_one_commit(api: Api) -> None:
    api.verifier.create(id="CASE-1")
    old = [item(f"old-{number}", snippet="x" * 1_000) for number in range(400)]
    new = [item(f"new-{number}", snippet="x" * 1_000) for number in range(400)]
    assert cost(api.verifier.put(EVIDENCE, {"evidence": old})) == (1, 402, 2)

    answer = api.verifier.put(EVIDENCE, {"evidence": new})

    assert cost(answer) == (1, 802, 2)
    assert ids(api, f"{EVIDENCE}?pageSize=200") == [one["id"] for one in new]
    assert len(told(api)["added"]) == len(told(api)["removed"]) == 400


def test_the_packet_is_what_is_chosen_in_the_order_chosen(api: Api) -> None:
    api.verifier.create(id="CASE-1")
    api.verifier.attach("CASE-1", item("a"), item("b", includedInPacket=True), item("c"))

    case = api.verifier.put(EVIDENCE, {"packetEvidenceIds": ["c", "a"]}).json

    assert case["packetEvidenceIds"] == ["c", "a"]
    assert ids(api, f"{EVIDENCE}?packet=true") == ["c", "a"]
    flags = [one["includedInPacket"] for one in api.viewer.get(EVIDENCE).json["evidence"]]
    assert flags == [True, False, True]
    (change,) = trail(api, "CASE-1")[-1]["changes"]
    assert change == {"field": "packetEvidenceIds", "old": ["b"], "new": ["c", "a"]}
    assert event_types(api, "CASE-1")[-1] == "packet_updated"


def test_a_list_has_pages_that_go_on_where_the_last_one_ended(api: Api) -> None:
    api.verifier.create(id="CASE-1")
    api.verifier.attach("CASE-1", *(item(f"ev-{number}") for number in range(5)))
    first = api.viewer.get(f"{EVIDENCE}?pageSize=2").json
    api.verifier.delete(f"{EVIDENCE}/ev-1")
    api.verifier.delete(f"{EVIDENCE}/ev-0")

    second = api.viewer.get(f"{EVIDENCE}?pageSize=2&pageToken={first['nextPageToken']}")

    assert [one["id"] for one in first["evidence"]] == ["ev-0", "ev-1"]
    assert [one["id"] for one in second.json["evidence"]] == ["ev-2", "ev-3"]


@each_row("packet", ["", "&packet=true"], apart=True)
def test_a_walk_misses_nothing_and_repeats_nothing_while_items_are_removed(
    api: Api, packet: str
) -> None:
    for case_id, gone in (("A", ("0", "1", "3")), ("B", ("1",)), ("C", ("1", "2", "0"))):
        items = [
            {"id": f"ev-{number}", "title": "An item", "includedInPacket": True}
            for number in range(7)
        ]
        api.verifier.create(id=case_id, evidence=items)
        path = f"/cases/{case_id}/evidence?pageSize=2{packet}"
        first = api.viewer.get(path).json
        for number in gone:
            assert api.verifier.delete(f"/cases/{case_id}/evidence/ev-{number}").status_code == 204
        more = {"evidence": [{"id": "new", "title": "New", "includedInPacket": True}]}
        assert api.verifier.post(f"/cases/{case_id}/evidence", more).status_code == 201

        rest, token = list[str](), first["nextPageToken"]
        while token:
            page = api.viewer.get(f"{path}&pageToken={token}").json
            rest, token = rest + [one["id"] for one in page["evidence"]], page.get("nextPageToken")

        left = [f"ev-{number}" for number in range(2, 7) if str(number) not in gone]
        assert rest == [*left, "new"]


def test_a_page_goes_on_behind_its_last_item_wherever_that_is_now(api: Api) -> None:
    api.verifier.create(id="CASE-1")
    api.verifier.attach("CASE-1", *(item(f"ev-{number}") for number in range(4)))
    token = api.viewer.get(f"{EVIDENCE}?pageSize=2").json["nextPageToken"]
    api.verifier.delete(f"{EVIDENCE}/ev-0")

    rest = api.viewer.get(f"{EVIDENCE}?pageSize=2&pageToken={token}").json

    assert [one["id"] for one in rest["evidence"]] == ["ev-2", "ev-3"]
    assert "nextPageToken" not in rest


@ON_EMBEDDED
def test_the_token_of_another_case_or_list_is_refused(api: Api) -> None:
    for case_id in ("CASE-1", "CASE-2"):
        api.verifier.create(id=case_id)
        api.verifier.attach(case_id, item("a"), item("b"))
    token = api.viewer.get(f"{EVIDENCE}?pageSize=1").json["nextPageToken"]

    for path in ("/cases/CASE-2/evidence", f"{EVIDENCE}?packet=true", "/cases"):
        joint = "&" if "?" in path else "?"
        refused_field(api.viewer.get(f"{path}{joint}pageToken={token}"), "pageToken")


def test_a_changed_item_keeps_what_is_not_named_and_its_first_adder(api: Api) -> None:
    api.verifier.create(id="CASE-1")
    api.agent.attach("CASE-1", item("a", citation="OAC", tags=["x"]), item("b"))

    answer = api.verifier.patch(
        f"{EVIDENCE}/a", {"citation": None, "includedInPacket": True, "metadata": {"n": 1}}
    )

    expected = item("a", **BARE) | {"tags": ["x"], "metadata": {"n": 1}, "includedInPacket": True}
    assert answer.json == {
        **expected,
        "addedAt": answer.json["addedAt"],
        "addedBy": "agent@example.com",
    }
    assert answer.json == api.viewer.get(EVIDENCE).json["evidence"][0]
    assert answer.headers["ETag"] == api.viewer.get(CASE).headers["ETag"]
    last = trail(api, "CASE-1")[-1]
    assert last["eventType"] == "evidence_updated"
    assert [one["id"] for one in last["meta"]["changed"]] == ["a"]
    assert api.viewer.get(CASE).json["packetEvidenceIds"] == ["a"]


def test_taking_an_item_out_of_the_packet_leaves_the_item(api: Api) -> None:
    api.verifier.create(id="CASE-1")
    api.verifier.attach("CASE-1", item("a", includedInPacket=True))

    answer = api.verifier.patch(f"{EVIDENCE}/a", {"includedInPacket": False})

    assert answer.json["includedInPacket"] is False
    assert (ids(api), api.viewer.get(CASE).json["packetEvidenceIds"]) == (["a"], [])
    assert event_types(api, "CASE-1")[-1] == "packet_updated"


def test_a_removed_item_is_gone_from_the_list_and_from_the_packet(api: Api) -> None:
    api.verifier.create(id="CASE-1")
    api.verifier.attach("CASE-1", item("a", includedInPacket=True), item("b"))

    assert api.verifier.delete(f"{EVIDENCE}/a").status_code == 204

    case = api.viewer.get(CASE).json
    assert (ids(api), case["packetEvidenceIds"], case["evidenceCount"]) == (["b"], [], 1)
    assert event_types(api, "CASE-1")[-1] == "evidence_removed"
    refused(api.verifier.delete(f"{EVIDENCE}/a"), 404, "NOT_FOUND")
    refused(api.verifier.patch(f"{EVIDENCE}/a", {"title": "Back"}), 404, "NOT_FOUND")


@pytest.mark.both_stores
def test_a_repeated_change_of_an_item_shows_the_item_as_it_is_now(api: Api) -> None:
    api.verifier.create(id="CASE-1")
    api.verifier.attach("CASE-1", item("a"))
    path = f"{EVIDENCE}/a"
    api.verifier.patch(path, {"title": "First"}, idempotency_key="k")
    api.verifier.patch(path, {"title": "Second"})

    again = api.verifier.patch(path, {"title": "First"}, idempotency_key="k")

    assert (again.headers["Idempotent-Replayed"], again.json["title"]) == ("true", "Second")
    api.verifier.delete(path)
    gone = api.verifier.patch(path, {"title": "First"}, idempotency_key="k")
    refused(gone, 404, "NOT_FOUND")


def test_repeated_items_without_ids_are_attached_once(api: Api) -> None:
    api.verifier.create(id="CASE-1")
    body = {"evidence": [{"title": "One"}, {"title": "Two"}]}

    answers = [api.agent.post(EVIDENCE, body, idempotency_key="k") for _ in range(2)]

    assert answers[0].json == answers[1].json
    assert "Idempotent-Replayed" not in answers[0].headers
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    assert len(ids(api)) == 2


def test_a_case_can_be_opened_with_evidence_in_one_commit(api: Api) -> None:
    api.viewer.get("/settings")
    case = api.agent.create(id="CASE-1", evidence=[item("a", includedInPacket=True), item("b")])

    assert (case["evidenceCount"], case["packetEvidenceIds"]) == (2, ["a"])
    assert ids(api) == ["a", "b"]
    (created,) = trail(api, "CASE-1")
    assert created["eventType"] == "case_created"
    assert [one["id"] for one in created["meta"]["added"]] == ["a", "b"]


def test_the_full_view_of_a_case_has_its_evidence_and_the_basic_one_has_not(api: Api) -> None:
    case = api.verifier.create(id="CASE-1", evidence=[item("b"), item("a")])

    full = api.viewer.get(f"{CASE}?view=full")

    evidence = api.viewer.get(EVIDENCE).json["evidence"]
    assert full.json == {**case, "evidence": evidence, "holds": []}
    assert api.viewer.get(CASE).json == api.viewer.get(f"{CASE}?view=basic").json == case
    assert full.headers["ETag"] == api.viewer.get(CASE).headers["ETag"]


@each_row("status", ["approved", "closed"], apart=True)
def test_evidence_of_a_done_case_stays_until_it_is_reopened(api: Api, status: str) -> None:
    api.verifier.create(id="CASE-1", evidence=[item("a"), item("b")])
    before = move(api, *STEPS[status])
    mutations: list[tuple[str, str, Any]] = [
        ("PUT", EVIDENCE, {"evidence": []}),
        ("PUT", EVIDENCE, {"packetEvidenceIds": ["a"]}),
        ("POST", EVIDENCE, {"evidence": [item("c")]}),
        ("PATCH", f"{EVIDENCE}/a", {"title": "Another"}),
        ("DELETE", f"{EVIDENCE}/a", None),
    ]

    for method, path, body in mutations:
        error = refused(api.verifier.request(method, path, body), 409, "FAILED_PRECONDITION")
        editable = ["new", "in_review", "needs_info", "blocked"]
        assert error["details"] == [{"status": status, "allowed": editable}]

    assert before == api.viewer.get(CASE).json
    api.pilot.post(f"{CASE}:reopen", {"reason": "Again"})
    codes = [api.verifier.request(*mutation).status_code for mutation in reversed(mutations)]
    assert codes == [204, 404, 201, 400, 200]


@ON_EMBEDDED
@each_row(
    ("body", "field"),
    [
        ({}, "body"),
        ({"evidence": [], "packetEvidenceIds": []}, "body"),
        ({"evidence": None, "packetEvidenceIds": None}, "body"),
        ({"evidence": [item("x"), item("x")]}, "evidence"),
        ({"evidence": [item(f"x-{number}") for number in range(401)]}, "evidence"),
        ({"evidence": [{"id": "x"}]}, "evidence[0].title"),
        ({"evidence": [item("x", addedBy="me")]}, "evidence[0].addedBy"),
        ({"evidence": [item("../x")]}, "evidence[0].id"),
        ({"evidence": [item("x", metadata=json.loads("[" * 11 + "]" * 11))]}, "evidence[0]"),
        ({"evidence": [item("x", metadata={"a": json.loads("[" * 10 + "]" * 10)})]}, "evidence[0]"),
        ({"evidence": [item("x", metadata={"a": "x" * 65_536})]}, "evidence[0].metadata"),
        ({"evidence": [item("x", metadata={"a": 2**53})]}, "evidence[0].metadata"),
        ({"evidence": [item("x", tags=["t"] * 51)]}, "evidence[0].tags"),
        ({"evidence": [item("x", snippet="x" * 10_001)]}, "evidence[0].snippet"),
        ({"packetEvidenceIds": ["a", "unknown"]}, "packetEvidenceIds"),
        ({"packetEvidenceIds": ["a", "a"]}, "packetEvidenceIds"),
        ({"packetEvidenceIds": ["a"] * 401}, "packetEvidenceIds"),
    ],
    apart=True,
)
def test_evidence_that_is_wrong_is_named_and_nothing_is_written(
    api: Api, body: dict[str, Any], field: str
) -> None:
    before = api.verifier.create(id="CASE-1", evidence=[item("a")])

    answer = api.verifier.put(EVIDENCE, body)

    details = refused(answer, 400, "INVALID_ARGUMENT")["details"]
    assert any(detail["field"].startswith(field) for detail in details), details
    assert api.viewer.get(CASE).json == before


def test_items_that_are_there_or_are_too_many_are_not_added(api: Api) -> None:
    many = [item(f"ev-{number}") for number in range(399)]
    api.verifier.create(id="CASE-1", evidence=many)

    taken = api.verifier.post(EVIDENCE, {"evidence": [item("ev-7"), item("new")]})
    too_many = api.verifier.post(EVIDENCE, {"evidence": [item("x"), item("y")]})
    last = api.verifier.post(EVIDENCE, {"evidence": [item("x")]})

    assert refused(taken, 409, "ALREADY_EXISTS")["details"] == [{"evidenceIds": ["ev-7"]}]
    refused_field(too_many, "evidence")
    assert (last.status_code, last.json["evidenceCount"]) == (201, 400)


def test_a_packet_that_could_not_be_frozen_is_not_chosen(api: Api) -> None:
    large = [item(f"ev-{number}", metadata={"a": "x" * 65_000}) for number in range(14)]
    api.verifier.create(id="CASE-1", evidence=large)
    every = [one["id"] for one in large]

    refused_field(api.verifier.put(EVIDENCE, {"packetEvidenceIds": every}), "packetEvidenceIds")

    assert api.verifier.put(EVIDENCE, {"packetEvidenceIds": every[:13]}).status_code == 200
    move(api, "in_review", "approved")
    assert len(api.viewer.get(f"{CASE}/packet").json["items"]) == 13


@ON_EMBEDDED
def test_evidence_of_no_case_is_not_found(api: Api) -> None:
    path = f"/cases/{ABSENT}/evidence"
    for answer in (
        api.viewer.get(path),
        api.verifier.put(path, {"evidence": []}),
        api.verifier.post(path, {"evidence": [item("a")]}),
        api.verifier.patch(f"{path}/a", {"title": "A"}),
        api.verifier.delete(f"{path}/a"),
    ):
        refused(answer, 404, "NOT_FOUND")


def test_two_people_who_edit_with_if_match_do_not_overwrite_each_other(api: Api) -> None:
    api.verifier.create(id="CASE-1", evidence=[item("a"), item("b")])
    seen = api.viewer.get(CASE).headers["ETag"]

    first = api.verifier.put(EVIDENCE, {"packetEvidenceIds": ["a"]}, if_match=seen)
    second = api.admin.put(EVIDENCE, {"packetEvidenceIds": ["b"]}, if_match=seen)

    assert first.status_code == 200
    refused(second, 412, "FAILED_PRECONDITION")
    assert api.viewer.get(CASE).json["packetEvidenceIds"] == ["a"]
