"""Interventions under a crowd and under faults: asked once, decided once, everybody told how."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from shared.models.actions import NewAction
from shared.rules.actions import hash_of
from tests.client import Api, TestResponse
from tests.reliability.fault_proxy import CONTRACT, Code, Fault, FaultProxy, Script, shared
from tests.reliability.support import held_trail, in_parallel, persistent, types

CLAIMERS = 100
DECIDERS = 50
REPEATS = 20
NEW = {"uowId": "uow-1", "type": "resume", "title": "Go on?"}
HASHED = ("context", "response", "result", "action", "responseSchema")
ACTION = {"tool": "pay", "arguments": {"amount": 100}}
START = {"actionHash": hash_of(NewAction.model_validate(ACTION))}
YES, NO = {"decision": "approve"}, {"decision": "reject", "reason": "No"}


def ask(api: Api, **fields: Any) -> str:
    """Asks for a decision; gives the path of the intervention."""
    answer = api.agent.post("/interventions", {**NEW, **fields})
    assert answer.status_code == 201, answer.text
    return f"/interventions/{answer.json['id']}"


def held_intervention(api: Api, path: str) -> list[str]:
    """The types of an intervention's events, once they hold and lead to it as it is."""
    events = held_trail(api, path.removeprefix("/"))
    found = api.viewer.get(path).json
    state: dict[str, Any] = {}
    for event in events:
        for change in event["changes"]:
            assert change["old"] == state.get(change["field"])
            state[change["field"]] = change["new"]
    # None are stored where they are the default ones of its type.
    for name in (*HASHED, *(() if state["decisions"] else ("decisions",))):
        state.pop(name, None)
    assert {name: found[name] for name in state} == state
    return types(events)


def decided_by(api: Api) -> list[tuple[str, int]]:
    """Who decided how many, as the metrics count."""
    top = api.pilot.get("/interventions:metrics").json["topPilots"]
    return [(row["pilot"], row["decided"]) for row in top]


def test_of_a_hundred_claims_one_wins_and_the_others_learn_who(api: Api) -> None:
    path = ask(api)

    answers = in_parallel(
        CLAIMERS, lambda n: persistent(api.caller("pilot", f"p{n}"), "POST", f"{path}:claim")
    )

    codes = Counter(answer.status_code for answer in answers)
    assert codes == {200: 1, 409: CLAIMERS - 1}
    (winner,) = [answer.json["assignedTo"] for answer in answers if answer.status_code == 200]
    for answer in answers:
        if answer.status_code == 409:
            (told,) = answer.json["error"]["details"]
            assert (told["status"], told["assignedTo"]) == ("in_progress", winner)
    assert held_intervention(api, path) == ["intervention_requested", "intervention_claimed"]


def test_of_fifty_different_decisions_one_stands_and_the_others_learn_which(api: Api) -> None:
    path = ask(api)

    def decide(number: int) -> TestResponse:
        decision = {**(YES if number % 2 else NO), "reason": f"Because of {number}"}
        return persistent(api.caller("pilot", f"p{number}"), "POST", f"{path}:decide", decision)

    answers = in_parallel(DECIDERS, decide)

    assert Counter(a.status_code for a in answers) == {200: 1, 409: DECIDERS - 1}
    (stands,) = [answer.json for answer in answers if answer.status_code == 200]
    for answer in answers:
        if answer.status_code == 409:
            (told,) = answer.json["error"]["details"]
            names = ("status", "decision", "decidedBy", "actionReason", "actionAt")
            assert {name: told[name] for name in names} == {name: stands[name] for name in names}
    assert held_intervention(api, path) == ["intervention_requested", "intervention_decided"]
    assert decided_by(api) == [(stands["decidedBy"], 1)]


def test_of_fifty_who_approve_at_once_as_many_count_as_must_and_one_decides(api: Api) -> None:
    path = ask(api, approvalsRequired=5)

    def approve(number: int) -> TestResponse:
        # Each comes twice.
        pilot = api.caller("pilot", f"p{number % 25}")
        return persistent(pilot, "POST", f"{path}:decide", YES)

    answers = in_parallel(DECIDERS, approve)

    assert Counter(a.status_code for a in answers) == {200: 5, 409: DECIDERS - 5}
    (decided,) = [a.json for a in answers if a.json.get("decision")]
    people = [one["bySubject"] for one in decided["approvals"]]
    assert (len(set(people)), decided["decidedBySubject"]) == (5, people[-1])
    steps = held_intervention(api, path)
    assert steps == ["intervention_requested", *["intervention_approved"] * 4, steps[-1]]
    assert steps[-1] == "intervention_decided"
    assert decided_by(api) == [(decided["decidedBy"], 1)]


def test_of_a_hundred_starts_one_runs_and_the_others_learn_whose(api: Api) -> None:
    path = ask(api, action=ACTION)
    assert api.pilot.post(f"{path}:decide", YES).status_code == 200

    answers = in_parallel(
        CLAIMERS, lambda n: persistent(api.caller("agent", f"a{n}"), "POST", f"{path}:start", START)
    )

    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: CLAIMERS - 1}
    (winner,) = [answer.json["startedBy"] for answer in answers if answer.status_code == 200]
    for answer in answers:
        if answer.status_code == 409:
            (told,) = answer.json["error"]["details"]
            assert told["startedBy"] == winner
    assert held_intervention(api, path)[1:] == ["intervention_decided", "intervention_started"]


