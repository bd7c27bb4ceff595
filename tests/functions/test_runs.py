"""Agents' runs over HTTP: started, ended, listed, timed out, removed with their case."""

from __future__ import annotations

import hashlib
import itertools
import json
import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, cast
from urllib.parse import urlencode

import pytest
import rfc8785

from shared.config import Config
from shared.documents.indexes import disjuncts, project_indexes
from shared.documents.port import DocumentStore, Query, Set
from shared.models.base import MAX_LARGE_JSON_BYTES
from shared.runtime import Runtime, open_store
from tests.client import Api, Client, TestResponse
from tests.conftest import Clock
from tests.functions.support import (
    ON_EMBEDDED,
    cost,
    event_types,
    pages,
    refused,
    refused_field,
    trail,
    when,
)
from tests.functions.test_index_safety import Recorder

RUNS = "/cases/CASE-1/runs"
RUN = f"{RUNS}/run-1"
MICROSECOND = timedelta(microseconds=1)
WEEK = timedelta(minutes=10_080)
INPUT = {"query": "OAC 4723-9-10", "limits": [10, 0.5], "deep": {"a": None, "ä": True}}


def done(response: TestResponse, code: int = 200) -> dict[str, Any]:
    """The content of an answer that must be a success."""
    assert response.status_code == code, response.text
    content: dict[str, Any] = response.json
    return content


def started(api: Api, case_id: str = "CASE-1", **fields: Any) -> dict[str, Any]:
    """A run started on a case."""
    body = {"agentId": "researcher", **fields}
    return done(api.agent.post(f"/cases/{case_id}/runs", body), 201)


def sha256(value: Any) -> str:
    """The hash of JSON, as somebody finds it who has no more than the JSON and RFC 8785."""
    return hashlib.sha256(rfc8785.dumps(value)).hexdigest()


def sweep(api: Api, query: str = "") -> dict[str, Any]:
    """What a run of fail_stale_runs did, without its time."""
    answer = done(api.caller("scheduler").post(f"/scheduled/failStaleRuns{query}"))
    return {name: value for name, value in answer.items() if name != "durationMs"}


def swept(**counts: int) -> dict[str, Any]:
    """What a complete run of fail_stale_runs says."""
    return {"examined": 0, "changed": 0, "failed": 0, "skipped": 0, "complete": True, **counts}


@pytest.fixture
def case(api: Api) -> dict[str, Any]:
    """A case, after which this instance knows the tenant's settings."""
    return api.verifier.create(id="CASE-1")


@pytest.mark.usefixtures("case")
def test_a_run_is_started_finished_and_shown_as_it_was(api: Api, clock: Clock) -> None:
    start = {"id": "run-1", "packId": "csf", "version": "1.20.3-rc.1+b5", "input": INPUT}
    answer = api.agent.post(RUNS, {"agentId": "researcher", **start})
    run = done(answer, 201)

    assert answer.headers["Location"] == f"/v1{RUN}"
    assert run == {
        **start,
        "caseId": "CASE-1",
        "agentId": "researcher",
        "status": "running",
        "createdAt": run["startedAt"],
        "createdBy": "agent@example.com",
        "updatedAt": run["startedAt"],
        "startedAt": run["startedAt"],
        "finishedAt": None,
        "durationSeconds": None,
        "timeoutAt": run["timeoutAt"],
        "output": None,
        "errors": None,
    }
    assert (when(run["startedAt"]), when(run["timeoutAt"])) == (clock.now, clock.now + WEEK)
    assert done(api.viewer.get(RUN)) == run

    clock.advance(seconds=90.5)
    end = {"status": "completed", "output": [INPUT, 1.5], "errors": []}
    ended = done(api.verifier.patch(RUN, end))

    finished = {"finishedAt": ended["finishedAt"], "updatedAt": ended["finishedAt"]}
    assert ended == {**run, **end, **finished, "durationSeconds": 90.5, "timeoutAt": None}
    assert when(ended["finishedAt"]) == clock.now
    assert done(api.viewer.get(RUN)) == ended
    assert done(api.viewer.get("/runs"))["runs"] == [ended]


@pytest.mark.usefixtures("case")
def test_each_step_of_a_run_is_an_event_with_hashes_and_none_of_its_content(
    api: Api, clock: Clock
) -> None:
    named = {"packId": "csf", "version": "1.0.0"}
    started(api, id="run-1", queued=True, input=INPUT, **named)
    clock.advance(minutes=1)
    done(api.agent.patch(RUN, {"status": "running"}))
    done(api.agent.patch(RUN, {"status": "failed", "output": [1.5], "errors": ["secret"]}))
    started(api, id="run-2", agentId="writer")
    done(api.agent.patch(f"{RUNS}/run-2", {"status": "completed"}))

    _, *events = trail(api, "CASE-1")
    hashes = {"inputSha256": sha256(INPUT)}
    ends = {**hashes, "outputSha256": sha256([1.5]), "errorsSha256": sha256(["secret"])}
    first, second, third = (
        {"timeoutAt": (when(event["createdAt"]) + WEEK).isoformat().replace("+00:00", "Z")}
        for event in (events[0], events[1], events[3])
    )
    assert [(e["eventType"], e["severity"], e["agentId"], e["meta"]) for e in events] == [
        (
            "agent_action",
            "info",
            "researcher",
            {"runId": "run-1", "status": "pending", **named, **hashes, **first},
        ),
        (
            "agent_started",
            "info",
            "researcher",
            {"runId": "run-1", "status": "running", **named, **hashes, **second},
        ),
        (
            "agent_failed",
            "error",
            "researcher",
            {"runId": "run-1", "status": "failed", **named, **ends},
        ),
        ("agent_started", "info", "writer", {"runId": "run-2", "status": "running", **third}),
        ("agent_completed", "info", "writer", {"runId": "run-2", "status": "completed"}),
    ]
    assert {event["subject"] for event in events} == {"cases/CASE-1"}
    assert "secret" not in json.dumps(events)


