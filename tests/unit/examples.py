"""How examples are made for the tests of rules: the same in each run, however long they take."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

STABLE = settings(
    derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
