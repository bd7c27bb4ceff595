"""Who asks for a mutation, what is decided, and what is recorded in the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, NamedTuple

from typing_extensions import TypeVar

from shared import errors
from shared.documents.port import (
    Data,
    Document,
    Write,
)
from shared.models.events import Event, EventType, Severity, Source
from shared.models.subjects import Subject

S = TypeVar("S", bound=Subject)
R = TypeVar("R", default=None)


class Note(NamedTuple):
    """What a further event in the same commit says."""

    event_type: EventType
    message: str
    meta: dict[str, Any]
    agent_id: str | None = None
    severity: Severity = "info"


class Former(NamedTuple):
    """What a decision takes away from a case under a legal hold.

    `collection` and `name` say what it was, and `data` what was stored.
    """

    case_path: str
    collection: str
    name: str
    data: Data


@dataclass(frozen=True, slots=True)
class Decision(Generic[S, R]):
    """What was decided: the subject's new state, and what the event says of it.

    `also` are further events, which follow the first one; only the first one is the receipt.
    `writes` are the other documents that change. All of it is one commit. `result` is anything else
    that the caller needs from the decision; `Recorded` gives it back. `preserves` is set by the
    ledger: what the decision takes away from a case under a legal hold. With `leaves_parts`, a
    decision that `deletes` says that documents of the subject are removed after its commit only.
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
    leaves_parts: bool = False
    also: tuple[Note, ...] = ()
    writes: tuple[Write, ...] = ()
    result: R | None = None
    preserves: tuple[Former, ...] = ()


@dataclass(frozen=True, slots=True)
class Unchanged(Generic[R]):
    """The decision that everything is already as it was asked for: nothing is written."""

    result: R | None = None


@dataclass(frozen=True, slots=True)
class Recorded(Generic[S, R]):
    """A mutation that took effect: now, or (`replayed`) when the same request was first sent.

    `event` is None where nothing had to change; `state` is None where the subject has
    been removed since. `result` is the decision's; it is not stored, so after a replay it is None.
    """

    name: str
    state: S | None
    event: Event | None
    replayed: bool = False
    result: R | None = None

    @property
    def current(self) -> S:
        """The subject's state. Raises NotFound where it has been removed since."""
        if self.state is None:
            raise errors.NotFound(f"{self.name} does not exist any more")
        return self.state

    @property
    def happened(self) -> Event:
        """The event of a mutation that always has one."""
        if self.event is None:
            raise TypeError("this mutation changed nothing")
        return self.event


Decider = Callable[[S, datetime], Decision[S, R] | Unchanged[R]]
"""Decides what becomes of a subject in a given state at a given time, or raises an ApiError.

Beyond the rules, which are pure, it may read what else the decision depends on. It is asked again
in each attempt.
"""


RowOutcome = Recorded[S, R] | errors.ApiError


class Seen(NamedTuple, Generic[S]):
    """A subject's document that was read already; None where there was none.

    `state` is the one in it, where that was made already, too.
    """

    document: Document | None
    state: S | None = None


class Before(NamedTuple, Generic[S]):
    """A subject before a mutation: its document and the state in it, None where there is none."""

    document: Document | None
    state: S | None
