"""Tallies, the scale of times, and what an event counts for where it says less than it should."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.models.tallies import MOST, OTHERS, StoredTally, Tally
from shared.rules import facts
from shared.rules.facts import Facts, Happening
from shared.rules.spread import PER_POWER, bounds, bucket, quantile
from shared.rules.tally import Book, effects, of_purge, purged
from tests.rows import each_row

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
milliseconds = st.integers(0, 10**11)


@given(st.lists(milliseconds, min_size=1), st.sampled_from([0.1, 0.5, 0.9, 1.0]))
def test_a_quantile_is_within_the_bucket_of_the_exact_one(times: list[int], share: float) -> None:
    buckets: dict[str, int] = {}
    for time in times:
        buckets[bucket(time)] = buckets.get(bucket(time), 0) + 1
    exact = sorted(times)[math.ceil(share * len(times)) - 1]

    found = quantile(buckets, share)

    assert found is not None
    assert bucket(exact) == "0" or 1 / 1.22 < found * 1000 / exact < 1.22 or abs(found) < 0.01
    assert quantile({}, share) is None
    assert quantile({"5": 0}, share) is None


@given(milliseconds)
def test_a_time_is_within_the_bounds_of_its_bucket(time: int) -> None:
    begin, end = bounds(bucket(time))

    assert begin <= time < end
    assert [bucket(10**power) for power in range(4)] == [
        str(1 + power * PER_POWER) for power in range(4)
    ]


def test_a_tally_adds_asks_and_keeps_what_it_has() -> None:
    tally = Tally()
    for path, number in {("a", "x", "one"): 2, ("a", "y", "one"): 3, ("a", "y", "two"): 5}.items():
        tally.add(path, number)
    tally.add(("b",), 7)

    assert (tally.sum(), tally.sum("a"), tally.sum("a", "y"), tally.sum("b")) == (17, 10, 8, 7)
    assert (tally.sum("a", ..., "one"), tally.sum("c"), tally.sum("b", "x")) == (5, 0, 0)
    assert tally.by(1, "a") == {"x": 2, "y": 8}
    assert tally.by(2, "a") == {"one": 5, "two": 5}
    assert Tally.of_json(tally.as_json()) == tally
    assert (tally + tally).by(1, "a") == {"x": 4, "y": 16}
    assert tally + Tally() == tally != tally + tally
    tally.add(("a", "x", "one"), -2)
    assert tally.by(1, "a") == {"y": 8}
    assert hash(tally) == hash(Tally({"a": {"y": {"one": 3, "two": 5}}, "b": 7}))


def test_who_comes_when_a_tally_is_full_is_counted_among_the_others_for_good() -> None:
    tally = Tally()
    for number in range(MOST + 2):
        tally.add(("pilots", f"p-{number}", "approved"), 1)
    tally.add(("pilots", f"p-{MOST + 1}", "rejected"), 1)
    tally.add(("pilots", "p-0", "approved"), 1)

    assert tally.by(2, "pilots", OTHERS) == {"approved": 2, "rejected": 1}
    assert tally.sum("pilots", "p-0") == 2
    assert len(tally.by(1, "pilots")) == MOST + 1


@each_row("text", ["[]", "{", "7"])
def test_a_stored_tally_is_a_json_object(text: str) -> None:
    with pytest.raises(ValueError, match="numbers"):
        StoredTally.read({"numbers": text})


def happening(subject: str, event_type: str, new: dict[str, Any], **more: Any) -> Happening:
    old = more.pop("old", {})
    return Happening(subject, NOON, event_type, "vera", old, new, more)


def counted(one: Happening, after: Facts) -> Book:
    book = Book()
    book.take(effects(one, after))
    return book


def test_an_intervention_that_expired_did_so_when_its_time_was_over() -> None:
    ended = happening(
        "interventions/i", "intervention_expired", {"status": "expired"}, old={"status": "pending"}
    )
    after = Facts(NOON - timedelta(days=3), "resume", "expired", by="bot", priority="low")

    book = counted(ended, after._replace(expires_at=NOON - timedelta(days=1)))

    assert set(book.days) == {"2026-02-27", "2026-03-01"}
    assert book.days["2026-03-01"].by(3, "done", "resume", "low") == {"expired": 1}
    assert counted(ended, after).days["2026-03-02"].sum("agents", "bot", "expired") == 1


def test_a_case_that_was_done_in_time_is_in_time_however_late_it_is_closed() -> None:
    """As the events of earlier releases say it: by those before them."""
    due = (NOON - timedelta(hours=1)).isoformat()
    chain = [
        happening(
            "cases/A", "case_created", {"decisionType": "csf", "status": "new", "dueAt": due}
        ),
        happening("cases/A", "status_changed", {"status": "approved"}, old={"status": "in_review"}),
        happening("cases/A", "status_changed", {"status": "closed"}, old={"status": "approved"}),
    ]
    known: Facts | None = None
    for hours, one in zip((-5, -2, 0), chain, strict=True):
        known = facts.followed(known, one._replace(at=NOON + timedelta(hours=hours)))
    assert known
    assert (known.closed_at, known.in_time) == (NOON, True)
    late = facts.followed(known._replace(status="in_review", done_at=None), chain[-1])
    assert late
    assert not late.in_time


def test_an_event_tells_no_facts_of_a_chain_whose_beginning_is_not_known() -> None:
    assert (
        facts.followed(None, happening("cases/A", "status_changed", {"status": "closed"})) is None
    )
    assert facts.told_by(happening("cases/A", "status_changed", {"status": "closed"})) is None
    with pytest.raises(ValueError, match="at: must be a time"):
        facts.told_by(happening("cases/A", "x", {}, opened={"at": None}))


def test_a_purge_takes_away_what_there_was_but_not_how_much_each_has_decided() -> None:
    one = Facts(NOON, "resume", "approved", by="bot", priority="low", outcome="approved")
    one = one._replace(milliseconds=1000, decider="vera")
    book = Book()

    book.take(of_purge(purged(["csf", "csf", "kyc"], [one, one._replace(outcome=None)])))

    assert book.totals.by(1, "cases") == {"csf": -2, "kyc": -1}
    assert book.totals.sum("interventions", "resume", "low", "approved") == -2
    assert (book.totals.sum("resolved", "ms"), book.totals.sum("deciders")) == (-2000, 0)
    assert book.days["2026-03-02"].sum("deciders", "vera", "approved") == -1
