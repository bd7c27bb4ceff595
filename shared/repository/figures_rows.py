"""The rows of figures: by day, by type of decision, by agent, by tool, or by person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from types import EllipsisType

from shared.documents.port import DocumentStore
from shared.models.figures import CaseCounts, FiguresQuery, FiguresRow, InterventionCounts
from shared.models.tallies import OTHERS, Tally
from shared.repository import people
from shared.repository.metrics import together
from shared.rules.spread import quantile
from shared.rules.tally import LAPSED, OUTCOMES

MOST_ROWS = 100
"""How many types, agents or people have a row of their own."""
_NOT_DECIDED = ("expired", "withdrawn", LAPSED)
_EVERY: tuple[EllipsisType, ...] = (...,)
Names = Sequence[str | EllipsisType]


def rows_by(
    store: DocumentStore,
    tenant: str,
    wanted: FiguresQuery,
    days: Mapping[date, Tally],
    *,
    of_people: bool,
) -> list[FiguresRow] | None:
    """The rows that are wanted, of all these days; None for none.

    Rows by agent and by person cost a read for each. Where they are not `of_people`, what people
    have asked is in the row of all others.
    """
    types: Names = (wanted.decision_type,) if wanted.decision_type else _EVERY
    period = together(days.values())
    match wanted.by:
        case "day":
            return _by_day(types, days)
        case "decisionType":
            return _by_type(types, period)
        case "agent":
            return _by_agent(store, tenant, period, of_people=of_people)
        case "tool":
            return _by_tool(period)
        case "pilot":
            return _by_pilot(store, tenant, period)
        case None:
            return None


def _by_day(types: Names, days: Mapping[date, Tally]) -> list[FiguresRow]:
    return [
        FiguresRow(
            key=one.isoformat(),
            name=one.isoformat(),
            cases=_cases(day, types),
            interventions=_on(day),
        )
        for one, day in days.items()
    ]


def _by_type(types: Names, period: Tally) -> list[FiguresRow]:
    seen = Counter[str]()
    for of in types:
        seen.update(period.by(1, "opened", of))
        for what in ("inTime", "late"):
            seen.update(period.by(1, "closed", of, what))
    return [
        FiguresRow(key=key, name=key, cases=_cases(period, names)) for key, names in _groups(seen)
    ]


def _by_agent(
    store: DocumentStore, tenant: str, period: Tally, *, of_people: bool
) -> list[FiguresRow]:
    seen = Counter(period.by(1, "agents"))
    # People ask too. The directory has nobody else.
    names = people.names(store, tenant, [key for key, _ in _groups(seen) if key is not None])
    rows = []
    for key, those in _groups(seen, hidden=() if of_people else names):
        counts = _counts(period, "agents", those)
        told = {"created": counts["asked"]} | {what: counts[what] for what in _NOT_DECIDED}
        shown = _outcomes(counts).model_copy(update=told)
        name = None if key is None else names.get(key, key)
        rows.append(FiguresRow(key=key, name=name, interventions=shown))
    return rows


def _by_tool(period: Tally) -> list[FiguresRow]:
    rows = []
    for key, tools in _groups(Counter(period.by(1, "tools"))):
        counts = _counts(period, "tools", tools)
        told = {what: counts[what] for what in _NOT_DECIDED}
        shown = _outcomes(counts).model_copy(update=told)
        rows.append(FiguresRow(key=key, name=key, interventions=shown))
    return rows


def _by_pilot(store: DocumentStore, tenant: str, period: Tally) -> list[FiguresRow]:
    groups = list(_groups(Counter(period.by(1, "pilots"))))
    shown = people.names(store, tenant, [key for key, _ in groups if key is not None])
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


def _cases(tally: Tally, types: Names) -> CaseCounts:
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
    told = {what: done.get(what, 0) for what in ("created", *_NOT_DECIDED)}
    times = {"median_seconds": quantile(took, 0.5), "percentile90_seconds": quantile(took, 0.9)}
    return _outcomes(done).model_copy(update=told | times)


def _counts(period: Tally, first: str, names: Sequence[str]) -> Counter[str]:
    """What some people or agents are counted for together."""
    counts = Counter[str]()
    for name in names:
        counts.update(period.by(2, first, name))
    return counts


def _outcomes(counts: Mapping[str, int]) -> InterventionCounts:
    each = {outcome: counts.get(outcome, 0) for outcome in OUTCOMES}
    return InterventionCounts(decided=sum(each.values()), **each)
