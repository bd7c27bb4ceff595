"""After any sequence of steps a case says how many questions and runs are open: as a recount."""

from __future__ import annotations

import uuid
from datetime import timedelta
from functools import partial
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from shared.documents.port import Filter, Order, Query, Set
from tests.client import Api, TestResponse
from tests.conftest import Clock
from tests.reliability.support import LOAD, all_pages, verification

LOADS = {"embedded": (8 * LOAD, 25), "emulator": (3 * LOAD, 20)}
CASES = ("A", "B")
OPEN = {
    "interventions": ("pending", "in_progress"),
    "runs": ("pending", "running"),
}
NEW = {"openInterventions", "openRuns", "waiting", "counted", "runId"}
"""The fields that documents of release 1.0.0 do not have."""
VERBS: dict[str, tuple[str, Any]] = {
    "claim": ("pilot", None),
    "release": ("pilot", None),
    "decide": ("pilot", {"decision": "reject", "reason": "No"}),
    "complete": ("pilot", {}),
    "withdraw": ("agent", {}),
}
SWEEPS = ("expireInterventions", "failStaleRuns", "closeApprovedCases", "purgeRecords")

cases = st.sampled_from(CASES)
which = st.integers(0, 100)


class Hanging(RuleBasedStateMachine):
    """Steps on what hangs on two cases of one tenant."""

    def __init__(self, api: Api, clock: Clock) -> None:
        super().__init__()
        self.api = api
        self.clock = clock

    @initialize()
    def enter_a_new_tenant_with_two_cases(self) -> None:
        self.api.tenant = f"t-{uuid.uuid4().hex}"
        for case_id in CASES:
            self.api.verifier.create(id=case_id)

    def did(self, answer: TestResponse, *codes: int) -> None:
        assert answer.status_code in {200, 201, 204, 404, 409, *codes}, answer.text

    def rows(self, collection: str, case_id: str) -> list[dict[str, Any]]:
        """What is stored of interventions or runs about a case, the latest first."""
        of_case = (Filter("caseId", "==", case_id),)
        order = (Order("createdAt", descending=True),)
        query = Query(f"tenants/{self.api.tenant}/{collection}", of_case, order)
        return [{"id": row.id, **row.data} for row in self.api.runtime.store.query(query)]

    def one(self, collection: str, case_id: str, number: int) -> str:
        rows = self.rows(collection, case_id)
        found: str = rows[number % len(rows)]["id"] if rows else "nothing"
        return found

    @rule(case_id=cases, seconds=st.sampled_from([None, 60, 600]), number=which, own=st.booleans())
    def ask(self, case_id: str, seconds: int | None, number: int, own: bool) -> None:  # noqa: FBT001 - drawn
        new = {"uowId": "u", "type": "resume", "title": "Go on?", "caseId": case_id}
        more: dict[str, Any] = {"expiresInSeconds": seconds} if seconds else {}
        if own:
            more["runId"] = self.one("runs", case_id, number)
        self.did(self.api.agent.post("/interventions", {**new, **more}))

    @rule(case_id=cases)
    def escalate(self, case_id: str) -> None:
        self.did(self.api.agent.post(f"/cases/{case_id}:escalate", {"reason": "Look"}))

    @rule(case_id=cases, number=which, verb=st.sampled_from(sorted(VERBS)))
    def act(self, case_id: str, number: int, verb: str) -> None:
        role, body = VERBS[verb]
        path = f"/interventions/{self.one('interventions', case_id, number)}:{verb}"
        self.did(self.api.caller(role).post(path, body))

    @rule(case_id=cases, queued=st.booleans())
    def start(self, case_id: str, queued: bool) -> None:  # noqa: FBT001 - drawn
        body = {"agentId": "a", "queued": queued}
        self.did(self.api.agent.post(f"/cases/{case_id}/runs", body))

    @rule(
        case_id=cases,
        number=which,
        to=st.sampled_from(["running", "completed", "failed", "cancelled"]),
    )
    def run(self, case_id: str, number: int, to: str) -> None:
        path = f"/cases/{case_id}/runs/{self.one('runs', case_id, number)}"
        self.did(self.api.agent.patch(path, {"status": to}))

    @rule(case_id=cases, end=st.booleans())
    def close(self, case_id: str, end: bool) -> None:  # noqa: FBT001 - drawn
        closing = {"status": "closed", "reason": "Over", "endOpen": end}
        self.did(self.api.pilot.patch(f"/cases/{case_id}", closing))

    @rule(end=st.booleans())
    def close_both(self, end: bool) -> None:  # noqa: FBT001 - drawn
        closing = {"caseIds": list(CASES), "reason": "Over", "endOpen": end}
        self.did(self.api.agent.post("/cases:close", closing))

    @rule(case_id=cases)
    def reopen(self, case_id: str) -> None:
        self.did(self.api.pilot.post(f"/cases/{case_id}:reopen", {"reason": "Again"}))

    @rule(case_id=cases, number=st.integers(0, 4))
    def delete(self, case_id: str, number: int) -> None:
        if number == 4:
            self.did(self.api.admin.delete(f"/cases/{case_id}"))

    @rule(step=st.sampled_from([timedelta(seconds=60), timedelta(days=1), timedelta(days=7)]))
    def wait(self, step: timedelta) -> None:
        self.clock.now += step

    @rule(name=st.sampled_from(SWEEPS))
    def sweep(self, name: str) -> None:
        answer = self.api.caller("scheduler").post(f"/scheduled/{name}")
        assert (answer.status_code, answer.json["failed"]) == (200, 0)

    @rule(case_id=cases)
    def be_of_the_last_release(self, case_id: str) -> None:
        """Leaves a case, and what was asked about it by no run, as release 1.0.0 stored them."""
        store, tenant = self.api.runtime.store, f"tenants/{self.api.tenant}"
        asked = self.rows("interventions", case_id)
        paths = [f"{tenant}/interventions/{one['id']}" for one in asked]
        found = store.get_many([f"{tenant}/cases/{case_id}", *paths])
        if any(one.get("runId") for one in asked):
            return
        old = [
            Set(row.path, {name: value for name, value in row.data.items() if name not in NEW})
            for row in found
            if row and "deletedAt" not in row.data
        ]
        store.commit(old)

    @invariant()
    def counts_are_those_of_a_recount(self) -> None:
        for case_id in CASES:
            recounted = {
                name: sum(row["status"] in open_ for row in self.rows(name, case_id))
                for name, open_ in OPEN.items()
            }
            answer = self.api.viewer.get(f"/cases/{case_id}")
            if answer.status_code == 404:
                assert recounted == dict.fromkeys(OPEN, 0)
                continue
            case = answer.json
            if case["openInterventions"] is not None:
                counted = (case["openInterventions"], case["openRuns"])
                assert counted == (recounted["interventions"], recounted["runs"])
            if case["status"] == "closed":
                assert recounted == dict.fromkeys(OPEN, 0)

    @invariant()
    def the_filter_shows_those_that_wait(self) -> None:
        every = all_pages(self.api.viewer, "/cases", "cases")
        waiting = all_pages(self.api.viewer, "/cases?waiting=true", "cases")
        assert waiting == [case for case in every if case["openInterventions"]]

    def teardown(self) -> None:
        for subject in {
            event["subject"] for event in all_pages(self.api.pilot, "/audit", "events")
        }:
            assert verification(self.api, subject)["valid"], subject


@pytest.mark.parametrize("config", LOADS, indirect=True)
def test_a_case_and_a_recount_agree_after_every_step(
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

    machine = cast("type[RuleBasedStateMachine]", partial(Hanging, api, clock))  # only called
    run_state_machine_as_test(machine, settings=load)
