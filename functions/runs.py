"""What automated agents do on a case: runs, records that they deliver, escalations."""

from __future__ import annotations

from shared.edge.function import Call, Reply, function
from shared.ledger.subjects import etag
from shared.models.base import Id
from shared.models.intervention import Intervention
from shared.models.record import Escalation, NewRecord, Record, RecordPage, RecordQuery
from shared.models.run import NewRun, Run, RunPage, RunPatch, RunQuery, StoredRun
from shared.repository import escalation, records, runs
from shared.repository.reading import readable
from shared.rules import intervention_rows
from shared.rules import runs as run_rules
from shared.rules.callers import CONTRIBUTORS, READERS


@function("POST", "/cases/{caseId}/runs", roles=CONTRIBUTORS, code=201)
def start_run(call: Call, case_id: Id, body: NewRun) -> Reply[Run]:
    """Starts a run of an agent on a case, or with `queued` queues it.

    It fails automatically after the tenant's `runTimeoutMinutes`.
    """
    recorded, run_id, run = runs.start(call.ledger, case_id, body, call.settings)
    return Reply(
        _shown(run_id, run),
        etag=run_rules.tag(run),
        location=f"/v1/cases/{case_id}/runs/{run_id}",
        replayed=recorded.replayed,
    )


@function("PATCH", "/cases/{caseId}/runs/{runId}", roles=CONTRIBUTORS)
def update_run(call: Call, case_id: Id, run_id: Id, body: RunPatch) -> Reply[Run]:
    """Starts a queued run, or ends one; ending it the same way again changes nothing."""
    minutes = call.settings.run_timeout_minutes if body.status == "running" else None
    recorded, run = runs.update(call.ledger, case_id, run_id, body, minutes)
    return Reply(_shown(run_id, run), etag=run_rules.tag(run), replayed=recorded.replayed)


@function("GET", "/cases/{caseId}/runs/{runId}", roles=READERS)
def get_run(call: Call, case_id: Id, run_id: Id) -> Reply[Run]:
    """Gives one run."""
    run = runs.get(call.store, call.tenant, case_id, run_id)
    return Reply(_shown(run_id, run), etag=run_rules.tag(run))


@function("GET", "/runs", roles=READERS)
def list_runs(call: Call, query: RunQuery) -> RunPage:
    """Lists runs across cases, newest first."""
    rows, token = runs.listed(call.store, call.tenant, query, call.now)
    shown, bad = readable(rows, lambda row: run_rules.shown_row(row.id, row.data))
    return RunPage.model_construct(runs=shown, next_page_token=token, unreadable=bad)


@function("POST", "/cases/{caseId}/records", roles=CONTRIBUTORS, code=201)
def add_record(call: Call, case_id: Id, body: NewRecord) -> Reply[Record]:
    """Adds a record, which never changes afterwards; it supersedes the last one of its kind."""
    recorded, document = records.add(call.ledger, case_id, body)
    record = Record.model_validate(records.shown_row(document), strict=False, by_name=False)
    return Reply(
        record,
        location=f"/v1/cases/{case_id}/records",
        replayed=recorded.replayed,
    )


@function("GET", "/cases/{caseId}/records", roles=READERS)
def list_records(call: Call, case_id: Id, query: RecordQuery) -> RecordPage:
    """Lists a case's records, newest first; with `latest` only the newest of each kind."""
    rows, token = records.listed(call.store, call.tenant, case_id, query, call.now)
    shown, bad = readable(rows, records.shown_row)
    return RecordPage.model_construct(records=shown, next_page_token=token, unreadable=bad)


@function("POST", "/cases/{caseId}:escalate", roles=CONTRIBUTORS, code=201)
def escalate_case(call: Call, case_id: Id, body: Escalation) -> Reply[Intervention]:
    """Marks a case as escalated and asks people about it; gives the intervention."""
    recorded, intervention_id, stored = escalation.escalate(
        call.ledger, call.caller, case_id, body, call.settings
    )
    return Reply(
        intervention_rows.shown(intervention_id, stored, call.now),
        etag=etag(stored),
        location=f"/v1/interventions/{intervention_id}",
        replayed=recorded.replayed,
    )


def _shown(run_id: str, run: StoredRun) -> Run:
    row = run_rules.shown_row(run_id, run.to_data())
    return Run.model_validate(row, strict=False, by_name=False)
