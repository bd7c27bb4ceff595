"""Compares two stores document by document, and verifies every chain of one of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local.moving import MARK, Side
from shared.documents.embedded.writes import changed
from shared.documents.port import Document
from shared.errors import ApiError
from shared.ledger.subjects import name_of, tenant_of
from shared.repository import audit, gone
from shared.repository.batches import Pace, documents_of

_INDEXES = Path(__file__).parents[1] / "firestore.indexes.json"
_EXPIRING = {
    one["collectionGroup"]: one["fieldPath"]
    for one in json.loads(_INDEXES.read_text())["fieldOverrides"]
    if one.get("ttl")
}
"""The collections whose documents Firestore removes by itself, and the field that says when."""
Told = Callable[[int], None]


@dataclass
class Comparison:
    """What two stores have: how many documents of each collection are the same in both.

    The other documents by their paths; `written` are those of the source above a version that was
    given. `subjects` are the (tenant, subject) of every chain in the target.
    """

    same: Counter[str] = field(default_factory=Counter)
    differing: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    subjects: set[tuple[str, str]] = field(default_factory=set)

    def problems(self) -> list[str]:
        """What is not the same, a sentence for each kind; none where all is."""
        kinds = (
            (self.written, "written in the source since the move began"),
            (self.differing, "different in the target"),
            (self.missing, "missing in the target"),
            (self.foreign, "in the target only"),
        )
        return [
            f"{len(paths)} {what}, the first of them {min(paths)}" for paths, what in kinds if paths
        ]


def compared(source: Side, target: Side, newest: int | None, told: Told) -> Comparison:
    """Reads all of both stores. What the source has changed is what is above `newest`.

    `told` hears how many documents were compared.
    """
    found = Comparison()
    now = datetime.now(UTC)
    for there, origin in _pairs(target, source):
        _compare(found, there, origin, newest, now)
        told(found.same.total())
    # With so many that are the same, no other is in the source.
    if source.store.count() != found.same.total() + len(found.differing):
        for here, copy in _pairs(source, target):
            if copy is None and not _expired(here, now):
                late = newest is not None and here.version > newest
                (found.written if late else found.missing).append(here.path)
    return found


def _pairs(one: Side, other: Side) -> Iterable[tuple[Document, Document | None]]:
    """Each document of one store, and what the other has at its path."""
    pace, after = Pace(), ""
    while rows := one.store.walk(after, pace.number):
        paths = [row.path for row in rows if row.path != MARK]
        found = dict(documents_of(other.store, paths))
        yield from ((row, found[row.path]) for row in rows if row.path != MARK)
        pace.note(rows)
        after = rows[-1].path


def _compare(
    found: Comparison, there: Document, here: Document | None, newest: int | None, now: datetime
) -> None:
    if here is None:
        if not _expired(there, now):
            found.foreign.append(there.path)
        return
    if newest is not None and here.version > newest:
        found.written.append(here.path)
    if changed(here.data, there.data):
        found.differing.append(here.path)
        return
    found.same[collection_of(here)] += 1
    if subject := _subject(there):
        found.subjects.add((tenant_of(there.path), subject))


def collection_of(document: Document) -> str:
    """The id of the collection that a document is in."""
    return document.path.split("/")[-2]


def _subject(document: Document) -> str | None:
    """Whose chain an event is of, or a document with a head has."""
    subject = document.data.get("subject")
    if collection_of(document) == "audit" and isinstance(subject, str):
        return subject
    return name_of(document.path) or "tenant" if "head" in document.data else None


def _expired(document: Document, now: datetime) -> bool:
    """Whether Firestore may have removed it by itself, or may do so at any moment."""
    end: Any = document.data.get(_EXPIRING.get(collection_of(document), ""))
    return isinstance(end, datetime) and end <= now


def broken_chains(side: Side, subjects: Iterable[tuple[str, str]], told: Told) -> dict[str, str]:
    """Verifies chains as `audit:verify` does; gives what is wrong, by tenant and subject."""
    found: dict[str, str] = {}
    purges = gone.Purges(side.store)
    for number, (tenant, subject) in enumerate(sorted(subjects), 1):
        try:
            broken = audit.verify(
                side.store, tenant, subject, datetime.now(UTC), purges
            ).first_broken
        except ApiError as error:
            found[f"{tenant}: {subject}"] = error.message
        except KeyError:
            found[f"{tenant}: {subject}"] = "events name a subject that this release does not know"
        else:
            if broken:
                found[f"{tenant}: {subject}"] = f"sequence {broken.sequence}: {broken.problem}"
        told(number)
    return found
