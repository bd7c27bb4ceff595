"""Figures about interventions: what was counted of the trail, without reading an intervention.

What has run out and waits for the sweep is not in the trail yet, and counts as expired all the
same. The figures of a period are about the interventions created in it; the row of a day counts
what happened on that day.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from shared.documents.port import DocumentStore
from shared.models.intervention import (
    InterventionMetrics,
    InterventionStatus,
    InterventionType,
    MetricsQuery,
    Priority,
)
from shared.repository import recounted, tallies
from shared.repository.counted import average, daily, together, top_pilots
from shared.repository.periods import LONGEST_DAYS, MAX_DAYS, Span, days_of
from shared.repository.unswept import count_expired, waiting_for_sweep

_DAY = timedelta(days=1)


def metrics(
    store: DocumentStore, tenant: str, wanted: MetricsQuery, now: datetime, *, of_people: bool
) -> InterventionMetrics:
    """The figures; those of single people only `of_people`.

    Those of all time and of up to LONGEST_DAYS whole days cost a few reads, however many
    interventions there are. Raises InvalidArgument for rows of more than MAX_DAYS days.
    """
    period = Span(wanted.since, wanted.until)
    days = days_of(period, now, usual=MAX_DAYS, longest=MAX_DAYS)[1] if wanted.daily else []
    span = _days_in(period, now)
    if span is None:
        return recounted.metrics(store, tenant, wanted, now, of_people=of_people)
    first, last = (days[0][0], days[-1][0] + _DAY) if days else span
    if first == last:
        counted = tallies.totals(store, tenant, now)
    else:
        counted = tallies.days(store, tenant, first, last, now)
    count_expired(counted, waiting_for_sweep(store, tenant, now))
    everything = period == Span(None, None)
    figures = counted.totals if everything else together(counted.days.values())
    by_status = figures.by(3, "interventions")
    by_type, by_priority = figures.by(1, "interventions"), figures.by(2, "interventions")
    return InterventionMetrics(
        as_of=counted.as_of,
        total=sum(by_status.values()),
        by_status={value: by_status.get(value, 0) for value in InterventionStatus},
        by_type={value: by_type.get(value, 0) for value in InterventionType},
        by_priority={value: by_priority.get(value, 0) for value in Priority},
        average_resolution_seconds=average(
            figures.sum("resolved", "ms"), figures.sum("resolved", "count")
        ),
        top_pilots=top_pilots(store, tenant, figures, "deciders") if of_people else [],
        daily=daily(counted.days) if wanted.daily else None,
    )


def _days_in(period: Span, now: datetime) -> tuple[date, date] | None:
    """The days whose figures make up those of a period, of all time none: the two are the same.

    None where they cannot.
    """
    if period == Span(None, None):
        return now.date(), now.date()
    if period.since is None or not period.is_whole():
        return None
    since, until = period.since.date(), (period.until or now + _DAY).date()
    return (since, max(since, until)) if until - since <= LONGEST_DAYS * _DAY else None
