"""Removes deliveries to webhooks that have been over for as long as they are kept."""

from __future__ import annotations

from shared.documents.port import Delete, Filter, Order, Query
from shared.ledger.deliveries import COLLECTION
from shared.repository.batches import made
from shared.sweeps.run import SweepRun


def remove(run: SweepRun) -> None:
    """Removes them, of all tenants."""
    old = (Filter("removeAt", "<=", run.now),)
    query = Query(COLLECTION, old, (Order("removeAt"),), select=("removeAt",), group=True)
    for rows in run.pages(query):
        removals = [(row, Delete(row.path, version=row.version)) for row in rows]
        done = rows if run.dry else made(run.store, removals)
        run.counts["examined"] += len(rows)
        run.counts["changed"] += len(done)
        run.counts["skipped"] += len(rows) - len(done)
