"""Worksheets in the store: each user's own notes on a case, with an audit chain of their own.

So a save changes nothing that a case shows. It only requires that the case is still as it was read,
which costs one more write. By that write the case counts a worksheet that is new: a deletion which
has not found the worksheet has read an older version of the case, and fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from shared import errors
from shared.documents.port import Document, DocumentStore, Filter, Order, Query, Update, Write
from shared.ledger.decision import Decider, Decision, Recorded, Seen, Unchanged
from shared.ledger.kinds.cases import CASES
from shared.ledger.kinds.worksheets import WORKSHEETS
from shared.ledger.ledger import Ledger
from shared.ledger.subjects import DELETED_AT, load, tombstone, unchanged
from shared.models.case import Status, StoredCase
from shared.models.events import EventType
from shared.models.worksheet import (
    StoredWorksheet,
    Worksheet,
    WorksheetRow,
    WorksheetsQuery,
    WorksheetToSave,
)
from shared.repository.paging import page
from shared.rules import worksheets as worksheet_rules


def get(store: DocumentStore, tenant: str, caller: str, case_id: str, user: str) -> StoredWorksheet:
    """A user's worksheet on a case: the caller's, or another's that is open to the caller.

    Raises NotFound, also where the worksheet exists but is not open to the caller.
    """
    paths = [WORKSHEETS.path(tenant, f"{case_id}:{user}")]
    if user != caller:
        paths.append(CASES.path(tenant, case_id))
    sheet, *cases = store.get_many(paths)
    worksheet = load(WORKSHEETS, sheet)
    if worksheet is None:
        raise _no_worksheet(case_id)
    for document in cases:
        case = load(CASES, document)
        if case is None or not worksheet_rules.may_read(caller, worksheet, case):
            raise _no_worksheet(case_id)
    return worksheet


def save(
    ledger: Ledger, case_id: str, user: str, texts: WorksheetToSave
) -> Recorded[StoredWorksheet]:
    """Saves a worksheet on an open case; the same again writes nothing.

    The case's version is a condition of the commit, so nothing is saved on a case that is closed,
    deleted or no longer shared at that moment.

    Raises NotFound for an unknown case, or another's worksheet that the caller may not write;
    PermissionDenied where it is another's and `sharedWith` would change; FailedPrecondition for a
    closed case.
    """
    name = f"{case_id}:{user}"
    case_path = CASES.path(ledger.tenant, case_id)
    document, before = ledger.store.get_many([case_path, WORKSHEETS.path(ledger.tenant, name)])
    # Before the ledger, which would say by a 412 that there is a worksheet.
    _require_access(ledger, document, case_id, user, load(WORKSHEETS, before))
    ledger.keep_beside({case_path: document})
    saver = _saver(ledger, case_id, user, texts)
    recorded = ledger.change(WORKSHEETS, name, saver, seen=Seen(before))
    if recorded.replayed:
        # It has the worksheet as it is now, which its owner may have closed meanwhile.
        _require_access(ledger, document, case_id, user, recorded.state)
    return recorded


def save_many(
    ledger: Ledger, rows: Sequence[WorksheetRow]
) -> list[Recorded[StoredWorksheet] | errors.ApiError]:
    """Saves the caller's worksheets, each by the same rules as a single one; gives each outcome."""
    user = ledger.origin.actor.subject
    paths = [CASES.path(ledger.tenant, row.case_id) for row in rows]
    documents = ledger.store.get_many(paths)
    ledger.keep_beside(dict(zip(paths, documents, strict=True)))
    deciders = {
        f"{row.case_id}:{user}": _saver(ledger, row.case_id, user, row)
        for row, document in zip(rows, documents, strict=True)
        if document and DELETED_AT not in document.data
    }
    names = list(deciders)
    outcomes = ledger.change_many(WORKSHEETS, names, deciders.__getitem__) if names else []
    found = dict(zip(names, outcomes, strict=True))
    return [found.get(f"{row.case_id}:{user}") or _unknown(row.case_id) for row in rows]


