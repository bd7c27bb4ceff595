"""The attempts of one request to have one event recorded, and what was recorded in the end."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Generic

from shared import errors
from shared.documents.port import (
    Conflict,
    Create,
    DocumentStore,
    Unavailable,
    Write,
)
from shared.ledger import deliveries, events
from shared.ledger.decision import Before, Decision, Note, R, Recorded
from shared.ledger.directory import Directory
from shared.ledger.listeners import Endpoints, Listeners
from shared.ledger.origin import Origin
from shared.ledger.preserved import preserving, require_room
from shared.ledger.subjects import PARTS_LEFT_SINCE, Kind, S, changes, load, tombstone, written
from shared.models.events import Event
from shared.models.subjects import Head
from shared.rules import chain

UNKNOWN_OUTCOMES = 5
"""How many commits of a mutation may have an unknown outcome before the caller gets a 503."""

KEY_REUSED = "the Idempotency-Key was used for another request"


def _salt() -> str:
    """What keeps an erased value from being found by trying: 128 random bits, in hex."""
    return secrets.token_hex(16)


def in_order(number: int) -> str:
    """A number as text, so that texts sort as their numbers do.

    Numbers up to 9 stay as they are, as the first release wrote them.
    """
    digits = str(number)
    return digits if len(digits) == 1 else f"{chr(ord('a') + len(digits) - 2)}{digits}"


class Posting(Generic[S, R]):
    """The attempts of one request to have one event recorded."""

    def __init__(  # noqa: PLR0913 - what one event is recorded by
        self,
        store: DocumentStore,
        origin: Origin,
        kind: Kind[S],
        row: str = "",
        *,
        directory: Directory | None = None,
        listeners: Listeners | None = None,
        event_id: str | None = None,
    ) -> None:
        self.kind = kind
        self._directory = directory or Directory()
        self._listeners = listeners or Listeners()
        self._store = store
        self._origin = origin
        self.event_id = event_id or origin.event_id(row)
        self._sent: dict[str, Recorded[S, R]] = {}
        self.unknown = 0
        self.beaten = False

    def path(self, name: str) -> str:
        """Where the subject called `name` is kept."""
        return self.kind.path(self._origin.tenant, name)

    def post(
        self, name: str, before: Before[S], decision: Decision[S, R], now: datetime
    ) -> Recorded[S, R] | None:
        """Commits a decision; None where others were first, or where the outcome is unknown."""
        recorded, writes = self.prepared(name, before, decision, now)
        tenant, actor = self._origin.tenant, self._origin.actor
        writes = deliveries.in_room(writes, tenant, self.event_id, now)
        writes += self._directory.entries(tenant, actor, now, writes)
        require_room(decision, writes, self._store.max_commit_bytes)
        try:
            self._store.commit(writes)
        except Conflict:
            self.beaten = True
            return None
        except Unavailable:
            self.unknown += 1
            if self.unknown >= UNKNOWN_OUTCOMES:
                raise
            return None
        self._directory.keep(tenant, actor, now)
        return recorded

    def prepared(
        self, name: str, before: Before[S], decision: Decision[S, R], now: datetime
    ) -> tuple[Recorded[S, R], list[Write]]:
        """What would be recorded, and the writes that record it."""
        origin, kind = self._origin, self.kind
        decided = kind.identified(decision.state, origin.actor)
        facts = kind.facts(before.state, decided) if before.state else {}
        content = {
            "id": self.event_id,
            "subject": kind.subject(name),
            "case_id": decision.case_id,
            "created_at": now,
            "actor": origin.actor,
            "source": decision.source or origin.source,
            "event_type": decision.event_type,
            "severity": decision.severity,
            "agent_id": decision.agent_id,
            "outcome": "success",
            "message": decision.message,
            "reason": decision.reason,
            "changes": changes(kind, before.state, None if decision.deletes else decided),
            "meta": {**decision.meta, **facts},
            "request_id": origin.request_id,
            "request_hash": origin.request_hash,
        }
        event = chain.linked(origin.tenant, decision.state.head, content, _salt)
        endpoints = self._listeners.of(self._store, origin.tenant, now)
        last, more = self._following(event, content, decision.also, endpoints)
        head = decision.state.head.model_copy(update={"sequence": last.sequence, "hash": last.hash})
        state = decided.model_copy(update={"head": head, "updated_at": now})
        path = self.path(name)
        left = {PARTS_LEFT_SINCE: now} if decision.leaves_parts else {}
        writes = [
            tombstone(path, before.document, state, **left)
            if decision.deletes
            else written(path, before.document, state),
            *self._recording(event, endpoints),
            *more,
            *decision.writes,
            *preserving(event, decision.preserves),
        ]
        self._sent[event.hash] = recorded = Recorded(name, state, event, result=decision.result)
        return recorded, writes

    def _recording(self, event: Event, endpoints: Endpoints) -> list[Write]:
        """The writes of an event, and of its deliveries to those who hear of it."""
        tenant = self._origin.tenant
        own = Create(events.path(tenant, event.id), events.to_data(event))
        return [own, *deliveries.of_event(tenant, event, endpoints)] if endpoints else [own]

    def _following(
        self,
        event: Event,
        content: dict[str, Any],
        notes: Sequence[Note],
        endpoints: Endpoints,
    ) -> tuple[Event, list[Write]]:
        """The further events of a commit: the last one of the chain, and the writes of all."""
        tenant = self._origin.tenant
        writes: list[Write] = []
        for number, note in enumerate(notes, 2):
            own: dict[str, Any] = {
                "id": f"{self.event_id}-{in_order(number)}",
                "changes": [],
                "request_hash": None,
            }
            head = Head(sequence=event.sequence, hash=event.hash)
            event = chain.linked(tenant, head, {**content, **own, **note._asdict()}, _salt)
            writes += self._recording(event, endpoints)
        return event, writes

    def receipt(self) -> Recorded[S, R] | None:
        """What this request did, in an attempt whose answer was lost or when it was first sent.

        None where it has done nothing yet. Raises KeyReused where another request had its key.
        """
        origin = self._origin
        if origin.key is None and not self.unknown:
            return None
        document = self._store.get(events.path(origin.tenant, self.event_id))
        if document is None:
            return None
        event = events.from_document(document)
        if own := self._sent.get(event.hash):
            return own
        if event.request_hash != origin.request_hash:
            raise errors.KeyReused(KEY_REUSED)
        name = event.subject.removeprefix(f"{self.kind.collection}/")
        subject = self._store.get(self.path(name))
        return Recorded(name, load(self.kind, subject), event, replayed=True)

    def given_up(self) -> Exception:
        """The error to raise when there is no time left for another attempt."""
        if self.unknown:
            return Unavailable("the outcome of the commit is unknown")
        return errors.Aborted("others were faster, too often; try again")
