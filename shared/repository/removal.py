"""What is removed with a case, and how it is removed where one commit has no room for it all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from shared.documents.port import Document, DocumentStore, Write
from shared.ledger.ledger import Ledger
from shared.ledger.subjects import unchanged
from shared.models.case import StoredCase
from shared.repository import evidence, packets, preserved, records, runs, worksheets

PARTS: dict[str, Callable[[Ledger, str, StoredCase], list[Write]]] = {
    "evidence": evidence.removals,
    "packets": packets.removals,
    "records": records.removals,
    "preserved": preserved.removals,
}
"""The collections below a case, each with what makes the writes that take its documents away."""


def belongings(ledger: Ledger, case_id: str, case: StoredCase, now: datetime) -> list[Write]:
    """The writes that remove everything that belongs to a case; worksheets leave tombstones."""
    return [
        *worksheets.removals(ledger, case_id, now),
        *(write for removals in PARTS.values() for write in removals(ledger, case_id, case)),
        *runs.removals(ledger, case_id, case),
    ]


def shortened(
    store: DocumentStore, document: Document, writes: list[Write], most: int
) -> list[Write]:
    """Commits all writes but the last `most`, and gives those.

    Each commit requires that `document` is still as it was read. Raises Conflict.
    """
    while len(writes) > most:
        store.commit([unchanged(document), *writes[:most]])
        writes = writes[most:]
    return writes
