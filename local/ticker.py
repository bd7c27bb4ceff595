"""Calls the scheduled functions of a local run at their times, as Cloud Scheduler does."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from local.client import Unreachable, call
from local.tokens import unsigned_token
from shared.runtime import utc_now
from shared.schedules import SCHEDULES, Schedule, due

_LOOKS_SECONDS = 1.0
_TOKEN = unsigned_token(sub="ticker", tenant="none", role="scheduler")


@contextlib.contextmanager
def ticking(
    url: str,
    schedules: Sequence[Schedule] = SCHEDULES,
    clock: Callable[[], datetime] = utc_now,
) -> Iterator[None]:
    """Calls what is due of `schedules` on the server at `url`, until the block ends.

    Each has a thread: a run that takes long, such as one whose receivers stall, holds up no other.
    """
    stopped = threading.Event()
    for schedule in schedules:
        what = (url, schedule, clock, stopped)
        threading.Thread(target=_tick, args=what, daemon=True).start()
    try:
        yield
    finally:
        stopped.set()


def _tick(
    url: str, schedule: Schedule, clock: Callable[[], datetime], stopped: threading.Event
) -> None:
    looked = clock()
    while not stopped.wait(_LOOKS_SECONDS):
        now = clock()
        if time := due(schedule, looked, now):
            _trigger(url, schedule, time)
        looked = now


def _trigger(url: str, schedule: Schedule, time: datetime) -> None:
    """Sends what Cloud Scheduler would send; a run that fails is not sent again."""
    headers = {
        "X-CloudScheduler-JobName": schedule.function,
        "X-CloudScheduler-ScheduleTime": time.isoformat(),
    }
    target = url.removesuffix("/v1") + schedule.path
    # A server that does not answer is starting or stopping.
    with contextlib.suppress(Unreachable):
        call("POST", target, token=_TOKEN, headers=headers)