@pytest.mark.usefixtures("case")
def test_a_queued_run_is_started_later_and_has_its_whole_time_from_then_on(
    api: Api, clock: Clock
) -> None:
    queued = started(api, id="run-1", queued=True)
    assert (queued["status"], queued["startedAt"]) == ("pending", None)
    assert when(queued["timeoutAt"]) == clock.now + WEEK
    clock.advance(days=6)

    running = done(api.agent.patch(RUN, {"status": "running"}))

    assert (running["status"], when(running["startedAt"])) == ("running", clock.now)
    assert when(running["timeoutAt"]) == clock.now + WEEK
    clock.advance(days=6)
    ended = done(api.agent.patch(RUN, {"status": "completed"}))
    assert ended["durationSeconds"] == 6 * 86_400


@ON_EMBEDDED
@pytest.mark.usefixtures("case")
def test_the_same_end_again_is_the_same_answer_and_leaves_no_event(api: Api, clock: Clock) -> None:
    started(api, id="run-1")
    first = done(api.agent.patch(RUN, {"status": "failed", "errors": {"a": 1, "b": 2.0}}))
    clock.advance(minutes=1)

    again = api.verifier.patch(RUN, {"status": "failed", "errors": {"b": 2, "a": 1}})

    assert done(again) == first
    assert (cost(again), "Idempotent-Replayed" in again.headers) == ((2, 0, 1), False)
    assert event_types(api, "CASE-1") == ["case_created", "agent_started", "agent_failed"]


@ON_EMBEDDED
@pytest.mark.usefixtures("case")
def test_another_end_is_refused_and_told_how_the_run_stands(api: Api) -> None:
    started(api, id="run-1")
    first = done(api.agent.patch(RUN, {"status": "completed", "output": 1}))
    others: list[dict[str, Any]] = [
        {"status": "failed"},
        {"status": "failed", "errors": ["x"]},
        {"status": "completed", "output": 2},
        {"status": "completed"},
        {"status": "running"},
    ]
    for other in others:
        error = refused(api.agent.patch(RUN, other), 409, "FAILED_PRECONDITION")

        standing = {"status": "completed", "finishedAt": first["finishedAt"], "allowed": []}
        assert error["details"] == [standing]
    assert done(api.viewer.get(RUN)) == first


@ON_EMBEDDED
@pytest.mark.usefixtures("case")
def test_a_queued_run_is_not_completed_before_it_runs(api: Api) -> None:
    started(api, id="run-1", queued=True)

    error = refused(api.agent.patch(RUN, {"status": "completed"}), 409, "FAILED_PRECONDITION")

    standing = {
        "status": "pending",
        "finishedAt": None,
        "allowed": ["running", "failed", "cancelled"],
    }
    assert error["details"] == [standing]


@pytest.mark.usefixtures("case")
def test_an_id_that_is_taken_is_taken_on_every_case_and_nothing_is_written(api: Api) -> None:
    api.verifier.create(id="CASE-2")
    before = started(api, id="run-1", input="first")

    for path in (RUNS, "/cases/CASE-2/runs"):
        for key in ({}, {"idempotency_key": "k"}):
            answer = api.agent.post(path, {"id": "run-1", "agentId": "other"}, **key)
            refused(answer, 409, "ALREADY_EXISTS")

    assert done(api.viewer.get(RUN)) == before
    assert event_types(api, "CASE-1") == ["case_created", "agent_started"]
    assert event_types(api, "CASE-2") == ["case_created"]


@ON_EMBEDDED
def test_an_id_is_taken_within_a_tenant_only(api: Api, case: dict[str, Any]) -> None:
    started(api, id="run-1")
    other = api.caller("agent", tenant="other-tenant")
    api.caller("verifier", tenant="other-tenant").create(id="CASE-1")

    run = done(other.post(RUNS, {"id": "run-1", "agentId": "theirs"}), 201)

    assert run["agentId"] == "theirs"
    assert done(api.viewer.get(RUN))["agentId"] == "researcher"
    assert case["id"] == run["caseId"]


