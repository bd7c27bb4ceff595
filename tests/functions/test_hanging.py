"""What hangs on a case: it counts its open questions and runs, and ends them with itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from shared.config import Config
from shared.documents import values
from shared.documents.port import Update
from shared.rules import hanging as hanging_rules
from shared.runtime import Runtime
from tests.client import Api, TestResponse
from tests.conftest import Clock
from tests.functions.intervention_support import act, ask, chain, conflict, decide, done, shown
from tests.functions.intervention_support import steps as steps_of
from tests.functions.support import (
    ON_EMBEDDED,
    acquainted,
    cost,
    event_types,
    refused,
    refused_field,
    trail,
)
from tests.rows import each_row
from tests.stored.formats import RELEASES, documents, kept, restore
from tests.stored.record import TENANT

CASE = "/cases/CASE-1"
RUNS = f"{CASE}/runs"
CLOSED = {"status": "closed", "reason": "Over"}
QUESTION = {"uowId": "uow-1", "type": "resume", "title": "Go on?", "caseId": "CASE-1"}


@pytest.fixture
def case(api: Api) -> None:
    """A case, after which this instance knows the tenant's settings."""
    api.verifier.create(id="CASE-1")


def counts(api: Api, path: str = CASE) -> tuple[int, int]:
    """How many interventions and runs the case says are open."""
    found = done(api.viewer.get(path))
    return found["openInterventions"], found["openRuns"]


def start(api: Api, run_id: str, path: str = RUNS, **fields: Any) -> None:
    """Starts a run."""
    answer = api.agent.post(path, {"id": run_id, "agentId": "a", **fields})
    assert answer.status_code == 201, answer.text


def end(api: Api, run_id: str, status: str = "completed") -> TestResponse:
    """The answer to the end of a run."""
    answer: TestResponse = api.agent.patch(f"{RUNS}/{run_id}", {"status": status})
    return answer


def sweep(api: Api, name: str) -> dict[str, Any]:
    """What a scheduled function answers."""
    found: dict[str, Any] = done(api.caller("scheduler").post(f"/scheduled/{name}"))
    return found


@pytest.mark.usefixtures("case")
@pytest.mark.costs_of("withdraw_intervention")
def test_a_case_counts_what_is_open_in_the_same_commits(api: Api) -> None:
    tag = api.viewer.get(CASE).headers["ETag"]
    answers = [api.agent.post("/interventions", QUESTION) for _ in range(4)]
    first, second, third, _ = [answer.json["id"] for answer in answers]

    assert {cost(answer) for answer in answers} == {(1, 3, 2)}
    assert counts(api) == (4, 0)
    decided = decide(api.pilot, first)
    claimed = act(api.pilot, second, "claim")
    withdrawn = act(api.agent, second, "withdraw", {"reason": "Found it"})
    act(api.pilot, third, "claim")
    completed = act(api.pilot, third, "complete", {})
    assert [cost(done_) for done_ in (decided, claimed, withdrawn)] == [
        (2, 4, 3),
        (1, 2, 2),
        (2, 3, 3),
    ]
    assert (done(completed)["status"], cost(completed)) == ("completed", (2, 3, 3))
    assert counts(api) == (1, 0)
    assert api.viewer.get(CASE).headers["ETag"] == tag
    assert event_types(api, "CASE-1") == ["case_created"]
    start(api, "run-1")
    start(api, "run-2", queued=True)
    assert counts(api) == (1, 2)
    assert cost(end(api, "run-2", "cancelled")) == (3, 3, 3)
    assert event_types(api, "CASE-1")[-1] == "agent_cancelled"
    assert counts(api) == (1, 1)


