"""Figures about interventions, by aggregations side by side and the counts of the directory.

No intervention is read, but for those that have run out and wait for the sweep where a period or
days are asked for: they count as expired, when they ran out. The figures of a period are about the
interventions created in it; the row of a day counts what happened on that day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple, get_args

from shared.documents.port import (
    Aggregation,
    DocumentStore,
    Filter,
    Order,
    Query,
    Totals,
)
from shared.errors import InvalidArgument
from shared.models.actions import CONSENTING, Verdict
from shared.models.intervention import (
    OPEN,
    Day,
    InterventionMetrics,
    InterventionStatus,
    InterventionType,
    MetricsQuery,
    PilotMetrics,
    Priority,
)
from shared.models.names import person_key
from shared.models.person import StoredPerson
from shared.repository.interventions import ran_out
from shared.repository.reading import readable

MAX_DAYS = 31
TOP_PILOTS = 10
MOST_RECENT_PILOTS = 50
"""The pilots among whom the top ones of a period are found: those who decided last."""

_DAY = timedelta(days=1)
_SECONDS = ("resolutionSeconds",)
_GROUPS = (
    *(("status", value) for value in InterventionStatus),
    *(("type", value) for value in InterventionType),
    *(("priority", value) for value in Priority),
)


class Span(NamedTuple):
    """The times from `since`, included, to `until`, not included; None is no bound."""

    since: datetime | None
    until: datetime | None

    def of(self, field: str) -> tuple[Filter, ...]:
        """The filters that `field` is within it."""
        filters = []
        if self.since:
            filters.append(Filter(field, ">=", self.since))
        if self.until:
            filters.append(Filter(field, "<", self.until))
        return tuple(filters)

    def has(self, moment: datetime) -> bool:
        """Whether `moment` is within it."""
        return (not self.since or self.since <= moment) and (not self.until or moment < self.until)


def metrics(
    store: DocumentStore, tenant: str, wanted: MetricsQuery, now: datetime
) -> InterventionMetrics:
    """The figures. Raises InvalidArgument for rows of more than MAX_DAYS days."""
    period = Span(wanted.since, wanted.until)
    days = days_of(period, now, usual=MAX_DAYS, longest=MAX_DAYS)[1] if wanted.daily else []
    asked = [Aggregation(_created(tenant, period, group)) for group in _GROUPS]
    asked.append(Aggregation(_created(tenant, period), averages=_SECONDS))
    for _, day in days:
        asked += of_day(tenant, day)
    late = [Aggregation(ran_out(tenant, now, status)) for status in OPEN]
    totals = store.aggregate([*asked, *late])
    *totals, pending, held = totals
    counts = {group: one.count for group, one in zip(_GROUPS, totals, strict=False)}
    of_all, *of_days = totals[len(_GROUPS) :]
    by_status = {value: counts["status", value] for value in InterventionStatus}
    gone = Counter({status: one.count for status, one in zip(OPEN, (pending, held), strict=True)})
    ends: list[datetime] = []
    if gone.total() and (days or period != Span(None, None)):
        gone, ends = waiting_for_sweep(store, tenant, period, now)
    for status in OPEN:
        # The sweep may have been there between two of the counts.
        late_ones = min(gone[status], by_status[status])
        by_status[status] -= late_ones
        by_status[InterventionStatus.EXPIRED] += late_ones
    return InterventionMetrics(
        total=sum(by_status.values()),
        by_status=by_status,
        by_type={value: counts["type", value] for value in InterventionType},
        by_priority={value: counts["priority", value] for value in Priority},
        average_resolution_seconds=_average(of_all),
        top_pilots=_top_pilots(store, tenant, period),
        daily=rows_of(days, of_days, ends) if wanted.daily else None,
    )


def waiting_for_sweep(
    store: DocumentStore, tenant: str, period: Span, now: datetime
) -> tuple[Counter[InterventionStatus], list[datetime]]:
    """What has run out and waits for the sweep, as a rule little or nothing.

    Gives how much of it was created in the period, by its stored status, and when each ran out.
    """
    query = replace(ran_out(tenant, now, *OPEN), select=("status", "createdAt", "expiresAt"))
    rows = [row.data for row in store.query(query)]
    created = Counter(
        InterventionStatus(row["status"]) for row in rows if period.has(row["createdAt"])
    )
    return created, [row["expiresAt"] for row in rows]


def _created(tenant: str, period: Span, *groups: tuple[str, str]) -> Query:
    """The interventions that were created in the period and belong to all groups.

    A group is the name of a field and its value.
    """
    equal = (Filter(field, "==", value) for field, value in groups)
    # In the order of the lists, so that the lists' indexes serve.
    order = (Order("createdAt", descending=True),)
    filters = (*equal, *period.of("createdAt"))
    return Query(f"tenants/{tenant}/interventions", filters, order)


def of_day(tenant: str, day: Span) -> tuple[Aggregation, Aggregation, Aggregation]:
    """Counts what was created, decided and expired on a day."""
    created = _created(tenant, day)
    expired = (Filter("status", "==", InterventionStatus.EXPIRED), *day.of("actionAt"))
    return (
        Aggregation(created),
        Aggregation(decided(tenant, day), averages=_SECONDS),
        Aggregation(Query(created.collection, expired)),
    )


def decided(tenant: str, span: Span) -> Query:
    """What was decided within a span, newest first."""
    filters = (Filter("decision", "in", list(get_args(Verdict))), *span.of("actionAt"))
    # The average of a day and the rows of `figures` need the same index.
    order = (Order("actionAt", descending=True), Order("resolutionSeconds", descending=True))
    return Query(f"tenants/{tenant}/interventions", filters, order)


def days_of(
    period: Span, now: datetime, *, usual: int, longest: int
) -> tuple[tuple[datetime, datetime], list[tuple[date, Span]]]:
    """Both ends of the period, and its days, of the first and the last the part that is in it.

    Without `until` it ends with today, and without `since` it is the `usual` days before its end.
    Raises InvalidArgument for more than `longest` days.
    """
    try:
        end = period.until or _midnight(now) + _DAY
        start = period.since or _midnight(end - timedelta(microseconds=1)) - (usual - 1) * _DAY
        if end - _midnight(start) > longest * _DAY:
            raise InvalidArgument.field("since", f"daily rows are of at most {longest} days")
        return (start, end), list(_split(start, end))
    except OverflowError:
        raise InvalidArgument.field("since", "has no daily rows at the ends of time") from None


def _split(start: datetime, end: datetime) -> Iterator[tuple[date, Span]]:
    while start < end:
        following = min(_midnight(start) + _DAY, end)
        yield start.date(), Span(start, following)
        start = following


def _midnight(moment: datetime) -> datetime:
    return datetime.combine(moment, time(), UTC)


def rows_of(
    days: Sequence[tuple[date, Span]], totals: Sequence[Totals], ends: Sequence[datetime]
) -> list[Day]:
    """The row of each day; `ends` is when what waits for the sweep ran out."""
    each = zip(days, totals[::3], totals[1::3], totals[2::3], strict=True)
    return [
        Day(
            date=day,
            created=created.count,
            decided=settled.count,
            expired=expired.count + sum(map(span.has, ends)),
            average_resolution_seconds=_average(settled),
        )
        for (day, span), created, settled, expired in each
    ]


def _average(totals: Totals) -> float | None:
    average = totals.averages["resolutionSeconds"]
    return None if average is None else round(average, 3)


def _top_pilots(store: DocumentStore, tenant: str, period: Span) -> list[PilotMetrics]:
    """The people who decided most, by their counts; in a period, by counting their decisions."""
    collection = f"tenants/{tenant}/people"
    if period == Span(None, None):
        query = Query(collection, order=(Order("decided", descending=True),), limit=TOP_PILOTS)
        found, _ = readable(store.query(query), lambda row: _pilot(**row.data))
    else:
        # What is created in a period is decided after its beginning, so whoever decided last before
        # that is not among its pilots.
        recent = Span(period.since, None).of("lastDecidedAt")
        order = (Order("lastDecidedAt", descending=True),)
        rows = store.query(Query(collection, recent, order, limit=MOST_RECENT_PILOTS))
        people, _ = readable(rows, lambda row: StoredPerson.read(row.data))
        found = _counted(store, tenant, period, people)
    ranked = sorted(found, key=lambda one: (-one.decided, one.pilot))
    return [one for one in ranked[:TOP_PILOTS] if one.decided]


def _counted(
    store: DocumentStore, tenant: str, period: Span, people: Sequence[StoredPerson]
) -> list[PilotMetrics]:
    asked = [
        Aggregation(_decided(tenant, period, person, decisions))
        for person in people
        for decisions in (CONSENTING, ("reject",))
    ]
    counts = [totals.count for totals in store.aggregate(asked)] if asked else []
    each = zip(people, counts[::2], counts[1::2], strict=True)
    return [_pilot(person.name, approved, rejected) for person, approved, rejected in each]


def _decided(
    tenant: str, period: Span, person: StoredPerson, decisions: Sequence[Verdict]
) -> Query:
    """What a person decided so, by their subject; where none is stored, by their name."""
    both = (person_key(person.subject, None), person_key(None, person.known_as))
    keys = [key for key in both if key]
    query = _created(tenant, period)
    so = (Filter("deciderKey", "in", keys), Filter("decision", "in", list(decisions)))
    return replace(query, filters=(*so, *query.filters))


def _pilot(name: str, approved: int = 0, rejected: int = 0, **_: object) -> PilotMetrics:
    return PilotMetrics(
        pilot=name, decided=approved + rejected, approved=approved, rejected=rejected
    )
