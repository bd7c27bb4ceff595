"""Figures about a period, and what they cost.

test_figures_recounted.py compares them with a recount.
"""

from __future__ import annotations

import math
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.config import Config
from shared.documents.port import Delete
from shared.ledger import directory
from shared.repository import figures_rows, tallies
from tests.client import Api, Client
from tests.conftest import Clock
from tests.functions.intervention_support import act, ask, decide, done, seed, waiting
from tests.functions.sealing_support import seal, with_keys
from tests.functions.support import ON_EMBEDDED, cost, filled, refused, refused_field, when

pytestmark = pytest.mark.both_stores

FIGURES = "/figures"
BY_AGENT = f"{FIGURES}?by=agent"
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
OPEN = ("new", "in_review", "needs_info", "blocked")
METRICS = "/interventions:metrics"


@pytest.fixture
def configured(config: Config, tmp_path: Path) -> Config:
    """With a key, so that events are sealed and counted."""
    return with_keys(config, tmp_path, Ed25519PrivateKey.generate())


@ON_EMBEDDED
def test_medians_and_percentiles_are_of_all_decisions_and_at_most_11_percent_off(
    api: Api, clock: Clock
) -> None:
    took = [seconds for number in range(24) for seconds in (1.7**number / 40, 7 * number + 1)]
    ids = [ask(api.agent, priority="high")["id"] for _ in took]
    begun = clock.now
    for question, seconds in sorted(zip(ids, took, strict=True), key=lambda one: one[1]):
        clock.now = begun + timedelta(seconds=seconds)
        done(decide(api.pilot, question))

    # The last were decided 57 hours later.
    found = done(api.viewer.get(f"{FIGURES}?since=2026-03-01T00:00:00Z"))

    (row,) = [one for one in found["timeToDecide"] if one["priority"] == "high"]
    exact = sorted(took)
    assert (row["decided"], found["sampled"]["decided"]) == (len(took), len(took))
    assert row["medianSeconds"] == pytest.approx(exact[len(took) // 2 - 1], rel=0.11)
    assert row["percentile90Seconds"] == pytest.approx(
        exact[math.ceil(0.9 * len(took)) - 1], rel=0.11
    )
    assert found["medianSecondsToDecide"] == row["medianSeconds"]


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


@ON_EMBEDDED
def test_they_are_of_whole_days_and_say_which(api: Api, clock: Clock) -> None:
    ask(api.agent)
    clock.advance(hours=1)

    found = done(api.viewer.get(f"{FIGURES}?since=2026-03-02T09:30:00Z&until=2026-03-02T09:45:00Z"))

    assert (found["since"], found["until"]) == ("2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z")
    assert (found["created"], len(found["daily"])) == (1, 1)


@ON_EMBEDDED
def test_rows_are_by_agent_person_type_or_day(api: Api, clock: Clock) -> None:
    due = (clock.now + HOUR).isoformat()
    for case_id, type_ in (("A", "a"), ("B", "a"), ("C", "b")):
        api.verifier.create(id=case_id, decisionType=type_, dueAt=due)
    clock.advance(days=1)
    body = {"status": "closed", "reason": "Done"}
    assert api.verifier.patch("/cases/A", body).status_code == 200
    kim, robot = api.caller("pilot", "kim"), api.caller("agent", "robot")
    for number, asker in enumerate([api.agent, robot, robot, robot, api.verifier]):
        question = ask(asker, expires_in_seconds=60)["id"]
        if number < 3:
            done(decide(kim, question, "reject" if number == 1 else "approve"))
        if number == 4:
            done(act(api.verifier, question, "withdraw", {}))
    clock.advance(minutes=2)

    def rows(by: str, caller: Client = api.pilot) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = done(caller.get(f"{FIGURES}?by={by}"))["rows"]
        return found

    none = {"decided": 0, "approved": 0, "edited": 0, "rejected": 0, "answered": 0}
    one = {**none, "decided": 1, "approved": 1}
    two = {**none, "decided": 2, "approved": 1, "rejected": 1}
    asked_by = {row["key"]: row for row in rows("agent")}
    # What has run out waits for the sweep, and is not in the trail yet.
    ended = {"expired": 0, "withdrawn": 0, "lapsed": 0}
    assert asked_by["robot"]["interventions"] == two | ended | {"created": 3, "expired": 1}
    assert asked_by["agent"]["interventions"] == one | ended | {"created": 1}
    assert asked_by["verifier"]["name"] == "verifier@example.com"
    of_others = rows("agent", api.viewer)[-1]
    assert (of_others["key"], of_others["interventions"]) == (
        None,
        none | ended | {"created": 1, "withdrawn": 1},
    )
    (person,) = rows("pilot")
    assert (person["key"], person["name"]) == ("kim", "kim@example.com")
    assert person["interventions"] == {**none, "decided": 3, "approved": 2, "rejected": 1}
    of_a, of_b = rows("decisionType")
    day = pytest.approx(86_400, rel=0.11)
    times = {"medianSeconds": day, "percentile90Seconds": day}
    assert of_a["cases"] == {"created": 2, "closedInTime": 0, "closedLate": 1, **times}
    assert of_b["cases"]["created"] == 1
    assert [row["key"] for row in rows("decisionType&decisionType=b")] == ["b"]
    *_, before, today = rows("day")
    assert (before["key"], before["cases"]["created"]) == ("2026-03-02", 3)
    assert (today["cases"]["closedLate"], today["interventions"]["created"]) == (1, 5)
    assert {name: today["interventions"][name] for name in ("expired", "withdrawn")} == {
        "expired": 1,
        "withdrawn": 1,
    }


@ON_EMBEDDED
def test_rows_by_tool_say_how_the_questions_about_its_actions_ended(api: Api, clock: Clock) -> None:
    def asked(tool: str, **fields: Any) -> str:
        action = {"tool": tool, "arguments": {"amount": 1}}
        return str(ask(api.agent, action=action, **fields)["id"])

    late, changed, *_ = (asked("pay", act_within_seconds=60) for _ in range(3))
    asked("pay", expires_in_seconds=60)
    asked_for = done(decide(api.pilot, late))["actionHash"]
    edit = {"decision": "edit", "arguments": {"amount": 2}}
    done(api.pilot.post(f"/interventions/{changed}:decide", edit))
    done(decide(api.pilot, asked("mail"), "reject"))
    done(decide(api.pilot, ask(api.agent)["id"]))
    clock.advance(minutes=2)
    starts = [act(api.agent, late, "start", {"actionHash": asked_for}) for _ in range(2)]
    assert [one.status_code for one in starts] == [409, 409]

    none = {"decided": 0, "approved": 0, "edited": 0, "rejected": 0, "answered": 0}
    none |= {"expired": 0, "withdrawn": 0, "lapsed": 0}
    rows = done(api.viewer.get(f"{FIGURES}?by=tool"))["rows"]
    assert [(row["key"], row["name"], row["interventions"]) for row in rows] == [
        (
            "pay",
            "pay",
            none | {"decided": 2, "approved": 1, "edited": 1, "expired": 1, "lapsed": 1},
        ),
        ("mail", "mail", none | {"decided": 1, "rejected": 1}),
    ]
    (by,) = done(api.viewer.get(f"{FIGURES}?by=agent"))["rows"]
    today = done(api.viewer.get(f"{FIGURES}?by=day"))["rows"][-1]
    assert [row["interventions"]["lapsed"] for row in (by, today)] == [1, 1]


@ON_EMBEDDED
def test_what_comes_after_the_first_100_is_one_row(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures_rows, "MOST_ROWS", 2)
    for agent, number in (("one", 1), ("two", 2), ("three", 3), ("four", 1)):
        for _ in range(number):
            ask(api.caller("agent", agent))

    found = done(api.viewer.get(f"{FIGURES}?by=agent"))["rows"]

    assert [(row["key"], row["interventions"]["created"]) for row in found] == [
        ("three", 3),
        ("two", 2),
        (None, 2),
    ]


@ON_EMBEDDED
def test_the_ten_who_decided_most_are_shown_by_name(api: Api) -> None:
    for number in range(11):
        pilot = api.caller("pilot", f"pilot-{number:02}")
        for _ in range(1 if number == 5 else 2):
            done(decide(pilot, ask(api.agent)["id"]))

    shown = done(api.pilot.get(FIGURES))["pilots"]

    expected = [f"pilot-{number:02}@example.com" for number in range(11) if number != 5]
    assert [one["pilot"] for one in shown] == expected
    assert done(api.pilot.get(METRICS))["topPilots"] == shown
    assert shown[0] == {"pilot": expected[0], "decided": 2, "approved": 2, "rejected": 0}


def shown_to(client: Client) -> list[bool]:
    """Whether metrics, figures and rows show people to somebody."""
    figures = done(client.get(FIGURES))
    assert figures["personFigures"] is bool(figures["pilots"])
    rows = client.get(f"{FIGURES}?by=pilot")
    if rows.status_code != 200:
        refused(rows, 403, "PERMISSION_DENIED")
    metrics = done(client.get(METRICS))
    return [bool(metrics["topPilots"]), figures["personFigures"], rows.status_code == 200]


@ON_EMBEDDED
def test_figures_of_people_are_for_pilots_admins_and_auditors_unless_the_tenant_hides_them(
    api: Api,
) -> None:
    done(decide(api.pilot, ask(api.agent)["id"]))
    who = ("viewer", "verifier", "agent", "pilot", "admin", "auditor")

    assert {role: shown_to(api.caller(role)) for role in who} == {
        role: [role in ("pilot", "admin", "auditor")] * 3 for role in who
    }
    assert api.admin.patch("/settings", {"personFigures": False}).status_code == 200
    assert {role: shown_to(api.caller(role)) for role in who} == {role: [False] * 3 for role in who}


@ON_EMBEDDED
def test_who_was_erased_is_shown_without_a_name(api: Api) -> None:
    done(decide(api.pilot, ask(api.agent)["id"]))
    api.runtime.store.commit([Delete(directory.path(api.tenant, "pilot"))])

    (row,) = done(api.pilot.get(f"{FIGURES}?by=pilot"))["rows"]

    assert (row["key"], row["name"], row["interventions"]["decided"]) == ("pilot", None, 1)
    assert [one["pilot"] for one in done(api.pilot.get(METRICS))["topPilots"]] == ["erased"]


@ON_EMBEDDED
def test_a_person_who_asked_and_was_erased_is_still_no_agent(api: Api) -> None:
    ask(api.agent)
    ask(api.verifier)
    api.runtime.store.commit([Delete(directory.path(api.tenant, "verifier"))])

    shown = {
        role: [(row["key"], row["name"]) for row in done(api.caller(role).get(BY_AGENT))["rows"]]
        for role in ("viewer", "pilot")
    }

    assert shown == {
        "viewer": [("agent", "agent"), (None, None)],
        "pilot": [("agent", "agent"), ("verifier", None)],
    }


@ON_EMBEDDED
def test_of_more_events_than_a_reader_counts_they_are_as_of_the_last_that_was_counted(
    api: Api, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tallies, "TAIL", 3)
    for _ in range(5):
        clock.advance(seconds=1)
        ask(api.agent)

    found = [done(api.viewer.get(path)) for path in (FIGURES, METRICS, "/cases:stats")]

    assert [when(one["asOf"]) for one in found] == [clock.now - timedelta(seconds=2)] * 3
    assert (found[0]["created"], found[1]["total"], found[2]["totalEvents"]) == (3, 3, 3)


@ON_EMBEDDED
def test_a_period_of_more_than_366_days_is_refused_by_name(api: Api) -> None:
    year = "since=2025-01-01T00:00:00Z&until=2026-01-02T00:00:00"

    assert len(done(api.viewer.get(f"{FIGURES}?{year}Z"))["daily"]) == 366
    refused_field(api.viewer.get(f"{FIGURES}?{year}.000001Z"), "since")
    refused_field(api.viewer.get(f"{FIGURES}?since=0001-01-01T00:00:00Z"), "since")


@pytest.mark.costs_of("get_figures", "case_stats")
@pytest.mark.parametrize(
    ("config", "number"),
    [("embedded", 10), ("embedded", 150), ("emulator", 10)],
    indirect=["config"],
)
def test_they_cost_the_same_however_many_cases_and_interventions_there_are(
    api: Api, clock: Clock, number: int
) -> None:
    filled(api, clock, number)
    seed(api, waiting(number, clock.now))
    api.pilot.get("/settings")
    for _ in range(2):
        done(decide(api.pilot, ask(api.agent)["id"]))
    fresh = api.pilot.get(f"{FIGURES}?since=2026-03-01T00:00:00Z")
    clock.advance(minutes=2)
    seal(api)

    costs = {
        path: cost(api.pilot.get(path))
        for path in (
            "/cases:stats",
            METRICS,
            FIGURES,
            f"{FIGURES}?since=2026-03-01T00:00:00Z",
            f"{FIGURES}?since=2026-03-01T00:00:00Z&by=day",
            f"{FIGURES}?since=2026-03-01T00:00:00Z&by=tool",
            f"{FIGURES}?since=2026-03-01T00:00:00Z&by=agent",
            f"{FIGURES}?since=2026-03-01T00:00:00Z&by=pilot",
        )
    }

    # The totals, and that nothing is newer; three counts. Of metrics that nothing has run out, and
    # the name of the pilot.
    assert costs.pop("/cases:stats") == (1 + 1 + 3, 0, 3)
    assert costs.pop(METRICS) == (1 + 1 + 1 + 1, 0, 4)
    # The totals, and once more with the days; three ages in four statuses and what is overdue.
    two_days = 1 + 1 + 2 + 1 + 1 + 13 + 1
    assert [*costs.values()] == [
        (two_days + 26, 0, 6),
        (two_days, 0, 6),
        (two_days, 0, 6),
        (two_days, 0, 6),
        (two_days + 1, 0, 7),
        (two_days + 1, 0, 7),
    ]
    # Four events were not sealed yet.
    assert cost(fresh) == (two_days + 3, 0, 6)
