"""A legal hold preserves: what is changed or removed meanwhile can still be read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from shared.documents.port import Update, Write
from tests.client import Api, TestResponse
from tests.conftest import Clock
from tests.functions.support import (
    ABSENT,
    ON_EMBEDDED,
    cost,
    pages,
    refused,
    trail,
    when,
)

pytestmark = pytest.mark.both_stores

CASE = "/cases/CASE-1"
EVIDENCE = f"{CASE}/evidence"
SHEET = f"{CASE}/worksheet"
PRESERVED = f"{CASE}/preserved"
COURT = {"reason": "A lawsuit"}
ITEM = {
    "id": "ev-1",
    "title": "First",
    "snippet": "Seen with\nmy own eyes",
    "tags": ["eyes"],
    "metadata": {"pages": [[1, 2]]},
}


def held(api: Api, **fields: Any) -> str:
    """Opens CASE-1 and places a hold on it; gives the hold's id."""
    api.verifier.create(id="CASE-1", **fields)
    hold_id: str = api.admin.post(f"{CASE}/holds", COURT).json["id"]
    return hold_id


def preserved(api: Api) -> list[dict[str, Any]]:
    """All that was preserved of CASE-1, newest first."""
    return [one for page in pages(api.admin, PRESERVED, "preserved") for one in page]


def test_an_item_that_is_changed_replaced_or_removed_is_preserved_with_the_event(
    api: Api, clock: Clock
) -> None:
    held(api, evidence=[ITEM])
    before = api.viewer.get(EVIDENCE).json["evidence"][0]

    clock.advance(minutes=1)
    assert api.verifier.patch(f"{EVIDENCE}/ev-1", {"title": "Second"}).status_code == 200
    clock.advance(minutes=1)
    assert api.agent.put(EVIDENCE, {"evidence": [{**ITEM, "title": "Third"}]}).status_code == 200
    clock.advance(minutes=1)
    assert api.verifier.delete(f"{EVIDENCE}/ev-1").status_code == 204

    removed, replaced, changed = preserved(api)
    for one, title, event in zip(
        (changed, replaced, removed),
        ("First", "Second", "Third"),
        trail(api, "CASE-1")[-3:],
        strict=True,
    ):
        assert (one["collection"], one["name"], one["content"]["title"]) == (
            "evidence",
            "ev-1",
            title,
        )
        assert (one["eventId"], one["subject"], one["sequence"], one["preservedAt"]) == (
            event["id"],
            event["subject"],
            event["sequence"],
            event["createdAt"],
        )
    same = before.keys() - {"id", "includedInPacket"}
    assert {name: changed["content"][name] for name in same} == {
        name: before[name] for name in same
    }
    assert when(removed["preservedAt"]) == clock.now


def test_the_texts_of_a_case_and_of_its_worksheets_are_preserved(api: Api) -> None:
    held(api, title="A title", summary="A summary")
    assert api.viewer.put(SHEET, {"fsrNotes": "First"}).status_code == 200
    assert preserved(api) == []

    assert api.verifier.patch(CASE, {"title": "Another", "summary": None}).status_code == 200
    assert api.viewer.put(SHEET, {"fsrNotes": "Second"}).status_code == 200
    rows = {"worksheets": [{"caseId": "CASE-1", "fsrNotes": "Third"}]}
    assert api.viewer.post("/worksheets:batchSave", rows).json["succeeded"] == 1

    found = [(one["collection"], one["name"], one["content"]) for one in preserved(api)]
    assert sorted(found, key=str) == [
        ("cases", "CASE-1", {"summary": "A summary", "title": "A title"}),
        ("worksheets", "CASE-1:viewer", {"fsrNotes": "First"}),
        ("worksheets", "CASE-1:viewer", {"fsrNotes": "Second"}),
    ]
    chain = api.pilot.get("/audit?subject=worksheets/CASE-1:viewer").json["events"]
    by_sheet = {one["eventId"] for one in preserved(api) if one["collection"] == "worksheets"}
    assert by_sheet == {event["id"] for event in chain if event["sequence"] > 1}


def test_without_a_hold_or_after_it_nothing_is_preserved(api: Api) -> None:
    hold_id = held(api, evidence=[ITEM])
    assert api.admin.post(f"{CASE}/holds/{hold_id}:release", COURT).status_code == 200

    assert api.verifier.patch(f"{EVIDENCE}/ev-1", {"title": "Second"}).status_code == 200
    assert api.verifier.put(EVIDENCE, {"evidence": []}).status_code == 200

    assert preserved(api) == []


