"""How long things took: counts by a logarithmic scale, from which medians come. Pure.

A time falls into one of twelve buckets for each power of ten, so that whatever is in the same
bucket differs by less than 22 %. Times are whole milliseconds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

PER_POWER = 12
"""Buckets for each power of ten of milliseconds."""


def bucket(milliseconds: int) -> str:
    """The bucket of a time, as the name that it has in a tally: "0" is less than a millisecond."""
    if milliseconds < 1:
        return "0"
    return str(1 + math.floor(PER_POWER * math.log10(milliseconds)))


def bounds(name: str) -> tuple[float, float]:
    """The times of a bucket in milliseconds: from the first, included, to the second, excluded."""
    number = int(name)
    return _begin(number) if number else 0.0, _begin(number + 1)


def quantile(buckets: Mapping[str, int], share: float) -> float | None:
    """The time, in seconds, that a share of all times does not exceed; None of nothing.

    It is the least of these times, as the middle of its bucket on the logarithmic scale.
    """
    counted = {name: number for name, number in buckets.items() if number > 0}
    rank = math.ceil(share * sum(counted.values()))
    for name in sorted(counted, key=int):
        rank -= counted[name]
        if rank <= 0:
            begin, end = bounds(name)
            return round(math.sqrt(begin * end) / 1000, 3)
    return None


def _begin(number: int) -> float:
    return 10 ** ((number - 1) / PER_POWER)
