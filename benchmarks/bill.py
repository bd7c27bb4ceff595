"""What a month costs at list prices: `python -m benchmarks.bill`.

Prices: Firestore Standard edition, nam5 (cloud.google.com/firestore/pricing), Cloud Run, tier 1,
request-based billing (cloud.google.com/run/pricing), as published in November 2025; other regions
are cheaper or dearer. Storage, traffic to the internet, logs and backups come on top.
"""

from __future__ import annotations

import sys
from typing import NamedTuple

READ, WRITE = 0.06 / 100_000, 0.18 / 100_000
FREE_READS, FREE_WRITES = 50_000, 20_000
"""Documents a day."""
REQUEST, VCPU_SECOND, GIB_SECOND = 0.40 / 1_000_000, 0.000024, 0.0000025
FREE_REQUESTS, FREE_VCPU_SECONDS, FREE_GIB_SECONDS = 2_000_000, 180_000, 360_000
"""A month."""
DAYS = 30
SECONDS = 0.02
"""Seconds of one vCPU and half a GiB for a request; requests at the same time share them."""
GIB = 0.5


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
    Operation("decide", 0.01, 1, 3),
)


def month(requests: int) -> tuple[float, float]:
    """Dollars a month for so many requests a day of the mix: for Firestore, and for Cloud Run."""
    reads = requests * sum(one.share * one.reads for one in MIX)
    writes = requests * sum(one.share * one.writes for one in MIX)
    documents = max(0.0, reads - FREE_READS) * READ + max(0.0, writes - FREE_WRITES) * WRITE
    all_of_them = requests * DAYS
    run = (
        max(0, all_of_them - FREE_REQUESTS) * REQUEST
        + max(0.0, all_of_them * SECONDS - FREE_VCPU_SECONDS) * VCPU_SECOND
        + max(0.0, all_of_them * SECONDS * GIB - FREE_GIB_SECONDS) * GIB_SECOND
    )
    return documents * DAYS, run


def lines() -> list[str]:
    """The prices and the bills, one a line."""
    shown = [
        f"{one.name}: {one.reads} reads, {one.writes} writes, ${one.price:.2f} a million"
        for one in MIX
    ]
    for requests in (1_000, 1_000_000):
        firestore, run = month(requests)
        shown.append(
            f"{requests:,} requests a day: ${firestore:.0f} Firestore, ${run:.0f} Cloud Run a month"
        )
    return shown


if __name__ == "__main__":
    sys.stdout.write("\n".join(lines()) + "\n")
