"""Each operation on each side, in turns: at one client, then from eight, and what it costs them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks import cpu
from benchmarks.peers import postgres
from benchmarks.peers.asked import OPERATIONS, Operation, ask
from benchmarks.peers.batches import BATCHES
from benchmarks.peers.sides import OURS, POSTGRES, SQLITE, Side, on_postgres, on_sqlite, ours
from benchmarks.table import Row, milliseconds, timed
from benchmarks.timing import in_turns, p95
from benchmarks.wire import CLIENTS, load

_P50_GOAL, _P95_GOAL, _RATE_GOAL, _BYTES_GOAL = 1.0, 2.0, 0.8, 3_500


class Effort(NamedTuple):
    """How much is measured."""

    cases: int
    waiting: int
    """Interventions that are open."""

    rounds: int
    warm_up: int
    loads: int
    requests: int
    batches: int


WHOLE = Effort(
    cases=10_000, waiting=1_000, rounds=150, warm_up=20, loads=3, requests=150, batches=2
)
QUICK = Effort(cases=2_000, waiting=200, rounds=60, warm_up=10, loads=2, requests=100, batches=1)


NAMES = (*OPERATIONS, *BATCHES)


def measured(
    directory: Path,
    effort: Effort = WHOLE,
    names: Sequence[str] = NAMES,
    *,
    with_postgres: bool = True,
) -> tuple[list[Row], str]:
    """The rows of this part, and what was not run; the stores are made in `directory`."""
    with _sides(directory, effort.cases, with_postgres=with_postgres) as (sides, missing):
        for side in sides:
            _ask_people(side, effort.waiting)
        rows: list[Row] = []
        for name in names:
            if name in BATCHES:
                rows += BATCHES[name](sides, effort.batches)
            else:
                rows += _compared(sides, OPERATIONS[name], effort)
        return rows, missing


@contextmanager
def _sides(directory: Path, cases: int, *, with_postgres: bool) -> Iterator[tuple[list[Side], str]]:
    with ExitStack() as stack:
        sides = [stack.enter_context(one(directory, cases)) for one in (ours, on_sqlite)]
        missing = ""
        try:
            if with_postgres:
                sides.append(stack.enter_context(on_postgres(directory, cases)))
        except postgres.NotFound as error:
            missing = f"NOT RUN: the peer on PostgreSQL. {error}"
        yield sides, missing


def _ask_people(side: Side, number: int) -> list[str]:
    _, answers = load(side.port, [ask(side) for _ in range(number)])
    return [json.loads(answer.body)["id"] for answer in answers]


def _compared(sides: Sequence[Side], operation: Operation, effort: Effort) -> list[Row]:
    requests = effort.rounds + effort.warm_up + effort.loads * effort.requests
    if operation.name == "decide":
        for side in sides:
            side.ids.extend(_ask_people(side, requests))
    if operation.counted:
        for side in sides:
            side.settle()
    before = [side.size() for side in sides]
    took = in_turns(
        {side.name: partial(_once, side, operation) for side in sides},
        rounds=effort.rounds,
        warm_up=effort.warm_up,
    )
    loaded = _loaded(sides, operation, effort)
    rows = [*_latency(operation, took), *_rates(operation, loaded)]
    if operation.counted:
        rows.append(_agreed(sides, operation))
    if operation.name == "create":
        grown = [(side.size() - size) / requests for side, size in zip(sides, before, strict=True)]
        rows.append(_bytes([side.name for side in sides], grown))
    return rows


def _once(side: Side, operation: Operation) -> None:
    side.client.send(operation.next(side))


class _Loaded(NamedTuple):
    """Of one side, from eight clients: requests a second, and CPU seconds of each request."""

    rate: float
    cpu: float


def _loaded(sides: Sequence[Side], operation: Operation, effort: Effort) -> dict[str, _Loaded]:
    rates: dict[str, list[float]] = {side.name: [] for side in sides}
    used = dict.fromkeys(rates, 0.0)
    for _ in range(effort.loads):
        for side in sides:
            messages = [operation.next(side) for _ in range(effort.requests)]
            before = cpu.seconds(side.pids)
            took, answers = load(side.port, messages)
            used[side.name] += cpu.seconds(side.pids) - before
            rates[side.name].append(len(answers) / took)
    number = effort.loads * effort.requests
    return {name: _Loaded(median(rates[name]), used[name] / number) for name in rates}


def _latency(operation: Operation, took: dict[str, list[float]]) -> list[Row]:
    middle = {side: median(times) for side, times in took.items()}
    beside = list(islice(middle, 1, None))
    rows = [
        timed(
            f"{operation.name}, p50",
            middle[OURS],
            middle[side],
            side,
            _P50_GOAL if side == SQLITE else None,
        )
        for side in beside
    ]
    ends = {side: p95(times) for side, times in took.items()}
    theirs = ", ".join(f"{side}: {milliseconds(ends[side])}" for side in beside)
    goal = _P95_GOAL if operation.writes else None
    named = f"our p50; p95 of {theirs}"
    return [*rows, timed(f"{operation.name}, p95", ends[OURS], middle[OURS], named, goal)]


def _rates(operation: Operation, loaded: dict[str, _Loaded]) -> list[Row]:
    rows = []
    for side in islice(loaded, 1, None):
        ratio = loaded[OURS].rate / loaded[side].rate
        has_goal = operation.writes and side == POSTGRES
        rows.append(
            Row(
                f"{operation.name}, {CLIENTS} clients",
                f"{loaded[OURS].rate:.0f}/s",
                f"{loaded[side].rate:.0f}/s",
                side,
                f"{ratio:.2f}",
                f">= {_RATE_GOAL:g}" if has_goal else "",
                ratio >= _RATE_GOAL if has_goal else None,
            )
        )
    return [
        *rows,
        *(
            timed(f"{operation.name}, CPU a request", loaded[OURS].cpu, loaded[side].cpu, side)
            for side in islice(loaded, 1, None)
            if loaded[side].cpu  # as far as the machine tells it
        ),
    ]


def _agreed(sides: Sequence[Side], operation: Operation) -> Row:
    """Whether all count the same."""
    answers = [json.loads(side.client.send(operation.next(side)).body) for side in sides]
    found, *others = (answer[operation.counted] for answer in answers)
    return Row(
        f"{operation.name}, {operation.counted}",
        f"{found:,}",
        f"{others[0]:,}",
        "the others",
        goal="==",
        met=all(other == found for other in others),
        exact=True,
    )


def _bytes(names: Sequence[str], grown: Sequence[float]) -> Row:
    beside = ", ".join(f"{name}: {size:,.0f}" for name, size in zip(names, grown, strict=True))
    size = grown[0]
    return Row(
        "a case with its event, bytes",
        f"{size:,.0f}",
        f"{grown[1]:,.0f}",
        beside,
        f"{size / grown[1]:.2f}",
        f"<= {_BYTES_GOAL:,}",
        size <= _BYTES_GOAL,
    )
