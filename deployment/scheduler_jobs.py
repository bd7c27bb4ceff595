"""The Cloud Scheduler jobs of a location: what has to change, and changing it.

Jobs named `caseledger-…` belong to this project; no other job is touched. If an operator has paused
a job, it stays paused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from operator import attrgetter
from typing import Any, Literal

import grpc
from google.api_core.exceptions import (
    AlreadyExists,
    GoogleAPICallError,
    GoogleAPIError,
    NotFound,
    RetryError,
    ServiceUnavailable,
)
from google.api_core.retry import Retry, if_exception_type
from google.auth.exceptions import GoogleAuthError
from google.cloud.scheduler_v1 import CloudSchedulerClient
from google.cloud.scheduler_v1.services.cloud_scheduler.transports import (
    CloudSchedulerGrpcTransport,
)
from google.cloud.scheduler_v1.types import HttpMethod, HttpTarget, Job, OidcToken, RetryConfig

from shared.schedules import TIME_ZONE, Schedule

_PREFIX = "caseledger-"
# Retries come after 5, 10 and 20 seconds: all within the minute after which the most frequent job
# is due again, and Cloud Scheduler gives up the old attempt. The cap is an hour by default.
_MIN_BACKOFF = timedelta(seconds=5)
_MAX_BACKOFF = timedelta(seconds=60)
_MAX_DOUBLINGS = 5
# The fields of a job that are set here, as an update mask names them. The service adds headers.
FIELDS = (
    "schedule",
    "time_zone",
    "attempt_deadline",
    "retry_config.retry_count",
    "retry_config.max_retry_duration",
    "retry_config.min_backoff_duration",
    "retry_config.max_backoff_duration",
    "retry_config.max_doublings",
    "http_target.uri",
    "http_target.http_method",
    "http_target.body",
    "http_target.oidc_token.service_account_email",
    "http_target.oidc_token.audience",
)


class SchedulerError(Exception):
    """Cloud Scheduler refuses or cannot be reached; the message is one line."""


@dataclass(frozen=True, slots=True)
class Target:
    """The location of the jobs, the base URL that they call, and the account that they call as."""

    parent: str
    url: str
    service_account: str

    def job(self, schedule: Schedule) -> Job:
        """The job of `schedule`; `{function}` in the URL becomes the function's name."""
        name = schedule.function.replace("_", "-")
        base = self.url.replace("{function}", name)
        return Job(
            name=f"{self.parent}/jobs/{_PREFIX}{name}",
            schedule=schedule.cron,
            time_zone=TIME_ZONE,
            attempt_deadline=schedule.attempt_deadline,
            retry_config=RetryConfig(
                retry_count=schedule.retries,
                min_backoff_duration=_MIN_BACKOFF,
                max_backoff_duration=_MAX_BACKOFF,
                max_doublings=_MAX_DOUBLINGS,
            ),
            http_target=HttpTarget(
                uri=base + schedule.path,
                http_method=HttpMethod.POST,
                oidc_token=OidcToken(service_account_email=self.service_account, audience=base),
            ),
        )


@dataclass(frozen=True, slots=True)
class Step:
    """What happens to one job, and why; `fields` are those of an update."""

    verb: Literal["create", "update", "unchanged", "delete", "left"]
    job: Job
    why: str = ""
    fields: Sequence[str] = ()

    def __str__(self) -> str:
        return f"{self.verb:<10}{_id(self.job)}{self.why}"

    @property
    def writes(self) -> bool:
        """Whether anything changes."""
        return self.verb in {"create", "update", "delete"}


def plan(wanted: Iterable[Job], found: Iterable[Job], *, prune: bool) -> list[Step]:
    """The steps from the jobs found to the jobs wanted; other jobs have no step."""
    # Compared by id: the service may name a project by its number.
    ours = {_id(job): job for job in found if _id(job).startswith(_PREFIX)}
    steps = [_step(job, ours.pop(_id(job), None)) for job in wanted]
    return steps + [_orphaned(job, prune=prune) for _, job in sorted(ours.items())]


def _step(job: Job, found: Job | None) -> Step:
    if found is None:
        return Step("create", job, f": {job.schedule!r}, {job.http_target.uri}")
    changes = {
        field: f"{field} {_shown(old)} -> {_shown(new)}"
        for field in FIELDS
        if (old := attrgetter(field)(found)) != (new := attrgetter(field)(job))
    }
    failed = found.state == Job.State.UPDATE_FAILED
    if not changes and not failed:
        return Step("unchanged", job, _state(found))
    why = f"{_state(found)}: {'; '.join(changes.values()) or 'once more'}"
    # Only an update that succeeds brings a job back from a failed one.
    return Step("update", job, why, FIELDS if failed else tuple(changes))


