"""What each event of the trail counts for. Pure: figures are the sum of it, in any order.

Paths of numbers, of all time and of each day, in UTC:

    events                                       all events; of all time only
    cases, type, status                          cases that there are now; of all time only
    unassigned, type                             those that are not done and have no assignee; of
                                                 all time only
    interventions, type, priority, status        interventions that there are now; of a day those
                                                 that were asked on it
    resolved, count | ms | took, bucket          how long those took that were decided or completed
    deciders, subject, outcome                   who decided those; of all time also what is purged
    people, subject, asked                       the people who asked, who are no agents; of all
                                                 time only, also what is purged

and of a day what happened on it:

    opened, type                                 cases that were opened
    closed, type, inTime | late                  cases that were closed, and not reopened since
    closed, type, ms | took, bucket              how long these took
    done, type, priority, what                   interventions: created, each outcome, expired,
                                                 withdrawn, lapsed
    done, type, priority, ms | took, bucket      how long those took that were decided
    pilots, subject, outcome                     who decided
    agents, subject, what                        who had asked
    tools, tool, what                            what the questions were about that have an action;
                                                 not that they were asked

An outcome is approved, edited, rejected or answered; what needed no decision is completed. Of
`took` the last name is the bucket of a time (`spread.py`), and `ms` is the sum in milliseconds. A
day has up to MOST people and types of decision, and OTHERS.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from shared.models.case import Status
from shared.models.events import EventType
from shared.models.intervention import InterventionStatus
from shared.models.tallies import Path, Tally
from shared.rules.cases import DONE
from shared.rules.facts import DECIDED, Facts, Happening, before
from shared.rules.spread import bucket

PURGED = "purged"
"""The member of the meta of a purge's event that says what it took away from the figures."""
OUTCOMES = (*DECIDED.values(),)
"""How an intervention can be decided."""
LAPSED = "lapsed"
"""What becomes of an approval that nobody acts on in time; it stays one of the approved."""
_ENDS = {
    InterventionStatus.EXPIRED.value: "expired",
    InterventionStatus.WITHDRAWN.value: "withdrawn",
}


class Effect(NamedTuple):
    """A number that an event adds to the one at a path, of a day, or (None) of all time."""

    day: str | None
    path: Path
    number: int


class Book:
    """The figures of all time, and those of the days that were opened."""

    def __init__(self, totals: Tally | None = None, days: dict[str, Tally] | None = None) -> None:
        self.totals = totals or Tally()
        self.days = days if days is not None else {}

    def take(self, effects: Iterable[Effect]) -> None:
        """Adds effects up."""
        for day, path, number in effects:
            tally = self.totals if day is None else self.days.setdefault(day, Tally())
            tally.add(path, number)


def day_of(moment: datetime) -> str:
    """The day of a time, in UTC, such as 2026-01-31."""
    return moment.astimezone(UTC).date().isoformat()


EVENT = Effect(None, ("events",), 1)
"""What every event counts for."""


def effects(one: Happening, facts: Facts) -> Iterator[Effect]:
    """What a telling event counts for besides; `facts` are those after it."""
    return _of_case(one, facts) if one.subject.startswith("cases/") else _of_asked(one, facts)


def purged(cases: Iterable[str], interventions: Iterable[Facts]) -> dict[str, Any]:
    """What the event of a purge says that it takes away from the figures.

    `cases` are the types of decision of the closed cases.
    """
    book = Book()
    book.take(Effect(None, (name,), 1) for name in cases)
    for facts in interventions:
        day = day_of(facts.at)
        book.take(Effect(day, path, number) for path, number in _cohort(facts))
    return {"cases": book.totals.tree, "asked": {day: one.tree for day, one in book.days.items()}}


def of_purge(told: dict[str, Any]) -> Iterator[Effect]:
    """What the event of a purge counts for, by what `purged` made of it."""
    for (name,), number in Tally(told["cases"]).items():
        yield Effect(None, ("cases", name, Status.CLOSED.value), -number)
    for day, tree in told["asked"].items():
        for path, number in Tally(tree).items():
            yield Effect(day, path, -number)
            # Who decided how much is not forgotten with what they decided.
            if path[0] != "deciders":
                yield Effect(None, path, -number)


