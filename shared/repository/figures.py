"""Figures about a period: counted by aggregations, in one round trip for up to 45 days.

What cannot be counted (medians, whether a case was in time, who decided) is found from the last
LOOKED_AT rows of the period, with only the fields that it takes; the answer says of how many.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from shared.documents.port import Aggregation, DocumentStore, Filter, Order, Query
from shared.models.actions import CONSENTING
from shared.models.case import Status
from shared.models.figures import (
    LOOKED_AT,
    ClosedCases,
    Figures,
    FiguresQuery,
    OpenCases,
    Sampled,
    TimeToDecide,
)
from shared.models.intervention import OPEN, PilotMetrics, Priority
from shared.repository.interventions import ran_out
from shared.repository.metrics import (
    TOP_PILOTS,
    Span,
    days_of,
    decided,
    of_day,
    rows_of,
    waiting_for_sweep,
)
from shared.repository.reading import readable
from shared.rules.cases import DONE

USUAL_DAYS = 28
MAX_DAYS = 366
_AT_ONCE = 150
"""Aggregations side by side: so many are answered within the store's deadline."""
_UNDONE = tuple(status for status in Status if status not in DONE)
_AGES = (timedelta(days=1), timedelta(days=3))


def figures(store: DocumentStore, tenant: str, wanted: FiguresQuery, now: datetime) -> Figures:
    """The figures. Raises InvalidArgument for a period of more than MAX_DAYS days."""
    asked = Span(wanted.since, wanted.until)
    (since, until), days = days_of(asked, now, usual=USUAL_DAYS, longest=MAX_DAYS)
    period = Span(since, until)
    cases = Query(f"tenants/{tenant}/cases", _of_type(wanted))
    of_open = [Aggregation(query) for status in _UNDONE for query in _by_age(cases, status, now)]
    overdue = replace(cases, filters=(*cases.filters, Filter("clockDueAt", "<", now)))
    late = ran_out(tenant, now, *OPEN)
    of_days = [one for _, day in days for one in of_day(tenant, day)]
    every = [*of_open, Aggregation(overdue), Aggregation(late), *of_days]
    totals = [
        total
        for first in range(0, len(every), _AT_ONCE)
        for total in store.aggregate(every[first : first + _AT_ONCE])
    ]
    counts = [total.count for total in totals]
    overdue_ones, late_ones = counts[len(of_open) : len(of_open) + 2]
    ends = waiting_for_sweep(store, tenant, period, now)[1] if late_ones else []
    daily = rows_of(days, totals[len(of_open) + 2 :], ends)
    closed = _rows(store, _closed(tenant, period), "decisionType", "dueAt", "clockStoppedAt")
    fields = ("priority", "resolutionSeconds", "deciderKey", "decidedBy", "decision")
    decisions = _rows(store, decided(tenant, period), *fields)
    return Figures(
        since=since,
        until=until,
        as_of=now,
        open=_open(counts[: len(of_open)]),
        overdue=overdue_ones,
        closed=_in_time(closed, wanted.decision_type),
        created=sum(day.created for day in daily),
        decided=sum(day.decided for day in daily),
        expired=sum(day.expired for day in daily),
        daily=daily,
        time_to_decide=[_time_to_decide(priority, decisions) for priority in Priority],
        pilots=_pilots(decisions),
        sampled=Sampled(closed=len(closed), decided=len(decisions)),
    )


def _of_type(wanted: FiguresQuery) -> tuple[Filter, ...]:
    return (Filter("decisionType", "==", wanted.decision_type),) if wanted.decision_type else ()


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


def _closed(tenant: str, period: Span) -> Query:
    order = (Order("closedAt", descending=True),)
    return Query(f"tenants/{tenant}/cases", period.of("closedAt"), order)


def _rows(store: DocumentStore, query: Query, *fields: str) -> list[dict[str, Any]]:
    """The last rows of a query, those that have all these fields."""
    found = store.query(replace(query, limit=LOOKED_AT, select=fields))
    rows, _ = readable(found, lambda row: {name: row.data[name] for name in fields})
    return rows


def _in_time(rows: Sequence[dict[str, Any]], decision_type: str | None) -> list[ClosedCases]:
    """By type. The clock of a case stops when it is done, so that an approved one waits in time."""
    late = Counter[str]()
    every = Counter[str]()
    for row in rows:
        if decision_type in (None, row["decisionType"]):
            every[row["decisionType"]] += 1
            due, done = row["dueAt"], row["clockStoppedAt"]
            late[row["decisionType"]] += due is not None and done is not None and due < done
    return [
        ClosedCases(decision_type=name, in_time=every[name] - late[name], late=late[name])
        for name in sorted(every)
    ]


def _time_to_decide(priority: Priority, rows: Sequence[dict[str, Any]]) -> TimeToDecide:
    seconds = sorted(row["resolutionSeconds"] for row in rows if row["priority"] == priority)
    # The least that is as long as nine in ten of them.
    rank = math.ceil(len(seconds) * 0.9) - 1
    return TimeToDecide(
        priority=priority,
        decided=len(seconds),
        median_seconds=round(statistics.median(seconds), 3) if seconds else None,
        percentile90_seconds=round(seconds[rank], 3) if seconds else None,
    )


def _pilots(rows: Sequence[dict[str, Any]]) -> list[PilotMetrics]:
    """Who decided most, each by the name that they had last."""
    names: dict[str, str] = {}
    counts: dict[str, Counter[str]] = {}
    for row in rows:
        key = row["deciderKey"]
        names.setdefault(key, row["decidedBy"])
        counts.setdefault(key, Counter())[row["decision"]] += 1
    found = [
        PilotMetrics(
            pilot=names[key],
            decided=count.total(),
            approved=sum(count[decision] for decision in CONSENTING),
            rejected=count["reject"],
        )
        for key, count in counts.items()
    ]
    return sorted(found, key=lambda one: (-one.decided, one.pilot))[:TOP_PILOTS]
