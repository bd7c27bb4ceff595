"""What changed in a tenant since a cursor: each event at least once.

An event has the time of the attempt that committed it, so one may become visible after another that
has a later time. Each pass therefore begins again where the pass before it stood OVERLAP before its
own beginning; whoever asks knows what they have by its subject and sequence. A pass that is longer
than a page goes on behind its last row.
"""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from shared.documents.port import Document, DocumentStore, Filter, Order, Query
from shared.errors import InvalidArgument
from shared.models.base import is_id
from shared.models.changes import ChangedSubject, Changes
from shared.repository.reading import readable
from shared.rules.callers import AUDITING, Caller

OVERLAP = timedelta(seconds=20)
"""Longer than a commit may take, with the difference between two instances' clocks."""
KEPT = timedelta(days=1)
"""How old a cursor may be."""
PAGE = 200
_FIELDS = ("subject", "sequence", "eventType", "caseId", "createdAt")


class _Cursor(NamedTuple):
    """From when this pass returns events, from when the next one does, and its last row so far."""

    since: datetime
    then: datetime | None = None
    row_at: datetime | None = None
    row_id: str | None = None


def since(store: DocumentStore, caller: Caller, text: str | None, now: datetime) -> Changes:
    """What the caller may see of what changed. Raises InvalidArgument for a bad cursor."""
    if text is None:
        return Changes(changes=[], cursor=_encoded(_Cursor(now - OVERLAP)))
    cursor = _decoded(text)
    if now - cursor.since > KEPT:
        raise InvalidArgument.field("after", "is too old: ask without it, and load anew")
    rows = store.query(
        Query(
            f"tenants/{caller.tenant}/audit",
            (Filter("createdAt", ">=", cursor.since),),
            (Order("createdAt"),),
            limit=PAGE,
            after=(cursor.row_at, cursor.row_id) if cursor.row_id else (),
            select=_FIELDS,
        )
    )
    # The next pass begins before this one did, not before its last page.
    then = cursor.then or max(cursor.since, now - OVERLAP)
    full = len(rows) == PAGE
    last = rows[-1] if full else None
    following = (
        _Cursor(cursor.since, then, last.data["createdAt"], last.id) if last else _Cursor(then)
    )
    shown, _ = readable([row for row in rows if _may_see(caller, row)], _shown)
    return Changes(changes=shown, cursor=_encoded(following))


def _may_see(caller: Caller, row: Document) -> bool:
    """Who keeps a worksheet is not for others; of keys and webhooks those hear who audit."""
    subject = str(row.data.get("subject"))
    if subject.startswith(("keys/", "webhooks/")):
        return caller.role in AUDITING
    _, _, owner = subject.partition(":")
    return not subject.startswith("worksheets/") or owner == caller.subject


def _shown(row: Document) -> ChangedSubject:
    return ChangedSubject.model_validate({name: row.data.get(name) for name in _FIELDS})


def _encoded(cursor: _Cursor) -> str:
    texts = [one.isoformat() if isinstance(one, datetime) else one for one in cursor]
    return base64.urlsafe_b64encode(json.dumps(texts, separators=(",", ":")).encode()).decode()


def _decoded(text: str) -> _Cursor:
    try:
        begin, then, row_at, row_id = json.loads(base64.b64decode(text, b"-_", validate=True))
        cursor = _Cursor(_time(begin), then and _time(then), row_at and _time(row_at), row_id)
    except (binascii.Error, ValueError, TypeError, RecursionError):
        raise InvalidArgument.field("after", "is not a cursor of this list") from None
    if len({cursor.then is None, cursor.row_at is None, cursor.row_id is None}) != 1:
        raise InvalidArgument.field("after", "is not a cursor of this list")
    if cursor.row_id is not None and not (isinstance(row_id, str) and is_id(row_id)):
        raise InvalidArgument.field("after", "is not a cursor of this list")
    return cursor


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError
    return time.astimezone(UTC)
