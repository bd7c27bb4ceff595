"""Where the pages of a list go on whose items come and go."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.models.base import Page
from shared.repository.paging import slice_of
from shared.rules.positions import numbers_of, renumbered
from tests.unit.examples import STABLE

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("remove"), st.sets(st.integers(0, 11), max_size=8)),
        st.tuples(st.just("add"), st.integers(1, 3)),
        st.tuples(st.just("move"), st.permutations(range(4))),
        st.tuples(st.just("read"), st.integers(1, 4)),
    ),
    max_size=15,
)


class Attached:
    """A list as a case stores it."""

    def __init__(self, items: list[str]) -> None:
        self.items, self.numbers = items, list[int]()

    def become(self, items: list[str]) -> None:
        self.numbers = renumbered(self.items, self.numbers, items)
        self.items = items

    def page(self, size: int, token: str | None) -> tuple[list[str], str | None]:
        places = dict(zip(self.items, numbers_of(self.items, self.numbers), strict=True))
        return slice_of(places, Page(page_size=size, page_token=token), "things", {})


@STABLE
@given(st.integers(0, 12), st.integers(1, 4), STEPS, st.booleans())
def test_a_walk_shows_all_that_stays_and_nothing_twice_that_is_not_moved(
    number: int,
    size: int,
    steps: list[tuple[str, object]],
    orders: bool,  # noqa: FBT001 - Hypothesis gives it
) -> None:
    first = [f"item-{n}" for n in range(number)]
    attached = Attached(first)
    shown, token = attached.page(size, None)
    names, moved = iter(range(100, 1_000)), False

    for what, how in [*steps, *[("read", 4)] * 20]:
        items = attached.items
        if what == "remove" and isinstance(how, set):
            attached.become([item for n, item in enumerate(items) if n not in how])
        elif what == "add" and isinstance(how, int):
            attached.become([*items, *(f"item-{next(names)}" for _ in range(how))])
        elif what == "move" and orders and isinstance(how, list | tuple) and len(items) >= len(how):
            attached.become([*(items[n] for n in how), *items[len(how) :]])
            moved = True
        elif what == "read" and isinstance(how, int) and token:
            part, token = attached.page(how, token)
            shown = shown + part

    assert token is None
    assert {item for item in first if item in attached.items} <= set(shown)
    assert moved or len(set(shown)) == len(shown)
    numbers = list(numbers_of(attached.items, attached.numbers))
    assert numbers == sorted(set(numbers))


def test_a_list_of_which_nothing_was_removed_needs_no_numbers() -> None:
    assert renumbered(["a", "b"], [], ["a", "b", "c"]) == []
    assert renumbered([], [], ["a", "b"]) == []
    assert renumbered(["a", "b", "c"], [], ["b", "c"]) == [1, 2]
    assert renumbered(["b", "c"], [1, 2], ["b", "c", "d"]) == [1, 2, 3]


def test_an_item_that_is_moved_behind_others_gets_a_greater_number() -> None:
    assert renumbered(["a", "b", "c"], [], ["c", "a", "b"]) == [2, 3, 4]


def test_what_is_new_comes_behind_whatever_was_there_also_what_it_replaces() -> None:
    assert renumbered(["a", "b"], [], ["a", "new"]) == [0, 2]
    assert renumbered(["a", "b"], [3, 7], ["new"]) == [8]
    assert renumbered([], [], ["a", "b"]) == []
