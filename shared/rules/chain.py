"""The audit chain: how events are linked, and how a chain is checked. Pure.

Each event's hash covers its content, the tenant and the previous event's hash; the subject holds
the last hash. So an event that was edited, removed, inserted or moved is found and named. Of a text
that can be erased the hash covers the digest (`disclosures`), so that it holds without the text.
Anyone with write access to both the events and the subject can forge a whole chain; only a copy of
the head that is kept elsewhere reveals that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple

from shared.models.audit import BrokenLink
from shared.models.events import Event
from shared.models.subjects import GENESIS, Head
from shared.rules.canonical import canonical_hash
from shared.rules.disclosures import hashed, salted


def linked(tenant: str, head: Head, content: dict[str, Any], salt: Callable[[], str]) -> Event:
    """The event with `content` that follows `head`: numbered, linked, salted and hashed.

    `salt` gives another salt each time: 128 random bits, in hex.
    """
    place = {"sequence": head.sequence + 1, "previous_hash": head.hash}
    told = Event.to_content(content | place)
    salts = {"disclosures": salted(told, salt)}
    # In the order of the model, as events are shown that were read.
    return Event.of(told | {"hash": _hash(tenant, told | salts)} | salts)


def event_hash(tenant: str, event: Event) -> str:
    """SHA-256, in hex, of the RFC 8785 form of what is `hashed` of the event's JSON, with `tenant`.

    The JSON is that which was stored, with all that another release may have written. Raises
    ValueError where its disclosures do not fit it, and for numbers that RFC 8785 cannot write.
    """
    return _hash(tenant, event.content())


def _hash(tenant: str, content: dict[str, Any]) -> str:
    return canonical_hash({**hashed(content), "tenant": tenant})


def holds(tenant: str, event: Event) -> bool:
    """Whether an event is the one that its hash says; no content of it raises anything."""
    try:
        return event.hash == event_hash(tenant, event)
    except ValueError:
        return False


class Unread(NamedTuple):
    """An event that cannot be read: its sequence and the field that is wrong, as far as known."""

    sequence: int | None
    field: str | None = None


class Taken(NamedTuple):
    """Events of a chain from which one erasure took values, as they say.

    The `sequence` of the oldest, which is also the first that is named; when the newest was
    recorded; and about which cases they are.
    """

    sequence: int
    newest_at: datetime
    cases: frozenset[str | None]


class Check:
    """Checks one chain from its head backwards, an event at a time, in constant memory.

    `sound` is called with each event that holds.
    """

    def __init__(
        self, tenant: str, subject: str, head: Head, sound: Callable[[Event], None] | None = None
    ) -> None:
        self._sound = sound
        self._tenant = tenant
        self._subject = subject
        self._last = self._sequence = head.sequence
        # What the event of that sequence must have as its hash, where it is known.
        self._hash: str | None = head.hash
        self._seen = 0
        self.erased = 0
        """How many values were erased in the events that were looked at."""
        self.erasures: dict[str, Taken] = {}
        """What the events that are said to record it must cover, by their ids."""
        self.broken: BrokenLink | None = None

    @property
    def events(self) -> int:
        """How many events were looked at."""
        return self._seen

    def follow(self, events: Iterable[Event | Unread]) -> None:
        """Takes events in descending sequence."""
        for event in events:
            self._seen += 1
            if isinstance(event, Event):
                self._count(event)
            sequence = event.sequence
            self._take(self._sequence if sequence is None else sequence, event)

    def finish(self) -> None:
        """Ends the check: there are no events before those seen."""
        if self._sequence > 0:
            self._break(1, "event is missing")
        elif self._hash not in (None, GENESIS):
            self._break(1, "first event does not start the chain")

    def _count(self, event: Event) -> None:
        self.erased += len(event.erased or ())
        if event.erased_by is not None:
            newer = self.erasures.get(event.erased_by)
            self.erasures[event.erased_by] = Taken(
                event.sequence,
                max(newer.newest_at, event.created_at) if newer else event.created_at,
                (newer.cases if newer else frozenset()) | {event.case_id},
            )

    def _take(self, sequence: int, event: Event | Unread) -> None:
        if sequence > self._sequence:
            beyond = sequence > self._last
            self._break(sequence, "event lies beyond the head" if beyond else "event is duplicated")
            return
        if sequence < self._sequence:
            self._break(sequence + 1, "event is missing")
            self._hash = None
        self._sequence = sequence - 1
        problem = self._problem(event)
        if problem:
            self._break(sequence, problem, event.field if isinstance(event, Unread) else None)
        # The previous hash in a broken event proves nothing about the event before it.
        self._hash = None
        if isinstance(event, Event) and not problem:
            self._hash = event.previous_hash
            if self._sound:
                self._sound(event)

    def _problem(self, event: Event | Unread) -> str | None:
        if isinstance(event, Unread):
            return "event cannot be read"
        if self._hash not in (None, event.hash):
            return "hash is not the one its successor or the head names"
        if not holds(self._tenant, event) or event.subject != self._subject:
            return "content does not match its hash"
        return None

    def _break(self, sequence: int, problem: str, field: str | None = None) -> None:
        self.broken = BrokenLink(sequence=sequence, problem=problem, field=field)
