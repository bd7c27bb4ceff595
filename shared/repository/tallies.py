"""Reading what was counted of the trail, up to now.

`figures/totals` and the documents of the days have what was counted of the log
(`shared/repository/folding.py`). What is newer is counted in memory: at most TAIL events.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from pydantic import ValidationError

from shared import errors
from shared.documents.port import Document, DocumentStore, Order, Query
from shared.ledger.subjects import name_of, problem_of
from shared.models.tallies import StoredTally, StoredTotals, Tally
from shared.repository.counting import Counting
from shared.rules.tally import Book

TAIL = 300
"""How many events that are not counted yet a reader counts."""
_ATTEMPTS = 5
"""How often the days are read where everything was counted anew in between."""


@dataclass(frozen=True, slots=True)
class Tallies:
    """What was counted of a tenant's trail.

    All events up to `as_of` are in it: that is now where it is `whole`. Where more than TAIL events
    were not counted yet, it is the time of the last of the first TAIL. `days` has all days that
    were asked for.
    """

    totals: Tally
    days: dict[date, Tally]
    as_of: datetime
    whole: bool


def totals_path(tenant: str) -> str:
    """Where is kept what was counted of all time."""
    return f"tenants/{tenant}/figures/totals"


def day_path(tenant: str, generation: int, day: str) -> str:
    """Where is kept what was counted of a day, such as 2026-01-31."""
    return f"tenants/{tenant}/figures/{generation}-{day}"


def read_totals(document: Document | None) -> StoredTotals:
    """What was counted of all time; nothing where nothing was. Raises Unreadable."""
    try:
        return StoredTotals.read(document.data) if document else StoredTotals()
    except ValidationError as error:
        raise _unreadable(document, error) from None


def read_day(document: Document | None) -> Tally:
    """What was counted of a day. Raises Unreadable."""
    try:
        return StoredTally.read(document.data).tally if document else Tally()
    except ValidationError as error:
        raise _unreadable(document, error) from None


def totals(store: DocumentStore, tenant: str, now: datetime) -> Tallies:
    """What was counted of all time. Raises Unreadable.

    It costs one read, and one for each event that is not counted yet, at least one, at most TAIL.
    """
    return _up_to_now(store, tenant, read_totals(store.get(totals_path(tenant))), {}, now)


def days(store: DocumentStore, tenant: str, since: date, until: date, now: datetime) -> Tallies:
    """What was counted of each day from one to another, which is not included, and of all time.

    It costs one read more than `totals`, and one for each day. Raises Unreadable.
    """
    path = totals_path(tenant)
    wanted = [since + timedelta(days=number) for number in range((until - since).days)]
    stored = read_totals(store.get(path))
    for _ in range(_ATTEMPTS):
        # Read together, so that no event is in the one and not in the other.
        names = [day_path(tenant, stored.generation, day.isoformat()) for day in wanted]
        document, *found = store.get_many([path, *names])
        generation, stored = stored.generation, read_totals(document)
        if stored.generation == generation:
            break
    else:
        raise errors.Aborted("the figures were counted anew each time that they were read")
    own = {day: read_day(row) for day, row in zip(wanted, found, strict=True)}
    return _up_to_now(store, tenant, stored, own, now)


def _up_to_now(
    store: DocumentStore,
    tenant: str,
    stored: StoredTotals,
    own: dict[date, Tally],
    now: datetime,
) -> Tallies:
    """The same with the events that are not counted yet."""
    tail = Query(f"tenants/{tenant}/audit", order=(Order("createdAt"),), limit=TAIL)
    if stored.until:
        tail = replace(tail, after=after(stored.until))
    rows = store.query(tail)
    book = Book(stored.tally, {day.isoformat(): tally for day, tally in own.items()})
    asked = {None, *book.days}
    for effects in Counting(store, tenant).effects(rows):
        book.take(effect for effect in effects if effect.day in asked)
    whole = len(rows) < TAIL
    return Tallies(
        totals=book.totals,
        days={day: book.days[day.isoformat()] for day in own},
        as_of=now if whole else rows[-1].data["createdAt"],
        whole=whole,
    )


def after(place: str) -> tuple[datetime, str]:
    """The cursor behind a place of the log: a time and an id."""
    time, _, event_id = place.partition(" ")
    return datetime.fromisoformat(time), event_id


def _unreadable(document: Document | None, error: ValidationError) -> errors.Unreadable:
    name = name_of(document.path) if document else ""
    return errors.Unreadable(f"{name} cannot be read: {problem_of(error)}")
