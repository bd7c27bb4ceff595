"""Many rows in one request: a change of 100 cases, and a sweep that expires 1,000 interventions."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from itertools import islice
from statistics import median
from typing import NamedTuple

from benchmarks import cpu
from benchmarks.peers.asked import CHANGED, ask, change_100, expire
from benchmarks.peers.sides import OURS, Side
from benchmarks.table import Row, milliseconds, timed
from benchmarks.wire import load

_EXPIRED = 1_000
_RAN_OUT_SECONDS = 1.2
_GOAL = 0.150


class _Took(NamedTuple):
    """How long a request took, and the CPU time of the server, in seconds."""

    seconds: float
    cpu: float


def changed(sides: Sequence[Side], rounds: int) -> list[Row]:
    """The rows of the change of 100 cases."""
    took = _in_turns(sides, rounds, lambda side: _sent(side, change_100, "succeeded", CHANGED))
    return _rows("change 100", took)


def expired(sides: Sequence[Side], rounds: int) -> list[Row]:
    """The rows of the sweep."""

    def ran_out() -> None:
        for side in sides:
            load(side.port, [ask(side, seconds=1) for _ in range(_EXPIRED)])
        time.sleep(_RAN_OUT_SECONDS)

    name = "expire 1,000"
    took = _in_turns(sides, rounds, lambda side: _sent(side, expire, "changed", _EXPIRED), ran_out)
    ours = took[OURS].seconds
    goal = f"<= {milliseconds(_GOAL)}"
    return [Row(name, milliseconds(ours), goal=goal, met=ours <= _GOAL), *_rows(name, took)]


BATCHES: dict[str, Callable[[Sequence[Side], int], list[Row]]] = {
    "change 100": changed,
    "expire 1,000": expired,
}


def _in_turns(
    sides: Sequence[Side],
    rounds: int,
    call: Callable[[Side], _Took],
    prepare: Callable[[], None] = lambda: None,
) -> dict[str, _Took]:
    """The medians of each side."""
    took: dict[str, list[_Took]] = {side.name: [] for side in sides}
    for _ in range(rounds):
        prepare()
        for side in sides:
            took[side.name].append(call(side))
    return {name: _Took(*map(median, zip(*all_, strict=True))) for name, all_ in took.items()}


def _sent(side: Side, make: Callable[[Side], bytes], field: str, wanted: int) -> _Took:
    wish, used = make(side), cpu.seconds(side.pids)
    started = time.perf_counter()
    answer = side.client.send(wish)
    took = _Took(time.perf_counter() - started, cpu.seconds(side.pids) - used)
    found = json.loads(answer.body)[field]
    if found != wanted:
        raise RuntimeError(f"{side.name} has changed {found}, not {wanted}")
    return took


def _rows(name: str, took: dict[str, _Took]) -> list[Row]:
    ours, others = took[OURS], list(islice(took, 1, None))
    return [
        *(timed(name, ours.seconds, took[side].seconds, side) for side in others),
        *(
            timed(f"{name}, CPU", ours.cpu, took[side].cpu, side)
            for side in others
            if took[side].cpu  # as far as the machine tells it
        ),
    ]
