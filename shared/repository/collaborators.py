"""Collaborators of a case."""

from __future__ import annotations

from datetime import datetime

from shared.ledger.decision import Decision, Recorded, Unchanged
from shared.ledger.kinds.cases import CASES
from shared.ledger.ledger import Ledger
from shared.models.case import StoredCase
from shared.models.events import EventType
from shared.models.sharing import Permission
from shared.rules import cases as case_rules
from shared.rules.callers import Caller


def share(
    ledger: Ledger, caller: Caller, case_id: str, user_id: str, permission: Permission | None
) -> Recorded[StoredCase]:
    """Sets a collaborator's permission, or removes it (None). Raises PermissionDenied, NotFound."""

    def shared(old: StoredCase, _: datetime) -> Decision[StoredCase] | Unchanged:
        new = case_rules.shared_with(old, caller, user_id, permission)
        if new == old:
            return Unchanged()
        message = f"Collaborator {user_id}: {permission or 'removed'}"
        return Decision(new, EventType.COLLABORATOR_CHANGED, message, case_id=case_id)

    return ledger.change(CASES, case_id, shared)
