"""Figures about interventions: what was counted of the trail, without reading an intervention.

What has run out and waits for the sweep is not in the trail yet, and counts as expired all the
same. The figures of a period are about the interventions created in it; the row of a day counts
what happened on that day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from functools import reduce

from shared.documents.port import DocumentStore
from shared.models.intervention import (
    Day,
    InterventionMetrics,
    InterventionStatus,
    InterventionType,
    MetricsQuery,
    PilotMetrics,
    Priority,
)
from shared.models.tallies import Tally
from shared.repository import people, recounted, tallies
from shared.repository.periods import MAX_DAYS, Span, days_of
from shared.repository.recounted import TOP_PILOTS, Gone, waiting_for_sweep
from shared.repository.tallies import Tallies
from shared.rules.disclosures import ERASED
from shared.rules.tally import OUTCOMES

LONGEST_DAYS = 366
"""Of how many days a period is made up from what was counted of each."""
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


def count_expired(counted: Tallies, gone: Iterable[Gone]) -> None:
    """Counts what has run out as the sweep will, which has not been there yet."""
    for one in gone:
        kind = ("interventions", one.type, one.priority)
        for tally in (counted.totals, counted.days.get(one.created_at.date())):
            # What is newer than what was counted is not among it.
            if tally and tally.sum(*kind, one.status) > 0:
                tally.add((*kind, one.status), -1)
                tally.add((*kind, InterventionStatus.EXPIRED), 1)
        if day := counted.days.get(one.expires_at.date()):
            day.add(("done", one.type, one.priority, "expired"), 1)
            day.add(("agents", one.created_by, "expired"), 1)
            if one.tool:
                day.add(("tools", one.tool, "expired"), 1)


def together(days: Iterable[Tally]) -> Tally:
    """What was counted of all these days."""
    return reduce(Tally.__add__, days, Tally())


def daily(days: Mapping[date, Tally]) -> list[Day]:
    """The row of each day."""
    return [_day(date, tally.by(3, "done")) for date, tally in days.items()]


def _day(date: date, done: Mapping[str, int]) -> Day:
    decided = sum(done.get(outcome, 0) for outcome in OUTCOMES)
    return Day(
        date=date,
        created=done.get("created", 0),
        decided=decided,
        expired=done.get("expired", 0),
        average_resolution_seconds=average(done.get("ms", 0), decided),
    )


def average(milliseconds: int, number: int) -> float | None:
    """The average of times, in seconds; None of none."""
    return round(milliseconds / number / 1000, 3) if number > 0 else None


def top_pilots(store: DocumentStore, tenant: str, figures: Tally, first: str) -> list[PilotMetrics]:
    """The people who decided most, by the paths that begin with `first`."""
    counts, ranked = figures.by(1, first), figures.most(1, first)[:TOP_PILOTS]
    names = people.names(store, tenant, ranked)
    found = [
        PilotMetrics(
            pilot=names.get(subject, ERASED),
            decided=counts[subject],
            approved=counts[subject] - (rejected := figures.sum(first, subject, "rejected")),
            rejected=rejected,
        )
        for subject in ranked
    ]
    return sorted(found, key=lambda one: (-one.decided, one.pilot))
