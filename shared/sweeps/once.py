"""A scheduled run takes place once, however often its request is delivered.

Cloud Scheduler delivers at least once, with the same job name and schedule time
(docs.cloud.google.com/scheduler/docs/configuring/deduplicate-job-requests). The first delivery
leaves a document, its mark: at first that it is under way and until when, in the end what it
answered. A TTL policy removes it after two days.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple

from shared.documents.port import (
    Conflict,
    Create,
    Data,
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
        """Where its mark is."""
        name = hashlib.sha256("\0".join(self).encode()).hexdigest()[:32]
        return f"scheduledRuns/{name}"


def once(
    store: DocumentStore,
    trigger: Trigger,
    now: datetime,
    longest: timedelta,
    work: Callable[[], Sweep],
) -> tuple[Sweep, bool]:
    """The answer of `work`, and whether it is that of an earlier delivery, which did the work.

    `longest` is how long a run may take: after that its mark does not count. Raises Aborted while
    the same run is under way elsewhere.
    """
    holder = uuid.uuid4().hex
    answer = _taken(store, trigger, _mark(trigger, now, holder, until=now + longest), now)
    if answer:
        return Sweep.model_validate_json(answer, extra="ignore"), True
    try:
        sweep = work()
    except (ApiError, StoreError):
        # So that the next delivery can try again; if this fails too, the mark runs out.
        with suppress(StoreError):
            _end(store, trigger, holder, None)
        raise
    done = _mark(trigger, now, holder, answer=sweep.model_dump_json())
    _end(store, trigger, holder, done)
    return sweep, False


def _end(store: DocumentStore, trigger: Trigger, holder: str, mark: Data | None) -> None:
    """Replaces the mark of `holder`, or removes it (None).

    A run that took too long may have been overtaken: then the mark is the other run's, and stays.
    """
    found = store.get(trigger.path)
    if found is None or found.data.get("holder") != holder:
        return
    with suppress(Conflict):
        path, version = trigger.path, found.version
        store.commit([Set(path, mark, version) if mark else Delete(path, version)])


def _taken(store: DocumentStore, trigger: Trigger, mark: Data, now: datetime) -> str | None:
    """Marks the run as under way; or gives the answer where it is done."""
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
    mark: Data,
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
    trigger: Trigger,
    now: datetime,
    holder: str,
    *,
    until: datetime | None = None,
    answer: str | None = None,
) -> Data:
    return {
        "holder": holder,
        "job": trigger.job,
        "scheduledFor": trigger.scheduled_for,
        "until": until,
        "answer": answer,
        "expireAt": now + _KEPT,
    }
