"""A person is their token's subject; names are for show. The directory of who is there."""

from __future__ import annotations

from typing import Any

import pytest

from local.tokens import unsigned_token
from shared.documents.port import Query, Set
from tests.client import Api, Client
from tests.conftest import Clock
from tests.functions.intervention_support import act, ask, conflict, decide, done, listed
from tests.functions.support import cost, pages, refused, refused_field, trail
from tests.rows import each_row

CASE = "/cases/CASE-1"
ADDRESS = "vera@example.com"


def who(api: Api, sub: str, email: str | None = None, role: str = "verifier") -> Client:
    """A caller by subject and address."""
    token = unsigned_token(sub=sub, tenant=api.tenant, role=role, email=email)
    return Client(api.app, token, {})


def mine(client: Client, path: str = "/cases", key: str = "cases") -> list[str]:
    """The ids of what a list says is the caller's."""
    joint = "&" if "?" in path else "?"
    return [row["id"] for page in pages(client, f"{path}{joint}assignedTo=me", key) for row in page]


def nameless(api: Api, path: str) -> None:
    """Makes a document one of the last release's: names only, and no key for queries."""
    document = api.runtime.store.get(f"tenants/{api.tenant}{path}")
    assert document
    newer = {"assignedToSubject", "createdBySubject", "decidedBySubject", "assigneeKey"}
    newer |= {"deciderKey", "completedBy", "completedBySubject", "completedAt"}
    if "interventions" in path:
        newer -= {"createdBySubject"}
    data = {name: value for name, value in document.data.items() if name not in newer}
    api.runtime.store.commit([Set(document.path, data)])


def test_many_cases_are_assigned_by_a_name_as_names_are_written(api: Api) -> None:
    who(api, "vera", ADDRESS).create()
    api.verifier.create(id="CASE-1")
    body = {"caseIds": ["CASE-1"], "assignedTo": " Vera@Example.com\u200b"}

    assert done(api.pilot.post("/cases:update", body))["succeeded"] == 1

    case = api.viewer.get(CASE).json
    assert (case["assignedTo"], case["assignedToSubject"]) == (ADDRESS, "vera")


@pytest.mark.both_stores
@each_row("asked", [ADDRESS, "Vera@Example.COM"], apart=True)
def test_who_opened_a_case_is_found_by_their_address_in_any_letters(api: Api, asked: str) -> None:
    who(api, "vera", "Vera@example.com").create(id="CASE-1")
    api.verifier.create(id="CASE-2")

    found = api.viewer.get(f"/cases?createdBy={asked}").json["cases"]

    assert [case["id"] for case in found] == ["CASE-1"]


@pytest.mark.both_stores
def test_who_gets_another_address_keeps_their_work(api: Api) -> None:
    before, after = (
        who(api, "vera", ADDRESS, "pilot"),
        who(api, "vera", "lang@example.com", "pilot"),
    )
    api.verifier.create(id="CASE-1")
    done(before.post(f"{CASE}:claim"))
    asked = ask(api.agent)["id"]
    done(act(before, asked, "claim"))

    assert mine(after) == ["CASE-1"]
    assert mine(after, "/interventions:pending", "interventions") == [asked]
    assert after.put(f"{CASE}/collaborators/lee", {"permission": "read"}).status_code == 200
    again = after.post(f"{CASE}:claim")
    assert (again.status_code, again.json["assignedToSubject"]) == (200, "vera")
    decided = done(decide(after, asked))
    assert (decided["decidedBy"], decided["decidedBySubject"]) == ("lang@example.com", "vera")


