"""Worksheets: each user's own notes on a case."""

from __future__ import annotations

from shared.edge.function import Call, Reply, function
from shared.ledger.decision import Recorded
from shared.ledger.kinds.worksheets import WORKSHEETS
from shared.ledger.subjects import etag
from shared.models.base import Id, Problem
from shared.models.worksheet import (
    Worksheet,
    WorksheetPage,
    WorksheetQuery,
    WorksheetSaved,
    WorksheetsQuery,
    WorksheetsSaved,
    WorksheetsToSave,
    WorksheetToSave,
)
from shared.repository import worksheets
from shared.repository.reading import readable
from shared.rules.callers import MEMBERS, READERS


@function("PUT", "/cases/{caseId}/worksheet", roles=MEMBERS)
def save_worksheet(
    call: Call, case_id: Id, query: WorksheetQuery, body: WorksheetToSave
) -> Reply[Worksheet]:
    """Saves the caller's worksheet on an open case; saving the same again writes nothing.

    With `userId` it saves another user's worksheet, where its owner has opened it with `sharedWith`
    `write` and the caller is a collaborator of the case with the permission `write` or `admin`.
    """
    user = query.user_id or call.caller.subject
    recorded = worksheets.save(call.ledger, case_id, user, body)
    stored = recorded.current
    return Reply(worksheets.shown(stored), etag=etag(stored), replayed=recorded.replayed)


@function("GET", "/cases/{caseId}/worksheet", roles=READERS)
def get_worksheet(call: Call, case_id: Id, query: WorksheetQuery) -> Reply[Worksheet]:
    """Gives the caller's worksheet on a case, or with `userId` another user's that is open.

    It is open where its owner has set `sharedWith` to `read` or `write` and the caller is a
    collaborator of the case.
    """
    caller = call.caller.subject
    user = query.user_id or caller
    stored = worksheets.get(call.store, call.tenant, caller, case_id, user)
    return Reply(worksheets.shown(stored), etag=etag(stored))


@function("GET", "/worksheets", roles=READERS)
def list_worksheets(call: Call, query: WorksheetsQuery) -> WorksheetPage:
    """Lists the caller's worksheets of cases that are not closed, last saved first."""
    rows, token = worksheets.listed(call.store, call.tenant, call.caller.subject, query)
    shown, bad = readable(rows, lambda row: worksheets.shown(WORKSHEETS.model.read(row.data)))
    return WorksheetPage(worksheets=shown, next_page_token=token, unreadable=bad)


@function("POST", "/worksheets:batchSave", roles=MEMBERS, expensive=True)
def save_worksheets(call: Call, body: WorksheetsToSave) -> WorksheetsSaved:
    """Saves many of the caller's worksheets; valid rows are saved even if others fail."""
    outcomes = worksheets.save_many(call.ledger, body.worksheets)
    results = [
        WorksheetSaved(case_id=row.case_id, ok=True, updated_at=outcome.current.updated_at)
        if isinstance(outcome, Recorded)
        else WorksheetSaved(case_id=row.case_id, ok=False, error=Problem(**outcome.body()))
        for row, outcome in zip(body.worksheets, outcomes, strict=True)
    ]
    succeeded = sum(result.ok for result in results)
    return WorksheetsSaved(results=results, succeeded=succeeded, failed=len(results) - succeeded)
