"""Whether the documents below a case, and its runs, are what its trail says.

They are read in pages, each of as much as a function's memory holds well.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic_core import from_json

from shared.documents.port import Document, DocumentStore, Filter, Query
from shared.ledger.subjects import problem_of, tenant_of
from shared.models.audit import BrokenLink
from shared.models.case import StoredCase
from shared.models.packet import Packet, StoredPacket
from shared.models.record import StoredRecord
from shared.models.run import StoredRun
from shared.repository import integrity_preserved, items
from shared.repository.batches import rows_of
from shared.repository.integrity_preserved import MISSING, SURPLUS
from shared.repository.reading import UNREADABLE
from shared.rules import packets as packet_rules
from shared.rules.replay import Part, differs
from shared.rules.replay_parts import WHOLE, Parts

_UNREADABLE = "a document that this event is about cannot be read"
_SMALL, _LARGE, _LARGEST = 50, 20, 5
"""How many documents are read at a time: an item or a record is small, a packet up to 1 MiB."""

Actual = Callable[[Document], dict[str, Any]]


def differences(
    store: DocumentStore, document: Document, case: StoredCase, parts: Parts
) -> Iterator[BrokenLink]:
    """All that is not stored as the events say, in no order of their sequence."""
    opened = 1
    yield from _references(case, parts, opened)
    holds = {hold.id: hold.model_dump(mode="json", by_alias=True) for hold in case.holds}
    if (sequence := parts.holds_differ(holds, opened)) is not None:
        yield differs(sequence, "holds")
    last = case.head.sequence
    tenant = f"tenants/{tenant_of(document.path)}"
    runs = Query(f"{tenant}/runs", (Filter("caseId", "==", document.id),))
    sizes: dict[str, int] = {}
    for query, size, said, actual in (
        (Query(f"{document.path}/evidence"), _SMALL, parts.evidence, _item(sizes)),
        (Query(f"{document.path}/packets"), _LARGEST, parts.packets, _packet),
        (Query(f"{document.path}/records"), _LARGE, parts.records, _record),
        (runs, _LARGE, parts.runs, _run),
    ):
        name = query.collection.rpartition("/")[2]
        yield from _compared(rows_of(store, query, size), name, said, actual, last)
    yield from integrity_preserved.differences(store, document, parts, last)
    for ref in case.evidence:
        if ref.size != sizes.get(ref.id, ref.size):
            sequence = parts.evidence[ref.id].sequence
            yield differs(sequence, "evidence")


def _references(case: StoredCase, parts: Parts, opened: int) -> Iterator[BrokenLink]:
    """Whether a case refers to the items that its events have left, with their hashes."""
    refs = {ref.id: ref.sha256 for ref in case.evidence}
    for name in {**refs, **parts.evidence}:
        part = parts.evidence.get(name)
        said = part.fields[WHOLE].values if part and part.there else [None]
        if said != [refs.get(name)]:
            sequence = part.sequence if part else opened
            yield differs(sequence, "evidence")
    if len(refs) != len(case.evidence):
        yield differs(opened, "evidence")


def _compared(
    rows: Iterator[Document], collection: str, said: Mapping[str, Part], actual: Actual, last: int
) -> Iterator[BrokenLink]:
    """What differs in one collection: documents missing, surplus, unreadable or changed."""
    seen = set()
    for row in rows:
        seen.add(row.id)
        part, path = said.get(row.id), f"{collection}/{row.id}"
        if part is None or not part.there:
            sequence = part.sequence if part else last
            yield BrokenLink(sequence=sequence, problem=SURPLUS, field=path)
            continue
        try:
            fields = actual(row)
        except UNREADABLE as error:
            place = problem_of(error).partition(":")[0]
            field = path if " " in place else f"{path}/{place}"
            yield BrokenLink(sequence=part.sequence, problem=_UNREADABLE, field=field)
            continue
        for name, value in fields.items():
            one = part.fields.get(name)
            if one and not one.allows(value):
                field = f"{path}/{name}" if name else path
                yield differs(one.sequence, field)
    for name, part in said.items():
        if part.there and name not in seen:
            yield BrokenLink(sequence=part.sequence, problem=MISSING, field=f"{collection}/{name}")


def _item(sizes: dict[str, int]) -> Actual:
    """What an item of evidence is; notes its size, which its case has, in `sizes`."""

    def actual(row: Document) -> dict[str, Any]:
        item = items.shown(row, ())
        ref = packet_rules.reference(packet_rules.content_of(item))
        stored = item.model_dump(mode="json", by_alias=True, include={"added_at", "added_by"})
        sizes[row.id] = ref.size
        return {**stored, WHOLE: ref.sha256}

    return actual


def _packet(row: Document) -> dict[str, Any]:
    stored = StoredPacket.read(row.data)
    packet = Packet.of(from_json(stored.text))
    shown = {"case_id", "version", "state", "title", "decision_type", "frozen_at", "frozen_by"}
    found = packet.model_dump(mode="json", by_alias=True, include=shown)
    both = {"version", "sha256", "frozen_at"}
    beside = stored.model_dump(mode="json", by_alias=True, include=both)
    within = packet.model_dump(mode="json", by_alias=True, include=both)
    # Both are as the event says, or what differs is not.
    twice = {name: value if within[name] == value else None for name, value in beside.items()}
    return {**found, **twice, "items": stored.items, WHOLE: packet_rules.packet_hash(packet)}


def _record(row: Document) -> dict[str, Any]:
    record = StoredRecord.read(row.data)
    found = record.model_dump(mode="json", by_alias=True, exclude={"data"})
    return {**found, WHOLE: hashlib.sha256(record.data.encode()).hexdigest()}


def _run(row: Document) -> dict[str, Any]:
    run = StoredRun.read(row.data)
    found = run.model_dump(mode="json", by_alias=True)
    for name in ("input", "output", "errors"):
        text = found[name]
        found[name] = None if text is None else hashlib.sha256(text.encode()).hexdigest()
    return found
