"""Who is who: names as they are compared, and persons by subject, without a store."""

from __future__ import annotations

import hashlib
import unicodedata
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.documents.port import Create, Merge
from shared.documents.values import MAX_WRITES
from shared.ledger.directory import Directory, fields, path
from shared.models.base import is_visible
from shared.models.case import NewCase
from shared.models.names import folded, normalised, person_key
from shared.models.roles import Actor
from shared.rules import people
from tests.rows import each_row

NAMES = st.one_of(
    st.sampled_from(["vera@example.com", "VERA@Example.com", "Vera", "vera", "max", "a@b", "A@B"]),
    st.text(min_size=1).filter(is_visible),
)
SUBJECTS = st.sampled_from(["vera", "max", "vera@example.com", "a@b"])
ACTORS = st.builds(
    lambda subject, email: Actor(subject=subject, email=email, type="user", role="verifier"),
    SUBJECTS,
    st.none() | NAMES,
)


def actor(subject: str, email: str | None = None, **more: Any) -> Actor:
    return Actor(subject=subject, email=email, **{"type": "user", "role": "verifier", **more})


@each_row(
    ("given", "kept"),
    [
        ("  Vera Lang ", "Vera Lang"),
        ("Ve\u200bra\ufeff", "Vera"),
        ("Zoe\u0308", "Zoë"),
        ("\u2060\u00a0Vera@Example.COM\u00a0", "vera@example.com"),
        ("straße@example.com", "straße@example.com"),
        ("Vera", "Vera"),
    ],
)
def test_a_name_is_kept_trimmed_in_nfc_without_what_shows_nothing_and_an_address_in_lower_case(
    given: str, kept: str
) -> None:
    assert normalised(given) == kept
    assert NewCase(decision_type="kyc", title="A", assigned_to=given).assigned_to == kept


@given(NAMES)
def test_to_write_a_name_twice_changes_nothing_and_it_stays_visible(name: str) -> None:
    once = normalised(name)

    assert normalised(once) == once
    assert unicodedata.is_normalized("NFC", once)
    assert is_visible(once)
    assert folded(once) == folded(name)
    assert folded(folded(name)) == folded(name)


@given(NAMES)
def test_upper_and_lower_case_tell_names_apart_unless_they_are_addresses(name: str) -> None:
    changed = normalised(name).swapcase().swapcase()

    if "@" in name:
        assert folded(normalised(name).lower()) == folded(name)
    elif changed != normalised(name):
        assert folded(changed) != folded(name)


def test_a_name_that_grows_beyond_its_bound_is_refused() -> None:
    # Each of these is three characters in NFC.
    with pytest.raises(ValidationError, match="254"):
        NewCase(decision_type="kyc", title="A", assigned_to="\ufb2c" * 254)


@given(ACTORS, SUBJECTS, st.none() | NAMES)
def test_where_a_subject_is_stored_it_alone_decides(
    who: Actor, subject: str, name: str | None
) -> None:
    assert people.is_person(who, subject, name) is (who.subject == subject)


@given(ACTORS, NAMES)
def test_a_stored_name_is_theirs_only_who_are_known_by_it(who: Actor, name: str) -> None:
    is_theirs = people.is_person(who, None, name)

    assert is_theirs is (people.known_as(who) == folded(name))
    if is_theirs and "@" in name:
        assert who.email is not None
        assert folded(who.email) == folded(name)
    if is_theirs and "@" not in name:
        assert (who.email, who.subject) == (None, folded(name))


def test_a_subject_that_looks_like_an_address_is_not_that_address_and_the_reverse() -> None:
    assert not people.is_person(actor("kim@example.com"), None, "kim@example.com")
    assert not people.is_person(actor("x", "kim"), None, "kim")
    assert not people.is_person(actor("x", "kim@example.com"), "kim@example.com", None)
    assert people.is_person(actor("x", "Kim@Example.com"), None, "kim@example.COM")
    assert people.is_person(actor("kim"), None, "kim")


@given(ACTORS, SUBJECTS, NAMES)
def test_who_asked_is_who_has_the_subject_or_is_shown_by_the_name(
    who: Actor, subject: str, name: str
) -> None:
    assert people.asked(who, subject, name) is (
        who.subject == subject or folded(who.name) == folded(name)
    )


@given(ACTORS, st.none() | SUBJECTS, st.none() | NAMES)
def test_a_query_by_someones_keys_finds_exactly_what_is_theirs(
    who: Actor, subject: str | None, name: str | None
) -> None:
    found = person_key(subject, name) in people.keys(who)

    assert found is people.is_person(who, subject, name)
    assert len(people.keys(who)) <= 2


MORNING = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)


def test_a_person_is_noted_once_a_day_and_again_in_another_role_or_with_another_address() -> None:
    directory = Directory()
    steps = [
        (actor("vera", "vera@a"), 2, True),
        (actor("vera", "vera@a"), 2, False),
        (actor("vera", "vera@b"), 2, True),
        (actor("vera", "vera@b", role="pilot"), 2, True),
        (actor("vera", "vera@b", role="pilot"), 3, True),
        (actor("max", "vera@b", role="pilot"), 3, True),
        (actor("robot", type="service", role="agent"), 3, False),
        (actor("cron", type="system", role="scheduler"), 3, False),
    ]

    for who, day, noted in steps:
        now = MORNING.replace(day=day)
        writes = directory.entries("t", who, now, [])
        assert [write.path for write in writes] == ([path("t", who.subject)] if noted else [])
        directory.keep("t", who, now)


def test_an_instance_remembers_a_bounded_number_of_people() -> None:
    directory = Directory(remembered=2)
    for subject in ("a", "b", "c"):
        directory.keep("t", actor(subject), MORNING)

    again = [bool(directory.entries("t", actor(one), MORNING, [])) for one in ("a", "b", "c")]

    assert again == [True, False, False]
    directory.keep("t", actor("robot", type="service", role="agent"), MORNING)
    assert directory.entries("t", actor("b"), MORNING, []) == []


def test_a_commit_without_room_or_with_the_entry_of_its_own_gets_no_other() -> None:
    vera, at = actor("vera"), path("t", "vera")
    full = [Create(f"x/{number}", {}) for number in range(MAX_WRITES)]

    (entry,) = Directory().entries("t", vera, MORNING, full[1:])

    assert entry == Merge(at, fields(vera, MORNING))
    assert Directory().entries("t", vera, MORNING, full) == []
    assert Directory().entries("t", vera, MORNING, [full[0], Merge(at)]) == []


def test_a_person_is_stored_with_all_that_they_are_found_by() -> None:
    assert fields(actor("kim", "Kim@Example.com"), MORNING) == {
        "subject": "kim",
        "name": "Kim@Example.com",
        "email": "Kim@Example.com",
        "role": "verifier",
        "foldedName": "kim@example.com",
        "knownAs": "kim@example.com",
        "lastSeenAt": MORNING,
    }
    assert fields(actor("kim@example.com"), MORNING)["knownAs"] is None


def test_a_person_is_where_every_release_has_put_them() -> None:
    name = hashlib.sha256(b"vera").hexdigest()[:32]

    assert path("t", "vera") == f"tenants/t/people/{name}"
