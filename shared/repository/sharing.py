"""Collaborators of a case, and legal holds on it."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from shared import lifecycle
from shared.auth import Caller
from shared.models.audit import EventType
from shared.models.case import StoredCase
from shared.models.sharing import Hold, Permission
from shared.repository.kinds import CASES
from shared.repository.ledger import Ledger
from shared.repository.posting import Decision, Recorded


def share(
    ledger: Ledger, caller: Caller, case_id: str, user_id: str, permission: Permission | None
) -> Recorded[StoredCase]:
    """Sets a collaborator's permission, or takes it (None). Raises PermissionDenied, NotFound."""

    def shared(old: StoredCase, _: datetime) -> Decision[StoredCase] | None:
        new = lifecycle.shared_with(old, caller, user_id, permission)
        if new == old:
            return None
        message = f"Collaborator {user_id}: {permission or 'removed'}"
        return Decision(new, EventType.COLLABORATOR_CHANGED, message, case_id=case_id)

    return ledger.change(CASES, case_id, shared)


def place_hold(ledger: Ledger, case_id: str, reason: str) -> Recorded[StoredCase]:
    """Places a legal hold; the event's meta has it."""

    def placed(old: StoredCase, now: datetime) -> Decision[StoredCase]:
        by = ledger.origin.actor.name
        hold = Hold(id=uuid.uuid4().hex, reason=reason, placed_at=now, placed_by=by)
        return Decision(
            lifecycle.held(old, hold),
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
        new, hold = lifecycle.released(old, hold_id)
        return Decision(
            new,
            EventType.HOLD_RELEASED,
            "Legal hold released",
            reason=reason,
            case_id=case_id,
            meta=_meta(hold),
        )

    return ledger.change(CASES, case_id, released)


def _meta(hold: Hold) -> dict[str, Any]:
    return {"hold": hold.model_dump(mode="json", by_alias=True)}
