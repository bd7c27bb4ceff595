"""Records in the store, below their case: never changed, their hashes in the case's chain."""

from __future__ import annotations

import hashlib
import uuid
from datetime import datetime
from typing import Any

from shared.documents.port import (
    Create,
    Delete,
    Document,
    DocumentStore,
    Query,
    Write,
)
from shared.errors import FailedPrecondition, NotFound
from shared.ledger.decision import Decision, Recorded
from shared.ledger.kinds.cases import CASES
from shared.ledger.ledger import Ledger
from shared.ledger.subjects import required
from shared.models.case import RecordRef, StoredCase
from shared.models.events import EventType
from shared.models.record import NewRecord, RecordFields, RecordQuery, StoredRecord
from shared.repository import runs
from shared.repository.listing import query_of
from shared.repository.paging import page, size_of, slice_of
from shared.rules import runs as run_rules
from shared.rules.canonical import canonical, parsed

MAX_KINDS = 100
_SHOWN = RecordFields.aliases()

_LAST = 2**53
"""From here the numbers of the latest records count down: newest first."""


def add(
    ledger: Ledger, case_id: str, new: NewRecord
) -> tuple[Recorded[StoredCase, Document], Document]:
    """Adds a record, which supersedes the last of its kind, to an open case; gives it as well.

    Raises NotFound where its `runId` is no run of the case.
    """
    record_id = str(uuid.uuid4())

    def added(old: StoredCase, now: datetime) -> Decision[StoredCase, Document]:
        run_rules.require_open(old)
        if new.run_id:
            runs.get(ledger.store, ledger.tenant, case_id, new.run_id)
        record = _next(old, case_id, new, by=ledger.origin.actor.name, now=now)
        path = _path(ledger.tenant, case_id, record_id)
        document = Document(path, record.to_data(), 0)
        ref = _ref(old.records.get(new.kind), record_id, record)
        return Decision(
            old.model_copy(update={"records": {**old.records, new.kind: ref}}),
            EventType.RECORD_ADDED,
            f"Record added: {new.kind}, version {record.version}",
            case_id=case_id,
            meta=_told(record_id, record),
            writes=(Create(path, document.data),),
            result=document,
        )

    recorded = ledger.change(CASES, case_id, added)
    record_id = recorded.happened.meta["recordId"]
    return recorded, recorded.result or _get(ledger, case_id, record_id)


def listed(
    store: DocumentStore, tenant: str, case_id: str, wanted: RecordQuery, now: datetime
) -> tuple[list[Document], str | None]:
    """A page of a case's records, newest first; and the token of the next. Raises NotFound."""
    if wanted.latest:
        return _latest(store, tenant, case_id, wanted)
    rows, token = page(store, query_of(CASES.path(tenant, case_id), wanted, now), wanted)
    if not rows:
        required(CASES, store.get(CASES.path(tenant, case_id)), case_id)
    return rows, token


def removals(ledger: Ledger, case_id: str, case: StoredCase) -> list[Write]:
    """The writes that remove all records of a case."""
    if not case.records:
        return []
    query = Query(_collection(ledger.tenant, case_id), select=())
    return [Delete(row.path) for row in ledger.store.query(query)]


def shown_row(document: Document) -> dict[str, Any]:
    """The JSON fields of a record as a client sees it."""
    data = StoredRecord.row(document.data)
    shown = {name: data[name] for name in _SHOWN}
    return {"id": document.id, **shown, "data": parsed(data["data"])}


def _latest(
    store: DocumentStore, tenant: str, case_id: str, wanted: RecordQuery
) -> tuple[list[Document], str | None]:
    case = required(CASES, store.get(CASES.path(tenant, case_id)), case_id)
    kinds = [wanted.kind] if wanted.kind else list(case.records)
    refs = [case.records[kind] for kind in kinds if kind in case.records]
    newest_first = sorted(refs, key=lambda ref: ref.sequence, reverse=True)
    places = {ref.id: _LAST - ref.sequence for ref in newest_first}
    part, token = slice_of(places, wanted, _collection(tenant, case_id), {})
    paths = [_path(tenant, case_id, record_id) for record_id in part]
    rows = [row for row in store.get_many(paths) if row] if paths else []
    sizes = {row.id: size_of(row) for row in rows}
    if sum(sizes.values()) >= wanted.max_bytes:
        part, token = slice_of(places, wanted, _collection(tenant, case_id), sizes)
    return [row for row in rows if row.id in part], token


def _next(
    case: StoredCase, case_id: str, new: NewRecord, *, by: str, now: datetime
) -> StoredRecord:
    previous = case.records.get(new.kind)
    if previous is None and len(case.records) >= MAX_KINDS:
        raise FailedPrecondition(f"a case has records of at most {MAX_KINDS} kinds")
    text = canonical(new.data)
    return StoredRecord(
        case_id=case_id,
        kind=new.kind,
        title=new.title,
        version=previous.version + 1 if previous else 1,
        supersedes=previous.id if previous else None,
        run_id=new.run_id,
        sequence=case.head.sequence + 1,
        sha256=hashlib.sha256(text).hexdigest(),
        created_at=now,
        created_by=by,
        data=text.decode(),
    )


def _ref(previous: RecordRef | None, record_id: str, record: StoredRecord) -> RecordRef:
    ref = RecordRef(id=record_id, version=record.version, sequence=record.sequence)
    return previous.model_copy(update=dict(ref)) if previous else ref


def _told(record_id: str, record: StoredRecord) -> dict[str, Any]:
    told = {"kind", "title", "version", "supersedes", "run_id", "sha256"}
    return {"recordId": record_id, **record.model_dump(by_alias=True, include=told)}


def _get(ledger: Ledger, case_id: str, record_id: str) -> Document:
    document = ledger.store.get(_path(ledger.tenant, case_id, record_id))
    if document is None:
        raise NotFound(f"cases/{case_id}/records/{record_id} does not exist any more")
    return document


def _collection(tenant: str, case_id: str) -> str:
    return f"{CASES.path(tenant, case_id)}/records"


def _path(tenant: str, case_id: str, record_id: str) -> str:
    return f"{_collection(tenant, case_id)}/{record_id}"
