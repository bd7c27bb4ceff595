"""How much one caller, and one tenant, may ask for in a minute.

Reads, writes and expensive operations have budgets of their own. They are counted in this process
(`minutes.py`), or where a Redis is configured for all instances together; while that is out of
reach, in this process again.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from shared import log
from shared.config import Budget
from shared.edge.minutes import Minutes
from shared.errors import RateLimited
from shared.rules.callers import Caller

if TYPE_CHECKING:
    from limits.strategies import RateLimiter

TENANT_FACTOR = 10
"""How many times the budget of a caller a tenant has in total."""
_REDIS_SECONDS = 0.25
_REDIS_OPTIONS = {
    "wrap_exceptions": True,
    "socket_timeout": _REDIS_SECONDS,
    "socket_connect_timeout": _REDIS_SECONDS,
}
_WITHOUT_REDIS_SECONDS = 10.0


class Budgets:
    """The budgets, in requests per minute of one caller; `storage` is memory:// or a redis:// URL.

    The library is loaded for a Redis only: that takes 60 ms.
    """

    def __init__(self, per_minute: Mapping[Budget, int], storage: str) -> None:
        self._per_minute = per_minute
        self._local = Minutes()
        self._shared = None if storage == "memory://" else _limiter(storage)
        self._local_until = 0.0

    def spend(self, caller: Caller, budget: Budget) -> None:
        """Takes one request from the caller's and the tenant's budget. Raises RateLimited."""
        limit = self._per_minute[budget]
        self._take(limit, budget, "caller", caller.tenant, caller.subject)
        self._take(limit * TENANT_FACTOR, budget, "tenant", caller.tenant)

    def spend_public(self) -> None:
        """Takes one request from the budget of all who send no token. Raises RateLimited."""
        self._take(self._per_minute["public"], "public", "deployment")

    def spend_on_unknown_key(self) -> None:
        """Takes one look-up of a key that nobody has called with here. Raises RateLimited."""
        self._take(self._per_minute["public"], "unknown key", "deployment")

    def _take(self, limit: int, *whose: str) -> None:
        seconds = self._seconds_to_wait(limit, whose)
        if seconds:
            raise RateLimited(
                f"more than {limit} {whose[0]} requests of one {whose[1]} in a minute", seconds
            )

    def _seconds_to_wait(self, limit: int, whose: tuple[str, ...]) -> int:
        """Takes one request, or says in how many whole seconds one may be taken; 0 is now."""
        if self._shared and time.monotonic() >= self._local_until:
            from limits.errors import StorageError  # noqa: PLC0415 - loaded with the limiter

            try:
                return _shared_seconds_to_wait(self._shared, limit, whose)
            except StorageError:
                log.write(
                    "WARNING", "the shared rate limits are out of reach; each instance has its own"
                )
                self._local_until = time.monotonic() + _WITHOUT_REDIS_SECONDS
        return self._local.seconds_to_wait(limit, whose)


def _shared_seconds_to_wait(limiter: RateLimiter, limit: int, whose: Sequence[str]) -> int:
    from limits import RateLimitItemPerMinute  # noqa: PLC0415 - loaded with the limiter

    item = RateLimitItemPerMinute(limit)
    if limiter.hit(item, *whose):
        return 0
    reset = limiter.get_window_stats(item, *whose).reset_time
    # At that moment itself the window is still full.
    return max(1, math.floor(reset - time.time()) + 1)


def _limiter(storage: str) -> RateLimiter:
    from limits.storage import storage_from_string  # noqa: PLC0415
    from limits.strategies import SlidingWindowCounterRateLimiter  # noqa: PLC0415

    return SlidingWindowCounterRateLimiter(storage_from_string(storage, **_REDIS_OPTIONS))