def test_a_question_is_about_an_open_case_that_exists(api: Api) -> None:
    answer = api.agent.post("/interventions", QUESTION)
    refused(answer, 404, "NOT_FOUND")
    api.verifier.create(id="CASE-1")
    done(api.pilot.patch(CASE, CLOSED))
    closed = refused(api.agent.post("/interventions", QUESTION), 409, "FAILED_PRECONDITION")
    assert closed["message"] == "the case is closed: reopen it"
    assert api.admin.delete(CASE).status_code == 204
    deleted = refused(api.agent.post("/interventions", QUESTION), 409, "FAILED_PRECONDITION")
    assert deleted["message"] == "the case is deleted"
    assert done(api.viewer.get("/interventions"))["interventions"] == []


@pytest.mark.usefixtures("case")
def test_a_question_asked_twice_with_one_key_is_asked_and_counted_once(api: Api) -> None:
    first = api.agent.post("/interventions", QUESTION, idempotency_key="k")
    done(api.pilot.patch(CASE, {**CLOSED, "endOpen": True}))

    again = api.agent.post("/interventions", QUESTION, idempotency_key="k")

    assert (again.json["id"], again.json["status"]) == (first.json["id"], "withdrawn")
    assert counts(api) == (0, 0)


@pytest.mark.usefixtures("case")
def test_a_run_that_is_named_is_one_of_the_case(api: Api) -> None:
    api.verifier.create(id="CASE-2")
    start(api, "other", "/cases/CASE-2/runs")
    start(api, "run-1")
    record = {"kind": "finding", "title": "A record", "data": 1}
    for run_id in ("nowhere", "other"):
        answer = api.agent.post("/interventions", {**QUESTION, "runId": run_id})
        refused(answer, 404, "NOT_FOUND")
        answer = api.agent.post(f"{CASE}/records", {**record, "runId": run_id})
        refused(answer, 404, "NOT_FOUND")
    without = {name: value for name, value in QUESTION.items() if name != "caseId"}
    refused_field(api.agent.post("/interventions", {**without, "runId": "run-1"}), "runId")

    asked = api.agent.post("/interventions", {**QUESTION, "runId": "run-1"})

    assert (asked.json["runId"], cost(asked)) == ("run-1", (2, 3, 2))
    added = api.agent.post(f"{CASE}/records", {**record, "runId": "run-1"})
    assert (added.status_code, cost(added)) == (201, (2, 3, 3))
    done(end(api, "run-1"))
    late = api.agent.post("/interventions", {**QUESTION, "runId": "run-1"})
    assert conflict(late)["status"] == "completed"
    assert api.agent.post(f"{CASE}/records", {**record, "runId": "run-1"}).status_code == 201


@pytest.mark.usefixtures("case")
@pytest.mark.parametrize("how", ["completed", "failed", "cancelled", "stale"])
def test_a_run_that_ends_withdraws_its_own_questions(api: Api, clock: Clock, how: str) -> None:
    start(api, "run-1")
    start(api, "run-2")
    clock.advance(days=6)
    own = [ask(api.agent, case_id="CASE-1", run_id="run-1")["id"] for _ in range(2)]
    others = [
        ask(api.agent, case_id="CASE-1", run_id="run-2")["id"],
        ask(api.agent, case_id="CASE-1")["id"],
    ]
    if how == "stale":
        done(end(api, "run-2", "failed"))
        others = others[1:]
        clock.advance(days=1)
        assert sweep(api, "failStaleRuns")["changed"] == 1
    else:
        answer = end(api, "run-1", how)
        # The case, the run, the four that are open; case, run, event, two questions.
        assert (done(answer)["status"], cost(answer)) == (how, (6, 7, 3))

    for one in own:
        assert shown(api, one)["status"] == "withdrawn"
        (_, event) = chain(api, one)
        assert (event["eventType"], event["reason"]) == (
            "intervention_withdrawn",
            "Its run has ended",
        )
    assert {shown(api, one)["status"] for one in others} == {"pending"}
    assert counts(api) == (len(others), 1 - (how == "stale"))


