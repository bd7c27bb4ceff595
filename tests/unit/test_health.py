"""How often the store is tried, and who waits for that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest

from shared.config import Config
from shared.documents.port import DocumentStore
from shared.documents.port import Unavailable as OutOfReach
from shared.edge.health import StoreHealth
from shared.errors import Unavailable
from tests.conftest import Clock


class Slow:
    """A store that says after three seconds that it is out of reach."""

    def __init__(self, clock: Clock) -> None:
        self.health = StoreHealth(Config(sqlite="x"), clock, lambda: cast("DocumentStore", self))
        self.tries = 0
        self._clock = clock

    def commit(self, _writes: Sequence[Any]) -> None:
        self.tries += 1
        self._clock.advance(seconds=3)
        if self.tries > 1:
            with pytest.raises(Unavailable):
                self.health.store()
        raise OutOfReach


def test_a_store_that_takes_longer_than_an_answer_holds_is_not_tried_by_each_who_asks(
    clock: Clock,
) -> None:
    slow = Slow(clock)
    for _ in range(5):
        with pytest.raises(Unavailable):
            slow.health.store()

    assert slow.tries == 1


def test_who_asks_while_the_store_is_tried_again_gets_the_last_answer_at_once(
    clock: Clock,
) -> None:
    slow = Slow(clock)
    for _ in range(2):
        with pytest.raises(Unavailable):
            slow.health.store()
        clock.advance(seconds=2)

    assert slow.tries == 2
