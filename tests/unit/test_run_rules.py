"""What may happen to an agent's run: every step from every state, its times, its end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.errors import FailedPrecondition, InvalidArgument
from shared.models.base import MAX_LARGE_JSON_BYTES
from shared.models.case import NewCase, Status, StoredCase
from shared.models.run import NewRun, RunPatch, RunStatus, StoredRun
from shared.rules import cases as case_rules
from shared.rules import runs as run_rules
from tests.rows import each_row

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
A_MICROSECOND = timedelta(microseconds=1)
STEPS = {
    "pending": {"running", "failed", "cancelled"},
    "running": {"completed", "failed", "cancelled"},
    "completed": set(),
    "failed": set(),
    "cancelled": set(),
}


def new(minutes: int | None = 60, **fields: Any) -> StoredRun:
    content = NewRun(**{"agent_id": "a-1", **fields})
    return run_rules.created("CASE-1", content, by="agent@example.com", minutes=minutes, now=NOW)


def patched(run: StoredRun, status: str, now: Any = LATER, **fields: Any) -> StoredRun:
    patch = RunPatch.model_validate({"status": status, **fields})
    return run_rules.updated(run, patch, minutes=60, now=now)


def in_state(status: str) -> StoredRun:
    if status == "pending":
        return new(queued=True)
    return new() if status == "running" else patched(new(), status, NOW)


def test_a_new_run_runs_from_now_until_its_time_is_over() -> None:
    run = new(minutes=60)

    assert (run.status, run.started_at) == (RunStatus.RUNNING, NOW)
    assert NOW + timedelta(hours=1) == run.timeout_at
    assert (
        run.finished_at,
        run.duration_seconds,
        run.output,
        run.errors,
    ) == (None, None, None, None)


def test_a_queued_run_has_not_started_and_has_its_time_too() -> None:
    run = new(minutes=60, queued=True)

    assert (run.status, run.started_at) == (RunStatus.PENDING, None)
    assert NOW + timedelta(hours=1) == run.timeout_at


def test_without_minutes_a_run_has_all_the_time_there_is() -> None:
    run = new(minutes=None)

    assert run.timeout_at is None
    assert run == run_rules.timed_out(run, NOW + timedelta(days=36_500))


def test_a_queued_run_that_starts_has_its_whole_time_from_then_on() -> None:
    run = patched(new(queued=True), "running")

    assert (run.status, run.started_at) == (RunStatus.RUNNING, LATER)
    assert LATER + timedelta(hours=1) == run.timeout_at
    assert (run.created_at, run.updated_at) == (NOW, LATER)


@each_row("old", STEPS)
@each_row("to", ["running", "completed", "failed", "cancelled"])
def test_a_run_takes_the_steps_of_the_table_and_no_other(old: str, to: str) -> None:
    run = in_state(old)

    if to == old:
        assert run == patched(run, to)
    elif to in STEPS[old]:
        assert to == patched(run, to).status
    else:
        with pytest.raises(FailedPrecondition) as refused:
            patched(run, to)
        (told,) = refused.value.details
        assert (old, run.finished_at) == (told["status"], told["finishedAt"])
        assert STEPS[old] == set(told["allowed"])


def test_an_end_tells_when_how_long_and_what_came_of_it() -> None:
    end = NOW + timedelta(seconds=1.2346)

    run = patched(new(), "completed", end, output={"b": 1, "a": [2]})

    assert (end, end, 1.235) == (run.finished_at, run.updated_at, run.duration_seconds)
    assert (run.output, run.errors) == ('{"a":[2],"b":1}', None)
    assert run.timeout_at is None


@each_row(("seconds", "took"), [(0.5, 0.5), (0.0, 0.0), (-60.0, 0.0)])
def test_a_run_takes_the_time_from_its_start_and_none_where_a_clock_was_set_back(
    seconds: float, took: float
) -> None:
    run = patched(new(), "completed", NOW + timedelta(seconds=seconds))

    assert run.duration_seconds == took


def test_a_queued_run_that_fails_took_no_time() -> None:
    run = patched(new(queued=True), "failed", errors=["no such pack"])

    assert (run.started_at, run.duration_seconds, run.finished_at) == (None, None, LATER)
    assert run.errors == '["no such pack"]'


@each_row("status", ["completed", "failed"])
def test_the_same_end_again_changes_nothing_however_its_json_is_written(status: str) -> None:
    ended = patched(new(), status, output={"a": 1, "b": 2.0}, errors=[])

    again = patched(ended, status, LATER + timedelta(days=1), output={"b": 2, "a": 1.0}, errors=[])

    assert ended == again


@each_row(
    "other",
    [
        {"output": {"a": 2}},
        {"output": {"a": 1}, "errors": []},
        {"output": None},
        {},
    ],
)
def test_an_end_with_another_outcome_is_refused(other: dict[str, Any]) -> None:
    ended = patched(new(), "completed", output={"a": 1})

    with pytest.raises(FailedPrecondition) as refused:
        patched(ended, "completed", **other)
    assert refused.value.details == [{"status": "completed", "finishedAt": LATER, "allowed": []}]


@each_row("field", ["output", "errors"])
@each_row("status", ["pending", "running"])
def test_what_came_of_a_run_is_not_told_at_its_start(status: str, field: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        patched(in_state(status), "running", **{field: "early"})
    assert [field] == [detail["field"] for detail in refused.value.details]


GROWS = [1e-6] * 50_000  # as it comes 250 KB, in the form that is kept 450 KB


@each_row("field", ["output", "errors"])
def test_what_grows_beyond_the_limit_in_the_form_that_is_kept_is_named(field: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        patched(new(), "completed", **{field: GROWS})
    assert [field] == [detail["field"] for detail in refused.value.details]


def test_an_input_that_grows_beyond_the_limit_is_named() -> None:
    with pytest.raises(InvalidArgument) as refused:
        new(input=GROWS)
    assert [detail["field"] for detail in refused.value.details] == ["input"]


def test_what_is_just_within_the_limit_is_kept() -> None:
    text = "x" * (MAX_LARGE_JSON_BYTES - 2)

    assert f'"{text}"' == new(input=text).input


@each_row("queued", [False, True])
def test_a_run_fails_the_moment_its_time_is_over_and_not_before(*, queued: bool) -> None:
    run = new(minutes=60, queued=queued)
    end = NOW + timedelta(hours=1)

    assert run == run_rules.timed_out(run, end - A_MICROSECOND)
    failed = run_rules.timed_out(run, end)
    assert (RunStatus.FAILED, '["timed out"]', end) == (
        failed.status,
        failed.errors,
        failed.finished_at,
    )
    assert (None if queued else 3_600.0) == failed.duration_seconds


@each_row("status", ["completed", "failed"])
def test_a_run_that_has_ended_does_not_time_out(status: str) -> None:
    run = in_state(status)

    assert run == run_rules.timed_out(run, NOW + timedelta(days=36_500))


@each_row("status", Status)
def test_agents_begin_nothing_on_a_closed_case_alone(status: Status) -> None:
    content = NewCase(decision_type="kyc", title="A case")
    case: StoredCase = case_rules.opened("CASE-1", content, by="vera", due_hours=None, now=NOW)
    case = case.model_copy(update={"status": status})

    if status is Status.CLOSED:
        with pytest.raises(FailedPrecondition) as refused:
            run_rules.require_open(case)
        (told,) = refused.value.details
        assert told["status"] == "closed"
        assert "closed" not in told["allowed"]
    else:
        run_rules.require_open(case)


@each_row("status", STEPS)
def test_a_run_asks_until_it_has_ended(status: str) -> None:
    run = in_state(status)

    if status in ("pending", "running"):
        run_rules.require_asking(run)
    else:
        with pytest.raises(FailedPrecondition) as refused:
            run_rules.require_asking(run)
        (told,) = refused.value.details
        assert set(told.pop("allowed")) == {"pending", "running"}
        assert told == {"status": status, "finishedAt": NOW}


def test_a_new_run_keeps_all_that_it_is_started_with() -> None:
    given: dict[str, Any] = {"agent_id": "a-2", "pack_id": "p-1", "version": "1.2.3"}

    run = new(**given, input={"b": 1, "a": 2})

    assert {name: getattr(run, name) for name in given} == given
    assert (run.case_id, run.input) == ("CASE-1", '{"a":2,"b":1}')
    assert (run.created_by, run.created_at, run.updated_at) == ("agent@example.com", NOW, NOW)