@pytest.mark.usefixtures("case")
def test_a_case_on_which_something_is_open_is_not_closed_unless_it_is_ended(
    api: Api, clock: Clock
) -> None:
    asked = [ask(api.agent, case_id="CASE-1")["id"] for _ in range(2)]
    late = ask(api.agent, case_id="CASE-1", expires_in_seconds=60)["id"]
    done(act(api.pilot, asked[0], "claim"))
    start(api, "run-1")
    clock.advance(minutes=1)

    error = refused(api.pilot.patch(CASE, CLOSED), 409, "FAILED_PRECONDITION")

    assert error["message"] == (
        "open on the case: 2 interventions and 1 run; end them first, or close it with endOpen"
    )
    (told,) = error["details"]
    assert (told["openInterventions"], told["openRuns"]) == (2, 1)
    assert (sorted(told["interventions"]), told["runs"]) == (sorted(asked), ["run-1"])
    refused_field(api.pilot.patch(CASE, {"title": "T", "endOpen": True}), "endOpen")

    closed = api.pilot.patch(CASE, {**CLOSED, "endOpen": True})

    assert (done(closed)["status"], counts(api)) == ("closed", (0, 0))
    # The case, three interventions, a run; each of them, and an event for each.
    assert cost(closed) == (5, 10, 4)
    assert {shown(api, one)["status"] for one in asked} == {"withdrawn"}
    assert shown(api, late)["status"] == "expired"
    assert steps_of(api, asked[0]) == ["requested", "claimed", "withdrawn"]
    assert steps_of(api, late) == ["requested", "expired"]
    assert done(api.viewer.get(f"{RUNS}/run-1"))["status"] == "cancelled"
    assert event_types(api, "CASE-1")[-2:] == ["status_changed", "agent_cancelled"]
    assert trail(api, "CASE-1")[-1]["agentId"] == "a"
    assert conflict(decide(api.admin, asked[1]))["status"] == "withdrawn"
    assert conflict(end(api, "run-1"))["status"] == "cancelled"
    assert done(api.viewer.get("/interventions:metrics"))["byStatus"]["withdrawn"] == 2


@pytest.mark.usefixtures("case")
def test_what_ends_with_a_case_follows_its_end_in_lists(api: Api, clock: Clock) -> None:
    for _ in range(5):
        ask(api.agent, case_id="CASE-1")
    clock.advance(minutes=1)

    assert done(api.pilot.patch(CASE, {**CLOSED, "endOpen": True}))["status"] == "closed"

    events = api.viewer.get(f"{CASE}/audit?related=true").json["events"]
    types = [event["eventType"] for event in events]
    assert types[:6] == [*["intervention_withdrawn"] * 5, "status_changed"]


@pytest.mark.both_stores
@pytest.mark.usefixtures("case")
def test_what_only_has_to_be_recorded_as_over_does_not_keep_a_case_open(
    api: Api, clock: Clock
) -> None:
    asked = ask(api.agent, case_id="CASE-1", expires_in_seconds=60)["id"]
    start(api, "run-1")
    clock.advance(days=7)

    assert done(api.pilot.patch(CASE, CLOSED))["status"] == "closed"

    assert (counts(api), steps_of(api, asked)) == ((0, 0), ["requested", "expired"])
    run = done(api.viewer.get(f"{RUNS}/run-1"))
    assert (run["status"], run["errors"]) == ("failed", ["timed out"])


@each_row("role", ["pilot", "agent"], apart=True)
def test_many_cases_are_closed_by_the_same_rule(api: Api, role: str) -> None:
    names = [f"CASE-{number}" for number in range(1, 4)]
    for name in names:
        api.verifier.create(id=name)
    asked = [ask(api.agent, case_id=name)["id"] for name in names[:2]]
    closing: dict[str, Any] = {"caseIds": names, "reason": "Over"}

    results = done(api.caller(role).post("/cases:close", closing))["results"]

    assert [result["ok"] for result in results] == [False, False, True]
    assert results[0]["error"]["details"][0]["interventions"] == [asked[0]]
    closing = {**closing, "caseIds": names[:2], "endOpen": True}
    assert done(api.caller(role).post("/cases:close", closing))["succeeded"] == 2
    assert {shown(api, one)["status"] for one in asked} == {"withdrawn"}
    assert counts(api) == (0, 0)


