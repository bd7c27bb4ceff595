"""What a case's trail says of its holds, and of the documents below it and its runs. Pure.

Events have the hashes of what is too large or too private for them, so hashes are compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.models.audit import BrokenLink
from shared.models.events import Event, EventType
from shared.rules import replay_runs
from shared.rules.replay import CONTRADICTION, Part, Replay, Said, Stamp, erased, stamp_of

_HOLDS = (EventType.HOLD_PLACED, EventType.HOLD_RELEASED)
_YES = True
WHOLE = ""
"""Stands for the content of a document of which an event has only one hash."""


@dataclass(slots=True)
class Taken:
    """How many documents or groups of fields an event took away.

    `held` is whether that was from a case under a legal hold, so that they are preserved; None
    while that is as now.
    """

    event_id: str
    sequence: int
    count: int
    held: bool | None


@dataclass(slots=True)
class Parts:
    """What the events of a case say of its parts, taken newest first, each after `Replay.take`."""

    evidence: dict[str, Part] = field(default_factory=dict)
    packets: dict[str, Part] = field(default_factory=dict)
    records: dict[str, Part] = field(default_factory=dict)
    runs: dict[str, Part] = field(default_factory=dict)
    holds: dict[str, Said] = field(default_factory=dict)
    latest: dict[str, dict[str, Any]] = field(default_factory=dict)
    taken: list[Taken] = field(default_factory=list)
    contradiction: BrokenLink | None = None
    _holds_erased: bool = False
    _held: Stamp | None = None
    _titles: dict[str, dict[str, Said]] = field(default_factory=dict)

    def take(self, event: Event, replay: Replay) -> None:
        """Takes the next older event. What clients report says nothing of what is stored."""
        meta = event.meta
        if event.source == "api":
            return
        self._take_away(event, replay)
        if event.event_type in _HOLDS:
            self._take_hold(event)
        elif event.event_type == EventType.PACKET_FROZEN:
            self._take_packet(event, replay)
        elif event.event_type == EventType.RECORD_ADDED:
            self._take_record(event)
        elif "runId" in meta and "status" in meta:
            replay_runs.take(self.runs, event)
        elif "evidenceCount" in meta:
            self._take_evidence(event)

    def counts(self, opened: int) -> dict[str, Said]:
        """What is said of the fields of a case that count its parts, or refer to them."""
        last_run = _newest(self.runs, opened)
        found = {
            "packetVersion": Said(
                _newest(self.packets, opened), [max(map(int, self.packets), default=0)]
            ),
            "runCount": Said(last_run, [len(self.runs)]),
            # Null where a release that does not count has begun the case.
            "openRuns": Said(last_run, [replay_runs.open_of(self.runs), None]),
            "records": Said(_newest(self.records, opened), [self.latest]),
        }
        held = self._held.since(_YES, before=False) if self._held else Said(opened, [False])
        return found | ({} if self._holds_erased else {"wasHeld": held})

    def holds_differ(self, stored: Mapping[str, Mapping[str, Any]], opened: int) -> int | None:
        """The sequence of the event that says otherwise than the stored holds; None for none."""
        if self._holds_erased:
            return None
        for name in [*self.holds, *stored]:
            said = self.holds.get(name, Said(opened, [None]))
            expected, hold = (said.values or [None])[0], stored.get(name)
            if (expected is None) is not (hold is None):
                return said.sequence
            if expected and hold and any(hold.get(key) != expected[key] for key in expected):
                return said.sequence
        return None

    def _take_away(self, event: Event, replay: Replay) -> None:
        texts = any(change.field in ("title", "summary") for change in event.changes)
        went = sum(len(event.meta.get(name, ())) for name in ("changed", "removed"))
        if not (texts or went) or event.sequence == 1 or not stamp_of(event).salted:
            return
        then = replay.then("legalHold")
        held = None if then is None else bool(then.values and then.values[0])
        self.taken.append(Taken(event.id, event.sequence, texts + went, held))

    def _take_hold(self, event: Event) -> None:
        self._held = self._held or stamp_of(event)
        hold = event.meta.get("hold")
        if "/meta/hold" in erased(event) or not isinstance(hold, dict):
            self._holds_erased = True
            return
        placed = event.event_type == EventType.HOLD_PLACED
        self.holds.setdefault(str(hold["id"]), Said(event.sequence, [hold if placed else None]))

    def _take_packet(self, event: Event, replay: Replay) -> None:
        name, stamp = str(event.meta["version"]), stamp_of(event)
        if name in self.packets:
            return
        fields = {
            WHOLE: Said(event.sequence, [event.meta["sha256"]]),
            "sha256": Said(event.sequence, [event.meta["sha256"]]),
            "items": Said(event.sequence, [event.meta["items"]]),
            "version": Said(event.sequence, [event.meta["version"]]),
            "frozenAt": stamp.time(),
            "frozenBy": stamp.by(),
            "caseId": Said(event.sequence, [event.case_id]),
            "state": Said(event.sequence, ["frozen"]),
        }
        for told in ("title", "decisionType"):
            # As now, where nothing has changed it since.
            then = replay.then(told) or replay.fields.get(told)
            fields[told] = Said(event.sequence, then.values if then else None)
            if then is None:
                self._titles.setdefault(told, {})[name] = fields[told]
        self.packets[name] = Part(event.sequence, fields=fields)

    def settle(self, replay: Replay) -> None:
        """Ends: what was as it is now is known once all events were taken."""
        for told, packets in self._titles.items():
            said = replay.fields.get(told)
            for waiting in packets.values():
                waiting.values = said.values if said else None
        for one in self.taken:
            if one.held is None:
                one.held = bool(replay.now("legalHold"))
        replay_runs.settle(self.runs)

    def _take_record(self, event: Event) -> None:
        meta, stamp = event.meta, stamp_of(event)
        told = {name: meta.get(name) for name in ("kind", "version", "supersedes", "runId")}
        fields = {name: Said(event.sequence, [value]) for name, value in told.items()}
        fields |= {
            WHOLE: Said(event.sequence, [meta["sha256"]]),
            "sha256": Said(event.sequence, [meta["sha256"]]),
            "sequence": Said(event.sequence, [event.sequence]),
            "caseId": Said(event.sequence, [event.case_id]),
            "createdAt": stamp.time(),
            "createdBy": stamp.by(),
        }
        if "title" in meta and "/meta/title" not in erased(event):
            fields["title"] = Said(event.sequence, [meta["title"]])
        record_id = str(meta["recordId"])
        self.records.setdefault(record_id, Part(event.sequence, fields=fields))
        ref = {"id": record_id, "version": meta["version"], "sequence": event.sequence}
        self.latest.setdefault(str(meta["kind"]), ref)

    def _take_evidence(self, event: Event) -> None:
        meta, stamp = event.meta, stamp_of(event)
        for one in meta.get("removed", ()):
            self._leaves(one["id"], stamp.sequence, one["sha256"])
        for one in meta.get("changed", ()):
            part = self._stands(one["id"], stamp, one["new"])
            if part and not part.settled:
                part.before = Said(stamp.sequence, [one["old"]])
        for one in meta.get("added", ()):
            part = self._stands(one["id"], stamp, one["sha256"])
            if part:
                part.settled, part.before = True, None

    def _leaves(self, name: str, sequence: int, sha256: Any) -> None:
        if name not in self.evidence:
            before = Said(sequence, [sha256])
            self.evidence[name] = Part(sequence, there=False, before=before)

    def _stands(self, name: str, stamp: Stamp, sha256: Any) -> Part | None:
        """The item that an event left with a hash; None where it was another item of that name."""
        part = self.evidence.get(name)
        if part is None:
            fields = {name: Said(stamp.sequence, []) for name in ("addedAt", "addedBy")}
            fields[WHOLE] = Said(stamp.sequence, [sha256])
            part = self.evidence[name] = Part(stamp.sequence, fields=fields)
        if part.settled:
            return None
        if part.before and not part.before.allows(sha256):
            self.contradiction = BrokenLink(
                sequence=part.before.sequence, problem=CONTRADICTION, field=f"evidence/{name}"
            )
        if part.there:
            _may_be(part, stamp)
        return part


def _newest(parts: Mapping[str, Part], otherwise: int) -> int:
    return max((part.sequence for part in parts.values()), default=otherwise)


def _may_be(part: Part, stamp: Stamp) -> None:
    """An item has the time and the name of who attached it, or of who replaced it since.

    Somebody who changes only fields of an item leaves both as they are.
    """
    at, by = part.fields["addedAt"], part.fields["addedBy"]
    if at.values is not None:
        at.values.append(stamp.at)
    if stamp.name is None:
        by.values = None
    elif by.values is not None and by.values[-1:] != [stamp.name]:
        by.values.append(stamp.name)
