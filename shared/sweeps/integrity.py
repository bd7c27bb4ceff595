"""Verifies a thirtieth of all subjects and of the logs each night: a month sees all of them.

The run goes through collections in the order of the documents' paths and keeps the place that it
has reached: so a query reads only what this night's part needs, each night takes another part, and
a run that had no time left is gone on with by the next one. What was left over comes on top.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC

from pydantic import ValidationError

from shared import errors, log
from shared.documents.port import Aggregation, Document, Query, Rejected, Set
from shared.ledger import events
from shared.ledger.subjects import tenant_of
from shared.models.integrity import StoredProgress
from shared.models.sealed import StoredBundle, StoredLog, parted
from shared.repository import audit, gone, sealed
from shared.rules import chain
from shared.rules.tiles import WIDTH
from shared.sweeps.run import SweepRun

NIGHTS = 30
"""In so many nights everything is seen."""
PROGRESS = "checks/integrity"
SUBJECTS = ("tenants", "cases", "interventions", "worksheets", "keys", "webhooks")
LOGS = ("log", "logBundles")
_ROUND = (*SUBJECTS, *LOGS)
_PAGE = 50


def check(run: SweepRun) -> None:
    """Verifies this night's part; each thing that is broken is a line in the log.

    In the run's counts, `failed` are the subjects and logs that do not hold, and `skipped` those
    that did not stand still or were removed meanwhile.
    """
    progress, ends, purges = _tonight(run), 0, gone.Purges(run.store)
    while progress.left > 0 and ends <= len(_ROUND) and run.has_time():
        rows = _next(run, progress)
        for row in rows:
            if not run.has_time():
                break
            _look(run, row, purges)
            seen = {"after": row.path, "left": progress.left - 1}
            progress = progress.model_copy(update=seen)
        if not rows:
            # More ends than collections: there is less now than was counted.
            ends += 1
            following = (progress.collection + 1) % len(_ROUND)
            progress = progress.model_copy(update={"collection": following, "after": ""})
        if rows and not run.dry:
            run.store.commit([Set(PROGRESS, progress.to_data())])


def _tonight(run: SweepRun) -> StoredProgress:
    """Where to begin, and how much is to be looked at: a thirtieth, and what other nights left."""
    document = run.store.get(PROGRESS)
    known = StoredProgress()
    # What cannot be read, or is no place to go on from, is begun anew: nobody stops the check so.
    with suppress(ValidationError):
        known = StoredProgress.read(document.data) if document else known
    night = run.now.astimezone(UTC).date().isoformat()
    if known.night == night:
        return known
    queries = [Aggregation(Query(name, group=True)) for name in _ROUND]
    total = sum(one.count for one in run.store.aggregate(queries))
    left = min(total, known.left - (-total // NIGHTS))
    return known.model_copy(update={"night": night, "left": left})


def _next(run: SweepRun, progress: StoredProgress) -> list[Document]:
    name = _ROUND[progress.collection % len(_ROUND)]
    query = Query(name, group=True, limit=min(_PAGE, progress.left))
    if name in SUBJECTS:
        query = replace(query, select=())
    # What is no place begins the collection anew: nobody stops the check so.
    with suppress(Rejected):
        if progress.after:
            return run.store.query(replace(query, after=(progress.after,)))
    return run.store.query(query)


def _look(run: SweepRun, row: Document, purges: gone.Purges) -> None:
    run.counts["examined"] += 1
    tenant, kind = tenant_of(row.path), row.path.split("/")[-2]
    try:
        if kind in LOGS:
            holds = _log_holds(run, tenant, row, kind)
        else:
            subject = "tenant" if kind == "tenants" else f"{kind}/{row.id}"
            holds = audit.verify(run.store, tenant, subject, run.now, purges).valid
    except (errors.NotFound, errors.Aborted):
        run.counts["skipped"] += 1
    except errors.Unreadable as error:
        # Whatever cannot be read of a subject is broken in its trail: this is the log.
        log.write(
            "ERROR",
            "a log does not fit its trail",
            securityEvent="trail_broken",
            tenant=tenant,
            problem=error.message,
        )
        run.counts["failed"] += 1
    else:
        run.counts["failed"] += not holds


def _log_holds(run: SweepRun, tenant: str, row: Document, kind: str) -> bool:
    """Whether each event of a bundle of entries is still there, with the hash in the log.

    So a subject that was deleted with all its events is found. Raises Unreadable where the bundle
    is not what the log was signed with; of one beyond the end the sealing tells.
    """
    if kind == "logBundles":
        bundle, number = sealed.read(StoredBundle, row), sealed.number_of(row)
        opened = sealed.opened(run.store, tenant)
        if opened and number < opened.size // WIDTH:
            opened.require(0, number, bundle)
    else:
        bundle = sealed.read(StoredLog, row).last_bundle
    broken = list(_broken(run, tenant, bundle))
    for event_id, subject in broken:
        log.write(
            "ERROR",
            "an event is not the one in the log",
            securityEvent="trail_broken",
            tenant=tenant,
            subject=subject,
            event=event_id,
        )
    return not broken


def _broken(run: SweepRun, tenant: str, bundle: StoredBundle) -> Iterator[tuple[str, str | None]]:
    """The events of a bundle that are missing or others, with the subjects that they name now."""
    entries = [entry.hex() for entry in parted(bundle.entries)]
    for begin in range(0, len(bundle.ids), _PAGE):
        ids: Sequence[str] = bundle.ids[begin : begin + _PAGE]
        found = run.store.get_many([events.path(tenant, event_id) for event_id in ids])
        for event_id, entry, document in zip(ids, entries[begin:], found, strict=False):
            event = events.valid(document) if document else None
            if event is None or event.hash != entry or not chain.holds(tenant, event):
                yield event_id, event.subject if event else None
