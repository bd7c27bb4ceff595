"""Sends the events that are due to the webhooks of all tenants, the longest due first.

Before an attempt, a commit moves `dueAt` to the end of the time that it may take, on the condition
that the delivery is as it was read: so two runs at once never send the same one at the same time.
Whoever stops in between leaves it due then, and the receiver knows it again by its id. Attempts are
made side by side, few of them with one host. An endpoint that gave no answer is not asked again in
the same run: what else is due to it counts as tried. What else is due to one that answered slowly
comes last, so that nobody else waits for it.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from shared import errors, log
from shared.documents.port import Conflict, Document, Filter, Order, Query, Update
from shared.ledger import deliveries, listeners
from shared.ledger.subjects import tell, tenant_of
from shared.models.webhooks import StoredDelivery
from shared.outgoing import Answer
from shared.repository import webhooks
from shared.repository.batches import made
from shared.repository.reading import UNREADABLE
from shared.repository.sending import Sender, host_of
from shared.rules import deliveries as rules
from shared.sweeps.run import SweepRun
from shared.sweeps.targets import Endpoint, Targets

AT_ONCE = 16
"""How many attempts are made side by side."""
OF_A_HOST = 8
"""How many of them with one host."""
SLOW_SECONDS = 2.0
"""After how long an answer is slow."""
_ASIDE = 1_000
"""How many deliveries to slow endpoints are kept for the end of a run; it leaves the others."""


class _Due(NamedTuple):
    """A delivery that is due, with its document."""

    row: Document
    delivery: StoredDelivery

    @property
    def endpoint(self) -> Endpoint:
        """The endpoint that it is for."""
        return Endpoint(tenant_of(self.row.path), self.delivery.webhook_id)


def deliver(run: SweepRun, sender: Sender | None) -> None:
    """Makes an attempt for each delivery that is due. Without a sender none is made."""
    slots = Filter("slot", "in", list(range(deliveries.SLOTS)))
    due = (slots, Filter("dueAt", "<=", run.now))
    query = Query(deliveries.COLLECTION, due, (Order("dueAt"),), group=True)
    if sender is None:
        for rows in run.due(query):
            run.counts["examined"] += len(rows)
            run.counts["skipped"] += len(rows)
            log.write("WARNING", "there is no CASELEDGER_WEBHOOK_KEY, so no event is sent")
            return
        return
    with ThreadPoolExecutor(AT_ONCE) as pool:
        delivering = _Delivering(run, sender, pool)
        # What was gathered in one document is due as soon as there is one for each.
        while sum(delivering.spread_or_sent(rows) for rows in run.due(query)):
            pass
        delivering.send_the_rest()


class _Delivering:
    """The attempts of one run, and what it knows of endpoints."""

    def __init__(self, run: SweepRun, sender: Sender, pool: ThreadPoolExecutor) -> None:
        self._run = run
        self._store = run.store
        self._sender = sender
        self._pool = pool
        self._targets = Targets(run.store, sender, run.now)
        self._silent: dict[Endpoint, Answer] = {}
        self._slow: set[Endpoint] = set()
        self._aside: list[_Due] = []

    def spread_or_sent(self, rows: Sequence[Document]) -> int:
        """Makes an attempt for each row, as long as the run has time.

        Gives how many rows were gathered ones, of which many have become: these are due now.
        """
        found = [
            _Due(row, delivery)
            for row, delivery in self._run.readable(lambda row: StoredDelivery.read(row.data), rows)
        ]
        if self._run.dry:
            self._run.counts["changed"] += len(found)
            return 0
        gathered = [one for one in found if one.delivery.gathered]
        single = [one for one in found if not one.delivery.gathered]
        self._targets.learn({one.endpoint for one in single})
        while single and self._run.has_time():
            single = self._without_slow(self._without_target(single))
            now, single = self._divided(single)
            self._attempt(now)
        return sum(self._spread(one.row) for one in gathered)

    def send_the_rest(self) -> None:
        """Makes the attempts that were put aside, as long as the run has time."""
        left = self._aside
        while left and self._run.has_time():
            now, left = self._divided(self._without_target(left))
            self._attempt(now)
        self._run.counts["skipped"] += len(left)

    def _spread(self, row: Document) -> bool:
        """Makes the deliveries that were gathered in one document; False where that failed."""
        try:
            deliveries.spread(self._store, row)
        except Conflict:
            self._run.counts["skipped"] += 1
        except UNREADABLE:
            self._run.failed(row)
        else:
            self._run.counts["changed"] += 1
            return True
        return False

    def _without_target(self, due: Sequence[_Due]) -> list[_Due]:
        """Settles what is for an endpoint that is not there or gives no answer; gives the rest."""
        now = self._run.ledger.clock()
        left, over = [], []
        for one in due:
            if answer := self._silent.get(one.endpoint, self._targets.unread.get(one.endpoint)):
                after = rules.outcome(one.delivery, answer, now, random.random())  # noqa: S311
                over.append((after, _changed(one, after, version=one.row.version)))
            elif one.endpoint not in self._targets.found:
                after = rules.given_up(one.delivery, now)
                over.append((after, _changed(one, after, version=one.row.version)))
            else:
                left.append(one)
        settled = made(self._store, over)
        self._count(settled)
        self._run.counts["skipped"] += len(over) - len(settled)
        return left

    def _without_slow(self, due: Sequence[_Due]) -> list[_Due]:
        """Puts aside what is for an endpoint that answered slowly; gives the rest."""
        slow = [one for one in due if one.endpoint in self._slow]
        room = _ASIDE - len(self._aside)
        self._aside += slow[:room]
        self._run.counts["skipped"] += len(slow[room:])
        return [one for one in due if one.endpoint not in self._slow]

    def _divided(self, due: Sequence[_Due]) -> tuple[list[_Due], list[_Due]]:
        """What is sent side by side, not many to one host; and what is left."""
        hosts: Counter[str] = Counter()
        now: list[_Due] = []
        later: list[_Due] = []
        for one in due:
            host = host_of(self._targets.found[one.endpoint])
            if len(now) < AT_ONCE and hosts[host] < OF_A_HOST:
                hosts[host] += 1
                now.append(one)
            else:
                later.append(one)
        return now, later

    def _attempt(self, due: Sequence[_Due]) -> None:
        """Makes an attempt for each, of which nobody else makes one meanwhile."""
        until = self._run.ledger.clock() + rules.LEASE
        lease = {"dueAt": until, "leasedUntil": until}
        claims = [(one, Update(one.row.path, lease, version=one.row.version)) for one in due]
        claimed = made(self._store, claims)
        self._run.counts["skipped"] += len(due) - len(claimed)
        answers = list(self._pool.map(self._send, claimed))
        now = self._run.ledger.clock()
        over, gone = [], set()
        for one, (answer, seconds) in zip(claimed, answers, strict=True):
            after = rules.outcome(one.delivery, answer, now, random.random())  # noqa: S311
            over.append((after, _changed(one, after)))
            if answer.failure:
                self._silent[one.endpoint] = answer
            elif seconds > SLOW_SECONDS:
                self._slow.add(one.endpoint)
            if after.last_error == rules.GONE:
                gone.add(one.endpoint)
        self._count(made(self._store, over))
        for endpoint in sorted(gone):
            self._disable(endpoint)

    def _send(self, one: _Due) -> tuple[Answer, float]:
        """What came of an attempt, and how many seconds it took."""
        target, now = self._targets.found[one.endpoint], self._run.ledger.clock()
        started = time.monotonic()
        return self._sender.send(target, one.delivery, now), time.monotonic() - started

    def _disable(self, endpoint: Endpoint) -> None:
        """Disables an endpoint that wants nothing more."""
        self._targets.found.pop(endpoint, None)
        try:
            webhooks.disable(self._run.ledger_of(endpoint.tenant), endpoint.id, rules.GONE)
        except errors.ApiError:  # what is due to it fails with the same answer, and says it again
            tell(listeners.path(endpoint.tenant))

    def _count(self, after: Sequence[StoredDelivery]) -> None:
        """Counts what is over as changed, and what is due again as skipped."""
        over = sum(one.status != "due" for one in after)
        self._run.counts["changed"] += over
        self._run.counts["skipped"] += len(after) - over


def _changed(one: _Due, after: StoredDelivery, version: int | None = None) -> Update:
    """The write of what differs after an attempt."""
    data = after.to_data(one.row.data)
    fields = {name: value for name, value in data.items() if one.row.data.get(name) != value}
    # These were moved when the attempt began.
    fields |= {"dueAt": after.due_at, "leasedUntil": after.leased_until}
    return Update(one.row.path, fields, version=version)
