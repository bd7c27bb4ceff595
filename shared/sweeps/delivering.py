"""Sends the events that are due to the webhooks of all tenants, the longest due first.

Before an attempt, a commit moves `dueAt` to the end of the time that it may take, on the condition
that the delivery is as it was read: so two runs at once never send the same one at the same time.
Whoever stops in between leaves it due then, and the receiver knows it again by its id. Attempts are
made side by side, few of them with one host, and a single one with an endpoint that has not yet
answered in this run; the next one begins as soon as any has ended, so nobody waits for a slow one.
An endpoint that gives no answer, or asks to wait, is not asked again in the same run: what else is
due to it counts as tried. What else is due to one that answers slowly, or not each time, comes
last.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
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
from shared.repository.webhooks import Target
from shared.rules import deliveries as rules
from shared.sweeps.run import SweepRun
from shared.sweeps.targets import Endpoint, Targets

AT_ONCE = 32
"""How many attempts are made side by side."""
OF_A_HOST = 8
"""How many of them with one host."""
SLOW_SECONDS = 2.0
"""After how long an answer is slow."""
STUCK_SECONDS = 2.0
"""How long a run waits for room for what is due, before it goes on to what else is."""
SLOW_UNTIL = 45.0
"""Until how many seconds after its start a run sends to slow endpoints: the next run, which is for
all, comes after a minute, and would wait for it.
"""
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


class _Attempt(NamedTuple):
    """An attempt that is under way, and the host that it is made with."""

    due: _Due
    host: str


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
        self._started = time.monotonic()
        self._targets = Targets(run.store, sender.keys, run.now)
        self._silent: dict[Endpoint, Answer] = {}
        self._answered: set[Endpoint] = set()
        self._slow: set[Endpoint] = set()
        self._under_way: dict[Future[tuple[Answer, float]], _Attempt] = {}
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
            single, moved = self._begun(self._without_slow(self._without_target(single)))
            if not moved:
                # Others that are slow have all the room for it.
                single = self._put_aside(single)
        return sum(self._spread(one.row) for one in gathered)

    def send_the_rest(self) -> None:
        """Makes the attempts that were put aside, as long as nobody else waits for the run."""
        left = self._aside
        until = self._started + SLOW_UNTIL
        while left and self._run.has_time() and time.monotonic() < until:
            left, _ = self._begun(self._without_target(left))
        self._run.counts["skipped"] += len(left)
        self._end(ALL_COMPLETED)

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
        """Puts aside what is for an endpoint that answers slowly; gives the rest."""
        self._put_aside([one for one in due if one.endpoint in self._slow])
        return [one for one in due if one.endpoint not in self._slow]

    def _put_aside(self, due: Sequence[_Due]) -> list[_Due]:
        """Keeps what is due for the end of the run, as far as there is room for it; gives none."""
        self._slow |= {one.endpoint for one in due}
        room = _ASIDE - len(self._aside)
        self._aside += due[:room]
        self._run.counts["skipped"] += len(due[room:])
        return []

    def _begun(self, due: Sequence[_Due]) -> tuple[list[_Due], bool]:
        """Begins attempts as there is room, and gives the rest once there may be more of it.

        Also whether any attempt has begun or ended: none has while all are with slow endpoints.
        """
        now, later = self._divided(due)
        self._begin(now)
        ended = self._end(FIRST_COMPLETED, STUCK_SECONDS) if later else False
        return later, bool(now) or ended

    def _divided(self, due: Sequence[_Due]) -> tuple[list[_Attempt], list[_Due]]:
        """What is sent now, not many to one host; and what is left."""
        hosts = Counter(attempt.host for attempt in self._under_way.values())
        asked = {attempt.due.endpoint for attempt in self._under_way.values()}
        room = AT_ONCE - len(self._under_way)
        now: list[_Attempt] = []
        later: list[_Due] = []
        for one in due:
            host = host_of(self._targets.found[one.endpoint])
            alone = one.endpoint in asked - self._answered
            if len(now) < room and hosts[host] < OF_A_HOST and not alone:
                hosts[host] += 1
                asked.add(one.endpoint)
                now.append(_Attempt(one, host))
            else:
                later.append(one)
        return now, later

    def _begin(self, attempts: Sequence[_Attempt]) -> None:
        """Begins attempts, of which nobody else makes one meanwhile."""
        until = self._run.ledger.clock() + rules.LEASE
        lease = {"dueAt": until, "leasedUntil": until}
        claims = [
            (one, Update(one.due.row.path, lease, version=one.due.row.version)) for one in attempts
        ]
        claimed = made(self._store, claims)
        self._run.counts["skipped"] += len(attempts) - len(claimed)
        for one in claimed:
            target = self._targets.found[one.due.endpoint]
            self._under_way[self._pool.submit(self._send, target, one.due.delivery)] = one

    def _end(self, when: str, longest: float | None = None) -> bool:
        """Waits for the first attempt under way or for all, and records those that have ended.

        Gives whether there are any.
        """
        ended, _ = wait(self._under_way, longest, return_when=when)
        now = self._run.ledger.clock()
        over, gone = [], set()
        results = [(self._under_way.pop(future).due, *future.result()) for future in ended]
        for one, answer, seconds in results:
            after = rules.outcome(one.delivery, answer, now, random.random())  # noqa: S311
            over.append((after, _changed(one, after)))
            if not answer.failure:
                self._answered.add(one.endpoint)
            if answer.failure or seconds > SLOW_SECONDS:
                self._slow.add(one.endpoint)
            if after.last_error == rules.GONE:
                gone.add(one.endpoint)
        self._silent |= {
            one.endpoint: answer
            for one, answer, _ in results
            if (answer.failure and one.endpoint not in self._answered)
            or rules.is_refused_for_now(answer, now)
        }
        self._count(made(self._store, over))
        for endpoint in sorted(gone & self._targets.found.keys()):
            self._disable(endpoint)
        return bool(ended)

    def _send(self, target: Target, delivery: StoredDelivery) -> tuple[Answer, float]:
        """What came of an attempt, and how many seconds it took."""
        now, started = self._run.ledger.clock(), time.monotonic()
        return self._sender.send(target, delivery, now), time.monotonic() - started

    def _disable(self, endpoint: Endpoint) -> None:
        """Disables an endpoint that wants nothing more."""
        seen = self._targets.found.pop(endpoint).endpoint
        try:
            webhooks.disable(self._run.ledger_of(endpoint.tenant), endpoint.id, rules.GONE, seen)
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