def test_who_gets_a_recycled_address_inherits_nothing(api: Api) -> None:
    first, second = who(api, "vera", ADDRESS, "pilot"), who(api, "new", ADDRESS, "pilot")
    api.verifier.create(id="CASE-1")
    done(first.post(f"{CASE}:claim"))
    held, decided = ask(api.agent)["id"], ask(api.agent)["id"]
    done(act(first, held, "claim"))
    done(decide(first, decided))

    assert mine(second) == mine(second, "/interventions", "interventions") == []
    refused(second.post(f"{CASE}:claim"), 409, "FAILED_PRECONDITION")
    refused(
        second.put(f"{CASE}/collaborators/lee", {"permission": "read"}), 403, "PERMISSION_DENIED"
    )
    for verb, body in (("claim", None), ("release", None), ("decide", {"decision": "approve"})):
        conflict(act(second, held, verb, body), writes=0)
    conflict(act(second, decided, "complete", {}))
    assert [row["id"] for row in listed(second, f"/interventions?assignedTo={ADDRESS}")]


@pytest.mark.both_stores
def test_upper_and_lower_case_of_an_address_make_no_difference(api: Api) -> None:
    vera = who(api, "vera", "Vera@Example.com")
    opened = api.verifier.create(id="CASE-1", assignedTo=" VERA@example.com\u200b")
    assert opened["assignedTo"] == ADDRESS

    claimed = done(vera.post(f"{CASE}:claim"))

    assert (claimed["assignedTo"], claimed["assignedToSubject"]) == (ADDRESS, "vera")
    for spelt in (ADDRESS, "VERA@EXAMPLE.COM", "%20vera@example.com"):
        found = api.viewer.get(f"/cases?assignedTo={spelt}").json["cases"]
        assert [case["id"] for case in found] == ["CASE-1"]


@each_row(
    ("sub", "email"),
    [("max", "MAX@x"), ("other", "max@X"), ("max", None), ("max", "elsewhere@x")],
    apart=True,
)
def test_nobody_decides_what_they_asked_by_subject_or_by_name(
    api: Api, sub: str, email: str | None
) -> None:
    asked = ask(who(api, "max", "max@x"))["id"]

    refused(decide(who(api, sub, email, "pilot"), asked), 403, "PERMISSION_DENIED")
    refused(act(who(api, sub, email, "admin"), asked, "claim"), 403, "PERMISSION_DENIED")
    done(decide(who(api, "nora", "nora@x", "pilot"), asked))


def test_a_subject_that_is_anothers_address_shares_nothing_nor_the_reverse(api: Api) -> None:
    api.verifier.create(id="CASE-1", assignedTo="kim@example.com")
    api.verifier.create(id="CASE-2")
    done(who(api, "kim@other.example").post("/cases/CASE-2:claim"))
    body = {"permission": "read"}

    by_subject = who(api, "kim@example.com", None, "viewer")
    by_address = who(api, "x", "kim@other.example", "viewer")

    refused(by_subject.put(f"{CASE}/collaborators/lee", body), 403, "PERMISSION_DENIED")
    refused(by_address.put("/cases/CASE-2/collaborators/lee", body), 403, "PERMISSION_DENIED")
    assert mine(by_subject) == mine(by_address) == []


def test_the_first_act_of_who_is_known_by_name_alone_stores_their_subject(api: Api) -> None:
    vera, heir = who(api, "vera", ADDRESS), who(api, "heir", ADDRESS)
    api.verifier.create(id="CASE-1", assignedTo=ADDRESS)
    assert mine(vera) == mine(heir) == ["CASE-1"]

    done(vera.patch(CASE, {"status": "in_review"}))

    case = api.viewer.get(CASE).json
    assert (case["assignedTo"], case["assignedToSubject"]) == (ADDRESS, "vera")
    assert (mine(vera), mine(heir)) == (["CASE-1"], [])
    changes = {change["field"]: change["new"] for change in trail(api, "CASE-1")[-1]["changes"]}
    assert changes == {"status": "in_review", "assignedToSubject": "vera"}


