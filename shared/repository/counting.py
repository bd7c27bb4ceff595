"""What stored events count for: as `shared/rules/tally.py` says, with the facts that it needs.

Events of this release carry these facts. For older ones they follow from their chain, which is read
where the events before them were not seen just now.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

from pydantic_core import from_json

from shared.documents.port import Document, DocumentStore, Filter, Order, Query
from shared.models.events import REPORTED, EventType
from shared.repository import gone
from shared.repository.batches import rows_of
from shared.rules.facts import Facts, Happening, followed, is_telling, told_by
from shared.rules.tally import EVENT, PURGED, Effect, effects, of_purge, purged

_AT_ONCE = 10
"""How many chains one query reads."""
_KNOWN = 20_000
"""Of how many cases and interventions the facts are kept, for the next of their events."""
_BROKEN = (KeyError, TypeError, ValueError, AttributeError)


class Counting:
    """Counts events of one tenant, best in their order: then each chain is read at most once."""

    def __init__(self, store: DocumentStore, tenant: str) -> None:
        self._store = store
        self._tenant = tenant
        # By subject: the sequence of the last event that was seen, and the facts after it.
        self._known: dict[str, tuple[int, Facts]] = {}

    def effects(self, rows: Sequence[Document]) -> list[list[Effect]]:
        """What each of the events counts for: where no release writes it so, just an event."""
        seen = [_happening(row) for row in rows]
        facts = [self._facts(row, one) for row, one in zip(rows, seen, strict=True)]
        lacking = {
            one.subject: _sequence(row)
            for row, one, known in zip(rows, seen, facts, strict=True)
            if one and known is None and is_telling(one)
        }
        looked_up = self._chains(lacking) if lacking else {}
        return [
            [EVENT, *self._moved(row, one, known or looked_up.get((one.subject, _sequence(row))))]
            if one
            else [EVENT]
            for row, one, known in zip(rows, seen, facts, strict=True)
        ]

    def _moved(self, row: Document, one: Happening, facts: Facts | None) -> list[Effect]:
        """What an event counts for besides."""
        try:
            if one.event_type == EventType.RECORDS_PURGED:
                return list(of_purge(one.meta.get(PURGED) or self._removed(row)))
            return list(effects(one, facts)) if facts and is_telling(one) else []
        except _BROKEN:
            return []

    def _facts(self, row: Document, one: Happening | None) -> Facts | None:
        """The facts after an event, where it tells them or those before it are known."""
        if one is None:
            return None
        sequence = _sequence(row)
        try:
            told = told_by(one) if is_telling(one) else None
            if told and sequence > 1:
                # Those that follow tell theirs, too.
                return told
            reached, before = self._known.get(one.subject, (0, None))
            after = followed(before, one) if sequence == reached + 1 else None
            if after:
                self._keep(one.subject, sequence, after)
        except _BROKEN:
            return None
        return after or told

    def _keep(self, subject: str, sequence: int, facts: Facts) -> None:
        self._known.pop(subject, None)
        if len(self._known) >= _KNOWN:
            self._known.pop(next(iter(self._known)))
        self._known[subject] = (sequence, facts)

    def _chains(self, until: dict[str, int]) -> dict[tuple[str, int], Facts]:
        """The facts after each event of chains, up to the sequence that is named for each."""
        found: dict[tuple[str, int], Facts] = {}
        subjects = list(until)
        for first in range(0, len(subjects), _AT_ONCE):
            some = subjects[first : first + _AT_ONCE]
            for subject, chain in self._events(some).items():
                facts: Facts | None = None
                for sequence, one in chain:
                    facts = _after(facts, one)
                    if facts:
                        found[subject, sequence] = facts
                        if sequence <= until[subject]:
                            self._keep(subject, sequence, facts)
        return found

    def _events(self, subjects: Sequence[str]) -> dict[str, list[tuple[int, Happening]]]:
        """The events of chains, each in its order."""
        of_them = (Filter("subject", "in", list(subjects)),)
        order = (Order("sequence", descending=True),)
        found: dict[str, list[tuple[int, Happening]]] = {one: [] for one in subjects}
        for row in rows_of(self._store, Query(f"tenants/{self._tenant}/audit", of_them, order)):
            if one := _happening(row):
                found[one.subject].append((_sequence(row), one))
        return {subject: rows[::-1] for subject, rows in found.items()}

    def _removed(self, purge: Document) -> dict[str, Any]:
        """What the purge of an earlier release took away, by the chains of what it removed."""
        subjects = gone.purged_by(self._store, self._tenant, purge.id)
        cases, interventions = [], []
        for first in range(0, len(subjects), _AT_ONCE):
            for subject, chain in self._events(subjects[first : first + _AT_ONCE]).items():
                facts = reduce(_after, (one for _, one in chain), None)
                if facts and subject.startswith("cases/"):
                    cases.append(facts.type)
                elif facts:
                    interventions.append(facts)
        return purged(cases, interventions)


def _sequence(row: Document) -> int:
    found: int = row.data["sequence"]
    return found


def _after(facts: Facts | None, one: Happening) -> Facts | None:
    try:
        return followed(facts, one)
    except _BROKEN:
        return facts


def _happening(row: Document) -> Happening | None:
    """An event as figures need it; None where nothing counts but that it happened."""
    data = row.data
    try:
        subject, event_type, sequence = data["subject"], data["eventType"], data["sequence"]
        followed_ones = subject.startswith(("cases/", "interventions/"))
        counts = followed_ones or event_type == EventType.RECORDS_PURGED
        if not (counts and isinstance(sequence, int)):
            return None
        # What clients report moves nothing, and its meta is theirs.
        own = event_type not in REPORTED
        changes = from_json(data["changes"]) if own else []
        return Happening(
            subject=subject,
            at=data["createdAt"],
            event_type=event_type,
            actor=data["actor"]["subject"],
            old={one["field"]: one["old"] for one in changes},
            new={one["field"]: one["new"] for one in changes},
            meta=from_json(data["meta"]) if own else {},
            human=data["actor"].get("type") == "user",
        )
    except _BROKEN:
        return None
