"""Legal holds on a case."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from shared.ledger.decision import Decision, Recorded
from shared.ledger.kinds.cases import CASES
from shared.ledger.ledger import Ledger
from shared.models.case import StoredCase
from shared.models.events import EventType
from shared.models.sharing import StoredHold
from shared.rules import holds as hold_rules


def place_hold(ledger: Ledger, case_id: str, reason: str) -> Recorded[StoredCase]:
    """Places a legal hold, which is also in the meta of the event."""

    def placed(old: StoredCase, now: datetime) -> Decision[StoredCase]:
        by = ledger.origin.actor
        hold = StoredHold(
            id=uuid.uuid4().hex,
            reason=reason,
            placed_at=now,
            placed_by=by.name,
            placed_by_subject=by.subject,
        )
        return Decision(
            hold_rules.held(old, hold),
            EventType.HOLD_PLACED,
            "Legal hold placed",
            reason=reason,
            case_id=case_id,
            meta=_meta(hold),
        )

    return ledger.change(CASES, case_id, placed)


def release_hold(ledger: Ledger, case_id: str, hold_id: str, reason: str) -> Recorded[StoredCase]:
    """Releases a legal hold. Raises NotFound where the case has no such hold."""

    def released(old: StoredCase, _: datetime) -> Decision[StoredCase]:
        new, hold = hold_rules.released(old, hold_id)
        return Decision(
            new,
            EventType.HOLD_RELEASED,
            "Legal hold released",
            reason=reason,
            case_id=case_id,
            meta=_meta(hold),
        )

    return ledger.change(CASES, case_id, released)


def _meta(hold: StoredHold) -> dict[str, Any]:
    return {"hold": hold.model_dump(mode="json", by_alias=True)}
