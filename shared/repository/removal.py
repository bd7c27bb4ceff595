"""What is removed with a case, and how it is removed where one commit has no room for it all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from shared import errors
from shared.documents.backoff import attempts
from shared.documents.port import Conflict, Delete, Filter, Query, Set, Write
from shared.documents.values import MAX_WRITES
from shared.ledger.kinds.cases import CASES
from shared.ledger.ledger import CONTENTION_SECONDS, Ledger
from shared.ledger.subjects import PARTS_LEFT_SINCE
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


def finish(ledger: Ledger, case_id: str) -> None:
    """Removes what a deleted case still has, where its own commit had no room for it.

    Each commit removes as much as it takes, and the last one says so on the tombstone. Whoever
    stops in the middle leaves the rest to the next call. Raises Aborted where others are at it.
    """
    path = CASES.path(ledger.tenant, case_id)
    for _ in attempts(CONTENTION_SECONDS):
        document = ledger.store.get(path)
        if document is None or PARTS_LEFT_SINCE not in document.data:
            return
        whole = {name: at for name, at in document.data.items() if name != PARTS_LEFT_SINCE}
        writes = [
            *_left(ledger, case_id),
            Set(path, whole, version=document.version),
        ]
        try:
            for start in range(0, len(writes), MAX_WRITES):
                ledger.store.commit(writes[start : start + MAX_WRITES])
        except Conflict:
            continue
        return
    raise errors.Aborted("others are removing the parts of this case; try again")


def _left(ledger: Ledger, case_id: str) -> list[Write]:
    """The writes that remove all that there is of a case, of which nothing else is known."""
    runs_of_case = (Filter("caseId", "==", case_id),)
    queries = [Query(f"tenants/{ledger.tenant}/runs", runs_of_case, select=())]
    queries += [Query(f"{CASES.path(ledger.tenant, case_id)}/{name}", select=()) for name in PARTS]
    rows = [row for query in queries for row in ledger.store.query(query)]
    return [
        *worksheets.removals(ledger, case_id, ledger.clock()),
        *(Delete(row.path) for row in rows),
    ]
