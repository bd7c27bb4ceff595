"""Interventions that several people decide: who holds one, hands it over, approves, is reminded."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.client import Api
from tests.conftest import Clock
from tests.functions.intervention_support import (
    QUESTION,
    act,
    ask,
    chain,
    conflict,
    decide,
    done,
    shown,
    steps,
)
from tests.functions.support import ON_EMBEDDED, cost, refused, refused_field, when
from tests.functions.sweep_support import EXPIRE, TICK, answered, did, meddle, run, writes_to
from tests.rows import each_row

KIM, PAT, LEE = "kim@example.com", "pat@example.com", "lee@example.com"
SEND = {"tool": "send_letter", "arguments": {"to": "board", "copies": 1}}


def settle(api: Api, **settings: Any) -> None:
    """Sets the tenant's settings."""
    assert api.admin.patch("/settings", settings).status_code == 200


# Claims that lapse


@pytest.mark.both_stores
def test_a_claim_is_free_for_the_next_one_from_the_time_until_which_it_is_held(
    api: Api, clock: Clock
) -> None:
    settle(api, claimMinutes=30)
    kim, pat = api.caller("pilot", "kim"), api.caller("pilot", "pat")
    asked = ask(api.agent)["id"]
    claimed = done(act(kim, asked, "claim"))
    assert when(claimed["heldUntil"]) == clock.now + timedelta(minutes=30)

    clock.advance(minutes=30)
    clock.now -= TICK
    told = conflict(act(pat, asked, "claim"))
    assert (told["assignedTo"], told["heldUntil"]) == (KIM, claimed["heldUntil"])
    clock.now += TICK
    assert shown(api, asked)["assignedTo"] == KIM
    taken = act(pat, asked, "claim")

    assert (done(taken)["assignedTo"], taken.json["status"]) == (PAT, "in_progress")
    assert when(taken.json["heldUntil"]) == clock.now + timedelta(minutes=30)
    assert conflict(decide(kim, asked))["assignedTo"] == PAT
    assert done(decide(pat, asked))["heldUntil"] is None
    assert steps(api, asked) == ["requested", "claimed", "claimed", "decided"]


def test_a_holder_whose_claim_has_lapsed_decides_as_long_as_nobody_has_claimed(
    api: Api, clock: Clock
) -> None:
    settle(api, claimMinutes=1)
    asked = ask(api.agent)["id"]
    done(act(api.pilot, asked, "claim"))
    clock.advance(hours=1)

    # To decide is not to claim.
    assert conflict(decide(api.admin, asked))["assignedTo"] == "pilot@example.com"
    assert done(decide(api.pilot, asked))["status"] == "approved"


def test_who_claims_again_what_they_hold_holds_it_for_as_long_again(api: Api, clock: Clock) -> None:
    settle(api, claimMinutes=10)
    asked = ask(api.agent)["id"]
    done(act(api.pilot, asked, "claim"))
    clock.advance(minutes=5)

    again = done(act(api.pilot, asked, "claim"))

    assert when(again["heldUntil"]) == clock.now + timedelta(minutes=10)
    assert steps(api, asked) == ["requested", "claimed", "claimed"]
    settle(api, claimMinutes=None)
    assert done(act(api.pilot, asked, "claim"))["heldUntil"] is None


def test_a_claim_of_before_claims_lapsed_has_no_end(api: Api, clock: Clock) -> None:
    asked = ask(api.agent)["id"]
    done(act(api.pilot, asked, "claim"))
    settle(api, claimMinutes=1)
    clock.advance(hours=1)

    assert conflict(act(api.admin, asked, "claim"))["assignedTo"] == "pilot@example.com"
    assert cost(act(api.pilot, asked, "claim")) == (1, 0, 1)


# Handing over