@ON_EMBEDDED
@pytest.mark.usefixtures("case")
def test_a_run_is_found_under_its_own_case_and_tenant_alone(api: Api) -> None:
    api.verifier.create(id="CASE-2")
    started(api, id="run-1")
    elsewhere = ["/cases/CASE-2/runs/run-1", "/cases/CASE-3/runs/run-1", f"{RUNS}/run-2"]

    for path in elsewhere:
        refused(api.viewer.get(path), 404, "NOT_FOUND")
        refused(api.agent.patch(path, {"status": "completed"}), 404, "NOT_FOUND")
    stranger = api.caller("admin", tenant="other-tenant")
    refused(stranger.get(RUN), 404, "NOT_FOUND")
    refused(stranger.patch(RUN, {"status": "completed"}), 404, "NOT_FOUND")
    refused(api.agent.post("/cases/CASE-3/runs", {"agentId": "a"}), 404, "NOT_FOUND")
    assert done(stranger.get("/runs")) == {"runs": []}
    assert done(api.viewer.get(RUN))["status"] == "running"


@ON_EMBEDDED
@pytest.mark.usefixtures("case")
def test_a_run_has_an_entity_tag_of_its_own_which_its_steps_change_and_nothing_else(
    api: Api,
) -> None:
    queued = api.agent.post(RUNS, {"id": "run-1", "agentId": "a", "queued": True}).headers["ETag"]
    api.verifier.patch("/cases/CASE-1", {"title": "Another"})
    started(api, id="run-2")
    assert api.viewer.get(RUN).headers["ETag"] == queued

    running = api.agent.patch(RUN, {"status": "running"}, if_match=queued)
    stale = api.agent.patch(RUN, {"status": "failed"}, if_match=queued)
    ended = api.agent.patch(RUN, {"status": "completed"}, if_match=running.headers["ETag"])

    assert done(running)["status"] == "running"
    error = refused(stale, 412, "FAILED_PRECONDITION")
    assert error["details"] == [{"etag": running.headers["ETag"]}]
    assert done(ended)["status"] == "completed"
    assert api.viewer.get(RUN).headers["ETag"] == ended.headers["ETag"]
    assert len({queued, running.headers["ETag"], ended.headers["ETag"]}) == 3


@pytest.mark.usefixtures("case")
def test_a_run_that_ends_before_it_began_by_a_clock_set_back_took_no_time(
    api: Api, clock: Clock
) -> None:
    started(api, id="run-1")
    clock.advance(hours=-1)

    assert done(api.agent.patch(RUN, {"status": "completed"}))["durationSeconds"] == 0


@pytest.mark.usefixtures("case")
def test_on_a_closed_case_no_run_starts(api: Api) -> None:
    done(api.pilot.patch("/cases/CASE-1", {"status": "closed", "reason": "Withdrawn"}))

    error = refused(api.agent.post(RUNS, {"agentId": "a"}), 409, "FAILED_PRECONDITION")

    assert error["details"][0]["status"] == "closed"


@pytest.mark.usefixtures("case")
def test_a_run_that_was_started_twice_with_one_key_is_one_run(api: Api, clock: Clock) -> None:
    body = {"agentId": "researcher", "input": INPUT}
    first = api.agent.post(RUNS, body, idempotency_key="start-1")
    clock.advance(minutes=1)

    again = api.agent.post(RUNS, body, idempotency_key="start-1")

    assert (again.status_code, again.json) == (201, first.json)
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Idempotent-Replayed"] == "true"
    assert [run["id"] for run in done(api.viewer.get("/runs"))["runs"]] == [first.json["id"]]
    other = {**body, "input": "other"}
    refused(api.agent.post(RUNS, other, idempotency_key="start-1"), 422, "UNPROCESSABLE_CONTENT")
    assert event_types(api, "CASE-1") == ["case_created", "agent_started"]


@ON_EMBEDDED
@pytest.mark.usefixtures("case")
def test_a_repeated_start_with_an_id_is_no_conflict_and_works_after_the_case_was_closed(
    api: Api,
) -> None:
    body = {"id": "run-1", "agentId": "researcher"}
    first = done(api.agent.post(RUNS, body, idempotency_key="k"), 201)
    assert done(api.agent.post(RUNS, body, idempotency_key="k"), 201) == first
    over = {"status": "closed", "reason": "Over", "endOpen": True}
    done(api.pilot.patch("/cases/CASE-1", over))

    again = api.agent.post(RUNS, body, idempotency_key="k")

    assert again.headers["Idempotent-Replayed"] == "true"
    assert (done(again, 201)["id"], again.json["status"]) == (first["id"], "cancelled")
    # Another's key is another key.
    refused(api.verifier.post(RUNS, body, idempotency_key="k"), 409, "FAILED_PRECONDITION")


@ON_EMBEDDED
@pytest.mark.usefixtures("case")
def test_a_repeated_end_is_a_replay_and_its_key_is_no_other_ends(api: Api) -> None:
    started(api, id="run-1")
    end = {"status": "completed", "output": 1}
    first = done(api.agent.patch(RUN, end, idempotency_key="k"))

    again = api.agent.patch(RUN, end, idempotency_key="k")

    assert (done(again), again.headers["Idempotent-Replayed"]) == (first, "true")
    other = api.agent.patch(RUN, {"status": "failed"}, idempotency_key="k")
    refused(other, 422, "UNPROCESSABLE_CONTENT")
    assert event_types(api, "CASE-1") == ["case_created", "agent_started", "agent_completed"]


