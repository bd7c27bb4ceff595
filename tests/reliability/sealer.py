"""Seals in processes that kill themselves: `python -m tests.reliability.sealer DATABASE KEY NOW`.

Each process does one run on the SQLite file, and ends by SIGKILL right before or right after one of
its commits. The last one is let live. Each next one is as far as the one before it came.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from datetime import datetime

from shared.config import Config
from shared.documents.port import DocumentStore, Write
from shared.ledger.decision import Origin
from shared.ledger.ledger import Ledger
from shared.models.roles import Actor
from shared.repository.log_keys import LogKeys
from shared.runtime import open_store
from shared.sweeps import seal
from shared.sweeps.run import SweepRun
from tests.functions.sealing_support import ORIGIN

COMMITS = 3
"""A log, its figures and another log: how many commits of a run are tried."""
_CRON = Actor(subject="cron", email=None, type="system", role="scheduler")


def run_on(store: DocumentStore, now: datetime) -> SweepRun:
    """A run at a time."""
    origin = Origin("none", _CRON, "scheduler", "seal_audit", "r-1")
    return SweepRun(Ledger(store, origin, lambda: now), 480, lambda: False, dry=False)


class _Dying:
    """A store that dies with its process at one of its commits."""

    def __init__(self, store: DocumentStore, commits: int, *, before: bool) -> None:
        self._store = store
        self._left = commits
        self._before = before

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def commit(self, writes: Sequence[Write]) -> None:
        """See `DocumentStore`."""
        self._left -= 1
        if self._left == 0 and self._before:
            os.kill(os.getpid(), signal.SIGKILL)
        self._store.commit(writes)
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Does the runs one after the other; fails where one did not end as it should."""
    database, key, now = sys.argv[1:]
    ends = [(number + 1, before) for number in range(COMMITS) for before in (True, False)]
    for commits, before in [*ends, (0, False)]:
        child = os.fork()
        if child == 0:
            store = open_store(Config(sqlite=database))
            dying = _Dying(store, commits, before=before)
            run = run_on(dying, datetime.fromisoformat(now))  # type: ignore[arg-type]
            seal.seal(run, LogKeys.read(key, ORIGIN), None)
            store.close()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
