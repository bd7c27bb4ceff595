"""Cases that come from another system."""

from __future__ import annotations

from shared.edge.function import Call, Reply, function
from shared.ledger.subjects import etag
from shared.models.case import Case
from shared.models.imports import CaseToImport, ImportQuery
from shared.repository import imports
from shared.rules import cases as case_rules
from shared.rules.callers import ADMINS


@function("POST", "/cases:import", roles=ADMINS, code=201, code_if_there=200)
def import_case(call: Call, query: ImportQuery, body: CaseToImport) -> Reply[Case]:
    """Imports a case from another system, with its history there; each row of a source once.

    `source` and `rowKey` take the place of an Idempotency-Key, for all admins of the tenant: of a
    row that was imported before, the answer is its case as it is now, whatever else the request
    says. With `dryRun` nothing is imported, and the answer is 200 with the case as it would be; a
    case without an `id` then has one that it will not have.
    """
    recorded = imports.bring(call.ledger, body, call.settings, dry_run=query.dry_run)
    return Reply(
        case_rules.shown(recorded.name, recorded.current, call.now),
        etag=None if query.dry_run else etag(recorded.current),
        location=None if query.dry_run else f"/v1/cases/{recorded.name}",
        replayed=recorded.replayed,
        is_there=recorded.replayed or query.dry_run,
    )