def test_what_the_last_release_stored_by_name_is_still_theirs(api: Api) -> None:
    vera = who(api, "vera", "Vera@Example.com", "pilot")
    api.verifier.create(id="CASE-1", assignedTo=ADDRESS)
    asked, decided = ask(api.agent)["id"], ask(api.agent)["id"]
    done(act(vera, asked, "claim"))
    done(decide(vera, decided))
    for path in (CASE, f"/interventions/{asked}", f"/interventions/{decided}"):
        nameless(api, path)

    assert done(vera.post(f"{CASE}:claim"))["assignedToSubject"] == "vera"
    claimed = done(act(vera, asked, "claim"))
    assert (claimed["assignedToSubject"], claimed["status"]) == ("vera", "in_progress")
    completed = done(act(vera, decided, "complete", {}))
    assert (completed["completedBySubject"], completed["assignedToSubject"]) == ("vera", "vera")
    assert mine(vera, "/interventions:pending", "interventions") == [asked]


def test_assigning_by_a_name_that_the_directory_knows_stores_the_subject(
    api: Api, clock: Clock
) -> None:
    api.verifier.create(id="CASE-1")
    who(api, "vera", ADDRESS).patch(CASE, {"title": "Seen"})

    assigned = api.verifier.patch(CASE, {"assignedTo": "VERA@example.com"})

    assert (assigned.json["assignedTo"], assigned.json["assignedToSubject"]) == (ADDRESS, "vera")
    assert cost(assigned) == (2, 2, 2 + 1)
    nobody = api.pilot.patch(CASE, {"assignedTo": "nobody@example.com"})
    assert nobody.json["assignedToSubject"] is None
    own = api.pilot.patch(CASE, {"assignedTo": "pilot@example.com"})
    assert (own.json["assignedToSubject"], cost(own)) == ("pilot", (1, 2, 2))
    opened = api.verifier.post(
        "/cases", {"decisionType": "kyc", "title": "New", "assignedTo": ADDRESS}
    )
    assert (opened.json["assignedToSubject"], opened.json["createdBySubject"]) == (
        "vera",
        "verifier",
    )
    clock.advance(days=1)
    who(api, "heir", ADDRESS).patch(CASE, {"title": "Theirs now"})
    assert api.pilot.patch(CASE, {"assignedTo": ADDRESS}).json["assignedToSubject"] == "heir"
    freed = api.pilot.patch(CASE, {"assignedTo": None}).json
    assert (freed["assignedTo"], freed["assignedToSubject"]) == (None, None)


@pytest.mark.both_stores
def test_to_assign_a_name_again_keeps_the_person_that_it_is(api: Api) -> None:
    api.verifier.create(id="CASE-1")
    done(who(api, "robot", "robot@example.com", "verifier").post(f"{CASE}:claim"))
    nobody = api.runtime.store.query(Query(f"tenants/{api.tenant}/people"))
    assert nobody

    again = api.verifier.patch(CASE, {"assignedTo": "Robot@example.com"})

    assert (again.json["assignedToSubject"], cost(again)) == ("robot", (2, 0, 2))


LISTS = ["/cases", "/cases?unassigned=false", "/cases?overdue=true", "/cases?search=case"]


@pytest.mark.both_stores
@pytest.mark.parametrize("path", LISTS)
def test_a_queue_of_ones_own_is_found_by_subject_and_by_name_in_one_query(
    api: Api, clock: Clock, path: str
) -> None:
    vera = who(api, "vera", ADDRESS)
    for number in range(3):
        api.verifier.create(id=f"NAMED-{number}", assignedTo=ADDRESS)
        api.verifier.create(id=f"HELD-{number}")
        vera.post(f"/cases/HELD-{number}:claim")
        api.verifier.create(id=f"OTHER-{number}", assignedTo="other@example.com")
        clock.advance(hours=1)
    clock.advance(days=100)
    first = vera.get(f"{path}{'&' if '?' in path else '?'}assignedTo=me&pageSize=4")

    assert (len(first.json["cases"]), cost(first)) == (4, (4, 0, 1))
    found = mine(vera, f"{path}{'&' if '?' in path else '?'}pageSize=4")
    assert sorted(found) == sorted(f"{kind}-{n}" for kind in ("HELD", "NAMED") for n in range(3))
    assert mine(api.viewer, path) == []


