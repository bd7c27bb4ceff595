"""Until when somebody holds an intervention, whose approvals count, when people are reminded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import FailedPrecondition, PermissionDenied
from shared.models.intervention import (
    DecisionGiven,
    InterventionType,
    NewIntervention,
    Priority,
    StoredIntervention,
)
from shared.models.roles import Role
from shared.rules import approvals, asking, assigning, claims, people, reminders
from shared.rules import interventions as intervention_rules
from tests.functions.intervention_support import asked, person
from tests.rows import each_row

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
YES = DecisionGiven(decision="approve")
TICK = timedelta(microseconds=1)


def approved(state: StoredIntervention, *names: str, **given: Any) -> StoredIntervention:
    """The intervention after these people have approved, one after the other."""
    for name in names:
        verdict = DecisionGiven(decision="approve", **given)
        state = intervention_rules.decided(state, verdict, person(name), NOW)
    return state


def names(state: StoredIntervention) -> list[str]:
    return [one.by_subject for one in state.approvals]


@given(st.integers(1, 10**15), st.lists(st.integers(0, 110), max_size=4))
def test_each_reminder_comes_once_and_in_order_whenever_it_is_looked_for(
    microseconds: int, looks: list[int]
) -> None:
    time = timedelta(microseconds=microseconds)
    state = asked(NOW, expires_at=(NOW + time).isoformat())
    times = {percent: NOW + time * percent / 100 for percent in reminders.PERCENTS}
    told = 0

    for now in sorted(NOW + time * look / 100 for look in looks):
        found = reminders.reminded(state, now)
        due = [percent for percent, at in times.items() if told < percent and at <= now]
        if not due or now >= NOW + time:
            assert found is None
            continue
        assert found
        state, told = found
        assert told == due[-1]
        assert state.remind_at == min((at for at in times.values() if at > now), default=None)


@each_row(
    ("priority", "seconds", "expected"),
    [
        ("low", (50, 90), ["normal", "high"]),
        ("high", (50, 90), ["critical", "critical"]),
        ("low", (95,), ["high"]),
        ("critical", (50,), ["critical"]),
    ],
)
def test_each_reminder_that_is_due_raises_the_priority_by_a_step(
    priority: str, seconds: tuple[int, ...], expected: list[str]
) -> None:
    state = asked(NOW, expires_in_seconds=100, priority=Priority(priority), raise_priority=True)

    for at, after in zip(seconds, expected, strict=True):
        found = reminders.reminded(state, NOW + timedelta(seconds=at))
        assert found
        state = found[0]
        rank = asking.RANKS[state.priority]
        assert (state.priority, state.priority_rank) == (after, rank)


def test_nobody_is_reminded_of_what_is_over_or_never_ends_or_was_asked_of_an_earlier_release() -> (
    None
):
    half = NOW + timedelta(seconds=50)
    state = asked(NOW, expires_in_seconds=100)
    over = intervention_rules.ended(state, None, NOW)
    earlier = state.model_copy(update={"remind_at": None})

    assert reminders.reminded(state, half - TICK) is None
    assert reminders.reminded(over, half) is None
    assert reminders.reminded(earlier, half) is None
    assert reminders.reminded(state, NOW + timedelta(seconds=100)) is None
    assert reminders.first(NOW, None) is None
    plain = reminders.reminded(state, half)
    assert plain
    assert (plain[0].priority, plain[1]) == (Priority.NORMAL, 50)


@each_row(("minutes", "lapses"), [(None, False), (5, True)])
def test_a_claim_lapses_at_its_end_where_it_has_one(minutes: int | None, *, lapses: bool) -> None:
    until = claims.held_until(minutes, NOW)
    end = NOW + timedelta(minutes=5)

    assert until == (end if lapses else None)
    assert claims.has_lapsed(until, end - TICK) is False
    assert claims.has_lapsed(until, end) is lapses
    held = intervention_rules.claimed(asked(NOW), person("kim"), NOW, minutes)
    if lapses:
        taken = intervention_rules.claimed(held, person("pat"), end, minutes)
        assert (taken.assigned_to_subject, taken.held_until) == ("pat", end + (end - NOW))
    else:
        with pytest.raises(FailedPrecondition):
            intervention_rules.claimed(held, person("pat"), end, minutes)


def test_a_released_decided_or_ended_intervention_is_held_until_no_time() -> None:
    held = intervention_rules.claimed(asked(NOW, expires_in_seconds=60), person("kim"), NOW, 5)
    kim = person("kim")

    for after in (
        intervention_rules.released(held, kim, NOW),
        intervention_rules.decided(held, YES, kim, NOW),
        intervention_rules.completed(held, None, kim, NOW),
        intervention_rules.ended(held, None, NOW),
        intervention_rules.expired(held, NOW),
    ):
        assert after.held_until is None


def test_who_holds_it_already_stays_known_by_their_subject_when_they_are_named() -> None:
    held = intervention_rules.claimed(asked(NOW), person("kim"), NOW)
    pat = person("pat")

    assert assigning.assigned(held, ("Kim@example.com".lower(), None), pat, NOW) == held
    other = assigning.assigned(held, ("lee@example.com", None), pat, NOW)
    assert (other.assigned_to, other.assigned_to_subject) == ("lee@example.com", None)
    with pytest.raises(PermissionDenied):
        assigning.assigned(held, ("lee", None), person("vera", Role.VERIFIER), NOW)


def test_approvals_of_the_same_are_counted_and_others_begin_anew() -> None:
    state = asked(NOW, approvals_required=3)

    two = approved(state, "kim", "pat")
    other = approved(two, "lee", response={"n": 1})
    done = approved(two, "lee")

    assert (two.status, names(two), two.decision) == ("pending", ["kim", "pat"], None)
    assert (other.status, names(other)) == ("pending", ["lee"])
    assert (done.status, names(done), done.decided_by_subject) == (
        "approved",
        ["kim", "pat", "lee"],
        "lee",
    )
    with pytest.raises(FailedPrecondition) as refused:
        approved(two, "pat")
    (detail,) = refused.value.details
    assert [one["bySubject"] for one in detail["approvals"]] == ["kim", "pat"]
    assert detail["approvalsRequired"] == 3
    assert "pat@example.com" in refused.value.message
    # To approve something else is not to approve the same again.
    assert names(approved(two, "pat", response={"n": 1})) == ["pat"]


def test_the_time_to_act_begins_with_the_last_approval() -> None:
    action = {"tool": "pay", "arguments": {}}
    state = asked(NOW, approvals_required=2, action=action, act_within_seconds=60)

    one = approved(state, "kim")
    two = approved(one, "pat")

    assert (one.act_until, two.act_until) == (None, NOW + timedelta(seconds=60))
    assert one.approved_action_hash == two.approved_action_hash == state.action_hash


@each_row(("given", "least", "needed"), [(None, 1, 1), (2, 1, 2), (2, 3, 3)])
def test_it_takes_as_many_people_as_the_larger_number_says(
    given: int | None, least: int, needed: int
) -> None:
    new = NewIntervention(
        uow_id="u", type=InterventionType.RESUME, title="?", approvals_required=given
    )

    state = asking.requested(new, person("robot", Role.AGENT), NOW, least)

    assert state.approvals_required == needed


@each_row(
    ("subject", "name", "same"),
    [
        ("kim", "another", True),
        ("other", "KIM@example.com", True),
        (None, "kim@example.com", True),
        (None, "kim", False),
        ("Kim", "kim@example.org", False),
    ],
)
def test_two_may_be_one_person_by_subject_or_by_name(
    subject: str | None, name: str, *, same: bool
) -> None:
    kim = approvals.of(person("kim"), NOW)

    assert approvals.has([kim], subject, name) is same
    assert people.may_be(subject, name, kim.by_subject, kim.by) is same
    assert people.may_be(None, "a", None, "b") is False