@pytest.mark.both_stores
def test_a_pilot_hands_over_what_somebody_holds_or_nobody_does(api: Api, clock: Clock) -> None:
    settle(api, claimMinutes=30)
    lee = api.caller("pilot", "lee")
    held, free = ask(api.agent)["id"], ask(api.agent)["id"]
    done(act(api.caller("pilot", "kim"), held, "claim"))
    clock.advance(minutes=5)

    for asked in (held, free):
        after = done(act(lee, asked, "assign", {"to": "PAT@example.com", "toSubject": "pat"}))
        told = (after["status"], after["assignedTo"], after["assignedToSubject"])
        assert told == ("in_progress", PAT, "pat")
        assert when(after["heldUntil"]) == clock.now + timedelta(minutes=30)
        # Whoever is named holds it already.
        body = {"to": PAT, "toSubject": "pat"}
        assert cost(act(lee, asked, "assign", body)) == (1, 0, 1)
        assert done(decide(api.caller("pilot", "pat"), asked))["decidedBy"] == PAT
    assert steps(api, held) == ["requested", "claimed", "assigned", "decided"]
    assert steps(api, free) == ["requested", "assigned", "decided"]


def test_who_is_named_without_a_subject_is_found_in_the_directory_or_known_by_name(
    api: Api,
) -> None:
    settle(api, autoCloseDays=1)
    asked = ask(api.agent)["id"]

    found = done(act(api.pilot, asked, "assign", {"to": "admin@example.com"}))
    unknown = done(act(api.pilot, asked, "assign", {"to": KIM}))

    assert (found["assignedToSubject"], unknown["assignedToSubject"]) == ("admin", None)
    assert done(decide(api.caller("pilot", "kim"), asked))["assignedToSubject"] == "kim"


@each_row(
    "to",
    [{"to": PAT}, {"to": "x", "toSubject": "pat"}, {"to": "PAT@EXAMPLE.com"}],
    apart=True,
)
def test_who_asked_neither_gets_it_nor_says_who_does(api: Api, to: dict[str, str]) -> None:
    pat = api.caller("pilot", "pat")
    asked = ask(pat)["id"]

    refused(act(api.pilot, asked, "assign", to), 403, "PERMISSION_DENIED")
    refused(act(pat, asked, "assign", {"to": KIM}), 403, "PERMISSION_DENIED")

    assert steps(api, asked) == ["requested"]


def test_only_who_could_decide_it_hands_it_over_while_it_is_open(api: Api, clock: Clock) -> None:
    high, late, over = (
        ask(api.agent, **fields)["id"]
        for fields in ({"required_role": "admin"}, {"expires_in_seconds": 60}, {})
    )
    done(decide(api.pilot, over))
    clock.advance(seconds=60)

    refused(act(api.pilot, high, "assign", {"to": KIM}), 403, "PERMISSION_DENIED")
    assert conflict(act(api.pilot, late, "assign", {"to": KIM}), writes=2)["status"] == "expired"
    assert conflict(act(api.pilot, over, "assign", {"to": KIM}))["status"] == "approved"
    assert done(act(api.admin, high, "assign", {"to": KIM}))["assignedTo"] == KIM


# Approvals


@pytest.mark.both_stores
def test_as_many_different_people_approve_as_it_requires(api: Api) -> None:
    kim, pat, lee = (api.caller("pilot", name) for name in ("kim", "pat", "lee"))
    asked = ask(api.agent, approvals_required=3)["id"]

    done(act(kim, asked, "claim"))
    first = done(decide(kim, asked))
    waits = (first["status"], first["assignedTo"], first["decision"], first["decidedBy"])
    assert waits == ("pending", None, None, None)
    assert asked in [row["id"] for row in api.viewer.get("/interventions:pending").json[QUEUE]]
    second = decide(pat, asked)
    last = done(decide(lee, asked))

    # As every decision: the intervention, its event, and the first entry of a person.
    assert cost(second) == (1, 3, 2)
    assert [one["by"] for one in last["approvals"]] == [KIM, PAT, LEE]
    assert (last["status"], last["decidedBy"], last["approvalsRequired"]) == ("approved", LEE, 3)
    taken = ["requested", "claimed", "approved", "approved", "decided"]
    assert steps(api, asked) == taken
    events = chain(api, asked)
    assert (events[2]["message"], events[2]["reason"]) == ("Approved by 1 of 3", "Looked at it")
    assert done(act(api.agent, asked, "complete", {}))["status"] == "completed"


QUEUE = "interventions"


