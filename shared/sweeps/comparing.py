"""Compares the log of each tenant with its trail, once a day.

Usually the two have as many events, which costs one read for a thousand of them. Where they do not,
the events are looked up in the log, the newest first: what the log lacks is appended, and what the
trail lacks was removed past the API.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from shared import errors
from shared.documents.port import Aggregation, Conflict, Document, Filter, Order, Query, Update
from shared.ledger import events
from shared.ledger.subjects import tenant_of
from shared.models.sealed import StoredLog, place_of
from shared.repository import sealed
from shared.rules.tiles import WIDTH
from shared.sweeps.appending import PUT_BACK, Appender, problem
from shared.sweeps.run import SweepRun
from shared.sweeps.signing import BrokenLogError

_BEHIND_ALL_IDS = "\U0010fffd"
_OLDEST_FIRST = (Order("createdAt"),)
_NAMED = 10
"""How many entries the log line names whose events are gone."""


class Comparison:
    """Finds what the logs lack, as long as the run has time."""

    def __init__(self, run: SweepRun, appender: Appender, cutoff: datetime) -> None:
        self._run = run
        self._store = run.store
        self._appender = appender
        self._cutoff = cutoff

    def take(self, tenant: str, state: Document | None, rows: Sequence[Document]) -> bool:
        """Appends new events to a log; False for what the next run should try again.

        A log that cannot be read is told, and stops no other.
        """
        try:
            return self._taken(tenant, state, rows)
        except (errors.Unreadable, ValueError) as error:
            self._appender.broken(tenant, problem(error))
            return True

    def _taken(self, tenant: str, state: Document | None, rows: Sequence[Document]) -> bool:
        """The same. A log that is begun has all events of the trail, also older ones.

        Events of the first format are found by no query of all tenants.
        """
        if state is None:
            (oldest,) = self._store.query(self._trail(tenant, limit=1))
            if oldest.id != rows[0].id:
                return self._catch_up(tenant, None)
        elif self._appender.refuses(tenant, state):
            return True
        elif state.data.get("behind"):
            return self._caught_up(tenant, state)
        return self._appender.append(tenant, state, rows)

    def of_all(self, reached: str) -> str:
        """Compares the logs of all tenants after one; gives the tenant up to which it came."""
        for tenant in self._tenants(reached):
            try:
                self._compare(tenant)
            except (BrokenLogError, errors.Unreadable, ValueError) as error:
                self._appender.broken(tenant, problem(error))
            self._appender.folding.catch_up(tenant)
            if not self._run.has_time():
                break
            reached = tenant
        return reached

    def _tenants(self, after: str) -> Iterator[str]:
        """The tenants that have events, one query each: from the last id of one to the next."""
        last = f"tenants/{after}/audit/{_BEHIND_ALL_IDS}" if after else ""
        query = Query("audit", limit=1, select=("createdAt",), group=True)
        while self._run.has_time():
            found = self._store.query(replace(query, after=(last,) if last else ()))
            if not found:
                return
            path = found[0].path
            yield tenant_of(path)
            last = max(path, f"tenants/{tenant_of(path)}/audit/{_BEHIND_ALL_IDS}")

    def _compare(self, tenant: str) -> None:
        path = sealed.state_path(tenant)
        document = self._store.get(path)
        if self._appender.refuses(tenant, document):
            return
        size = self._appender.signing.sound(tenant, document).size
        if self._store.get(sealed.bundle_path(tenant, size // WIDTH)):
            raise BrokenLogError(PUT_BACK)
        if not self._catch_up(tenant, document):
            return
        self._seal_again(tenant)
        document = self._store.get(path)
        state = self._appender.signing.sound(tenant, document)
        if not self._appender.fits(tenant, document, state) or not state.until:
            return
        trail = self._trail(tenant, Filter("createdAt", "<=", _time(state.until)))
        (counted,) = self._store.aggregate([Aggregation(replace(trail, order=()))])
        lacking = counted.count - state.size - len(state.unsealed)
        if lacking:
            if not self._settled(tenant, state, lacking):
                return
            document = self._store.get(path)
        if document:
            # Signed by the keys of today, so that one that was replaced is not needed any more.
            now = self._appender.signing.signed(
                tenant, self._appender.signing.sound(tenant, document)
            )
            signed = {"checkpoint": now.checkpoint, "signedEpoch": now.signed_epoch}
            fresh = {**signed, "comparedUntil": state.until, "behind": False}
            if any(document.data.get(name) != value for name, value in fresh.items()):
                with suppress(Conflict):  # the next comparison will do it
                    self._store.commit([Update(path, fresh, version=document.version)])

    def _catch_up(self, tenant: str, document: Document | None) -> bool:
        """Appends the events that are newer than the log; False where that is not done."""
        path = sealed.state_path(tenant)
        beginning = sealed.read(StoredLog, document).until if document else ""
        newer = [Filter("createdAt", ">=", _time(beginning))] if beginning else []
        for rows in self._run.pages(self._trail(tenant, *newer)):
            self._run.counts["examined"] += len(rows)
            if not self._appender.append(tenant, document, rows):
                return False
            document = self._store.get(path)
        return self._run.has_time()

    def _caught_up(self, tenant: str, document: Document) -> bool:
        """Appends what was left out while the log was refused; False where that is not done."""
        if not self._catch_up(tenant, document):
            return False
        now = self._store.get(document.path)
        if now and not now.data.get("refused"):
            with suppress(Conflict):  # the next run will do it
                self._store.commit([Update(now.path, {"behind": False}, version=now.version)])
        return True

    def _seal_again(self, tenant: str) -> None:
        """Seals events that could not be sealed, if that was put right; forgets those gone."""
        path = sealed.state_path(tenant)
        document = self._store.get(path)
        state = sealed.read(StoredLog, document) if document else StoredLog()
        if document is None or not state.unsealed:
            return
        rows = self._store.get_many([events.path(tenant, one) for one in state.unsealed])
        gone = {one for one, row in zip(state.unsealed, rows, strict=True) if row is None}
        if gone:
            left = [one for one in state.unsealed if one not in gone]
            with suppress(Conflict):
                self._store.commit([Update(path, {"unsealed": left}, version=document.version)])
        there = [row for row in rows if row]
        if there:
            self._appender.append(tenant, self._store.get(path), there, late=True)

    def _settled(self, tenant: str, state: StoredLog, lacking: int) -> bool:
        """Appends the events that the log lacks; tells of entries whose events are gone.

        It ends when that makes up for the difference; False where the run has no time for it.
        """
        log = sealed.Log(self._store, tenant, state)
        gone: list[int] = []
        missing = 0
        for number in range(log.size // WIDTH, -1, -1):
            bundle = log.bundle(number)
            before = log.bundle(number - 1).until if number else ""
            left = {one: number * WIDTH + n for n, one in enumerate(bundle.ids)}
            for rows in self._between(tenant, before, bundle.until):
                known = [left.pop(row.id, None) for row in rows]
                unknown = [row for row, index in zip(rows, known, strict=True) if index is None]
                unknown = [row for row in unknown if row.id not in state.unsealed]
                missing += self._appended(tenant, log, unknown)
            late = [one for one in bundle.late if one in left]
            there = self._store.get_many([events.path(tenant, one) for one in late]) if late else []
            for row in filter(None, there):
                left.pop(row.id)
            gone += left.values()
            if missing - len(gone) == lacking:
                break
            if not self._run.has_time():
                return False
        if gone:
            named = ", ".join(map(str, sorted(gone)[:_NAMED]))
            self._appender.broken(tenant, f"events are gone that it has: {len(gone)}, at {named}")
        return True

    def _appended(self, tenant: str, log: sealed.Log, rows: Sequence[Document]) -> int:
        """Appends those of the events that are not in the log; gives how many that are."""
        found = [row for row in rows if not log.came_late(row.id)]
        if found:
            state = self._store.get(sealed.state_path(tenant))
            self._appender.append(tenant, state, found, late=True)
        return len(found)

    def _between(self, tenant: str, after: str, until: str) -> Iterator[list[Document]]:
        """The events of a tenant with places after one and up to another."""
        if after == until:
            return
        times = [Filter("createdAt", "<=", _time(until))]
        times += [Filter("createdAt", ">=", _time(after))] if after else []
        for rows in self._run.pages(self._trail(tenant, *times)):
            places = [place_of(row.data["createdAt"], row.id) for row in rows]
            yield [row for row, one in zip(rows, places, strict=True) if after < one <= until]

    def _trail(self, tenant: str, *filters: Filter, limit: int | None = None) -> Query:
        """The query for a tenant's events, up to the cutoff if the filters name no end."""
        if not any(one.op == "<=" for one in filters):
            filters = (*filters, Filter("createdAt", "<=", self._cutoff))
        return Query(f"tenants/{tenant}/audit", filters, _OLDEST_FIRST, limit=limit)


def _time(found: str) -> datetime:
    """The time of a place. Raises ValueError where it is none."""
    return datetime.fromisoformat(found.partition(" ")[0])
