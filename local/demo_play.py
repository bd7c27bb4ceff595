"""Plays what people and agents did, each step at its time, through the repository and its ledger.

It is played on a store in memory; what that holds in the end is copied in a few commits, so that a
store on a disk or across a network is asked little.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar, cast

from shared.documents.embedded.store import EmbeddedStore
from shared.documents.indexes import project_indexes
from shared.documents.port import Document, DocumentStore, Set, Write
from shared.edge.local_people import PEOPLE, TENANT
from shared.ledger.directory import Directory
from shared.ledger.ledger import Ledger
from shared.ledger.origin import Origin
from shared.models.base import Model
from shared.models.roles import Role
from shared.models.settings import Settings
from shared.repository.settings import get as settings_of
from shared.rules.callers import Caller
from shared.sweeps import expiry
from shared.sweeps.once import Trigger, once
from shared.sweeps.run import SweepRun

M = TypeVar("M", bound=Model)
SCHEDULER = "scheduler"
AGENTS = ("intake", "checker", "watchdog")
CALLERS: dict[str, Caller] = {
    **{one.sub: Caller(one.sub, one.email, TENANT, Role(one.role)) for one in PEOPLE},
    **{name: Caller(name, None, TENANT, Role.AGENT) for name in AGENTS},
    SCHEDULER: Caller(SCHEDULER, None, TENANT, Role.SCHEDULER),
}
_AT_ONCE = 200
_SWEEP_SECONDS = 60.0


def made(model: type[M], **fields: Any) -> M:
    """A request's model, from its fields as they are named in JSON."""
    given = {name: value for name, value in fields.items() if value is not None}
    return model.model_validate_json(json.dumps(given, default=_time), by_name=False)


def _time(value: Any) -> str:
    return cast("datetime", value).isoformat()


class Desk:
    """Where somebody acts: who it is, and the ledger that they act through."""

    def __init__(self, play: Play, name: str, number: int) -> None:
        self._play = play
        self.caller = CALLERS[name]
        self.origin = Origin(
            tenant=TENANT,
            actor=self.caller.actor,
            source="scheduler" if name == SCHEDULER else "system",
            operation="demo",
            request_id=f"demo-{number:04}",
            # The ids of events are made of it: whoever plays it again writes the same ones.
            key=f"demo-{number:04}",
        )
        self.ledger = Ledger(play.store, self.origin, lambda: play.now, play.directory)

    @property
    def names(self) -> dict[str, str]:
        """The ids of the interventions, by what the play calls them."""
        return self._play.names

    @property
    def settings(self) -> Settings:
        """The tenant's settings."""
        return settings_of(self._play.store, TENANT, self._play.now)

    def expire(self) -> None:
        """Expires what has run out, as Cloud Scheduler has it done every minute."""
        now = self._play.now
        trigger = Trigger("expire_interventions", now.isoformat(), "expireInterventions")

        def work(store: DocumentStore) -> Any:
            ledger = Ledger(store, self.origin, lambda: now, self._play.directory)
            run = SweepRun(ledger, _SWEEP_SECONDS, lambda: False, dry=False)
            expiry.expire(run)
            return run.result

        once(self._play.store, trigger, now, now - now, work)


Act = Callable[[Desk], object]


class Step(NamedTuple):
    """What somebody does at a time."""

    at: datetime
    who: str
    act: Act


class Play:
    """The state of a play: its store, its time, and whom its instance has seen."""

    def __init__(self) -> None:
        self.store = cast("DocumentStore", _Noting(EmbeddedStore(":memory:", project_indexes())))
        self.directory = Directory()
        self.now = datetime.min.replace(tzinfo=UTC)
        self.names: dict[str, str] = {}

    def play(self, steps: Sequence[Step]) -> None:
        """Plays the steps in the order of their times."""
        for number, step in enumerate(sorted(steps, key=lambda one: one.at)):
            self.now = step.at
            step.act(Desk(self, step.who, number))

    def copy(self, store: DocumentStore) -> None:
        """Writes all documents to a store, the cases last: who finds those finds everything."""
        noted = cast("_Noting", self.store).paths
        paths = sorted(noted, key=lambda path: (path.startswith(f"tenants/{TENANT}/cases/"), path))
        for first in range(0, len(paths), _AT_ONCE):
            found = self.store.get_many(paths[first : first + _AT_ONCE])
            store.commit([Set(one.path, one.data) for one in found if one and self._lasts(one)])

    def _lasts(self, document: Document) -> bool:
        """Whether a document is still there: marks of scheduled runs go after two days."""
        return bool(document.data.get("expireAt", self.now) >= self.now)


class _Noting:
    """A store that notes which documents were written."""

    def __init__(self, store: EmbeddedStore) -> None:
        self._store = store
        self.paths: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def commit(self, writes: Sequence[Write]) -> None:
        """See `DocumentStore`."""
        self._store.commit(writes)
        self.paths |= {write.path for write in writes}
