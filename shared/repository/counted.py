"""What metrics and figures both show of what was counted of the trail."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from functools import reduce

from shared.documents.port import DocumentStore
from shared.models.intervention import Day, PilotMetrics
from shared.models.tallies import Tally
from shared.repository import people
from shared.rules.disclosures import ERASED
from shared.rules.tally import OUTCOMES

TOP_PILOTS = 10


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
