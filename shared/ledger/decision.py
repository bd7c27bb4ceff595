"""What a mutation is asked by, what is decided of it, and what is recorded in the end."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar

from shared import errors
from shared.documents.port import (
    Document,
    Write,
)
from shared.models.events import Event, EventType, Severity, Source
from shared.models.roles import Actor
from shared.models.subjects import Subject

S = TypeVar("S", bound=Subject)


@dataclass(frozen=True, slots=True)
class Origin:
    """Who asks for a mutation, and by which request.

    `key` is the caller's Idempotency-Key and `request_hash` what it was sent with; `matches` says
    whether an ETag satisfies the caller's If-Match.
    """

    tenant: str
    actor: Actor
    source: Source
    operation: str
    request_id: str
    key: str | None = None
    request_hash: str | None = None
    matches: Callable[[str], bool] | None = None

    def event_id(self, row: str = "") -> str:
        """The id of this request's event, or of a row of its batch: the same when repeated."""
        if self.key is None:
            return uuid.uuid4().hex
        parts = (self.actor.subject, self.operation, self.key, row)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


class Note(NamedTuple):
    """What a further event of the same commit says."""

    event_type: EventType
    message: str
    meta: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Decision(Generic[S]):
    """What a rule decided: the subject's new state, and what the event says of it.

    `also` are events that follow the first one, which alone is the receipt; `writes` are what else
    changes. All of it is one commit.
    """

    state: S
    event_type: EventType
    message: str
    reason: str | None = None
    severity: Severity = "info"
    source: Source | None = None
    agent_id: str | None = None
    case_id: str | None = None
    meta: dict[str, Any] = field(default_factory=dict)
    deletes: bool = False
    also: tuple[Note, ...] = ()
    writes: tuple[Write, ...] = ()


@dataclass(frozen=True, slots=True)
class Recorded(Generic[S]):
    """A mutation that took effect, now or (`replayed`) when the same request came before.

    `event` is None where nothing had to change; `state` is None where the subject is gone since.
    """

    name: str
    state: S | None
    event: Event | None
    replayed: bool = False

    @property
    def current(self) -> S:
        """The subject's state. Raises NotFound where it is gone since."""
        if self.state is None:
            raise errors.NotFound(f"{self.name} does not exist any more")
        return self.state

    @property
    def happened(self) -> Event:
        """The event of a mutation that always has one."""
        if self.event is None:
            raise TypeError("this mutation changed nothing")
        return self.event


Rule = Callable[[S, datetime], Decision[S] | None]


RowOutcome = Recorded[S] | errors.ApiError


class Seen(NamedTuple):
    """A subject's document that was read already; None where there was none."""

    document: Document | None
