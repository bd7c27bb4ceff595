"""Medians of things measured in turns, so that other work of the machine affects them alike."""

from __future__ import annotations

import gc
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from statistics import median


def p50(
    sides: Mapping[str, Callable[[], object]], *, rounds: int, warm_up: int = 20
) -> dict[str, float]:
    """The median seconds of each side, one call of each in every round, after `warm_up` rounds."""
    took = in_turns(sides, rounds=rounds, warm_up=warm_up)
    return {name: median(times) for name, times in took.items()}


def in_turns(
    sides: Mapping[str, Callable[[], object]], *, rounds: int, warm_up: int = 20
) -> dict[str, list[float]]:
    """The seconds of each call of each side, as `p50` calls them, from the shortest to the longest.

    Who begins changes from round to round.
    """
    took: dict[str, list[float]] = {name: [] for name in sides}
    order = deque(sides.items())
    gc.collect()
    gc.disable()
    try:
        for number in range(warm_up + rounds):
            for name, call in order:
                started = time.perf_counter()
                call()
                if number >= warm_up:
                    took[name].append(time.perf_counter() - started)
            order.rotate()
    finally:
        gc.enable()
    return {name: sorted(times) for name, times in took.items()}


def p95(times: Sequence[float]) -> float:
    """The shortest of these times, which are sorted, that 95 of 100 do not exceed."""
    return times[(95 * len(times) - 1) // 100]
