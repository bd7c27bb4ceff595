"""The events of one commit, in the order that lists have them in."""

from __future__ import annotations

from shared.ledger.attempt import in_order


def test_numbers_of_events_sort_as_texts_as_they_do_as_numbers() -> None:
    numbers = [*range(2, 120), 999, 1_000, 1_001]

    assert sorted(map(in_order, numbers)) == [in_order(number) for number in numbers]
    assert [in_order(number) for number in (2, 9, 10)] == ["2", "9", "a10"]
    # The events of other subjects in the same commit come after those of its own.
    assert all(in_order(number) < "s0001" for number in numbers)
