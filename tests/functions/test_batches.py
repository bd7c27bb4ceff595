"""Many cases in one request: closing, checking, counting."""

from __future__ import annotations

from typing import Any

from tests.client import Api, Client
from tests.conftest import Clock
from tests.functions.support import (
    ABSENT,
    ON_EMBEDDED,
    cost,
    event_types,
    filled,
    refused,
    refused_field,
    trail,
)
from tests.functions.test_status import ALLOWED, STEPS
from tests.rows import each_row


def one_of_each(client: Client) -> list[str]:
    """Opens a case of every status; gives their ids, which are the statuses."""
    for case_id, statuses in STEPS.items():
        client.create(id=case_id)
        for status in statuses:
            patch = {"status": status, "reason": "Set up"}
            assert client.patch(f"/cases/{case_id}", patch).status_code == 200
    return list(STEPS)


def test_a_batch_keeps_a_name_in_the_form_that_a_single_change_gives_it(api: Api) -> None:
    for case_id in ("one", "many"):
        api.verifier.create(id=case_id)
    name = {"assignedTo": " KIM@example.com\u200b"}

    one = api.verifier.patch("/cases/one", name)
    many = api.verifier.post("/cases:update", {"caseIds": ["many"], **name})

    assert (one.status_code, many.json["succeeded"]) == (200, 1)
    assert one.json["assignedTo"] == api.viewer.get("/cases/many").json["assignedTo"]


def test_a_batch_closes_each_case_by_the_rules_of_one_and_says_so_in_order(api: Api) -> None:
    one_of_each(api.verifier)
    api.caller("verifier", tenant="other-tenant").create(id="theirs")
    asked = ["theirs", "closed", "new", ABSENT, "approved", "needs_info", "in_review", "blocked"]

    answer = api.pilot.post("/cases:close", {"caseIds": asked, "reason": "End of year"})

    assert (answer.status_code, answer.json["succeeded"], answer.json["failed"]) == (200, 5, 3)
    results = answer.json["results"]
    assert asked == [result["caseId"] for result in results]
    codes = [result["error"]["code"] if "error" in result else 200 for result in results]
    assert codes == [404, 409, 200, 404, 200, 200, 200, 200]
    assert [code == 200 for code in codes] == [result["ok"] for result in results]
    for case_id in ("new", "approved", "needs_info", "in_review", "blocked"):
        case = api.viewer.get(f"/cases/{case_id}").json
        assert ("closed", case["closedAt"]) == (case["status"], case["statusChangedAt"])
        last = trail(api, case_id)[-1]
        assert (last["eventType"], last["reason"]) == ("status_changed", "End of year")


def test_a_case_that_a_batch_may_not_close_gets_the_error_it_would_get_alone(api: Api) -> None:
    one_of_each(api.verifier)

    batch = api.pilot.post("/cases:close", {"caseIds": ["closed", ABSENT], "reason": "Again"})

    in_batch = [result["error"] for result in batch.json["results"]]
    closed = {"status": "closed", "allowed": ALLOWED["closed"]}
    assert (in_batch[0]["code"], in_batch[0]["status"]) == (409, "FAILED_PRECONDITION")
    assert [closed] == in_batch[0]["details"]
    alone = api.verifier.patch(f"/cases/{ABSENT}", {"title": "Alone"}).json["error"]
    assert in_batch[1] == alone
    assert event_types(api, "closed") == ["case_created", "status_changed"]


def test_a_batch_takes_two_hundred_cases(api: Api, clock: Clock) -> None:
    case_ids = filled(api, clock, 200)

    answer = api.agent.post("/cases:close", {"caseIds": case_ids, "reason": "Cleared"})

    assert (answer.json["succeeded"], answer.json["failed"]) == (200, 0)
    assert api.viewer.get("/cases?status=new").json["cases"] == []


@ON_EMBEDDED
@each_row(
    ("body", "field"),
    [
        ({"caseIds": ["A", "B", "A"], "reason": "Twice"}, "caseIds"),
        ({"caseIds": [], "reason": "None"}, "caseIds"),
        ({"caseIds": [f"C-{index}" for index in range(201)], "reason": "Many"}, "caseIds"),
        ({"caseIds": ["A", "../x"], "reason": "Bad id"}, "caseIds[1]"),
        ({"caseIds": ["A"]}, "reason"),
        ({"caseIds": ["A"], "reason": ""}, "reason"),
        ({"reason": "None"}, "caseIds"),
    ],
    apart=True,
)
def test_a_batch_that_is_wrong_closes_nothing(api: Api, body: dict[str, Any], field: str) -> None:
    api.verifier.create(id="A")

    answer = api.pilot.post("/cases:close", body)

    refused_field(answer, field)
    assert cost(answer) == (0, 0, 0)
    assert api.viewer.get("/cases/A").json["status"] == "new"


