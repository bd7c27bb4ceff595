"""Scheduled functions, for all tenants: expiry, closing, webhooks, retention, sealing and so on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from shared import log
from shared.documents.port import DocumentStore
from shared.edge.function import Call, Reply, function
from shared.ledger.ledger import Ledger
from shared.models.scheduled import ScheduledRun, ScheduledRuns, Sweep, SweepQuery
from shared.rules.callers import OVERSEEING, SCHEDULERS
from shared.schedules import SCHEDULES, Schedule
from shared.sweeps import closing, expiry, integrity, purge, seal, stale_runs
from shared.sweeps.once import Trigger, last, once, tell
from shared.sweeps.run import SweepRun

_AHEAD = timedelta(minutes=1)
"""How far ahead the time of a run may be because clocks differ."""
_MARGIN = timedelta(minutes=1)
"""What a run may take beyond its time: it checks the clock between two pages."""
_SEALING = "sealAudit"


@function("POST", "/scheduled/expireInterventions", roles=SCHEDULERS)
def expire_interventions(call: Call, query: SweepQuery) -> Reply[Sweep]:
    """Expires interventions that nobody decided in time, and reminds people of the others.

    A reminder is the event `intervention_reminded`, at 50 % and 90 % of the time to decide.
    """

    def work(run: SweepRun) -> None:
        expiry.expire(run)
        expiry.remind(run)

    return _swept(call, query, work)


@function("POST", "/scheduled/failStaleRuns", roles=SCHEDULERS)
def fail_stale_runs(call: Call, query: SweepQuery) -> Reply[Sweep]:
    """Fails runs of agents that took too long, with the error `timed out`."""
    return _swept(call, query, stale_runs.fail_stale)


@function("POST", "/scheduled/closeApprovedCases", roles=SCHEDULERS)
def close_approved_cases(call: Call, query: SweepQuery) -> Reply[Sweep]:
    """Closes cases that have been approved for as many days as their tenant's `autoCloseDays`."""
    return _swept(call, query, closing.close_approved)


@function("POST", "/scheduled/deliverWebhooks", roles=SCHEDULERS)
def deliver_webhooks(call: Call, query: SweepQuery) -> Sweep:
    """Sends the events that are due to the tenants' webhooks.

    `changed` counts what was delivered or has failed for good, and `skipped` what is due again. A
    run that is delivered twice does no harm: nothing is sent by two at the same time.
    """
    from shared.sweeps import delivering  # noqa: PLC0415 - it loads what sends, for this one alone

    runtime = call.runtime
    seconds = runtime.config.sweep_seconds
    run = SweepRun(call.ledger, seconds, lambda: runtime.stopping, dry=query.dry_run)
    delivering.deliver(run, runtime.sender)
    if not run.dry:
        call.exchange.noted |= _noted(run)
        if run.counts["examined"] and (trigger := _trigger(call)):
            tell(call.store, trigger, call.now, run.result)
    return run.result


@function("POST", "/scheduled/purgeRecords", roles=SCHEDULERS)
def purge_records(call: Call, query: SweepQuery) -> Reply[Sweep]:
    """Removes what is past its tenant's retention and under no legal hold; audit events stay."""
    return _swept(call, query, purge.purge)


@function("POST", "/scheduled/checkIntegrity", roles=SCHEDULERS)
def check_integrity(call: Call, query: SweepQuery) -> Reply[Sweep]:
    """Verifies a thirtieth of all subjects and of the logs' entries, so that 30 runs verify all.

    `failed` counts what does not hold; for each, the server logs an error.
    """
    return _swept(call, query, integrity.check)


@function("POST", "/scheduled/sealAudit", roles=SCHEDULERS)
def seal_audit(call: Call, query: SweepQuery) -> Sweep:
    """Appends events that are a minute old to the log of their tenant, and signs its checkpoint.

    A run that is delivered twice does no harm: the second continues where the first one is.
    """
    runtime = call.runtime
    seconds = runtime.config.sweep_seconds
    run = SweepRun(call.ledger, seconds, lambda: runtime.stopping, dry=query.dry_run)
    if keys := runtime.log_keys:
        runtime.sealing = seal.seal(run, keys, runtime.sealing, runtime.bucket)
    else:
        log.write("WARNING", "there is no CASELEDGER_LOG_KEY, so no event is sealed")
    if not run.dry:
        call.exchange.noted |= _noted(run)
    return run.result


@function("GET", "/scheduled", roles=OVERSEEING)
def list_scheduled(call: Call) -> ScheduledRuns:
    """Lists what runs automatically, and what each last did.

    The counts are of all tenants together. A run that found nothing to do leaves nothing, and so
    does one that was started by hand; what others did is known for two days.
    """
    return ScheduledRuns(runs=[_last_run(call, schedule) for schedule in SCHEDULES])


def _last_run(call: Call, schedule: Schedule) -> ScheduledRun:
    name = _name(schedule.path)
    done = seal.last(call.store) if name == _SEALING else last(call.store, name)
    return ScheduledRun(name=name, cron=schedule.cron, last=done)


def _name(path: str) -> str:
    """What a scheduled function is called by: the end of its path."""
    return path.rpartition("/")[2]


def _swept(call: Call, query: SweepQuery, sweep: Callable[[SweepRun], None]) -> Reply[Sweep]:
    """Does a run; if its trigger was delivered before, gives the result of that run."""
    seconds = call.runtime.config.sweep_seconds
    noted: dict[str, Any] = {}

    def work(store: DocumentStore) -> Sweep:
        runtime = call.runtime
        ledger = Ledger(store, call.origin, runtime.clock, runtime.directory, runtime.listeners)
        run = SweepRun(ledger, seconds, lambda: runtime.stopping, dry=query.dry_run)
        sweep(run)
        noted.update(_noted(run))
        return run.result

    trigger = _trigger(call)
    if query.dry_run:
        return Reply(work(call.store))
    if trigger is None:
        reply = Reply(work(call.store))
    else:
        longest = timedelta(seconds=seconds) + _MARGIN
        answer, replayed = once(call.store, trigger, call.now, longest, work)
        reply = Reply(answer, replayed=replayed)
    if not reply.replayed:
        call.exchange.noted |= noted
    return reply


def _noted(run: SweepRun) -> dict[str, Any]:
    """What the log says of a run: metrics and alerts are made of it (`deployment/alerts.py`)."""
    counts = run.result.model_dump(exclude={"duration_ms"})
    return {"sweep": counts, "oldestDueSeconds": run.oldest}


def _trigger(call: Call) -> Trigger | None:
    """What Cloud Scheduler says about the run; None for a run by hand.

    A job that is forced to run may carry the time of its next run, which is not to be taken for
    done then (docs.cloud.google.com/scheduler/docs/configuring/deduplicate-job-requests).
    """
    request = call.exchange.request
    headers = request.headers
    job = headers.get("X-CloudScheduler-JobName")
    scheduled_for = headers.get("X-CloudScheduler-ScheduleTime")
    if not job or not scheduled_for or _is_ahead(scheduled_for, call.now):
        return None
    return Trigger(job, scheduled_for, _name(request.path))


def _is_ahead(moment: str, now: datetime) -> bool:
    with suppress(ValueError, TypeError):
        return datetime.fromisoformat(moment) > now + _AHEAD
    return False
