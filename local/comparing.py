"""Compares two stores document by document, and verifies every chain of one of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local.moving import MARK, Side, noted, wide
from shared.documents.embedded.whole import WholeFile
from shared.documents.embedded.writes import changed
from shared.documents.port import Document
from shared.errors import ApiError
from shared.ledger.subjects import name_of, tenant_of
from shared.repository import audit, gone
from shared.repository.batches import documents_of

_INDEXES = Path(__file__).parents[1] / "firestore.indexes.json"
_EXPIRING = {
    one["collectionGroup"]: one["fieldPath"]
    for one in json.loads(_INDEXES.read_text())["fieldOverrides"]
    if one.get("ttl")
}
"""The collections whose documents Firestore removes by itself, and the field that says when."""
Told = Callable[[int], None]
AT_ONCE = 8
"""How many chains of a database are verified at once."""
_CHUNK = 256
"""How many are given to the threads before the next ones: whoever stops the move waits for these.
"""


@dataclass
class Comparison:
    """What two stores have: how many documents of each collection are the same in both.

    Of the other documents it has the paths: `written` are those of the source that are newer than
    a given version. `subjects` are the (tenant, subject) of every chain in the target.
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
    """Compares all of two stores. What the source has changed is what is above `newest`.

    `told` hears how many documents were compared.
    """
    found = Comparison()
    now = datetime.now(UTC)
    # A file is walked faster than a database, which is walked only if it has another number.
    first, second = (source, target) if isinstance(source.store, WholeFile) else (target, source)
    in_both = 0
    for one, other in _pairs(first, second):
        in_both += other is not None
        origin, copy = (one, other) if first is source else (other, one)
        _compare(found, origin, copy, newest, now)
        told(found.same.total())
    if second.store.count() != in_both + (noted(second) is not None):
        for one, other in _pairs(second, first):
            if other is None:
                origin, copy = (None, one) if first is source else (one, None)
                _compare(found, origin, copy, newest, now)
    return found


def _pairs(one: Side, other: Side) -> Iterator[tuple[Document, Document | None]]:
    """Each document of one store, and what the other has at its path."""
    pace, after = wide(), ""
    while rows := one.store.walk(after, pace.number):
        paths = [row.path for row in rows if row.path != MARK]
        found = dict(documents_of(other.store, paths))
        yield from ((row, found[row.path]) for row in rows if row.path != MARK)
        pace.note(rows)
        after = rows[-1].path


def _compare(
    found: Comparison,
    origin: Document | None,
    copy: Document | None,
    newest: int | None,
    now: datetime,
) -> None:
    """Takes into account what the source and the target have at a path."""
    if origin and newest is not None and origin.version > newest:
        found.written.append(origin.path)
    elif origin and copy:
        if changed(origin.data, copy.data):
            found.differing.append(origin.path)
            return
        found.same[collection_of(origin)] += 1
        if subject := _subject(origin):
            found.subjects.add((tenant_of(origin.path), subject))
    elif origin and not _expired(origin, now):
        found.missing.append(origin.path)
    elif copy and not _expired(copy, now):
        found.foreign.append(copy.path)


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
    """Verifies chains as `audit:verify` does; gives what is wrong, by tenant and subject.

    Those of a database are verified side by side: each waits for several answers of it.
    """
    found: dict[str, str] = {}
    purges = gone.Purges(side.store)
    ordered = sorted(subjects)

    def verified(subject: tuple[str, str]) -> str | None:
        return _broken(side, *subject, purges)

    with ThreadPoolExecutor(1 if isinstance(side.store, WholeFile) else AT_ONCE) as pool:
        for start in range(0, len(ordered), _CHUNK):
            chunk = ordered[start : start + _CHUNK]
            for number, problem in enumerate(pool.map(verified, chunk), start + 1):
                if problem:
                    found[": ".join(ordered[number - 1])] = problem
                told(number)
    return found


def _broken(side: Side, tenant: str, subject: str, purges: gone.Purges) -> str | None:
    """What is wrong with a chain; None where nothing is."""
    try:
        broken = audit.verify(side.store, tenant, subject, datetime.now(UTC), purges).first_broken
    except ApiError as error:
        return error.message
    except KeyError:
        return "events name a subject that this release does not know"
    return f"sequence {broken.sequence}: {broken.problem}" if broken else None
