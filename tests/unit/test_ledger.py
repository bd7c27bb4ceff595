"""The ledger over a store whose commits fail as they are told to."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from shared import errors
from shared.config import Config
from shared.documents import values
from shared.documents.port import (
    Create,
    Document,
    DocumentStore,
    Set,
    Stale,
    Unavailable,
    Update,
    Write,
)
from shared.documents.values import MAX_WRITES, commit_bytes
from shared.ledger import attempt, deliveries, ledger
from shared.ledger.decision import (
    Before,
    Decider,
    Decision,
    Former,
    Note,
    Recorded,
    Seen,
    Unchanged,
)
from shared.ledger.events import from_document, valid
from shared.ledger.kinds.cases import CASES
from shared.ledger.kinds.tenants import TENANT
from shared.ledger.kinds.worksheets import WORKSHEETS
from shared.ledger.ledger import Ledger
from shared.ledger.origin import Origin
from shared.ledger.preserved import preserving, require_room, with_former
from shared.models.case import NewCase, StoredCase
from shared.models.events import EventType
from shared.models.roles import Actor, Role
from shared.models.settings import StoredSettings
from shared.models.worksheet import StoredWorksheet
from shared.rules import cases as case_rules
from shared.runtime import open_store
from tests.conftest import Clock

KIM = Actor(subject="kim", email=None, type="user", role=Role.ADMIN)
ROBOT = Actor(subject="robot", email=None, type="service", role=Role.AGENT)
ORIGIN = Origin("acme", ROBOT, "api", "update", "request-1")


class Faulty:
    """A store whose next commits fail, one for each of `faults`; None lets one through.

    A commit that fails with `late` is made, and its answer is lost.
    """

    def __init__(self, store: DocumentStore) -> None:
        self.wrapped = store
        self.faults: list[Exception | None] = []
        self.commits: list[Sequence[Write]] = []
        self.late = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.wrapped, name)

    def commit(self, writes: Sequence[Write]) -> None:
        self.commits.append(writes)
        fault = self.faults.pop(0) if self.faults else None
        if fault is None or self.late:
            self.wrapped.commit(writes)
        if fault is not None:
            raise fault


@pytest.fixture
def store(embedded_config: Config) -> Iterator[Faulty]:
    """An empty store."""
    opened = open_store(embedded_config)
    yield Faulty(opened)
    opened.close()


@pytest.fixture(autouse=True)
def _no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts end with the first pause."""
    monkeypatch.setattr(ledger, "CONTENTION_SECONDS", 0.0)


def ledger_of(store: Any, clock: Clock, **fields: Any) -> Ledger:
    return Ledger(store, replace(ORIGIN, **fields), clock)


def longer(old: StoredSettings, _: datetime) -> Decision[StoredSettings]:
    """One more day until a case is closed."""
    new = old.model_copy(update={"auto_close_days": (old.auto_close_days or 0) + 1})
    return Decision(new, EventType.SETTINGS_CHANGED, "longer")


def days(store: Any) -> Any:
    document = store.get("tenants/acme")
    return document and document.data["autoCloseDays"]


def test_who_loses_every_race_is_told_to_try_again(store: Faulty, clock: Clock) -> None:
    store.faults = [Stale()]

    with pytest.raises(errors.Aborted):
        ledger_of(store, clock).change(TENANT, "", longer)
    assert days(store) is None


def test_who_never_learns_the_outcome_is_told_that_it_is_unknown(
    store: Faulty, clock: Clock
) -> None:
    store.faults = [Unavailable()]

    with pytest.raises(Unavailable):
        ledger_of(store, clock).change(TENANT, "", longer)


def test_after_a_few_commits_of_unknown_outcome_there_is_no_other(
    store: Faulty, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "CONTENTION_SECONDS", 60.0)
    store.faults = [Unavailable() for _ in range(99)]

    with pytest.raises(Unavailable):
        ledger_of(store, clock).change(TENANT, "", longer)
    assert len(store.commits) == attempt.UNKNOWN_OUTCOMES


