"""The rules for what hangs on a case: its open interventions and runs. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from shared.errors import FailedPrecondition
from shared.models.case import StoredCase

MAX_OPEN = 200
"""How many interventions, and how many runs, can be open on a case: one commit ends them all."""
_NAMED = 20


def counted(case: StoredCase, *, interventions: int = 0, runs: int = 0) -> StoredCase:
    """The case with so many more or fewer open; its counts must be known.

    Raises FailedPrecondition where more than MAX_OPEN would be open.
    """
    open_interventions = (case.open_interventions or 0) + interventions
    open_runs = (case.open_runs or 0) + runs
    if interventions > 0:
        require_room("interventions", open_interventions)
    if runs > 0:
        require_room("runs", open_runs)
    return case.model_copy(
        update={
            "open_interventions": open_interventions,
            "open_runs": open_runs,
            "waiting": open_interventions > 0,
        }
    )


def require_room(what: str, number: int) -> None:
    """Raises FailedPrecondition where `number` interventions or runs are too many for a case."""
    if number > MAX_OPEN:
        raise FailedPrecondition(f"a case has at most {MAX_OPEN} open {what}: end some first")


def refusal(interventions: Sequence[str], runs: Sequence[str]) -> FailedPrecondition:
    """The error for closing a case on which these are open; it names the first ids of each."""
    told = {"interventions": len(interventions), "runs": len(runs)}
    open_ = " and ".join(
        f"{number} {what if number > 1 else what[:-1]}" for what, number in told.items() if number
    )
    details = {
        "openInterventions": len(interventions),
        "openRuns": len(runs),
        "interventions": list(interventions[:_NAMED]),
        "runs": list(runs[:_NAMED]),
    }
    return FailedPrecondition(
        f"open on the case: {open_}; end them first, or close it with endOpen", [details]
    )
