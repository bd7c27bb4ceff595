"""A request as its handler knows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from shared.documents import port
from shared.edge.exchange import Exchange
from shared.ledger.origin import Origin
from shared.rules.callers import AUDITING, Caller
from shared.runtime import Runtime

if TYPE_CHECKING:
    from shared.ledger.ledger import Ledger
    from shared.models.settings import Settings


class Eager(Protocol):
    """What sends to webhooks right after a request's commits: `repository/eager.py`."""

    @property
    def store(self) -> port.DocumentStore:
        """What the commits go through."""

    def send(self) -> None:
        """Sends what they have made due."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a handler knows of its request: who calls, with which store, at what time.

    `exchange` is the request itself, for the few who look at more of it than their arguments.
    `eager` sends what its commits make due to webhooks, where that is on.
    """

    runtime: Runtime
    caller: Caller
    now: datetime
    origin: Origin
    exchange: Exchange
    eager: Eager | None = None

    @property
    def store(self) -> port.DocumentStore:
        """The document store."""
        return self.eager.store if self.eager else self.runtime.store

    @property
    def tenant(self) -> str:
        """The caller's tenant."""
        return self.caller.tenant

    @property
    def ledger(self) -> Ledger:
        """The path for this request's mutation."""
        from shared.ledger.ledger import Ledger  # noqa: PLC0415 - not to read

        runtime = self.runtime
        return Ledger(self.store, self.origin, runtime.clock, runtime.directory, runtime.listeners)

    @property
    def settings(self) -> Settings:
        """The tenant's settings, at most five minutes old."""
        return self.runtime.settings.of(self.store, self.tenant, self.now)

    @property
    def sees_people(self) -> bool:
        """Whether figures of single people are shown to the caller."""
        return self.caller.role in AUDITING and self.settings.person_figures
