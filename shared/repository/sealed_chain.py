"""Checks that the events of a chain are those that were sealed in the log of their tenant."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from shared.models.audit import BrokenLink, LogPart
from shared.models.events import Event
from shared.models.sealed import place_of
from shared.repository.sealed import ForgedError, Log

_SKEW = timedelta(hours=1)
"""How far the clocks of servers may differ: an event that is newer would never be sealed."""


class SealedChain:
    """Checks one chain from its head backwards; without a log only that it is not of the future.

    The last event alone would not do: on a chain that was rewritten, later events are sealed too.
    """

    def __init__(self, log: Log | None, now: datetime) -> None:
        self._log = log
        self._latest = now + _SKEW
        self._index: int | None = None
        self._sealed = 0
        self.broken: BrokenLink | None = None

    @property
    def part(self) -> LogPart | None:
        """What the log has of the chain."""
        if self._log is None:
            return None
        return LogPart(
            size=self._log.size,
            index=self._index,
            sealed=self._sealed,
            refused=self._log.state.refused or None,
        )

    def follow(self, events: Iterable[Event | None]) -> None:
        """Takes events in descending sequence; those that cannot be read prove nothing."""
        for event in filter(None, events):
            if event.created_at > self._latest:
                self._break(event, "event is of the future")
            elif self._log and not self._log.is_ahead(event):
                self._take(self._log, event)

    def _take(self, log: Log, event: Event) -> None:
        try:
            found = log.find(event)
        except ForgedError as error:
            self._break(event, f"the log has it in a forged part: {error.message}")
            return
        if found and found.hash == event.hash:
            self._sealed += 1
            self._index = found.index if self._index is None else self._index
        elif found:
            self._break(event, "event is not the one in the log")
        elif place_of(event.created_at, event.id) <= log.state.compared_until:
            self._break(event, "event is not in the log")
        # Otherwise it came late, and the next comparison appends it.

    def _break(self, event: Event, problem: str) -> None:
        self.broken = BrokenLink(sequence=event.sequence, problem=problem)
