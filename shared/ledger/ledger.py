"""The one door for every mutation: the subject's new state and its audit event, in one commit.

    read subject -> rule gives the new state and the event, or refuses -> commit, provided that
        the subject is still the version that was read, and the event does not exist yet

Nothing is locked. Who loses reads again and lets the rule decide again. An event's id is made from
the caller's Idempotency-Key, so the event is the receipt too: where a commit fails, is refused, or
has an unknown outcome, the receipt tells whether it, or the same request before it, took effect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import datetime
from threading import Lock
from typing import Generic, NamedTuple, TypeVar

from shared import errors
from shared.documents.backoff import attempts
from shared.documents.port import Conflict, Document, DocumentStore, Unavailable, Write
from shared.documents.values import commit_bytes
from shared.ledger import events
from shared.ledger.attempt import KEY_REUSED, Posting
from shared.ledger.decision import Decision, Origin, Recorded, RowOutcome, Rule, Seen
from shared.ledger.subjects import Kind, etag, load, tenant_of
from shared.models.subjects import Subject

CONTENTION_SECONDS = 10.0
"""How long a mutation tries again against others before it answers ABORTED."""

BATCH = 250
"""Subjects in one commit: with their events 500 writes, half of what the store takes."""

BATCH_BYTES = 3 * 1_048_576
"""Data in one commit of many subjects: the emulator takes no request of 4 MiB."""

TURN_SECONDS = 1.0
_TURNS = tuple(Lock() for _ in range(64))

S = TypeVar("S", bound=Subject)
T = TypeVar("T")


class Ledger:
    """Mutations of one request, on one store, by one clock."""

    def __init__(self, store: DocumentStore, origin: Origin, clock: Callable[[], datetime]) -> None:
        self.store = store
        self.origin = origin
        self.clock = clock

    @property
    def tenant(self) -> str:
        """Whose documents these are."""
        return self.origin.tenant

    def create(
        self, kind: Kind[S], name: str, decide: Callable[[datetime], Decision[S]]
    ) -> Recorded[S]:
        """Writes a new subject in one round trip. Raises AlreadyExists where the id is taken."""
        posting = Posting(self.store, self.origin, kind)
        for _ in attempts(CONTENTION_SECONDS):
            now = self.clock()
            try:
                decision = decide(now)
            except errors.ApiError:
                # It may have been in time when it came before.
                if recorded := posting.receipt():
                    return recorded
                raise
            if recorded := posting.post(name, None, decision, now):
                return recorded
            taken = self.store.get(kind.path(self.tenant, name))
            if recorded := posting.receipt():
                return recorded
            if taken:
                raise errors.AlreadyExists(f"{kind.subject(name)} exists, or has existed")
        raise posting.given_up()

    def change(
        self, kind: Kind[S], name: str, rule: Rule[S], *, seen: Seen | None = None
    ) -> Recorded[S]:
        """Applies `rule` to a subject: two round trips, or one where it was `seen` already.

        Raises what the rule raises, NotFound, PreconditionFailed for a stale If-Match, KeyReused,
        Aborted after too many lost races, and the store's Unavailable.
        """
        return self._change(Posting(self.store, self.origin, kind), name, rule, seen)

    def change_many(
        self, kind: Kind[S], names: Sequence[str], rule_of: Callable[[str], Rule[S]]
    ) -> list[RowOutcome[S]]:
        """Applies each subject's rule, many to a commit; gives what became of each, in order."""
        documents = self.store.get_many([kind.path(self.tenant, name) for name in names])
        rows = [
            # By its number, so that another batch with the same key meets the same receipts.
            _Row(
                name,
                Seen(document),
                rule_of(name),
                Posting(self.store, self.origin, kind, str(number)),
            )
            for number, (name, document) in enumerate(zip(names, documents, strict=True))
        ]
        return self._change_rows(rows)

    def change_seen(
        self, kind: Kind[S], documents: Sequence[Document], rule_of: Callable[[Document], Rule[S]]
    ) -> list[RowOutcome[S]]:
        """Applies each rule to subjects of any tenants that were read already, many to a commit.

        Gives what became of each, in order. Each event is on its subject's own chain.
        """
        rows = []
        for document in documents:
            origin = replace(self.origin, tenant=tenant_of(document.path))
            posting = Posting(self.store, origin, kind, document.path)
            rows.append(_Row(document.id, Seen(document), rule_of(document), posting))
        return self._change_rows(rows)

    def replay(self, kind: Kind[S]) -> Recorded[S] | None:
        """What this request did when it came before, if it did."""
        return Posting(self.store, self.origin, kind).receipt()

    def _change_rows(self, rows: Sequence[_Row[S]]) -> list[RowOutcome[S]]:
        outcomes: list[RowOutcome[S]] = []
        for start in range(0, len(rows), BATCH):
            outcomes += self._change_batch(rows[start : start + BATCH])
        return outcomes

    def _change(
        self, posting: Posting[S], name: str, rule: Rule[S], seen: Seen | None
    ) -> Recorded[S]:
        path = posting.path(name)
        for _ in attempts(CONTENTION_SECONDS):
            with _turn(path) if posting.beaten else nullcontext():
                document = seen.document if seen else self.store.get(path)
                if recorded := self._attempt(posting, name, rule, document):
                    return recorded
            seen = None
        raise posting.given_up()

    def _attempt(
        self, posting: Posting[S], name: str, rule: Rule[S], document: Document | None
    ) -> Recorded[S] | None:
        now = self.clock()
        decided = self._decided(posting, name, rule, document, now)
        if isinstance(decided, Recorded):
            return decided
        return posting.post(name, document, decided, now) or posting.receipt()

    def _decided(
        self,
        posting: Posting[S],
        name: str,
        rule: Rule[S],
        document: Document | None,
        now: datetime,
    ) -> Decision[S] | Recorded[S]:
        """What the rule decides; or what is so already: nothing changes, or it came before."""
        try:
            state = self._state(posting.kind, name, document, now)
            decision = rule(state, now)
        except errors.ApiError:
            if recorded := posting.receipt():
                return recorded
            raise
        return decision or posting.receipt() or Recorded(name, state, None)

    def _change_batch(self, rows: Sequence[_Row[S]]) -> list[RowOutcome[S]]:
        if len(rows) == 1:
            (row,) = rows
            return [_caught(lambda: self._change(row.posting, row.name, row.rule, row.seen))]
        prepared = [self._prepared(row) for row in rows]
        if self._committed(rows, [write for _, writes in prepared for write in writes]):
            return [outcome for outcome, _ in prepared]
        # Somebody changed one of them, or nobody knows, or they are too much: halves, down to one
        # that finds out. But nothing of a batch whose key was used for another.
        if self.origin.key:
            self._refuse_reused_key(rows)
        half = len(rows) // 2
        return self._change_batch(rows[:half]) + self._change_batch(rows[half:])

    def _prepared(self, row: _Row[S]) -> tuple[RowOutcome[S], list[Write]]:
        """What one row of a batch comes to, and the writes that it needs for that."""
        now, document = self.clock(), row.seen.document
        decided = _caught(lambda: self._decided(row.posting, row.name, row.rule, document, now))
        if isinstance(decided, Decision):
            return row.posting.prepared(row.name, document, decided, now)
        return decided, []

    def _refuse_reused_key(self, rows: Sequence[_Row[S]]) -> None:
        paths = [events.path(self.tenant, row.posting.event_id) for row in rows]
        for receipt in self.store.get_many(paths):
            if receipt and receipt.data.get("requestHash") != self.origin.request_hash:
                raise errors.KeyReused(KEY_REUSED)

    def _committed(self, rows: Sequence[_Row[S]], writes: Sequence[Write]) -> bool:
        """Commits a batch; False where it is too large, others were first, or nobody knows."""
        if commit_bytes(writes) > BATCH_BYTES:
            return False
        try:
            if writes:
                self.store.commit(writes)
        except Conflict:
            return False
        except Unavailable:
            for row in rows:
                row.posting.unknown += 1
            return False
        return True

    def _state(self, kind: Kind[S], name: str, document: Document | None, now: datetime) -> S:
        state = load(kind, document)
        if state is None and document is None and kind.absent:
            state = kind.absent(name, now)
        if state is None:
            raise errors.NotFound(f"{kind.subject(name)} does not exist")
        if self.origin.matches and not self.origin.matches(etag(state)):
            current = [{"etag": f'"{etag(state)}"'}]
            raise errors.PreconditionFailed("If-Match does not name the current version", current)
        return state


@contextmanager
def _turn(path: str) -> Iterator[None]:
    """Lets those of this process who lost a race for a document try again one after the other.

    It spares the store their next races. Nothing hangs on it, so nobody waits for long.
    """
    turn = _TURNS[hash(path) % len(_TURNS)]
    mine = turn.acquire(timeout=TURN_SECONDS)
    try:
        yield
    finally:
        if mine:
            turn.release()


class _Row(NamedTuple, Generic[S]):
    """One subject of a batch; its posting goes with it through every commit that it is part of."""

    name: str
    seen: Seen
    rule: Rule[S]
    posting: Posting[S]


def _caught(step: Callable[[], T]) -> T | errors.ApiError:
    """What `step` gives, or the error that one row of a batch ends with."""
    try:
        return step()
    except errors.KeyReused:
        # That is an error of the whole request.
        raise
    except errors.ApiError as error:
        return error
