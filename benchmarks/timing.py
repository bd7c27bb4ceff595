"""Medians of things measured in turns, so that other work of the machine affects them alike."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from statistics import median


def p50(
    sides: Mapping[str, Callable[[], object]], *, rounds: int, warm_up: int = 20
) -> dict[str, float]:
    """The median seconds of each side, one call of each in every round, after `warm_up` rounds."""
    took: dict[str, list[float]] = {name: [] for name in sides}
    gc.collect()
    gc.disable()
    try:
        for number in range(warm_up + rounds):
            for name, call in sides.items():
                started = time.perf_counter()
                call()
                if number >= warm_up:
                    took[name].append(time.perf_counter() - started)
    finally:
        gc.enable()
    return {name: median(times) for name, times in took.items()}