def _of_case(one: Happening, facts: Facts) -> Iterator[Effect]:
    if one.event_type == EventType.CASE_CREATED:
        yield from _standing(facts, 1)
        # One that was imported was opened, and maybe closed, in the system that it comes from.
        yield Effect(day_of(facts.at), ("opened", facts.type), 1)
        if facts.closed_at:
            yield from _closed(facts.type, facts, facts.closed_at, 1)
        return
    was = before(facts, one)
    yield from _standing(was, -1)
    if one.event_type == EventType.CASE_DELETED:
        return
    yield from _standing(facts, 1)
    if was.status == facts.status or facts.closed_at is None:
        return
    if facts.status == Status.CLOSED:
        yield from _closed(facts.type, facts, facts.closed_at, 1)
    elif was.status == Status.CLOSED:
        # It was not done after all.
        yield from _closed(was.type, facts, facts.closed_at, -1)


def _standing(facts: Facts, number: int) -> Iterator[Effect]:
    """What a case is counted as while it is there."""
    yield Effect(None, ("cases", facts.type, facts.status), number)
    if not facts.assigned and facts.status not in DONE:
        yield Effect(None, ("unassigned", facts.type), number)


def _closed(type_: str, facts: Facts, at: datetime, number: int) -> Iterator[Effect]:
    day, milliseconds = day_of(at), _milliseconds(facts.at, at)
    yield Effect(day, ("closed", type_, "inTime" if facts.in_time else "late"), number)
    yield Effect(day, ("closed", type_, "ms"), number * milliseconds)
    yield Effect(day, ("closed", type_, "took", bucket(milliseconds)), number)


def _of_asked(one: Happening, facts: Facts) -> Iterator[Effect]:
    asked_on, today = day_of(facts.at), day_of(one.at)
    created = one.event_type == EventType.INTERVENTION_REQUESTED
    gone = () if created else _cohort(before(facts, one))
    for paths, sign in ((gone, -1), (_cohort(facts), 1)):
        for path, number in paths:
            yield Effect(None, path, sign * number)
            yield Effect(asked_on, path, sign * number)
    kind = ("done", facts.type, facts.priority)
    if created:
        yield Effect(today, (*kind, "created"), 1)
        yield Effect(today, ("agents", facts.by, "asked"), 1)
        if one.human:
            yield Effect(None, ("people", facts.by, "asked"), 1)
        return
    what = _ended(one, facts)
    if what is None:
        return
    if what == "expired" and facts.expires_at:
        today = day_of(facts.expires_at)
    if what == LAPSED:
        today = day_of(datetime.fromisoformat(one.new["lapsedAt"]))
    yield Effect(today, (*kind, what), 1)
    yield Effect(today, ("agents", facts.by, what), 1)
    if facts.tool:
        yield Effect(today, ("tools", facts.tool, what), 1)
    # What lapses later was decided, and counted so, before.
    if what == facts.outcome and facts.decider and facts.milliseconds is not None:
        yield Effect(today, ("pilots", facts.decider, what), 1)
        yield Effect(today, (*kind, "ms"), facts.milliseconds)
        yield Effect(today, (*kind, "took", bucket(facts.milliseconds)), 1)


def _cohort(facts: Facts) -> Iterator[tuple[Path, int]]:
    """What an intervention is counted as while it is there, of all time and of its day."""
    yield ("interventions", facts.type, facts.priority, facts.status), 1
    if facts.milliseconds is not None:
        yield ("resolved", "count"), 1
        yield ("resolved", "ms"), facts.milliseconds
        yield ("resolved", "took", bucket(facts.milliseconds)), 1
    if facts.decider and facts.outcome:
        yield ("deciders", facts.decider, facts.outcome), 1


def _ended(one: Happening, facts: Facts) -> str | None:
    """What became of an intervention by an event; None where nothing did that is counted."""
    if one.event_type == EventType.INTERVENTION_LAPSED:
        return LAPSED
    if before(facts, one).outcome != facts.outcome:
        return facts.outcome
    return _ENDS.get(one.new.get("status", ""))


def _milliseconds(since: datetime, until: datetime) -> int:
    return round(max(0.0, (until - since).total_seconds()) * 1000)