def _orphaned(job: Job, *, prune: bool) -> Step:
    if prune:
        return Step("delete", job, f"{_state(job)}: not in the table")
    return Step("left", job, f"{_state(job)}: not in the table; --prune removes it")


def _id(job: Job) -> str:
    name: str = job.name
    return name.rpartition("/")[2]


def _state(job: Job) -> str:
    usual = {Job.State.ENABLED, Job.State.STATE_UNSPECIFIED}
    return "" if job.state in usual else f" ({job.state.name.lower().replace('_', ' ')})"


def _shown(value: Any) -> str:
    match value:
        case timedelta():
            return f"{value.total_seconds():g}s"
        case HttpMethod():
            return str(value.name)
        case bytes():
            return f"{len(value)} bytes"
    return repr(value)


class Jobs:
    """The jobs of one location; each call takes at most `seconds`, repeats included."""

    def __init__(self, client: CloudSchedulerClient, parent: str, seconds: float) -> None:
        self._client = client
        self._parent = parent
        # Writes are repeated too: one that was already done ends like a lost race.
        again = Retry(if_exception_type(ServiceUnavailable), 0.2, 5.0, timeout=seconds)
        self._options: dict[str, Any] = {"retry": again, "timeout": seconds}

    def all(self) -> list[Job]:
        """Every job of the location. Raises SchedulerError."""
        with _errors_mapped(f"list the jobs of {self._parent}"):
            return list(self._client.list_jobs(parent=self._parent, **self._options))

    def apply(self, step: Step) -> None:
        """Does a step, also if someone else was faster. Raises SchedulerError."""
        with _errors_mapped(f"{step.verb} {_id(step.job)}"):
            match step.verb:
                case "create":
                    self._create_or_update(step.job)
                case "update":
                    self._update_or_create(step.job, step.fields)
                case "delete":
                    with suppress(NotFound):
                        self._client.delete_job(name=step.job.name, **self._options)

    def _create_or_update(self, job: Job) -> None:
        try:
            self._create(job)
        except AlreadyExists:
            self._update(job, FIELDS)

    def _update_or_create(self, job: Job, fields: Sequence[str]) -> None:
        try:
            self._update(job, fields)
        except NotFound:
            self._create(job)

    def _create(self, job: Job) -> None:
        self._client.create_job(parent=self._parent, job=job, **self._options)

    def _update(self, job: Job, fields: Sequence[str]) -> None:
        request = {"job": job, "update_mask": {"paths": list(fields)}}
        self._client.update_job(request, **self._options)


def reconcile(jobs: Jobs, wanted: Iterable[Job], *, apply: bool, prune: bool) -> None:
    """Prints the plan, and with `apply` does it. Raises SchedulerError."""
    steps = plan(wanted, jobs.all(), prune=prune)
    # Printed before anything is changed, also if the output is not a terminal.
    print(*steps, sep="\n", flush=True)  # noqa: T201
    writes = [step for step in steps if step.writes]
    for step in writes if apply else ():
        jobs.apply(step)
    print(f"{len(writes)} {'written' if apply else 'to write: --apply does it'}")  # noqa: T201


@contextmanager
def opened(parent: str, endpoint: str | None, seconds: float) -> Iterator[Jobs]:
    """The jobs of the location `parent`, in the cloud or on a stand-in. Raises SchedulerError."""
    with _errors_mapped("sign in"):
        client = _client(endpoint)
    with client:
        yield Jobs(client, parent, seconds)


def _client(endpoint: str | None) -> CloudSchedulerClient:
    if endpoint is None:
        return CloudSchedulerClient()
    # The client's own option for an endpoint keeps TLS, which a stand-in does not have.
    channel = grpc.insecure_channel(endpoint)
    return CloudSchedulerClient(
        transport=CloudSchedulerGrpcTransport(host=endpoint, channel=channel)
    )


@contextmanager
def _errors_mapped(doing: str) -> Iterator[None]:
    try:
        yield
    except (GoogleAPIError, GoogleAuthError) as error:
        raise SchedulerError(f"cannot {doing}: {_reason(error)}") from error


def _reason(error: GoogleAPIError | GoogleAuthError) -> str:
    last = error.cause if isinstance(error, RetryError) else error
    message = last.message if isinstance(last, GoogleAPICallError) else str(last)
    return " ".join(f"{type(last).__name__}: {message}".split())
