"""The only path for mutations: the subject's new state and its audit event, in one commit.

    read the subject -> decide on its new state and the event, or refuse -> commit, provided that
        the subject is still the version that was read, and the event does not exist yet

No lock protects a document. Whoever loses a race reads again and decides again; the losers in one
process take turns at that, which only spares the store more races. An event's id is made from the
caller's Idempotency-Key, so the event is the receipt too: where a commit fails, is refused, or has
an unknown outcome, the receipt tells whether it, or the same request before it, took effect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import datetime
from threading import Lock
from typing import Any, Generic, NamedTuple, TypeVar

from shared import errors
from shared.documents.backoff import attempts
from shared.documents.port import (
    Conflict,
    Document,
    DocumentStore,
    TooLarge,
    Unavailable,
    Write,
)
from shared.ledger import events
from shared.ledger.attempt import KEY_REUSED, Posting
from shared.ledger.decision import (
    Before,
    Decider,
    Decision,
    R,
    Recorded,
    RowOutcome,
    Seen,
    Unchanged,
)
from shared.ledger.directory import Directory
from shared.ledger.listeners import Listeners
from shared.ledger.origin import Origin
from shared.ledger.preserved import with_former
from shared.ledger.subjects import Kind, etag, load, tell, tenant_of
from shared.models.subjects import Subject

CONTENTION_SECONDS = 10.0
"""How long a mutation retries after lost races before it answers ABORTED."""

BATCH = 250
"""Subjects in one commit: most need up to four of the 1,000 writes that a store takes."""

_AFTER_NOTES = "s"
"""Sorts behind the numbers that further events on the subject's own chain have (`in_order`)."""

TURN_SECONDS = 1.0
_TURNS = tuple(Lock() for _ in range(64))

S = TypeVar("S", bound=Subject)
T = TypeVar("T")


