"""The rules of a case, and its clock, without a store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import ApiError, FailedPrecondition, InvalidArgument, PermissionDenied
from shared.models.case import (
    MAX_FIELDS,
    MAX_TAGS,
    CasePatch,
    NewCase,
    Severity,
    Status,
    StoredCase,
)
from shared.models.roles import Actor, Role
from shared.rules import cases as case_rules
from shared.rules.callers import Caller
from tests.rows import each_row
from tests.unit.examples import STABLE

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
STANDING = {Status.NEEDS_INFO, Status.APPROVED, Status.CLOSED}
MOVES = st.sampled_from([*Status, "reopen"])
STEPS = st.lists(
    st.tuples(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=90)), MOVES),
    max_size=12,
)


def wire(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields with times as a client sends them."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in fields.items()
    }


def opened(**fields: Any) -> StoredCase:
    """A new case, due in ten hours."""
    new = NewCase(**wire({"decision_type": "kyc", "title": "A case", **fields}))
    return case_rules.opened("CASE-1", new, by="kim", due_hours=10, now=START)


def patched(case: StoredCase, now: datetime = START, **fields: Any) -> StoredCase:
    """The case after a patch."""
    return case_rules.changed("CASE-1", case, CasePatch(**wire(fields)), now)


def moved(case: StoredCase, to: Status | str, now: datetime) -> StoredCase:
    """The case in another status, or as it was where that is not allowed."""
    try:
        if to == "reopen":
            return case_rules.reopened(case, now)
        return patched(case, now, status=to, reason="A reason")
    except FailedPrecondition:
        return case


@STABLE
@given(STEPS)
def test_the_time_that_is_left_runs_while_the_clock_runs_and_only_then(
    steps: list[tuple[timedelta, Status | str]],
) -> None:
    case, now, left = opened(), START, 10 * HOUR

    for passing, to in steps:
        if case.status not in STANDING:
            left -= passing
        now += passing
        case = moved(case, to, now)

        shown = case_rules.shown("CASE-1", case, now)
        if case.status in case_rules.DONE:
            assert (case.clock_due_at, shown.overdue) == (None, False)
        elif case.status is Status.NEEDS_INFO:
            # What was overdue before the pause stays so, in the flag and in the queue.
            assert case.clock_due_at == (case.due_at if left < timedelta(0) else None)
            assert shown.overdue == (left < timedelta(0))
        else:
            assert case.clock_due_at == case.due_at == now + left
            assert shown.overdue == (left < timedelta(0))
        assert (shown.paused_at is None) == (case.status is not Status.NEEDS_INFO)
        assert (case.closed_at is None) == (case.status is not Status.CLOSED)


DUE = st.timedeltas(min_value=timedelta(days=-9), max_value=timedelta(days=9))


@STABLE
@given(
    st.lists(
        st.tuples(
            st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=9)),
            st.one_of(MOVES, DUE, st.none(), st.just("kind")),
        ),
        max_size=12,
    ),
    st.booleans(),
)
def test_a_due_date_is_the_last_one_set_and_the_time_that_the_clock_stood_since_then(
    steps: list[tuple[timedelta, Any]],
    as_before: bool,  # noqa: FBT001 - Hypothesis gives it
) -> None:
    case, now = opened(), START
    last_set, stood = case.due_at, timedelta(0)

    for passing, step in steps:
        if case.status in STANDING:
            stood += passing
        now += passing
        if step == "kind":
            if case.status not in case_rules.DONE:
                case = patched(case, now, decision_type=f"type-{now.timestamp():.0f}")
        elif step is None or isinstance(step, timedelta):
            due = None if step is None else now + step
            if case.status not in case_rules.DONE and due != case.due_at:
                case = patched(case, now, due_at=due)
                last_set, stood = due, timedelta(0)
        else:
            case = moved(case, step, now)
        if as_before and case.due_stands_since == case.clock_stopped_at:
            # As the first release stored it.
            case = case.model_copy(update={"due_stands_since": None})

        standing = case.status in STANDING
        if last_set is None:
            assert case.due_at is None
        elif not standing:
            assert case.due_at == last_set + stood
            assert case.clock_due_at == case.due_at
        else:
            since = case.due_stands_since or case.clock_stopped_at
            assert since is not None
            assert case.due_at == last_set + stood - (now - since)


@STABLE
@given(st.sampled_from(Status), st.sampled_from(Status))
def test_a_move_is_made_exactly_where_the_table_allows_it(old: Status, new: Status) -> None:
    case = opened().model_copy(update={"status": old})

    after = moved(case, new, START)

    allowed = new is old or new in case_rules.TRANSITIONS[old]
    assert (after.status is new) == allowed
    assert allowed or after is case


def test_the_table_names_every_status_and_closed_is_its_end() -> None:
    assert set(case_rules.TRANSITIONS) == set(Status)
    assert case_rules.TRANSITIONS[Status.CLOSED] == ()


@STABLE
@given(STEPS)
def test_a_patch_with_what_a_case_has_gives_the_very_same_case(
    steps: list[tuple[timedelta, Status | str]],
) -> None:
    case, now = opened(assigned_to="kim", summary="Text"), START
    for passing, to in steps:
        now += passing
        case = moved(case, to, now)
    names = ("title", "summary", "status", "assigned_to", "due_at", "decision_type")

    same = patched(case, now + HOUR, **{name: getattr(case, name) for name in names})

    assert same is case


def test_a_case_without_hours_of_its_type_is_never_due() -> None:
    new = NewCase(decision_type="kyc", title="A case")
    case = case_rules.opened("CASE-1", new, by="kim", due_hours=None, now=START)

    assert (case.due_at, case.clock_due_at) == (None, case_rules.NEVER)


@each_row("paused", [timedelta(days=1), timedelta(days=3_000_000)])
def test_a_due_date_at_the_end_of_time_moves_no_further(paused: timedelta) -> None:
    case = patched(opened(due_at=case_rules.NEVER - HOUR), status=Status.NEEDS_INFO)
    now = min(START, case_rules.NEVER - paused) + paused

    assert patched(case, now, status=Status.IN_REVIEW).due_at == case_rules.NEVER


def test_a_due_date_that_is_given_with_the_end_of_a_pause_is_taken_as_it_is() -> None:
    case = patched(opened(), status=Status.NEEDS_INFO)

    after = patched(case, START + HOUR, status=Status.IN_REVIEW, due_at=START + 2 * HOUR)

    assert after.due_at == after.clock_due_at == START + 2 * HOUR


def test_a_due_date_that_is_given_during_a_pause_moves_by_what_is_left_of_it() -> None:
    case = patched(opened(), status=Status.NEEDS_INFO)

    case = patched(case, START + HOUR, due_at=START + 20 * HOUR)
    after = patched(case, START + 3 * HOUR, status=Status.IN_REVIEW)

    assert (case.clock_due_at, after.due_at) == (None, START + 22 * HOUR)


def test_a_due_date_that_is_given_for_a_done_case_moves_from_then_on_when_it_is_reopened() -> None:
    case = patched(opened(), status=Status.NEEDS_INFO)
    case = patched(
        case, START + HOUR, status=Status.CLOSED, reason="Done", due_at=START + 20 * HOUR
    )

    after = case_rules.reopened(case, START + 4 * HOUR)

    assert after.due_at == START + 23 * HOUR


def test_a_due_date_in_the_past_makes_a_paused_case_overdue_until_it_is_done() -> None:
    paused = patched(opened(), status=Status.NEEDS_INFO)

    late = patched(paused, START + HOUR, due_at=START)
    assert case_rules.shown("CASE-1", late, START + HOUR).overdue
    closed = patched(late, START + 2 * HOUR, status=Status.CLOSED, reason="Done")
    assert not case_rules.shown("CASE-1", closed, START + 2 * HOUR).overdue


def test_a_due_date_that_is_cleared_leaves_a_clock_that_nothing_is_due_by() -> None:
    case = patched(opened(), due_at=None)

    assert (case.due_at, case.clock_due_at) == (None, case_rules.NEVER)
    assert not case_rules.shown("CASE-1", case, case_rules.NEVER).overdue


@each_row("status", [Status.BLOCKED, Status.CLOSED])
def test_a_reason_is_asked_for_where_the_move_is_allowed(status: Status) -> None:
    with pytest.raises(InvalidArgument):
        patched(opened(), status=status)


def test_no_reason_is_asked_for_where_the_move_is_not_allowed() -> None:
    closed = patched(opened(), status=Status.CLOSED, reason="Done")

    with pytest.raises(FailedPrecondition):
        patched(closed, status=Status.BLOCKED)


@each_row(
    ("assigned_to", "status", "who", "allowed"),
    [
        (None, Status.NEW, "kim", True),
        (None, Status.NEEDS_INFO, "kim", True),
        (None, Status.APPROVED, "kim", False),
        (None, Status.CLOSED, "kim", False),
        ("kim", Status.CLOSED, "kim", True),
        ("kim", Status.NEW, "pat", False),
        ("Kim", Status.NEW, "kim", False),
    ],
)
def test_a_case_is_claimed_by_the_first_who_asks_while_it_is_open(
    assigned_to: str | None, status: Status, who: str, *, allowed: bool
) -> None:
    case = opened(assigned_to=assigned_to).model_copy(update={"status": status})

    try:
        actor = Actor(subject=who, email=None, type="user", role="verifier")
        after: StoredCase | None = case_rules.claimed(case, actor, START + HOUR)
    except ApiError:
        after = None

    assert (after is not None) == allowed
    assert after is None or after.assigned_to == who


def test_what_a_client_sees_has_nothing_of_the_stores() -> None:
    shown = case_rules.shown("CASE-1", opened(), START).model_dump(by_alias=True)

    assert not {"head", "clockDueAt", "clockStoppedAt", "searchTokens"} & set(shown)


def test_a_case_has_as_many_tags_and_fields_as_the_limits_say_and_no_more() -> None:
    tags = [f"tag-{number}" for number in range(MAX_TAGS)]
    fields = {f"f{number}": number for number in range(MAX_FIELDS)}
    full = patched(opened(tags=tags[1:]), fields=fields)

    assert case_rules.retagged(full, tags[:1], ()) == [*tags[1:], tags[0]]
    assert case_rules.retagged(full, ["more", *tags], tags[:1]) == [*tags[1:], "more"]
    with pytest.raises(InvalidArgument) as too_many:
        case_rules.retagged(full, ["more", *tags], ())
    assert [detail["field"] for detail in too_many.value.details] == ["addTags"]
    with pytest.raises(InvalidArgument) as too_many:
        patched(full, fields={"more": 1})
    assert [detail["field"] for detail in too_many.value.details] == ["fields"]
    assert case_rules.shown("C", patched(full, fields={"more": 1, "f0": None}), START).fields == {
        **{name: value for name, value in fields.items() if name != "f0"},
        "more": 1,
    }


def test_an_assignee_who_becomes_known_stays_assigned_and_another_of_the_name_is_assigned() -> None:
    case, later = opened(assigned_to="Kim"), START + HOUR
    patch = CasePatch(assigned_to="Kim")

    known = case_rules.changed("CASE-1", case, patch, later, "subject-1")
    same = case_rules.changed("CASE-1", known, patch, later + HOUR, "subject-1")
    other = case_rules.changed("CASE-1", known, patch, later + HOUR, "subject-2")

    assert (known.assigned_to_subject, known.assigned_at) == ("subject-1", START)
    assert same is known
    assert (other.assigned_to_subject, other.assigned_at) == ("subject-2", later + HOUR)


def test_a_new_case_keeps_all_that_it_is_opened_with() -> None:
    given = {
        "decision_type": "kyc",
        "title": "A case",
        "summary": "Of Zanzibar",
        "submission_id": "SUB-77",
        "assigned_to": "Kim",
        "due_at": START + HOUR,
        "severity": Severity.HIGH,
        "tags": ["a"],
    }
    new = NewCase(**wire(given), fields={"f": 1})

    case = case_rules.opened(
        "CASE-1", new, by=" Vera ", due_hours=9, now=START, by_subject="v-1", assignee="k-1"
    )

    assert {name: getattr(case, name) for name in given} == given
    assert (case.created_by, case.created_by_subject) == ("Vera", "v-1")
    assert (case.assigned_to_subject, case.assigned_at) == ("k-1", START)
    assert (case.open_interventions, case.open_runs, case.waiting) == (0, 0, False)
    assert {case.created_at, case.updated_at, case.status_changed_at} == {START}
    assert {"sub77", "zanzi"} <= set(case.search_tokens)
    assert case_rules.shown("CASE-1", case, START).fields == {"f": 1}
    bare = opened()
    assert (bare.assigned_at, bare.fields, bare.due_at) == (None, None, START + 10 * HOUR)


def test_the_first_act_of_an_assignee_known_by_name_says_who_they_are() -> None:
    kim = Actor(subject="subject-1", email="kim@example.com", type="user", role="verifier")
    named = opened(assigned_to="kim@example.com")

    known = case_rules.identified(named, kim)

    assert (known.assigned_to_subject, known.assigned_to) == ("subject-1", "kim@example.com")
    assert case_rules.identified(known, kim) is known
    for other in (opened(), opened(assigned_to="pat@example.com")):
        assert case_rules.identified(other, kim) is other
    recycled = named.model_copy(update={"assigned_to_subject": "subject-2"})
    assert case_rules.identified(recycled, kim) is recycled
    assert not case_rules.owned(recycled, kim)


def test_nobody_is_assigned_since_no_time_and_stays_nobody() -> None:
    free = patched(opened(assigned_to="kim"), START + HOUR, assigned_to=None)

    assert (free.assigned_to, free.assigned_at) == (None, None)
    assert patched(free, assigned_to=None) is free


def test_a_case_that_is_paused_the_moment_it_is_due_is_not_overdue() -> None:
    case = opened()

    for after, overdue in ((timedelta(0), False), (timedelta(microseconds=1), True)):
        now = START + 10 * HOUR + after
        paused = patched(case, now, status=Status.NEEDS_INFO)
        assert paused.clock_due_at == (case.due_at if overdue else None)
        assert case_rules.shown("CASE-1", paused, now).overdue is overdue


OPEN = [one for one in Status if one not in case_rules.DONE]


def in_status(status: Status) -> StoredCase:
    return opened().model_copy(update={"status": status})


@each_row(
    ("status", "change", "details"),
    [
        (Status.APPROVED, {"title": "B"}, {"fields": ["title"], "allowed": OPEN}),
        (
            Status.CLOSED,
            {"assigned_to": "pat"},
            {
                "fields": ["assignedTo"],
                "allowed": [one for one in Status if one is not Status.CLOSED],
            },
        ),
        (
            Status.CLOSED,
            {"due_at": None, "assigned_to": "pat"},
            {"fields": ["assignedTo", "dueAt"], "allowed": OPEN},
        ),
        (Status.CLOSED, {"status": Status.BLOCKED, "reason": "R"}, {"allowed": []}),
        (Status.APPROVED, {"status": Status.NEW}, {"allowed": [Status.CLOSED]}),
    ],
)
def test_a_change_that_is_refused_says_what_stands_in_its_way(
    status: Status, change: dict[str, Any], details: dict[str, Any]
) -> None:
    with pytest.raises(FailedPrecondition) as refused:
        patched(in_status(status), **change)

    assert refused.value.details == [{"status": status, **details}]


def test_what_else_is_refused_says_so_too() -> None:
    kim = Actor(subject="kim", email=None, type="user", role="verifier")
    for refused_act, allowed in (
        (lambda case: case_rules.claimed(case, kim, START), OPEN),
        (case_rules.require_editable, OPEN),
    ):
        with pytest.raises(FailedPrecondition) as refused:
            refused_act(in_status(Status.CLOSED))
        assert refused.value.details == [{"status": Status.CLOSED, "allowed": allowed}]
    with pytest.raises(FailedPrecondition) as refused:
        case_rules.reopened(opened(), START)
    assert refused.value.details == [
        {"status": Status.NEW, "allowed": [Status.APPROVED, Status.CLOSED]}
    ]
    with pytest.raises(FailedPrecondition) as refused:
        case_rules.claimed(opened(assigned_to="pat"), kim, START)
    assert refused.value.details == [{"assignedTo": "pat"}]
    with pytest.raises(InvalidArgument) as invalid:
        patched(opened(), status=Status.BLOCKED)
    assert [detail["field"] for detail in invalid.value.details] == ["reason"]


def test_a_case_that_is_done_is_looked_at_by_sweeps_and_no_other() -> None:
    reviewed = patched(opened(), START + HOUR, status=Status.IN_REVIEW)
    approved = patched(reviewed, START + 2 * HOUR, status=Status.APPROVED)
    again = case_rules.reopened(approved, START + 3 * HOUR)

    assert [case.status_changed_at for case in (reviewed, approved, again)] == [
        START + number * HOUR for number in (1, 2, 3)
    ]
    assert (reviewed.sweep_at, again.sweep_at) == (None, None)
    assert approved.sweep_at == START + 2 * HOUR + case_rules.SOONEST
    assert (again.reopen_count, again.due_at) == (1, START + 11 * HOUR)
    closed = case_rules.closed(approved, "Done", START + 4 * HOUR)
    assert (closed.due_at, closed.closed_at) == (approved.due_at, START + 4 * HOUR)
    assert case_rules.reopened(closed, START + 5 * HOUR).due_at == START + 13 * HOUR


def test_a_case_is_found_by_the_texts_that_it_has_after_a_change() -> None:
    case = opened(title="Alpha", summary="Bravo", submission_id="SUB-77")

    for change, words in (
        ({"title": "Omega"}, {"omega", "bravo", "sub77"}),
        ({"summary": "Gamma"}, {"alpha", "gamma", "sub77"}),
        ({"due_at": None}, {"alpha", "bravo", "sub77"}),
    ):
        tokens = set(patched(case, **change).search_tokens)
        assert tokens & {"alpha", "omega", "bravo", "gamma", "sub77"} == words


def test_a_due_date_that_was_set_in_one_pause_is_extended_by_all_of_the_next() -> None:
    case = opened()

    for hour, change in (
        (1, {"status": Status.NEEDS_INFO}),
        (2, {"due_at": START + 20 * HOUR}),
        (3, {"status": Status.IN_REVIEW}),
        (5, {"status": Status.NEEDS_INFO}),
        (9, {"status": Status.IN_REVIEW}),
    ):
        case = patched(case, START + hour * HOUR, **change)

    assert case.due_at == START + (20 + 1 + 4) * HOUR


def test_to_learn_who_the_holder_is_takes_the_case_from_nobody() -> None:
    held = opened(assignedTo="kim")
    known = case_rules.changed("C", held, CasePatch(assigned_to="kim"), START, "kim-1")
    assert (held.assigned_to_subject, known.assigned_to_subject) == (None, "kim-1")

    case_rules.require_may_assign(held, known, Caller("pat", None, "acme", Role.VERIFIER))


@each_row("role", [Role.VERIFIER, Role.PILOT, Role.ADMIN])
@each_row("who", ["kim", "pat"])
def test_only_the_holder_a_pilot_or_an_admin_assigns_a_held_case_to_another(
    role: Role, who: str
) -> None:
    caller = Caller(who, None, "acme", role)
    held = case_rules.claimed(
        opened(), Actor(subject="kim", email=None, type="user", role="verifier"), START
    )
    assert held.assigned_to_subject == "kim"
    given = case_rules.changed("C", held, CasePatch(assigned_to="pat"), START, "pat")

    case_rules.require_may_assign(opened(), given, caller)
    case_rules.require_may_assign(held, held, caller)
    if who == "kim" or role is not Role.VERIFIER:
        case_rules.require_may_assign(held, given, caller)
    else:
        with pytest.raises(PermissionDenied) as refused:
            case_rules.require_may_assign(held, given, caller)
        assert refused.value.details == [{"assignedTo": "kim"}]
