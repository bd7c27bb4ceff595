"""Figures about a period of whole days: from what was counted of the trail on each of them.

What is open and overdue now is counted by aggregations. Nothing else is read of cases and
interventions, but for those that have run out and wait for the sweep: they count as expired.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from shared.documents.port import Aggregation, DocumentStore, Filter, Order, Query
from shared.models.case import Status
from shared.models.figures import (
    ClosedCases,
    Figures,
    FiguresQuery,
    OpenCases,
    Sampled,
    TimeToDecide,
)
from shared.models.intervention import Priority
from shared.models.tallies import Tally
from shared.repository import people, tallies
from shared.repository.counted import daily, together, top_pilots
from shared.repository.figures_rows import rows_by
from shared.repository.periods import LONGEST_DAYS, Span, days_of
from shared.repository.unswept import count_expired, waiting_for_sweep
from shared.rules.cases import DONE
from shared.rules.spread import quantile

USUAL_DAYS = 28
_UNDONE = tuple(status for status in Status if status not in DONE)
_AGES = (timedelta(days=1), timedelta(days=3))


def figures(
    store: DocumentStore, tenant: str, wanted: FiguresQuery, now: datetime, *, of_people: bool
) -> Figures:
    """The figures; those of single people only `of_people`.

    Raises InvalidArgument for a period of more than LONGEST_DAYS days.
    """
    asked = Span(wanted.since, wanted.until).widened()
    (since, until), _ = days_of(asked, now, usual=USUAL_DAYS, longest=LONGEST_DAYS)
    counted = tallies.days(store, tenant, since.date(), max(since, until).date(), now)
    count_expired(counted, waiting_for_sweep(store, tenant, now))
    period = together(counted.days.values())
    undone, overdue = _standing(store, tenant, wanted, now)
    closed = _in_time(period)
    each_day = daily(counted.days)
    decided = sum(day.decided for day in each_day)
    return Figures(
        since=since,
        until=until,
        as_of=counted.as_of,
        open=undone,
        overdue=overdue,
        closed=[one for one in closed if wanted.decision_type in (None, one.decision_type)],
        created=sum(day.created for day in each_day),
        decided=decided,
        expired=sum(day.expired for day in each_day),
        daily=each_day,
        time_to_decide=[_time_to_decide(priority, period) for priority in Priority],
        median_seconds_to_decide=quantile(period.by(4, "done", ..., ..., "took"), 0.5),
        pilots=top_pilots(store, tenant, period, "pilots") if of_people else [],
        person_figures=of_people,
        sampled=Sampled(closed=sum(one.in_time + one.late for one in closed), decided=decided),
        rows=rows_by(
            wanted, counted, period, partial(people.names, store, tenant), of_people=of_people
        ),
    )


def _standing(
    store: DocumentStore, tenant: str, wanted: FiguresQuery, now: datetime
) -> tuple[list[OpenCases], int]:
    """The cases that are open now, and how many are overdue."""
    of_type = (Filter("decisionType", "==", wanted.decision_type),) if wanted.decision_type else ()
    cases = Query(f"tenants/{tenant}/cases", of_type)
    queries = [query for status in _UNDONE for query in _by_age(cases, status, now)]
    queries.append(replace(cases, filters=(*of_type, Filter("clockDueAt", "<", now))))
    *counts, overdue = (one.count for one in store.aggregate([Aggregation(one) for one in queries]))
    return _open(counts), overdue


def _by_age(cases: Query, status: Status, now: datetime) -> Iterable[Query]:
    """The cases with a status by their age: the three parts of `OpenCases`."""
    day, three_days = (now - age for age in _AGES)
    # In the order of the lists, so that their indexes serve.
    order = (Order("createdAt", descending=True),)
    for span in (
        (Filter("createdAt", ">", day),),
        (Filter("createdAt", ">", three_days), Filter("createdAt", "<=", day)),
        (Filter("createdAt", "<=", three_days),),
    ):
        filters = (*cases.filters, Filter("status", "==", status), *span)
        yield replace(cases, filters=filters, order=order)


def _open(counts: Sequence[int]) -> list[OpenCases]:
    each = zip(_UNDONE, counts[::3], counts[1::3], counts[2::3], strict=True)
    return [
        OpenCases(status=status, under1_day=new, from1_to3_days=older, over3_days=oldest)
        for status, new, older, oldest in each
    ]


def _in_time(period: Tally) -> list[ClosedCases]:
    """The cases that were closed, by type."""
    found = [
        ClosedCases(
            decision_type=name,
            in_time=period.sum("closed", name, "inTime"),
            late=period.sum("closed", name, "late"),
        )
        for name in sorted(period.by(1, "closed"))
    ]
    return [one for one in found if one.in_time or one.late]


def _time_to_decide(priority: Priority, period: Tally) -> TimeToDecide:
    took = period.by(4, "done", ..., priority, "took")
    return TimeToDecide(
        priority=priority,
        decided=sum(took.values()),
        median_seconds=quantile(took, 0.5),
        percentile90_seconds=quantile(took, 0.9),
    )
