"""Takes personal data and texts out of the trail: what admins have confirmed, and what is old.

Old are events that are past their tenant's `trailPersonalDataDays`, whose case is closed, or gone,
and under no legal hold. A mark says how far a tenant's events were looked at, so that each night
reads only what has become old since. A case that was passed because it was open or held is noted
beside the mark, and looked at again every night.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError

from shared import errors
from shared.documents.backoff import attempts
from shared.documents.port import Conflict, Delete, Document, Filter, Order, Query, Set, Write
from shared.ledger.decision import Decision
from shared.ledger.kinds.tenants import TENANT
from shared.ledger.ledger import CONTENTION_SECONDS
from shared.ledger.subjects import DELETED_AT, load
from shared.models.case import Status
from shared.models.events import EventType
from shared.models.settings import StoredSettings
from shared.repository import erasing, erasure
from shared.repository.paging import place
from shared.rules.erasures import everything
from shared.sweeps.run import SweepRun

_DAYS = "trailPersonalDataDays"
_CASE = "case:"


def go_on_erasing(run: SweepRun) -> None:
    """Goes on with the erasures that are confirmed and not completed, of all tenants."""
    for rows in run.pages(erasing.unfinished(run.now)):
        for row in rows:
            if run.has_time():
                _go_on(run, row)


def erase_old(run: SweepRun) -> None:
    """Erases what is old, of all tenants that have set when that is."""
    for tenants in run.pages(Query("tenants", (Filter(_DAYS, ">", 0),), (Order(_DAYS),))):
        for tenant in tenants:
            try:
                settings = load(TENANT, tenant)
            except (ValidationError, errors.Unreadable):
                settings = None
            if settings is None or settings.trail_personal_data_days is None:
                run.failed(tenant)
            elif run.has_time():
                _OldTrail(run, tenant, settings.trail_personal_data_days).erase()


def _go_on(run: SweepRun, row: Document) -> None:
    run.counts["examined"] += 1
    if run.dry:
        run.counts["changed"] += 1
        return
    try:
        found = erasing.carry_out(run.store, row.path, run.ledger.clock, run.has_time)
    except (ValueError, errors.Unreadable):
        run.failed(row)
    else:
        run.counts["changed" if found.completed_at else "skipped"] += 1


class _OldTrail:
    """What is old of one tenant's trail."""

    def __init__(self, run: SweepRun, tenant: Document, days: int) -> None:
        self._run = run
        self._store = run.store
        self._document = tenant
        self._tenant = tenant.id
        self._days = days
        self._until = run.now - timedelta(days=days)
        self._notes = f"{tenant.path}/trailRetention"
        self._mark = f"{self._notes}/mark"
        self._event_id = ""

    def erase(self) -> None:
        """Erases what is old: of the cases that were passed before, and then what is new."""
        after: tuple[Any, ...] = ()
        for rows in self._run.pages(Query(self._notes)):
            for row in rows:
                if row.path == self._mark:
                    after = self._place(row.data.get("after"))
            passed = [row.id.removeprefix(_CASE) for row in rows if row.path != self._mark]
            cases = erasure.cases_of(self._store, self._tenant, passed)
            for case_id, case in cases.items():
                if _is_over(case):
                    self._erase_case(case_id, case)
        trail = erasure.until(erasure.all_events(self._tenant), self._until)
        self._erase_all(replace(trail, after=after), marked=True)

    def _place(self, marked: object) -> tuple[Any, ...]:
        """The place that a mark names; the beginning for one that is none, or is of the future."""
        match marked:
            case [datetime() as time, str()] if time <= self._run.now:
                return tuple(marked)
        return ()

    def _erase_case(self, case_id: str, case: Document | None) -> None:
        """Erases what is old about a case that was passed before, and forgets that it was."""
        queries = erasure.of_subject(self._tenant, f"cases/{case_id}")
        if all(self._erase_all(query, marked=False) for query in queries):
            self._commit([Delete(self._note(case_id)), *erasure.guards([case])])

    def _erase_all(self, query: Query, *, marked: bool) -> bool:
        """Erases what the old ones of a query's events hold; False where some may be left.

        With `marked` the mark says how far it has come.
        """
        while self._run.has_time():
            rows = self._store.query(replace(query, limit=erasure.PAGE))
            self._run.counts["examined"] += len(rows)
            done = self._erase_page(rows, query if marked else None) if rows else 0
            if rows and not done:
                self._run.failed(self._document)
                return False
            if done == len(rows) < erasure.PAGE:
                return True
            query = replace(query, after=place(rows[done - 1], query))
        return False

    def _erase_page(self, rows: Sequence[Document], marked: Query | None) -> int:
        """Erases what the first of some events hold, in one commit; gives how many those are.

        None is 0: others were faster, too often.
        """
        for _ in attempts(CONTENTION_SECONDS):
            count = len(rows)
            events, writes = self._writes(rows, marked)
            while count > 1 and not erasure.fits(self._store, writes):
                count //= 2
                events, writes = self._writes(rows[:count], marked)
            if self._commit(writes):
                self._run.counts["changed"] += events
                return count
            found = self._store.get_many([row.path for row in rows])
            rows = [row for row in found if row]
        return 0

    def _writes(self, rows: Sequence[Document], marked: Query | None) -> tuple[int, list[Write]]:
        """In how many of some events values are erased, and the writes of the commit that does."""
        old = erasure.recorded_by(rows, self._until)
        erased = erasure.look(old, everything, self._event_id).erased
        cases = erasure.cases_of(self._store, self._tenant, (one.case_id for one in erased))
        over = {case_id: case for case_id, case in cases.items() if _is_over(case)}
        ready = [one for one in erased if one.case_id is None or one.case_id in over]
        if ready and not self._event_id and not self._run.dry:
            # First the event that records it, whose id the erased events have.
            self._event_id = self._recorded()
            return self._writes(rows, marked)
        writes: list[Write] = [one.write for one in ready]
        writes += erasure.guards(over.values())
        writes += [Set(self._note(one), {"caseId": one}) for one in cases if one not in over]
        if marked:
            writes.append(Set(self._mark, {"after": list(place(rows[-1], marked))}))
        return len(ready), writes

    def _recorded(self) -> str:
        """Records on the tenant's chain that data are erased; gives the id of the event."""
        message = f"Personal data erased that is older than {self._days} days"
        meta = {"scope": "retention", "days": self._days}

        def erased(old: StoredSettings, _: datetime) -> Decision[StoredSettings]:
            return Decision(old, EventType.DATA_ERASED, message, meta=meta)

        return self._run.ledger_of(self._tenant).change(TENANT, "", erased).happened.id

    def _commit(self, writes: list[Write]) -> bool:
        """Commits writes; False where something that they depend on was changed."""
        if not self._run.dry and writes:
            try:
                self._store.commit(writes)
            except Conflict:
                return False
        return True

    def _note(self, case_id: str) -> str:
        return f"{self._notes}/{_CASE}{case_id}"


def _is_over(case: Document | None) -> bool:
    """Whether nothing more comes of a case: it is closed or gone, and under no legal hold."""
    if case is None or DELETED_AT in case.data:
        return True
    return case.data.get("status") == Status.CLOSED and not erasure.is_held(case)
