"""A scheduled run is done once, however often it is delivered.

Cloud Scheduler delivers at least once, with the same job name and schedule time
(docs.cloud.google.com/scheduler/docs/configuring/deduplicate-job-requests). The first delivery
leaves a document: at first that it is under way, in the end what it answered. It is kept for two
days, by a TTL policy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from shared.documents.port import (
    Conflict,
    Create,
    Delete,
    Document,
    DocumentStore,
    Set,
    StoreError,
)
from shared.errors import Aborted, ApiError
from shared.models.scheduled import Sweep

_KEPT = timedelta(days=2)


class Trigger(NamedTuple):
    """A scheduled run: the job's name, and the time that it was due at, as its headers say."""

    job: str
    scheduled_for: str

    @property
    def path(self) -> str:
        """Where it leaves its mark."""
        name = hashlib.sha256("\0".join(self).encode()).hexdigest()[:32]
        return f"scheduledRuns/{name}"


def once(
    store: DocumentStore,
    trigger: Trigger,
    now: datetime,
    longest: timedelta,
    work: Callable[[], Sweep],
) -> tuple[Sweep, bool]:
    """Does `work`, or gives the answer of the run that did it; and whether it did not.

    `longest` is how long a run may take: after that its mark does not count. Raises Aborted while
    the same run is under way elsewhere.
    """
    answer = _taken(store, trigger, now, longest)
    if answer:
        return Sweep.model_validate_json(answer, extra="ignore"), True
    try:
        sweep = work()
    except (ApiError, StoreError):
        # So that the next delivery can try again; if that fails too, the mark runs out.
        store.commit([Delete(trigger.path)])
        raise
    store.commit([Set(trigger.path, _mark(trigger, now, answer=sweep.model_dump_json()))])
    return sweep, False


def _taken(store: DocumentStore, trigger: Trigger, now: datetime, longest: timedelta) -> str | None:
    """Marks the run as under way; or gives the answer where it is done."""
    mark = _mark(trigger, now, until=now + longest)
    try:
        store.commit([Create(trigger.path, mark)])
    except Conflict:
        found = store.get(trigger.path)
        if found and found.data["answer"]:
            return str(found.data["answer"])
        _take_over(store, trigger, found, mark, now)
    return None


def _take_over(
    store: DocumentStore,
    trigger: Trigger,
    found: Document | None,
    mark: dict[str, object],
    now: datetime,
) -> None:
    under_way = Aborted("this run is under way; its answer comes when it is done")
    if found is None or found.data["until"] > now:
        raise under_way
    try:
        store.commit([Set(trigger.path, mark, version=found.version)])
    except Conflict:
        raise under_way from None


def _mark(
    trigger: Trigger, now: datetime, *, until: datetime | None = None, answer: str | None = None
) -> dict[str, object]:
    return {
        "job": trigger.job,
        "scheduledFor": trigger.scheduled_for,
        "until": until,
        "answer": answer,
        "expireAt": now + _KEPT,
    }
