"""Agents' runs in the store. Each of their steps is an event on the chain of their case."""

from __future__ import annotations

import hashlib
import itertools
import uuid
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic_core import to_jsonable_python

from shared import errors
from shared.documents.port import (
    Delete,
    Document,
    DocumentStore,
    Filter,
    Query,
    Update,
    Write,
)
from shared.ledger.decision import Decision, Recorded, Seen, Unchanged
from shared.ledger.kinds.cases import CASES
from shared.ledger.ledger import Ledger
from shared.ledger.subjects import written
from shared.models.case import StoredCase
from shared.models.events import EventType
from shared.models.run import OPEN_RUN, NewRun, RunPatch, RunQuery, RunStatus, StoredRun
from shared.models.settings import Settings
from shared.repository import hanging
from shared.repository.listing import query_of
from shared.repository.paging import page
from shared.rules import hanging as hanging_rules
from shared.rules import runs as run_rules

_STEPS = {
    RunStatus.PENDING: (EventType.AGENT_ACTION, "queued"),
    RunStatus.RUNNING: (EventType.AGENT_STARTED, "started"),
    RunStatus.COMPLETED: (EventType.AGENT_COMPLETED, "completed"),
    RunStatus.FAILED: (EventType.AGENT_FAILED, "failed"),
    RunStatus.CANCELLED: (EventType.AGENT_CANCELLED, "cancelled"),
}


def start(
    ledger: Ledger, case_id: str, new: NewRun, settings: Settings
) -> tuple[Recorded[StoredCase, StoredRun], str, StoredRun]:
    """Starts or queues a run on an open case; also gives its id and state. Raises AlreadyExists."""
    run_id = new.id or str(uuid.uuid4())
    earlier_attempts = itertools.count()

    def started(old: StoredCase, now: datetime) -> Decision[StoredCase, StoredRun]:
        run_rules.require_open(old)
        if next(earlier_attempts) and new.id and ledger.store.get(path(ledger.tenant, run_id)):
            raise errors.AlreadyExists(f"runs/{run_id} exists")
        by, minutes = ledger.origin.actor.name, settings.run_timeout_minutes
        run = run_rules.created(case_id, new, by=by, minutes=minutes, now=now)
        write = written(path(ledger.tenant, run_id), None, run)
        case, marks = hanging.known(ledger.store, CASES.path(ledger.tenant, case_id), old)
        case = hanging_rules.counted(case, runs=1)
        case = case.model_copy(update={"run_count": case.run_count + 1})
        return step(case, case_id, run_id, run, write, *marks)

    recorded = ledger.change(CASES, case_id, started)
    run_id = recorded.happened.meta["runId"]
    run = recorded.result or get(ledger.store, ledger.tenant, case_id, run_id)
    return recorded, run_id, run


def update(
    ledger: Ledger, case_id: str, run_id: str, patch: RunPatch, minutes: int | None
) -> tuple[Recorded[StoredCase, StoredRun], StoredRun]:
    """Starts a queued run, for `minutes`, or ends one. An If-Match is about the run.

    Raises NotFound, PreconditionFailed, FailedPrecondition.
    """
    run_path = path(ledger.tenant, run_id)
    plain = ledger.without_match
    case, document = ledger.store.get_many([CASES.path(ledger.tenant, case_id), run_path])
    plain.keep_beside({run_path: document})

    def updated(
        old: StoredCase, now: datetime
    ) -> Decision[StoredCase, StoredRun] | Unchanged[StoredRun]:
        document = plain.beside(run_path)
        run = run_of(document, case_id, run_id)
        ledger.origin.require_match(run_rules.tag(run))
        after = run_rules.updated(run, patch, minutes=minutes, now=now)
        if after == run or document is None:
            return Unchanged(run)
        write = written(document.path, document, after)
        decided = step(old, case_id, run_id, after, write)
        return decided if after.status in OPEN_RUN else ended(plain, decided, run_id, now)

    recorded = plain.change(CASES, case_id, updated, seen=Seen(case))
    return recorded, recorded.result or get(ledger.store, ledger.tenant, case_id, run_id)