@ON_EMBEDDED
@pytest.mark.usefixtures("case")
def test_a_repeated_start_of_a_queued_run_gives_the_run_as_it_is_by_now(api: Api) -> None:
    started(api, id="run-1", queued=True)
    done(api.agent.patch(RUN, {"status": "running"}, idempotency_key="k"))
    ended = done(api.agent.patch(RUN, {"status": "completed"}))

    again = api.agent.patch(RUN, {"status": "running"}, idempotency_key="k")

    assert (done(again), again.headers["Idempotent-Replayed"]) == (ended, "true")


@ON_EMBEDDED
@pytest.mark.usefixtures("case")
def test_a_version_of_the_case_that_is_stale_starts_no_run(api: Api) -> None:
    fresh = api.viewer.get("/cases/CASE-1").headers["ETag"]

    first = api.agent.post(RUNS, {"agentId": "a"}, if_match=fresh)

    assert first.status_code == 201
    stale = api.agent.post(RUNS, {"agentId": "a"}, if_match=fresh)
    refused(stale, 412, "FAILED_PRECONDITION")
    run_id = first.json["id"]
    assert api.viewer.get(f"{RUNS}/{run_id}").headers["ETag"] == first.headers["ETag"]


@pytest.mark.usefixtures("case")
def test_input_output_and_errors_hold_a_quarter_of_a_mebibyte_each(api: Api) -> None:
    full = "x" * (MAX_LARGE_JSON_BYTES - 2)
    started(api, id="run-1", input=full)
    ended = done(api.agent.patch(RUN, {"status": "failed", "output": full, "errors": full}))

    assert [ended[name] for name in ("input", "output", "errors")] == [full] * 3
    assert done(api.viewer.get(RUN)) == ended


FILTERS: dict[str, tuple[str, ...]] = {
    "caseId": ("CASE-1", "CASE-404"),
    "status": ("running", "failed"),
    "agentId": ("writer",),
    "packId": ("csf",),
}
COMBINATIONS = [
    {name: value for name, value in zip(FILTERS, chosen, strict=True) if value}
    for chosen in itertools.product(*((None, *values) for values in FILTERS.values()))
]


@pytest.fixture
def recorder(config: Config) -> Recorder:
    """A store of each kind that notes what it is asked."""
    return Recorder(open_store(config))


def some_runs(api: Api, clock: Clock) -> list[dict[str, Any]]:
    """Runs of three cases that differ in all that can be filtered by; some share their times."""
    dice = random.Random(5)  # noqa: S311 - the same runs every time
    for number in (1, 2, 3):
        api.verifier.create(id=f"CASE-{number}")
    runs = []
    for index in range(24):
        run = started(
            api,
            f"CASE-{dice.randrange(1, 4)}",
            id=f"r-{dice.randrange(1_000)}-{index}",
            agentId=dice.choice(["writer", "writer", "reader"]),
            packId=dice.choice(["csf", "csf", None]),
            queued=dice.random() < 0.2,
        )
        if run["status"] == "running" and dice.random() < 0.5:
            end = {"status": dice.choice(["completed", "failed"])}
            run = done(api.agent.patch(f"/cases/{run['caseId']}/runs/{run['id']}", end))
        runs.append(run)
        if index % 3 == 0:
            clock.advance(minutes=1)
    return runs


@pytest.mark.both_stores
def test_every_combination_of_filters_is_a_filter_over_all_runs_and_has_its_index(
    config: Config, recorder: Recorder, clock: Clock
) -> None:
    api = Api(Runtime(config, clock, store=cast("DocumentStore", recorder)))
    runs = some_runs(api, clock)
    newest_first = sorted(runs, key=lambda r: (when(r["createdAt"]), r["id"]), reverse=True)
    recorder.queries.clear()
    sizes = itertools.cycle([2, 5, 200])

    for wanted in COMBINATIONS:
        path = f"/runs?{urlencode({**wanted, 'pageSize': next(sizes)})}"
        found = [run for page in pages(api.viewer, path, "runs") for run in page]

        assert found == [r for r in newest_first if wanted.items() <= r.items()], wanted

    assert len({frozenset(f.field for f in query.filters) for query in recorder.queries}) == 16
    for query in recorder.queries:
        for part in disjuncts(query):
            project_indexes().plan(part)


def test_the_sweep_and_the_deletion_ask_what_an_index_serves(
    config: Config, recorder: Recorder, clock: Clock
) -> None:
    api = Api(Runtime(config, clock, store=cast("DocumentStore", recorder)))
    api.verifier.create(id="CASE-1")
    started(api)
    record = {"kind": "feasibility", "title": "A record", "data": 1}
    done(api.agent.post("/cases/CASE-1/records", record), 201)
    clock.advance(days=7)
    recorder.queries.clear()

    assert sweep(api) == swept(examined=1, changed=1)
    assert api.admin.delete("/cases/CASE-1").status_code == 204

    collections = {query.collection.rpartition("/")[2] for query in recorder.queries}
    assert {"runs", "records"} <= collections
    for query in recorder.queries:
        project_indexes().plan(query)


