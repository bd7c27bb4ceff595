"""What a trail says that is stored, folded from its events without a store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from shared.models.events import Change, Event
from shared.models.roles import Actor
from shared.rules import replay_fields
from shared.rules.replay import CONTRADICTION, Replay, same
from shared.rules.replay_parts import WHOLE, Parts
from tests.rows import each_row

BEGIN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
KIM = Actor(subject="kim", email="kim@example.com", type="user", role="pilot")


def event(sequence: int, *changes: tuple[str, Any, Any], **fields: Any) -> Event:
    """An event of a case, so many hours after the first."""
    content = {
        "id": f"e{sequence}",
        "sequence": sequence,
        "subject": "cases/A",
        "case_id": "A",
        "created_at": BEGIN + timedelta(hours=sequence),
        "actor": KIM,
        "source": "system",
        "event_type": "case_updated",
        "severity": "info",
        "agent_id": None,
        "outcome": "success",
        "message": "m",
        "reason": None,
        "changes": [Change(field=name, old=old, new=new) for name, old, new in changes],
        "meta": {},
        "request_id": "r",
        "request_hash": None,
        "previous_hash": "",
        "hash": "",
        "disclosures": {"/message": "0" * 32},
    }
    return Event(**{**content, **fields})


def taken(*events: Event) -> tuple[Replay, Parts]:
    """What events say, given first to last."""
    replay, parts = Replay(), Parts()
    for one in reversed(events):
        replay.take(one)
        parts.take(one, replay)
    parts.settle(replay)
    return replay, parts


def at(sequence: int) -> str:
    return f"2026-03-02T{9 + sequence:02}:00:00Z"


def said(*events: Event) -> dict[str, Any]:
    """The values of the fields of a case that its events do not list."""
    replay, parts = taken(*events)
    return {name: one.values for name, one in replay_fields.of_case(replay, parts).items()}


NEW = event(1, ("status", None, "new"), ("title", None, "T"))
REVIEW = event(2, ("status", "new", "in_review"))


def test_the_newest_event_that_names_a_field_says_what_is_stored() -> None:
    replay, _ = taken(NEW, event(2, ("title", "T", "U")), event(3, ("title", "U", "V")))

    assert (replay.fields["title"].sequence, replay.now("title")) == (3, "V")
    assert replay.contradiction is None


def test_an_event_that_found_another_value_than_was_left_is_named() -> None:
    replay, _ = taken(NEW, event(2, ("title", "X", "U")), event(3, ("title", "U", "V")))

    broken = replay.contradiction
    assert broken
    assert (broken.sequence, broken.field, broken.problem) == (2, "title", CONTRADICTION)


@each_row(
    ("events", "stopped", "stands_since"),
    [
        ((NEW, REVIEW), [None], [None]),
        ((NEW, event(2, ("status", "new", "needs_info"))), [at(2)], [at(2)]),
        (
            (NEW, event(2, ("status", "new", "needs_info")), event(3, ("dueAt", None, "d"))),
            [at(2)],
            [at(3)],
        ),
        (
            (
                NEW,
                REVIEW,
                event(3, ("status", "in_review", "approved")),
                event(4, ("status", "approved", "closed")),
            ),
            [at(3)],
            [at(3)],
        ),
        (
            (
                NEW,
                event(2, ("status", "new", "needs_info"), ("dueAt", None, "d")),
                event(3, ("status", "needs_info", "closed"), ("dueAt", "d", "e")),
            ),
            [at(3)],
            [at(3)],
        ),
    ],
)
def test_the_clock_of_a_case_stands_since_the_event_that_stopped_it(
    events: tuple[Event, ...], stopped: list[Any], stands_since: list[Any]
) -> None:
    found = said(*events)

    assert (found["clockStoppedAt"], found["dueStandsSince"]) == (stopped, stands_since)


def test_a_case_is_assigned_since_its_name_or_its_known_subject_has_changed() -> None:
    named = event(2, ("assignedTo", None, "kim@example.com"))
    known = event(3, ("assignedToSubject", None, "kim"))
    other = event(4, ("assignedToSubject", "kim", "kim-2"))

    assert said(NEW)["assignedAt"] == [None]
    assert said(NEW, named, known)["assignedAt"] == [at(2)]
    assert said(NEW, named, known, other)["assignedAt"] == [at(4)]


def test_an_item_has_the_hash_of_its_newest_event_and_who_attached_or_replaced_it() -> None:
    one = {"id": "i", "sha256": "a"}
    _, parts = taken(
        event(1, meta={"evidenceCount": 1, "added": [one]}),
        event(2, meta={"evidenceCount": 0, "removed": [one]}),
        event(3, meta={"evidenceCount": 1, "added": [{"id": "i", "sha256": "b"}]}),
        event(4, meta={"evidenceCount": 1, "changed": [{"id": "i", "old": "b", "new": "c"}]}),
    )

    item = parts.evidence["i"]
    assert (item.there, item.fields[WHOLE].values) == (True, ["c"])
    assert item.fields["addedAt"].values == [at(4), at(3)]
    assert parts.contradiction is None


def test_a_packet_says_the_title_that_the_case_had_then() -> None:
    frozen = {"event_type": "packet_frozen", "meta": {"version": 1, "items": 0, "sha256": "s"}}
    unchanged = taken(NEW, event(2, **frozen))[1]
    renamed = taken(NEW, event(2, **frozen), event(3, ("title", "T", "U")))[1]

    for parts in (unchanged, renamed):
        assert parts.packets["1"].fields["title"].values == ["T"]


@each_row(
    ("one", "other", "expected"),
    [(1, True, False), (1e20, 10**20, True), ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True)],
)
def test_values_are_the_same_as_json_is(one: Any, other: Any, *, expected: bool) -> None:
    assert same(one, other) is expected
