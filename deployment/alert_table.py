"""What is counted in the logs, and when somebody is told: one table, with their reasons.

A metric's filter is in Cloud Logging's language (cloud.google.com/logging/docs/view/
logging-query-language), of the fields that `shared/log.py` and the functions write. What each alert
means is in docs/operations.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.schedules import SCHEDULES, Schedule, due

PREFIX = "caseledger_"
RUN, SCHEDULER = "cloud_run_revision", "cloud_scheduler_job"
_LATE = 3
"""After so many missed runs somebody is told."""
_LEAST = timedelta(minutes=15)
_LONGEST_ABSENCE = timedelta(hours=23, minutes=30)  # the longest that Cloud Monitoring takes
_SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Metric:
    """A number made of log lines: how many there are, or with `value` how large that field is."""

    name: str
    what: str
    filter: str
    labels: tuple[tuple[str, str], ...] = ()
    value: str = ""
    resource: str = RUN


@dataclass(frozen=True)
class Condition:
    """Above `threshold` in `minutes`, or with `absent` nothing at all for so long."""

    metric: str
    threshold: int = 0
    minutes: int = 5
    function: str = ""
    absent: bool = False


@dataclass(frozen=True)
class Alert:
    """A reason to tell somebody; `name` is its row in docs/operations.md."""

    name: str
    severity: str
    conditions: tuple[Condition, ...]


_FUNCTION = ("function", "jsonPayload.function")
METRICS = (
    Metric(
        "requests",
        "Requests by function",
        "jsonPayload.requestId:* AND jsonPayload.code>=100",
        (_FUNCTION,),
    ),
    Metric(
        "errors",
        "Requests that were answered 5xx, and what else went wrong",
        "severity>=ERROR",
        (_FUNCTION,),
    ),
    Metric(
        "runs", "Scheduled runs that came to an end", "jsonPayload.sweep.examined>=0", (_FUNCTION,)
    ),
    Metric(
        "runs_unfinished",
        "Scheduled runs that were incomplete, or could not change something",
        "(jsonPayload.sweep.complete=false OR jsonPayload.sweep.failed>0)",
        (_FUNCTION,),
    ),
    Metric(
        "oldest_due_seconds",
        "For how long the row was due that was due for longest",
        "jsonPayload.oldestDueSeconds>=0",
        (_FUNCTION,),
        value="jsonPayload.oldestDueSeconds",
    ),
    Metric(
        "attempts_failed",
        "Attempts of Cloud Scheduler that the functions did not answer with success",
        'severity>=ERROR AND resource.labels.job_id:"caseledger-"',
        (("job", "resource.labels.job_id"),),
        resource=SCHEDULER,
    ),
    Metric(
        "security_events",
        "Refused tokens, roles, rates and holds",
        "severity=WARNING AND jsonPayload.securityEvent:*",
        (("event", "jsonPayload.securityEvent"),),
    ),
    Metric(
        "chains_broken",
        "Broken trails that verifications and the nightly check found",
        'jsonPayload.securityEvent="trail_broken"',
    ),
)


def period(schedule: Schedule) -> timedelta:
    """The time between two runs of a schedule."""
    last = due(schedule, datetime.min.replace(tzinfo=UTC), _SOME_DAY)
    assert last is not None  # noqa: S101 - a schedule has no beginning
    before = due(schedule, datetime.min.replace(tzinfo=UTC), last - timedelta(seconds=1))
    assert before is not None  # noqa: S101
    return last - before


def patience(schedule: Schedule) -> timedelta:
    """How late a scheduled function may be before somebody is told."""
    return max(_LATE * period(schedule), _LEAST)


_LATE_BY = {one.function: round(patience(one).total_seconds()) for one in SCHEDULES}
ALERTS = (
    Alert("Something failed", "ERROR", (Condition("errors"),)),
    Alert(
        "A scheduled run is incomplete or failed",
        "WARNING",
        # One attempt may fail and the next one succeed; a few in an hour are no accident.
        (
            Condition("runs_unfinished", minutes=60),
            Condition("attempts_failed", threshold=3, minutes=60),
        ),
    ),
    Alert(
        "A scheduled function does not run",
        "ERROR",
        tuple(
            Condition("runs", minutes=seconds // 60, function=function, absent=True)
            for function, seconds in _LATE_BY.items()
            if seconds <= _LONGEST_ABSENCE.total_seconds()
        ),
    ),
    Alert(
        "Something is due for long",
        "WARNING",
        tuple(
            Condition("oldest_due_seconds", threshold=seconds, function=function)
            for function, seconds in _LATE_BY.items()
        ),
    ),
    Alert("Many requests are refused", "WARNING", (Condition("security_events", threshold=100),)),
    Alert("A chain or a log does not hold", "CRITICAL", (Condition("chains_broken"),)),
)