def test_a_filter_by_name_that_does_not_know_the_caller_as_me_says_so(api: Api) -> None:
    refused_field(api.viewer.get("/cases?createdBy=me"), "createdBy")
    refused_field(api.pilot.get("/audit?actor=%20me"), "actor")


def test_the_next_case_is_not_claimed_from_ones_own(api: Api) -> None:
    refused(api.verifier.post("/cases:claimNext?assignedTo=me"), 400, "INVALID_ARGUMENT")


@pytest.mark.both_stores
def test_the_directory_lists_who_has_changed_something_by_name(api: Api, clock: Clock) -> None:
    api.verifier.create(id="CASE-1")
    who(api, "vera", "Vera@Example.com").patch(CASE, {"title": "By Vera"})
    who(api, "max").patch(CASE, {"title": "By Max"})
    api.agent.post(f"{CASE}/audit", {"eventType": "note_added", "message": "By an agent"})
    api.viewer.get(CASE)

    people = api.viewer.get("/people").json["people"]

    assert [one["name"] for one in people] == ["max", "Vera@Example.com", "verifier@example.com"]
    today = clock.now.date().isoformat()
    assert people[0] == {
        "subject": "max",
        "name": "max",
        "email": None,
        "role": "verifier",
        "lastSeenOn": today,
    }
    paged = [row for page in pages(api.agent, "/people?pageSize=1", "people") for row in page]
    assert paged == people


@pytest.mark.both_stores
@each_row(
    ("query", "found"),
    [
        ("ver", ["vera@example.com", "verifier@example.com"]),
        ("VERA@", ["vera@example.com"]),
        ("VER", ["vera@example.com", "verifier@example.com"]),
        ("verb", []),
        ("era", []),
        ("otto", ["OttoK"]),
        ("OTTO", ["OttoK"]),
    ],
    apart=True,
)
def test_people_are_found_by_the_beginning_of_their_name(
    api: Api, query: str, found: list[str]
) -> None:
    api.verifier.create(id="CASE-1")
    who(api, "v", ADDRESS).patch(CASE, {"title": "By Vera"})
    api.admin.patch(CASE, {"title": "By an admin"})
    who(api, "OttoK").patch(CASE, {"title": "By Otto, whose token has no address"})

    answer = api.viewer.get(f"/people?query={query}")

    assert [one["name"] for one in answer.json["people"]] == found
    assert cost(answer) == (max(1, len(found)), 0, 1)


def test_a_first_change_of_a_day_writes_the_entry_and_no_other_does(api: Api, clock: Clock) -> None:
    def patched(title: str, role: str = "verifier") -> tuple[int, int, int]:
        return cost(who(api, "vera", ADDRESS, role).patch(CASE, {"title": title}))

    api.agent.post("/cases", {"id": "CASE-1", "decisionType": "kyc", "title": "New"})

    assert [patched("A"), patched("B")] == [(1, 3, 2), (1, 2, 2)]
    assert patched("B", role="pilot") == (1, 0, 1)
    assert patched("C", role="pilot") == (1, 3, 2)
    clock.advance(days=1)
    assert [patched("D", "pilot"), patched("E", "pilot")] == [(1, 3, 2), (1, 2, 2)]
    (vera,) = api.viewer.get("/people").json["people"]
    assert (vera["role"], vera["lastSeenOn"]) == ("pilot", clock.now.date().isoformat())


