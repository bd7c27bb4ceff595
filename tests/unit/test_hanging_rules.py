"""What hangs on a case: how its open interventions and runs are counted, without a store."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shared.errors import FailedPrecondition
from shared.models.case import NewCase, StoredCase
from shared.rules import cases as case_rules
from shared.rules.hanging import MAX_OPEN, counted, refusal

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NEW = case_rules.opened(
    "CASE-1", NewCase(decision_type="kyc", title="A case"), by="kim", due_hours=None, now=NOW
)


def case_with(interventions: int, runs: int) -> StoredCase:
    return NEW.model_copy(update={"open_interventions": interventions, "open_runs": runs})


def test_a_case_waits_while_interventions_are_open_on_it() -> None:
    case = counted(NEW, runs=1)
    assert (case.open_interventions, case.open_runs, case.waiting) == (0, 1, False)

    case = counted(case, interventions=2)
    assert (case.open_interventions, case.open_runs, case.waiting) == (2, 1, True)

    case = counted(case, interventions=-1, runs=-1)
    assert (case.open_interventions, case.open_runs, case.waiting) == (1, 0, True)

    case = counted(case, interventions=-1)
    assert (case.open_interventions, case.open_runs, case.waiting) == (0, 0, False)


def test_only_what_is_opened_needs_room() -> None:
    full, over = case_with(MAX_OPEN, MAX_OPEN), case_with(MAX_OPEN + 2, MAX_OPEN + 2)

    assert counted(case_with(MAX_OPEN - 1, 0), interventions=1).open_interventions == MAX_OPEN
    assert counted(case_with(0, MAX_OPEN - 1), runs=1).open_runs == MAX_OPEN
    for more in ({"interventions": 1}, {"runs": 1}):
        with pytest.raises(FailedPrecondition):
            counted(full, **more)
    # More were open on a case before there was a limit.
    assert counted(over, interventions=-1).open_interventions == MAX_OPEN + 1
    assert counted(case_with(MAX_OPEN + 2, 0), runs=1).open_runs == 1
    assert counted(case_with(0, MAX_OPEN + 2), interventions=1).open_interventions == 1


def test_a_refusal_says_how_many_are_open_and_names_the_first_twenty_of_each() -> None:
    many = [f"run-{number}" for number in range(21)]

    error = refusal(["i-1"], many)

    assert error.message.startswith("open on the case: 1 intervention and 21 runs;")
    assert error.details == [
        {"openInterventions": 1, "openRuns": 21, "interventions": ["i-1"], "runs": many[:20]}
    ]
    assert refusal(many, []).message.startswith("open on the case: 21 interventions;")
