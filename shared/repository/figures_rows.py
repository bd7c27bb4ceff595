"""The rows of figures: by day, by type of decision, by agent, by tool, or by person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date
from types import EllipsisType

from shared.models.figures import CaseCounts, FiguresQuery, FiguresRow, InterventionCounts
from shared.models.tallies import OTHERS, Tally
from shared.repository.tallies import Tallies
from shared.rules.spread import quantile
from shared.rules.tally import LAPSED, OUTCOMES

MOST_ROWS = 100
"""How many types, agents or people have a row of their own."""
_NOT_DECIDED = ("expired", "withdrawn", LAPSED)
_EVERY: tuple[EllipsisType, ...] = (...,)
Types = Sequence[str | EllipsisType]
NamesOf = Callable[[Sequence[str]], dict[str, str]]
"""The names of people by their subjects, at one read each (`people.names`)."""


def rows_by(
    wanted: FiguresQuery,
    counted: Tallies,
    period: Tally,
    names_of: NamesOf,
    *,
    of_people: bool,
) -> list[FiguresRow] | None:
    """The rows that are wanted, of all these days, which are the `period`; None for none.

    Rows by agent and by person cost a read for each. Where they are not `of_people`, what people
    have asked is in the row of all others.
    """
    types: Types = (wanted.decision_type,) if wanted.decision_type else _EVERY
    match wanted.by:
        case "day":
            return _by_day(types, counted.days)
        case "decisionType":
            return _by_type(types, period)
        case "agent":
            everybody = counted.totals.by(1, "people").keys()
            return _by_agent(period, names_of, everybody, of_people=of_people)
        case "tool":
            return _by_tool(period)
        case "pilot":
            return _by_pilot(period, names_of)
        case None:
            return None


def _by_day(types: Types, days: Mapping[date, Tally]) -> list[FiguresRow]:
    return [
        FiguresRow(
            key=one.isoformat(),
            name=one.isoformat(),
            cases=_cases(day, types),
            interventions=_on(day),
        )
        for one, day in days.items()
    ]


def _by_type(types: Types, period: Tally) -> list[FiguresRow]:
    seen = Counter[str]()
    for of in types:
        seen.update(period.by(1, "opened", of))
        for what in ("inTime", "late"):
            seen.update(period.by(1, "closed", of, what))
    return [
        FiguresRow(key=key, name=key, cases=_cases(period, names)) for key, names in _groups(seen)
    ]


def _by_agent(
    period: Tally, names_of: NamesOf, everybody: AbstractSet[str], *, of_people: bool
) -> list[FiguresRow]:
    """The rows by who asked. People ask too: `everybody` has their subjects."""
    seen = Counter(period.by(1, "agents"))
    # The directory has people only, but for those who were erased.
    names = names_of([key for key, _ in _groups(seen) if key is not None])
    rows = []
    for key, those in _groups(seen, hidden=() if of_people else names.keys() | everybody):
        counts = _counts(period, "agents", those)
        shown = _ended(counts).model_copy(update={"created": counts["asked"]})
        agent = None if key in everybody else key
        name = None if key is None else names.get(key, agent)
        rows.append(FiguresRow(key=key, name=name, interventions=shown))
    return rows


def _by_tool(period: Tally) -> list[FiguresRow]:
    return [
        FiguresRow(key=key, name=key, interventions=_ended(_counts(period, "tools", tools)))
        for key, tools in _groups(Counter(period.by(1, "tools")))
    ]


def _by_pilot(period: Tally, names_of: NamesOf) -> list[FiguresRow]:
    groups = list(_groups(Counter(period.by(1, "pilots"))))
    shown = names_of([key for key, _ in groups if key is not None])
    return [
        FiguresRow(
            key=key,
            name=shown.get(key) if key else None,
            interventions=_outcomes(_counts(period, "pilots", names)),
        )
        for key, names in groups
    ]


def _groups(
    seen: Counter[str], hidden: Collection[str] = ()
) -> Iterator[tuple[str | None, list[str]]]:
    """The names of which there are most, each alone; then all others together, as None.

    Those that are `hidden` are among the others.
    """
    names = sorted(seen.keys() - {OTHERS}, key=lambda name: (-seen[name], name))
    for name in names[:MOST_ROWS]:
        if name not in hidden:
            yield name, [name]
    others = [name for name in names[:MOST_ROWS] if name in hidden] + names[MOST_ROWS:]
    if others := others + [OTHERS] * (OTHERS in seen):
        yield None, others


def _cases(tally: Tally, types: Types) -> CaseCounts:
    took = Counter[str]()
    for of in types:
        took.update(tally.by(3, "closed", of, "took"))
    return CaseCounts(
        created=sum(tally.sum("opened", of) for of in types),
        closed_in_time=sum(tally.sum("closed", of, "inTime") for of in types),
        closed_late=sum(tally.sum("closed", of, "late") for of in types),
        median_seconds=quantile(took, 0.5),
        percentile90_seconds=quantile(took, 0.9),
    )


def _on(day: Tally) -> InterventionCounts:
    """What happened to all interventions on a day."""
    done, took = day.by(3, "done"), day.by(4, "done", ..., ..., "took")
    told = {
        "created": done.get("created", 0),
        "median_seconds": quantile(took, 0.5),
        "percentile90_seconds": quantile(took, 0.9),
    }
    return _ended(done).model_copy(update=told)


def _counts(period: Tally, first: str, names: Sequence[str]) -> Counter[str]:
    """What some people, agents or tools are counted for together."""
    counts = Counter[str]()
    for name in names:
        counts.update(period.by(2, first, name))
    return counts


def _ended(counts: Mapping[str, int]) -> InterventionCounts:
    """How interventions ended, also without a decision."""
    told = {what: counts.get(what, 0) for what in _NOT_DECIDED}
    return _outcomes(counts).model_copy(update=told)


def _outcomes(counts: Mapping[str, int]) -> InterventionCounts:
    each = {outcome: counts.get(outcome, 0) for outcome in OUTCOMES}
    return InterventionCounts(decided=sum(each.values()), **each)