def test_what_overwrites_nothing_preserves_nothing(api: Api) -> None:
    held(api, evidence=[ITEM])

    assert api.verifier.attach("CASE-1", {"title": "One more"})["evidenceCount"] == 2
    assert api.verifier.put(EVIDENCE, {"packetEvidenceIds": ["ev-1"]}).status_code == 200
    assert api.verifier.patch(CASE, {"status": "in_review"}).status_code == 200

    assert preserved(api) == []


def test_a_hold_that_is_placed_just_before_the_commit_is_respected(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes: tuple[Callable[[], TestResponse], ...] = (
        lambda: api.verifier.put(EVIDENCE, {"evidence": []}),
        lambda: api.viewer.put(SHEET, {"fsrNotes": "Second"}),
        lambda: api.verifier.patch(CASE, {"title": "Another"}),
    )
    api.verifier.create(id="CASE-1", evidence=[ITEM])
    api.viewer.put(SHEET, {"fsrNotes": "First"})
    store = api.runtime.store
    commit = store.commit

    def held_before_the_first(writes: Sequence[Write]) -> None:
        monkeypatch.setattr(store, "commit", commit)
        placed.append(api.admin.post(f"{CASE}/holds", COURT).json["id"])
        commit(writes)

    for change in changes:
        placed: list[str] = []
        monkeypatch.setattr(store, "commit", held_before_the_first)
        assert change().status_code == 200
        api.admin.post(f"{CASE}/holds/{placed[0]}:release", COURT)

    assert sorted(one["collection"] for one in preserved(api)) == [
        "cases",
        "evidence",
        "worksheets",
    ]


def test_a_repeated_change_preserves_once(api: Api) -> None:
    held(api, evidence=[ITEM])

    for _ in range(2):
        answer = api.verifier.put(EVIDENCE, {"evidence": []}, idempotency_key="once")
        assert answer.status_code == 200

    assert len(preserved(api)) == 1


def test_a_change_that_preserves_more_than_a_commit_takes_is_refused_and_changes_nothing(
    api: Api,
) -> None:
    api.verifier.create(id="CASE-1", evidence=[{"id": f"a-{n}", "title": "A"} for n in range(400)])
    api.admin.post(f"{CASE}/holds", COURT)
    others = [{"id": f"b-{n}", "title": "B"} for n in range(400)]

    error = refused(api.verifier.put(EVIDENCE, {"evidence": others}), 409, "FAILED_PRECONDITION")

    assert error["details"] == [{"legalHold": True}]
    assert api.viewer.get(CASE).json["evidenceCount"] == 400
    assert preserved(api) == []
    assert cost(api.verifier.put(EVIDENCE, {"evidence": []})) == (401, 802, 3)


def test_what_was_preserved_goes_with_its_case_once_no_hold_is_left(api: Api) -> None:
    hold_id = held(api, evidence=[ITEM])
    api.verifier.put(EVIDENCE, {"evidence": []})
    (one,) = preserved(api)
    path = f"tenants/{api.tenant}{PRESERVED}/{one['id']}"
    assert api.admin.delete(CASE).status_code == 409
    api.admin.post(f"{CASE}/holds/{hold_id}:release", COURT)
    assert api.runtime.store.get(path)

    assert cost(api.admin.delete(CASE)) == (3, 3, 4)

    assert api.runtime.store.get(path) is None
    refused(api.admin.get(PRESERVED), 404, "NOT_FOUND")


def test_a_hold_that_an_older_release_placed_preserves_and_lets_go(api: Api) -> None:
    hold_id = held(api, evidence=[ITEM])
    path = f"tenants/{api.tenant}{CASE}"
    api.runtime.store.commit([Update(path, {"wasHeld": False})])
    api.verifier.put(EVIDENCE, {"evidence": []})
    (one,) = preserved(api)

    api.admin.post(f"{CASE}/holds/{hold_id}:release", COURT)
    assert api.admin.delete(CASE).status_code == 204

    assert api.runtime.store.get(f"{path}/preserved/{one['id']}") is None


@ON_EMBEDDED
def test_only_admins_see_what_was_preserved(api: Api) -> None:
    held(api)

    refused(api.pilot.get(PRESERVED), 403, "PERMISSION_DENIED")
    refused(api.admin.get(f"/cases/{ABSENT}/preserved"), 404, "NOT_FOUND")
    assert api.admin.get(PRESERVED).json == {"preserved": []}
