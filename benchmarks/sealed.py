"""What the scheduler does each minute beside a server: seals the events, and counts them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from benchmarks.server import TENANT
from local.log_key import new_keys
from local.sealing import sealed_later
from shared.repository.log_keys import LogKeys


def seal_all(path: Path) -> None:
    """Seals all events of a store, as if a minute had gone by, in as many runs as it takes."""
    before, now = "", _sealed(path)
    while now != before:
        before, now = now, _sealed(path)


def _sealed(path: Path) -> str:
    """How many events are in the log after a run: the second line of its checkpoint."""
    return sealed_later(path, _keys(), TENANT).splitlines()[1]


@cache
def _keys() -> LogKeys:
    return new_keys("local/bench")
