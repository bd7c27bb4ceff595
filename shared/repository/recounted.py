"""Figures about interventions of any period, counted anew by aggregations side by side.

What is asked of whole days comes from what was counted of the trail (`metrics.py`); this is for all
other periods, and what tests compare the former with. No intervention is read, but for those that
have run out and wait for the sweep: they count as expired, when they ran out. The figures of a
period are about the interventions created in it; the row of a day counts what happened on that day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import get_args

from shared.documents.port import (
    Aggregation,
    DocumentStore,
    Filter,
    Order,
    Query,
    Totals,
)
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
from shared.repository import people, tallies
from shared.repository.counted import TOP_PILOTS
from shared.repository.interventions import ran_out
from shared.repository.periods import MAX_DAYS, Span, days_of
from shared.repository.reading import readable
from shared.repository.unswept import waiting_for_sweep

_CANDIDATES = 50
"""The people among whom the top pilots of a period are found: those who decided most in all."""

_SECONDS = ("resolutionSeconds",)
_VERDICTS: tuple[str, ...] = get_args(Verdict)
_REJECTING: tuple[Verdict, ...] = ("reject",)
_GROUPS = (
    *(("status", value) for value in InterventionStatus),
    *(("type", value) for value in InterventionType),
    *(("priority", value) for value in Priority),
)


def metrics(
    store: DocumentStore, tenant: str, wanted: MetricsQuery, now: datetime, *, of_people: bool
) -> InterventionMetrics:
    """The figures; those of single people only `of_people`.

    Raises InvalidArgument for rows of more than MAX_DAYS days.
    """
    period = Span(wanted.since, wanted.until)
    days = days_of(period, now, usual=MAX_DAYS, longest=MAX_DAYS)[1] if wanted.daily else []
    asked = [Aggregation(_created(tenant, period, group)) for group in _GROUPS]
    asked.append(Aggregation(_created(tenant, period), averages=_SECONDS))
    for _, day in days:
        asked += _of_day(tenant, day)
    late = [Aggregation(ran_out(tenant, now, status)) for status in OPEN]
    totals = store.aggregate([*asked, *late])
    *totals, pending, held = totals
    counts = {group: one.count for group, one in zip(_GROUPS, totals, strict=False)}
    of_all, *of_days = totals[len(_GROUPS) :]
    by_status = {value: counts["status", value] for value in InterventionStatus}
    gone = Counter({status: one.count for status, one in zip(OPEN, (pending, held), strict=True)})
    ends: list[datetime] = []
    if gone.total() and (days or period != Span(None, None)):
        rows = waiting_for_sweep(store, tenant, now)
        gone = Counter(one.status for one in rows if period.has(one.created_at))
        ends = [one.expires_at for one in rows]
    for status in OPEN:
        # The sweep may have been there between two of the counts.
        late_ones = min(gone[status], by_status[status])
        by_status[status] -= late_ones
        by_status[InterventionStatus.EXPIRED] += late_ones
    return InterventionMetrics(
        as_of=now,
        total=sum(by_status.values()),
        by_status=by_status,
        by_type={value: counts["type", value] for value in InterventionType},
        by_priority={value: counts["priority", value] for value in Priority},
        average_resolution_seconds=_average(of_all),
        top_pilots=_top_pilots(store, tenant, period, now) if of_people else [],
        daily=_rows_of(days, of_days, ends) if wanted.daily else None,
    )


def _created(tenant: str, period: Span, *groups: tuple[str, str]) -> Query:
    """The interventions that were created in the period and belong to all groups.

    A group is the name of a field and its value.
    """
    equal = (Filter(field, "==", value) for field, value in groups)
    # In the order of the lists, so that the lists' indexes serve.
    order = (Order("createdAt", descending=True),)
    filters = (*equal, *period.of("createdAt"))
    return Query(f"tenants/{tenant}/interventions", filters, order)


def _of_day(tenant: str, day: Span) -> tuple[Aggregation, Aggregation, Aggregation]:
    """Counts what was created, decided and expired on a day."""
    created = _created(tenant, day)
    expired = (Filter("status", "==", InterventionStatus.EXPIRED), *day.of("actionAt"))
    return (
        Aggregation(created),
        Aggregation(_decided(tenant, day), averages=_SECONDS),
        Aggregation(Query(created.collection, expired)),
    )


def _decided(tenant: str, span: Span) -> Query:
    """What was decided within a span, newest first."""
    filters = (Filter("decision", "in", list(_VERDICTS)), *span.of("actionAt"))
    # The average of a day and the rows of `figures` need the same index.
    order = (Order("actionAt", descending=True), Order("resolutionSeconds", descending=True))
    return Query(f"tenants/{tenant}/interventions", filters, order)


def _rows_of(
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


def _top_pilots(
    store: DocumentStore, tenant: str, period: Span, now: datetime
) -> list[PilotMetrics]:
    """The people who decided most, by counting the decisions of those who did in all."""
    in_all = tallies.totals(store, tenant, now).totals
    entries = people.entries(store, tenant, in_all.most(1, "deciders")[:_CANDIDATES])
    candidates, _ = readable(entries.values(), lambda row: StoredPerson.read(row.data))
    found = _counted(store, tenant, period, candidates)
    ranked = sorted(found, key=lambda one: (-one.decided, one.pilot))
    return [one for one in ranked[:TOP_PILOTS] if one.decided]


def _counted(
    store: DocumentStore, tenant: str, period: Span, candidates: Sequence[StoredPerson]
) -> list[PilotMetrics]:
    asked = [
        Aggregation(_decided_by(tenant, period, person, decisions))
        for person in candidates
        for decisions in (CONSENTING, _REJECTING)
    ]
    counts = [totals.count for totals in store.aggregate(asked)] if asked else []
    each = zip(candidates, counts[::2], counts[1::2], strict=True)
    return [
        PilotMetrics(
            pilot=person.name, decided=approved + rejected, approved=approved, rejected=rejected
        )
        for person, approved, rejected in each
    ]


def _decided_by(
    tenant: str, period: Span, person: StoredPerson, decisions: Sequence[Verdict]
) -> Query:
    """What a person decided so, by their subject; where none is stored, by their name."""
    both = (person_key(person.subject, None), person_key(None, person.known_as))
    keys = [key for key in both if key]
    query = _created(tenant, period)
    so = (Filter("deciderKey", "in", keys), Filter("decision", "in", list(decisions)))
    return replace(query, filters=(*so, *query.filters))