def test_deciding_claiming_and_releasing_at_once_ends_in_one_decision(api: Api) -> None:
    path = ask(api)
    verbs: list[tuple[str, Any]] = [("claim", None), ("release", None), ("decide", NO)]

    def act(number: int) -> int:
        verb, body = verbs[number % 3]
        pilot = api.caller("pilot", f"p{number % 5}")
        return persistent(pilot, "POST", f"{path}:{verb}", body).status_code

    codes = Counter(in_parallel(30, act))

    assert codes.keys() <= {200, 409}
    steps = held_intervention(api, path)
    assert steps.count("intervention_decided") <= 1
    status = api.viewer.get(path).json["status"]
    assert ("intervention_decided" in steps) == (status == "rejected")


STEPS: dict[str, tuple[list[tuple[str, str, Any]], tuple[str, str, Any]]] = {
    "claim": ([], ("pilot", "claim", None)),
    "release": ([("pilot", "claim", None)], ("pilot", "release", None)),
    "decide": ([], ("pilot", "decide", YES)),
    "complete": ([("pilot", "decide", YES)], ("agent", "complete", {"result": 7})),
    "start": ([("pilot", "decide", YES)], ("agent", "start", START)),
}
"""What is done before, and what is then done often or under faults: role, verb, body."""


def prepared(api: Api, name: str) -> str:
    path = ask(api, action=ACTION if name == "start" else None)
    for role, verb, body in STEPS[name][0]:
        assert api.caller(role).post(f"{path}:{verb}", body).status_code == 200
    return path


def events_after(name: str) -> list[str]:
    named = {"claim": "claimed", "release": "released", "decide": "decided", "start": "started"}
    verbs = [verb for _, verb, _ in STEPS[name][0]] + [name]
    steps = [f"intervention_{named.get(verb, 'completed')}" for verb in verbs]
    return ["intervention_requested", *steps]


@pytest.mark.parametrize("name", STEPS)
def test_a_step_sent_twenty_times_at_once_with_one_key_happens_once(api: Api, name: str) -> None:
    path = prepared(api, name)
    role, verb, body = STEPS[name][1]

    answers = in_parallel(
        REPEATS, lambda _: api.caller(role).post(f"{path}:{verb}", body, idempotency_key="k")
    )

    assert len({(answer.status_code, answer.data) for answer in answers}) == 1
    assert answers[0].status_code == 200, answers[0].text
    assert held_intervention(api, path) == events_after(name)
    replays = [answer.headers.get("Idempotent-Replayed") for answer in answers]
    assert replays.count("true") == REPEATS - 1


def test_a_question_sent_twenty_times_at_once_with_one_key_is_asked_once(api: Api) -> None:
    answers = in_parallel(
        REPEATS, lambda _: api.agent.post("/interventions", NEW, idempotency_key="k")
    )

    assert len({(answer.status_code, answer.data) for answer in answers}) == 1
    assert len(api.viewer.get("/interventions").json["interventions"]) == 1


@pytest.mark.parametrize(
    ("name", "faults"), list(zip(STEPS, shared(["Commit"] * len(STEPS)), strict=True))
)
def test_a_step_whose_commit_fails_in_any_way_happens_once(
    faulty: Api, proxy: FaultProxy, name: str, faults: Sequence[Fault]
) -> None:
    role, verb, body = STEPS[name][1]
    for fault in faults:
        path = prepared(faulty, name)
        with proxy.following(Script("Commit", [fault])):
            answer = faulty.caller(role).post(f"{path}:{verb}", body)
        assert answer.status_code == 200, (fault, answer.text)
        assert held_intervention(faulty, path) == events_after(name)
    if name == "decide":
        assert decided_by(faulty) == [("pilot@example.com", len(faults))]


def test_a_question_whose_commit_fails_in_any_way_is_asked_once(
    faulty: Api, proxy: FaultProxy
) -> None:
    for fault in CONTRACT:
        with proxy.following(Script("Commit", [fault])):
            ask(faulty)

    assert len(faulty.viewer.get("/interventions").json["interventions"]) == len(CONTRACT)


def test_a_decision_that_cannot_be_committed_is_not_made(faulty: Api, proxy: FaultProxy) -> None:
    path = ask(faulty)

    with proxy.following(Script("Commit", [Fault(Code.UNAVAILABLE)] * 50)):
        refused = faulty.pilot.post(f"{path}:decide", YES, idempotency_key="k")

    assert refused.status_code == 503
    assert faulty.viewer.get(path).json["status"] == "pending"
    assert faulty.pilot.post(f"{path}:decide", YES, idempotency_key="k").status_code == 200
    assert held_intervention(faulty, path) == events_after("decide")
    assert decided_by(faulty) == [("pilot@example.com", 1)]
