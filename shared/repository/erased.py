"""Whether what was taken from events was erased by rule.

An event keeps its hash when a text is taken from it. Whoever may write to the database could so
take texts away without a trace, if the event that records the erasure were not asked for, or if any
such event would do: it must be about the subject, or old enough for what its tenant keeps.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from shared.documents.port import DocumentStore
from shared.ledger import events
from shared.models.audit import BrokenLink
from shared.models.base import is_id
from shared.models.events import Event, EventType
from shared.models.settings import MAX_DAYS
from shared.rules import chain
from shared.rules.chain import Taken

_PROBLEM = "a value was erased, and no event records it"


def unrecorded(
    store: DocumentStore, tenant: str, subject: str, erasures: Mapping[str, Taken]
) -> BrokenLink | None:
    """The first event of a subject's chain whose values no erasure took; None for none.

    `erasures` are the ids of the events that are named, each with what names it. Costs a round trip
    with a read for each of them, where there are any.
    """
    names = [name for name in erasures if is_id(name)]
    found = store.get_many([events.path(tenant, name) for name in names]) if names else []
    records = [event for row in found if row and (event := events.valid(row))]
    recorded = {one.id for one in records if _covers(tenant, one, subject, erasures[one.id])}
    missing = [erasures[name].sequence for name in erasures.keys() - recorded]
    return BrokenLink(sequence=min(missing), problem=_PROBLEM) if missing else None


def _covers(tenant: str, record: Event, subject: str, taken: Taken) -> bool:
    """Whether an event records an erasure that can have taken these values.

    Which person an erasure was about no event says: it covers whatever was recorded before it.
    """
    known = record.event_type == EventType.DATA_ERASED and record.subject == "tenant"
    if not known or not chain.holds(tenant, record):
        return False
    kept = timedelta()
    match record.meta:
        case {"scope": "person"}:
            pass
        case {"scope": "subject", "erasedSubject": named}:
            if named != subject and _cases(subject, taken) != {named}:
                return False
        case {"scope": "retention", "days": int(days)} if 0 < days <= MAX_DAYS:
            kept = timedelta(days=days)
        case _:
            return False
    return taken.newest_at <= record.created_at - kept


def _cases(subject: str, taken: Taken) -> set[str]:
    """The cases, as subjects, that events of a chain are about; a worksheet's do not name it."""
    kind, _, name = subject.partition("/")
    cases = {name.partition(":")[0]} if kind == "worksheets" else taken.cases
    return {f"cases/{case_id}" for case_id in cases}
