"""Interventions on the embedded store, with the figures of the earlier system as goals.

Measured in the process, without HTTP, because the earlier figures are those of a store.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.server import TENANT
from benchmarks.table import Row, milliseconds
from benchmarks.timing import p50
from local.log_key import new_keys
from local.sealing import sealed_later
from shared.documents.cost import counted
from shared.documents.embedded.store import EmbeddedStore
from shared.documents.indexes import project_indexes
from shared.ledger.directory import Directory
from shared.ledger.ledger import Ledger
from shared.ledger.listeners import Listeners
from shared.ledger.origin import Origin
from shared.models.intervention import (
    DecisionGiven,
    InterventionType,
    MetricsQuery,
    NewIntervention,
    PendingQuery,
)
from shared.models.roles import Role
from shared.models.settings import Settings
from shared.repository import interventions, metrics, questions
from shared.rules.callers import Caller
from shared.sweeps import expiry
from shared.sweeps.run import SweepRun

_MANY = 1_000
_ROUNDS = 100
_WARM_UP = 10
_TURNS = _ROUNDS + _WARM_UP
_SEC = 1e-3
# Milliseconds, from the document of the earlier system.
_BEFORE = {"create": 5, "get": 1, "pending 50": 10, "decide": 5, "metrics over 1,000": 20}
_EXPIRE_BEFORE = 50
_AGENT = Caller("agent", "agent@example.com", TENANT, Role.AGENT)
_PILOT = Caller("pilot", "pilot@example.com", TENANT, Role.PILOT)
_SETTINGS = Settings()
_SCHEDULER = Caller("scheduler", None, TENANT, Role.SCHEDULER)


class _Ours:
    """The measured operations."""

    def __init__(self, path: Path) -> None:
        self.store = EmbeddedStore(str(path), project_indexes())

    def ledger(self, caller: Caller, clock: Callable[[], datetime]) -> Ledger:
        origin = Origin(TENANT, caller.actor, "system", "bench", uuid.uuid4().hex)
        # An instance that has seen this person today writes nothing of them but what it counts.
        directory = Directory()
        directory.keep(TENANT, caller.actor, clock())
        listeners = Listeners()
        listeners.keep(TENANT, {}, clock())
        return Ledger(self.store, origin, clock, directory, listeners)

    def create(self, *, seconds: int = 3600) -> str:
        new = NewIntervention(
            uow_id="uow-1",
            type=InterventionType.RESUME,
            title="Go on?",
            context={"step": 1},
            expires_in_seconds=seconds,
        )
        return questions.create(self.ledger(_AGENT, _now), _AGENT, new, _SETTINGS).name

    def get(self, intervention_id: str) -> object:
        return interventions.get(self.store, TENANT, intervention_id)

    def pending(self) -> object:
        return interventions.pending(self.store, _PILOT, PendingQuery(), _now())

    def reject(self, intervention_id: str) -> None:
        given = DecisionGiven(decision="reject", reason="No")
        interventions.decide(self.ledger(_PILOT, _now), _PILOT, intervention_id, given)

    def metrics(self) -> object:
        return metrics.metrics(self.store, TENANT, MetricsQuery(), _now(), of_people=True)

    def expire(self) -> str:
        later = _now() + timedelta(seconds=60)
        with counted() as cost:
            run = SweepRun(self.ledger(_SCHEDULER, lambda: later), 600, lambda: False, dry=False)
            expiry.expire(run)
        return f"{cost.reads:,}r {cost.writes:,}w {cost.trips}t"


def measured(directory: Path) -> list[Row]:
    """The rows of this part, with a store of its own in `directory`."""
    ours = _Ours(directory / "asked.db")
    with closing(ours.store):
        ids = [ours.create() for _ in range(_MANY)]
        # As the scheduler does each minute: metrics are counted when events are sealed.
        sealed_later(directory / "asked.db", new_keys("local/bench"), TENANT)
        left = iter(ids[_TURNS:])
        operations: dict[str, Callable[[], object]] = {
            "get": lambda: ours.get(ids[0]),
            "pending 50": ours.pending,
            "metrics over 1,000": ours.metrics,
            "create": ours.create,
            "decide": lambda: ours.reject(next(left)),
        }
        rows = []
        for name, operation in operations.items():
            took = p50({name: operation}, rounds=_ROUNDS, warm_up=_WARM_UP)
            rows.append(_row(name, took[name], _BEFORE[name]))
        return [*rows, *_expired(ours)]


def _expired(ours: _Ours) -> list[Row]:
    for _ in range(_MANY):
        ours.create(seconds=1)
    started = time.perf_counter()
    cost = ours.expire()
    took = time.perf_counter() - started
    least = f"{_MANY + 1:,}r {2 * _MANY:,}w 9t"
    return [
        _row("expire 1,000, one run", took, _EXPIRE_BEFORE),
        Row(
            "expire 1,000, cost",
            cost,
            least,
            "least: what is due, and that there is no more; each with its event, 250 to a commit",
            goal="==",
            met=cost == least,
            exact=True,
        ),
    ]


def _row(name: str, took: float, before: int) -> Row:
    goal = before * _SEC
    return Row(name, milliseconds(took), "", "", goal=f"< {milliseconds(goal)}", met=took < goal)


def _now() -> datetime:
    return datetime.now(UTC)
