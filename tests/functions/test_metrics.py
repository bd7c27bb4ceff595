"""Figures about interventions, and what they cost.

Those that are counted anew are compared with a plain model here, and those that were counted of the
trail with the former, in test_figures_recounted.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from shared.models.intervention import (
    DecisionGiven,
    InterventionStatus,
    InterventionType,
    Priority,
    StoredIntervention,
)
from shared.rules import interventions as intervention_rules
from tests.client import Api
from tests.conftest import Clock
from tests.functions.intervention_support import (
    act,
    ask,
    asked,
    decide,
    done,
    person,
    seed,
    some_interventions,
    waiting,
)
from tests.functions.support import ON_EMBEDDED, cost, refused_field, when, wire
from tests.rows import each_row

pytestmark = pytest.mark.both_stores

METRICS = "/interventions:metrics"
DAY = timedelta(days=1)
ZEROS: dict[str, dict[str, int]] = {
    "byStatus": dict.fromkeys(InterventionStatus, 0),
    "byType": dict.fromkeys(InterventionType, 0),
    "byPriority": dict.fromkeys(Priority, 0),
}
Span = tuple[datetime | None, datetime | None]


def figures(api: Api, span: Span = (None, None), *, daily: bool = False) -> dict[str, Any]:
    """The metrics of a period, which are of now."""
    since, until = span
    query = {"since": since and wire(since), "until": until and wire(until)}
    given = urlencode({name: value for name, value in query.items() if value})
    found = done(api.pilot.get(f"{METRICS}?{given}{'&daily=true' if daily else ''}"))
    assert when(found.pop("asOf")) == api.runtime.clock()
    return found


def as_shown(
    rows: Sequence[tuple[str, StoredIntervention]], now: datetime
) -> list[StoredIntervention]:
    """The interventions as each get shows them: what has run out is expired, swept or not."""
    return [
        intervention_rules.expired(state, now)
        if intervention_rules.has_run_out(state, now)
        else state
        for _, state in rows
    ]


def within(moment: datetime | None, span: Span) -> bool:
    since, until = span
    return moment is not None and (not since or since <= moment) and (not until or moment < until)


def average(states: Sequence[StoredIntervention]) -> Any:
    seconds = [one.resolution_seconds for one in states if one.resolution_seconds is not None]
    return pytest.approx(sum(seconds) / len(seconds), abs=0.001) if seconds else None


def model(states: Sequence[StoredIntervention], span: Span) -> dict[str, Any]:
    """The metrics of a period, by looking at every intervention."""
    created = [one for one in states if within(one.created_at, span)]
    pilots: dict[str, Counter[str]] = {}
    for one in created:
        if one.decided_by and one.decision:
            pilots.setdefault(one.decided_by, Counter())[one.decision] += 1
    top: list[dict[str, Any]] = [
        {
            "pilot": pilot,
            "decided": counts.total(),
            "approved": counts["approve"],
            "rejected": counts["reject"],
        }
        for pilot, counts in pilots.items()
    ]
    return {
        "total": len(created),
        "byStatus": {
            value: sum(one.status is value for one in created) for value in ZEROS["byStatus"]
        },
        "byType": {value: sum(one.type is value for one in created) for value in ZEROS["byType"]},
        "byPriority": {
            value: sum(one.priority is value for one in created) for value in ZEROS["byPriority"]
        },
        "averageResolutionSeconds": average(created),
        "topPilots": sorted(top, key=lambda one: (-one["decided"], one["pilot"]))[:10],
    }


def model_of_day(states: Sequence[StoredIntervention], day: date, span: Span) -> dict[str, Any]:
    """The row of a day, by looking at every intervention."""

    def on_it(moment: datetime | None) -> bool:
        return moment is not None and moment.date() == day and within(moment, span)

    decided = [one for one in states if one.decision and on_it(one.action_at)]
    gone = [one for one in states if one.status == "expired" and on_it(one.action_at)]
    return {
        "date": day.isoformat(),
        "created": sum(on_it(one.created_at) for one in states),
        "decided": len(decided),
        "expired": len(gone),
        "averageResolutionSeconds": average(decided),
    }


def test_metrics_that_are_counted_anew_are_those_of_a_plain_model(api: Api, clock: Clock) -> None:
    rows = some_interventions(150, clock.now, days=10)
    seed(api, rows)
    states = as_shown(rows, clock.now)
    moments = [clock.now - timedelta(days=days) for days in (8, 5, 2)]
    moments.append(states[0].created_at)
    spans: list[Span] = [(clock.now, None), (moments[0], moments[0])]
    spans += [(moment, None) for moment in moments] + [(None, moment) for moment in moments]
    spans += [(moments[0], moments[2]), (moments[2], moments[0]), (moments[3], moments[3])]

    for span in spans:
        assert figures(api, span) == model(states, span), span
    assert all(min(model(states, (None, None))[name].values()) > 0 for name in ZEROS)


def test_daily_rows_that_are_counted_anew_are_those_of_a_plain_model(
    api: Api, clock: Clock
) -> None:
    rows = some_interventions(150, clock.now, days=10)
    seed(api, rows)
    states = as_shown(rows, clock.now)
    midnight = datetime.combine(clock.now, time(), UTC)
    last = midnight + DAY
    noon = midnight - 7.5 * DAY

    for given, span, days in (
        ((noon, noon + 2 * DAY), (noon, noon + 2 * DAY), 3),
        ((noon, noon + timedelta(hours=1)), (noon, noon + timedelta(hours=1)), 1),
        ((noon, noon), (noon, noon), 0),
        ((noon, None), (noon, last), 9),
        ((midnight - 3.5 * DAY, midnight), (midnight - 3.5 * DAY, midnight), 4),
    ):
        found = figures(api, given, daily=True)
        dates = [span[0].date() + index * DAY for index in range(days)]
        assert found.pop("daily") == [model_of_day(states, day, span) for day in dates], given
        assert found == model(states, given)


def test_until_alone_gives_the_31_days_before_it(api: Api, clock: Clock) -> None:
    ask(api.agent)
    until = clock.now + timedelta(hours=5)

    rows = figures(api, (None, until), daily=True)["daily"]

    assert [rows[0]["date"], rows[-1]["date"], len(rows)] == ["2026-01-31", "2026-03-02", 31]
    assert [row["created"] for row in rows] == [0] * 30 + [1]
    midnight = datetime(2026, 3, 2, tzinfo=UTC)
    assert figures(api, (None, midnight), daily=True)["daily"][-1]["date"] == "2026-03-01"


@each_row("daily", [False, True], apart=True)
def test_an_empty_tenant_has_zeros_and_no_averages(api: Api, *, daily: bool) -> None:
    found = figures(api, daily=daily)

    rows = found.pop("daily", [])
    assert found == {**ZEROS, "total": 0, "averageResolutionSeconds": None, "topPilots": []}
    assert len(rows) == (31 if daily else 0)
    nothing = {"created": 0, "decided": 0, "expired": 0, "averageResolutionSeconds": None}
    assert all(row == {"date": row["date"], **nothing} for row in rows)


def test_metrics_are_the_tenants_own(api: Api) -> None:
    done(decide(api.pilot, ask(api.agent)["id"]))

    other = done(api.caller("viewer", tenant="other-tenant").get(METRICS))

    assert (other["total"], other["topPilots"]) == (0, [])


def test_the_average_is_of_what_was_resolved_and_of_nothing_else(api: Api, clock: Clock) -> None:
    approved, rejected, completed, _, late = (
        ask(api.agent, expires_in_seconds=3_600)["id"] for _ in range(5)
    )
    clock.advance(seconds=10)
    done(decide(api.pilot, approved))
    clock.advance(seconds=10)
    done(decide(api.pilot, rejected, "reject"))
    done(act(api.pilot, completed, "claim"))
    clock.advance(seconds=40)
    done(act(api.pilot, completed, "complete", {}))
    done(act(api.agent, approved, "complete", {}))
    clock.advance(hours=1)
    assert decide(api.pilot, late).status_code == 409

    found = figures(api, daily=True)

    assert found["averageResolutionSeconds"] == 30
    today = {"date": "2026-03-02", "created": 5, "decided": 2, "expired": 2}
    assert found["daily"][-1] == {**today, "averageResolutionSeconds": 15}


def test_the_top_pilots_are_the_ten_who_decided_most(api: Api, clock: Clock) -> None:
    at = clock.now - DAY
    approve, reject = (DecisionGiven(decision=one, reason="x") for one in ("approve", "reject"))
    states = []
    for number in range(12):
        pilot = person(f"pilot-{number:02}")
        # As many as others in pairs; the last two least.
        for index in range(6 - number // 2):
            given = reject if index % 3 == 2 else approve
            state = intervention_rules.decided(
                asked(at), given, pilot, at + timedelta(minutes=number + 1)
            )
            states.append((f"S-{number}-{index}", state))
    seed(api, states)

    period = figures(api, (at, None))

    found = [(one["decided"], one["pilot"].partition("@")[0]) for one in period["topPilots"]]
    assert found == [(6 - number // 2, f"pilot-{number:02}") for number in range(10)]
    first = {"decided": 6, "approved": 4, "rejected": 2}
    assert period["topPilots"][0] == {"pilot": "pilot-00@example.com", **first}


def test_every_decision_counts_for_who_made_it_once(api: Api) -> None:
    ids = [ask(api.agent)["id"] for _ in range(4)]
    kim = api.caller("pilot", "kim")
    for intervention_id, verdict in zip(ids, ["approve", "reject", "approve"], strict=False):
        body = {"decision": verdict, "reason": "x"}
        for _ in range(2):
            done(act(kim, intervention_id, "decide", body, idempotency_key=intervention_id))
    assert decide(kim, ids[0]).status_code == 409
    done(act(kim, ids[0], "complete", {}))
    done(decide(api.admin, ids[3], "reject"))

    expected = [
        {"pilot": "kim@example.com", "decided": 3, "approved": 2, "rejected": 1},
        {"pilot": "admin@example.com", "decided": 1, "approved": 0, "rejected": 1},
    ]
    assert figures(api)["topPilots"] == expected
    assert figures(api, (datetime(2026, 3, 1, tzinfo=UTC), None))["topPilots"] == expected


@each_row(
    ("query", "field"),
    [
        ("since=2026-01-01T00:00:00Z&until=2026-02-01T00:00:00.000001Z&daily=true", "since"),
        ("since=2026-01-30T23:59:59.999999Z&daily=true", "since"),
        ("since=0001-01-01T00:00:00Z&daily=true", "since"),
        ("since=0001-01-01T00:00:00Z&until=9999-12-31T23:59:59.999999Z&daily=true", "since"),
        ("daily=perhaps", "daily"),
        ("since=yesterday", "since"),
        ("until=2026-02-01", "until"),
        ("status=pending", "status"),
    ],
)
@ON_EMBEDDED
def test_what_is_asked_wrong_and_rows_of_more_than_31_days_are_refused_by_name(
    api: Api, query: str, field: str
) -> None:
    answer = api.viewer.get(f"{METRICS}?{query}")

    refused_field(answer, field)
    assert cost(answer) == (0, 0, 0)


@each_row(
    "query",
    [
        "since=2026-01-01T00:00:00Z&until=2026-02-01T00:00:00Z",
        "since=2026-01-31T00:00:00Z",
        "since=2026-01-01T12:00:00Z&until=2026-01-31T13:00:00Z",
    ],
    apart=True,
)
@ON_EMBEDDED
def test_rows_of_31_days_are_given(api: Api, query: str) -> None:
    assert len(done(api.viewer.get(f"{METRICS}?{query}&daily=true"))["daily"]) == 31


FIRST, LAST = "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"


def test_times_at_the_ends_of_time_are_answered_or_refused_and_break_nothing(api: Api) -> None:
    ask(api.agent)
    ends = [None, FIRST, "0001-01-01T00:00:00.000001Z", "9999-12-31T00:00:00Z", LAST]

    for since in ends:
        for until in ends:
            given = {"since": since, "until": until}
            query = urlencode({name: value for name, value in given.items() if value})
            inside = since in (None, *ends[:3]) and until in (None, *ends[3:])
            assert done(api.viewer.get(f"{METRICS}?{query}"))["total"] == int(inside)
            answer = api.viewer.get(f"{METRICS}?{query}&daily=true")
            if answer.status_code != 200:
                refused_field(answer, "since")


@pytest.mark.costs_of("intervention_metrics")
@pytest.mark.parametrize(
    ("config", "number"),
    [("embedded", 0), ("embedded", 990), ("emulator", 0), ("emulator", 200)],
    indirect=["config"],
)
def test_metrics_cost_the_same_however_many_interventions_there_are(
    api: Api, clock: Clock, number: int
) -> None:
    seed(api, waiting(number, clock.now))
    for _ in range(2):
        done(decide(api.pilot, ask(api.agent)["id"]))

    api.pilot.get(METRICS)  # the settings are known from now on

    costs = {
        query: cost(api.pilot.get(f"{METRICS}?{query}"))
        for query in (
            "",
            "since=2026-03-01T00:00:00Z",
            "daily=true",
            "since=2026-03-01T00:00:01Z",
        )
    }

    # The totals and four events that are not sealed yet; nothing that has run out, and the name of
    # the pilot; of a period its days and the totals once more, together.
    assert costs == {
        "": (1 + 4 + 1 + 1, 0, 4),
        "since=2026-03-01T00:00:00Z": (1 + 4 + 1 + 1 + 2 + 1, 0, 5),
        "daily=true": (1 + 4 + 1 + 1 + 31 + 1, 0, 5),
        # An aggregation each for 7 statuses, 5 types, 4 priorities, the average and what has run
        # out in two statuses; the totals and the four events; of the pilot, a read and two
        # aggregations of what they decided.
        "since=2026-03-01T00:00:01Z": (19 + 1 + 4 + 1 + 2, 0, 5),
    }
