"""When the scheduled functions run: one table, for Cloud Scheduler and for the local ticker."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cronsim import CronSim

TIME_ZONE = "Etc/UTC"
# A run stops after its time, 8 minutes, and says whether it is complete. Cloud Scheduler has to
# wait longer, or it would start the next attempt while the run is still working.
_ATTEMPT_DEADLINE = timedelta(minutes=10)
_RETRIES = 3


@dataclass(frozen=True, slots=True)
class Schedule:
    """A scheduled function, its path, its times in UTC, and how a failed attempt is repeated."""

    function: str
    path: str
    cron: str
    attempt_deadline: timedelta = _ATTEMPT_DEADLINE
    retries: int = _RETRIES


SCHEDULES: tuple[Schedule, ...] = (
    Schedule("expire_interventions", "/v1/scheduled/expireInterventions", "* * * * *"),
    Schedule("fail_stale_runs", "/v1/scheduled/failStaleRuns", "*/5 * * * *"),
    # Not on the hour or at midnight, when most other jobs start.
    Schedule("close_approved_cases", "/v1/scheduled/closeApprovedCases", "7 * * * *"),
    Schedule("deliver_webhooks", "/v1/scheduled/deliverWebhooks", "* * * * *"),
    Schedule("seal_audit", "/v1/scheduled/sealAudit", "* * * * *"),
    Schedule("check_integrity", "/v1/scheduled/checkIntegrity", "43 1 * * *"),
    Schedule("purge_records", "/v1/scheduled/purgeRecords", "23 3 * * *"),
)


def due(schedule: Schedule, after: datetime, until: datetime) -> datetime | None:
    """The latest time of `schedule` in (after, until], or None; all of them with a time zone."""
    # The library gives times before its start, and `until` itself may be such a time.
    start = until.astimezone(UTC) + timedelta(microseconds=1)
    latest = next(CronSim(schedule.cron, start, reverse=True))
    return latest if latest > after else None
