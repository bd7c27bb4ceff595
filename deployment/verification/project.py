"""What a project's own interfaces say: indexes and expiry, rules, jobs, and drift."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from google.cloud.scheduler_v1.types import Job

from deployment import indexes, rules
from deployment.google import Google
from deployment.verification.edge import Scheduled
from deployment.verification.outcome import Problem
from shared.schedules import SCHEDULES

_SHOWN = 5


def index_states(google: Google, database: str) -> str:
    """Every index and expiry of firestore.indexes.json is there and ready. Raises Problem."""
    lacking = indexes.lacking(google, database)
    if lacking:
        raise Problem(
            f"{len(lacking)} are missing or not ready: {_shown(lacking)}",
            "Run deploy.sh; what is being built is ready after minutes, or hours for much data.",
        )
    return "all are ready"


def rules_released(google: Google, database: str, names: tuple[str, str]) -> str:
    """The rules in force are those of firestore.rules, with the claims `names`. Raises Problem."""
    if not rules.in_force(google, database, names):
        raise Problem("other rules are in force than firestore.rules", "Run deploy.sh.")
    return "firestore.rules is in force"


def job_states(found: Sequence[Job]) -> str:
    """Each job exists, is not paused, and its last run went well. Raises Problem."""
    by_name = {job.name.rpartition("/")[2]: job for job in found}
    wanted = [f"caseledger-{one.function.replace('_', '-')}" for one in SCHEDULES]
    if missing := [name for name in wanted if name not in by_name]:
        raise Problem(f"missing: {', '.join(missing)}", "Run deploy.sh without naming functions.")
    ours = [by_name[name] for name in wanted]
    if stopped := [_id(job) for job in ours if job.state not in (0, Job.State.ENABLED)]:
        raise Problem(
            f"not enabled: {', '.join(stopped)}",
            f"gcloud scheduler jobs resume {stopped[0]}, and so on.",
        )
    if failing := [f"{_id(job)} ({_why(job)})" for job in ours if job.status.code]:
        raise Problem(
            f"the last run failed: {', '.join(failing)}",
            "Look at the row of the scheduled functions, and at the log of the job.",
        )
    never = [_id(job) for job in ours if not job.last_attempt_time]
    return f"{len(ours)} are enabled" + (f"; not run yet: {', '.join(never)}" if never else "")


def scheduled(found: Sequence[Job]) -> list[Scheduled]:
    """The scheduled functions as their jobs call them."""
    wanted = {f"caseledger-{one.function.replace('_', '-')}": one.function for one in SCHEDULES}
    return [
        Scheduled(wanted[_id(job)], job.http_target.uri, job.http_target.oidc_token.audience)
        for job in found
        if _id(job) in wanted
    ]


def drift(differing: Callable[[], list[str]]) -> str:
    """What is deployed is what deploy.sh would deploy. Raises Problem."""
    if other := differing():
        raise Problem(
            f"{len(other)} differ: {_shown(other)}",
            "Run deploy.sh; with --dry-run it shows what it would change.",
        )
    return "every service is as deploy.sh would make it"


def _shown(names: Sequence[str]) -> str:
    more = f", and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return "; ".join(names[:_SHOWN]) + more


def _id(job: Job) -> str:
    name: str = job.name
    return name.rpartition("/")[2]


def _why(job: Job) -> str:
    return f"code {job.status.code} {job.status.message}".strip()
