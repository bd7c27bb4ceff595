"""Seals events: has them appended to the log of their tenant.

Events are taken when they are a minute old, in the order of their times and ids. One that was
committed even later is found once a day, when each log is compared with its trail (`comparing.py`).
An event that does not match its own hash is never sealed, and stops nothing.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

from pydantic import ValidationError

from shared.bucket import Bucket
from shared.documents.port import Document, DocumentStore, Filter, Order, Query, Set
from shared.ledger import events
from shared.ledger.subjects import tenant_of
from shared.models.scheduled import LastRun
from shared.models.sealed import StoredSealing
from shared.repository import sealed
from shared.repository.log_keys import LogKeys
from shared.sweeps.appending import Appender
from shared.sweeps.comparing import Comparison
from shared.sweeps.run import SweepRun

PROGRESS = "sealing/progress"
DELAY = timedelta(seconds=60)
"""How old an event is when it is sealed: a commit takes far less, clocks included."""
_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)
_INSTANT = timedelta(microseconds=1)


def seal(
    run: SweepRun, keys: LogKeys, known: StoredSealing | None, bucket: Bucket | None = None
) -> StoredSealing:
    """Seals what is due of all tenants; gives how far that has come, which is `known` next time.

    One read where nothing is to be sealed, and one more where nothing is `known`. The first run of
    a day, in UTC, compares each log with its trail.
    """
    before = known or _progress(run.store)
    appender, cutoff = Appender(run, keys, bucket), run.now - DELAY
    comparison = Comparison(run, appender, cutoff)
    after = before.model_copy(update={"until": _news(run, comparison, cutoff, before.until)})
    if run.dry:
        return before
    today = cutoff.astimezone(UTC).date().isoformat()
    if after.compared_on != today:
        reached = comparison.of_all(after.reached)
        done = {"compared_on": today, "reached": ""} if run.result.complete else {}
        after = after.model_copy(update={"reached": reached, **done})
    if after != before and (after.until or after.reached):
        result = run.result
        told = {"started_at": run.now, "complete": result.complete}
        told |= {"done": result.changed, "failed": result.failed}
        after = after.model_copy(update=told)
        run.store.commit([Set(PROGRESS, after.to_data())])
    return after


def last(store: DocumentStore) -> LastRun | None:
    """What the last run did that had something to do; None for nothing."""
    found = _progress(store)
    if found.started_at is None:
        return None
    return LastRun(
        started_at=found.started_at,
        complete=found.complete,
        done=found.done,
        failed=found.failed,
    )


def _progress(store: DocumentStore) -> StoredSealing:
    document = store.get(PROGRESS)
    with suppress(ValidationError):
        return StoredSealing.read(document.data) if document else StoredSealing()
    # What cannot be read is begun anew: whatever has been sealed is found sealed.
    return StoredSealing()


def _news(
    run: SweepRun, comparison: Comparison, cutoff: datetime, since: datetime | None
) -> datetime | None:
    """Seals the events of all tenants after a time; gives up to which time that is done."""
    # Whoever sets the time to a later one puts the sealing off to the comparison, and no longer.
    since = min(since, cutoff) if since else None
    filters = (
        Filter(events.SEAL_SLOT, "in", list(range(events.SEAL_SLOTS))),
        Filter("createdAt", ">", since or _LONG_AGO),
        Filter("createdAt", "<=", cutoff),
    )
    until, left = since, list[datetime]()
    for rows in run.due(Query("audit", filters, (Order("createdAt"),), group=True)):
        run.counts["examined"] += len(rows)
        until = rows[-1].data["createdAt"]
        if run.dry:
            run.counts["changed"] += len(rows)
            continue
        by_tenant: dict[str, list[Document]] = {}
        for row in rows:
            by_tenant.setdefault(tenant_of(row.path), []).append(row)
        states = run.store.get_many([sealed.state_path(tenant) for tenant in by_tenant])
        for (tenant, own), state in zip(by_tenant.items(), states, strict=True):
            if not comparison.take(tenant, state, own):
                left.append(own[0].data["createdAt"])
    if until != since and until is not None and not run.result.complete:
        left.append(until)
    # Of the events of one time, some may have been left.
    return min(left) - _INSTANT if left else until
