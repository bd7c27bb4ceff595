"""Pauses between attempts: growing, and random, so that those who collided do not collide again."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator


def attempts(seconds: float, *, first: float = 0.004, longest: float = 0.2) -> Iterator[int]:
    """Counts attempts from 0, sleeping before each but the first, until `seconds` have gone by."""
    started = time.monotonic()
    pause = first
    number = 0
    while True:
        yield number
        number += 1
        time.sleep(random.uniform(0, pause))  # noqa: S311 - jitter is no secret
        if time.monotonic() - started >= seconds:
            return
        pause = min(2 * pause, longest)
