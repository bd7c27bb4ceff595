"""The rules of interventions, without a store."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.errors import ApiError, FailedPrecondition, InvalidArgument, PermissionDenied
from shared.models.intervention import (
    DecisionGiven,
    InterventionStatus,
    InterventionType,
    NewIntervention,
    Priority,
    StoredIntervention,
)
from shared.models.roles import Role
from shared.rules import asking, intervention_rows
from shared.rules import interventions as intervention_rules
from shared.rules.callers import Caller
from shared.rules.cases import SOONEST
from tests.rows import each_row

S = InterventionStatus
T = InterventionType
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
HOUR = timedelta(hours=1)


def caller(name: str, role: Role = Role.PILOT) -> Caller:
    return Caller(name, f"{name}@example.com", "t", role)


ROBOT = caller("robot", Role.AGENT)
KIM = caller("kim")
PAT = caller("pat")
ADMIN = caller("ada", Role.ADMIN)
YES = DecisionGiven(decision="approve", reason="Fine", response={"text": "Go on"})
NO = DecisionGiven(decision="reject", reason="Not at all")


def asked(by: Caller = ROBOT, **fields: Any) -> StoredIntervention:
    given = {"uow_id": "uow-1", "type": T.RESUME, "title": "May I go on?", **fields}
    return asking.requested(NewIntervention(**given), by, NOW)


def standing(status: S, **fields: Any) -> StoredIntervention:
    """An intervention in a status, where Kim holds it or decided it."""
    state = asked(**fields)
    if status is S.PENDING:
        return state
    if status is S.EXPIRED:
        return intervention_rules.expired(state, NOW)
    if status is S.WITHDRAWN:
        return intervention_rules.withdrawn(state, None, ROBOT, NOW)
    state = intervention_rules.claimed(state, KIM, NOW)
    if status in (S.APPROVED, S.COMPLETED):
        state = intervention_rules.decided(state, YES, KIM, NOW + HOUR)
    if status is S.REJECTED:
        state = intervention_rules.decided(state, NO, KIM, NOW + HOUR)
    if status is S.COMPLETED:
        state = intervention_rules.completed(state, None, ROBOT, NOW + HOUR)
    assert state.status is status
    return state


Act = Callable[[StoredIntervention, Caller, datetime], StoredIntervention]
ACTS: dict[str, Act] = {
    "claim": intervention_rules.claimed,
    "release": intervention_rules.released,
    "approve": lambda state, by, now: intervention_rules.decided(state, YES, by, now),
    "reject": lambda state, by, now: intervention_rules.decided(state, NO, by, now),
    "complete": lambda state, by, now: intervention_rules.completed(state, {"done": True}, by, now),
    "withdraw": lambda state, by, now: intervention_rules.withdrawn(state, "No need", by, now),
}
# What the holder gets, who decided it too, by what they do and where it stands; None is refused.
OUTCOMES: dict[tuple[str, S], S | None] = {
    **{(act, status): None for act in ACTS for status in S},
    ("claim", S.PENDING): S.IN_PROGRESS,
    ("claim", S.IN_PROGRESS): S.IN_PROGRESS,
    ("release", S.IN_PROGRESS): S.PENDING,
    ("approve", S.PENDING): S.APPROVED,
    ("approve", S.IN_PROGRESS): S.APPROVED,
    ("reject", S.PENDING): S.REJECTED,
    ("reject", S.IN_PROGRESS): S.REJECTED,
    ("complete", S.IN_PROGRESS): S.COMPLETED,
    ("complete", S.APPROVED): S.COMPLETED,
    ("withdraw", S.PENDING): S.WITHDRAWN,
    ("withdraw", S.IN_PROGRESS): S.WITHDRAWN,
}


@each_row(("act", "status"), [key for key, to in OUTCOMES.items() if to])
def test_a_step_leads_where_the_table_says(act: str, status: S) -> None:
    after = ACTS[act](standing(status), KIM, NOW + HOUR)

    assert OUTCOMES[act, status] == after.status


@each_row(("act", "status"), [key for key, to in OUTCOMES.items() if not to])
def test_a_step_that_the_table_has_not_is_refused_telling_how_it_stands(
    act: str, status: S
) -> None:
    state = standing(status)

    with pytest.raises(FailedPrecondition) as refusal:
        ACTS[act](state, KIM, NOW + HOUR)

    (detail,) = refusal.value.details
    assert detail["status"] == status
    assert intervention_rules.TRANSITIONS[status] == tuple(detail["allowed"])
    assert (state.assigned_to, state.decided_by) == (detail["assignedTo"], detail["decidedBy"])
    assert (state.decision, state.action_reason) == (detail["decision"], detail["actionReason"])
    assert (state.action_at is None) == (detail["actionAt"] is None)
    told = {"status", "assignedTo", "decision", "decidedBy", "actionReason", "actionAt", "allowed"}
    done = {"completedBy", "completedAt"} if status is S.COMPLETED else set()
    assert detail.keys() == told | done
    by = state.completed_by if status is S.COMPLETED else state.decided_by
    assert detail.get("completedBy") == state.completed_by
    assert detail.get("completedAt") == state.completed_at
    assert (by or state.status) in refusal.value.message
    assert "None" not in refusal.value.message


def test_who_holds_it_may_claim_it_again_and_nothing_changes() -> None:
    state = intervention_rules.claimed(asked(), KIM, NOW)

    assert intervention_rules.claimed(state, KIM, NOW + HOUR) is state


@each_row("act", ["claim", "approve", "reject", "release"])
def test_what_another_holds_is_refused_naming_the_holder(act: str) -> None:
    state = intervention_rules.claimed(asked(), KIM, NOW)

    with pytest.raises(FailedPrecondition, match="held by kim@") as refusal:
        ACTS[act](state, PAT, NOW)

    assert refusal.value.details[0]["assignedTo"] == "kim@example.com"


def test_who_held_it_when_it_expired_cannot_claim_it_again() -> None:
    state = intervention_rules.expired(standing(S.IN_PROGRESS), NOW)

    with pytest.raises(FailedPrecondition, match="expired"):
        intervention_rules.claimed(state, KIM, NOW)


def test_an_admin_may_release_what_another_holds_and_not_decide_it() -> None:
    state = intervention_rules.claimed(asked(), KIM, NOW)

    released = intervention_rules.released(state, ADMIN, NOW)

    assert (released.status, released.assigned_to) == (S.PENDING, None)
    assert released.assigned_to_subject is None
    with pytest.raises(FailedPrecondition, match="kim"):
        intervention_rules.decided(state, YES, ADMIN, NOW)


@each_row(
    ("who", "status", "may"),
    [
        (ROBOT, S.APPROVED, True),
        (caller("another-robot", Role.AGENT), S.APPROVED, True),
        (ROBOT, S.IN_PROGRESS, False),
        (KIM, S.APPROVED, True),
        (KIM, S.IN_PROGRESS, True),
        (PAT, S.APPROVED, False),
        (PAT, S.IN_PROGRESS, False),
        (ADMIN, S.APPROVED, False),
        (ADMIN, S.IN_PROGRESS, False),
    ],
)
def test_an_agent_completes_what_is_approved_and_the_holder_also_before_that(
    who: Caller, status: S, *, may: bool
) -> None:
    state = standing(status)

    if may:
        assert intervention_rules.completed(state, None, who, NOW + HOUR).status is S.COMPLETED
    else:
        with pytest.raises(FailedPrecondition, match="agent"):
            intervention_rules.completed(state, None, who, NOW + HOUR)


def test_completing_what_was_decided_leaves_the_decision_and_its_time() -> None:
    state = standing(S.APPROVED)

    after = intervention_rules.completed(state, {"b": 1, "a": [2.0]}, ROBOT, NOW + 5 * HOUR)

    kept = ("action_at", "resolution_seconds", "decision", "decided_by", "action_reason")
    assert [getattr(state, name) for name in kept] == [getattr(after, name) for name in kept]
    assert after.result == '{"a":[2],"b":1}'


def test_completing_what_nobody_decided_is_its_resolution_and_no_decision() -> None:
    after = intervention_rules.completed(standing(S.IN_PROGRESS), None, KIM, NOW + 2 * HOUR)

    assert (after.action_at, after.resolution_seconds) == (NOW + 2 * HOUR, 7_200)
    assert (after.decision, after.decided_by, after.result) == (None, None, None)


@each_row("kind", T)
def test_without_a_priority_a_kill_switch_is_critical_and_all_else_normal(kind: T) -> None:
    expected = Priority.CRITICAL if kind is T.KILL_SWITCH else Priority.NORMAL

    assert expected == asked(type=kind).priority
    assert [asked(type=kind, priority=one).priority for one in Priority] == list(Priority)


def test_the_queue_sorts_critical_before_high_before_normal_before_low() -> None:
    urgency = [asked(priority=Priority(name)) for name in ("critical", "high", "normal", "low")]

    assert [one.priority_rank for one in urgency] == [0, 1, 2, 3]


def test_the_required_role_is_a_pilot_unless_another_is_named() -> None:
    assert asked().required_role == "pilot"


@each_row("required", ["verifier", "pilot", "admin"])
@each_row("act", ["claim", "approve", "reject", "release"])
def test_the_required_role_is_a_minimum(required: str, act: str) -> None:
    order = [Role.VIEWER, Role.VERIFIER, Role.PILOT, Role.ADMIN]
    enough = order[order.index(Role(required)) :]
    for role in Role:
        state = asked(required_role=required)
        if act == "release":
            state = intervention_rules.claimed(state, caller("kim", Role.ADMIN), NOW)
        if role in enough:
            assert ACTS[act](state, caller("kim", role), NOW).status is not state.status
        else:
            with pytest.raises(PermissionDenied):
                ACTS[act](state, caller("kim", role), NOW)


@pytest.mark.parametrize(
    "own",
    [
        Caller("vera", "vera@example.com", "t", Role.ADMIN),
        Caller("vera", "vera.married@example.com", "t", Role.ADMIN),
        Caller("vera", None, "t", Role.ADMIN),
        Caller("vera-2", "vera@example.com", "t", Role.ADMIN),
        Caller("vera@example.com", None, "t", Role.ADMIN),
    ],
    ids=["the same", "another address", "no address", "another account", "address as account"],
)
@pytest.mark.parametrize("act", ["claim", "approve", "reject"])
def test_nobody_decides_what_they_asked_themselves(own: Caller, act: str) -> None:
    state = asked(by=Caller("vera", "vera@example.com", "t", Role.VERIFIER))

    with pytest.raises(PermissionDenied, match="themselves"):
        ACTS[act](state, own, NOW)


@each_row("kind", T)
@each_row("decision", ["approve", "reject"])
def test_a_rejection_and_any_decision_on_a_waiver_need_a_reason(kind: T, decision: Any) -> None:
    given = DecisionGiven(decision=decision, response={"text": "An answer"})

    if decision == "reject" or kind is T.WAIVE_VIOLATION:
        with pytest.raises(InvalidArgument) as refusal:
            intervention_rules.decided(asked(type=kind), given, KIM, NOW)
        assert [detail["field"] for detail in refusal.value.details] == ["reason"]
    else:
        after = intervention_rules.decided(asked(type=kind), given, KIM, NOW)
        assert (after.status, after.action_reason) == (S.APPROVED, None)


@each_row("kind", T)
@each_row(
    ("response", "answers"),
    [
        ({"text": "It is so"}, True),
        ({"text": "It is so", "more": [1]}, True),
        (None, False),
        ({}, False),
        ({"text": ""}, False),
        ({"text": " \n"}, False),
        ({"text": None}, False),
        ({"text": 7}, False),
        ({"text": ["x"]}, False),
        ({"answer": "It is so"}, False),
    ],
)
def test_approving_a_clarification_needs_an_answer_in_words(
    kind: T, response: Any, *, answers: bool
) -> None:
    given = DecisionGiven(decision="approve", reason="A reason", response=response)

    if kind is T.CLARIFICATION and not answers:
        with pytest.raises(InvalidArgument) as refusal:
            intervention_rules.decided(asked(type=kind), given, KIM, NOW)
        assert [detail["field"] for detail in refusal.value.details] == ["response.text"]
    else:
        assert intervention_rules.decided(asked(type=kind), given, KIM, NOW).status is S.APPROVED


def test_rejecting_a_clarification_needs_a_reason_and_no_answer() -> None:
    after = intervention_rules.decided(asked(type=T.CLARIFICATION), NO, KIM, NOW)

    assert (after.status, after.response) == (S.REJECTED, None)


@each_row("status", [S.PENDING, S.IN_PROGRESS])
def test_a_decision_says_who_how_why_and_after_how_long(status: S) -> None:
    at = NOW + timedelta(seconds=90, microseconds=1_600)

    after = intervention_rules.decided(standing(status), YES, KIM, at)

    assert (after.decision, after.decided_by) == ("approve", "kim@example.com")
    assert (after.assigned_to, after.action_reason) == ("kim@example.com", "Fine")
    assert (at, 90.002) == (after.action_at, after.resolution_seconds)
    assert after.response == '{"text":"Go on"}'


@each_row(("seconds", "took"), [(0.5, 0.5), (0.0, 0.0), (-60.0, 0.0)])
def test_a_decision_takes_the_time_from_the_request_and_none_where_a_clock_was_set_back(
    seconds: float, took: float
) -> None:
    after = intervention_rules.decided(asked(), YES, KIM, NOW + timedelta(seconds=seconds))

    assert after.resolution_seconds == took


@each_row("status", S)
def test_what_can_change_no_more_is_archived_and_due_for_the_purge_and_nothing_else_is(
    status: S,
) -> None:
    state = standing(status, expires_in_seconds=86_400)

    archived = status in (S.REJECTED, S.EXPIRED, S.COMPLETED, S.WITHDRAWN)
    assert (archived, archived) == (state.archived, state.sweep_at is not None)


def test_the_purge_looks_at_it_no_earlier_than_settings_may_say() -> None:
    after = intervention_rules.decided(asked(), NO, KIM, NOW + HOUR)

    assert after.sweep_at == NOW + HOUR + SOONEST


OPEN_STEPS = [
    (act, status) for act in ACTS for status in (S.PENDING, S.IN_PROGRESS) if OUTCOMES[act, status]
]


@each_row(("act", "status"), OPEN_STEPS)
def test_a_microsecond_before_its_expiry_it_can_be_decided(act: str, status: S) -> None:
    state = standing(status, expires_at=wire(NOW + HOUR))

    after = ACTS[act](state, KIM, NOW + HOUR - MICROSECOND)

    assert OUTCOMES[act, status] == after.status


@each_row(("act", "status"), OPEN_STEPS)
@each_row("late", [timedelta(0), MICROSECOND, timedelta(days=400)])
def test_at_its_expiry_it_becomes_expired_whatever_was_asked(
    act: str, status: S, late: timedelta
) -> None:
    state = standing(status, expires_at=wire(NOW + HOUR))

    after = ACTS[act](state, KIM, NOW + HOUR + late)

    assert (after.status, NOW + HOUR) == (S.EXPIRED, after.action_at)
    assert (after.decision, after.decided_by, after.action_reason) == (None, None, None)
    assert (after.resolution_seconds, after.response, after.result) == (None, None, None)
    assert (state.assigned_to, True) == (after.assigned_to, after.archived)
    assert intervention_rules.late(after).details[0]["status"] == "expired"


@each_row("status", [S.APPROVED, S.REJECTED, S.COMPLETED])
def test_what_was_decided_in_time_never_runs_out(status: S) -> None:
    state = standing(status, expires_at=wire(NOW + 2 * HOUR))

    assert intervention_rules.has_run_out(state, NOW + timedelta(days=9)) is False


@each_row("status", S)
def test_a_document_tells_how_its_intervention_stands_at_a_time(status: S) -> None:
    data = standing(status, expires_at=wire(NOW + 2 * HOUR)).to_data()
    open_ = status in (S.PENDING, S.IN_PROGRESS)

    for at, run_out in ((NOW + 2 * HOUR - MICROSECOND, False), (NOW + 2 * HOUR, True)):
        expected = S.EXPIRED if open_ and run_out else status
        assert intervention_rows.status_at(data, at) is expected
        assert intervention_rows.waits(data, at) == (open_ and not run_out)


def test_what_has_no_expiry_never_runs_out() -> None:
    assert intervention_rules.has_run_out(asked(), datetime.max.replace(tzinfo=UTC)) is False


def wire(time: datetime) -> str:
    return time.isoformat()


def test_it_expires_at_a_time_or_after_seconds_or_never() -> None:
    at = NOW + timedelta(days=2)

    soon, in_seconds = NOW + MICROSECOND, NOW + timedelta(seconds=1)
    assert at == asked(expires_at=wire(at)).expires_at
    assert soon == asked(expires_at=wire(soon)).expires_at
    assert in_seconds == asked(expires_in_seconds=1).expires_at
    assert asked().expires_at is None
    with pytest.raises(ValidationError, match="exclude each other"):
        asked(expires_at=wire(at), expires_in_seconds=1)


@each_row("ago", [timedelta(0), MICROSECOND, timedelta(days=700_000)])
def test_an_expiry_that_is_not_in_the_future_is_refused_by_name(ago: timedelta) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        asked(expires_at=wire(NOW - ago))

    assert [detail["field"] for detail in refusal.value.details] == ["expiresAt"]


@each_row("status", S)
def test_what_has_run_out_is_shown_as_it_will_be_stored(status: S) -> None:
    state = standing(status, expires_at=wire(NOW + 2 * HOUR))
    later = NOW + 2 * HOUR

    before, after = (
        intervention_rows.shown_row("i-1", state.model_dump(by_alias=True), at)
        for at in (later - MICROSECOND, later)
    )

    if status in (S.PENDING, S.IN_PROGRESS):
        stored = intervention_rules.expired(state, later).model_dump(by_alias=True)
        assert (after, status) == (
            intervention_rows.shown_row("i-1", stored, later),
            before["status"],
        )
        assert (after["status"], later, True) == ("expired", after["actionAt"], after["archived"])
    else:
        assert after == before


@each_row(
    "value",
    [None, 0, False, "", [], {}, 1.5, "text", [[1, [None]]], {"b": {"a": 1}}, {"ä": "\U0001f600"}],
)
def test_any_json_is_shown_as_it_was_given(value: Any) -> None:
    state = intervention_rules.completed(
        intervention_rules.claimed(asked(context=value), KIM, NOW), value, KIM, NOW
    )

    row = intervention_rows.shown_row("i-1", state.to_data(), NOW)

    assert (value, value) == (row["context"], row["result"])
    assert (type(value), None) == (type(row["context"]), row["response"])
    hidden = {"priorityRank", "assigneeKey", "deciderKey", "sweepAt", "head"}
    assert hidden.isdisjoint(row)


WALKS = st.lists(
    st.tuples(
        st.sampled_from(list(ACTS)),
        st.sampled_from([ROBOT, KIM, PAT, ADMIN, caller("vic", Role.VERIFIER)]),
        st.sampled_from([timedelta(0), MICROSECOND, HOUR, 20 * HOUR]),
    ),
    max_size=12,
)


@settings(derandomize=True, deadline=None, database=None, max_examples=100)
@given(WALKS)
def test_whatever_people_do_it_goes_its_way_once_and_is_decided_at_most_once(
    walk: list[tuple[str, Caller, timedelta]],
) -> None:
    state, now = asked(expires_in_seconds=86_400), NOW
    for act, who, passing in walk:
        now += passing
        try:
            after = ACTS[act](state, who, now)
        except ApiError:
            continue

        assert after is state or after.status in intervention_rules.TRANSITIONS[state.status]
        assert (after.decision is not None) == (after.decided_by is not None)
        assert after.decided_by in {None, *(one.actor.name for one in (KIM, PAT, ADMIN))}
        assert state.decision in (None, after.decision)
        assert (after.assigned_to is None) == (after.status is S.PENDING) or (
            after.status in (S.EXPIRED, S.WITHDRAWN)
        )
        assert (after.status is S.PENDING or after.status is S.IN_PROGRESS) == (
            after.action_at is None
        )
        assert after.archived == (not intervention_rules.TRANSITIONS[after.status])
        assert (after.status is S.EXPIRED) <= (now >= NOW + timedelta(days=1))
        state = after


def test_a_new_intervention_keeps_all_that_it_is_asked_with() -> None:
    given: dict[str, Any] = {
        "uow_id": "uow-2",
        "type": T.CLARIFICATION,
        "priority": Priority.HIGH,
        "title": "May I?",
        "description": "At length",
        "case_id": "CASE-1",
        "run_id": "run-1",
        "required_role": "admin",
    }

    state = asked(**given, context={"a": 1})

    assert {name: getattr(state, name) for name in given} == given
    assert state.context == '{"a":1}'
    assert (state.created_by, state.created_by_subject) == ("robot@example.com", "robot")
    assert {state.created_at, state.updated_at} == {NOW}


def test_whoever_acts_is_stored_by_name_and_by_subject() -> None:
    decided = intervention_rules.decided(asked(), YES, KIM, NOW)
    assert (decided.decided_by, decided.decided_by_subject) == ("kim@example.com", "kim")
    assert (decided.assigned_to, decided.assigned_to_subject) == ("kim@example.com", "kim")
    done = intervention_rules.completed(decided, None, ROBOT, NOW + HOUR)
    assert (done.completed_by, done.completed_by_subject) == ("robot@example.com", "robot")
    assert done.completed_at == NOW + HOUR


def test_the_first_act_of_a_holder_known_by_name_says_who_they_are() -> None:
    held = intervention_rules.claimed(asked(), KIM, NOW)
    named = held.model_copy(update={"assigned_to_subject": None})
    recycled = held.model_copy(update={"assigned_to_subject": "another"})

    assert intervention_rules.identified(named, KIM.actor) == held
    for other in (held, asked(), recycled):
        assert intervention_rules.identified(other, KIM.actor) is other
    assert intervention_rules.identified(named, PAT.actor) is named
    assert intervention_rules.claimed(named, KIM, NOW) == held
    for act in ("release", "approve"):
        with pytest.raises(FailedPrecondition):
            ACTS[act](recycled, KIM, NOW)
