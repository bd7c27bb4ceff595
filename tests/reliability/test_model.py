"""Any sequence of requests leaves what a plain model says, and what is refused leaves nothing."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
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
from tests.reliability.independent import assert_chain
from tests.reliability.support import LOAD, assert_leads_to, trail, verification

LOADS = {"embedded": (15 * LOAD, 25), "emulator": (3 * LOAD, 15)}
SLA = timedelta(hours=72)
LEGAL = {
    "new": {"in_review", "needs_info", "blocked", "closed"},
    "in_review": {"needs_info", "approved", "blocked", "closed"},
    "needs_info": {"in_review", "blocked", "closed"},
    "blocked": {"in_review", "closed"},
    "approved": {"closed"},
    "closed": set(),
}
STOPPED = {"needs_info", "approved", "closed"}
DONE = {"approved", "closed"}
PEOPLE = ("kim", "pat")

WAYS = [[], ["in_review"], ["in_review", "approved"], ["needs_info"], ["blocked"]]
"""Where a case may already be when it is first met; left to chance, few would be approved."""

which = st.integers(0, 100)
person = st.sampled_from(PEOPLE)
reason = st.sampled_from(["because", None])
statuses = st.sampled_from(sorted(LEGAL))


@dataclass
class Case:
    """A case as the rules in the README have it."""

    title: str
    due: datetime
    status: str = "new"
    holder: str | None = None
    stopped: datetime | None = None
    reopened: int = 0
    notes: int = 0
    events: int = 1
    deleted: bool = False
    known: bool = True  # whether the holder's subject is stored; if not, their next claim stores it

    def move(self, to: str, now: datetime) -> None:
        """Takes another status; the due date waits for as long as the clock stands."""
        if self.stopped and (self.status == "needs_info" or to not in STOPPED):
            self.due += now - self.stopped
            self.stopped = None
        if to in STOPPED and self.stopped is None:
            self.stopped = now
        self.status = to
        self.events += to == "approved"  # the packet that is frozen with it

    def shown(self, now: datetime) -> dict[str, Any]:
        """What the API has to show."""
        runs = self.status not in STOPPED
        paused = self.stopped if self.status == "needs_info" else None
        return {
            "title": self.title,
            "status": self.status,
            "assignedTo": self.holder,
            "dueAt": iso(self.due),
            "pausedAt": iso(paused) if paused else None,
            "overdue": runs and self.due < now,
            "reopenCount": self.reopened,
            "notesCount": self.notes,
        }


def iso(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")


class Cases(RuleBasedStateMachine):
    """Requests about a handful of cases of one tenant, and the model that they are held against."""

    def __init__(self, api: Api, clock: Clock) -> None:
        super().__init__()
        self.api = api
        self.clock = clock
        self.model: dict[str, Case] = {}
        self.touched: set[str] = set()
        self.acted: set[str] = set()  # whom the directory knows

    @initialize()
    def enter_a_new_tenant(self) -> None:
        self.api.tenant = f"t-{uuid.uuid4().hex}"

    @property
    def alive(self) -> list[str]:
        return [case_id for case_id, case in self.model.items() if not case.deleted]

    def pick(self, number: int) -> str:
        """One of the cases; one of ten times a deleted one will do."""
        cases = sorted(self.model) if number % 10 == 9 else self.alive or sorted(self.model)
        case_id = cases[number % len(cases)]
        self.touched.add(case_id)
        return case_id

    def expect(self, answer: TestResponse, code: int, case: Case, *, event: bool) -> bool:
        """Whether the request was to succeed; then it has left an event, unless nothing changed."""
        assert answer.status_code == (404 if case.deleted else code), answer.text
        done = answer.status_code < 300
        case.events += done and event
        return done

    @rule(title=st.sampled_from(["First", "Second"]), way=st.sampled_from(WAYS))
    @precondition(lambda self: len(self.alive) < 3)
    def create(self, title: str, way: list[str]) -> None:
        case_id = f"A-{len(self.model)}"
        self.touched.add(case_id)
        created = self.api.verifier.create(id=case_id, title=title)
        self.model[case_id] = Case(title, self.clock.now + SLA)
        assert created["createdAt"] == iso(self.clock.now)
        for to in way:
            self.move_once(case_id, self.model[case_id], to, "because")

    @rule(hours=st.sampled_from([1, 30, 100]))
    def wait(self, hours: float) -> None:
        self.clock.advance(hours=hours)
        self.touched.update(self.model)

    @rule(number=which, title=st.sampled_from(["First", "Second", "Third"]))
    @precondition(lambda self: self.model)
    def rename(self, number: int, title: str) -> None:
        case_id = self.pick(number)
        case = self.model[case_id]
        answer = self.api.verifier.patch(f"/cases/{case_id}", {"title": title})
        code = 409 if case.status in DONE and title != case.title else 200
        if self.expect(answer, code, case, event=title != case.title):
            case.title = title

    @rule(number=which, path=st.lists(st.tuples(statuses, reason), min_size=1, max_size=4))
    @precondition(lambda self: self.model)
    def move(self, number: int, path: list[tuple[str, str | None]]) -> None:
        case_id = self.pick(number)
        case = self.model[case_id]
        for to, why in path:
            self.move_once(case_id, case, to, why)

    @rule(number=which, steps=st.lists(which, min_size=1, max_size=4))
    @precondition(lambda self: self.model)
    def work_on(self, number: int, steps: list[int]) -> None:
        case_id = self.pick(number)
        case = self.model[case_id]
        for step in steps:
            legal = sorted(LEGAL[case.status])
            if legal:
                self.move_once(case_id, case, legal[step % len(legal)], "because")

    def move_once(self, case_id: str, case: Case, to: str, why: str | None) -> None:
        code = 200
        if to != case.status:
            code = 409 if to not in LEGAL[case.status] else code
            code = 400 if code == 200 and to in {"blocked", "closed"} and not why else code
        answer = self.api.pilot.patch(f"/cases/{case_id}", {"status": to, "reason": why})
        if self.expect(answer, code, case, event=to != case.status) and to != case.status:
            case.move(to, self.clock.now)

    @rule(number=which, who=st.none() | person, by=st.sampled_from(["verifier", "pilot"]))
    @precondition(lambda self: self.model)
    def assign(self, number: int, who: str | None, by: str) -> None:
        case_id = self.pick(number)
        case = self.model[case_id]
        holder = who and f"{who}@example.com"
        code = 403 if by == "verifier" and case.holder not in (None, holder) else 200
        code = 409 if case.status == "closed" and holder != case.holder else code
        answer = self.api.caller(by).patch(f"/cases/{case_id}", {"assignedTo": holder})
        if self.expect(answer, code, case, event=holder != case.holder):
            case.known = case.known if holder == case.holder else holder in {None, *self.acted}
            case.holder = holder

    @rule(number=which, who=person)
    @precondition(lambda self: self.model)
    def claim(self, number: int, who: str) -> None:
        case_id = self.pick(number)
        case = self.model[case_id]
        me = f"{who}@example.com"
        free = case.holder is None and case.status not in DONE
        answer = self.api.caller("verifier", who).post(f"/cases/{case_id}:claim")
        changes = free or not case.known
        if self.expect(answer, 200 if free or case.holder == me else 409, case, event=changes):
            case.holder, case.known = me, True
            self.acted |= {me} if changes else set()

    @rule(number=which)
    @precondition(lambda self: self.model)
    def reopen(self, number: int) -> None:
        case_id = self.pick(number)
        case = self.model[case_id]
        code = 200 if case.status in DONE else 409
        answer = self.api.pilot.post(f"/cases/{case_id}:reopen", {"reason": "because"})
        if self.expect(answer, code, case, event=True):
            case.move("in_review", self.clock.now)
            case.reopened += 1

    @rule(number=which)
    @precondition(lambda self: self.model)
    def note(self, number: int) -> None:
        case_id = self.pick(number)
        case = self.model[case_id]
        body = {"eventType": "note_added", "message": "called back"}
        answer = self.api.agent.post(f"/cases/{case_id}/audit", body)
        case.notes += self.expect(answer, 201, case, event=True)

    @rule(number=which)
    @precondition(lambda self: len(self.alive) > 1)
    def delete(self, number: int) -> None:
        case_id = self.pick(number)
        case = self.model[case_id]
        answer = self.api.admin.delete(f"/cases/{case_id}")
        case.deleted |= self.expect(answer, 204, case, event=True)

    @rule()
    @precondition(lambda self: len(self.alive) == 3)
    def close_all(self) -> None:
        case_ids = sorted(self.model)
        self.touched.update(case_ids)
        answer = self.api.pilot.post("/cases:close", {"caseIds": case_ids, "reason": "because"})
        for case_id, row in zip(case_ids, answer.json["results"], strict=True):
            case = self.model[case_id]
            assert row["ok"] == (not case.deleted and "closed" in LEGAL[case.status])
            if row["ok"]:
                case.move("closed", self.clock.now)
                case.events += 1

    @invariant()
    def the_api_shows_what_the_model_says(self) -> None:
        for case_id in self.touched:
            case = self.model[case_id]
            found = self.api.viewer.get(f"/cases/{case_id}")
            if case.deleted:
                assert found.status_code == 404
            else:
                expected = case.shown(self.clock.now)
                assert {name: found.json[name] for name in expected} == expected
            checked = verification(self.api, f"cases/{case_id}")
            assert (checked["valid"], checked["events"]) == (True, case.events)
        self.touched.clear()

    def teardown(self) -> None:
        for case_id in self.model:
            events = trail(self.api, f"cases/{case_id}")
            assert_chain(self.api.tenant, events)
            found = self.api.viewer.get(f"/cases/{case_id}")
            assert_leads_to(events, found.json if found.status_code == 200 else None)


@pytest.mark.parametrize("config", LOADS, indirect=True)
def test_the_api_and_the_model_agree_after_every_request(
    api: Api, clock: Clock, request: pytest.FixtureRequest
) -> None:
    examples, steps = LOADS[request.node.callspec.params["config"]]
    load = settings(
        max_examples=examples,
        stateful_step_count=steps,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],  # to shrink a failure takes longer than to read it
        suppress_health_check=list(HealthCheck),
    )

    machine = cast("type[RuleBasedStateMachine]", partial(Cases, api, clock))  # only called
    run_state_machine_as_test(machine, settings=load)
