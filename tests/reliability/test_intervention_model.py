"""Any sequence of steps leaves interventions as a plain model says; a refusal leaves nothing."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.client import Api, TestResponse
from tests.conftest import Clock
from tests.functions.support import when
from tests.reliability.independent import assert_chain
from tests.reliability.support import LOAD, trail, verification

LOADS = {"embedded": (15 * LOAD, 25), "emulator": (4 * LOAD, 15)}
OPEN = {"pending", "in_progress"}
CLAIM_MINUTES = 2

which = st.integers(0, 100)
person = st.sampled_from(["kim", "pat", "lee"])


@dataclass
class Asked:
    """An intervention as the README has it."""

    asked: datetime
    expires: datetime | None
    needed: int = 1
    status: str = "pending"
    holder: str | None = None
    until: datetime | None = None
    approved: list[str] = field(default_factory=list)
    reminded: float = 0
    decision: str | None = None
    result: Any = None
    events: int = 1

    def late(self, now: datetime) -> bool:
        return self.status in OPEN and self.expires is not None and self.expires <= now

    def free(self, now: datetime) -> bool:
        return self.status == "pending" or (self.until is not None and self.until <= now)

    def hold(self, holder: str | None, now: datetime) -> None:
        self.status = "in_progress" if holder else "pending"
        self.holder = holder
        self.until = now + timedelta(minutes=CLAIM_MINUTES) if holder else None
        self.events += 1

    def remind(self, now: datetime) -> bool:
        """Whether people are reminded of it."""
        if self.status not in OPEN or self.expires is None or now >= self.expires:
            return False
        over = (now - self.asked) / (self.expires - self.asked)
        due = [part for part in (0.5, 0.9) if self.reminded < part <= over]
        self.reminded = max([self.reminded, *due])
        self.events += bool(due)
        return bool(due)

    def shown(self, now: datetime) -> dict[str, Any]:
        """What the API has to show."""
        held = self.until if self.status == "in_progress" and not self.late(now) else None
        return {
            "status": "expired" if self.late(now) else self.status,
            "assignedTo": self.holder,
            "heldUntil": held,
            "approvals": self.approved,
            "decision": self.decision,
            "result": self.result,
        }


class Interventions(RuleBasedStateMachine):
    """Steps on a handful of interventions of one tenant, and the model they are held against."""

    def __init__(self, api: Api, clock: Clock) -> None:
        super().__init__()
        self.api = api
        self.clock = clock
        self.model: dict[str, Asked] = {}

    @initialize()
    def enter_a_new_tenant(self) -> None:
        self.api.tenant = f"t-{uuid.uuid4().hex}"
        answer = self.api.admin.patch("/settings", {"claimMinutes": CLAIM_MINUTES})
        assert answer.status_code == 200

    def pick(self, number: int) -> tuple[str, Asked]:
        names = sorted(self.model)
        name = names[number % len(names)]
        return name, self.model[name]

    def step(self, name: str, asked: Asked, answer: TestResponse, *, legal: bool) -> bool:
        """Whether the step was to succeed; who comes too late expires the intervention."""
        if asked.late(self.clock.now):
            assert answer.status_code == 409, answer.text
            asked.status = "expired"
            asked.events += 1
            return False
        assert answer.status_code == (200 if legal else 409), (name, answer.text)
        return legal

    @rule(seconds=st.sampled_from([None, 60, 600]), needed=st.sampled_from([1, 1, 2]))
    @precondition(lambda self: len(self.model) < 4)
    def ask(self, seconds: int | None, needed: int) -> None:
        new = {"uowId": "u", "type": "resume", "title": "Go on?", "approvalsRequired": needed}
        body = {**new, "expiresInSeconds": seconds} if seconds else new
        answer = self.api.agent.post("/interventions", body)
        assert answer.status_code == 201, answer.text
        expires = self.clock.now + timedelta(seconds=seconds) if seconds else None
        self.model[answer.json["id"]] = Asked(self.clock.now, expires, needed)

    @rule(seconds=st.sampled_from([1, 59, 60, 300]))
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds=seconds)

    @rule()
    def sweep(self) -> None:
        late = [asked for asked in self.model.values() if asked.late(self.clock.now)]
        answer = self.api.caller("scheduler").post("/scheduled/expireInterventions")
        assert answer.json["failed"] == 0
        reminded = [asked.remind(self.clock.now) for asked in self.model.values()]
        assert answer.json["changed"] >= len(late) + sum(reminded)
        for asked in late:
            asked.status = "expired"
            asked.events += 1

    @rule(number=which, who=person)
    @precondition(lambda self: self.model)
    def claim(self, number: int, who: str) -> None:
        name, asked = self.pick(number)
        me = f"{who}@example.com"
        mine = asked.status == "in_progress" and asked.holder == me
        answer = self.api.caller("pilot", who).post(f"/interventions/{name}:claim")
        others = asked.status in OPEN and asked.free(self.clock.now) and me not in asked.approved
        if self.step(name, asked, answer, legal=mine or others):
            already = mine and asked.until == self.clock.now + timedelta(minutes=CLAIM_MINUTES)
            asked.hold(me, self.clock.now)
            asked.events -= already

    @rule(number=which, who=person, to=person)
    @precondition(lambda self: self.model)
    def assign(self, number: int, who: str, to: str) -> None:
        name, asked = self.pick(number)
        they = f"{to}@example.com"
        body = {"to": they, "toSubject": to}
        answer = self.api.caller("pilot", who).post(f"/interventions/{name}:assign", body)
        legal = asked.status in OPEN and they not in asked.approved
        if self.step(name, asked, answer, legal=legal):
            until = self.clock.now + timedelta(minutes=CLAIM_MINUTES)
            already = (asked.holder, asked.until) == (they, until)
            asked.hold(they, self.clock.now)
            asked.events -= already

    @rule(number=which, who=person)
    @precondition(lambda self: self.model)
    def release(self, number: int, who: str) -> None:
        name, asked = self.pick(number)
        mine = asked.status == "in_progress" and asked.holder == f"{who}@example.com"
        answer = self.api.caller("pilot", who).post(f"/interventions/{name}:release")
        if self.step(name, asked, answer, legal=mine):
            asked.hold(None, self.clock.now)

    @rule(number=which, who=person, verdict=st.sampled_from(["approve", "reject"]))
    @precondition(lambda self: self.model)
    def decide(self, number: int, who: str, verdict: str) -> None:
        name, asked = self.pick(number)
        me = f"{who}@example.com"
        free = asked.status in OPEN and asked.holder in {None, me}
        twice = verdict == "approve" and me in asked.approved
        body = {"decision": verdict, "reason": "because"}
        answer = self.api.caller("pilot", who).post(f"/interventions/{name}:decide", body)
        if self.step(name, asked, answer, legal=free and not twice):
            asked.approved += [me] if verdict == "approve" else []
            if verdict == "approve" and len(asked.approved) < asked.needed:
                asked.hold(None, self.clock.now)
                return
            asked.status = {"approve": "approved", "reject": "rejected"}[verdict]
            asked.holder, asked.decision = me, verdict
            asked.events += 1

    @rule(number=which, agent=st.booleans(), who=person)
    @precondition(lambda self: self.model)
    def complete(self, number: int, agent: bool, who: str) -> None:  # noqa: FBT001 - drawn
        name, asked = self.pick(number)
        mine = asked.status in {"in_progress", "approved"} and asked.holder == f"{who}@example.com"
        undecided = asked.status == "in_progress" and asked.needed > 1
        legal = asked.status == "approved" if agent else mine and not undecided
        caller = self.api.agent if agent else self.api.caller("pilot", who)
        answer = caller.post(f"/interventions/{name}:complete", {"result": [1]})
        if self.step(name, asked, answer, legal=legal):
            asked.status, asked.result = "completed", [1]
            asked.events += 1

    @invariant()
    def the_api_shows_what_the_model_says(self) -> None:
        rows = self.api.viewer.get("/interventions").json["interventions"]
        found = {row["id"]: row for row in rows}
        assert found.keys() == self.model.keys()
        for name, asked in self.model.items():
            expected = asked.shown(self.clock.now)
            row = found[name]
            row["approvals"] = [one["by"] for one in row["approvals"]]
            row["heldUntil"] = row["heldUntil"] and when(row["heldUntil"])
            assert {key: found[name][key] for key in expected} == expected

    def teardown(self) -> None:
        for name, asked in self.model.items():
            assert_chain(self.api.tenant, trail(self.api, f"interventions/{name}"))
            checked = verification(self.api, f"interventions/{name}")
            assert (checked["valid"], checked["events"]) == (True, asked.events)
        decided = [asked.decision for asked in self.model.values() if asked.decision]
        top = self.api.pilot.get("/interventions:metrics").json["topPilots"]
        assert sum(row["decided"] for row in top) == len(decided)


@pytest.mark.parametrize("config", LOADS, indirect=True)
def test_interventions_and_the_model_agree_after_every_step(
    api: Api, clock: Clock, request: pytest.FixtureRequest
) -> None:
    examples, steps = LOADS[request.node.callspec.params["config"]]
    load = settings(
        max_examples=examples,
        stateful_step_count=steps,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )

    machine = cast("type[RuleBasedStateMachine]", partial(Interventions, api, clock))  # only called
    run_state_machine_as_test(machine, settings=load)