@ON_EMBEDDED
def test_runs_that_end_between_two_pages_are_listed_once_and_none_is_left_out(
    api: Api, clock: Clock
) -> None:
    runs = some_runs(api, clock)
    reading = pages(api.viewer, "/runs?pageSize=10", "runs")
    found = next(reading)
    for run in done(api.viewer.get("/runs?status=running"))["runs"]:
        path = f"/cases/{run['caseId']}/runs/{run['id']}"
        done(api.agent.patch(path, {"status": "completed"}))

    found += [run for page in reading for run in page]

    assert sorted(run["id"] for run in found) == sorted(run["id"] for run in runs)


@ON_EMBEDDED
def test_a_page_token_is_of_one_list_with_its_filters_and_tenant(api: Api, clock: Clock) -> None:
    some_runs(api, clock)
    token = done(api.viewer.get("/runs?pageSize=2&agentId=writer"))["nextPageToken"]
    query = f"pageToken={token}"

    assert api.viewer.get(f"/runs?agentId=writer&{query}").status_code == 200
    for other in ("", "agentId=reader&", "agentId=writer&status=failed&", "packId=writer&"):
        refused_field(api.viewer.get(f"/runs?{other}{query}"), "pageToken")
    stranger = api.caller("viewer", tenant="other-tenant")
    refused_field(stranger.get(f"/runs?agentId=writer&{query}"), "pageToken")


@pytest.mark.parametrize("queued", [False, True])
def test_a_run_fails_the_moment_its_time_is_over_and_not_a_microsecond_before(
    api: Api, clock: Clock, *, queued: bool
) -> None:
    api.verifier.create(id="CASE-1")
    run = started(api, id="run-1", queued=queued)
    end = clock.now + WEEK

    clock.now = end - MICROSECOND
    assert sweep(api) == swept()
    assert done(api.viewer.get(RUN)) == run
    clock.now = end
    assert sweep(api) == swept(examined=1, changed=1)
    assert sweep(api) == swept()

    failed = done(api.viewer.get(RUN))
    assert (failed["status"], failed["errors"]) == ("failed", ["timed out"])
    assert (when(failed["finishedAt"]), failed["timeoutAt"]) == (end, None)
    assert failed["durationSeconds"] == (None if queued else 604_800)
    event = trail(api, "CASE-1")[-1]
    assert (event["eventType"], event["severity"]) == ("agent_failed", "error")
    assert (event["source"], event["actor"]["role"]) == ("scheduler", "scheduler")
    assert event["agentId"] == "researcher"
    told = {"runId": "run-1", "status": "failed", "errorsSha256": sha256(["timed out"])}
    assert event["meta"] == told


@ON_EMBEDDED
@pytest.mark.usefixtures("case")
def test_what_timed_out_is_told_to_the_agent_that_comes_too_late(api: Api, clock: Clock) -> None:
    started(api, id="run-1")
    end = clock.advance(days=7)
    sweep(api)
    clock.advance(hours=1)

    late = api.agent.patch(RUN, {"status": "completed", "output": 1})

    (standing,) = refused(late, 409, "FAILED_PRECONDITION")["details"]
    assert (standing["status"], when(standing["finishedAt"])) == ("failed", end)


@pytest.mark.usefixtures("case")
def test_several_stale_runs_of_a_case_fail_each_with_an_event_of_its_own(
    api: Api, clock: Clock
) -> None:
    agents = {f"run-{number}": f"agent-{number}" for number in range(3)}
    for run_id, agent in agents.items():
        started(api, id=run_id, agentId=agent)
    started(api, id="ended")
    done(api.agent.patch(f"{RUNS}/ended", {"status": "completed"}))
    other = api.caller("agent", tenant="other-tenant")
    api.caller("verifier", tenant="other-tenant").create(id="CASE-1")
    done(other.post(RUNS, {"id": "run-0", "agentId": "theirs"}), 201)
    clock.advance(days=7)
    assert sweep(api, "?dryRun=true") == swept(examined=4, changed=4)
    started_later = clock.now

    assert sweep(api) == swept(examined=4, changed=4)

    failures = [e for e in trail(api, "CASE-1") if e["eventType"] == "agent_failed"]
    assert {e["meta"]["runId"]: e["agentId"] for e in failures} == agents
    assert {(e["severity"], when(e["createdAt"])) for e in failures} == {("error", started_later)}
    failed = done(api.viewer.get("/runs?status=failed"))["runs"]
    assert sorted(run["id"] for run in failed) == sorted(agents)
    assert done(other.get(f"{RUNS}/run-0"))["errors"] == ["timed out"]
    assert done(api.viewer.get(f"{RUNS}/ended"))["status"] == "completed"


