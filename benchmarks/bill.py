"""What a month costs at list prices: `python -m benchmarks.bill`.

Prices, as published in November 2025; other regions are cheaper or dearer:

    Firestore Standard edition, nam5    cloud.google.com/firestore/pricing
    Cloud Run, tier 1, request-based    cloud.google.com/run/pricing
    API Gateway                         cloud.google.com/api-gateway/docs/pricing
    Cloud Scheduler                     cloud.google.com/scheduler/pricing
    Cloud Build, e2-standard-2          cloud.google.com/build/pricing
    Artifact Registry                   cloud.google.com/artifact-registry/pricing

Traffic to the internet and logs come on top.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from math import ceil
from typing import NamedTuple

from deployment.project import DAILY, WEEKLY
from deployment.table import SCHEDULED, settings
from shared.rules.tiles import WIDTH
from shared.schedules import SCHEDULES, due

DAYS = 30
READ, WRITE = 0.06 / 100_000, 0.18 / 100_000
FREE_READS, FREE_WRITES = 50_000, 20_000
"""Documents a day."""
STORED, PITR, BACKUP = 0.18, 0.18, 0.03
"""A GiB and month. Each backup is stored whole."""
REQUEST, VCPU_SECOND, GIB_SECOND = 0.40 / 1_000_000, 0.000024, 0.0000025
FREE_REQUESTS, FREE_VCPU_SECONDS, FREE_GIB_SECONDS = 2_000_000, 180_000, 360_000
"""A month."""
CALL, FREE_CALLS = 3.00 / 1_000_000, 2_000_000
"""Of the gateway, up to a thousand million a month."""
JOB, FREE_JOBS = 0.10, 3
BUILD_MINUTE, FREE_BUILD_MINUTES, BUILD_MINUTES = 0.006, 2_500, 5
"""Of one build, which is one release: at most so many minutes."""
IMAGE_GIB = 0.10

SECONDS, GIB, STEP = 0.02, 0.5, 0.1
"""A request takes 20 ms of one vCPU and half a GiB, a scheduled run of half a vCPU; and
the time of an instance is rounded up to 100 ms. Nothing is saved by requests at the same time: they
are rare where each function has its own instances."""
BYTES = 2_900
"""What a change adds to what is stored, with index entries: on the SQLite store, which is laid out
alike, 2.2 KB for a new title and 7 KB for a new case."""
IDLE_READS = {
    "expire_interventions": 3,
    "fail_stale_runs": 2,
    "close_approved_cases": 3,
    "deliver_webhooks": 1,
    "purge_records": 8,
    "check_integrity": 10,
    "seal_audit": 1,
}
"""The documents that a scheduled run reads where nothing is due; it writes none."""


class Operation(NamedTuple):
    """A kind of request: its share of all, and the documents that it reads and writes."""

    name: str
    share: float
    reads: int
    writes: int

    @property
    def price(self) -> float:
        """Dollars for a million of them."""
        return 1_000_000 * (self.reads * READ + self.writes * WRITE)


MIX = (
    Operation("read one", 0.75, 1, 0),
    Operation("page of 50", 0.10, 50, 0),
    Operation("change", 0.14, 1, 2),
    Operation("decide", 0.01, 1, 2),
)
DELIVERY = Operation("delivery to a webhook", 0, 1, 3)
"""Besides the change whose event is delivered: a write in its commit, and a read and two writes to
send it. Those of a month are few or many, so they are not in the mix."""


class Month(NamedTuple):
    """Dollars a month; storage is not among them, because it grows."""

    firestore: float
    run: float
    gateway: float


@cache
def runs_a_day() -> dict[str, int]:
    """How often each scheduled function runs in a day."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    minutes = [start + timedelta(minutes=number) for number in range(24 * 60 + 1)]
    return {
        one.function: sum(due(one, before, now) is not None for before, now in pairwise(minutes))
        for one in SCHEDULES
    }


def idle_reads() -> int:
    """The documents that the scheduled runs of a day read where nothing is due."""
    return sum(runs * IDLE_READS[name] for name, runs in runs_a_day().items())


