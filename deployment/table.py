"""The settings of each function, in one table, with their reasons."""

from __future__ import annotations

from deployment.deployable import Resources
from shared.models.intervention import MAX_WAIT_SECONDS
from shared.models.mcp import LONGEST_WAIT_SECONDS

SWEEP_TIMEOUT = 600
"""Seconds for a scheduled function: Cloud Scheduler waits that long, and a run stops itself after
CASELEDGER_SWEEP_SECONDS, 480 by default."""
LONGEST_SWEEP = SWEEP_TIMEOUT - 60


# More than one request at once needs a whole CPU. A process takes some 100 MiB, most of it gRPC.
# A body may take 10 s to arrive, contention 10 s to end, an unreachable store 3 s: 60 s is ample.
USUAL = Resources()
# One at a time, because a sweep reads pages of documents. One instance, because two runs of a job
# would only get in each other's way; a second is allowed while the first is being replaced. Half a
# CPU: it mostly waits for the store, and a region's quota counts the CPUs of all instances allowed.
SCHEDULED = Resources(cpu=500, concurrency=1, max_instances=2, timeout=SWEEP_TIMEOUT)
SPECIAL: dict[str, Resources] = {
    # A held request costs a thread and no CPU. A few threads are left to answer 429.
    "wait_intervention": Resources(
        memory="1Gi", concurrency=80, max_waits=72, timeout=MAX_WAIT_SECONDS + 35
    ),
    # Agents that wait for a decision are held here too; the other threads are for all else they do.
    "mcp": Resources(memory="1Gi", concurrency=80, max_waits=40, timeout=LONGEST_WAIT_SECONDS + 35),
    # Up to 200 cases or worksheets, or a whole trail, in one request.
    "close_cases": Resources(concurrency=8, timeout=120),
    "save_worksheets": Resources(concurrency=8, timeout=120),
    "delete_case": Resources(concurrency=8, timeout=120),
    "verify_audit": Resources(memory="1Gi", concurrency=8, timeout=120),
    # A whole case, or 10,000 events, sent as fast as the caller reads: a thread and some MiB each.
    # `export_case` also answers get_case: see gateway.py.
    "export_audit": Resources(memory="1Gi", timeout=300),
    "export_case": Resources(memory="1Gi", timeout=300),
    # Each may wait 15 seconds for a receiver, or look at events for 20.
    "test_webhook": Resources(max_instances=2),
    "replay_webhook": Resources(concurrency=8, timeout=120),
    # They look for a person in what is about held cases, and a confirmation erases for 20 seconds.
    "erase_audit": Resources(concurrency=8, timeout=120),
    "confirm_erasure": Resources(concurrency=8, timeout=120),
    # Called by monitors, and by developers of clients.
    "health": Resources(max_instances=2, timeout=30),
    "openapi": Resources(max_instances=2, timeout=30),
    # Files from memory, which browsers keep.
    "console": Resources(concurrency=80, max_instances=2, timeout=30),
    # All functions in one: the timeout of a sweep, half of the threads for `:wait`. At most 10
    # instances, which the quota of a new project allows.
    "api": Resources(
        memory="1Gi", concurrency=80, max_waits=40, max_instances=10, timeout=SWEEP_TIMEOUT
    ),
}


def settings(function: str, *, scheduled: bool) -> Resources:
    """The settings of a function, by its Python name."""
    return SPECIAL.get(function, SCHEDULED if scheduled else USUAL)