def test_nobody_approves_twice_by_subject_or_by_name_and_who_has_may_still_reject(
    api: Api,
) -> None:
    kim = api.caller("pilot", "kim")
    asked = ask(api.agent, approvals_required=2)["id"]
    done(decide(kim, asked))
    namesake = api.caller("pilot", "kim-2", email="KIM@example.com")

    for who in (kim, namesake):
        for answer in (decide(who, asked), act(who, asked, "claim")):
            told = conflict(answer)
            assert [one["by"] for one in told["approvals"]] == [KIM]
    assert "already" in conflict_text(act(api.pilot, asked, "assign", {"to": KIM}))
    after = done(decide(kim, asked, "reject"))

    assert (after["status"], after["decidedBy"]) == ("rejected", KIM)
    assert conflict(decide(api.pilot, asked))["status"] == "rejected"
    assert steps(api, asked) == ["requested", "approved", "decided"]


def conflict_text(answer: Any) -> str:
    """What a 409 says."""
    conflict(answer)
    message: str = answer.json["error"]["message"]
    return message


@pytest.mark.both_stores
def test_approvals_count_together_only_if_they_are_of_the_same(api: Api) -> None:
    kim, pat, lee = (api.caller("pilot", name) for name in ("kim", "pat", "lee"))
    asked = ask(api.agent, action=SEND, approvals_required=2, act_within_seconds=60)
    two = {"arguments": {"copies": 2, "to": "board"}}

    first = done(decide(kim, asked["id"]))
    assert (first["approvedActionHash"], first["actUntil"]) == (asked["actionHash"], None)
    edited = done(decide(pat, asked["id"], "edit", **two))
    assert [one["by"] for one in edited["approvals"]] == [PAT]
    assert edited["approvedArguments"] == two["arguments"]
    # Kim's approval was of other arguments, and a plain approval is of those that were asked for.
    again = done(decide(lee, asked["id"]))
    assert ([one["by"] for one in again["approvals"]], again["approvedArguments"]) == ([LEE], None)
    done(decide(kim, asked["id"], "edit", **two))
    last = done(
        decide(pat, asked["id"], "edit", arguments=dict(reversed(two["arguments"].items())))
    )

    assert [one["by"] for one in last["approvals"]] == [KIM, PAT]
    assert (last["status"], last["decision"]) == ("approved", "edit")
    assert last["approvedActionHash"] == edited["approvedActionHash"] != asked["actionHash"]
    assert last["actUntil"] is not None
    assert steps(api, asked["id"]) == ["requested", *["approved"] * 4, "decided"]


def test_answers_count_together_only_if_they_are_the_same(api: Api) -> None:
    kim, pat, lee = (api.caller("pilot", name) for name in ("kim", "pat", "lee"))
    asked = ask(api.agent, type="clarification", approvals_required=2)["id"]

    done(decide(kim, asked, response={"text": "4711"}))
    other = done(decide(pat, asked, response={"text": "4712"}))
    last = done(decide(lee, asked, response={"text": "4712"}))

    assert (other["status"], other["response"]) == ("pending", {"text": "4712"})
    assert ([one["by"] for one in last["approvals"]], last["response"]) == (
        [PAT, LEE],
        {"text": "4712"},
    )


def test_what_ends_before_enough_have_approved_has_nothing_approved(api: Api, clock: Clock) -> None:
    late, taken_back, rejected = (
        ask(api.agent, action=SEND, approvals_required=2, expires_in_seconds=60)["id"]
        for _ in range(3)
    )
    for asked in (late, taken_back, rejected):
        done(decide(api.pilot, asked, "edit", arguments={"to": "all"}, response={"note": "Yes"}))
    done(act(api.agent, taken_back, "withdraw", {}))
    done(decide(api.admin, rejected, "reject"))
    clock.advance(seconds=60)

    before = shown(api, late)
    assert did(changed=1) == run(api, EXPIRE)

    after = shown(api, late)
    assert {**before, "updatedAt": after["updatedAt"]} == after
    for asked in (late, taken_back, rejected):
        row = shown(api, asked)
        assert (row["approvedActionHash"], row["approvedArguments"], row["response"]) == (None,) * 3
        assert [one["by"] for one in row["approvals"]] == ["pilot@example.com"]
        chain(api, asked)


def test_what_needs_more_than_one_approval_is_not_completed_undecided(api: Api) -> None:
    asked = ask(api.agent, type="kill_switch", approvals_required=2)["id"]
    done(act(api.pilot, asked, "claim"))

    assert conflict(act(api.pilot, asked, "complete", {}))["approvalsRequired"] == 2


