"""Places: so many at once, half of them for one caller."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from shared.edge.places import Places
from shared.errors import ResourceExhausted
from shared.models.roles import Role
from shared.rules.callers import Caller
from tests.rows import each_row


def caller(subject: str, tenant: str = "acme") -> Caller:
    return Caller(subject, None, tenant, Role.VIEWER)


def free_for(places: Places, who: Caller) -> bool:
    try:
        with places.taken_by(who):
            return True
    except ResourceExhausted:
        return False


@each_row(("number", "of_one"), [(1, 1), (2, 1), (3, 2), (4, 2), (72, 36)])
def test_one_caller_has_at_most_half_of_the_places_rounded_up(number: int, of_one: int) -> None:
    places = Places(number, "requests")
    with ExitStack() as taken:
        for _ in range(of_one):
            taken.enter_context(places.taken_by(caller("ann")))

        assert not free_for(places, caller("ann"))
        assert free_for(places, caller("ben")) == (number > of_one)
        assert free_for(places, caller("ann", "other-tenant")) == (number > of_one)

    assert free_for(places, caller("ann"))


def test_all_callers_together_have_no_more_than_there_are() -> None:
    places = Places(4, "requests")
    with ExitStack() as taken:
        for name in ("ann", "ben", "cleo", "dan"):
            taken.enter_context(places.taken_by(caller(name)))

        assert not free_for(places, caller("eve"))

    assert free_for(places, caller("eve"))


def test_a_place_is_free_again_after_a_failure() -> None:
    places = Places(1, "requests")

    with pytest.raises(ZeroDivisionError), places.taken_by(caller("ann")):
        raise ZeroDivisionError

    assert free_for(places, caller("ben"))
