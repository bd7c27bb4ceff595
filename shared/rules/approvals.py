"""The approvals that an intervention has collected, where more than one person approves it. Pure.

Approvals count together where they are of the same: whoever approves something else than those
before, such as other arguments or another response, begins anew with their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from shared.models.approvals import Approval
from shared.models.intervention import StoredIntervention
from shared.rules import people
from shared.rules.callers import Caller

_WHAT = ("approved_action_hash", "response")


def of(caller: Caller, now: datetime) -> Approval:
    """The caller's approval."""
    return Approval(by=caller.actor.name, by_subject=caller.subject, at=now)


def of_the_same(intervention: StoredIntervention, approved: Mapping[str, Any]) -> list[Approval]:
    """The approvals so far, if they are of what is approved now; otherwise none.

    `approved` are the stored fields that say what is approved.
    """
    same = all(getattr(intervention, name) == approved[name] for name in _WHAT)
    return intervention.approvals if same else []


def has(approvals: Sequence[Approval], subject: str | None, name: str) -> bool:
    """Whether somebody, by subject or by name, may be one of those who have approved."""
    return any(people.may_be(subject, name, one.by_subject, one.by) for one in approvals)