def get(store: DocumentStore, tenant: str, case_id: str, run_id: str) -> StoredRun:
    """A run of a case. Raises NotFound."""
    return run_of(store.get(path(tenant, run_id)), case_id, run_id)


def listed(
    store: DocumentStore, tenant: str, wanted: RunQuery, now: datetime
) -> tuple[list[Document], str | None]:
    """A page of runs, newest first; and the token of the next."""
    return page(store, query_of(f"tenants/{tenant}", wanted, now), wanted)


def removals(ledger: Ledger, case_id: str, case: StoredCase) -> list[Write]:
    """The writes that remove all runs of a case."""
    if not case.run_count:
        return []
    of_case = (Filter("caseId", "==", case_id),)
    query = Query(f"tenants/{ledger.tenant}/runs", of_case, select=())
    return [Delete(row.path) for row in ledger.store.query(query)]


def path(tenant: str, run_id: str) -> str:
    """Where a run is kept."""
    return f"tenants/{tenant}/runs/{run_id}"


def step(
    case: StoredCase, case_id: str, run_id: str, run: StoredRun, *writes: Write
) -> Decision[StoredCase, StoredRun]:
    """The decision to record a step of a run on its case; `writes` store the run."""
    event_type, what = _STEPS[run.status]
    return Decision(
        case,
        event_type,
        f"Run {run_id} of {run.agent_id} {what}",
        severity="error" if run.status is RunStatus.FAILED else "info",
        agent_id=run.agent_id,
        case_id=case_id,
        meta=_told(run_id, run),
        writes=writes,
        result=run,
    )


def ended(
    ledger: Ledger, decided: Decision[StoredCase, StoredRun], run_id: str, now: datetime
) -> Decision[StoredCase, StoredRun]:
    """The last step of a run: its case counts it no more, and what it still asks is withdrawn."""
    case = decided.state
    if case.open_interventions is None or decided.case_id is None:
        # A case of release 1.0.0 on which nothing new hangs yet, so this run has asked nothing.
        return decided
    path = CASES.path(ledger.tenant, decided.case_id)
    asked = hanging.open_interventions(ledger.store, path, case)
    own = [(row, one) for row, one in asked if one.run_id == run_id]
    return replace(
        decided,
        state=hanging_rules.counted(case, interventions=-len(own), runs=-1),
        writes=(*decided.writes, *hanging.ended(ledger, own, "Its run has ended", now)),
    )


def changed(document: Document, before: StoredRun, after: StoredRun) -> Update:
    """The write of what a rule has changed, for a document that may have been read in part."""
    old_data, new_data = before.to_data(document.data), after.to_data(document.data)
    fields = {name: value for name, value in new_data.items() if old_data[name] != value}
    return Update(document.path, fields, version=document.version)


def _told(run_id: str, run: StoredRun) -> dict[str, Any]:
    """What an event shows of a run: of its JSON only the SHA-256 of the RFC 8785 form."""
    texts = {"input": run.input, "output": run.output, "errors": run.errors}
    hashes = {
        f"{name}Sha256": hashlib.sha256(text.encode()).hexdigest()
        for name, text in texts.items()
        if text is not None
    }
    timeout = to_jsonable_python(run.timeout_at)
    named = {"packId": run.pack_id, "version": run.version, "timeoutAt": timeout}
    return {
        "runId": run_id,
        "status": run.status,
        **{name: value for name, value in named.items() if value},
        **hashes,
    }


def state(document: Document) -> StoredRun:
    """The run in a document. Raises ValidationError."""
    return StoredRun.read(document.data)


def run_of(document: Document | None, case_id: str, run_id: str) -> StoredRun:
    """The run in a document. Raises NotFound where it is not a run of the case."""
    run = state(document) if document else None
    if run is None or run.case_id != case_id:
        raise errors.NotFound(f"cases/{case_id}/runs/{run_id} does not exist")
    return run