@pytest.mark.both_stores
def test_who_asks_can_only_raise_how_many_approvals_the_tenant_requires(api: Api) -> None:
    settle(api, approvalsRequired={"cancel": 2, "clarification": 3})
    api.verifier.create(id="CASE-1")

    found = [
        ask(api.agent, type=kind, **({"approvals_required": number} if number else {}))
        for kind, number in (("cancel", None), ("cancel", 1), ("cancel", 5), ("resume", None))
    ]
    escalated = api.agent.post("/cases/CASE-1:escalate", {"reason": "Look"}).json

    again = {**QUESTION, "type": "cancel", "action": SEND, "reuse": True}
    asked, repeated = (api.agent.post("/interventions", again) for _ in range(2))

    assert [one["approvalsRequired"] for one in found] == [2, 2, 5, 1]
    assert (repeated.status_code, repeated.json) == (200, asked.json)
    assert escalated["approvalsRequired"] == 3


# Two at once

Step = tuple[str, str, Any]
YES = {"decision": "approve"}
RACES: dict[str, tuple[list[Step], Step, Step, list[str]]] = {
    "a holder whose claim has lapsed decides, and somebody claims before": (
        [("kim", "claim", None)],
        ("kim", "decide", YES),
        ("pat", "claim", None),
        ["requested", "claimed", "claimed"],
    ),
    "somebody claims what has lapsed, and its holder decides before": (
        [("kim", "claim", None)],
        ("pat", "claim", None),
        ("kim", "decide", YES),
        ["requested", "claimed", "approved", "claimed"],
    ),
    "two claim what has lapsed": (
        [("kim", "claim", None)],
        ("pat", "claim", None),
        ("lee", "claim", None),
        ["requested", "claimed", "claimed"],
    ),
    "two give the last approval": (
        [("kim", "decide", YES)],
        ("pat", "decide", YES),
        ("lee", "decide", YES),
        ["requested", "approved", "decided"],
    ),
    "one rejects before the last approval": (
        [("kim", "decide", YES)],
        ("pat", "decide", YES),
        ("lee", "decide", {"decision": "reject", "reason": "No"}),
        ["requested", "approved", "decided"],
    ),
    "the same person approves twice": (
        [],
        ("kim", "decide", YES),
        ("kim", "decide", YES),
        ["requested", "approved"],
    ),
    "two give the first approval": (
        [],
        ("kim", "decide", YES),
        ("pat", "decide", YES),
        ["requested", "approved", "decided"],
    ),
    "it is handed over while its holder decides": (
        [("kim", "claim", None)],
        ("kim", "decide", YES),
        ("lee", "assign", {"to": PAT, "toSubject": "pat"}),
        ["requested", "claimed", "assigned"],
    ),
}
SUCCEEDS = {
    "somebody claims what has lapsed, and its holder decides before",
    "two give the first approval",
}
"""Where who comes second has what to do, too."""


@pytest.mark.both_stores
@pytest.mark.parametrize("race", RACES)
def test_who_comes_second_decides_by_what_the_first_one_has_left(
    api: Api, clock: Clock, race: str
) -> None:
    before, late, early, taken = RACES[race]
    settle(api, claimMinutes=1)
    asked = ask(api.agent, approvals_required=2)["id"]

    def send(step: Step) -> Any:
        who, verb, body = step
        return act(api.caller("pilot", who), asked, verb, body)

    for step in before:
        done(send(step))
    clock.advance(minutes=1)
    path = f"tenants/{api.tenant}/interventions/{asked}"
    first: list[Any] = []
    meddle(api, writes_to(path, lambda: first.append(send(early))))

    second = send(late)

    assert done(first[0])
    assert second.status_code == (200 if race in SUCCEEDS else 409), second.text
    assert steps(api, asked) == taken


@pytest.mark.both_stores
def test_nobody_is_reminded_of_what_is_decided_meanwhile(api: Api, clock: Clock) -> None:
    asked = ask(api.agent, expires_in_seconds=100)["id"]
    clock.advance(seconds=50)
    path = f"tenants/{api.tenant}/interventions/{asked}"
    meddle(api, writes_to(path, lambda: done(decide(api.pilot, asked))))

    assert did(skipped=1) == run(api, EXPIRE)

    assert steps(api, asked) == ["requested", "decided"]


