"""One run of a scheduled function over all documents that are due, of all tenants.

The field `sweepAt` of cases and interventions says when a scheduled function is to look at them
next: first a day after they are done, which is the least that a tenant can set, and from then on
when the tenant's settings say. So a run reads only what is due. After a change of the settings, all
documents that wait according to the old ones are looked at again.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from pydantic import ValidationError

from shared import errors, log
from shared.documents.port import Conflict, Document, Filter, Order, Query, Update, Write
from shared.ledger.decision import Decider, R, Recorded, RowOutcome
from shared.ledger.kinds.tenants import TENANT
from shared.ledger.ledger import BATCH, Ledger
from shared.ledger.subjects import Kind, S, load, tenant_of
from shared.models.scheduled import Sweep
from shared.models.settings import StoredSettings
from shared.repository.batches import pages
from shared.rules.cases import NEVER

T = TypeVar("T")
_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)
_SWEEP_AT = "sweepAt"


class SweepRun:
    """The state of one run: its ledger, its time, its counts, and the settings that it has read.

    `ledger` is not bound to one tenant; `seconds` is how long the run may take, and it ends earlier
    once `stopping()`. An Idempotency-Key
    or If-Match of its request is ignored, because what is due differs from run to run.
    """

    def __init__(
        self, ledger: Ledger, seconds: float, stopping: Callable[[], bool], *, dry: bool
    ) -> None:
        origin = replace(ledger.origin, key=None, request_hash=None, matches=None)
        self.ledger = Ledger(ledger.store, origin, ledger.clock, listeners=ledger.listeners)
        self.store = ledger.store
        self.now = ledger.clock()
        self.dry = dry
        self.counts: Counter[str] = Counter()
        self._seconds = seconds
        self._stopping = stopping
        self._started = time.monotonic()
        self._complete = True
        self._oldest = 0.0
        self._settings: dict[str, StoredSettings | None] = {}
        self._tenants: dict[str, Document | None] = {}

    @property
    def result(self) -> Sweep:
        """What the run has done so far."""
        counts = {name: self.counts[name] for name in ("examined", "changed", "failed", "skipped")}
        elapsed = time.monotonic() - self._started
        return Sweep(**counts, complete=self._complete, duration_ms=round(elapsed * 1000))

    @property
    def oldest(self) -> int:
        """For how many seconds the row was due that was due for longest when the run came to it."""
        return round(self._oldest)

    def due(self, query: Query) -> Iterator[list[Document]]:
        """The rows of a query, page by page, as long as the run has time."""
        for rows in self.pages(query):
            self._note_age(rows[0], query)
            yield rows

    def pages(self, query: Query) -> Iterator[list[Document]]:
        """The same, for rows that are not late however long they have been there."""
        return pages(self.store, query, BATCH, self.has_time)

    def has_time(self) -> bool:
        """Whether the run may go on; once it may not, it is not complete."""
        if self._stopping() or time.monotonic() - self._started >= self._seconds:
            self._complete = False
        return self._complete

    def readable(
        self, state_of: Callable[[Document], T | None], rows: Sequence[Document]
    ) -> Iterator[tuple[Document, T]]:
        """The rows with their states; unreadable rows are counted as failed and left alone."""
        self.counts["examined"] += len(rows)
        for row in rows:
            try:
                state = state_of(row)
            except (ValidationError, errors.Unreadable):
                state = None
            if state is None:
                self.failed(row)
            else:
                yield row, state

    def change(
        self,
        kind: Kind[S],
        pairs: Sequence[tuple[Document, S | None]],
        decider_of: Callable[[Document], Decider[S, R]],
    ) -> None:
        """Changes each row, which has this state, by its decider, and counts the outcomes.

        That goes through the ledger.
        """
        if self.dry:
            self.counts["changed"] += len(pairs)
            return
        outcomes = self.ledger.change_seen(kind, pairs, decider_of)
        for (row, _), outcome in zip(pairs, outcomes, strict=True):
            self._count(row, outcome)

    def ripe(
        self, pairs: Sequence[tuple[Document, S]], when: Callable[[StoredSettings, S], datetime]
    ) -> list[tuple[Document, S]]:
        """The rows that are due by their tenant's settings; the others are postponed until then.

        Rows of a tenant whose settings are unreadable are counted as failed and left as they are.
        """
        self._read_tenants([tenant_of(row.path) for row, _ in pairs])
        ripe: list[tuple[Document, S]] = []
        later: list[tuple[Document, datetime]] = []
        for row, state in pairs:
            settings = self._settings[tenant_of(row.path)]
            if settings is None:
                self.failed(row)
            elif (at := when(settings, state)) > self.now:
                later.append((row, at))
            else:
                ripe.append((row, state))
        self.postpone(later)
        return ripe

    def postpone(self, rows: Sequence[tuple[Document, datetime]]) -> None:
        """Sets when rows are to be looked at again, and counts them as skipped."""
        self.counts["skipped"] += len(rows)
        if not self.dry:
            self._write([_look_at(row, at) for row, at in rows])

    def failed(self, row: Document) -> None:
        """Counts a row as failed, and names it in the log."""
        self.counts["failed"] += 1
        log.write("ERROR", "a scheduled function leaves a document as it is", document=row.path)

    def ledger_of(self, tenant: str) -> Ledger:
        """The ledger, bound to a tenant."""
        return self.ledger.of(tenant)

    def tenant(self, tenant: str) -> Document | None:
        """A tenant's document: at first as its settings were read from it, then read again."""
        if tenant in self._tenants:
            return self._tenants.pop(tenant)
        return self.store.get(TENANT.path(tenant, ""))

    def wake(self, flag: str, waiting: Callable[[str], Sequence[Query]]) -> None:
        """Makes all documents due that wait according to settings which have changed since.

        `flag` is the field of a tenant that says when they changed; `waiting` gives the queries for
        a tenant's documents, which are sorted by `sweepAt`.
        """
        if self.dry:
            return
        late = (Filter(flag, ">", _LONG_AGO),)
        changed = Query("tenants", late, (Order(flag),), select=(flag,))
        for tenants in self.due(changed):
            for tenant in tenants:
                awake = [self._woken(query) for query in waiting(tenant.id)]
                if all(awake):
                    self._write([Update(tenant.path, {flag: None}, version=tenant.version)])

    def _woken(self, query: Query) -> bool:
        """Makes all rows of a query due now; False where some may be left."""
        later = (*query.filters, Filter(_SWEEP_AT, ">", self.now))
        pages = self.due(replace(query, filters=later, select=(_SWEEP_AT,)))
        written = [self._write([_look_at(row, self.now) for row in rows]) for rows in pages]
        return self._complete and all(written)

    def _note_age(self, row: Document, query: Query) -> None:
        since = row.data.get(query.order[0].field)
        if isinstance(since, datetime):
            self._oldest = max(self._oldest, (self.now - since).total_seconds())

    def _read_tenants(self, tenants: Sequence[str]) -> None:
        unknown = sorted(set(tenants) - self._settings.keys())
        if not unknown:
            return
        documents = self.store.get_many([TENANT.path(tenant, "") for tenant in unknown])
        for tenant, document in zip(unknown, documents, strict=True):
            self._tenants[tenant] = document
            self._settings[tenant] = self._settings_in(document)

    def _settings_in(self, document: Document | None) -> StoredSettings | None:
        try:
            return load(TENANT, document) or StoredSettings(updated_at=self.now)
        except (ValidationError, errors.Unreadable):
            return None

    def _write(self, writes: Sequence[Write]) -> bool:
        """Commits writes that need no event; False where a document was changed and so is left."""
        try:
            if writes:
                self.store.commit(writes)
        except Conflict:
            half = len(writes) // 2
            written = [self._write(part) for part in (writes[:half], writes[half:]) if half]
            return half > 0 and all(written)
        return True

    def _count(self, row: Document, outcome: RowOutcome[Any, Any]) -> None:
        match outcome:
            case Recorded(event=None) | errors.NotFound():
                self.counts["skipped"] += 1
            case Recorded():
                self.counts["changed"] += 1
            case _:
                self.failed(row)


def sorted_by_sweep(collection: str, *filters: Filter, group: bool = False) -> Query:
    """A query for documents in the order in which they are to be looked at."""
    return Query(collection, filters, (Order(_SWEEP_AT),), group=group)


def due_by(now: datetime) -> Filter:
    """The filter for documents that are due by now."""
    return Filter(_SWEEP_AT, "<=", now)


def rounds(named: Iterable[tuple[str, T]]) -> Iterator[dict[str, T]]:
    """Things by their names, in rounds with at most one of each name.

    A commit writes a document once, so of what changes the same one, one is taken at a time.
    """
    by_name: dict[str, list[T]] = {}
    for name, thing in named:
        by_name.setdefault(name, []).append(thing)
    for number in range(max(map(len, by_name.values()), default=0)):
        yield {name: found[number] for name, found in by_name.items() if number < len(found)}


def after_days(moment: datetime, days: int | None) -> datetime:
    """The time so many days later; NEVER for None."""
    if days is None or timedelta(days=days) >= NEVER - moment:
        return NEVER
    return moment + timedelta(days=days)


def _look_at(row: Document, at: datetime) -> Update:
    return Update(row.path, {_SWEEP_AT: at}, version=row.version)