@ON_EMBEDDED
def test_what_one_commit_has_no_room_for_is_closed_in_several(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"CASE-{number}" for number in range(5)]
    for name in names:
        api.verifier.create(id=name)
        for _ in range(4):
            ask(api.agent, case_id=name)
    monkeypatch.setattr(values, "MAX_WRITES", 25)
    closing = {"caseIds": names, "reason": "Over", "endOpen": True}

    # Each case takes ten writes.
    assert done(api.pilot.post("/cases:close", closing))["succeeded"] == 5

    assert done(api.viewer.get("/interventions:metrics"))["byStatus"]["withdrawn"] == 20


@pytest.mark.usefixtures("case")
@pytest.mark.parametrize("how", ["close", "delete", "run", "sweep"])
def test_what_is_withdrawn_by_a_change_is_listed_right_before_it_newest_first(
    api: Api, clock: Clock, how: str
) -> None:
    api.admin.patch("/settings", {"runTimeoutMinutes": 5})
    start(api, "run-1")
    for _ in range(6):
        ask(api.agent, caseId="CASE-1", runId="run-1")
    clock.advance(hours=1)
    if how == "sweep":
        sweep(api, "failStaleRuns")
    elif how == "run":
        end(api, "run-1")
    elif how == "delete":
        api.admin.delete(CASE)
    else:
        why = {"status": "closed", "reason": "Over", "endOpen": True}
        assert api.pilot.patch(CASE, why).status_code == 200

    events = api.viewer.get(f"{CASE}/audit?related=true").json["events"]

    newest = [event["subject"] for event in events if event["createdAt"] == wire_of(clock)]
    causes = {"close": 2}.get(how, 1)
    assert [name.partition("/")[0] for name in newest] == ["interventions"] * 6 + ["cases"] * causes


def wire_of(clock: Clock) -> str:
    """The clock's time as an answer has it."""
    return clock.now.isoformat().replace("+00:00", "Z")


@pytest.mark.usefixtures("case")
def test_deleting_a_case_withdraws_what_is_asked_about_it(api: Api) -> None:
    asked = [ask(api.agent, case_id="CASE-1")["id"] for _ in range(2)]
    start(api, "run-1")

    assert api.admin.delete(CASE).status_code == 204

    for one in asked:
        assert steps_of(api, one) == ["requested", "withdrawn"]
        assert conflict(decide(api.pilot, one))["status"] == "withdrawn"
    assert done(api.viewer.get("/interventions:pending"))["interventions"] == []
    assert done(api.viewer.get("/runs"))["runs"] == []


@pytest.mark.usefixtures("case")
def test_an_approved_case_is_not_closed_by_itself_while_something_is_open(
    api: Api, clock: Clock
) -> None:
    done(api.admin.patch("/settings", {"autoCloseDays": 1}))
    asked = ask(api.agent, case_id="CASE-1")["id"]
    for status in ("in_review", "approved"):
        done(api.verifier.patch(CASE, {"status": status}))
    clock.advance(days=2)

    left = sweep(api, "closeApprovedCases")

    assert (left["changed"], left["skipped"], left["failed"]) == (0, 1, 0)
    done(decide(api.pilot, asked))
    clock.advance(days=1)
    assert sweep(api, "closeApprovedCases")["changed"] == 1
    assert done(api.viewer.get(CASE))["status"] == "closed"


