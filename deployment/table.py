"""What each function is given: the one table of settings, and the reasons for them."""

from __future__ import annotations

from deployment.deployable import Resources
from shared.models.intervention import MAX_WAIT_SECONDS

SWEEP_TIMEOUT = 600
"""Seconds for a scheduled function: Cloud Scheduler waits as long, and a run stops by itself after
CASELEDGER_SWEEP_SECONDS, 480 by default."""
LONGEST_SWEEP = SWEEP_TIMEOUT - 60


# More than one request at once needs a whole CPU. A process takes some 100 MiB, most of it gRPC.
# A body may take 10 s to come, contention 10 s to end, the store 3 s to be given up: 60 s is ample.
USUAL = Resources()
# One at a time, because a sweep reads pages of documents; one instance, because a second run of the
# same job would only get in its way (a second is there while the first is being replaced).
SCHEDULED = Resources(concurrency=1, max_instances=2, timeout=SWEEP_TIMEOUT)
SPECIAL: dict[str, Resources] = {
    # A held request costs a thread and no CPU. A few threads are left to say 429 with.
    "wait_intervention": Resources(
        memory="1Gi", concurrency=80, max_waits=72, timeout=MAX_WAIT_SECONDS + 35
    ),
    # Up to 200 cases or worksheets, or a whole trail, in one request.
    "close_cases": Resources(concurrency=8, timeout=120),
    "save_worksheets": Resources(concurrency=8, timeout=120),
    "delete_case": Resources(concurrency=8, timeout=120),
    "verify_audit": Resources(memory="1Gi", concurrency=8, timeout=120),
    # Asked by monitors, and once by who writes a client.
    "health": Resources(max_instances=2, timeout=30),
    "openapi": Resources(max_instances=2, timeout=30),
    # Everything in one: as long as a sweep may take, half of the threads for `:wait`.
    "api": Resources(
        memory="1Gi", concurrency=80, max_waits=40, max_instances=20, timeout=SWEEP_TIMEOUT
    ),
}


def settings(function: str, *, scheduled: bool) -> Resources:
    """The settings of a function, by its Python name."""
    return SPECIAL.get(function, SCHEDULED if scheduled else USUAL)
