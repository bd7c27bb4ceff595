"""Removes what is past its tenant's retention: interventions, and closed cases with all they have.

The audit trail stays, but for the texts that are erased from it (`trail.py`), and a tombstone keeps
the head of each chain. One commit removes documents and adds the event that records it, on the
tenant's chain. A document is removed only if it is still as it was read, so a case that is reopened
or held meanwhile stays. Nothing under a legal hold is removed; it is looked at again the next day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby, zip_longest
from typing import Any, Literal, NamedTuple

from pydantic import ValidationError

from shared import errors
from shared.documents.backoff import attempts
from shared.documents.port import Document, Filter, Order, Query, Write
from shared.documents.values import MAX_WRITES
from shared.ledger.attempt import Posting
from shared.ledger.decision import Before, Decision
from shared.ledger.kinds.cases import CASES
from shared.ledger.kinds.interventions import INTERVENTIONS
from shared.ledger.kinds.tenants import TENANT
from shared.ledger.ledger import CONTENTION_SECONDS
from shared.ledger.subjects import (
    PARTS_LEFT_SINCE,
    PURGED_BY,
    load,
    tenant_of,
    tombstone,
    unchanged,
)
from shared.models.case import Status, StoredCase
from shared.models.events import EventType
from shared.models.intervention import StoredIntervention
from shared.models.settings import StoredSettings
from shared.models.subjects import Subject
from shared.repository import gone, hanging
from shared.repository.removal import belongings, finish
from shared.rules.facts import of_state
from shared.rules.tally import PURGED, purged
from shared.sweeps import old_deliveries, trail
from shared.sweeps.run import SweepRun, after_days, due_by, sorted_by_sweep

_CLOSED = Filter("status", "==", Status.CLOSED)
_A_DAY = timedelta(days=1)
_AT_ONCE = MAX_WRITES // 2
"""The writes in one commit, besides those of the tenant and the event."""
_GATHERED = 2_000
"""How many writes are gathered before they are made, so that each tenant needs few commits."""

_Fate = Literal["changed", "skipped", "failed"]


class _Doomed(NamedTuple):
    """A subject to be removed, with the writes that remove what belongs to it.

    Where they are too many for the same commit, they are left out here, and made after it.
    """

    subject: str
    document: Document
    state: Subject
    writes: list[Write]
    leaves_parts: bool = False

    @property
    def size(self) -> int:
        """How many writes its removal takes."""
        return len(self.writes) + 1


def purge(run: SweepRun) -> None:
    """Removes everything that is due, of all tenants."""
    trail.go_on_erasing(run)
    _finish_removals(run)
    run.wake("retentionChangedAt", _retained)
    cases = run.due(sorted_by_sweep("cases", _CLOSED, due_by(run.now), group=True))
    interventions = run.due(sorted_by_sweep("interventions", due_by(run.now), group=True))
    doomed: list[_Doomed] = []
    # Both together, so that one event of a tenant covers its cases and its interventions.
    for case_rows, intervention_rows in zip_longest(cases, interventions, fillvalue=()):
        ripe_cases = run.ripe(list(run.readable(CASES.state, case_rows)), _case_until)
        ripe = run.ripe(
            list(run.readable(INTERVENTIONS.state, intervention_rows)), _intervention_until
        )
        doomed += [*_interventions(run, ripe), *_cases(run, ripe_cases)]
        if sum(one.size for one in doomed) >= _GATHERED:
            _remove(run, doomed)
            doomed = []
    _remove(run, doomed)
    trail.erase_old(run)
    old_deliveries.remove(run)


def _finish_removals(run: SweepRun) -> None:
    """Removes what is left of cases whose removal was interrupted."""
    begun = (Filter(PARTS_LEFT_SINCE, "<=", run.now),)
    left = Query("cases", begun, (Order(PARTS_LEFT_SINCE),), group=True)
    for rows in run.due(left):
        run.counts["examined"] += len(rows)
        for row in rows:
            try:
                if not run.dry:
                    finish(run.ledger_of(tenant_of(row.path)), row.id)
            except (ValidationError, errors.Unreadable, errors.Aborted):
                run.failed(row)
            else:
                run.counts["changed"] += 1


def _retained(tenant: str) -> list[Query]:
    cases = sorted_by_sweep(f"tenants/{tenant}/cases", _CLOSED)
    return [cases, sorted_by_sweep(f"tenants/{tenant}/interventions")]


def _case_until(settings: StoredSettings, case: StoredCase) -> datetime:
    return after_days(case.closed_at or case.status_changed_at, settings.case_retention_days)


def _intervention_until(settings: StoredSettings, state: StoredIntervention) -> datetime:
    # An archived intervention has not changed since it was archived; another is looked at because
    # nothing follows once its approval has lapsed.
    over = state.updated_at if state.archived else state.act_until or state.updated_at
    return after_days(over, settings.intervention_retention_days)


def _cases(run: SweepRun, ripe: Sequence[tuple[Document, StoredCase]]) -> Iterator[_Doomed]:
    """The cases under no legal hold, with the writes that remove what belongs to them."""
    held = [row for row, case in ripe if case.legal_hold]
    run.postpone([(row, run.now + _A_DAY) for row in held])
    for row, case in ripe:
        if not case.legal_hold:
            try:
                ledger = run.ledger_of(tenant_of(row.path))
                parts = belongings(ledger, row.id, case, run.now)
                # Of a case that release 1.0.0 closed. The commit has room for them.
                asked = hanging.open_interventions(run.store, row.path, case)
                ended = hanging.ended(ledger, asked, "The case was removed", run.now)
            except (ValidationError, errors.Unreadable):
                run.failed(row)
            else:
                many = len(parts) + len(ended) >= _AT_ONCE
                writes = [*([] if many else parts), *ended]
                yield _Doomed(CASES.subject(row.id), row, case, writes, many)


def _interventions(
    run: SweepRun, ripe: Sequence[tuple[Document, StoredIntervention]]
) -> Iterator[_Doomed]:
    """The interventions whose case is under no legal hold, each on condition that this stays so."""
    paths = {
        row.path: CASES.path(tenant_of(row.path), state.case_id)
        for row, state in ripe
        if state.case_id
    }
    unique = sorted(set(paths.values()))
    found = dict(zip(unique, run.store.get_many(unique) if unique else (), strict=True))
    held = []
    for row, state in ripe:
        document = found.get(paths.get(row.path, ""))
        try:
            case = load(CASES, document)
        except (ValidationError, errors.Unreadable):
            # Whether it is under a hold is unknown.
            run.failed(row)
            continue
        if case and case.legal_hold:
            held.append((row, run.now + _A_DAY))
        else:
            guard: list[Write] = [unchanged(document)] if document and case else []
            yield _Doomed(INTERVENTIONS.subject(row.id), row, state, guard)
    run.postpone(held)


def _remove(run: SweepRun, doomed: Iterable[_Doomed]) -> None:
    """Removes what is doomed, tenant by tenant, as much in one commit as it has room for."""
    # A case comes after its interventions, whose removal requires that it is unchanged.
    everything = sorted(
        doomed, key=lambda one: (tenant_of(one.document.path), one.subject.startswith("cases/"))
    )
    if run.dry:
        run.counts["changed"] += len(everything)
        return
    for tenant, ones in groupby(everything, key=lambda one: tenant_of(one.document.path)):
        for batch in _batches(ones):
            _remove_batch(run, tenant, batch)


def _batches(doomed: Iterable[_Doomed]) -> Iterator[list[_Doomed]]:
    batch: list[_Doomed] = []
    size = 0
    for one in doomed:
        if batch and size + one.size > _AT_ONCE:
            yield batch
            batch, size = [], 0
        batch.append(one)
        size += one.size
    if batch:
        yield batch


def _remove_batch(run: SweepRun, tenant: str, batch: Sequence[_Doomed]) -> None:
    fate = _fate(run, tenant, batch)
    if fate != "changed" and len(batch) > 1:
        half = len(batch) // 2
        _remove_batch(run, tenant, batch[:half])
        _remove_batch(run, tenant, batch[half:])
    elif fate == "failed":
        run.failed(batch[0].document)
    else:
        run.counts[fate] += len(batch)


def _fate(run: SweepRun, tenant: str, batch: Sequence[_Doomed]) -> _Fate:
    """Commits the removal of a batch with its event; tries again where only the tenant has changed.

    A batch is skipped where one of its documents was changed or removed by others, and has failed
    where the store does not answer.
    """
    document = run.tenant(tenant)
    for _ in attempts(CONTENTION_SECONDS):
        posting: Posting[StoredSettings] = run.ledger_of(tenant).posting(TENANT)
        if _posted(run, posting, document, batch):
            for one in batch:
                if one.leaves_parts:
                    finish(run.ledger_of(tenant), one.document.id)
            return "changed"
        if posting.unknown:
            return "failed"
        seen, document = document, run.tenant(tenant)
        if document == seen:
            break
    return "skipped"


def _posted(
    run: SweepRun,
    posting: Posting[StoredSettings],
    document: Document | None,
    batch: Sequence[_Doomed],
) -> bool:
    """Commits the removal of a batch with its event; False where a document has changed."""
    # Not the time at which the run began: other events may have joined the chain since.
    now = run.ledger.clock()
    ends = [
        tombstone(
            one.document.path,
            one.document,
            one.state.model_copy(update={"updated_at": now}),
            **{PURGED_BY: posting.event_id},
            **({PARTS_LEFT_SINCE: now} if one.leaves_parts else {}),
        )
        for one in batch
    ]
    # A commit writes a document once: the interventions of a case share the condition on it, and
    # where the case itself is removed, that write holds the condition.
    parts = [write for one in batch for write in one.writes]
    writes = tuple({write.path: write for write in (*parts, *ends)}.values())
    settings = load(TENANT, document) or StoredSettings(updated_at=now)
    decision = Decision(
        settings,
        EventType.RECORDS_PURGED,
        f"Purged past retention: {len(batch)}",
        meta=_told(batch),
        writes=writes,
    )
    return bool(posting.post("", Before(document, settings), decision, now) or posting.receipt())


def _told(batch: Sequence[_Doomed]) -> dict[str, Any]:
    """The number of each kind, the SHA-256 of the RFC 8785 form of the sorted names, and figures.

    `purged` is what the figures of what there is are to be without.
    """
    cases = [one.state.decision_type for one in batch if isinstance(one.state, StoredCase)]
    asked = [of_state(one.state) for one in batch if isinstance(one.state, StoredIntervention)]
    return {
        "cases": len(cases),
        "interventions": len(asked),
        "sha256": gone.hash_of(one.subject for one in batch),
        PURGED: purged(cases, asked),
    }
