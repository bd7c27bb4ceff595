"""Periods of figures, and their days, in UTC."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from shared.documents.port import Filter
from shared.errors import InvalidArgument

MAX_DAYS = 31
"""Of how many days there are daily rows of interventions."""
LONGEST_DAYS = 366
"""Of how many days a period is made up from what was counted of each."""
_DAY = timedelta(days=1)
_INSTANT = timedelta(microseconds=1)


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

    def is_whole(self) -> bool:
        """Whether its bounds are midnights in UTC."""
        return all(one is None or one == _midnight(one) for one in self)

    def widened(self) -> Span:
        """The whole days of which something is in it. Raises InvalidArgument at the end of time."""
        until = self.until
        try:
            ends = until and (until if until == _midnight(until) else _midnight(until) + _DAY)
        except OverflowError:
            raise InvalidArgument.field("until", "is the last day of all time") from None
        return Span(self.since and _midnight(self.since), ends)


def days_of(
    period: Span, now: datetime, *, usual: int, longest: int
) -> tuple[tuple[datetime, datetime], list[tuple[date, Span]]]:
    """Both ends of the period, and its days, of the first and the last the part that is in it.

    Without `until` it ends with today, and without `since` it is the `usual` days before its end.
    Raises InvalidArgument for more than `longest` days.
    """
    try:
        end = period.until or _midnight(now) + _DAY
        start = period.since or _midnight(end - _INSTANT) - (usual - 1) * _DAY
        if end - _midnight(start) > longest * _DAY:
            raise InvalidArgument.field("since", f"must be at most {longest} days before the end")
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