def listed(
    store: DocumentStore, tenant: str, user: str, wanted: WorksheetsQuery
) -> tuple[list[Document], str | None]:
    """A page of a user's worksheets, last saved first, without those of closed cases.

    It costs a read for each worksheet of the page and one for its case, in two round trips; a page
    may come back short. Where one case is asked for, it is the one worksheet on it, for one read.
    """
    if wanted.case_id is not None:
        sheet = store.get(WORKSHEETS.path(tenant, f"{wanted.case_id}:{user}"))
        return [sheet] if sheet and load(WORKSHEETS, sheet) else [], None
    query = Query(
        f"tenants/{tenant}/worksheets",
        (Filter("userId", "==", user),),
        (Order("updatedAt", descending=True),),
    )
    rows, token = page(store, query, wanted)
    paths = [CASES.path(tenant, row.id.partition(":")[0]) for row in rows]
    cases = store.get_many(paths) if paths else []
    return [row for row, case in zip(rows, cases, strict=True) if _is_open(case)], token


def removals(ledger: Ledger, case_id: str, now: datetime) -> list[Write]:
    """The writes that replace all worksheets of a case by tombstones."""
    query = Query(f"tenants/{ledger.tenant}/worksheets", (Filter("caseId", "==", case_id),))
    return [
        tombstone(row.path, row, sheet.model_copy(update={"updated_at": now}))
        for row in ledger.store.query(query)
        if (sheet := load(WORKSHEETS, row))
    ]


def shown(stored: StoredWorksheet) -> Worksheet:
    """The worksheet as a client sees it."""
    return Worksheet(**{name: getattr(stored, name) for name in Worksheet.model_fields})


def _is_open(case: Document | None) -> bool:
    return case is not None and case.data.get("status", Status.CLOSED) != Status.CLOSED


def _texts(given: WorksheetToSave) -> dict[str, str]:
    return {"problem_statement": given.problem_statement, "fsr_notes": given.fsr_notes}


def _saver(
    ledger: Ledger, case_id: str, user: str, texts: WorksheetToSave
) -> Decider[StoredWorksheet]:
    """Saves a worksheet, on condition that its case stays as it is until that is done."""

    def saved(old: StoredWorksheet, _: datetime) -> Decision[StoredWorksheet] | Unchanged:
        document = ledger.beside(CASES.path(ledger.tenant, case_id))
        document, case = _require_access(ledger, document, case_id, user, old)
        if case.status is Status.CLOSED:
            details = [{"status": case.status}]
            raise errors.FailedPrecondition("a closed case's worksheets stay as they are", details)
        named = texts.model_fields_set & {"problem_statement", "fsr_notes", "shared_with"}
        # Who only opens or closes a worksheet keeps its texts; otherwise a text not given is empty.
        texts_given = {} if named == {"shared_with"} else _texts(texts)
        sharing = {"shared_with": texts.shared_with} if "shared_with" in named else {}
        given = {**texts_given, **sharing}
        new = old.model_copy(update=given)
        if new.shared_with != old.shared_with and user != ledger.origin.actor.subject:
            raise errors.PermissionDenied("sharedWith: only the owner of a worksheet changes it")
        if new == old and old.head.sequence:
            return Unchanged()
        guard = unchanged(document) if old.head.sequence else _one_more(document)
        # Without the case's id: the trail of a case does not show who has notes on it.
        return Decision(new, EventType.WORKSHEET_SAVED, "Worksheet saved", writes=(guard,))

    return saved


def _one_more(case: Document) -> Update:
    """The write that counts a new worksheet on its case, which must be as it was read."""
    return Update(case.path, increments={"worksheetsBegun": 1}, version=case.version)


def _require_access(
    ledger: Ledger,
    document: Document | None,
    case_id: str,
    user: str,
    worksheet: StoredWorksheet | None,
) -> tuple[Document, StoredCase]:
    """The case, whose `user`'s worksheet the caller may write. Raises NotFound."""
    case, caller = load(CASES, document), ledger.origin.actor.subject
    if document is None or case is None:
        raise _unknown(case_id)
    if user != caller and not (worksheet and worksheet_rules.may_write(caller, worksheet, case)):
        raise _no_worksheet(case_id)
    return document, case


def _no_worksheet(case_id: str) -> errors.NotFound:
    return errors.NotFound(f"there is no worksheet on cases/{case_id}")


def _unknown(case_id: str) -> errors.NotFound:
    return errors.NotFound(f"cases/{case_id} does not exist")