def test_a_decision_is_counted_for_the_person_whatever_their_address(api: Api) -> None:
    for email in (ADDRESS, "lang@example.com"):
        answer = decide(who(api, "vera", email, "pilot"), ask(api.agent)["id"])
        assert cost(answer) == (1, 3, 2)
    done(decide(who(api, "heir", ADDRESS, "pilot"), ask(api.agent)["id"], "reject"))
    expected = [
        {"pilot": "lang@example.com", "decided": 2, "approved": 2, "rejected": 0},
        {"pilot": ADDRESS, "decided": 1, "approved": 0, "rejected": 1},
    ]

    for period in ("", "?since=2026-01-01T00:00:00Z"):
        top = api.pilot.get(f"/interventions:metrics{period}").json["topPilots"]
        assert top == expected


UNDECIDED = [("kill_switch", True), ("resume", True), ("cancel", True)]
DECIDED = [("waive_violation", False), ("clarification", False)]


@each_row(("kind", "allowed"), UNDECIDED + DECIDED, apart=True)
def test_only_a_kill_switch_a_resume_and_a_cancel_are_completed_undecided(
    api: Api, kind: str, *, allowed: bool
) -> None:
    asked = ask(api.agent, type=kind)["id"]
    done(act(api.pilot, asked, "claim"))

    answer = act(api.pilot, asked, "complete", {})

    if allowed:
        completed = done(answer)
        assert (completed["status"], completed["completedBySubject"]) == ("completed", "pilot")
        return
    assert conflict(answer)["status"] == "in_progress"
    done(decide(api.pilot, asked, response={"text": "So it is"}))
    assert done(act(api.agent, asked, "complete", {}))["completedBy"] == "agent@example.com"


def test_completing_looks_at_the_role_and_the_subject(api: Api) -> None:
    asked = ask(api.agent)["id"]
    done(act(who(api, "vera", ADDRESS, "pilot"), asked, "claim"))

    for client, code in (
        (who(api, "vera", ADDRESS, "verifier"), 403),
        (who(api, "vera", ADDRESS, "agent"), 409),
        (who(api, ADDRESS, None, "agent"), 409),
        (who(api, "other", ADDRESS, "pilot"), 409),
        (who(api, ADDRESS, None, "admin"), 409),
    ):
        status = {403: "PERMISSION_DENIED", 409: "FAILED_PRECONDITION"}[code]
        refused(act(client, asked, "complete", {}), code, status)
    done(act(who(api, "vera", "new@example.com", "pilot"), asked, "complete", {}))


def test_a_second_completion_names_who_completed_and_not_who_decided(
    api: Api, clock: Clock
) -> None:
    asked = ask(api.agent)["id"]
    done(decide(api.pilot, asked))
    clock.advance(minutes=5)
    completed = done(act(api.agent, asked, "complete", {}))

    again = act(api.pilot, asked, "complete", {})

    assert again.json["error"]["message"] == "not possible: it is completed by agent@example.com"
    detail: dict[str, Any] = conflict(again)
    assert (detail["completedBy"], detail["decidedBy"]) == (
        "agent@example.com",
        "pilot@example.com",
    )
    assert completed["completedAt"] == clock.now.isoformat().replace("+00:00", "Z")


def test_a_hold_says_by_subject_who_placed_it(api: Api) -> None:
    api.verifier.create(id="CASE-1")
    placed = api.admin.post(f"{CASE}/holds", {"reason": "A lawsuit"}).json

    assert (placed["placedBy"], placed["placedBySubject"]) == ("admin@example.com", "admin")
    assert api.viewer.get(f"{CASE}?view=full").json["holds"] == [placed]


def test_me_names_nobody_to_whom_a_case_could_be_assigned(api: Api) -> None:
    api.verifier.create(id="CASE-1")
    new = {"decisionType": "kyc", "title": "New", "assignedTo": "me"}

    refused_field(api.verifier.patch(CASE, {"assignedTo": "me"}), "assignedTo")
    refused_field(api.verifier.post("/cases", new), "assignedTo")
    many = {"caseIds": ["CASE-1"], "assignedTo": "me"}
    refused_field(api.verifier.post("/cases:update", many), "assignedTo")