@pytest.mark.usefixtures("case")
def test_what_cannot_be_read_keeps_no_other_run_from_failing(api: Api, clock: Clock) -> None:
    api.verifier.create(id="CASE-2")
    api.verifier.create(id="CASE-3")
    for number in (1, 2, 3):
        started(api, f"CASE-{number}", id=f"run-{number}")
    tenant = f"tenants/{api.tenant}"
    # A case that is damaged, and a run that is.
    api.runtime.store.commit([Set(f"{tenant}/cases/CASE-1", {"status": "damaged"})])
    run = api.runtime.store.get(f"{tenant}/runs/run-2")
    assert run
    api.runtime.store.commit([Set(run.path, {**run.data, "status": "damaged"})])
    clock.advance(days=7)

    assert sweep(api) == swept(examined=3, changed=1, failed=2)

    assert done(api.viewer.get("/cases/CASE-3/runs/run-3"))["errors"] == ["timed out"]


def minutes(api: Api, value: int | None) -> None:
    """Sets how long a run may take from now on."""
    done(api.admin.patch("/settings", {"runTimeoutMinutes": value}))


@ON_EMBEDDED
def test_settings_that_change_later_move_no_runs_end(api: Api, clock: Clock) -> None:
    api.verifier.create(id="CASE-1")
    minutes(api, 30)
    ends = {"thirty": clock.now + timedelta(minutes=30)}
    started(api, id="thirty")
    queued = started(api, id="queued", queued=True)
    minutes(api, 10)
    ends["ten"] = clock.now + timedelta(minutes=10)
    started(api, id="ten")
    minutes(api, None)
    started(api, id="never")

    def ends_shown() -> dict[str, Any]:
        runs = done(api.viewer.get("/runs"))["runs"]
        return {run["id"]: run["timeoutAt"] and when(run["timeoutAt"]) for run in runs}

    assert ends_shown() == {**ends, "queued": when(queued["timeoutAt"]), "never": None}
    # What starts only now is a run of the settings of now.
    done(api.agent.patch(f"{RUNS}/queued", {"status": "running"}))
    assert ends_shown() == {**ends, "queued": None, "never": None}
    clock.advance(days=36_500)
    assert sweep(api) == swept(examined=2, changed=2)
    running = done(api.viewer.get("/runs?status=running"))["runs"]
    assert {run["id"] for run in running} == {"never", "queued"}


def belongings(api: Api) -> list[str]:
    """The documents of a tenant's runs, and of the records of CASE-1."""
    tenant = f"tenants/{api.tenant}"
    collections = [f"{tenant}/runs", f"{tenant}/cases/CASE-1/records"]
    store = api.runtime.store
    return [row.path for name in collections for row in store.query(Query(name))]


@pytest.mark.usefixtures("case")
def test_a_deletion_takes_the_cases_runs_and_records_and_no_others(api: Api) -> None:
    api.verifier.create(id="CASE-2")
    kept = started(api, "CASE-2", id="kept")
    for number in (1, 2):
        started(api, id=f"run-{number}")
        record = {"kind": "feasibility", "title": "A record", "data": number}
        done(api.agent.post("/cases/CASE-1/records", record), 201)
    assert len(belongings(api)) == 5

    assert api.admin.delete("/cases/CASE-1").status_code == 204

    assert belongings(api) == [f"tenants/{api.tenant}/runs/kept"]
    assert done(api.viewer.get("/runs"))["runs"] == [kept]
    for path in (RUN, "/cases/CASE-1/records", "/cases/CASE-1/records?latest=true"):
        refused(api.viewer.get(path), 404, "NOT_FOUND")
    refused(api.agent.patch(RUN, {"status": "completed"}), 404, "NOT_FOUND")
    assert event_types(api, "CASE-1")[-1] == "case_deleted"


@pytest.mark.usefixtures("case")
def test_the_purge_takes_a_closed_cases_runs_and_records_and_leaves_its_trail(
    api: Api, clock: Clock
) -> None:
    done(api.admin.patch("/settings", {"caseRetentionDays": 10}))
    api.verifier.create(id="CASE-2")
    started(api, "CASE-2", id="kept")
    started(api, id="run-1")
    record = {"kind": "feasibility", "title": "A record", "data": 1}
    done(api.agent.post("/cases/CASE-1/records", record), 201)
    over = {"status": "closed", "reason": "Over", "endOpen": True}
    done(api.pilot.patch("/cases/CASE-1", over))
    clock.advance(days=10)

    purged = done(api.caller("scheduler").post("/scheduled/purgeRecords"))

    assert (purged["changed"], purged["failed"]) == (1, 0)
    assert belongings(api) == [f"tenants/{api.tenant}/runs/kept"]
    steps = ["case_created", "agent_started", "record_added", "status_changed", "agent_cancelled"]
    assert event_types(api, "CASE-1") == steps
    assert sweep(api) == swept(examined=1, changed=1)