def test_who_asked_pilots_and_admins_withdraw_a_question(api: Api) -> None:
    acquainted(api)
    for caller in (api.agent, api.pilot, api.admin):
        asked = ask(api.agent)["id"]
        answer = act(caller, asked, "withdraw", {"reason": "Not needed"})
        state = done(answer)
        assert (state["status"], state["actionReason"], state["archived"]) == (
            "withdrawn",
            "Not needed",
            True,
        )
        assert (state["decision"], state["resolutionSeconds"]) == (None, None)
        assert cost(answer) == (1, 2, 2)
    asked = ask(api.agent)["id"]
    for caller in (api.verifier, api.caller("agent", "another")):
        refused(act(caller, asked, "withdraw", {}), 403, "PERMISSION_DENIED")
    own = ask(api.verifier)["id"]
    assert done(act(api.verifier, own, "withdraw", {}))["status"] == "withdrawn"
    assert conflict(act(api.admin, own, "withdraw", {}))["allowed"] == []
    done(decide(api.pilot, asked))
    assert conflict(act(api.agent, asked, "withdraw", {}))["status"] == "approved"


def test_a_question_past_its_time_expires_instead_of_being_withdrawn(
    api: Api, clock: Clock
) -> None:
    asked = ask(api.agent, expires_in_seconds=60)["id"]
    clock.advance(minutes=1)

    assert conflict(act(api.agent, asked, "withdraw", {}), writes=2)["status"] == "expired"
    assert steps_of(api, asked) == ["requested", "expired"]


@ON_EMBEDDED
def test_waiting_ends_when_a_question_is_withdrawn(api: Api) -> None:
    asked = ask(api.agent)["id"]
    done(act(api.agent, asked, "withdraw", {}))

    answer = api.viewer.get(f"/interventions/{asked}:wait?timeoutSeconds=50")

    assert done(answer)["status"] == "withdrawn"


def test_the_queue_shows_which_cases_wait_for_people(api: Api) -> None:
    for number in range(3):
        api.verifier.create(id=f"CASE-{number}")
    asked = [ask(api.agent, case_id=f"CASE-{number}")["id"] for number in (0, 0, 1)]

    def waiting(query: str) -> set[str]:
        return {case["id"] for case in done(api.viewer.get(f"/cases?{query}"))["cases"]}

    assert waiting("waiting=true") == {"CASE-0", "CASE-1"}
    assert waiting("waiting=false&status=new") == {"CASE-2"}
    for one in asked[1:]:
        done(decide(api.pilot, one))
    assert waiting("waiting=true") == {"CASE-0"}


def test_questions_of_one_case_that_expire_together_are_all_counted(api: Api, clock: Clock) -> None:
    for number in range(3):
        api.verifier.create(id=f"CASE-{number}")
        for _ in range(number + 1):
            ask(api.agent, case_id=f"CASE-{number}", expires_in_seconds=60)
    ask(api.agent, case_id="CASE-2")
    ask(api.agent, expires_in_seconds=60)
    clock.advance(minutes=1)

    assert sweep(api, "expireInterventions")["changed"] == 7

    found = [counts(api, f"/cases/CASE-{number}")[0] for number in range(3)]
    assert found == [0, 0, 1]


@ON_EMBEDDED
@pytest.mark.usefixtures("case")
def test_a_case_has_a_limit_of_what_is_open_and_can_always_be_closed(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hanging_rules, "MAX_OPEN", 2)
    for number in range(2):
        ask(api.agent, case_id="CASE-1")
        start(api, f"run-{number}")

    answers = [
        api.agent.post("/interventions", QUESTION),
        api.agent.post(RUNS, {"agentId": "a"}),
        api.agent.post(f"{CASE}:escalate", {"reason": "Look"}),
    ]

    for answer, what in zip(answers, ("interventions", "runs", "interventions"), strict=True):
        error = refused(answer, 409, "FAILED_PRECONDITION")
        assert error["message"] == f"a case has at most 2 open {what}: end some first"
    assert done(api.pilot.patch(CASE, {**CLOSED, "endOpen": True}))["status"] == "closed"


@pytest.fixture
def stored(config: Config, clock: Clock) -> Iterator[Api]:
    """The functions over what the last release stored, at the time when it gave its answers."""
    clock.now = datetime.fromisoformat(kept(RELEASES[-1], "answers")["at"])
    runtime = Runtime(config, clock)
    made = Api(runtime)
    made.tenant = TENANT
    made.listens_to_nobody()
    restore(runtime.store, documents(RELEASES[-1]))
    yield made
    runtime.close()


