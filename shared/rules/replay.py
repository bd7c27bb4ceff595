"""What a subject's trail says that is stored: its events, folded. Pure.

The events are taken newest first, as a chain is verified: what the newest event that names a field
says of it is what must be stored. In constant memory but for what is stored itself: one entry for
each field, item of evidence, packet, hold, record and run that the events name.

A value that was erased from an event is not known any more, and nothing is compared with it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic_core import to_jsonable_python

from shared.models.audit import BrokenLink
from shared.models.events import Event, EventType
from shared.rules.canonical import canonical, parsed
from shared.rules.cases import DONE
from shared.rules.facts import OPENED

OTHERWISE = "what is stored is not what this event says"
CONTRADICTION = "the value before this event is not the one that an earlier event left"


def differs(sequence: int, field: str) -> BrokenLink:
    """That what is stored in a field is not what the event of this sequence says."""
    return BrokenLink(sequence=sequence, problem=OTHERWISE, field=field)


@dataclass(slots=True)
class Said:
    """What an event says of a stored value: it is one of `values`, as JSON.

    None stands for a value that was erased, or that no event covers.
    """

    sequence: int
    values: list[Any] | None

    def allows(self, value: Any) -> bool:
        """Whether a stored value, as JSON, is what the event says."""
        return self.values is None or any(same(value, one) for one in self.values)


@dataclass(frozen=True, slots=True)
class Stamp:
    """When an event was recorded, as JSON, and by whom; `name` is None where it was erased.

    `salted` events are of a release that stores all fields that this one stores.
    """

    sequence: int
    at: str
    subject: str
    name: str | None
    salted: bool

    def time(self) -> Said:
        """That a field holds the time of this event."""
        return Said(self.sequence, [self.at])

    def by(self, *also: Any) -> Said:
        """That a field holds the name of who did it."""
        return Said(self.sequence, None if self.name is None else [self.name, *also])

    def since(self, *values: Any, before: Any) -> Said:
        """That a field holds one of `values`; where it is younger than the event, also `before`."""
        return Said(self.sequence, [*values] if self.salted else [*values, before])


@dataclass(frozen=True, slots=True)
class Move:
    """A change of status: when and by whom, from which one, and the reason that was given."""

    stamp: Stamp
    old: Any
    new: Any
    reason: Said


@dataclass(slots=True)
class Part:
    """What is said of one document below a case, or of a run.

    `sequence` is that of the newest event about it. `settled` says that older events are about a
    document of the same name before it.
    """

    sequence: int
    there: bool = True
    settled: bool = False
    fields: dict[str, Said] = field(default_factory=dict)
    before: Said | None = None


@dataclass(slots=True)
class Replay:
    """The events of one subject, taken newest first.

    `fields` has what is said of each field that events list in their `changes`; `moves` the newest
    change to each status, and `path` the newest change of status and those before it through which
    the clock of a case stood. `contradiction` is the first event that found a value which no event
    before it had left.
    """

    fields: dict[str, Said] = field(default_factory=dict)
    changed: dict[str, Stamp] = field(default_factory=dict)
    moves: dict[str, Move] = field(default_factory=dict)
    path: list[Move] = field(default_factory=list)
    assigned: Said | None = None
    newest: Stamp | None = None
    oldest: Stamp | None = None
    case_id: str | None = None
    contradiction: BrokenLink | None = None
    _before: dict[str, Said] = field(default_factory=dict)

    def take(self, event: Event) -> None:
        """Takes the next older event."""
        gone = erased(event)
        stamp = stamp_of(event)
        self.oldest = _since(stamp, event, "at")
        if self.newest is None:
            self.newest, self.case_id = stamp, event.case_id
        values: dict[str, tuple[Any, Any]] = {}
        for number, change in enumerate(event.changes):
            new, old = (
                Said(event.sequence, None if f"/changes/{number}/{side}" in gone else [value])
                for side, value in (("new", change.new), ("old", change.old))
            )
            self._follow(change.field, new, old)
            self.fields.setdefault(change.field, new)
            self.changed.setdefault(change.field, stamp)
            values[change.field] = (change.old, change.new)
        if "status" in values:
            reason = Said(event.sequence, None if "/reason" in gone else [event.reason])
            self._move(Move(_begun(stamp, event), *values["status"], reason))
        self._assign(stamp, values)

    def now(self, name: str) -> Any:
        """What a field holds in the end; None where nothing is said of it, or it was erased."""
        said = self.fields.get(name)
        return said.values[0] if said and said.values else None

    def then(self, name: str) -> Said | None:
        """What a field held after the event that was taken last; None where that is as now."""
        return self._before.get(name)

    def _follow(self, name: str, new: Said, old: Said) -> None:
        """Compares what an event left in a field with what the next event found there."""
        found = self._before.get(name)
        if found and found.values and new.values and not found.allows(new.values[0]):
            self.contradiction = BrokenLink(
                sequence=found.sequence, problem=CONTRADICTION, field=name
            )
        self._before[name] = old

    def _move(self, move: Move) -> None:
        self.moves.setdefault(str(move.new), move)
        # A case that is approved and then closed has had its clock stopped since it was approved.
        if not self.path or {self.path[-1].old, self.path[-1].new} <= DONE:
            self.path.append(move)

    def _assign(self, stamp: Stamp, values: dict[str, tuple[Any, Any]]) -> None:
        known_before, _ = values.get("assignedToSubject", (None, None))
        if self.assigned is None and ("assignedTo" in values or known_before is not None):
            _, to = values.get("assignedTo", (None, True))
            self.assigned = Said(stamp.sequence, [stamp.at if to else None])


def _since(stamp: Stamp, event: Event, name: str) -> Stamp:
    """The stamp of an event, with the time that a case which it imports had before."""
    told = event.meta.get(OPENED) if event.event_type == EventType.CASE_CREATED else None
    return replace(stamp, at=told[name]) if told and name in told else stamp


def _begun(stamp: Stamp, event: Event) -> Stamp:
    """Since when a subject has the status that an event gives it.

    A case that is imported is new since it was opened, and closed since it was closed.
    """
    new = next(change.new for change in event.changes if change.field == "status")
    return _since(stamp, event, {"new": "at", "closed": "closedAt"}.get(new, ""))


def stamp_of(event: Event) -> Stamp:
    """When and by whom an event was recorded."""
    name = None if "/actor/email" in erased(event) else event.actor.name
    at = to_jsonable_python(event.created_at)
    salted = bool(event.disclosures or event.erased)
    return Stamp(event.sequence, at, event.actor.subject, name, salted)


def erased(event: Event) -> frozenset[str]:
    """The places in an event, as JSON Pointers, whose values were erased."""
    return frozenset(event.erased or ())


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same JSON; true is not 1 there."""
    return one is other or _canonical(one) == _canonical(other)


def _canonical(value: Any) -> bytes:
    # Read again, because one that has been through a document may have 1e20 as an integer.
    return canonical(parsed(json.dumps(value)))