@pytest.mark.parametrize(
    ("config", "number"), [("embedded", 40), ("emulator", 6)], indirect=["config"]
)
def test_a_step_of_a_run_costs_the_least_however_many_runs_there_are(
    api: Api, clock: Clock, number: int
) -> None:
    api.verifier.create(id="CASE-1")
    for index in range(number):
        started(api, id=f"seed-{index}")
    agent = api.agent

    def costs_of(*requests: TestResponse) -> list[tuple[int, int, int]]:
        return [cost(request) for request in requests]

    assert costs_of(
        agent.post(RUNS, {"id": "run-1", "agentId": "a"}),
        agent.post(RUNS, {"agentId": "a", "queued": True}),
        agent.post(RUNS, {"id": "run-1", "agentId": "a"}),
        agent.get(RUN),
        agent.patch(RUN, {"status": "running"}),
        agent.patch(RUN, {"status": "completed", "output": 1}),
        agent.patch(RUN, {"status": "completed", "output": 1}),
        agent.patch(RUN, {"status": "failed"}),
        agent.patch(f"{RUNS}/run-404", {"status": "failed"}),
        agent.get("/runs?pageSize=3"),
        agent.get("/runs?pageSize=3&caseId=CASE-1&status=running&agentId=researcher"),
        agent.get("/runs?agentId=nobody"),
    ) == [
        (1, 3, 2),
        (1, 3, 2),
        (3, 0, 4),
        (1, 0, 1),
        (2, 0, 1),
        (2, 3, 2),
        (2, 0, 1),
        (2, 0, 1),
        (2, 0, 1),
        (3, 0, 1),
        (3, 0, 1),
        (1, 0, 1),
    ]
    clock.advance(days=1)
    settings_again = agent.post(RUNS, {"agentId": "a"})
    assert cost(settings_again) == (2, 3, 3)


@pytest.mark.costs_of("fail_stale_runs")
@pytest.mark.usefixtures("case")
def test_a_sweep_reads_of_runs_only_their_small_fields(api: Api, clock: Clock) -> None:
    minutes(api, 10)
    started(api, id="run-1", input=INPUT)
    clock.advance(minutes=10)
    recorder = Recorder(api.runtime.store)
    again = Api(Runtime(api.runtime.config, clock, store=cast("DocumentStore", recorder)))

    assert sweep(again) == swept(examined=1, changed=1)

    (asked,) = [query for query in recorder.queries if query.collection == "runs"]
    assert asked.select is not None
    assert not {"input", "output", "errors"} & set(asked.select)
    assert done(api.viewer.get(RUN))["input"] == INPUT


@pytest.mark.usefixtures("case")
def test_a_sweep_reads_what_is_stale_and_its_cases_and_nothing_else(api: Api, clock: Clock) -> None:
    minutes(api, 10)
    for case_id in ("CASE-2", "CASE-3"):
        api.verifier.create(id=case_id)
        for _ in range(2):
            started(api, case_id)
    minutes(api, 20)
    for _ in range(3):
        started(api)
    clock.advance(minutes=10)

    answer = api.caller("scheduler").post("/scheduled/failStaleRuns")

    # Four runs, then in two rounds two cases at once; each failure is three writes.
    assert (answer.json["changed"], cost(answer)) == (4, (8, 12, 5))


