"""Interventions that are asked for: created, or found where the same question is open already."""

from __future__ import annotations

import uuid
from datetime import datetime

from shared.documents.port import Filter, Order, Query
from shared.errors import InvalidArgument
from shared.ledger.decision import Decision, Recorded
from shared.ledger.kinds.cases import CASES
from shared.ledger.kinds.interventions import INTERVENTIONS
from shared.ledger.ledger import Ledger
from shared.models.events import EventType
from shared.models.intervention import OPEN, NewIntervention, StoredIntervention
from shared.models.settings import Settings
from shared.repository import hanging, runs
from shared.repository.reading import readable
from shared.rules import actions, asking
from shared.rules import interventions as intervention_rules
from shared.rules import runs as run_rules
from shared.rules.callers import Caller

_LOOKED_THROUGH = 20
"""How many open interventions of a unit of work are looked through, newest first."""


def create(
    ledger: Ledger, caller: Caller, new: NewIntervention, settings: Settings
) -> Recorded[StoredIntervention]:
    """Creates a request for a decision; one about a case is counted there.

    One that is to `reuse` gives the same question where that is open. Raises NotFound where the
    case, or its run, does not exist, and FailedPrecondition where the case is closed or deleted,
    the run has ended, or too much is open already.
    """
    if new.reuse and (found := _open_question(ledger, caller, new, settings)):
        return found
    intervention_id = str(uuid.uuid4())

    def asked(now: datetime) -> Decision[StoredIntervention]:
        decision = requested(caller, new, now, settings)
        return _on_its_case(ledger, new.case_id, new.run_id, decision) if new.case_id else decision

    return ledger.create(INTERVENTIONS, intervention_id, asked)


def requested(
    caller: Caller, new: NewIntervention, now: datetime, settings: Settings
) -> Decision[StoredIntervention]:
    """The decision to create an intervention."""
    state = asking.requested(new, caller, now, settings.people_for(new.type))
    message = f"Asked for: {state.type}"
    return Decision(state, EventType.INTERVENTION_REQUESTED, message, case_id=new.case_id)


def _open_question(
    ledger: Ledger, caller: Caller, new: NewIntervention, settings: Settings
) -> Recorded[StoredIntervention] | None:
    """The intervention that asks the same and can still be decided; None where there is none.

    Raises InvalidArgument with an Idempotency-Key: a repeat of that has another meaning.
    """
    if ledger.origin.key:
        raise InvalidArgument.field("reuse", "does not go with an Idempotency-Key")
    now = ledger.clock()
    asked = asking.requested(new, caller, now, settings.people_for(new.type))
    of_uow = (Filter("uowId", "==", new.uow_id), Filter("status", "in", list(OPEN)))
    # In the order of the lists, so that the lists' indexes serve.
    order = (Order("createdAt", descending=True),)
    query = Query(f"tenants/{ledger.tenant}/interventions", of_uow, order, limit=_LOOKED_THROUGH)
    rows = ledger.store.query(query)
    found, _ = readable(rows, lambda row: (row.id, StoredIntervention.read(row.data)))
    for name, stored in found:
        if actions.is_same(stored, asked) and not intervention_rules.has_run_out(stored, now):
            return Recorded(name, stored, None)
    return None


def _on_its_case(
    ledger: Ledger, case_id: str, run_id: str | None, asked: Decision[StoredIntervention]
) -> Decision[StoredIntervention]:
    """The decision to ask about a case, which is read anew in each attempt."""
    path = CASES.path(ledger.tenant, case_id)
    run_path = runs.path(ledger.tenant, run_id) if run_id else None
    case, *run = ledger.store.get_many([path, run_path] if run_path else [path])
    decision = hanging.hung(ledger.store, path, case, asked)
    if run_id:
        run_rules.require_asking(runs.run_of(run[0], case_id, run_id))
    return decision
