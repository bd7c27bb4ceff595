"""Worksheets: each user's own notes on a case, for others only where their owner opens them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from shared.documents.port import Delete, Document, Query
from tests.client import Api, Client
from tests.conftest import Clock
from tests.functions.support import (
    ABSENT,
    ON_EMBEDDED,
    cost,
    event_types,
    pages,
    refused,
    refused_field,
    when,
)
from tests.functions.sweep_support import meddle, writes_to
from tests.functions.test_status import STEPS, move
from tests.rows import each_row

SHEET = "/cases/CASE-1/worksheet"
BATCH = "/worksheets:batchSave"
TEXTS = {"problemStatement": "The pump vibrates", "fsrNotes": "Bearing worn"}
KIMS = f"{SHEET}?userId=kim"


def kim(api: Api) -> Client:
    """The owner of a worksheet."""
    return api.caller("viewer", "kim")


def lee(api: Api) -> Client:
    """Somebody else."""
    return api.caller("verifier", "lee")


def saved(api: Api, *case_ids: str) -> None:
    """Opens cases on which Kim has a worksheet."""
    for case_id in case_ids:
        api.verifier.create(id=case_id)
        assert kim(api).put(f"/cases/{case_id}/worksheet", TEXTS).status_code == 200


def shared(api: Api, permission: str) -> Client:
    """Lets Lee have a permission on CASE-1."""
    body = {"permission": permission}
    assert api.admin.put("/cases/CASE-1/collaborators/lee", body).status_code == 200
    return lee(api)


def opened(api: Api, sharing: str, case_id: str = "CASE-1") -> None:
    """Has Kim open their worksheet to the collaborators of its case."""
    answer = kim(api).put(f"/cases/{case_id}/worksheet", {**TEXTS, "sharedWith": sharing})
    assert (answer.status_code, answer.json["sharedWith"]) == (200, sharing)


def chain(api: Api, user: str = "kim") -> list[dict[str, Any]]:
    """The events of a worksheet on CASE-1, newest first, on a chain that holds."""
    subject = f"worksheets/CASE-1:{user}"
    assert api.pilot.get(f"/audit:verify?subject={subject}").json["valid"] is True
    events: list[dict[str, Any]] = api.pilot.get(f"/audit?subject={subject}").json["events"]
    return sorted(events, key=lambda event: -event["sequence"])


def test_what_is_saved_is_what_its_user_reads(api: Api, clock: Clock) -> None:
    api.verifier.create(id="CASE-1")

    answer = kim(api).put(SHEET, TEXTS)

    assert answer.json == {
        "caseId": "CASE-1",
        "userId": "kim",
        **TEXTS,
        "sharedWith": "none",
        "createdAt": answer.json["createdAt"],
        "updatedAt": answer.json["createdAt"],
    }
    assert clock.now == when(answer.json["createdAt"])
    read = kim(api).get(SHEET)
    assert (read.json, read.headers["ETag"]) == (answer.json, answer.headers["ETag"])


def test_users_have_each_their_own_worksheet_on_the_same_case(api: Api) -> None:
    saved(api, "CASE-1")
    lee(api).put(SHEET, {"fsrNotes": "Mine"})

    assert kim(api).get(SHEET).json["fsrNotes"] == "Bearing worn"
    assert lee(api).get(SHEET).json["fsrNotes"] == "Mine"


def test_what_is_not_named_is_empty(api: Api) -> None:
    saved(api, "CASE-1")

    sheet = kim(api).put(SHEET, {}).json

    assert (sheet["problemStatement"], sheet["fsrNotes"]) == ("", "")


def test_saving_the_same_text_writes_nothing_and_makes_no_event(api: Api, clock: Clock) -> None:
    saved(api, "CASE-1")
    first = kim(api).get(SHEET).json

    for _ in range(3):
        clock.advance(seconds=30)
        answer = kim(api).put(SHEET, TEXTS)
        assert (answer.json, cost(answer)) == (first, (2, 0, 1))

    assert len(chain(api)) == 1


def test_an_event_of_a_worksheet_holds_hashes_and_no_text_and_is_not_the_cases(api: Api) -> None:
    saved(api, "CASE-1")
    kim(api).put(SHEET, {**TEXTS, "fsrNotes": "Bearing replaced"})

    last, first = chain(api)

    assert (last["eventType"], last["caseId"]) == ("worksheet_saved", None)
    assert last["changes"] == [
        {
            "field": "fsrNotes",
            "old": f"sha256:{hashlib.sha256(b'Bearing worn').hexdigest()}",
            "new": f"sha256:{hashlib.sha256(b'Bearing replaced').hexdigest()}",
        }
    ]
    assert "Bearing" not in str((last, first))
    assert event_types(api, "CASE-1") == ["case_created"]
    related = api.viewer.get("/cases/CASE-1/audit?related=true").json["events"]
    assert [event["eventType"] for event in related] == ["case_created"]


def test_a_worksheet_that_is_not_there_is_not_found(api: Api) -> None:
    api.verifier.create(id="CASE-1")

    refused(kim(api).get(SHEET), 404, "NOT_FOUND")
    refused(kim(api).get(f"/cases/{ABSENT}/worksheet"), 404, "NOT_FOUND")
    refused(kim(api).put(f"/cases/{ABSENT}/worksheet", TEXTS), 404, "NOT_FOUND")


def test_a_closed_cases_worksheet_is_read_but_not_saved_nor_listed(api: Api) -> None:
    saved(api, "CASE-1", "CASE-2")
    move(api, "closed")

    error = refused(kim(api).put(SHEET, {"fsrNotes": "Late"}), 409, "FAILED_PRECONDITION")

    assert error["details"] == [{"status": "closed"}]
    assert kim(api).get(SHEET).json["fsrNotes"] == "Bearing worn"
    listed = kim(api).get("/worksheets").json["worksheets"]
    assert [sheet["caseId"] for sheet in listed] == ["CASE-2"]


@each_row("status", ["new", "in_review", "needs_info", "approved", "blocked"], apart=True)
def test_a_worksheet_is_saved_as_long_as_the_case_is_not_closed(api: Api, status: str) -> None:
    api.verifier.create(id="CASE-1")
    move(api, *STEPS[status])

    assert kim(api).put(SHEET, TEXTS).status_code == 200


@pytest.mark.both_stores
def test_the_list_has_ones_own_worksheets_last_saved_first_in_pages(api: Api, clock: Clock) -> None:
    for case_id in ("A", "B", "C", "D"):
        clock.advance(minutes=1)
        saved(api, case_id)
        lee(api).put(f"/cases/{case_id}/worksheet", {"fsrNotes": "Not Kim's"})
    clock.advance(minutes=1)
    kim(api).put("/cases/B/worksheet", {"fsrNotes": "Again"})

    listed = list(pages(kim(api), "/worksheets?pageSize=2", "worksheets"))

    assert [[sheet["caseId"] for sheet in page] for page in listed] == [["B", "D"], ["C", "A"], []]
    assert {"kim"} == {sheet["userId"] for page in listed for sheet in page}


def test_the_list_says_whether_there_is_a_worksheet_on_a_case_also_on_a_closed_one(
    api: Api,
) -> None:
    saved(api, "A")
    lee(api).put("/cases/A/worksheet", {"fsrNotes": "Not Kim's"})
    api.verifier.create(id="none")
    api.verifier.patch("/cases/A", {"status": "closed", "reason": "Done"})

    found = kim(api).get("/worksheets?caseId=A")

    assert [sheet["userId"] for sheet in found.json["worksheets"]] == ["kim"]
    assert cost(found) == (1, 0, 1)
    assert kim(api).get("/worksheets?caseId=none").json == {"worksheets": []}


def test_a_batch_saves_the_good_rows_and_says_of_each_what_became_of_it(
    api: Api, clock: Clock
) -> None:
    saved(api, "CASE-1", "CASE-2", "CASE-3")
    move(api, "closed")
    clock.advance(seconds=30)
    rows = [
        {"caseId": "CASE-1", "fsrNotes": "Late"},
        {"caseId": ABSENT, "fsrNotes": "Nowhere"},
        {"caseId": "CASE-2", "fsrNotes": "New", "problemStatement": "It leaks"},
        {"caseId": "CASE-3", **TEXTS},
    ]

    answer = kim(api).post(BATCH, {"worksheets": rows})

    results = answer.json["results"]
    assert [row["caseId"] for row in rows] == [result["caseId"] for result in results]
    assert (answer.json["succeeded"], answer.json["failed"]) == (2, 2)
    assert [result["ok"] for result in results] == [False, False, True, True]
    alone = kim(api).put(f"/cases/{ABSENT}/worksheet", {}).json["error"]
    assert results[1]["error"] == alone
    assert results[0]["error"] == kim(api).put(SHEET, {}).json["error"]
    assert clock.now == when(results[2]["updatedAt"]) > when(results[3]["updatedAt"])
    assert cost(answer) == (7, 3, 3)
    assert kim(api).get("/cases/CASE-2/worksheet").json["problemStatement"] == "It leaks"


def test_a_batch_that_is_repeated_takes_effect_once(api: Api) -> None:
    saved(api, "CASE-1")
    body = {"worksheets": [{"caseId": "CASE-1", "fsrNotes": "Batch"}]}

    answers = [kim(api).post(BATCH, body, idempotency_key="k").json for _ in range(2)]

    assert answers[0] == answers[1]
    assert len(chain(api)) == 2


def test_a_hundred_long_worksheets_are_saved_at_once(api: Api) -> None:
    case_ids = [f"CASE-{number}" for number in range(100)]
    api.viewer.get("/settings")
    for case_id in case_ids:
        api.verifier.create(id=case_id)
    rows = [{"caseId": case_id, "problemStatement": "x" * 9_900} for case_id in case_ids]

    answer = kim(api).post(BATCH, {"worksheets": rows})

    assert (answer.json["succeeded"], answer.json["failed"]) == (100, 0)
    listed = kim(api).get("/worksheets?pageSize=200")
    assert cost(listed) == (200, 0, 2)


@ON_EMBEDDED
@each_row(
    ("body", "field"),
    [
        ({"worksheets": []}, "worksheets"),
        ({"worksheets": [{"caseId": f"C-{n}"} for n in range(101)]}, "worksheets"),
        ({"worksheets": [{"caseId": "A"}, {"caseId": "A"}]}, "worksheets"),
        ({"worksheets": [{"fsrNotes": "x"}]}, "worksheets[0].caseId"),
        ({"worksheets": [{"caseId": "../x"}]}, "worksheets[0].caseId"),
        ({"worksheets": [{"caseId": "A", "userId": "lee"}]}, "worksheets[0].userId"),
        ({"worksheets": [{"caseId": "A", "fsrNotes": "x" * 10_001}]}, "worksheets[0].fsrNotes"),
        ({"worksheets": [{"caseId": "A", "sharedWith": "all"}]}, "worksheets[0].sharedWith"),
        ({}, "worksheets"),
    ],
    apart=True,
)
def test_a_batch_that_is_wrong_saves_nothing(api: Api, body: dict[str, Any], field: str) -> None:
    api.verifier.create(id="A")

    answer = kim(api).post(BATCH, body)

    refused_field(answer, field)
    assert cost(answer) == (0, 0, 0)


def test_another_users_worksheet_is_the_same_as_none_for_every_function(api: Api) -> None:
    api.verifier.create(id="CASE-1")
    attempts: list[tuple[str, str, Any, dict[str, str]]] = [
        ("GET", SHEET, None, {}),
        ("GET", KIMS, None, {}),
        ("PUT", KIMS, {"fsrNotes": "Theirs"}, {}),
        ("PUT", KIMS, {"fsrNotes": "Theirs"}, {"if_match": '"stale"'}),
        ("PUT", KIMS, {"fsrNotes": "Theirs"}, {"idempotency_key": "k"}),
        ("GET", "/worksheets", None, {}),
        ("GET", "/cases/CASE-1?view=full", None, {}),
        ("GET", "/cases/CASE-1", None, {}),
        ("GET", "/cases", None, {}),
        ("GET", "/cases/CASE-1/audit?related=true", None, {}),
        ("GET", "/cases/CASE-1/packet", None, {}),
    ]
    callers = [lee(api), api.agent, api.pilot, api.admin]
    callers.append(api.caller("admin", "kim", tenant="other-tenant"))

    def seen() -> list[tuple[int, Any]]:
        answers = [
            caller.request(method, path, body, **headers)
            for caller in callers
            for method, path, body, headers in attempts
        ]
        return [(answer.status_code, answer.json) for answer in answers]

    before = seen()
    kim(api).put(SHEET, TEXTS)

    assert before == seen()
    assert kim(api).get(SHEET).json["fsrNotes"] == "Bearing worn"
    for path in ("/audit", "/audit?subject=worksheets/CASE-1:kim"):
        assert "Bearing" not in api.admin.get(path).text


@each_row("sharing", ["none", "read", "write"])
@each_row("permission", [None, "read", "write", "admin"], apart=True)
def test_a_collaborator_reads_and_writes_as_far_as_both_the_owner_and_the_case_allow(
    api: Api, sharing: str, permission: str | None
) -> None:
    saved(api, "CASE-1")
    opened(api, sharing)
    collaborator = shared(api, permission) if permission else lee(api)
    reads = sharing != "none" and permission is not None
    writes = sharing == "write" and permission in ("write", "admin")

    assert collaborator.get(KIMS).status_code == (200 if reads else 404)
    answer = collaborator.put(KIMS, {"fsrNotes": "Lee's"})
    assert answer.status_code == (200 if writes else 404)

    expected = "Lee's" if writes else "Bearing worn"
    sheet = kim(api).get(SHEET).json
    assert (sheet["userId"], sheet["fsrNotes"]) == ("kim", expected)
    assert sheet["sharedWith"] == sharing
    if writes:
        assert chain(api)[0]["actor"]["subject"] == "lee"
    api.admin.delete("/cases/CASE-1/collaborators/lee")
    refused(collaborator.get(KIMS), 404, "NOT_FOUND")


def test_who_takes_a_case_and_names_themselves_for_it_reads_and_overwrites_no_worksheet(
    api: Api,
) -> None:
    saved(api, "CASE-1")

    lee(api).patch("/cases/CASE-1", {"assignedTo": "lee@example.com"})
    named = lee(api).put("/cases/CASE-1/collaborators/lee", {"permission": "admin"})

    assert named.json["collaborators"] == {"lee": "admin"}
    refused(lee(api).get(KIMS), 404, "NOT_FOUND")
    refused(lee(api).put(KIMS, {"fsrNotes": "Lee's"}), 404, "NOT_FOUND")
    assert kim(api).get(SHEET).json["fsrNotes"] == "Bearing worn"


def test_a_worksheet_stays_as_open_as_it_is_until_its_owner_says_otherwise(api: Api) -> None:
    saved(api, "CASE-1")
    row = {"caseId": "CASE-1", **TEXTS}
    opened(api, "write")

    kim(api).put(SHEET, {"fsrNotes": "Bearing replaced"})
    kim(api).post(BATCH, {"worksheets": [row]})

    assert kim(api).get(SHEET).json["sharedWith"] == "write"
    assert shared(api, "write").put(KIMS, {"fsrNotes": "Lee's"}).json["sharedWith"] == "write"
    kim(api).post(BATCH, {"worksheets": [{**row, "sharedWith": "read"}]})
    assert lee(api).get(KIMS).json["sharedWith"] == "read"
    refused(lee(api).put(KIMS, {"fsrNotes": "Lee's"}), 404, "NOT_FOUND")


def test_only_its_owner_opens_or_closes_a_worksheet(api: Api) -> None:
    saved(api, "CASE-1")
    opened(api, "write")
    collaborator = shared(api, "admin")
    before = kim(api).get(SHEET).json

    for sharing in ("none", "read"):
        answer = collaborator.put(KIMS, {"fsrNotes": "Lee's", "sharedWith": sharing})
        refused(answer, 403, "PERMISSION_DENIED")

    assert kim(api).get(SHEET).json == before
    same = collaborator.put(KIMS, {"fsrNotes": "Lee's", "sharedWith": "write"})
    assert same.json["fsrNotes"] == "Lee's"


def test_nobody_makes_a_worksheet_for_another(api: Api) -> None:
    api.verifier.create(id="CASE-1")

    answer = shared(api, "admin").put(KIMS, {"fsrNotes": "Kim's?", "sharedWith": "write"})

    refused(answer, 404, "NOT_FOUND")
    refused(kim(api).get(SHEET), 404, "NOT_FOUND")


def test_opening_a_worksheet_is_an_event_that_says_so(api: Api) -> None:
    saved(api, "CASE-1")
    opened(api, "read")
    same = kim(api).put(SHEET, {**TEXTS, "sharedWith": "read"})

    assert cost(same) == (2, 0, 1)
    last, _ = chain(api)
    assert last["changes"] == [{"field": "sharedWith", "old": "none", "new": "read"}]


@ON_EMBEDDED
@each_row("sharing", [None, "", "admin", "READ", True, ["read"], {"lee": "read"}], apart=True)
def test_a_worksheet_is_opened_in_one_of_three_ways(api: Api, sharing: Any) -> None:
    saved(api, "CASE-1")

    refused_field(kim(api).put(SHEET, {**TEXTS, "sharedWith": sharing}), "sharedWith")


def test_a_permission_is_for_one_case(api: Api) -> None:
    saved(api, "CASE-1", "CASE-2")
    opened(api, "write", "CASE-2")
    collaborator = shared(api, "admin")

    refused(collaborator.get("/cases/CASE-2/worksheet?userId=kim"), 404, "NOT_FOUND")


def test_a_stale_version_of_a_worksheet_is_not_overwritten(api: Api) -> None:
    saved(api, "CASE-1")
    seen = kim(api).get(SHEET).headers["ETag"]
    kim(api).put(SHEET, {"fsrNotes": "From the tablet"})

    answer = kim(api).put(SHEET, {"fsrNotes": "From the desk"}, if_match=seen)

    refused(answer, 412, "FAILED_PRECONDITION")
    assert kim(api).get(SHEET).json["fsrNotes"] == "From the tablet"


MEANWHILE: dict[str, tuple[Callable[[Api], Any], int]] = {
    "deleted": (lambda api: api.admin.delete("/cases/CASE-1"), 404),
    "closed": (
        lambda api: api.pilot.post("/cases:close", {"caseIds": ["CASE-1"], "reason": "Over"}),
        409,
    ),
    "no longer shared": (
        lambda api: api.admin.delete("/cases/CASE-1/collaborators/lee"),
        404,
    ),
    "closed to others": (lambda api: opened(api, "none"), 404),
    "changed": (lambda api: api.verifier.patch("/cases/CASE-1", {"title": "Another"}), 200),
}


@pytest.mark.both_stores
@each_row("saves", ["one", "the first", "a batch"])
@each_row("change", MEANWHILE, apart=True)
def test_a_worksheet_is_saved_on_the_case_as_it_is_at_that_moment(
    api: Api, change: str, saves: str
) -> None:
    act, code = MEANWHILE[change]
    saved(api, "CASE-1", "CASE-2")
    opened(api, "write")
    user = shared(api, "write")
    sheet = "kim" if saves == "one" else "lee"
    if change in ("no longer shared", "closed to others") and sheet == "lee":
        code = 200  # It is their own.
    body = {"fsrNotes": "Too late?"}
    meddle(
        api,
        writes_to(f"tenants/{api.tenant}/worksheets/CASE-1:{sheet}", lambda: act(api)),
    )

    if saves == "a batch":
        rows = [{"caseId": name, **body} for name in ("CASE-1", "CASE-2")]
        first, second = user.post(BATCH, {"worksheets": rows}).json["results"]
        assert (first["error"]["code"] if "error" in first else 200) == code
        assert second["ok"] is True
    else:
        answer = user.put(f"{SHEET}?userId={sheet}", body)
        assert answer.status_code == code, answer.text

    document = api.runtime.store.get(f"tenants/{api.tenant}/worksheets/CASE-1:{sheet}")
    texts = document.data.get("fsrNotes") if document else None
    assert (texts == "Too late?") == (code == 200)


def test_a_repeated_save_does_not_show_what_its_owner_has_closed_meanwhile(api: Api) -> None:
    saved(api, "CASE-1")
    opened(api, "write")
    collaborator = shared(api, "write")
    body = {"fsrNotes": "Lee's"}
    assert collaborator.put(KIMS, body, idempotency_key="k").json["fsrNotes"] == "Lee's"
    kim(api).put(SHEET, TEXTS)
    secret = {"fsrNotes": "A secret", "sharedWith": "none"}
    meddle(
        api,
        writes_to(
            f"tenants/{api.tenant}/worksheets/CASE-1:kim", lambda: kim(api).put(SHEET, secret)
        ),
    )

    answer = collaborator.put(KIMS, body, idempotency_key="k")

    assert kim(api).get(SHEET).json["fsrNotes"] == "A secret"
    refused(answer, 404, "NOT_FOUND")


@ON_EMBEDDED
def test_of_a_batch_only_the_row_whose_case_was_changed_meanwhile_is_read_again(api: Api) -> None:
    names = [f"CASE-{number}" for number in range(8)]
    saved(api, *names)
    case = f"/cases/{names[0]}"
    meddle(
        api,
        writes_to(
            f"tenants/{api.tenant}/worksheets/{names[0]}:kim",
            lambda: api.verifier.patch(case, {"title": "Another"}),
        ),
    )

    rows = [{"caseId": name, "fsrNotes": "New"} for name in names]
    answer = kim(api).post(BATCH, {"worksheets": rows})

    assert answer.json["succeeded"] == 8
    # Eight cases and worksheets, then one of each again; each save is three writes.
    assert cost(answer)[:2] == (18, 24)


def test_saving_changes_nothing_that_a_case_shows_and_only_the_first_time_its_version(
    api: Api,
) -> None:
    api.verifier.create(id="CASE-1")
    path = f"tenants/{api.tenant}/cases/CASE-1"
    shown = api.viewer.get("/cases/CASE-1")

    assert kim(api).put(SHEET, TEXTS).status_code == 200
    once = api.runtime.store.get(path)
    assert kim(api).put(SHEET, {"fsrNotes": "Another"}).status_code == 200

    assert once == api.runtime.store.get(path)
    assert once
    assert once.data["worksheetsBegun"] == 1
    again = api.viewer.get("/cases/CASE-1")
    assert (again.json, again.headers["ETag"]) == (shown.json, shown.headers["ETag"])
    assert event_types(api, "CASE-1") == ["case_created"]


def test_a_worksheet_that_is_begun_while_its_case_is_deleted_goes_with_it(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.verifier.create(id="CASE-1")
    kinds = type(api.runtime.store)
    query = kinds.query
    begun: list[int] = []

    def found_nothing_yet(store: Any, asked: Query) -> list[Document]:
        rows: list[Document] = query(store, asked)
        if asked.collection.endswith("/worksheets") and not begun:
            begun.append(kim(api).put(SHEET, TEXTS).status_code)
        return rows

    monkeypatch.setattr(kinds, "query", found_nothing_yet)
    assert api.admin.delete("/cases/CASE-1").status_code == 204

    assert begun == [200]
    sheets = api.runtime.store.query(Query(f"tenants/{api.tenant}/worksheets"))
    assert ["deletedAt" in sheet.data for sheet in sheets] == [True]
    assert [event["eventType"] for event in chain(api)] == ["worksheet_saved"]


def test_worksheets_go_with_their_case_and_their_chains_still_hold(api: Api) -> None:
    saved(api, "CASE-1", "CASE-2")
    assert api.admin.delete("/cases/CASE-1").status_code == 204

    refused(kim(api).get(SHEET), 404, "NOT_FOUND")
    refused(kim(api).put(SHEET, TEXTS), 404, "NOT_FOUND")
    row = {"caseId": "CASE-1", "fsrNotes": "Back"}
    batch = kim(api).post(BATCH, {"worksheets": [row]}).json
    assert batch["results"][0]["error"]["code"] == 404
    assert [s["caseId"] for s in kim(api).get("/worksheets").json["worksheets"]] == ["CASE-2"]
    assert len(chain(api)) == 1


def test_a_worksheet_that_is_gone_without_its_case_is_named(api: Api) -> None:
    saved(api, "CASE-1")
    api.admin.delete("/cases/CASE-1")
    api.runtime.store.commit([Delete(f"tenants/{api.tenant}/cases/CASE-1")])

    verified = api.pilot.get("/audit:verify?subject=worksheets/CASE-1:kim").json

    assert verified["valid"] is False
    assert verified["firstBroken"]["problem"] == "the subject is gone without an event"


@ON_EMBEDDED
@each_row("user", ["", "a b", "a/b", "__x__", "x" * 129, "\u202e"])
def test_a_user_id_that_is_none_is_named(api: Api, user: str) -> None:
    answer = api.viewer.get(f"{SHEET}?userId={user}")

    refused_field(answer, "userId")


def test_who_only_opens_or_closes_a_worksheet_keeps_its_texts(api: Api) -> None:
    case_id = api.verifier.create()["id"]
    saved = kim(api).put(f"/cases/{case_id}/worksheet", TEXTS).json

    opened = kim(api).put(f"/cases/{case_id}/worksheet", {"sharedWith": "read"}).json
    row = {"worksheets": [{"caseId": case_id, "sharedWith": "none"}]}
    assert kim(api).post(BATCH, row).json["succeeded"] == 1
    closed = kim(api).get(f"/cases/{case_id}/worksheet").json

    for sheet, sharing in ((opened, "read"), (closed, "none")):
        assert {name: sheet[name] for name in TEXTS} == {name: saved[name] for name in TEXTS}
        assert sheet["sharedWith"] == sharing
