"""The audit chain: how events are linked, and how a chain is checked. Pure.

Each event's hash covers its content, the tenant and the hash before it; the subject holds the last.
So an event that was edited, removed, inserted or moved is found and named. Whoever can write both
the events and the subject can forge a whole chain: only a head kept elsewhere shows that.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from typing import Any

import rfc8785
from pydantic_core import from_json

from shared.models.audit import GENESIS, BrokenLink, Event, Head

_BEYOND_53_BITS = 2**53
_LONG_NUMBER = re.compile(r"\d{16}")
_SORTED_BY_UTF16 = re.compile("[\ud800-\U0010ffff]")


def linked(tenant: str, head: Head, content: dict[str, Any]) -> Event:
    """The event with `content` that follows `head`: numbered, linked and hashed."""
    event = Event(**content, sequence=head.sequence + 1, previous_hash=head.hash, hash=GENESIS)
    return event.model_copy(update={"hash": event_hash(tenant, event)})


def event_hash(tenant: str, event: Event) -> str:
    """SHA-256, in hex, of the RFC 8785 form of the event's JSON without `hash`, with `tenant`."""
    content = event.model_dump(mode="json", by_alias=True, exclude={"hash"})
    return hashlib.sha256(canonical({"tenant": tenant, **content})).hexdigest()


def canonical(content: Any) -> bytes:
    """The RFC 8785 form of JSON content whose integers are within 53 bits.

    Python's encoder writes that form too, and ten times as fast, where there is neither a float nor
    a character that UTF-16 sorts otherwise than Unicode.
    """
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    try:
        json.loads(text, parse_float=_refuse)
    except _FloatFoundError:
        return rfc8785.dumps(content)
    return rfc8785.dumps(content) if _SORTED_BY_UTF16.search(text) else text.encode()


def canonical_text(value: Any) -> str | None:
    """The RFC 8785 form of any JSON as text; None is none."""
    return None if value is None else canonical(value).decode()


def parsed(text: str | None) -> Any:
    """The JSON in its canonical text; None is none.

    RFC 8785 writes 1e20 without a point. It is a float again, because no integer is beyond 53 bits.
    """
    if text is None:
        return None
    return json.loads(text, parse_int=_number) if _LONG_NUMBER.search(text) else from_json(text)


def _number(digits: str) -> int | float:
    number = int(digits)
    return number if abs(number) < _BEYOND_53_BITS else float(number)


class _FloatFoundError(Exception):
    pass


def _refuse(_: str) -> None:
    raise _FloatFoundError


class Check:
    """Checks one chain from its head backwards, an event at a time, in constant memory."""

    def __init__(self, tenant: str, subject: str, head: Head) -> None:
        self._tenant = tenant
        self._subject = subject
        self._sequence = head.sequence
        # What the event of that sequence must have as its hash, where it is known.
        self._hash: str | None = head.hash
        self._seen = 0
        self.broken: BrokenLink | None = None

    @property
    def events(self) -> int:
        """How many events were looked at."""
        return self._seen

    def follow(self, events: Iterable[Event | int | None]) -> None:
        """Takes events in descending sequence.

        Of one that cannot be read its sequence is enough, and None if not even that is known.
        """
        for event in events:
            self._seen += 1
            if isinstance(event, Event):
                self._take(event.sequence, event)
            else:
                self._take(self._sequence if event is None else event, None)

    def finish(self) -> None:
        """Says that no event comes before those seen."""
        if self._sequence > 0:
            self._break(1, "event is missing")
        elif self._hash not in (None, GENESIS):
            self._break(1, "first event does not start the chain")

    def _take(self, sequence: int, event: Event | None) -> None:
        if sequence > self._sequence:
            beyond = "event is duplicated" if self._seen > 1 else "event lies beyond the head"
            self._break(sequence, beyond)
            return
        if sequence < self._sequence:
            self._break(sequence + 1, "event is missing")
            self._hash = None
        self._sequence = sequence - 1
        problem = self._problem(event)
        if problem:
            self._break(sequence, problem)
        # What a broken event says of the one before it is no evidence against that one.
        self._hash = event.previous_hash if event and not problem else None

    def _problem(self, event: Event | None) -> str | None:
        if event is None:
            return "event cannot be read"
        if self._hash not in (None, event.hash):
            return "hash is not the one its successor or the head names"
        if event.hash != event_hash(self._tenant, event) or event.subject != self._subject:
            return "content does not match its hash"
        return None

    def _break(self, sequence: int, problem: str) -> None:
        self.broken = BrokenLink(sequence=sequence, problem=problem)