# Reminders


@pytest.mark.both_stores
def test_people_are_reminded_at_half_and_nine_tenths_of_the_time(api: Api, clock: Clock) -> None:
    raised = {"raise_priority": True, "expires_in_seconds": 1000}
    asked, plain, held, gone, decided = (
        ask(api.agent, **fields)
        for fields in (
            {**raised, "priority": "high"},
            {"expires_in_seconds": 1000},
            {**raised, "priority": "low"},
            raised,
            raised,
        )
    )
    start = clock.now
    assert when(asked["remindAt"]) == start + timedelta(seconds=500)
    done(act(api.pilot, held["id"], "claim"))
    done(act(api.agent, gone["id"], "withdraw", {}))
    assert done(decide(api.pilot, decided["id"]))["remindAt"] is None

    clock.now = start + timedelta(seconds=500) - TICK
    assert did() == run(api, EXPIRE)
    clock.now += TICK
    assert did(changed=3) == run(api, f"{EXPIRE}?dryRun=true")
    assert did(changed=3) == run(api, EXPIRE)
    assert did() == run(api, EXPIRE)
    assert when(shown(api, asked["id"])["remindAt"]) == start + timedelta(seconds=900)
    clock.now = start + timedelta(seconds=900)
    last = answered(api, EXPIRE)
    # A query finds nothing that has run out, one the three; each is written with its event.
    assert (last.json["changed"], cost(last)) == (3, (4, 6, 3))

    shown_now = [shown(api, one["id"]) for one in (asked, plain, held)]
    assert [row["priority"] for row in shown_now] == ["critical", "normal", "high"]
    assert [row["remindAt"] for row in shown_now] == [None] * 3
    assert [row["status"] for row in shown_now] == ["pending", "pending", "in_progress"]
    first, second = chain(api, asked["id"])[1:]
    assert [event["eventType"] for event in (first, second)] == ["intervention_reminded"] * 2
    assert [event["meta"]["percent"] for event in (first, second)] == [50, 90]
    queue = api.viewer.get("/interventions:pending").json[QUEUE]
    assert [row["id"] for row in queue] == [asked["id"], plain["id"]]
    chain(api, held["id"])


def test_one_reminder_stands_for_both_where_nothing_ran_meanwhile(api: Api, clock: Clock) -> None:
    asked = ask(api.agent, raise_priority=True, priority="low", expires_in_seconds=1000)["id"]
    clock.advance(seconds=950)

    assert did(changed=1) == run(api, EXPIRE)
    clock.advance(seconds=50)
    assert did(changed=1) == run(api, f"{EXPIRE}?dryRun=true")
    assert did(changed=1) == run(api, EXPIRE)

    events = chain(api, asked)
    assert steps(api, asked) == ["requested", "reminded", "expired"]
    assert events[1]["meta"]["percent"] == 90
    assert shown(api, asked)["priority"] == "high"


@ON_EMBEDDED
@each_row(
    ("fields", "field"),
    [
        ({"approvalsRequired": 0}, "approvalsRequired"),
        ({"approvalsRequired": 6}, "approvalsRequired"),
        ({"approvalsRequired": "2"}, "approvalsRequired"),
        ({"raisePriority": True}, "raisePriority"),
        ({"raisePriority": 1, "expiresInSeconds": 60}, "raisePriority"),
    ],
    apart=True,
)
def test_a_number_of_people_or_a_reminder_that_cannot_be_is_refused_by_name(
    api: Api, fields: dict[str, Any], field: str
) -> None:
    refused_field(api.agent.post("/interventions", {**QUESTION, **fields}), field)


@ON_EMBEDDED
@each_row(
    ("body", "field"),
    [({}, "to"), ({"to": "me"}, "to"), ({"to": KIM, "toSubject": "__x__"}, "toSubject")],
    apart=True,
)
def test_who_cannot_be_named_is_refused_by_name(api: Api, body: dict[str, Any], field: str) -> None:
    refused_field(act(api.pilot, ask(api.agent)["id"], "assign", body), field)
