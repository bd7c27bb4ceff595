"""A scheduled run takes place once, however often its request is delivered.

Cloud Scheduler delivers at least once, with the same job name and schedule time
(docs.cloud.google.com/scheduler/docs/configuring/deduplicate-job-requests). Before the first thing
that a run writes it leaves a document, its mark: at first that it is under way and until when, in
the end what it answered. A TTL policy removes it after two days. A run that finds nothing to do
writes nothing: whoever delivers it again has it look again.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, NamedTuple, cast

from shared.documents.port import (
    Conflict,
    Create,
    Data,
    Delete,
    Document,
    DocumentStore,
    Filter,
    Order,
    Query,
    Set,
    StoreError,
    Write,
)
from shared.errors import Aborted, ApiError
from shared.models.scheduled import LastRun, Sweep

_KEPT = timedelta(days=2)


class Trigger(NamedTuple):
    """A scheduled run: the job's name, and the time that it was due at, as its headers say.

    `function` is what it calls, as the last segment of the path.
    """

    job: str
    scheduled_for: str
    function: str

    @property
    def path(self) -> str:
        """Where its mark is."""
        name = hashlib.sha256("\0".join(self[:2]).encode()).hexdigest()[:32]
        return f"scheduledRuns/{name}"


def once(
    store: DocumentStore,
    trigger: Trigger,
    now: datetime,
    longest: timedelta,
    work: Callable[[DocumentStore], Sweep],
) -> tuple[Sweep, bool]:
    """The answer of `work`, and whether it is that of an earlier delivery, which did the work.

    `work` is given the store that it must use. `longest` is how long a run may take: after that its
    mark does not count. Raises Aborted while the same run is under way elsewhere.
    """
    run = _Run(store, trigger, now, longest)
    try:
        sweep = _worked(run, work)
        run.end(sweep)
    except _AnsweredError as found:
        return found.sweep, True
    except _UnderWayError:
        raise Aborted("this run is under way; its answer comes when it is done") from None
    return sweep, False


def tell(store: DocumentStore, trigger: Trigger, now: datetime, sweep: Sweep) -> None:
    """Leaves the mark of a run that may be done again, so that `last` finds it."""
    run = _Run(store, trigger, now, timedelta())
    store.commit([Set(trigger.path, run.done(sweep))])


def _worked(run: _Run, work: Callable[[DocumentStore], Sweep]) -> Sweep:
    try:
        return work(run.store)
    except (ApiError, StoreError):
        # So that the next delivery can try again; if this fails too, the mark runs out.
        with suppress(StoreError):
            run.end(None)
        raise


def last(store: DocumentStore, function: str) -> LastRun | None:
    """What a scheduled function last did, of what its marks still say; None for nothing."""
    of_function = (Filter("function", "==", function),)
    newest = (Order("startedAt", descending=True),)
    for mark in store.query(Query("scheduledRuns", of_function, newest, limit=1)):
        sweep = Sweep.model_validate_json(mark.data["answer"], extra="ignore")
        return LastRun(
            started_at=mark.data["startedAt"],
            complete=sweep.complete,
            done=sweep.changed,
            failed=sweep.failed,
        )
    return None


class _AnsweredError(Exception):
    """The same run was done elsewhere. It ends this one wherever it is."""

    def __init__(self, answer: str) -> None:
        super().__init__()
        self.sweep = Sweep.model_validate_json(answer, extra="ignore")


class _UnderWayError(Exception):
    """The same run is being done elsewhere. It ends this one wherever it is."""


class _Run:
    """One delivery of a run; `store` is what its work uses."""

    def __init__(
        self, store: DocumentStore, trigger: Trigger, now: datetime, longest: timedelta
    ) -> None:
        self.store = cast("DocumentStore", _Marking(store, self.mark))
        self._plain = store
        self._trigger = trigger
        self._now = now
        self._until = now + longest
        self._holder = uuid.uuid4().hex
        self._marked = False

    def look(self, found: Document | None) -> None:
        """Ends this delivery where the mark says that another one has done it, or is doing it."""
        if found and found.data["answer"]:
            raise _AnsweredError(str(found.data["answer"]))
        if found and found.data["until"] > self._now:
            raise _UnderWayError

    def mark(self) -> None:
        """Says that the run is under way here, before its first commit."""
        if self._marked:
            return
        try:
            self._plain.commit([Create(self._trigger.path, self._data(until=self._until))])
        except Conflict:
            self._take_over()
        self._marked = True

    def _take_over(self) -> None:
        found = self._plain.get(self._trigger.path)
        if found and self._is_own(found):
            return  # the answer to the first attempt was lost
        self.look(found)
        if found is None:
            raise _UnderWayError
        mark = self._data(until=self._until)
        try:
            self._plain.commit([Set(self._trigger.path, mark, version=found.version)])
        except Conflict:
            raise _UnderWayError from None

    def end(self, sweep: Sweep | None) -> None:
        """Puts the answer into the mark, or removes it (None).

        A run that took too long may have been overtaken: then the mark is the other run's, and
        stays. One that had nothing to do has no mark: perhaps because another did it meanwhile.
        """
        path = self._trigger.path
        found = self._plain.get(path)
        if found is None or not self._is_own(found):
            if not self._marked:
                self.look(found)
            return
        with suppress(Conflict):
            if sweep:
                self._plain.commit([Set(path, self.done(sweep), found.version)])
            else:
                self._plain.commit([Delete(path, found.version)])

    def done(self, sweep: Sweep) -> Data:
        """The mark of a run that is done: by the function and the time `last` finds it."""
        named = {"function": self._trigger.function, "startedAt": self._now}
        return self._data(answer=sweep.model_dump_json()) | named

    def _is_own(self, found: Document) -> bool:
        return bool(found.data.get("holder") == self._holder)

    def _data(self, *, until: datetime | None = None, answer: str | None = None) -> Data:
        return {
            "holder": self._holder,
            "job": self._trigger.job,
            "scheduledFor": self._trigger.scheduled_for,
            "until": until,
            "answer": answer,
            "expireAt": self._now + _KEPT,
        }


class _Marking:
    """A store on which a run leaves its mark before it first commits anything."""

    def __init__(self, store: DocumentStore, mark: Callable[[], None]) -> None:
        self._store = store
        self._mark = mark

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def commit(self, writes: Sequence[Write]) -> None:
        """See `DocumentStore`."""
        self._mark()
        self._store.commit(writes)
