"""The rules of legal holds, without a store."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.errors import FailedPrecondition, NotFound
from shared.models.case import NewCase, StoredCase
from shared.models.sharing import StoredHold
from shared.rules import cases as case_rules
from shared.rules import holds as hold_rules

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CASE = case_rules.opened(
    "CASE-1", NewCase(decision_type="kyc", title="A case"), by="kim", due_hours=None, now=NOW
)


def hold(number: int, **more: Any) -> StoredHold:
    fields: dict[str, Any] = {
        "id": f"hold-{number}",
        "reason": "A lawsuit",
        "placed_at": NOW,
        "placed_by": "ada",
    }
    return StoredHold(**fields, **more)


def held(number: int) -> StoredCase:
    """A case under so many holds."""
    case = CASE
    for one in range(number):
        case = hold_rules.held(case, hold(one))
    return case


def test_a_case_is_under_a_hold_from_the_first_to_the_last_and_was_from_then_on() -> None:
    case = held(2)
    assert (CASE.legal_hold, case.legal_hold) == (False, True)
    assert (CASE.was_held, case.was_held) == (False, True)

    # An older release did not store that a hold was there.
    older = case.model_copy(update={"was_held": False})
    assert hold_rules.released(older, "hold-0")[0].was_held
    case, first = hold_rules.released(case, "hold-0")
    assert (first, case.holds, case.legal_hold) == (hold(0), [hold(1)], True)
    case, last = hold_rules.released(case, "hold-1")
    assert (last, case.holds, case.legal_hold, case.was_held) == (hold(1), [], False, True)


def test_a_case_has_as_many_holds_at_once_as_the_limit_says() -> None:
    full = held(hold_rules.MAX_HOLDS)

    assert len(full.holds) == hold_rules.MAX_HOLDS
    with pytest.raises(FailedPrecondition):
        hold_rules.held(full, hold(99))


def test_a_hold_that_is_not_there_is_not_released() -> None:
    with pytest.raises(NotFound):
        hold_rules.released(held(1), "hold-1")


def test_a_hold_is_shown_without_what_another_release_has_stored_with_it() -> None:
    case = hold_rules.held(CASE, hold(0, court="Berne"))

    (shown,) = hold_rules.shown(case)

    assert shown.model_dump() == hold(0).model_dump()
