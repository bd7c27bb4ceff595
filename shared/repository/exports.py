"""The export of a tenant's trail: its events in the order of the log, and what proves the range."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from pydantic_core import to_json

from shared import errors
from shared.documents.port import Document
from shared.ledger import events
from shared.ledger.decision import Decision
from shared.ledger.kinds.tenants import TENANT
from shared.ledger.ledger import Ledger
from shared.ledger.subjects import problem_of, tell
from shared.models.events import EventType
from shared.models.exports import MAX_EVENTS, ExportQuery
from shared.repository import sealed
from shared.repository.batches import Pace
from shared.repository.reading import UNREADABLE
from shared.repository.sealed import Log

MAX_BYTES = 24 * 1_048_576
"""An export ends with the events that reach this size: API Gateway hands over up to 32 MB."""


def of_trail(ledger: Ledger, wanted: ExportQuery) -> tuple[range, Iterator[bytes]]:
    """The entries of the log that are exported at most, and the lines of the export.

    The lines are made when they are asked for, and the export is recorded before the first of
    them. Raises InvalidArgument for a range that the log has not, and NotFound while nothing is
    sealed.
    """
    log = sealed.opened(ledger.store, ledger.tenant)
    if log is None:
        raise errors.NotFound(
            "there is no log yet: events are sealed a minute or two after they were recorded"
        )
    if wanted.start > log.size:
        raise errors.InvalidArgument.field("start", f"is beyond the log, which has {log.size}")
    if wanted.end is not None and wanted.end < wanted.start:
        raise errors.InvalidArgument.field("end", "is before start")
    end = log.size if wanted.end is None else min(wanted.end, log.size)
    part = range(wanted.start, min(end, wanted.start + MAX_EVENTS))
    return part, _lines(ledger, log, part)


def _lines(ledger: Ledger, log: Log, part: range) -> Iterator[bytes]:
    _record(ledger, log, part)
    pace, entries = Pace(), log.entries(part.start, part.stop)
    reached, size = part.start, 0
    while size < MAX_BYTES and (some := list(itertools.islice(entries, pace.number))):
        paths = [events.path(ledger.tenant, event_id) for _, event_id, _ in some]
        documents = ledger.store.get_many(paths)
        pace.note(documents)
        for (index, event_id, entry), path, document in zip(some, paths, documents, strict=True):
            told = event_in(path, document, entry)
            if "problem" in told:
                told = {"id": event_id, "hash": entry, **told}
            line = to_json({"index": index, **told}) + b"\n"
            size += len(line)
            yield line
        reached = some[-1][0] + 1
    before, after = log.range_proof(part.start, reached)
    last = {
        "tenant": ledger.tenant,
        "start": part.start,
        "end": reached,
        "size": log.size,
        "next": reached if reached < log.size else None,
        "before": [found.hex() for found in before],
        "after": [found.hex() for found in after],
        "checkpoint": log.checkpoint,
    }
    yield to_json(last) + b"\n"


def event_in(path: str, document: Document | None, entry: str | None) -> dict[str, Any]:
    """The event in a document, as `event`; or what is wrong with it, as `problem`.

    `entry` is the hash that the log has of it, where it has one.
    """
    if document is None:
        return {"problem": "event is missing"}
    try:
        event = events.content(document)
    except UNREADABLE as error:
        tell(path)
        return {"problem": f"event cannot be read: {problem_of(error)}"}
    if entry is not None and event["hash"] != entry:
        return {"problem": "event is not the one in the log"}
    return {"event": event}


def _record(ledger: Ledger, log: Log, part: range) -> None:
    meta = {"start": part.start, "end": part.stop, "logSize": log.size}
    told = EventType.DATA_EXPORTED, "Audit trail exported"
    ledger.change(TENANT, "", lambda old, _: Decision(old, *told, meta=meta))