def test_statistics_count_every_status_and_the_events(api: Api, clock: Clock) -> None:
    empty = dict.fromkeys(STEPS, 0)
    assert api.viewer.get("/cases:stats").json == {
        "caseCount": 0,
        "totalEvents": 0,
        "casesByStatus": empty,
        "overdue": 0,
        "waiting": 0,
        "mine": 0,
        "unassigned": 0,
        "asOf": clock.now.isoformat().replace("+00:00", "Z"),
    }
    one_of_each(api.verifier)
    api.verifier.create()
    api.caller("verifier", tenant="other-tenant").create()

    stats = api.viewer.get("/cases:stats").json

    steps = sum(map(len, STEPS.values()))
    frozen = 1  # the packet of the approved case
    assert (7, 7 + steps + frozen) == (stats["caseCount"], stats["totalEvents"])
    assert stats["casesByStatus"] == {**dict.fromkeys(STEPS, 1), "new": 2}


def test_statistics_count_the_callers_own_and_the_free_cases_that_are_not_done(api: Api) -> None:
    for case_id in one_of_each(api.verifier):
        if case_id not in {"approved", "closed"}:
            api.verifier.post(f"/cases/{case_id}:claim")
    api.verifier.create(id="free")
    api.pilot.create(id="another", assignedTo="pilot@example.com")

    seen = [caller.get("/cases:stats").json for caller in (api.verifier, api.pilot)]

    assert [(one["mine"], one["unassigned"]) for one in seen] == [(4, 1), (1, 1)]


def test_a_case_number_is_valid_when_it_is_known_and_open_until_it_is_closed(api: Api) -> None:
    for case_id in one_of_each(api.verifier):
        closed = case_id == "closed"
        assert api.viewer.get(f"/cases:validate?caseId={case_id}").json == {
            "valid": True,
            "caseId": case_id,
            "isClosed": closed,
            "status": "closed" if closed else "open",
        }


def test_an_unknown_case_number_is_not_found_and_not_valid(api: Api) -> None:
    answer = api.viewer.get(f"/cases:validate?caseId={ABSENT}")

    (detail,) = refused(answer, 404, "NOT_FOUND")["details"]
    assert (detail["valid"], detail["caseId"]) == (False, ABSENT)


@ON_EMBEDDED
@each_row("query", ["", "?caseId=", "?caseId=../x", "?case_id=A", "?caseId=a%00b"], apart=True)
def test_a_case_number_that_cannot_be_one_is_a_bad_request(api: Api, query: str) -> None:
    answer = api.viewer.get(f"/cases:validate{query}")

    refused_field(answer, "caseId")
    assert cost(answer) == (0, 0, 0)


def test_checked_numbers_are_answered_in_the_order_asked_however_often(api: Api) -> None:
    one_of_each(api.verifier)
    asked = ["closed", ABSENT, "new", "closed", "approved", "new"]

    answer = api.viewer.post("/cases:check", {"caseIds": asked})

    assert answer.json["results"] == [
        {"caseId": case_id, "valid": valid, "isClosed": status == "closed", "status": status}
        for case_id, valid, status in [
            ("closed", True, "closed"),
            (ABSENT, False, "invalid"),
            ("new", True, "open"),
            ("closed", True, "closed"),
            ("approved", True, "open"),
            ("new", True, "open"),
        ]
    ]


def test_five_hundred_numbers_can_be_checked_at_once(api: Api, clock: Clock) -> None:
    known = filled(api, clock, 100)
    asked = known + [f"unknown-{index}" for index in range(400)]

    results = api.viewer.post("/cases:check", {"caseIds": asked}).json["results"]

    assert asked == [result["caseId"] for result in results]
    assert [result["valid"] for result in results] == [True] * 100 + [False] * 400


def test_checking_no_numbers_is_answered_with_none(api: Api) -> None:
    answer = api.viewer.post("/cases:check", {"caseIds": []})

    assert (answer.status_code, answer.json) == (200, {"results": []})
    assert cost(answer) == (0, 0, 0)


@ON_EMBEDDED
@each_row(
    ("body", "field"),
    [
        ({}, "caseIds"),
        ({"caseIds": None}, "caseIds"),
        ({"caseIds": "A"}, "caseIds"),
        ({"caseIds": [f"C-{index}" for index in range(501)]}, "caseIds"),
        ({"caseIds": ["A", ""]}, "caseIds[1]"),
        ({"caseIds": [1]}, "caseIds[0]"),
    ],
    apart=True,
)
def test_a_check_that_is_wrong_reads_nothing(api: Api, body: dict[str, Any], field: str) -> None:
    answer = api.viewer.post("/cases:check", body)

    refused_field(answer, field)
    assert cost(answer) == (0, 0, 0)


