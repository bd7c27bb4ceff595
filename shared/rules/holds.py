"""Legal holds on a case. Pure."""

from __future__ import annotations

from typing import Any

from shared.errors import FailedPrecondition, NotFound
from shared.models.case import (
    StoredCase,
)
from shared.models.sharing import Hold, StoredHold

MAX_HOLDS = 50


def held(case: StoredCase, hold: StoredHold) -> StoredCase:
    """The case under one more legal hold."""
    if len(case.holds) >= MAX_HOLDS:
        raise FailedPrecondition(f"a case has at most {MAX_HOLDS} holds at once")
    updates = {"holds": [*case.holds, hold], "legal_hold": True, "was_held": True}
    return case.model_copy(update=updates)


def released(case: StoredCase, hold_id: str) -> tuple[StoredCase, StoredHold]:
    """The case without one of its holds, and that hold. Raises NotFound.

    The case stays under a legal hold while it has others.
    """
    for hold in case.holds:
        if hold.id == hold_id:
            rest = [other for other in case.holds if other is not hold]
            # A hold of an older release did not say that it was there.
            updates = {"holds": rest, "legal_hold": bool(rest), "was_held": True}
            return case.model_copy(update=updates), hold
    raise NotFound("the case has no such hold")


def shown(case: StoredCase) -> list[Hold]:
    """The holds on a case as a client sees them."""
    return [shown_hold(hold.model_dump()) for hold in case.holds]


def shown_hold(data: dict[str, Any]) -> Hold:
    """A hold as a client sees it, from what is stored of it."""
    return Hold.model_validate(data, strict=False, extra="ignore")
