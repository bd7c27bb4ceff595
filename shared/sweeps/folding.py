"""Counts what was sealed, right after it was: the figures of each tenant follow its log.

What is counted is a commit of its own. Whoever stops in between leaves entries that are not counted
yet, and so does a fault; the next run that seals something of the tenant, and the first run of each
day, count them. Nothing here stops the sealing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from shared import errors, log
from shared.documents.backoff import attempts
from shared.documents.port import Conflict, Document, OtherRelease, StoreError
from shared.ledger.ledger import CONTENTION_SECONDS
from shared.ledger.subjects import problem_of
from shared.models.sealed import StoredLog
from shared.repository import sealed
from shared.repository.counting import Counting
from shared.repository.folding import PAGE, Entry, entries_of, entry_of, fold
from shared.repository.tallies import read_totals, totals_path
from shared.sweeps.run import SweepRun

_MOST = 20 * PAGE
"""How many entries a run counts that were sealed before it."""


class Folding:
    """Counts entries of the logs of all tenants, for one run."""

    def __init__(self, run: SweepRun) -> None:
        self._store = run.store
        self._left = _MOST
        self._counting: dict[str, Counting] = {}

    def sealed(self, tenant: str, state: StoredLog, rows: Sequence[Document]) -> None:
        """Counts the events that were sealed just now, the last ones of the log."""
        self._guarded(tenant, lambda: self._count(tenant, state, [entry_of(row) for row in rows]))

    def catch_up(self, tenant: str) -> None:
        """Counts what earlier runs have left. It costs two reads where that is nothing."""
        self._guarded(tenant, lambda: self._caught_up(tenant))

    def _caught_up(self, tenant: str) -> None:
        log_of_it = sealed.opened(self._store, tenant)
        if log_of_it:
            self._count(tenant, log_of_it.state, [])

    def _guarded(self, tenant: str, work: Callable[[], None]) -> None:
        try:
            work()
        except OtherRelease:
            raise
        except StoreError as error:
            kind = type(error).__name__
            log.write("WARNING", "figures are left to the next sealing", tenant=tenant, cause=kind)
        except (errors.ApiError, ValueError, LookupError, TypeError, AttributeError) as error:
            log.write(
                "ERROR", "figures cannot be counted", tenant=tenant, problem=problem_of(error)
            )

    def _count(self, tenant: str, state: StoredLog, new: Sequence[Entry]) -> None:
        """Counts the entries of a log that are not counted; `new` are its last ones."""
        log_of_it = sealed.Log(self._store, tenant, state)
        counting = self._counting.setdefault(tenant, Counting(self._store, tenant))
        path, first_new = totals_path(tenant), state.size - len(new)
        for _ in attempts(CONTENTION_SECONDS):
            with suppress(Conflict):
                while True:
                    # Read anew for each commit: another run may have counted in between.
                    document = self._store.get(path)
                    counted = read_totals(document).counted
                    if counted >= first_new:
                        entries: Sequence[Entry] = new[counted - first_new :]
                    elif self._left > 0:
                        entries = entries_of(self._store, tenant, log_of_it, counted)
                        self._left -= len(entries)
                    else:
                        return
                    if not entries:
                        return
                    counted += fold(counting, self._store, path, document, entries)
                    if counted >= state.size:
                        return
