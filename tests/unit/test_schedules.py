"""The table of schedules, and which of its times fall into an interval."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

from cronsim import CronSim
from pydantic.alias_generators import to_camel

from shared.schedules import SCHEDULES, TIME_ZONE, Schedule, due
from tests.rows import each_row

ROOT = Path(__file__).parents[2]
BUDGET = timedelta(minutes=8)
LONGEST_DEADLINE = timedelta(minutes=30)
MOST_RETRIES = 5
MINUTELY, _, HOURLY, _, _, _, DAILY = SCHEDULES
SECOND = timedelta(seconds=1)


def at(hour: int, minute: int, second: int = 0, *, day: int = 2) -> datetime:
    return datetime(2026, 3, day, hour, minute, second, tzinfo=UTC)


def test_every_scheduled_function_stands_in_the_table_once() -> None:
    functions = [schedule.function for schedule in SCHEDULES]

    assert functions == [
        "expire_interventions",
        "fail_stale_runs",
        "close_approved_cases",
        "deliver_webhooks",
        "seal_audit",
        "check_integrity",
        "purge_records",
    ]


@each_row("schedule", SCHEDULES)
def test_a_path_is_made_of_its_functions_name(schedule: Schedule) -> None:
    assert schedule.path == f"/v1/scheduled/{to_camel(schedule.function)}"


@each_row("schedule", SCHEDULES)
def test_every_schedule_is_a_cron_line_of_five_fields(schedule: Schedule) -> None:
    assert len(schedule.cron.split()) == 5
    assert next(CronSim(schedule.cron, at(9, 0))) > at(9, 0)


@each_row("schedule", SCHEDULES)
def test_an_attempt_may_outlast_the_time_budget_and_stays_within_the_services_limits(
    schedule: Schedule,
) -> None:
    assert BUDGET < schedule.attempt_deadline <= LONGEST_DEADLINE
    assert 0 <= schedule.retries <= MOST_RETRIES


@each_row(
    ("schedule", "expected"),
    [(MINUTELY, at(9, 30)), (HOURLY, at(9, 7)), (DAILY, at(3, 23))],
)
def test_the_latest_of_the_times_that_have_passed_is_due(
    schedule: Schedule, expected: datetime
) -> None:
    assert due(schedule, at(0, 0), at(9, 30, 59)) == expected


def test_a_time_is_due_as_soon_as_it_is_reached() -> None:
    assert due(HOURLY, at(9, 7) - SECOND, at(9, 7)) == at(9, 7)
    assert due(HOURLY, at(9, 7) - SECOND, at(9, 7) - timedelta(microseconds=1)) is None


def test_a_time_within_a_second_that_is_not_over_is_due() -> None:
    until = at(9, 7) + timedelta(microseconds=999_999)

    assert due(HOURLY, at(9, 7) - SECOND, until) == at(9, 7)


def test_a_time_that_was_reached_before_is_not_due_again() -> None:
    assert due(HOURLY, at(9, 7), at(9, 7)) is None
    assert due(HOURLY, at(9, 7), at(10, 7) - SECOND) is None
    assert due(HOURLY, at(9, 7), at(10, 7)) == at(10, 7)


def test_nothing_is_due_between_two_times() -> None:
    assert due(MINUTELY, at(9, 0, 1), at(9, 0, 59)) is None
    assert due(DAILY, at(3, 24), at(23, 59)) is None


def test_nothing_is_due_in_an_interval_that_ends_before_it_starts() -> None:
    assert due(MINUTELY, at(9, 5), at(9, 0)) is None


def test_a_time_before_midnight_is_due_after_it() -> None:
    assert due(HOURLY, at(23, 0), at(0, 6, day=3)) == at(23, 7)
    assert due(MINUTELY, at(23, 59), at(0, 0, day=3)) == at(0, 0, day=3)


def test_a_daily_time_is_due_once_after_days_asleep() -> None:
    assert due(DAILY, at(3, 23), at(3, 22, day=9)) == at(3, 23, day=8)


def test_times_are_utc_wherever_the_clock_is() -> None:
    berlin = timezone(timedelta(hours=1))

    found = due(DAILY, at(3, 0).astimezone(berlin), at(3, 30).astimezone(berlin))

    assert found == at(3, 23)
    assert found.utcoffset() == timedelta()


@each_row(("month", "day"), [(3, 29), (10, 25)])
def test_no_time_is_left_out_or_doubled_where_clocks_are_changed(month: int, day: int) -> None:
    zone = ZoneInfo("Europe/Berlin")
    start = datetime(2026, month, day, tzinfo=UTC)
    ticks = [(start + timedelta(minutes=n)).astimezone(zone) for n in range(6 * 60)]

    found = [time for pair in pairwise(ticks) if (time := due(HOURLY, *pair))]

    assert found == [start + timedelta(hours=n, minutes=7) for n in range(6)]


def test_the_time_zone_of_the_jobs_has_no_summer_time() -> None:
    zone = ZoneInfo(TIME_ZONE)

    assert {datetime(2026, m, 1, tzinfo=zone).utcoffset() for m in range(1, 13)} == {timedelta()}


def test_the_table_is_read_without_the_library_of_cloud_scheduler() -> None:
    program = "import sys, shared.schedules; print({'grpc', 'google.api_core'} & set(sys.modules))"
    command = [sys.executable, "-c", program]

    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)

    assert done.stdout == "set()\n"
