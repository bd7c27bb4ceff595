"""Sends to webhooks right after the commit that makes an event, before the request is answered.

A delivery that a request makes is due a little later, so that no scheduled run sends it meanwhile.
What the receiver has not taken within the time is left to such a run, and so is what fails here:
nothing that goes wrong here is told to the caller, whose change has been made.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeGuard, cast

from shared import errors
from shared.documents.port import Create, DocumentStore, StoreError, Update, Write
from shared.ledger import deliveries
from shared.ledger.subjects import tenant_of
from shared.models.webhooks import StoredDelivery
from shared.repository import webhooks
from shared.repository.batches import made
from shared.repository.sending import Sender
from shared.rules import deliveries as rules

SECONDS = 0.3
"""How long the receivers have, all together."""
_LATER = timedelta(seconds=30)
"""After how long a scheduled run sends what was not taken."""
_MOST = 16
"""How many deliveries of a request are sent at once; the others are left to a scheduled run."""


class Eager:
    """The deliveries that the commits of one request make; `store` is what these go through."""

    def __init__(self, store: DocumentStore, sender: Sender, clock: Callable[[], datetime]) -> None:
        self._plain = store
        self.store = cast("DocumentStore", _Noting(store, self))
        self._sender = sender
        self._clock = clock
        self._made: list[tuple[str, StoredDelivery]] = []

    def later(self, writes: Sequence[Write]) -> list[Write]:
        """The writes of a commit, with deliveries that are due only after this request."""
        until = self._clock() + _LATER
        lease = {"dueAt": until, "leasedUntil": until}
        return [
            replace(write, data={**write.data, **lease}) if _makes_due(write) else write
            for write in writes
        ]

    def note(self, writes: Sequence[Write]) -> None:
        """Takes down the deliveries that a commit has made."""
        for write in writes:
            if _makes_due(write):
                self._made.append((write.path, StoredDelivery.read(write.data)))

    def send(self) -> None:
        """Sends what was made, and records what was taken."""
        until = time.monotonic() + SECONDS
        # A scheduled run may be sending what a long request has made before.
        late = self._clock() + timedelta(seconds=SECONDS)
        own = [(path, one) for path, one in self._made if one.due_at and one.due_at > late]
        due = [(path, one) for path, one in own if not one.gathered][:_MOST]
        self._made.clear()
        if due:
            with suppress(StoreError, errors.ApiError, ValueError):
                self._send(due, until)

    def _send(self, due: Sequence[tuple[str, StoredDelivery]], until: float) -> None:
        tenant = tenant_of(due[0][0])
        now = self._clock()
        state = webhooks.get(self._plain, tenant, now)

        def tried(one: tuple[str, StoredDelivery]) -> Update | None:
            """The write that records a delivery; None where it was not taken."""
            path, delivery = one
            try:
                target = webhooks.target(self._sender.keys, tenant, state, delivery.webhook_id, now)
            except errors.Unreadable:  # which the scheduled run tells
                return None
            if target is None:
                return None
            answer = self._sender.send(target, delivery, now, until - time.monotonic())
            if not rules.is_delivered(answer.code):
                return None
            return _recorded(path, rules.outcome(delivery, answer, now, 0))

        with ThreadPoolExecutor(len(due)) as pool:
            taken = [write for write in pool.map(tried, due) if write]
        made(self._plain, [(write, write) for write in taken])


class _Noting:
    """A store that tells of what it commits."""

    def __init__(self, store: DocumentStore, eager: Eager) -> None:
        self._store = store
        self._eager = eager

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def commit(self, writes: Sequence[Write]) -> None:
        """See `DocumentStore`."""
        writes = self._eager.later(writes)
        self._store.commit(writes)
        self._eager.note(writes)


def _makes_due(write: Write) -> TypeGuard[Create]:
    """Whether a write makes a delivery that is still to be sent; that of a test was."""
    if not isinstance(write, Create) or not deliveries.is_delivery(write):
        return False
    return bool(write.data["status"] == "due")


def _recorded(path: str, after: StoredDelivery) -> Update:
    """The write of a delivery that was taken."""
    data = after.to_data()
    changed = ("status", "attempts", "lastAttemptAt", "lastCode", "deliveredAt", "removeAt")
    return Update(path, {name: data[name] for name in (*changed, "dueAt", "leasedUntil")})
