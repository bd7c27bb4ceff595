"""What hangs on a case in the store: how many interventions and runs are open, and their end.

A case counts its open interventions and runs. Whatever opens or ends one changes the count in the
same commit, on the condition that the case is as it was read. So a case that is closed or deleted
in a commit that ends all of them has none afterwards. Cases and interventions of release 1.0.0 are
not counted: such a case is counted, and its interventions are marked, when something new hangs on
it (`known`); until then a query finds them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from shared.documents.port import (
    Document,
    DocumentStore,
    Filter,
    Order,
    Query,
    Update,
    Write,
)
from shared.errors import FailedPrecondition
from shared.ledger.attempt import Posting
from shared.ledger.decision import Before, Decision
from shared.ledger.kinds.cases import CASES
from shared.ledger.kinds.interventions import INTERVENTIONS
from shared.ledger.ledger import Ledger
from shared.ledger.subjects import DELETED_AT, required, tenant_of, written
from shared.models.case import StoredCase
from shared.models.events import EventType
from shared.models.intervention import OPEN, InterventionStatus, StoredIntervention
from shared.models.run import OPEN_RUN, RunFields, StoredRun
from shared.models.stored import FORMAT
from shared.rules import hanging as hanging_rules
from shared.rules import interventions as intervention_rules
from shared.rules import runs as run_rules

SMALL_FIELDS = (FORMAT, *RunFields.aliases())
"""All fields of a run but the agents' JSON, which may be large."""

Asked = list[tuple[Document, StoredIntervention]]


class Counted(NamedTuple):
    """A case whose counts are known, and the writes that mark what was counted just now."""

    case: StoredCase
    writes: list[Write]


def open_interventions(store: DocumentStore, path: str, case: StoredCase) -> Asked:
    """The open interventions about the case at `path`; without a query where it has none.

    Raises FailedPrecondition where they are more than a case can have, as in release 1.0.0.
    """
    if case.open_interventions == 0:
        return []
    rows = _open(store, path, "interventions", OPEN, None)
    return [(row, StoredIntervention.read(row.data)) for row in rows]


def open_runs(
    store: DocumentStore, path: str, case: StoredCase
) -> list[tuple[Document, StoredRun]]:
    """The same for its runs, without the agents' JSON."""
    if case.open_runs == 0 or not case.run_count:
        return []
    rows = _open(store, path, "runs", OPEN_RUN, SMALL_FIELDS)
    return [(row, StoredRun.read(row.data)) for row in rows]


def known(store: DocumentStore, path: str, case: StoredCase) -> Counted:
    """The case at `path` with its counts, which two queries find for a case of release 1.0.0.

    The writes make the commit fail where one of the interventions was ended meanwhile.
    """
    if case.open_interventions is not None:
        return Counted(case, [])
    asked = open_interventions(store, path, case)
    runs = open_runs(store, path, case)
    counted = hanging_rules.counted(case, interventions=len(asked), runs=len(runs))
    return Counted(
        counted, [Update(row.path, {"counted": True}, version=row.version) for row, _ in asked]
    )


def hung(
    store: DocumentStore, path: str, document: Document | None, asked: Decision[StoredIntervention]
) -> Decision[StoredIntervention]:
    """The decision to ask about the case in `document`, in a commit that counts it there.

    Raises FailedPrecondition for a deleted case, NotFound where there never was one.
    """
    if document and DELETED_AT in document.data:
        raise FailedPrecondition("the case is deleted")
    case = required(CASES, document, path.rpartition("/")[2])
    run_rules.require_open(case)
    case, marks = known(store, path, case)
    write = written(path, document, hanging_rules.counted(case, interventions=1))
    return replace(as_counted(asked), writes=(*asked.writes, write, *marks))


def as_counted(asked: Decision[StoredIntervention]) -> Decision[StoredIntervention]:
    """The decision to ask, which marks the intervention as counted by its case."""
    return replace(asked, state=asked.state.model_copy(update={"counted": True}))


def settled(
    ledger: Ledger, tenant: str, old: StoredIntervention, new: StoredIntervention
) -> tuple[Write, ...]:
    """The write that takes an intervention which is open no more off the count of its case."""
    if not (old.case_id and old.counted) or old.status not in OPEN or new.status in OPEN:
        return ()
    document = ledger.beside(CASES.path(tenant, old.case_id))
    # No model of the case is needed, so that one which cannot be read does not stand in the way.
    number = document.data.get("openInterventions") if document else None
    if document is None or number is None:
        # It was deleted meanwhile, which has ended this intervention.
        return ()
    fields = {"openInterventions": number - 1, "waiting": number > 1}
    return (Update(document.path, fields, version=document.version),)


def ended(ledger: Ledger, asked: Asked, reason: str, now: datetime) -> list[Write]:
    """The writes that withdraw interventions, each with its event; their case is the caller's."""
    writes: list[Write] = []
    for number, (row, old) in enumerate(asked, 1):
        decision = ending(intervention_rules.ended(old, reason, now))
        posting: Posting[StoredIntervention] = ledger.beside_it(INTERVENTIONS, number)
        writes += posting.prepared(row.id, Before(row, old), decision, now)[1]
    return writes


def ending(
    state: StoredIntervention, writes: tuple[Write, ...] = ()
) -> Decision[StoredIntervention]:
    """The decision to record that an intervention expired, or was withdrawn, with other writes."""
    if state.status is InterventionStatus.EXPIRED:
        return Decision(
            state,
            EventType.INTERVENTION_EXPIRED,
            "Expired before it was decided",
            severity="warning",
            case_id=state.case_id,
            writes=writes,
        )
    return Decision(
        state,
        EventType.INTERVENTION_WITHDRAWN,
        "Withdrawn",
        reason=state.action_reason,
        case_id=state.case_id,
        writes=writes,
    )


def _open(
    store: DocumentStore,
    path: str,
    collection: str,
    statuses: Sequence[str],
    select: tuple[str, ...] | None,
) -> list[Document]:
    of_case = Filter("caseId", "==", path.rpartition("/")[2])
    filters = (of_case, Filter("status", "in", list(statuses)))
    # In the order of the lists, so that the lists' indexes serve.
    order = (Order("createdAt", descending=True),)
    most = hanging_rules.MAX_OPEN + 1
    tenant = f"tenants/{tenant_of(path)}"
    rows = store.query(Query(f"{tenant}/{collection}", filters, order, limit=most, select=select))
    hanging_rules.require_room(collection, len(rows))
    return rows