def test_a_commit_whose_answer_was_lost_is_found_and_is_no_replay(
    store: Faulty, clock: Clock
) -> None:
    store.faults, store.late = [Unavailable()], True

    recorded = ledger_of(store, clock).change(TENANT, "", longer)

    assert (recorded.replayed, recorded.current.auto_close_days) == (False, 1)
    assert (days(store), len(store.commits)) == (1, 1)


def test_a_key_tells_a_request_from_every_other_and_names_it_alike_each_time() -> None:
    keyed = replace(ORIGIN, key="k")
    others = [
        replace(keyed, key="k2"),
        replace(keyed, operation="other"),
        replace(keyed, actor=KIM),
        replace(keyed, operation="up", key="datek"),
    ]

    assert keyed.event_id() == keyed.event_id("") == replace(keyed, request_id="r-2").event_id()
    assert keyed.event_id("1") == replace(keyed, request_id="r-2").event_id("1")
    names = {one.event_id(row) for one in [keyed, *others] for row in ("", "1", "11")}
    assert len(names) == 3 * (1 + len(others))
    names |= {ORIGIN.event_id(), ORIGIN.event_id()}
    assert len(names) == 3 * (1 + len(others)) + 2
    assert all(re.fullmatch(r"[0-9a-f]{32}", name) for name in names)


def test_the_tag_that_is_current_is_told_where_another_was_named() -> None:
    origin = replace(ORIGIN, matches=lambda tag: tag == "1-aa")

    origin.require_match("1-aa")
    ORIGIN.require_match("2-bb")
    with pytest.raises(errors.PreconditionFailed) as refused:
        origin.require_match("2-bb")
    assert refused.value.details == [{"etag": '"2-bb"'}]


def test_what_was_removed_since_is_not_found_and_what_changed_nothing_has_no_event(
    store: Faulty, clock: Clock
) -> None:
    gone: Recorded[StoredSettings] = Recorded("CASE-1", None, None)
    with pytest.raises(errors.NotFound):
        _ = gone.current
    same = ledger_of(store, clock).change(TENANT, "", lambda *_: Unchanged("as it was"))
    assert (same.result, same.replayed, store.commits) == ("as it was", False, [])
    with pytest.raises(TypeError):
        _ = same.happened


def test_what_a_decision_depends_on_is_read_once_and_again_after_a_lost_race(
    store: Faulty, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "CONTENTION_SECONDS", 60.0)
    reads: list[str] = []
    get_many = store.get_many

    def counted(paths: Sequence[str]) -> list[Document | None]:
        reads.extend(paths)
        found: list[Document | None] = get_many(paths)
        return found

    monkeypatch.setattr(store, "get_many", counted, raising=False)
    mutation = ledger_of(store, clock)
    mutation.listeners.keep("acme", {}, clock())
    store.faults = [Stale()]

    def decide(old: StoredSettings, now: datetime) -> Decision[StoredSettings]:
        assert mutation.beside("tenants/a") is mutation.all_beside(["tenants/a", "tenants/b"])[0]
        return longer(old, now)

    mutation.change(TENANT, "", decide)

    assert reads == ["tenants/a", "tenants/b"] * 2
    mutation.keep_beside({"tenants/c": None})
    assert mutation.all_beside(["tenants/c", "tenants/a"]) == [None, None]
    assert reads == ["tenants/a", "tenants/b"] * 2


def sheets(number: int) -> list[str]:
    return [f"CASE-{one}:kim" for one in range(number)]


def noted(_: str) -> Decider[StoredWorksheet, None]:
    """Adds a letter to the notes of a worksheet."""
    return lambda old, _: Decision(
        old.model_copy(update={"fsr_notes": old.fsr_notes + "x"}),
        EventType.WORKSHEET_SAVED,
        "noted",
    )


def notes(store: Any, names: Sequence[str]) -> list[str | None]:
    found = store.get_many([f"tenants/acme/worksheets/{name}" for name in names])
    return [document and document.data["fsrNotes"] for document in found]


