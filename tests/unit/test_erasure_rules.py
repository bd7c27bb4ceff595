"""The rules for erasures: which values of an event name a person, and who may confirm."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.errors import FailedPrecondition
from shared.models.erasure import ErasureToAsk, StoredErasure
from shared.models.roles import Actor
from shared.rules import erasures as rules
from tests.rows import each_row

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
KIM = rules.Person("kim-1", ["kim@example.com", "Jürgen@example.com"])


def admin(subject: str, email: str | None = None) -> Actor:
    """An admin."""
    return Actor(subject=subject, email=email, type="user", role="admin")


def asked(**more: Any) -> StoredErasure:
    """An erasure that Ada asked for."""
    given = ErasureToAsk(
        **{"person": "kim-1", "legal_basis": "GDPR", "reason": "Asked for", **more}
    )
    return rules.asked(given, admin("ada", "ada@example.com"), NOW)


def confirmed(by: Actor, erasure: StoredErasure | None = None, at: datetime = NOW) -> Any:
    """What becomes of it when somebody confirms it."""
    return rules.confirmed(erasure or asked(), by, "e" * 32, ["kim@example.com"], at)


@each_row(
    "value",
    [
        "kim@example.com",
        "Claimed by kim@example.com",
        "Ask KIM@Example.com.",
        "Ask JU\u0308RGEN@example.com!",
        "(kim-1)",
        "worksheets/A-1:kim-1",
        "subject:kim-1",
        "@kim-1 will know",
        "kim-1's case",
        ["nothing", {"deep": ["kim@example.com"]}],
        {"kim-1": "read"},
    ],
)
def test_a_value_that_has_a_persons_subject_or_address_in_it_names_them(value: Any) -> None:
    assert KIM.named_in(value)


@each_row(
    "value",
    [
        "tim.kim@example.com",
        "tim+kim@example.com",
        "kim@example.com.au",
        "kim@example.company",
        "kim-12",
        "KIM-1",
        "auth0|kim-1",
        "kim-1@example.com",
        "x@kim-1",
        "Kim Smith",
        "",
        7,
        None,
        True,
        [],
        {},
        {"a": [1, None]},
    ],
)
def test_what_only_looks_like_it_does_not_name_them(value: Any) -> None:
    assert not KIM.named_in(value)


def test_a_subject_that_is_an_address_is_compared_as_one() -> None:
    assert rules.Person("kim@example.com", []).named_in("KIM@example.com")
    assert not rules.Person("kim", []).named_in("KIM")


def event(subject: str, email: str | None, **more: Any) -> dict[str, Any]:
    """The content of an event, as far as it matters here."""
    pointers = ["/message", *(["/actor/email"] if email else [])]
    return {
        "actor": {"subject": subject, "email": email},
        "message": "Done",
        "disclosures": dict.fromkeys(pointers, "0" * 32),
        **more,
    }


def test_the_address_of_their_own_events_goes_whatever_it_is() -> None:
    person = rules.Person("kim-1", [])

    assert person.values(event("kim-1", "former@example.com")) == ["/actor/email"]
    assert person.values(event("ada", "ada@example.com")) == []
    assert person.values(event("ada", None, message="kim-1")) == ["/message"]
    assert person.values(event("ada", None, message="kim-1", disclosures={})) == []


def test_their_addresses_are_learned_from_their_own_events_alone() -> None:
    person = rules.Person("kim-1", [])
    person.values(event("ada", "ada@example.com"))
    person.values(event("kim-1", None))
    person.values(event("kim-1", "erased", erased={"/actor/email": "0" * 64}))
    assert person.names == set()

    person.values(event("kim-1", "kim@example.com"))

    assert person.named_in("kim@example.com")


def test_another_confirms_what_is_to_be_carried_out_then() -> None:
    second = admin("bob", "bob@example.com")

    found = confirmed(second, at=NOW + rules.LAPSES_AFTER - timedelta(microseconds=1))

    assert (found.confirmed_by, found.confirmed_by_subject) == ("bob@example.com", "bob")
    assert (found.event_id, found.names) == ("e" * 32, ["kim@example.com"])
    assert found.unfinished_since == found.confirmed_at
    assert rules.state_of(found, NOW + 2 * rules.LAPSES_AFTER) == "confirmed"
    assert confirmed(second, found) is None


@each_row(
    ("by", "at"),
    [
        (admin("ada", "other@example.com"), NOW),
        (admin("other", "ADA@example.com"), NOW),
        (admin("ada@example.com"), NOW),
        (admin("bob"), NOW + rules.LAPSES_AFTER),
    ],
)
def test_nobody_confirms_their_own_or_what_has_lapsed(by: Actor, at: datetime) -> None:
    with pytest.raises(FailedPrecondition) as refused:
        confirmed(by, at=at)

    state = "asked" if at == NOW else "lapsed"
    assert refused.value.details == [{"state": state, "confirmedBy": None}]


def test_what_somebody_has_confirmed_nobody_else_confirms() -> None:
    with pytest.raises(FailedPrecondition, match="confirmed already"):
        confirmed(admin("eve"), confirmed(admin("bob")))


def test_a_completed_erasure_keeps_no_name_of_the_person() -> None:
    before = confirmed(admin("bob"), asked(reason="A letter of kim@example.com", legal_basis="17"))
    named = confirmed(admin("bob"), asked(legal_basis="The letter of kim-1"))

    found = rules.completed(before.model_copy(update={"after": [NOW, "x"]}), NOW)

    assert (found.reason, found.legal_basis, found.names, found.after) == ("erased", "17", [], [])
    assert rules.completed(named, NOW).legal_basis == "erased"
    assert rules.state_of(found, NOW) == "completed"
    assert rules.shown("x", found, NOW).complete
    assert rules.tag(found) != rules.tag(before)
    assert rules.tag(before) == rules.tag(before.model_copy(update={"after": [NOW, "x"]}))


def test_the_reason_for_the_erasure_of_a_subject_stays() -> None:
    of_case = asked(person=None, subject="cases/A", reason="A letter of kim@example.com")
    before = confirmed(admin("bob"), of_case)

    assert rules.completed(before, NOW).reason == "A letter of kim@example.com"
