"""Agents' runs in the store. Each of their steps is an event on the chain of their case."""

from __future__ import annotations

import hashlib
import itertools
import uuid
from datetime import datetime
from typing import Any

from shared import errors
from shared.documents.port import (
    Delete,
    Document,
    DocumentStore,
    Filter,
    Query,
    Write,
)
from shared.ledger.decision import Decision, Recorded, Seen, Unchanged
from shared.ledger.kinds import CASES
from shared.ledger.ledger import Ledger
from shared.ledger.subjects import written
from shared.models.case import StoredCase
from shared.models.events import EventType
from shared.models.run import NewRun, RunFields, RunPatch, RunQuery, RunStatus, StoredRun
from shared.models.settings import Settings
from shared.models.stored import FORMAT
from shared.repository.listing import query_of
from shared.repository.paging import page
from shared.rules import runs as run_rules

SMALL_FIELDS = (FORMAT, *(field.alias or name for name, field in RunFields.model_fields.items()))
"""All fields but the agents' JSON, which may be large."""
_STEPS = {
    RunStatus.PENDING: (EventType.AGENT_ACTION, "queued"),
    RunStatus.RUNNING: (EventType.AGENT_STARTED, "started"),
    RunStatus.COMPLETED: (EventType.AGENT_COMPLETED, "completed"),
    RunStatus.FAILED: (EventType.AGENT_FAILED, "failed"),
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
        case = old.model_copy(update={"run_count": old.run_count + 1})
        return step(case, case_id, run_id, run, write)

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
    of_case = ledger.without_match
    case, document = ledger.store.get_many([CASES.path(ledger.tenant, case_id), run_path])
    of_case.keep_beside({run_path: document})

    def updated(
        old: StoredCase, now: datetime
    ) -> Decision[StoredCase, StoredRun] | Unchanged[StoredRun]:
        document = of_case.beside(run_path)
        run = _required(document, case_id, run_id)
        ledger.origin.require_match(run_rules.tag(run))
        after = run_rules.updated(run, patch, minutes=minutes, now=now)
        if after == run or document is None:
            return Unchanged(run)
        return step(old, case_id, run_id, after, written(document.path, document, after))

    recorded = of_case.change(CASES, case_id, updated, seen=Seen(case))
    return recorded, recorded.result or get(ledger.store, ledger.tenant, case_id, run_id)


def get(store: DocumentStore, tenant: str, case_id: str, run_id: str) -> StoredRun:
    """A run of a case. Raises NotFound."""
    return _required(store.get(path(tenant, run_id)), case_id, run_id)


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
    case: StoredCase, case_id: str, run_id: str, run: StoredRun, write: Write
) -> Decision[StoredCase, StoredRun]:
    """The decision to record a step of a run on its case; `write` stores the run."""
    event_type, what = _STEPS[run.status]
    return Decision(
        case,
        event_type,
        f"Run {run_id} of {run.agent_id} {what}",
        severity="error" if run.status is RunStatus.FAILED else "info",
        agent_id=run.agent_id,
        case_id=case_id,
        meta=_told(run_id, run),
        writes=(write,),
        result=run,
    )


def _told(run_id: str, run: StoredRun) -> dict[str, Any]:
    """What an event shows of a run: of its JSON only the SHA-256 of the RFC 8785 form."""
    texts = {"input": run.input, "output": run.output, "errors": run.errors}
    hashes = {
        f"{name}Sha256": hashlib.sha256(text.encode()).hexdigest()
        for name, text in texts.items()
        if text is not None
    }
    named = {"packId": run.pack_id, "version": run.version}
    return {
        "runId": run_id,
        "status": run.status,
        **{name: value for name, value in named.items() if value},
        **hashes,
    }


def state(document: Document) -> StoredRun:
    """The run in a document. Raises ValidationError."""
    return StoredRun.read(document.data)


def _required(document: Document | None, case_id: str, run_id: str) -> StoredRun:
    run = state(document) if document else None
    if run is None or run.case_id != case_id:
        raise errors.NotFound(f"cases/{case_id}/runs/{run_id} does not exist")
    return run