OLD = "/cases/REVIEW-1"


def old_question(api: Api) -> str:
    """The open question about a case of the last release."""
    (row,) = done(api.viewer.get("/interventions:pending?caseId=REVIEW-1"))["interventions"]
    asked: str = row["id"]
    return asked


def test_a_case_of_the_last_release_is_closed_by_the_same_rule(stored: Api) -> None:
    asked = old_question(stored)

    error = refused(stored.pilot.patch(OLD, CLOSED), 409, "FAILED_PRECONDITION")

    assert error["details"][0]["interventions"] == [asked]
    assert error["details"][0]["openRuns"] == 3
    done(stored.pilot.patch(OLD, {**CLOSED, "endOpen": True}))
    assert steps_of(stored, asked)[-1] == "withdrawn"
    assert counts(stored, OLD) == (0, 0)


def test_a_case_of_the_last_release_takes_its_question_with_it(stored: Api) -> None:
    asked = old_question(stored)

    assert stored.admin.delete(OLD).status_code == 204

    assert shown(stored, asked)["status"] == "withdrawn"


def test_a_question_of_the_last_release_is_decided_or_expires_as_before(
    stored: Api, clock: Clock
) -> None:
    answer = decide(stored.pilot, old_question(stored))
    assert (done(answer)["status"], cost(answer)) == ("approved", (1, 3, 2))
    found = done(stored.viewer.get(OLD))
    assert (found["openInterventions"], found["openRuns"]) == (None, None)
    clock.advance(days=400)
    assert sweep(stored, "expireInterventions")["failed"] == 0
    assert sweep(stored, "failStaleRuns")["failed"] == 0


def test_a_case_of_the_last_release_is_counted_when_something_new_hangs_on_it(
    stored: Api,
) -> None:
    asked = old_question(stored)
    stored.viewer.get("/settings")
    answer = stored.agent.post("/interventions", {**QUESTION, "caseId": "REVIEW-1"})
    # The case, its question and three runs; the case, the new question, its event, the old one.
    assert (answer.status_code, cost(answer)) == (201, (5, 4, 4))
    assert counts(stored, OLD) == (2, 3)

    done(decide(stored.pilot, asked))
    done(decide(stored.pilot, answer.json["id"]))

    assert counts(stored, OLD) == (0, 3)
    assert stored.agent.post(f"{OLD}/runs", {"agentId": "a"}).status_code == 201
    assert counts(stored, OLD) == (0, 4)


def test_a_question_about_a_case_that_the_last_release_closed_goes_out_with_the_case(
    stored: Api, clock: Clock
) -> None:
    asked = old_question(stored)
    fields = {"status": "closed", "closedAt": clock.now, "sweepAt": clock.now}
    stored.runtime.store.commit([Update(f"tenants/{TENANT}/cases/REVIEW-1", fields)])
    clock.now = datetime.fromisoformat("2026-12-31T00:00:00Z")
    done(stored.admin.patch("/settings", {"caseRetentionDays": 30}))

    assert sweep(stored, "purgeRecords")["failed"] == 0

    refused(stored.viewer.get(OLD), 404, "NOT_FOUND")
    assert steps_of(stored, asked)[-1] == "withdrawn"


def test_a_change_of_many_cases_ends_what_is_open_where_it_says_so(api: Api) -> None:
    api.verifier.create(id="CASE-1")
    asked = api.agent.post("/interventions", QUESTION).json["id"]
    many = {"caseIds": ["CASE-1"], "status": "closed", "reason": "Over"}

    refused_field(
        api.pilot.post("/cases:update", {**many, "status": "blocked", "endOpen": True}), "endOpen"
    )
    assert api.pilot.post("/cases:update", many).json["failed"] == 1
    assert api.pilot.post("/cases:update", {**many, "endOpen": True}).json["succeeded"] == 1

    assert api.viewer.get(f"/interventions/{asked}").json["status"] == "withdrawn"
