"""The rules of actions, without a store: their hashes, who may answer how, and when they start."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import FailedPrecondition, InvalidArgument
from shared.models.actions import NewAction
from shared.models.intervention import (
    DecisionGiven,
    InterventionStatus,
    NewIntervention,
    StoredIntervention,
)
from shared.models.roles import Role
from shared.rules import asking, intervention_rows
from shared.rules import interventions as intervention_rules
from shared.rules.actions import edited, hash_of
from shared.rules.callers import Caller
from shared.rules.starting import started
from tests.rows import each_row

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ROBOT = Caller("robot", None, "t", Role.AGENT)
OTHER = Caller("other", None, "t", Role.AGENT)
KIM = Caller("kim", "kim@example.com", "t", Role.PILOT)
ACTION = {"tool": "pay", "arguments": {"amount": 100, "to": "Zoë", "memo": {"b": [1], "a": None}}}


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def hashed(**arguments: Any) -> str | None:
    return hash_of(NewAction(tool="t", arguments=arguments))


def asked(**fields: Any) -> StoredIntervention:
    new = {"uow_id": "u", "type": "resume", "title": "Pay?", "action": ACTION, **fields}
    return asking.requested(
        NewIntervention.model_validate_json(json.dumps(new), by_name=True), ROBOT, NOW
    )


def decided(
    state: StoredIntervention, decision: str = "approve", **fields: Any
) -> StoredIntervention:
    given = DecisionGiven.model_validate({"decision": decision, "reason": "So", **fields})
    return intervention_rules.decided(state, given, KIM, NOW)


def test_a_hash_is_that_of_the_canonical_form_of_tool_and_arguments() -> None:
    memo = '{"a":null,"b":[1]}'
    text = f'{{"arguments":{{"amount":100,"memo":{memo},"to":"Zoë"}},"tool":"pay"}}'

    state = asked()

    assert (state.action, state.action_hash) == (text, sha(text))


def test_the_order_of_names_and_how_a_number_is_written_make_no_other_action() -> None:
    assert hashed(a=1, b=2) == hashed(b=2, a=1)
    assert hashed(a=1) == hashed(a=1.0) == sha('{"arguments":{"a":1},"tool":"t"}')
    assert hashed(a=1e21) == sha('{"arguments":{"a":1e+21},"tool":"t"}')
    assert hashed(a=-0.0) == hashed(a=0)


@each_row(
    ("one", "other"),
    [
        (1, "1"),
        (1, True),
        (0, False),
        (None, ""),
        ([], {}),
        ([1, 2], [2, 1]),
        ("\u00e9", "e\u0301"),
        ("a", "A"),
        ("a", "a "),
        ("\u0430", "a"),
        ({"a": 1}, {"a": 1, "b": None}),
        (0.1, 0.10000000000000002),
    ],
)
def test_another_value_or_another_form_of_unicode_is_another_action(one: Any, other: Any) -> None:
    assert hashed(x=one) != hashed(x=other)


_ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(max_size=5)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(_ANY_JSON, _ANY_JSON)
def test_two_actions_have_one_hash_exactly_where_their_canonical_forms_are_equal(
    one: Any, other: Any
) -> None:
    same = hash_of(NewAction.model_construct(tool="t", arguments={"x": one})) == hash_of(
        NewAction.model_construct(tool="t", arguments={"x": other})
    )

    assert same == (rfc8785.dumps(one) == rfc8785.dumps(other))


DECISIONS: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["approve", "edit", "reject"]),
    ({"type": "clarification"}, ["approve", "edit", "reject"]),
    ({"action": None, "type": "clarification"}, ["approve", "respond", "reject"]),
    ({"action": None}, ["approve", "reject"]),
    ({"decisions": ["respond", "reject"]}, ["respond", "reject"]),
]


@each_row(("fields", "allowed"), DECISIONS)
def test_a_decision_is_one_of_those_that_were_asked_for_or_that_the_kind_has(
    fields: dict[str, Any], allowed: list[str]
) -> None:
    state = asked(**fields)

    assert intervention_rows.shown("i", state, NOW).decisions == allowed
    for decision in ("approve", "edit", "reject", "respond"):
        edit = decision == "edit"
        parts: dict[str, Any] = {"arguments": {}} if edit else {"response": {"text": "x"}}
        if decision in allowed:
            decided(state, decision, **parts)
        else:
            with pytest.raises(InvalidArgument, match="decision"):
                decided(state, decision, **parts)


def test_an_approval_is_of_the_action_an_edit_of_another_one_and_a_response_of_none() -> None:
    state = asked(decisions=["approve", "edit", "respond", "reject"])

    yes, no = decided(state), decided(state, "reject")
    edit = decided(state, "edit", arguments={"amount": 50})
    answer = decided(state, "respond", response={"why": "No"})

    assert (yes.status, yes.approved_action_hash) == ("approved", state.action_hash)
    changed = NewAction(tool="pay", arguments={"amount": 50})
    assert (edit.status, edit.approved_action_hash) == ("approved", hash_of(changed))
    assert (edit.approved_arguments, edit.action) == ('{"amount":50}', state.action)
    assert (no.status, no.approved_action_hash) == ("rejected", None)
    assert (answer.status, answer.approved_action_hash) == ("rejected", None)
    assert decided(asked(action=None, type="clarification"), "respond", response={"text": "x"})


def test_each_edit_tells_the_arguments_that_were_asked_for_and_a_repeat_of_it_nothing() -> None:
    state = asked(approvals_required=3)
    lee = Caller("lee", "lee@example.com", "t", Role.PILOT)
    first = decided(state, "edit", arguments={"amount": 50})
    other = DecisionGiven(decision="edit", arguments={"amount": 51})
    same = DecisionGiven(decision="edit", arguments={"amount": 50})

    for new, old, told in (
        (first, state, True),
        (intervention_rules.decided(first, other, lee, NOW), first, True),
        (intervention_rules.decided(first, same, lee, NOW), first, False),
    ):
        assert edited(old, new) == ({"arguments": ACTION["arguments"]} if told else {})


@each_row(
    ("decision", "given", "field"),
    [
        ("edit", {}, "arguments"),
        ("approve", {"arguments": {}}, "arguments"),
        ("respond", {}, "response"),
        ("respond", {"response": {}}, "response"),
    ],
)
def test_a_decision_that_lacks_its_part_is_refused(
    decision: str, given: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        decided(asked(decisions=["approve", "edit", "respond"]), decision, **given)

    assert refusal.value.details[0]["field"] == field


SCHEMA = {
    "type": "object",
    "properties": {
        "amount": {"type": "number", "minimum": 1, "maximum": 10},
        "count": {"type": "integer"},
        "mail": {"type": "string", "format": "email"},
        "day": {"type": "string", "format": "date"},
        "at": {"type": "string", "format": "date-time"},
        "where": {"type": "string", "format": "uri"},
        "name": {"type": "string", "minLength": 2, "maxLength": 3},
        "kind": {"type": "string", "enum": ["a", "b"], "enumNames": ["A", "B"], "default": "a"},
        "sure": {"type": "boolean"},
    },
    "required": ["amount"],
}
GOOD: dict[str, list[Any]] = {
    "amount": [1, 10, 2.5],
    "count": [3, 3.0],
    "mail": ["kim@example.com"],
    "day": ["2024-02-29"],
    "at": ["2024-02-29T10:00:00+01:00"],
    "where": ["https://example.com/a"],
    "name": ["Zoë", "ab"],
    "kind": ["a", "b"],
    "sure": [False],
}
BAD: dict[str, list[Any]] = {
    "amount": [0.5, 11, "1", True, None],
    "count": [3.5, "3"],
    "mail": ["kim", "kim @example.com", 1],
    "day": ["2023-02-29", "29.2.2024", "20240229"],
    "at": ["2024-02-29", "2024-02-29T10:00:00"],
    "where": ["example", "https://example.com/a b", "http://["],
    "name": ["a", "abcd", ["ab"]],
    "kind": ["c", "A"],
    "sure": ["true", 1],
    "other": [1],
}
QUESTION: dict[str, Any] = {"action": None, "type": "clarification", "response_schema": SCHEMA}


@each_row(("name", "value"), [(name, one) for name in GOOD for one in GOOD[name]])
def test_a_response_that_follows_the_schema_is_taken(name: str, value: Any) -> None:
    assert decided(asked(**QUESTION), "respond", response={"amount": 5, name: value})


@each_row(("name", "value"), [(name, one) for name in BAD for one in BAD[name]])
def test_a_response_that_breaks_the_schema_is_refused_by_its_field(name: str, value: Any) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        decided(asked(**QUESTION), "respond", response={"amount": 5, name: value})

    assert [one["field"] for one in refusal.value.details] == [f"response.{name}"]


def test_every_field_that_breaks_the_schema_is_named() -> None:
    with pytest.raises(InvalidArgument) as refusal:
        decided(asked(**QUESTION), "approve", response={"name": "a", "sure": 1})

    fields = [one["field"] for one in refusal.value.details]
    assert fields == ["response.amount", "response.name", "response.sure"]


def test_who_approves_answers_only_where_nobody_can_respond() -> None:
    silent = asked(response_schema=SCHEMA, decisions=["approve", "respond"])
    assert decided(silent).response is None
    with pytest.raises(InvalidArgument, match=r"response\.amount"):
        decided(asked(response_schema=SCHEMA))
    assert decided(asked(response_schema=SCHEMA), "reject").status == "rejected"


def approved(**fields: Any) -> StoredIntervention:
    return decided(asked(**fields))


def test_what_was_approved_is_started_once_by_whoever_is_first() -> None:
    state = approved()

    first = started(state, str(state.action_hash), ROBOT, NOW)

    assert (first.started_by, first.started_by_subject, first.started_at) == ("robot", "robot", NOW)
    for robot in (ROBOT, OTHER):
        with pytest.raises(FailedPrecondition, match="robot") as refusal:
            started(first, str(state.action_hash), robot, NOW)
        assert refusal.value.details[0]["startedBy"] == "robot"


def test_an_edited_action_is_started_by_the_hash_of_the_edit_alone() -> None:
    state = decided(asked(), "edit", arguments={"amount": 50})

    with pytest.raises(FailedPrecondition, match="another action"):
        started(state, str(state.action_hash), ROBOT, NOW)
    assert started(state, str(state.approved_action_hash), ROBOT, NOW).started_at == NOW


def test_at_the_end_of_its_time_an_approval_lapses_and_a_moment_before_it_does_not() -> None:
    state = approved(act_within_seconds=60)
    end = NOW + 60 * SECOND
    hash_ = str(state.action_hash)

    assert state.act_until == end
    assert started(state, hash_, ROBOT, end - timedelta(microseconds=1)).lapsed_at is None
    lapsed = started(state, hash_, ROBOT, end)
    assert (lapsed.status, lapsed.lapsed_at, lapsed.started_at) == ("approved", end, None)
    assert (lapsed.archived, lapsed.sweep_at is not None) == (True, True)
    for late in (state, lapsed):
        shown = intervention_rows.shown("i", late, end)
        assert (shown.status, shown.lapsed_at, shown.archived) == ("approved", end, True)
    with pytest.raises(FailedPrecondition, match="lapsed"):
        started(lapsed, hash_, ROBOT, NOW)
    running = started(state, hash_, ROBOT, NOW)
    assert intervention_rows.shown("i", running, end).lapsed_at is None


@each_row(
    ("state", "why"),
    [
        (asked(), "pending"),
        (intervention_rules.claimed(asked(), KIM, NOW), "in_progress"),
        (decided(asked(), "reject"), "rejected by kim"),
        (decided(asked(action=None)), "no action"),
        (intervention_rules.withdrawn(asked(), None, ROBOT, NOW), "withdrawn"),
    ],
)
def test_nothing_else_is_started(state: StoredIntervention, why: str) -> None:
    with pytest.raises(FailedPrecondition, match=why):
        started(state, str(state.action_hash), ROBOT, NOW)


def test_a_question_that_has_run_out_expires_when_somebody_wants_to_start_it() -> None:
    state = asked(expires_in_seconds=60)

    late = started(state, str(state.action_hash), ROBOT, NOW + 60 * SECOND)

    assert late.status is InterventionStatus.EXPIRED


def test_an_action_is_completed_after_its_start_by_its_agent_or_its_holder() -> None:
    state = approved()

    for caller in (ROBOT, KIM):
        with pytest.raises(FailedPrecondition, match="started first"):
            intervention_rules.completed(state, None, caller, NOW)
    running = started(state, str(state.action_hash), ROBOT, NOW)
    with pytest.raises(FailedPrecondition, match="started by robot"):
        intervention_rules.completed(running, None, OTHER, NOW)
    for caller in (ROBOT, KIM):
        assert intervention_rules.completed(running, 1, caller, NOW).status == "completed"
    held = intervention_rules.claimed(asked(), KIM, NOW)
    with pytest.raises(FailedPrecondition, match="approved and started first"):
        intervention_rules.completed(held, None, KIM, NOW)
