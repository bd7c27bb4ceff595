"""Counts a tenant's whole log anew, beside the functions, and makes that its figures.

What is counted goes into documents of the next generation: `figures/rebuild`, and the days by its
number. When the log's end is reached, one commit makes it the figures, on the condition that both
are as they were read; the sealing goes on from there. Whoever stops anywhere goes on later.
"""

from __future__ import annotations

from collections.abc import Iterator

from shared.documents.port import Conflict, Create, Delete, Document, DocumentStore, Query, Set
from shared.documents.values import MAX_WRITES
from shared.ledger.subjects import written
from shared.models.tallies import StoredTotals
from shared.repository import sealed
from shared.repository.batches import rows_of
from shared.repository.counting import Counting
from shared.repository.folding import entries_of, fold
from shared.repository.tallies import read_totals, totals_path


def recount(store: DocumentStore, tenant: str) -> Iterator[int]:
    """Counts a log anew; gives how many of its entries are counted, after each step.

    It costs a read for each event, and hardly more where events are of earlier releases. Raises
    Unreadable where the log cannot be read.
    """
    counting, path = Counting(store, tenant), _path(tenant)
    target = _generation(store, totals_path(tenant)) + 1
    while _generation(store, totals_path(tenant)) < target:
        document, log = store.get(path), sealed.opened(store, tenant)
        stored = read_totals(document)
        try:
            if document is None or stored.generation != target:
                store.commit([written(path, document, StoredTotals(generation=target))])
            elif log and stored.counted < log.size:
                entries = entries_of(store, tenant, log, stored.counted)
                yield stored.counted + fold(counting, store, path, document, entries)
            else:
                _switch(store, tenant, document, stored)
        except Conflict:
            # Another recount, or the sealing, was first: see how far it is.
            continue
    _remove_former(store, tenant, target)


def counted_of(store: DocumentStore, tenant: str) -> tuple[int, int]:
    """Of how many entries of a log its figures are, and how many it has. Raises Unreadable."""
    log = sealed.opened(store, tenant)
    return read_totals(store.get(totals_path(tenant))).counted, log.size if log else 0


def _path(tenant: str) -> str:
    return f"tenants/{tenant}/figures/rebuild"


def _generation(store: DocumentStore, path: str) -> int:
    """The generation of figures; 0 where there are none. They need not be readable for that."""
    document = store.get(path)
    found = document.data.get("generation", 1) if document else 0
    return found if isinstance(found, int) else 1


def _switch(store: DocumentStore, tenant: str, document: Document, anew: StoredTotals) -> None:
    """Makes what was counted anew the figures."""
    path, data = totals_path(tenant), anew.to_data()
    current = store.get(path)
    write = Set(path, data, version=current.version) if current else Create(path, data)
    store.commit([write, Delete(document.path, version=document.version)])


def _remove_former(store: DocumentStore, tenant: str, generation: int) -> None:
    """Removes the days of all generations before one."""
    every = Query(f"tenants/{tenant}/figures", select=())
    days = [row for row in rows_of(store, every) if row.id.partition("-")[0].isdecimal()]
    former = [row for row in days if int(row.id.partition("-")[0]) < generation]
    for first in range(0, len(former), MAX_WRITES):
        store.commit([Delete(row.path) for row in former[first : first + MAX_WRITES]])
