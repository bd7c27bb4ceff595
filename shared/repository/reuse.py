"""Finds the open intervention that asks the same as a new one would."""

from __future__ import annotations

from shared.documents.port import Filter, Order, Query
from shared.errors import InvalidArgument
from shared.ledger.decision import Recorded
from shared.ledger.ledger import Ledger
from shared.models.intervention import OPEN, NewIntervention, StoredIntervention
from shared.models.settings import Settings
from shared.repository.reading import readable
from shared.rules import actions, asking
from shared.rules import interventions as intervention_rules
from shared.rules.callers import Caller

_LOOKED_THROUGH = 20
"""How many open interventions of a unit of work are looked through, newest first."""


def open_question(
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