def sizes(store: Faulty) -> list[int]:
    """How many subjects each commit was to change: each is written with its event."""
    return [len(writes) // 2 for writes in store.commits]


def test_a_batch_of_many_is_made_in_commits_of_the_same_size(
    store: Faulty, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "BATCH", 3)

    outcomes = ledger_of(store, clock).change_many(WORKSHEETS, sheets(7), noted)

    assert sizes(store) == [3, 3, 1]
    assert [one.name for one in outcomes if isinstance(one, Recorded)] == sheets(7)
    assert notes(store, sheets(7)) == ["x"] * 7


@pytest.mark.parametrize(
    ("fault", "late"), [(Stale, False), (Unavailable, False), (Unavailable, True)]
)
def test_a_batch_whose_commit_fails_is_made_in_halves_and_each_row_once(
    store: Faulty, clock: Clock, fault: type[Exception], *, late: bool
) -> None:
    store.faults, store.late = [fault()], late

    outcomes = ledger_of(store, clock).change_many(WORKSHEETS, sheets(5), noted)

    assert sizes(store)[:2] == [5, 2]
    assert notes(store, sheets(5)) == ["x"] * 5
    for name, one in zip(sheets(5), outcomes, strict=True):
        assert isinstance(one, Recorded)
        assert (one.name, one.replayed, one.current.fsr_notes) == (name, False, "x")


def test_a_row_that_is_refused_leaves_the_others_of_its_batch(store: Faulty, clock: Clock) -> None:
    refusal = errors.FailedPrecondition("not this one")

    def refused(_: StoredWorksheet, __: datetime) -> Decision[StoredWorksheet]:
        raise refusal

    names = sheets(3)
    outcomes = ledger_of(store, clock).change_many(
        WORKSHEETS, names, lambda name: refused if name == names[1] else noted(name)
    )

    assert outcomes[1] is refusal
    assert notes(store, names) == ["x", None, "x"]
    assert sizes(store) == [2]


def test_a_key_that_was_used_for_another_batch_is_refused_before_anything_is_done(
    store: Faulty, clock: Clock
) -> None:
    first = ledger_of(store, clock, key="k", request_hash="a")
    first.change_many(WORKSHEETS, sheets(4), noted)
    other = [f"B-{name}" for name in sheets(4)]

    again = ledger_of(store, clock, key="k", request_hash="a").change_many(
        WORKSHEETS, sheets(4), noted
    )
    with pytest.raises(errors.KeyReused):
        ledger_of(store, clock, key="k", request_hash="b").change_many(WORKSHEETS, other, noted)

    assert [one.replayed for one in again if isinstance(one, Recorded)] == [True] * 4
    assert notes(store, sheets(4) + other) == ["x"] * 4 + [None] * 4


@pytest.mark.parametrize(("room", "expected"), [(0, [4]), (-1, [4, 2, 2])])
def test_a_batch_is_one_commit_as_long_as_a_store_takes_its_writes_and_bytes(
    store: Faulty,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    room: int,
    expected: list[int],
) -> None:
    ledger_of(store, clock).change_many(WORKSHEETS, sheets(4), noted)
    (writes,) = store.commits
    limits = {"writes": len(writes), "bytes": commit_bytes(writes)}

    for limit, number in limits.items():
        store.commits.clear()
        names = [f"{limit[0].upper()}{name[1:]}" for name in sheets(4)]
        with monkeypatch.context() as patch:
            if limit == "writes":
                patch.setattr(values, "MAX_WRITES", number + room)
            else:
                patch.setattr(store.wrapped, "max_commit_bytes", number + room)
            ledger_of(store, clock).change_many(WORKSHEETS, names, noted)
        assert sizes(store) == expected
        assert notes(store, names) == ["x"] * 4


def test_whoever_has_lost_a_race_lets_the_next_one_have_their_turn() -> None:
    for _ in range(2):
        with ledger._turn("tenants/acme"):  # noqa: SLF001 - what it holds is seen nowhere else
            assert any(turn.locked() for turn in ledger._TURNS)  # noqa: SLF001
        assert not any(turn.locked() for turn in ledger._TURNS)  # noqa: SLF001


def test_only_whoever_has_lost_a_race_takes_a_turn(
    store: Faulty, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "CONTENTION_SECONDS", 60.0)
    store.faults = [Unavailable(), Stale()]
    turns: list[bool] = []

    def decide(old: StoredSettings, now: datetime) -> Decision[StoredSettings]:
        turns.append(any(turn.locked() for turn in ledger._TURNS))  # noqa: SLF001
        return longer(old, now)

    ledger_of(store, clock).change(TENANT, "", decide)

    assert turns == [False, False, True]


def test_what_was_seen_is_not_read_again_before_the_first_attempt(
    store: Faulty, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "get", None, raising=False)

    recorded = ledger_of(store, clock).change(TENANT, "", longer, seen=Seen(None))

    assert recorded.current.auto_close_days == 1


def test_a_read_that_failed_is_made_again_by_the_next_change(
    store: Faulty, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutation = ledger_of(store, clock)

    def decide(old: StoredSettings, now: datetime) -> Decision[StoredSettings]:
        mutation.beside("tenants/a")
        return longer(old, now)

    def failing(_: Sequence[str]) -> list[Document | None]:
        raise Unavailable

    with monkeypatch.context() as patch:
        patch.setattr(store, "get_many", failing, raising=False)
        with pytest.raises(Unavailable):
            mutation.change(TENANT, "", decide)

    assert mutation.change(TENANT, "", decide).current.auto_close_days == 1


def test_an_id_that_is_taken_is_refused_at_once(store: Faulty, clock: Clock) -> None:
    def first(now: datetime) -> Decision[StoredWorksheet]:
        assert WORKSHEETS.absent
        new = WORKSHEETS.absent("CASE-1:kim", now)
        return Decision(new, EventType.WORKSHEET_SAVED, "saved")

    ledger_of(store, clock).create(WORKSHEETS, "CASE-1:kim", first)

    with pytest.raises(errors.AlreadyExists):
        ledger_of(store, clock).create(WORKSHEETS, "CASE-1:kim", first)
    assert len(store.commits) == 2


HELD = Former("tenants/acme/cases/CASE-1", "evidence", "E-1", {})


@pytest.mark.parametrize(
    ("preserves", "more_writes", "more_bytes", "refused"),
    [
        ((HELD,), 0, 0, False),
        ((HELD,), 1, 99, True),
        ((HELD,), -9, -1, True),
        ((), 1, -1, False),
    ],
)
def test_what_a_hold_preserves_needs_room_in_the_commit(
    clock: Clock, preserves: tuple[Former, ...], more_writes: int, more_bytes: int, *, refused: bool
) -> None:
    number = MAX_WRITES - deliveries.ROOM + more_writes
    made: list[Write] = [Create(f"tenants/acme/x/{number}", {}) for number in range(number)]
    decision = replace(longer(StoredSettings(updated_at=clock()), clock()), preserves=preserves)
    room = commit_bytes(made) + deliveries.ROOM_BYTES + more_bytes
    made.append(Create(deliveries.path("acme", "event", "wh-1"), {}))

    if refused:
        with pytest.raises(errors.FailedPrecondition) as refusal:
            require_room(decision, made, room)
        assert refusal.value.details == [{"legalHold": True}]
    else:
        require_room(decision, made, room)


def test_a_receipt_is_named_as_every_release_has_named_it(store: Faulty, clock: Clock) -> None:
    parts = ("robot", "update", "k", "")

    recorded = ledger_of(store, clock, key="k").change(TENANT, "", longer)

    assert recorded.happened.id == hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def test_a_replay_gives_the_state_and_the_event_of_the_first_time(
    store: Faulty, clock: Clock
) -> None:
    first = ledger_of(store, clock, key="k").change(TENANT, "", longer)
    ledger_of(store, clock).change(TENANT, "", longer)

    again = ledger_of(store, clock, key="k").change(TENANT, "", longer)
    looked = ledger_of(store, clock, key="k").replay(TENANT)

    assert again == looked
    assert (again.replayed, again.current.auto_close_days) == (True, 2)
    assert again.happened.content() == first.happened.content()


def test_a_person_is_written_with_the_first_change_and_not_with_the_next(
    store: Faulty, clock: Clock
) -> None:
    mutation = ledger_of(store, clock, actor=KIM)
    for _ in range(2):
        mutation.change(TENANT, "", longer)
    mutation.of("acme").without_match.change(TENANT, "", longer)
    mutation.change_many(WORKSHEETS, sheets(2), noted)

    assert [len(writes) for writes in store.commits] == [3, 2, 2, 4]


def test_rows_that_were_read_already_have_an_event_each_on_their_own_chain(
    store: Faulty, clock: Clock
) -> None:
    for tenant in ("a", "b"):
        ledger_of(store, clock, tenant=tenant).change(TENANT, "", longer)
    documents = [store.get("tenants/a"), store.get("tenants/b")]

    outcomes = ledger_of(store, clock, key="k").change_seen(
        TENANT, [(one, TENANT.state(one)) for one in documents if one], lambda _: longer
    )

    assert [store.get(f"tenants/{one}").data["autoCloseDays"] for one in "ab"] == [2, 2]
    events = [one.happened for one in outcomes if isinstance(one, Recorded)]
    assert [event.sequence for event in events] == [2, 2]
    assert len({event.id for event in events}) == 2


def test_events_beside_that_of_a_decision_are_named_after_it_and_otherwise_by_none() -> None:
    clock = Clock()
    outside = [ledger_of(None, clock).beside_it(TENANT, 1).event_id for _ in range(2)]

    assert len(set(outside)) == 2
    assert all(re.fullmatch("[0-9a-f]{32}-s0001", name) for name in outside)


def test_a_batch_makes_no_more_commits_of_unknown_outcome_than_a_single_change(
    store: Faulty, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "CONTENTION_SECONDS", 60.0)
    store.faults = [Unavailable() for _ in range(99)]

    with pytest.raises(Unavailable):
        ledger_of(store, clock).change_many(WORKSHEETS, sheets(4), noted)
    assert len(store.commits) == attempt.UNKNOWN_OUTCOMES


def test_a_batch_of_one_is_read_once(
    store: Faulty, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "get", None, raising=False)

    (outcome,) = ledger_of(store, clock).change_many(WORKSHEETS, sheets(1), noted)

    assert isinstance(outcome, Recorded)
    assert notes(store, sheets(1)) == ["x"]


def test_further_events_of_a_commit_follow_the_first_and_are_no_receipts(
    store: Faulty, clock: Clock
) -> None:
    notes = tuple(Note(EventType.CUSTOM, f"note {number}", {"n": number}) for number in (1, 2))

    def decide(old: StoredSettings, now: datetime) -> Decision[StoredSettings]:
        return replace(longer(old, now), reason="why", also=notes)

    recorded = ledger_of(store, clock, key="k", request_hash="h").change(TENANT, "", decide)

    path = "tenants/acme/audit/"
    found = [store.get(f"{path}{recorded.happened.id}{end}") for end in ("", "-2", "-3")]
    events = [from_document(one) for one in found]
    assert [event.sequence for event in events] == [1, 2, 3]
    assert [event.previous_hash for event in events[1:]] == [event.hash for event in events[:2]]
    assert [event.request_hash for event in events] == ["h", None, None]
    assert [event.message for event in events] == ["longer", "note 1", "note 2"]
    assert [[(one.field, one.old, one.new) for one in event.changes] for event in events] == [
        [("autoCloseDays", None, 1)],
        [],
        [],
    ]
    assert {(event.outcome, event.source, event.reason) for event in events} == {
        ("success", "api", "why")
    }
    assert {event.created_at for event in events} == {clock.now}
    state = recorded.current
    assert (state.head.sequence, state.head.hash) == (3, events[2].hash)
    assert state.updated_at == clock.now
    assert "id" not in found[0].data
    assert found[0].data["actorName"] == "robot"


@pytest.mark.parametrize("leaves_parts", [False, True])
def test_what_is_deleted_leaves_a_tombstone_that_says_whether_parts_are_left(
    store: Faulty, clock: Clock, *, leaves_parts: bool
) -> None:
    ledger_of(store, clock).change(TENANT, "", longer)

    def decide(old: StoredSettings, now: datetime) -> Decision[StoredSettings]:
        return replace(longer(old, now), deletes=True, leaves_parts=leaves_parts)

    store.faults = [Stale()]
    with pytest.raises(errors.Aborted):
        ledger_of(store, clock).change(TENANT, "", decide)
    recorded = ledger_of(store, clock).change(TENANT, "", decide)

    left = {"partsLeftSince"} if leaves_parts else set()
    stone = store.get("tenants/acme")
    assert set(stone.data) == {"head", "deletedAt", *left}
    assert stone.data["head"] == {"sequence": 2, "hash": recorded.happened.hash}
    assert ("autoCloseDays", 1, None) in [
        (change.field, change.old, change.new) for change in recorded.happened.changes
    ]
    assert type(store.commits[-1][0]) is Set
    assert store.commits[-1][0].version


def case_of(clock: Clock, **fields: Any) -> StoredCase:
    new = NewCase(decision_type="kyc", title="Before")
    case = case_rules.opened("C", new, by="kim", due_hours=None, now=clock.now)
    return case.model_copy(update=fields)


ITEM = "tenants/acme/cases/C/evidence/E"
WRITES: list[Write] = [
    Update(ITEM),
    Create("tenants/acme/cases/C/evidence/new", {}),
    Update("tenants/acme/cases/C/evidence/gone"),
    Update("tenants/acme/cases/OTHER/evidence/E"),
]


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("title", ["Before", "After"])
@pytest.mark.parametrize("writes", [[], WRITES])
def test_a_change_of_a_held_case_preserves_what_it_overwrites(
    clock: Clock, writes: list[Write], title: str, *, held: bool
) -> None:
    path = CASES.path("acme", "C")
    case = case_of(clock, legal_hold=held)
    before = Before(Document(path, case.to_data(), version=1), case)
    decision: Decision[StoredCase] = Decision(
        case.model_copy(update={"title": title, "status": "in_review"}),
        EventType.CASE_UPDATED,
        "updated",
        writes=tuple(writes),
    )
    asked: list[str] = []

    def beside(paths: Sequence[str]) -> list[Document | None]:
        asked.extend(paths)
        return [Document(one, {"a": 1}, version=1) if one == ITEM else None for one in paths]

    after = with_former(CASES, path, before, decision, beside)

    own = [Former(path, "cases", "C", {"title": "Before"})] if title == "After" else []
    beneath = [Former(path, "evidence", "E", {"a": 1})] if writes else []
    assert after.preserves == (tuple(own + beneath) if held else ())
    assert replace(after, preserves=()) == decision
    assert asked == ([ITEM, "tenants/acme/cases/C/evidence/gone"] if held and writes else [])


def test_what_is_preserved_is_kept_beside_the_event_that_overwrote_it(
    store: Faulty, clock: Clock
) -> None:
    event = ledger_of(store, clock).change(TENANT, "", longer).happened
    former = (HELD._replace(data={"a": [1]}), HELD._replace(name="E-2"))

    writes = list(preserving(event, former))

    path = f"tenants/acme/cases/CASE-1/preserved/{event.id}"
    assert [write.path for write in writes] == [f"{path}-1", f"{path}-2"]
    assert isinstance(writes[0], Create)
    assert writes[0].data == {
        "collection": "evidence",
        "name": "E-1",
        "content": '{"a":[1]}',
        "eventId": event.id,
        "subject": "tenant",
        "sequence": 1,
        "preservedAt": clock.now,
    }


def test_a_state_says_when_it_was_changed_last(store: Faulty, clock: Clock) -> None:
    for _ in range(2):
        recorded = ledger_of(store, clock).change(TENANT, "", longer)
        assert recorded.current.updated_at == recorded.happened.created_at == clock.now
        clock.advance(hours=1)


@pytest.mark.parametrize(
    "spoilt",
    [{"changes": None}, {"changes": 7}, {"meta": None}, {"actorName": "kim"}, {"message": 7}],
)
def test_an_event_that_was_spoilt_cannot_be_read(
    store: Faulty, clock: Clock, spoilt: dict[str, Any]
) -> None:
    event = ledger_of(store, clock).change(TENANT, "", longer).happened
    document = store.get(f"tenants/acme/audit/{event.id}")

    assert valid(document) == from_document(document)
    assert valid(replace(document, data={**document.data, **spoilt})) is None
    for name in spoilt:
        left = {key: value for key, value in document.data.items() if key != name}
        assert valid(replace(document, data=left)) is None