START: dict[str, Any] = {"agentId": "a", "packId": "p", "version": "1.0.0", "input": 1}
LINES: list[Any] = [
    "",
    " ",
    "\u3000",
    "a\nb",
    "a\tb",
    "a\x00b",
    "a\u202eb",
    "x" * 255,
    1,
    True,
    [],
    {},
]
IDS: list[Any] = [
    "",
    ".",
    "..",
    "__x__",
    "_x",
    "-x",
    "a b",
    "a/b",
    "a:b",
    "é",
    "x" * 101,
    "a\n",
    1,
    [],
]
VERSIONS: list[Any] = [
    "",
    "1",
    "1.0",
    "1.0.0.0",
    "v1.0.0",
    "01.0.0",
    "1.00.0",
    "1.0.-1",
    "1.0.0-",
    "1.0.0+",
    "1.0.0-a..b",
    "1.0.0-é",
    "1.0.0 ",
    "1.0.0\n",
    " 1.0.0",
    "1\u0662.0.0",
    "1.2\uff13.0",
    "1234567890.0.0",
    "1.0.0-" + "x" * 95,
    "latest",
    1,
    1.0,
    [],
]
LARGE: list[Any] = [
    "x" * (MAX_LARGE_JSON_BYTES - 1),
    ["\u00e9" * (MAX_LARGE_JSON_BYTES // 2)],
    json.loads("[" * 11 + "]" * 11),
    json.loads('{"a":' * 11 + "1" + "}" * 11),
    2**53,
    -(2**53),
    [10**400],
    "a\x00b",
    {"a\x00": 1},
    {"a": {"b\u2028": 1}},
]
BAD: dict[tuple[str, str], list[Any]] = {
    ("start", "id"): IDS,
    ("start", "agentId"): [None, *LINES],
    ("start", "packId"): LINES,
    ("start", "version"): VERSIONS,
    ("start", "input"): LARGE,
    ("start", "queued"): [None, "true", 1, 0, []],
    ("end", "status"): [None, "", "pending", "COMPLETED", "expired", 1, True, []],
    ("end", "output"): LARGE,
    ("end", "errors"): LARGE,
}
FOREIGN = [
    "unknown",
    "status",
    "caseId",
    "createdBy",
    "startedAt",
    "timeoutAt",
    "durationSeconds",
    "agent_id",
    "__proto__",
    "head",
]


@pytest.fixture
def caller(api: Api) -> Iterator[Client]:
    """An agent of a tenant in which a run is under way; after the test all is as it was."""
    case = api.verifier.create(id="CASE-1")
    before = (case["id"], started(api, id="run-1"), event_types(api, "CASE-1"))
    yield api.agent
    runs = done(api.viewer.get("/runs"))["runs"]
    assert before == (case["id"], *runs, event_types(api, "CASE-1"))


def sent(caller: Client, what: str, body: bytes | dict[str, Any]) -> TestResponse:
    """The answer to a body, which went out as JSON in ASCII."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    method, path = ("POST", RUNS) if what == "start" else ("PATCH", RUN)
    return caller.request(method, path, raw=raw, content_type="application/json")


@ON_EMBEDDED
@pytest.mark.parametrize(("what", "field"), BAD)
def test_a_field_of_a_run_that_is_wrong_is_named(caller: Client, what: str, field: str) -> None:
    body = START if what == "start" else {"status": "completed"}
    for value in BAD[what, field]:
        answer = sent(caller, what, {**body, field: value})

        error = refused(answer, 400, "INVALID_ARGUMENT")
        named = {detail["field"].partition(".")[0].partition("[")[0] for detail in error["details"]}
        assert named == {field}, value
        assert cost(answer) == (0, 0, 0)


@ON_EMBEDDED
def test_a_number_of_a_run_that_is_none_is_refused(caller: Client) -> None:
    start, end = ("start", '"agentId":"a"', "input"), ("end", '"status":"failed"')
    for what, rest, field in (start, (*end, "output"), (*end, "errors")):
        for number in ("NaN", "Infinity", "-Infinity", "1e999", "[NaN]"):
            answer = sent(caller, what, f'{{{rest},"{field}":{number}}}'.encode())

            refused(answer, 400, "INVALID_ARGUMENT")
            assert cost(answer) == (0, 0, 0)


@ON_EMBEDDED
@pytest.mark.parametrize("what", ["start", "end"])
def test_a_field_that_is_not_a_runs_to_give_is_named(caller: Client, what: str) -> None:
    body = START if what == "start" else {"status": "completed"}
    others = ["id", "agentId", "input", "queued"] if what == "end" else ["output", "errors"]

    for name in sorted({*FOREIGN, *others} - body.keys()):
        refused_field(sent(caller, what, {**body, name: "x"}), name)


@ON_EMBEDDED
def test_numbers_that_grow_in_the_form_that_is_kept_are_refused_before_anything_is_written(
    caller: Client,
) -> None:
    grows = [1e20] * 20_000

    refused_field(sent(caller, "start", {**START, "input": grows}), "input")
    for field in ("output", "errors"):
        refused_field(sent(caller, "end", {"status": "completed", field: grows}), field)


@ON_EMBEDDED
def test_what_came_of_a_run_is_refused_at_its_start(caller: Client) -> None:
    for field in ("output", "errors"):
        refused_field(sent(caller, "end", {"status": "running", field: "early"}), field)


BAD_QUERIES = [
    ("status=done", "status"),
    ("status=", "status"),
    ("caseId=a%2Fb", "caseId"),
    ("caseId=__x__", "caseId"),
    ("agentId=", "agentId"),
    ("agentId=a%00", "agentId"),
    ("packId=%e2%80%ae", "packId"),
    (f"packId={'x' * 255}", "packId"),
    ("version=1.0.0", "version"),
    ("pageSize=0", "pageSize"),
    ("pageSize=201", "pageSize"),
    ("pageSize=x", "pageSize"),
    ("pageToken=x", "pageToken"),
    ("pageToken=", "pageToken"),
    ("status=failed&status=running", "status"),
    ("agent_id=a", "agent_id"),
]


@ON_EMBEDDED
def test_a_filter_of_runs_that_is_wrong_is_named(caller: Client) -> None:
    for query, field in BAD_QUERIES:
        answer = caller.get(f"/runs?{query}")

        refused_field(answer, field)
        assert cost(answer) == (0, 0, 0)


@ON_EMBEDDED
def test_an_id_of_a_run_or_its_case_that_is_none_is_named(caller: Client) -> None:
    end = {"status": "completed"}
    for bad in ("..x", "_x", "a%20b", "x" * 101, "%00", "%e2%80%ae"):
        for path, field in ((f"{RUNS}/{bad}", "runId"), (f"/cases/{bad}/runs/run-1", "caseId")):
            refused_field(caller.get(path), field)
            refused_field(caller.patch(path, end), field)
        refused_field(caller.post(f"/cases/{bad}/runs", START), "caseId")