class Ledger:
    """Mutations of one request, on one store, by one clock.

    `directory` is what the instance remembers of the people who make changes, and `listeners` of
    the webhooks that hear of them.
    """

    def __init__(
        self,
        store: DocumentStore,
        origin: Origin,
        clock: Callable[[], datetime],
        directory: Directory | None = None,
        listeners: Listeners | None = None,
    ) -> None:
        self.directory = directory or Directory()
        self.listeners = listeners or Listeners()
        self.store = store
        self.origin = origin
        self.clock = clock
        self._beside: dict[str, Document | None] = {}
        # Those of them that the last decision asked for.
        self._asked: set[str] = set()
        # That of the decision which is being made.
        self._event_id = ""

    @property
    def tenant(self) -> str:
        """The tenant whose documents are changed."""
        return self.origin.tenant

    @property
    def without_match(self) -> Ledger:
        """The same, for a request whose If-Match is not about the subject of the change."""
        return self._with(replace(self.origin, matches=None))

    def for_row(self, source: str, key: str) -> Ledger:
        """The same, for what is done once for a row of a source, whoever asks for it, and how."""
        return self._with(
            replace(self.origin, key=f"{source}\0{key}", request_hash=None, by_anyone=True)
        )

    def of(self, tenant: str) -> Ledger:
        """The same, for another tenant; its `beside_it` belongs to the decision of this one."""
        return self._with(replace(self.origin, tenant=tenant))

    def _with(self, origin: Origin) -> Ledger:
        other = Ledger(self.store, origin, self.clock, self.directory, self.listeners)
        other._event_id = self._event_id
        return other

    @property
    def event_id(self) -> str:
        """The id of the event of the decision that is being made."""
        return self._event_id

    def beside(self, path: str) -> Document | None:
        """A document that a decision depends on besides its subject.

        It is read once, and again after the subject is read again. A decision that depends on it
        makes its version a condition of the commit.
        """
        (document,) = self.all_beside([path])
        return document

    def all_beside(self, paths: Sequence[str]) -> list[Document | None]:
        """Several such documents, in order; those not read yet in one round trip."""
        self._asked.update(paths)
        missing = [path for path in paths if path not in self._beside]
        if missing:
            found = self.store.get_many(missing)
            self._beside.update(zip(missing, found, strict=True))
        return [self._beside[path] for path in paths]

    def keep_beside(self, documents: Mapping[str, Document | None]) -> None:
        """Gives `beside` documents, by their paths, that were read together with the subject."""
        self._beside.update(documents)

    def beside_it(self, kind: Kind[S], number: int) -> Posting[S, Any]:
        """For a decision that changes other subjects in the same commit: the posting of the next.

        They are numbered from 1. Their events are named after the decision's own event, so that
        lists have the events of a commit in the order of their numbers, after the decision's own.
        Outside of a decision each has a name of its own.
        """
        own = self._event_id or self.origin.event_id()
        row = f"{_AFTER_NOTES}{number:04}"
        event_id = f"{own}-{row}"
        return Posting(self.store, self.origin, kind, listeners=self.listeners, event_id=event_id)

    def create(
        self, kind: Kind[S], name: str, decide: Callable[[datetime], Decision[S, R]]
    ) -> Recorded[S, R]:
        """Writes a new subject in one round trip. Raises AlreadyExists where the id is taken."""
        posting: Posting[S, R] = self.posting(kind)
        self._event_id = posting.event_id
        for _ in attempts(CONTENTION_SECONDS):
            now = self.clock()
            try:
                decision = decide(now)
            except errors.ApiError:
                # The same request may have been accepted when it was first sent.
                if recorded := posting.receipt():
                    return recorded
                raise
            if recorded := posting.post(name, Before(None, None), decision, now):
                return recorded
            taken = self.store.get(kind.path(self.tenant, name))
            if recorded := posting.receipt():
                return recorded
            if taken:
                raise errors.AlreadyExists(f"{kind.subject(name)} exists, or has existed")
        raise posting.given_up()

    def change(
        self, kind: Kind[S], name: str, decide: Decider[S, R], *, seen: Seen[S] | None = None
    ) -> Recorded[S, R]:
        """Has `decide` change a subject: two round trips, or one where it was `seen` already.

        Raises what `decide` raises, NotFound, PreconditionFailed for a stale If-Match, KeyReused,
        Aborted after too many lost races, and the store's Unavailable.
        """
        return self._change(self.posting(kind), name, decide, seen)

    def change_many(
        self, kind: Kind[S], names: Sequence[str], decider_of: Callable[[str], Decider[S, R]]
    ) -> list[RowOutcome[S, R]]:
        """Changes each subject by its decider, many to a commit; gives each outcome, in order."""
        documents = self.store.get_many([kind.path(self.tenant, name) for name in names])
        rows = [
            # Events are named by the row's number, so that another batch sent with the same key
            # finds these receipts and is refused.
            _Row(
                name,
                Seen(document),
                decider_of(name),
                self.posting(kind, str(number)),
            )
            for number, (name, document) in enumerate(zip(names, documents, strict=True))
        ]
        return self._change_rows(rows)

    def change_seen(
        self,
        kind: Kind[S],
        pairs: Sequence[tuple[Document, S | None]],
        decider_of: Callable[[Document], Decider[S, R]],
    ) -> list[RowOutcome[S, R]]:
        """Changes subjects of any tenants that were read already, with their states.

        Many are changed in a commit. Gives each outcome, in order. Each event is on its subject's
        own chain.
        """
        rows = []
        tenants = [tenant_of(document.path) for document, _ in pairs]
        self.listeners.learn(self.store, tenants, self.clock())
        origins = {tenant: replace(self.origin, tenant=tenant) for tenant in set(tenants)}
        for tenant, (document, state) in zip(tenants, pairs, strict=True):
            posting: Posting[S, R] = Posting(
                self.store, origins[tenant], kind, document.path, listeners=self.listeners
            )
            rows.append(_Row(document.id, Seen(document, state), decider_of(document), posting))
        return self._change_rows(rows)

    def replay(self, kind: Kind[S]) -> Recorded[S] | None:
        """What this request did when it was first sent; None where it was not, or did nothing."""
        return self.posting(kind).receipt()

    def posting(self, kind: Kind[S], row: str = "") -> Posting[S, Any]:
        """The attempts to have this request's event recorded, or that of one row of it."""
        return Posting(
            self.store,
            self.origin,
            kind,
            row,
            directory=self.directory,
            listeners=self.listeners,
        )

    def _change_rows(self, rows: Sequence[_Row[S, R]]) -> list[RowOutcome[S, R]]:
        outcomes: list[RowOutcome[S, R]] = []
        for start in range(0, len(rows), BATCH):
            outcomes += self._change_batch(rows[start : start + BATCH])
        return outcomes

    def _change(
        self, posting: Posting[S, R], name: str, decide: Decider[S, R], seen: Seen[S] | None
    ) -> Recorded[S, R]:
        path = posting.path(name)
        for _ in attempts(CONTENTION_SECONDS):
            with _turn(path) if posting.beaten else nullcontext():
                seen = seen or Seen(self._read_again(path))
                if recorded := self._attempt(posting, name, decide, seen):
                    return recorded
            seen = None
        raise posting.given_up()

    def _read_again(self, path: str) -> Document | None:
        # What the decision depended on may be as outdated as the subject.
        for beside in self._asked:
            self._beside.pop(beside, None)
        return self.store.get(path)

    def _attempt(
        self, posting: Posting[S, R], name: str, decide: Decider[S, R], seen: Seen[S]
    ) -> Recorded[S, R] | None:
        now = self.clock()
        decided = self._decided(posting, name, decide, seen, now)
        if isinstance(decided, Recorded):
            return decided
        return posting.post(name, *decided, now) or posting.receipt()

    def _decided(
        self,
        posting: Posting[S, R],
        name: str,
        decide: Decider[S, R],
        seen: Seen[S],
        now: datetime,
    ) -> tuple[Before[S], Decision[S, R]] | Recorded[S, R]:
        """The subject and what is decided of it; or the outcome, where nothing is to be written.

        That is where nothing changes, or where the same request has taken effect before.
        """
        self._asked.clear()
        self._event_id = posting.event_id
        try:
            state = self._state(posting.kind, name, seen, now)
            decision = decide(state, now)
        except errors.ApiError:
            if recorded := posting.receipt():
                return recorded
            raise
        if isinstance(decision, Unchanged):
            return posting.receipt() or Recorded(name, state, None, result=decision.result)
        before = Before(seen.document, state)
        path = posting.path(name)
        return before, with_former(posting.kind, path, before, decision, self.all_beside)

    def _change_batch(self, rows: Sequence[_Row[S, R]]) -> list[RowOutcome[S, R]]:
        if len(rows) == 1:
            (row,) = rows
            return [
                _caught(
                    row,
                    lambda: self._change(row.posting, row.name, row.decide, row.seen),
                )
            ]
        prepared = [self._prepared(row) for row in rows]
        if self._committed(rows, [write for _, writes in prepared for write in writes]):
            return [outcome for outcome, _ in prepared]
        # One of them was changed meanwhile, or the outcome is unknown, or the batch is too large:
        # split it in halves, down to single rows, which find out. A key that was used for another
        # batch is refused first, so that nothing of this one is done.
        if self.origin.key:
            self._refuse_reused_key(rows)
        half = len(rows) // 2
        return self._change_batch(rows[:half]) + self._change_batch(rows[half:])

    def _prepared(self, row: _Row[S, R]) -> tuple[RowOutcome[S, R], list[Write]]:
        """What the outcome of a row is if its batch is committed, and the writes that it needs."""
        now = self.clock()
        decided = _caught(
            row,
            lambda: self._decided(row.posting, row.name, row.decide, row.seen, now),
        )
        if isinstance(decided, tuple):
            return row.posting.prepared(row.name, *decided, now)
        return decided, []

    def _refuse_reused_key(self, rows: Sequence[_Row[S, R]]) -> None:
        paths = [events.path(self.tenant, row.posting.event_id) for row in rows]
        for receipt in self.store.get_many(paths):
            if receipt and receipt.data.get("requestHash") != self.origin.request_hash:
                raise errors.KeyReused(KEY_REUSED)

    def _committed(self, rows: Sequence[_Row[S, R]], writes: Sequence[Write]) -> bool:
        """Commits a batch; False where it is too large, others were first, or it is unknown."""
        now, actor = self.clock(), self.origin.actor
        entries = self.directory.entries(self.tenant, actor, now, writes)
        try:
            if writes:
                self.store.commit([*writes, *entries])
                self.directory.keep(self.tenant, actor, now)
        except (Conflict, TooLarge):
            return False
        except Unavailable:
            for row in rows:
                row.posting.unknown += 1
            return False
        return True

    def _state(self, kind: Kind[S], name: str, seen: Seen[S], now: datetime) -> S:
        state = seen.state or load(kind, seen.document)
        if state is None and seen.document is None and kind.absent:
            state = kind.absent(name, now)
        if state is None:
            raise errors.NotFound(f"{kind.subject(name)} does not exist")
        self.origin.require_match(etag(state))
        return state


@contextmanager
def _turn(path: str) -> Iterator[None]:
    """Lets those of this process who lost a race for a document try again one after the other.

    That spares the store more races. Nothing depends on it, so no one waits for longer than
    TURN_SECONDS.
    """
    turn = _TURNS[hash(path) % len(_TURNS)]
    mine = turn.acquire(timeout=TURN_SECONDS)
    try:
        yield
    finally:
        if mine:
            turn.release()


class _Row(NamedTuple, Generic[S, R]):
    """One subject of a batch, with the one posting that all commits which include it share."""

    name: str
    seen: Seen[S]
    decide: Decider[S, R]
    posting: Posting[S, R]


def _caught(row: _Row[S, R], step: Callable[[], T]) -> T | errors.ApiError:
    """What `step` returns, or the error that ends `row` of a batch."""
    try:
        return step()
    except errors.KeyReused:
        # It concerns the whole request, not one row.
        raise
    except errors.Unreadable as error:
        tell(row.posting.path(row.name))
        return error
    except errors.ApiError as error:
        return error
