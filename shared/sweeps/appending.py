"""Appends events to the log of their tenant, and signs what the log is then.

One commit has the new end of the log, with its checkpoint, and whatever has become full. Its
condition is that the end is still the one that was read. So two runs at once make one history: what
the other one has appended is left out when the end is read again. A checkpoint is shown by nobody
before it is committed.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

from shared import errors, log
from shared.bucket import Bucket
from shared.documents.backoff import attempts
from shared.documents.port import (
    AlreadyExists,
    Conflict,
    Create,
    Document,
    Stale,
    Unavailable,
    Write,
)
from shared.ledger import events
from shared.ledger.ledger import CONTENTION_SECONDS
from shared.ledger.subjects import version_of, written
from shared.models.events import Event
from shared.models.sealed import StoredLog, place_of
from shared.repository import sealed
from shared.repository.log_keys import LogKeys
from shared.rules import chain
from shared.rules.growth import Entry, grown
from shared.sweeps.anchoring import Anchors, ForkError
from shared.sweeps.folding import Folding
from shared.sweeps.run import SweepRun
from shared.sweeps.signing import BrokenLogError, Signing

TRAIL_BROKEN = "trail_broken"
PUT_BACK = "it goes on beyond its own end, so the end was put back"
_MAX_UNSEALED = 1_000
"""So many ids of events that cannot be sealed are kept; there should be none."""


class _Judged(NamedTuple):
    """An event to be sealed, of a document; None where it does not match its own hash.

    Without a time it has no place, and comes after nothing.
    """

    row: Document
    place: str
    event: Event | None

    @property
    def id(self) -> str:
        """The id of the event."""
        return self.row.id


class _Grown(NamedTuple):
    """A log with new events at its end, the writes that make it so, and these events."""

    state: StoredLog
    writes: list[Write]
    rows: list[Document]


class Appender:
    """Appends to the logs of all tenants, and counts what it does as the run's."""

    def __init__(self, run: SweepRun, keys: LogKeys, bucket: Bucket | None) -> None:
        self._run = run
        self.signing = Signing(run.store, keys)
        self._anchors = Anchors(bucket, run.store)
        self.folding = Folding(run)
        self._told: set[tuple[str, str]] = set()
        self._closed: set[str] = set()

    def append(
        self, tenant: str, state: Document | None, rows: Sequence[Document], *, late: bool = False
    ) -> bool:
        """Appends events, given in their order, to the log whose `state` was read.

        Those that are in the log are left out. What can never be appended is told in the log line;
        False is for what the next run should try again. To a log that is broken nothing is appended
        any more.
        """
        if tenant in self._closed:
            return True
        judged = [self._judged(tenant, row) for row in rows]
        for _ in attempts(CONTENTION_SECONDS):
            try:
                self._commit(tenant, state, judged, late=late)
            except (BrokenLogError, errors.Unreadable, ValueError) as error:
                return self._close(tenant, problem(error))
            except Unavailable:
                beaten = False
            except Conflict as error:
                beaten = isinstance(error, AlreadyExists)
            else:
                return True
            again = self._run.store.get(sealed.state_path(tenant))
            if beaten and version_of(again) == version_of(state):
                return self._close(tenant, PUT_BACK)
            state = again
        self._run.counts["failed"] += len(rows)
        log.write("WARNING", "events are left to the next sealing", tenant=tenant)
        return False

    def _commit(
        self, tenant: str, document: Document | None, judged: Sequence[_Judged], *, late: bool
    ) -> None:
        """Appends what is new, unless the log is a fork. Raises what `append` knows."""
        try:
            if found := self._writes(tenant, document, judged, late=late):
                self._run.store.commit(found.writes)
                self._anchors.keep(tenant, found.state)
                self.folding.sealed(tenant, found.state, found.rows)
            else:
                # Whoever has appended them may have stopped before they were counted.
                self.folding.catch_up(tenant)
        except ForkError as fork:
            if not self._is_forked(tenant, document, fork):
                raise Stale from fork

    def _close(self, tenant: str, why: str) -> bool:
        self._closed.add(tenant)
        self.broken(tenant, why)
        return True

    def refuses(self, tenant: str, document: Document | None) -> bool:
        """Whether nothing is appended until a new epoch is started, which is told."""
        refused = document.data.get("refused") if document else None
        if refused:
            self.broken(tenant, refused)
        return bool(refused)

    def fits(self, tenant: str, document: Document | None, state: StoredLog) -> bool:
        """Whether a log continues what is kept outside; where it does not, it is refused."""
        try:
            self._anchors.compare(tenant, state)
        except ForkError as fork:
            return not self._is_forked(tenant, document, fork)
        return True

    def _is_forked(self, tenant: str, document: Document | None, fork: ForkError) -> bool:
        """Refuses a log until a new epoch is started; not where another run has moved its end."""
        path = sealed.state_path(tenant)
        if version_of(self._run.store.get(path)) != version_of(document):
            return False
        self._close(tenant, str(fork))
        told = {"refused": str(fork), "other_epoch": fork.epoch, "behind": True}
        with suppress(Conflict):  # the next run says it again
            state = sealed.read(StoredLog, document) if document else StoredLog()
            refused = state.model_copy(update=told)
            self._run.store.commit([written(path, document, refused)])
        return True

    def broken(self, tenant: str, why: str) -> None:
        """Tells of a log that does not fit its trail, or is not as it was signed."""
        if self._is_new(tenant, why):
            log.write(
                "ERROR",
                "a log does not fit its trail",
                securityEvent=TRAIL_BROKEN,
                tenant=tenant,
                problem=why,
            )

    def _writes(
        self, tenant: str, document: Document | None, judged: Sequence[_Judged], *, late: bool
    ) -> _Grown | None:
        """The log with these events, and what makes it so; None where it has all of them."""
        state = self.signing.sound(tenant, document)
        new = self._new(tenant, state, judged, late=late)
        bad = [one.id for one in new if one.event is None and one.id not in state.unsealed]
        entries = [
            Entry(one.place, one.id, bytes.fromhex(one.event.hash), late)
            for one in new
            if one.event is not None
        ]
        rows = [one.row for one in new if one.event is not None]
        if not entries and not bad:
            return None
        if state.refused:
            raise BrokenLogError(state.refused)
        self._anchors.compare(tenant, state)
        after, bundles, tiles = grown(state, entries)
        sealed_now = {entry.id for entry in entries}
        unsealed = [one for one in state.unsealed if one not in sealed_now] + bad
        looked_at = {
            "until": max(after.until, *(one.place for one in new)),
            "unsealed": unsealed[:_MAX_UNSEALED],
        }
        signed = self.signing.signed(tenant, after.model_copy(update=looked_at))
        self._run.counts["changed"] += len(entries)
        path = sealed.state_path(tenant)
        writes = [
            written(path, document, signed),
            *(Create(sealed.bundle_path(tenant, n), one.to_data()) for n, one in bundles.items()),
            *(Create(sealed.tile_path(tenant, *n), one.to_data()) for n, one in tiles.items()),
        ]
        return _Grown(signed, writes, rows)

    def _new(
        self, tenant: str, state: StoredLog, judged: Sequence[_Judged], *, late: bool
    ) -> list[_Judged]:
        """Those of the events that the log does not have yet."""
        if not late:
            return [one for one in judged if one.place > state.until]
        known = sealed.Log(self._run.store, tenant, state)
        readable = [one for one in judged if one.event and one.place <= state.until]
        return [one for one in readable if one.event and not known.find(one.event)]

    def _judged(self, tenant: str, row: Document) -> _Judged:
        event = events.valid(row)
        if event is None or not chain.holds(tenant, event):
            self._tell(tenant, row.id)
            event = None
        at = row.data.get("createdAt")
        return _Judged(row, place_of(at, row.id) if isinstance(at, datetime) else "", event)

    def _tell(self, tenant: str, event_id: str) -> None:
        """Tells of an event that cannot be sealed."""
        if self._is_new(tenant, event_id):
            log.write(
                "ERROR",
                "an event does not match its hash, and is not sealed",
                securityEvent=TRAIL_BROKEN,
                tenant=tenant,
                event=event_id,
            )

    def _is_new(self, tenant: str, what: str) -> bool:
        """Whether something was not told in this run; it counts as a failure once."""
        if (tenant, what) in self._told:
            return False
        self._told.add((tenant, what))
        self._run.counts["failed"] += 1
        return True


def problem(error: Exception) -> str:
    """What is wrong with a log, without what stands in it."""
    return error.message if isinstance(error, errors.Unreadable) else str(error)
