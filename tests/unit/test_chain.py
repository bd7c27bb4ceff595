"""The audit chain without a store: it holds, and whatever is done to it is found and named."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.models.audit import BrokenLink
from shared.models.events import Event, EventType
from shared.models.roles import Actor, Role
from shared.models.subjects import GENESIS, Head
from shared.rules import chain
from tests.reliability import independent
from tests.rows import each_row
from tests.unit.examples import STABLE

EXAMPLES = settings(STABLE, max_examples=50)

TENANT, SUBJECT, LENGTH = "acme", "cases/CASE-1", 7
Found = Event | chain.Unread
Attack = Callable[[list[Found]], object]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abé🙂"), inner),
    max_leaves=8,
)


def content(number: int, **fields: Any) -> dict[str, Any]:
    """What an event says, but for its place in the chain."""
    return {
        "id": f"event-{number}",
        "subject": SUBJECT,
        "case_id": "CASE-1",
        "created_at": datetime(2026, 3, 2, 9, 0, number % 60, tzinfo=UTC),
        "actor": Actor(subject="kim", email=None, type="user", role=Role.VERIFIER),
        "source": "system",
        "event_type": EventType.CASE_UPDATED,
        "severity": "info",
        "agent_id": None,
        "outcome": "success",
        "message": "Case updated",
        "reason": None,
        "changes": [],
        "meta": {},
        "request_id": "r",
        "request_hash": None,
        **fields,
    }


def salt() -> str:
    """The only salt that these events have; what it does is tested with disclosures."""
    return "0123456789abcdef" * 2


def chained(length: int, tenant: str = TENANT, **fields: Any) -> tuple[list[Event], Head]:
    """A chain, newest event first, and its head."""
    head, events = Head(), []
    for number in range(1, length + 1):
        made = chain.linked(tenant, head, content(number, **fields), salt)
        # Its content is that of its fields, which the tests edit, and not what was made.
        event = Event.model_validate(made.content(), strict=False, by_name=False)
        head = Head(sequence=event.sequence, hash=event.hash)
        events.append(event)
    return events[::-1], head


def checked(events: list[Found], head: Head) -> chain.Check:
    """The check of a chain as it was found."""
    check = chain.Check(TENANT, SUBJECT, head)
    check.follow(events)
    check.finish()
    return check


def first_broken(events: list[Found], head: Head) -> int | None:
    """The sequence that the check names first."""
    broken = checked(events, head).broken
    return broken.sequence if broken else None


@each_row("length", [0, 1, 2, 100])
def test_a_chain_as_it_was_written_holds(length: int) -> None:
    events, head = chained(length)

    check = checked([*events], head)

    assert (check.broken, check.events) == (None, length)
    assert [event.sequence for event in events] == list(range(length, 0, -1))


def test_a_chain_is_checked_page_by_page_with_the_same_result() -> None:
    events, head = chained(10)

    check = chain.Check(TENANT, SUBJECT, head)
    for start in range(0, 10, 3):
        check.follow(events[start : start + 3])
    check.finish()

    assert (check.broken, check.events) == (None, 10)


@EXAMPLES
@given(
    meta=st.dictionaries(st.text("abé🙂"), JSON),
    message=st.text(st.characters(exclude_categories=["Cs"])),
)
def test_the_hash_is_the_one_that_others_compute_from_the_json_and_the_tenant(
    meta: dict[str, Any], message: str
) -> None:
    (event,), _ = chained(1, meta=meta, message=message)
    said = json.loads(event.as_json())

    assert event.hash == independent.event_hash(TENANT, said)
    assert event.previous_hash == GENESIS


def test_the_same_event_has_another_hash_in_another_tenant() -> None:
    (own,), _ = chained(1)
    (other,), _ = chained(1, tenant="other")

    assert own.hash != other.hash


EDITS: dict[str, Any] = {
    "id": "event-x",
    "subject": "cases/CASE-2",
    "case_id": None,
    "created_at": datetime(2026, 3, 2, 9, 0, 4, tzinfo=UTC) + timedelta(microseconds=1),
    "actor": Actor(subject="pat", email=None, type="user", role=Role.VERIFIER),
    "source": "api",
    "event_type": EventType.NOTE_ADDED,
    "severity": "error",
    "agent_id": "x",
    "outcome": "denied",
    "message": "Case updated.",
    "reason": "x",
    "changes": None,
    "meta": {"x": 1},
    "request_id": "x",
    "request_hash": "x",
    "previous_hash": "0" * 63 + "1",
    "hash": "0" * 63 + "1",
    "disclosures": {"/message": "0123456789abcdef" * 2 + "0"},
    "erased": {"/message": "0" * 64},
    "erased_by": "event-x",
}


def test_every_field_of_an_event_is_edited_in_turn() -> None:
    assert set(EDITS) | {"sequence"} == set(Event.model_fields)


@each_row("field", EDITS)
def test_an_edited_field_is_found_and_named(field: str) -> None:
    events, head = chained(LENGTH)
    found: list[Found] = [
        event.model_copy(update={field: EDITS[field]}) if event.sequence == 4 else event
        for event in events
    ]

    assert first_broken(found, head) == 4


def _replaced(index: int, other: Found) -> Attack:
    return lambda events: events.__setitem__(index, other)


def _swapped(events: list[Found]) -> None:
    third, fourth = events[4], events[3]
    assert isinstance(third, Event)
    assert isinstance(fourth, Event)
    events[3] = third.model_copy(update={"sequence": 4})
    events[4] = fourth.model_copy(update={"sequence": 3})


def _again(events: list[Found]) -> None:
    events.insert(3, events[3])


def _rehashed(index: int, **fields: Any) -> Attack:
    """Edits an event, and gives it the hash that it then must have."""

    def act(events: list[Found]) -> None:
        event = events[index]
        assert isinstance(event, Event)
        edited = event.model_copy(update=fields)
        events[index] = edited.model_copy(update={"hash": chain.event_hash(TENANT, edited)})

    return act


def _missing_and_unreadable(events: list[Found]) -> None:
    events[3:5] = [chain.Unread(3)]


MISSING, UNREADABLE = "event is missing", "event cannot be read"
DUPLICATED, BEYOND = "event is duplicated", "event lies beyond the head"
OTHER_CONTENT = "content does not match its hash"
OTHER_HASH = "hash is not the one its successor or the head names"
NO_START = "first event does not start the chain"
ATTACKS: dict[str, tuple[Attack, int, str]] = {
    "first event deleted": (lambda events: events.pop(6), 1, MISSING),
    "middle event deleted": (lambda events: events.pop(3), 4, MISSING),
    "last event deleted": (lambda events: events.pop(0), 7, MISSING),
    "last two events deleted": (lambda events: events.__delitem__(slice(0, 2)), 6, MISSING),
    "all events deleted": (lambda events: events.clear(), 1, MISSING),
    "two events swapped": (_swapped, 3, OTHER_CONTENT),
    "event there twice": (_again, 4, DUPLICATED),
    "last event there twice": (lambda events: events.insert(0, events[0]), 7, DUPLICATED),
    "event unreadable": (_replaced(3, chain.Unread(None)), 4, UNREADABLE),
    "first event unreadable": (_replaced(6, chain.Unread(None)), 1, UNREADABLE),
    "event deleted before an unreadable one": (_missing_and_unreadable, 3, UNREADABLE),
    "event of another tenant": (
        _replaced(3, chained(LENGTH, tenant="other")[0][3]),
        4,
        OTHER_HASH,
    ),
    "event of another subject": (
        _replaced(3, chained(LENGTH, subject="cases/B")[0][3]),
        4,
        OTHER_HASH,
    ),
    "event rewritten with its hash": (_rehashed(3, message="x"), 4, OTHER_HASH),
    "last event rewritten with its hash": (_rehashed(0, message="x"), 7, OTHER_HASH),
    "first event rewritten with its hash": (_rehashed(6, message="x"), 1, OTHER_HASH),
    "event that was never linked": (
        lambda events: events.insert(0, chained(LENGTH + 1)[0][0]),
        8,
        BEYOND,
    ),
    "two events that were never linked": (
        lambda events: events.__setitem__(slice(0, 0), chained(LENGTH + 2)[0][:2]),
        8,
        BEYOND,
    ),
}


@each_row("attack", ATTACKS)
def test_an_attack_is_found_and_the_first_bad_sequence_is_named_with_what_is_wrong(
    attack: str,
) -> None:
    events, head = chained(LENGTH)
    found: list[Found] = [*events]
    act, sequence, problem = ATTACKS[attack]

    act(found)

    assert checked(found, head).broken == BrokenLink(sequence=sequence, problem=problem)


@each_row(("tenant", "subject"), [("other", SUBJECT), (TENANT, "cases/CASE-2")])
def test_the_whole_chain_of_another_is_not_ones_own(tenant: str, subject: str) -> None:
    events, head = chained(LENGTH, tenant, subject=subject)

    assert checked([*events], head).broken == BrokenLink(sequence=1, problem=OTHER_CONTENT)


def test_a_chain_that_goes_on_from_elsewhere_does_not_start() -> None:
    event = chain.linked(TENANT, Head(hash="1" * 64), content(1), salt)

    assert checked([event], Head(sequence=1, hash=event.hash)).broken == BrokenLink(
        sequence=1, problem=NO_START
    )


def test_of_several_breaks_the_first_in_the_chain_is_named() -> None:
    events, head = chained(LENGTH)
    found: list[Found] = [
        event.model_copy(update={"message": "x"}) if event.sequence in {2, 5} else event
        for event in events
    ]

    assert checked(found, head).broken == BrokenLink(
        sequence=2, problem="content does not match its hash"
    )


def test_an_unreadable_event_is_called_unreadable() -> None:
    events, head = chained(LENGTH)
    found: list[Found] = [*events]
    found[3] = chain.Unread(4, "actorName")

    broken = BrokenLink(sequence=4, problem="event cannot be read", field="actorName")
    assert checked(found, head).broken == broken


@each_row("head", [Head(), Head(sequence=LENGTH, hash="x"), Head(sequence=9)])
def test_a_head_that_was_changed_breaks_the_chain(head: Head) -> None:
    events, _ = chained(LENGTH)

    assert checked([*events], head).broken is not None
