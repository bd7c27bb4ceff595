"""Whether what was taken from events was erased by rule.

An event keeps its hash when a text is taken from it. Whoever may write to the database could so
take texts away without a trace, if the event that records the erasure were not asked for.
"""

from __future__ import annotations

from collections.abc import Mapping

from shared.documents.port import DocumentStore
from shared.ledger import events
from shared.models.audit import BrokenLink
from shared.models.base import is_id

_TYPES = frozenset({"data_erased", "records_purged"})


def unrecorded(store: DocumentStore, tenant: str, erasures: Mapping[str, int]) -> BrokenLink | None:
    """The first event that names as its erasure what is none; None where each names one.

    `erasures` are the ids of the events that are named, each with the first sequence that names it.
    Costs a round trip with a read for each of them, where there are any.
    """
    names = [name for name in erasures if is_id(name)]
    found = store.get_many([events.path(tenant, name) for name in names]) if names else []
    records = [events.valid(row) for row in found if row]
    recorded = {one.id for one in records if one and one.event_type in _TYPES}
    missing = [erasures[name] for name in erasures.keys() - recorded]
    problem = "a value was erased, and no event records it"
    return BrokenLink(sequence=min(missing), problem=problem) if missing else None
