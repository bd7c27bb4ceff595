"""Appends events to the log of their tenant, and signs what the log is then.

One commit has the new end of the log, with its checkpoint, and whatever has become full. Its
condition is that the end is still the one that was read. So two runs at once make one history: what
the other one has appended is left out when the end is read again. A checkpoint is shown by nobody
before it is committed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from shared import errors, log
from shared.documents.backoff import attempts
from shared.documents.port import (
    AlreadyExists,
    Conflict,
    Create,
    Document,
    Set,
    Unavailable,
    Write,
)
from shared.ledger import events
from shared.ledger.ledger import CONTENTION_SECONDS
from shared.models.events import Event
from shared.models.sealed import StoredLog, place_of
from shared.repository import sealed
from shared.repository.log_keys import LogKeys
from shared.rules import chain
from shared.rules.growth import Entry, grown, root_of
from shared.rules.note import checkpoint_text, open_note, parse_checkpoint, sign
from shared.sweeps.run import SweepRun

TRAIL_BROKEN = "trail_broken"
PUT_BACK = "it goes on beyond its own end, so the end was put back"
_MAX_UNSEALED = 1_000
"""So many ids of events that cannot be sealed are kept; there should be none."""


class _Judged(NamedTuple):
    """An event to be sealed; None where it does not match its own hash."""

    id: str
    place: str
    event: Event | None


class BrokenLogError(Exception):
    """A log is not as it was signed, so nothing may be appended to it. It says in what."""


class Appender:
    """Appends to the logs of all tenants, and counts what it does as the run's."""

    def __init__(self, run: SweepRun, keys: LogKeys) -> None:
        self._run = run
        self._keys = keys
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
                if writes := self._writes(tenant, state, judged, late=late):
                    self._run.store.commit(writes)
            except (BrokenLogError, errors.Unreadable, ValueError) as error:
                return self._close(tenant, problem(error))
            except Unavailable:
                beaten = False
            except Conflict as error:
                beaten = isinstance(error, AlreadyExists)
            else:
                return True
            again = self._run.store.get(sealed.state_path(tenant))
            if beaten and _version(again) == _version(state):
                return self._close(tenant, PUT_BACK)
            state = again
        self._run.counts["failed"] += len(rows)
        log.write("WARNING", "events are left to the next sealing", tenant=tenant)
        return False

    def _close(self, tenant: str, why: str) -> bool:
        self._closed.add(tenant)
        self.broken(tenant, why)
        return True

    def sound(self, tenant: str, document: Document | None) -> StoredLog:
        """The end of a log, which is as it was signed. Raises BrokenLogError and others."""
        if document is None:
            return StoredLog()
        state = sealed.read(StoredLog, document)
        root = root_of(state)
        if not state.checkpoint:
            if state.size:
                raise BrokenLogError("its end is not signed")
            return state
        # Where an epoch has just begun, the last one's checkpoint is still there.
        epochs = {max(1, state.epoch - 1), state.epoch}
        signers = [one for epoch in epochs for one in self._keys.signers(tenant, epoch)]
        text = open_note(state.checkpoint, [signer.verifier for signer in signers])
        signed = parse_checkpoint(text)
        names = {signer.name for signer in signers}
        if (signed.size, signed.root) != (state.size, root) or signed.origin not in names:
            raise BrokenLogError("its end is not what was signed")
        return state

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
    ) -> list[Write]:
        """What makes the log have these events; nothing where it has all of them."""
        state = self.sound(tenant, document)
        new = self._new(tenant, state, judged, late=late)
        bad = [one.id for one in new if one.event is None and one.id not in state.unsealed]
        entries = [
            Entry(one.place, one.id, bytes.fromhex(one.event.hash), late)
            for one in new
            if one.event is not None
        ]
        if not entries and not bad:
            return []
        after, bundles, tiles = grown(state, entries)
        sealed_now = {entry.id for entry in entries}
        unsealed = [one for one in state.unsealed if one not in sealed_now] + bad
        signed = after.model_copy(
            update={
                "until": max(after.until, *(one.place for one in new)),
                "unsealed": unsealed[:_MAX_UNSEALED],
                "checkpoint": self.signed(tenant, after),
            }
        )
        self._run.counts["changed"] += len(entries)
        path = sealed.state_path(tenant)
        return [
            Set(path, signed.to_data(document.data), document.version)
            if document
            else Create(path, signed.to_data()),
            *(Create(sealed.bundle_path(tenant, n), one.to_data()) for n, one in bundles.items()),
            *(Create(sealed.tile_path(tenant, *n), one.to_data()) for n, one in tiles.items()),
        ]

    def _new(
        self, tenant: str, state: StoredLog, judged: Sequence[_Judged], *, late: bool
    ) -> list[_Judged]:
        """Those of the events that the log does not have yet."""
        if not late:
            return [one for one in judged if one.place > state.until]
        known = sealed.Log(self._run.store, tenant, state)
        readable = [one for one in judged if one.event and one.place <= state.until]
        return [one for one in readable if one.event and not known.find(one.event)]

    def signed(self, tenant: str, state: StoredLog) -> str:
        """The checkpoint of a log."""
        origin = self._keys.origin(tenant, state.epoch)
        text = checkpoint_text(origin, state.size, root_of(state))
        return sign(text, self._keys.signers(tenant, state.epoch))

    def _judged(self, tenant: str, row: Document) -> _Judged:
        event = events.valid(row)
        if event is None or event.hash != chain.event_hash(tenant, event):
            self._tell(tenant, row.id)
            event = None
        return _Judged(row.id, place_of(row.data["createdAt"], row.id), event)

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


def _version(document: Document | None) -> int | None:
    return document.version if document else None
