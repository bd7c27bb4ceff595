"""Figures about a period, against a plain model, and what they cost."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from shared.models.intervention import InterventionStatus, Priority
from shared.repository import figures as module
from tests.client import Api
from tests.conftest import Clock
from tests.functions.intervention_support import (
    ask,
    decide,
    done,
    seed,
    some_interventions,
    waiting,
)
from tests.functions.support import ON_EMBEDDED, cost, filled, refused_field
from tests.functions.test_metrics import as_shown, within

pytestmark = pytest.mark.both_stores

FIGURES = "/figures"
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
OPEN = ("new", "in_review", "needs_info", "blocked")


def test_what_was_asked_decided_and_expired_is_that_of_a_plain_model(
    api: Api, clock: Clock
) -> None:
    rows = some_interventions(150, clock.now, days=10)
    seed(api, rows)
    states = as_shown(rows, clock.now)
    midnight = datetime.combine(clock.now, time(), UTC)
    since = midnight - 4 * DAY

    found = done(api.viewer.get(f"{FIGURES}?since={since:%Y-%m-%dT%H:%M:%SZ}"))

    # Of some of the states the decision is later than today.
    span = (since, midnight + DAY)
    settled = [one for one in states if within(one.action_at, span)]
    decided = [one for one in settled if one.decision]
    assert found["created"] == sum(within(one.created_at, span) for one in states)
    assert found["decided"] == len(decided)
    assert found["expired"] == sum(one.status is InterventionStatus.EXPIRED for one in settled)
    assert [row["date"] for row in found["daily"]] == [
        (since + index * DAY).date().isoformat() for index in range(5)
    ]
    for name in ("created", "decided", "expired"):
        assert sum(row[name] for row in found["daily"]) == found[name] > 0
    for row in found["timeToDecide"]:
        mine = [one for one in decided if one.priority == row["priority"]]
        seconds = sorted(one.resolution_seconds or 0 for one in mine)
        assert row == {
            "priority": row["priority"],
            "decided": len(seconds),
            "medianSeconds": pytest.approx(statistics.median(seconds), abs=0.001),
            "percentile90Seconds": pytest.approx(
                seconds[math.ceil(0.9 * len(seconds)) - 1], abs=0.001
            ),
        }
    assert [row["priority"] for row in found["timeToDecide"]] == list(Priority)
    by_pilot = Counter((one.decided_by, one.decision) for one in decided)
    assert {
        (row["pilot"], verdict): row[name]
        for row in found["pilots"]
        for verdict, name in (("approve", "approved"), ("reject", "rejected"))
        if row[name]
    } == by_pilot
    assert found["sampled"] == {"closed": 0, "decided": len(decided)}


def test_open_cases_are_counted_by_status_and_age_and_closed_ones_by_type(
    api: Api, clock: Clock
) -> None:
    def opened(case_id: str, **fields: Any) -> None:
        api.verifier.create(id=case_id, **fields)

    def moved(case_id: str, status: str) -> None:
        body = {"status": status, "reason": "Done"}
        assert api.verifier.patch(f"/cases/{case_id}", body).status_code == 200

    due = (clock.now + 2 * DAY).isoformat()
    opened("OLD", decisionType="a", dueAt=due)
    opened("LATE", decisionType="a", dueAt=due)
    opened("PROMPT", decisionType="a", dueAt=due)
    moved("PROMPT", "in_review")
    moved("PROMPT", "approved")
    clock.advance(days=3)
    moved("LATE", "closed")
    # It was done in time: its clock has stood since it was approved.
    moved("PROMPT", "closed")
    opened("YESTERDAY", decisionType="b")
    moved("YESTERDAY", "in_review")
    opened("FREE", decisionType="b")
    moved("FREE", "closed")
    clock.advance(days=1)
    opened("NEW", decisionType="b")

    found = done(api.viewer.get(FIGURES))
    of_b = done(api.viewer.get(f"{FIGURES}?decisionType=b"))

    ages = {row["status"]: [*row.values()][1:] for row in found["open"]}
    assert list(ages) == list(OPEN)
    assert (ages["new"], ages["in_review"], found["overdue"]) == ([1, 0, 1], [0, 1, 0], 1)
    assert found["closed"] == [
        {"decisionType": "a", "inTime": 1, "late": 1},
        {"decisionType": "b", "inTime": 1, "late": 0},
    ]
    assert found["sampled"]["closed"] == of_b["sampled"]["closed"] == 3
    assert of_b["closed"] == [{"decisionType": "b", "inTime": 1, "late": 0}]
    assert of_b["open"][0] == {
        "status": "new",
        "under1Day": 1,
        "from1To3Days": 0,
        "over3Days": 0,
    }
    assert of_b["overdue"] == 0


def test_by_default_they_are_of_the_last_28_days(api: Api) -> None:
    found = done(api.viewer.get(FIGURES))

    # It is the second of March.
    assert (found["since"], found["until"]) == ("2026-02-03T00:00:00Z", "2026-03-03T00:00:00Z")
    assert (len(found["daily"]), found["pilots"]) == (28, [])
    assert found["timeToDecide"][0] == {
        "priority": "critical",
        "decided": 0,
        "medianSeconds": None,
        "percentile90Seconds": None,
    }


def test_of_more_rows_than_are_looked_at_they_show_the_last(
    api: Api, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    monkeypatch.setattr(module, "LOOKED_AT", 2)
    for verdict in ("reject", "approve", "approve"):
        clock.advance(seconds=60)
        done(decide(api.pilot, ask(api.agent)["id"], verdict))

    found = done(api.viewer.get(FIGURES))

    assert (found["decided"], found["sampled"]["decided"]) == (3, 2)
    pilot = {"pilot": "pilot@example.com", "decided": 2, "approved": 2, "rejected": 0}
    assert found["pilots"] == [pilot]


@ON_EMBEDDED
def test_a_period_of_more_than_366_days_is_refused_by_name(api: Api) -> None:
    year = "since=2025-01-01T00:00:00Z&until=2026-01-02T00:00:00"

    assert len(done(api.viewer.get(f"{FIGURES}?{year}Z"))["daily"]) == 366
    refused_field(api.viewer.get(f"{FIGURES}?{year}.000001Z"), "since")
    refused_field(api.viewer.get(f"{FIGURES}?since=0001-01-01T00:00:00Z"), "since")


@pytest.mark.costs_of("get_figures")
def test_they_cost_a_read_for_each_count_and_for_each_row_looked_at(api: Api, clock: Clock) -> None:
    filled(api, clock, 150)
    seed(api, waiting(150, clock.now))
    empty = api.viewer.get(FIGURES)
    for _ in range(3):
        done(decide(api.pilot, ask(api.agent)["id"]))
    body = {"status": "closed", "reason": "Done"}
    for case_id in ("S-0001", "S-0002"):
        assert api.verifier.patch(f"/cases/{case_id}", body).status_code == 200
    two_days = api.viewer.get(f"{FIGURES}?since=2026-03-01T00:00:00Z")

    quarter = api.viewer.get(f"{FIGURES}?since=2025-12-03T00:00:00Z")

    # Three ages in four statuses, what is overdue, what has run out, and of each day three; then
    # the rows of what was closed and of what was decided, for none of which one is billed.
    assert cost(empty) == (14 + 28 * 3 + 2, 0, 3)
    assert cost(two_days) == (14 + 2 * 3 + 2 + 3, 0, 3)
    # No more than 150 counts go side by side.
    assert cost(quarter) == (14 + 90 * 3 + 2 + 3, 0, 2 + 2)
