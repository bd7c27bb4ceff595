"""Escalations: one commit marks the case and creates an intervention that asks people."""

from __future__ import annotations

import uuid
from datetime import datetime

from shared.ledger.attempt import Posting
from shared.ledger.decision import Before, Decision, Recorded
from shared.ledger.kinds.cases import CASES
from shared.ledger.kinds.interventions import INTERVENTIONS
from shared.ledger.ledger import Ledger
from shared.models.case import StoredCase
from shared.models.events import EventType
from shared.models.intervention import InterventionType, NewIntervention, StoredIntervention
from shared.models.record import Escalation
from shared.models.settings import Settings
from shared.repository import hanging, interventions, questions
from shared.rules import hanging as hanging_rules
from shared.rules import runs as run_rules
from shared.rules.callers import Caller

_TITLE = 300


def escalate(
    ledger: Ledger, caller: Caller, case_id: str, why: Escalation, settings: Settings
) -> tuple[Recorded[StoredCase, StoredIntervention], str, StoredIntervention]:
    """Escalates an open case; also gives the id and state of the intervention that asks people."""
    intervention_id = str(uuid.uuid4())

    def escalated(old: StoredCase, now: datetime) -> Decision[StoredCase, StoredIntervention]:
        run_rules.require_open(old)
        case, marks = hanging.known(ledger.store, CASES.path(ledger.tenant, case_id), old)
        case = hanging_rules.counted(case, interventions=1)
        question = _question(case_id, old, why)
        asked = hanging.as_counted(questions.requested(caller, question, now, settings))
        posting: Posting[StoredIntervention] = ledger.beside_it(INTERVENTIONS, 1)
        raised, writes = posting.prepared(intervention_id, Before(None, None), asked, now)
        return Decision(
            case.model_copy(update={"escalated_at": now}),
            EventType.ESCALATED,
            "Case escalated",
            reason=why.reason,
            severity="warning",
            case_id=case_id,
            meta={"interventionId": intervention_id},
            writes=(*writes, *marks),
            result=raised.current,
        )

    recorded = ledger.change(CASES, case_id, escalated)
    intervention_id = recorded.happened.meta["interventionId"]
    stored = recorded.result or interventions.get(ledger.store, ledger.tenant, intervention_id)
    return recorded, intervention_id, stored


def _question(case_id: str, case: StoredCase, why: Escalation) -> NewIntervention:
    return NewIntervention(
        uow_id=case_id,
        type=InterventionType.CLARIFICATION,
        priority=why.priority,
        title=f"Escalated: {case.title}"[:_TITLE],
        description=why.reason,
        case_id=case_id,
        required_role=why.required_role,
    )