def sealing(requests: int) -> tuple[float, float]:
    """The documents that it takes in a day to seal the events of so many requests of one tenant.

    Each event is read once. A run that seals something reads the end of the log, the figures of all
    time and those of a day, and writes these and how far it came; 256 events make one bundle.
    """
    events = requests * sum(one.share for one in MIX if one.writes)
    runs = min(events, runs_a_day()["seal_audit"])
    return events + 3 * runs, 4 * runs + events / WIDTH


def month(requests: int) -> Month:
    """What so many requests a day of the mix cost, and the scheduled runs where nothing is due."""
    read, written = sealing(requests)
    reads = requests * sum(one.share * one.reads for one in MIX) + read + idle_reads()
    writes = requests * sum(one.share * one.writes for one in MIX) + written
    documents = max(0.0, reads - FREE_READS) * READ + max(0.0, writes - FREE_WRITES) * WRITE
    calls = requests * DAYS
    runs = sum(runs_a_day().values()) * DAYS
    served = calls + runs
    step = STEP * ceil(SECONDS / STEP)
    seconds, vcpu_seconds = served * step, (calls + runs * SCHEDULED.cpu / 1000) * step
    run = (
        max(0, served - FREE_REQUESTS) * REQUEST
        + max(0.0, vcpu_seconds - FREE_VCPU_SECONDS) * VCPU_SECOND
        + max(0.0, seconds * GIB - FREE_GIB_SECONDS) * GIB_SECOND
    )
    return Month(documents * DAYS, run, max(0, calls - FREE_CALLS) * CALL)


def stored() -> float:
    """Dollars a month for each GiB that is stored, with its backups and former versions."""
    return STORED + PITR + (DAILY + WEEKLY) * BACKUP


def gib_a_year(requests: int) -> float:
    """What so many requests a day of the mix add to what is stored."""
    changes = requests * sum(one.share for one in MIX if one.writes)
    return changes * 365 * BYTES / 2**30


class Waiting(NamedTuple):
    """An instance that holds `:wait` requests: how many, of how many instances, for how much."""

    agents: int
    instances: int
    dollars: float


def waiting() -> Waiting:
    """What waiting around the clock costs."""
    resources = settings("wait_intervention", scheduled=False)
    gib = float(resources.memory.removesuffix("Gi"))
    seconds = DAYS * 24 * 3600
    price = seconds * (resources.cpu / 1000 * VCPU_SECOND + gib * GIB_SECOND)
    return Waiting(resources.max_waits or 0, resources.max_instances, price)


def waiting_line() -> str:
    """What docs/scaling.md says about it."""
    held = waiting()
    most = held.agents * held.instances
    return (
        f"{held.agents} waiting agents an instance, {held.instances} instances: {most} agents; "
        f"${held.dollars:.0f} a month for each instance that waits around the clock"
    )


def lines() -> list[str]:
    """The prices and the bills, one a line."""
    runs = sum(runs_a_day().values())
    jobs = max(0, len(SCHEDULES) - FREE_JOBS) * JOB
    shown = [
        f"{one.name}: {one.reads} reads, {one.writes} writes, ${one.price:.2f} a million"
        for one in (*MIX, DELIVERY)
    ]
    shown.append(
        f"{runs:,} scheduled runs a day: {idle_reads():,} reads and 0 writes where nothing is due; "
        f"{len(SCHEDULES)} jobs: ${jobs:.2f} a month"
    )
    shown.append(
        f"a GiB stored: ${stored():.2f} a month, ${(DAILY + WEEKLY) * BACKUP:.2f} of it for "
        f"{DAILY} daily and {WEEKLY} weekly backups; 1,000,000 requests a day add "
        f"{gib_a_year(1_000_000):.0f} GiB a year"
    )
    shown.append(waiting_line())
    shown.append(
        f"a release: one build, ${BUILD_MINUTES * BUILD_MINUTE:.2f} beyond {FREE_BUILD_MINUTES:,} "
        f"minutes a month; its image: ${IMAGE_GIB:.2f} a GiB and month"
    )
    for requests in (1_000, 1_000_000):
        bill = month(requests)
        shown.append(
            f"{requests:,} requests a day: ${bill.firestore:.0f} Firestore, ${bill.run:.0f} "
            f"Cloud Run, ${bill.gateway:.0f} API Gateway a month"
        )
    return shown


if __name__ == "__main__":
    sys.stdout.write("\n".join(lines()) + "\n")