def test_a_batch_changes_each_case_by_the_rules_of_one_and_says_so_in_order(api: Api) -> None:
    one_of_each(api.verifier)
    api.verifier.patch("/cases/new", {"tags": ["old", "kept"]})
    asked = ["new", "needs_info", ABSENT, "closed", "in_review"]
    body = {
        "caseIds": asked,
        "assignedTo": "kim@example.com",
        "severity": "high",
        "addTags": ["audit", "kept"],
        "removeTags": ["old"],
        "status": "blocked",
        "reason": "A strike",
    }

    answer = api.verifier.post("/cases:update", body)

    assert (answer.status_code, answer.json["succeeded"], answer.json["failed"]) == (200, 3, 2)
    results = answer.json["results"]
    assert [result["caseId"] for result in results] == asked
    codes = [result["error"]["code"] if "error" in result else 200 for result in results]
    assert codes == [200, 200, 404, 409, 200]
    for case_id in ("new", "needs_info", "in_review"):
        case = api.viewer.get(f"/cases/{case_id}").json
        assert (case["assignedTo"], case["severity"]) == ("kim@example.com", "high")
        assert case["status"] == "blocked"
        assert case["tags"] == (["kept", "audit"] if case_id == "new" else ["audit", "kept"])
        last = trail(api, case_id)[-1]
        assert (last["eventType"], last["reason"]) == ("status_changed", "A strike")
    assert api.viewer.get("/cases/closed").json["severity"] == "normal"


def test_a_batch_that_approves_freezes_each_packet(api: Api) -> None:
    for case_id in ("A", "B"):
        api.verifier.create(id=case_id, evidence=[{"title": "An item", "includedInPacket": True}])

    first = {"caseIds": ["A", "B"], "status": "in_review"}
    assert api.verifier.post("/cases:update", first).json["succeeded"] == 2
    answer = api.verifier.post("/cases:update", {**first, "status": "approved"})

    assert answer.json["succeeded"] == 2
    for case_id in ("A", "B"):
        assert api.viewer.get(f"/cases/{case_id}/packet?version=1").status_code == 200
        assert event_types(api, case_id)[-2:] == ["status_changed", "packet_frozen"]


def test_a_batch_that_is_repeated_with_its_key_changes_nothing_more(api: Api) -> None:
    api.verifier.create(id="A", tags=["x"])
    body = {"caseIds": ["A"], "addTags": ["y"], "removeTags": ["x"]}
    first = api.verifier.post("/cases:update", body, idempotency_key="once")
    api.verifier.patch("/cases/A", {"tags": []})

    again = api.verifier.post("/cases:update", body, idempotency_key="once")

    assert again.json == first.json
    assert again.headers["Idempotent-Replayed"] == "true"
    assert api.viewer.get("/cases/A").json["tags"] == []


def test_a_tag_too_many_fails_its_case_only(api: Api) -> None:
    api.verifier.create(id="A", tags=[str(number) for number in range(20)])
    api.verifier.create(id="B")

    answer = api.verifier.post("/cases:update", {"caseIds": ["A", "B"], "addTags": ["more"]})

    assert [result["ok"] for result in answer.json["results"]] == [False, True]
    assert answer.json["results"][0]["error"]["details"][0]["field"] == "addTags"


@ON_EMBEDDED
@each_row(
    ("body", "field"),
    [
        ({"caseIds": ["A", "A"], "severity": "low"}, "caseIds"),
        ({"caseIds": [], "severity": "low"}, "caseIds"),
        ({"caseIds": [f"C-{index}" for index in range(201)], "severity": "low"}, "caseIds"),
        ({"caseIds": ["A"]}, "body"),
        ({"caseIds": ["A"], "reason": "None"}, "body"),
        ({"caseIds": ["A"], "severity": None}, "severity"),
        ({"caseIds": ["A"], "title": "Same"}, "title"),
        ({"severity": "low"}, "caseIds"),
    ],
    apart=True,
)
def test_a_batch_of_changes_that_is_wrong_changes_nothing(
    api: Api, body: dict[str, Any], field: str
) -> None:
    api.verifier.create(id="A")

    answer = api.verifier.post("/cases:update", body)

    refused_field(answer, field)
    assert cost(answer) == (0, 0, 0)
