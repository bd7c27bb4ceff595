"""The figures follow the log: each entry is counted once, whatever happens in between.

What an event counts for, and that figures are what a recount says, is of
tests/reliability/test_figures_model.py.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared import migrate
from shared.config import Config
from shared.documents.embedded.store import EmbeddedStore
from shared.documents.indexes import project_indexes
from shared.documents.port import Conflict, Data, Query, Set, Unavailable, Update
from shared.errors import Unreadable
from shared.repository import folding, recounting, tallies
from shared.rules.cases import DONE
from shared.rules.tally import day_of
from tests.client import Api
from tests.conftest import Clock
from tests.functions.sealing_support import recorded, seal, tomorrow, with_keys
from tests.functions.support import ON_EMBEDDED, Command, migrating
from tests.stored.formats import RELEASES, documents, restore
from tests.stored.record import TENANT

MINUTE = {"seconds": 61}


@pytest.fixture
def configured(config: Config, tmp_path: Path) -> Config:
    """With a key that seals."""
    return with_keys(config, tmp_path, Ed25519PrivateKey.generate())


@pytest.fixture
def run(
    config: Config, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Counts the figures by the command; gives its exit code and its lines."""
    return partial(migrating(config, monkeypatch, capsys), "figures")


def stored(api: Api) -> dict[str, Any]:
    """What is stored of all time."""
    document = api.runtime.store.get(tallies.totals_path(api.tenant))
    assert document
    return document.data


def sealed_cases(api: Api, clock: Clock, number: int = 2) -> None:
    """Cases that were opened and sealed."""
    for _ in range(number):
        api.verifier.create()
    clock.advance(**MINUTE)
    seal(api)


def events_now(api: Api, clock: Clock) -> int:
    """The number of events that a reader is told of, up to now."""
    found = tallies.totals(api.runtime.store, api.tenant, clock.now)
    assert found.as_of == clock.now
    return found.totals.sum("events")


@pytest.mark.both_stores
def test_a_case_moves_from_figure_to_figure(api: Api, clock: Clock) -> None:
    api.verifier.create(
        id="A", decisionType="csf", dueAt=(clock.now + timedelta(hours=1)).isoformat()
    )
    opened_on = clock.now.date()
    clock.advance(days=2)
    api.pilot.patch("/cases/A", {"status": "closed", "reason": "Over"})
    clock.advance(**MINUTE)
    seal(api)
    closed_on = clock.now.date()

    def figures() -> tuple[Any, ...]:
        until = closed_on + timedelta(days=1)
        found = tallies.days(api.runtime.store, api.tenant, opened_on, until, clock.now)
        first, last = found.days[opened_on], found.days[closed_on]
        return found.totals.by(2, "cases", "csf"), first.sum("opened"), last.by(2, "closed", "csf")

    two_days = 2 * 24 * 60 * 60 * 1000
    assert figures() == ({"closed": 1}, 1, {"late": 1, "ms": two_days, "took": 1})
    api.pilot.post("/cases/A:reopen", {"reason": "Not yet"})
    assert figures() == ({"in_review": 1}, 1, {})
    api.admin.delete("/cases/A")
    assert figures() == ({}, 1, {})


@pytest.mark.both_stores
def test_what_stops_between_the_log_and_the_figures_is_counted_by_the_next_run(
    api: Api, clock: Clock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sealed_cases(api, clock)

    def stopping(*_: object) -> int:
        raise Unavailable

    with monkeypatch.context() as broken:
        broken.setattr("shared.sweeps.folding.fold", stopping)
        sealed_cases(api, clock)
        assert "figures are left to the next sealing" in capsys.readouterr().out
    assert stored(api)["counted"] == 2
    assert events_now(api, clock) == 4

    sealed_cases(api, clock)

    assert stored(api)["counted"] == 6
    assert events_now(api, clock) == 6


def test_the_first_run_of_a_day_counts_what_was_left(
    api: Api, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("shared.sweeps.folding.Folding._count", lambda *_: None)
        sealed_cases(api, clock)
    assert api.runtime.store.get(tallies.totals_path(api.tenant)) is None

    tomorrow(api, clock)

    assert stored(api)["counted"] == 2


def test_whoever_loses_the_race_for_the_figures_counts_nothing_twice(
    api: Api, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    fold = folding.fold

    def beaten(*given: Any) -> int:
        monkeypatch.setattr("shared.sweeps.folding.fold", fold)
        fold(*given)
        raise Conflict

    monkeypatch.setattr("shared.sweeps.folding.fold", beaten)

    sealed_cases(api, clock, 3)

    assert (stored(api)["counted"], events_now(api, clock)) == (3, 3)


def test_what_is_about_many_days_takes_more_commits_and_others_may_be_in_between(
    api: Api, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    fold, opened = folding.fold, 4

    def overtaken(counting: Any, store: Any, path: str, document: Any, entries: Any) -> int:
        monkeypatch.setattr("shared.sweeps.folding.fold", fold)
        found = fold(counting, store, path, document, entries)
        assert (found, len(entries)) == (1, opened)
        fold(counting, store, path, store.get(path), entries[1:])
        return found

    for _ in range(opened):
        api.verifier.create()
        clock.advance(days=1)
    monkeypatch.setattr("shared.repository.folding._DAYS", 1)
    monkeypatch.setattr("shared.sweeps.folding.fold", overtaken)

    seal(api)

    assert (stored(api)["counted"], events_now(api, clock)) == (opened, opened)
    days = (clock.now.date() - timedelta(days=opened), clock.now.date())
    found = tallies.days(api.runtime.store, api.tenant, *days, clock.now)
    assert [tally.sum("opened") for tally in found.days.values()] == [1] * opened


def test_a_late_event_is_counted_when_it_is_sealed(api: Api, clock: Clock) -> None:
    began = clock.now
    recorded(api.runtime.store, api.tenant, 3, began)
    clock.advance(hours=1)
    seal(api)
    recorded(api.runtime.store, api.tenant, 2, began - timedelta(hours=1), "cases/late")
    assert events_now(api, clock) == 3

    tomorrow(api, clock)

    assert (stored(api)["counted"], events_now(api, clock)) == (5, 5)


@pytest.mark.both_stores
def test_an_event_that_was_changed_or_removed_after_it_was_sealed_is_not_counted_anew(
    api: Api, clock: Clock, run: Command
) -> None:
    sealed_cases(api, clock, 4)
    store = api.runtime.store
    edited, gone, *_ = store.query(Query(f"tenants/{api.tenant}/audit", limit=2))
    store.commit([Update(edited.path, {"message": "Another"}), Set(gone.path, {})])
    assert events_now(api, clock) == 4

    code, lines = run("--apply")

    assert (code, lines[-1]) == (
        0,
        f"figures of {api.tenant}: counted up to entry 4 of 4 of the log",
    )
    assert stored(api)["counted"] == 4
    assert tallies.totals(store, api.tenant, clock.now).totals.sum("events") == 2


@pytest.mark.both_stores
def test_figures_are_counted_anew_while_they_are_read_and_their_old_days_go(
    api: Api, clock: Clock, run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed_cases(api, clock, 3)
    store, today = api.runtime.store, clock.now.date()
    wrong = '{"events": 7, "cases": {"csf": {"new": 9}}}'
    store.commit([Update(tallies.totals_path(api.tenant), {"numbers": wrong})])
    assert run() == (0, [f"figures of {api.tenant}: counted up to entry 3 of 3 of the log"])
    assert events_now(api, clock) == 7
    read, stops = store.get_many, iter([True, False])

    def switching(paths: list[str]) -> Any:
        if tallies.totals_path(api.tenant) in paths and next(stops):
            assert run("--apply")[0] == 0
        return read(paths)

    monkeypatch.setattr(store, "get_many", switching)
    found = tallies.days(store, api.tenant, today, today + timedelta(days=1), clock.now)

    assert (found.totals.sum("events"), found.days[today].sum("opened")) == (3, 3)
    rows = store.query(Query(f"tenants/{api.tenant}/figures", select=()))
    assert {row.id for row in rows} == {"totals", f"2-{day_of(clock.now)}"}


def test_where_nothing_is_sealed_the_command_says_that_there_is_nothing_to_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "caseledger.db"
    EmbeddedStore(str(path), project_indexes()).close()
    monkeypatch.setenv("CASELEDGER_STORE", f"sqlite:///{path}")

    assert migrate.main(("figures",)) == 0

    assert "no event is sealed yet" in capsys.readouterr().out


def test_two_who_count_anew_at_once_make_the_same_figures(api: Api, clock: Clock) -> None:
    sealed_cases(api, clock, 3)
    store = api.runtime.store

    one = recounting.recount(store, api.tenant)
    assert next(one) == 3
    assert list(recounting.recount(store, api.tenant)) == []
    assert list(one) == []

    assert (stored(api)["generation"], events_now(api, clock)) == (2, 3)


@pytest.mark.parametrize(
    "damaged",
    [
        {"numbers": "[]"},
        {"numbers": '{"cases": 3}'},
        {"numbers": '{"cases": {"csf": {"new": "3"}}}'},
        {"numbers": '{"cases": {"csf": {"new": 1.5}}}'},
        {"until": "yesterday"},
    ],
    ids=str,
)
def test_figures_that_cannot_be_read_stop_no_sealing_and_are_counted_anew(
    api: Api, clock: Clock, run: Command, capsys: pytest.CaptureFixture[str], damaged: Data
) -> None:
    sealed_cases(api, clock)
    store, path = api.runtime.store, tallies.totals_path(api.tenant)
    store.commit([Update(path, damaged)])
    capsys.readouterr()

    sealed_cases(api, clock)

    assert "figures cannot be counted" in capsys.readouterr().out
    with pytest.raises(Unreadable, match="figures/totals cannot be read"):
        tallies.totals(store, api.tenant, clock.now)
    code, lines = run()
    assert (code, lines[0].partition("cannot")[0]) == (
        1,
        f"figures of {api.tenant}: stay as they are: figures/totals ",
    )
    assert run("--apply")[0] == 0
    assert events_now(api, clock) == 4


@pytest.mark.both_stores
def test_what_the_last_release_recorded_counts_as_its_documents_say(
    api: Api, clock: Clock, run: Command
) -> None:
    store, api.tenant = api.runtime.store, TENANT
    restore(store, documents(RELEASES[-1]))
    clock.advance(days=400)
    seal(api)

    def live(name: str) -> list[Data]:
        rows = store.query(Query(f"tenants/{TENANT}/{name}"))
        return [row.data for row in rows if "deletedAt" not in row.data]

    def numbers(*names: str) -> Any:
        return Counter((names[0], *(one[name] for name in names[1:])) for one in live(names[0]))

    def counted() -> Any:
        found = tallies.totals(store, TENANT, clock.now).totals
        moving = {"cases", "unassigned", "interventions"}
        return Counter(
            {path: number for path, number in found.items() if path[0] in moving and number}
        )

    undone = [one for one in live("cases") if one["status"] not in DONE]
    free = Counter(("unassigned", one["decisionType"]) for one in undone if not one["assignedTo"])
    cases = numbers("cases", "decisionType", "status")
    expected = cases + free + numbers("interventions", "type", "priority", "status")
    assert counted() == expected
    assert len(expected) > 10
    assert run("--apply")[0] == 0
    assert counted() == expected


@ON_EMBEDDED
def test_a_reader_counts_at_most_300_events_and_says_up_to_when(api: Api, clock: Clock) -> None:
    rows = recorded(api.runtime.store, api.tenant, 299, clock.now)
    clock.advance(hours=1)
    assert events_now(api, clock) == 299
    recorded(api.runtime.store, api.tenant, 2, clock.now, "cases/more")

    found = tallies.totals(api.runtime.store, api.tenant, clock.now)

    assert (found.whole, found.totals.sum("events")) == (False, 300)
    assert rows[-1].created_at < found.as_of < clock.now + timedelta(seconds=1)


def test_events_carry_what_figures_need_and_those_that_open_something_do_not_grow(
    api: Api, clock: Clock
) -> None:
    api.verifier.create(id="A", decisionType="csf")
    question = {"uowId": "u", "type": "resume", "title": "May I?"}
    asked = api.agent.post("/interventions", question).json
    at = asked["createdAt"]
    clock.advance(hours=1)
    api.verifier.patch("/cases/A", {"title": "B"})
    api.verifier.post("/cases/A:claim")
    api.pilot.patch("/cases/A", {"assignedTo": "kim@example.com"})
    api.pilot.patch("/cases/A", {"status": "closed", "reason": "Over"})
    api.pilot.post(f"/interventions/{asked['id']}:decide", {"decision": "approve"})

    events = api.pilot.get("/audit").json["events"]
    metas = {event["message"]: event["meta"] for event in events}

    closed_at = api.viewer.get("/cases/A").json["closedAt"]
    told = {"at": at, "decisionType": "csf", "assigned": True}
    closed = {**told, "status": "closed", "closedAt": closed_at, "inTime": True}
    assert metas == {
        "Case created": {},
        "Asked for: resume": {},
        "Case updated": {},
        "Claimed by verifier@example.com": {"opened": {**told, "status": "new"}},
        "Assigned to kim@example.com": {},
        "Status changed from new to closed": {"opened": closed},
        "Decided: approve": {
            "asked": {
                "at": at,
                "by": "agent",
                "type": "resume",
                "priority": "normal",
                "status": "approved",
            }
        },
    }
    assert not [
        pointer for event in events for pointer in event["disclosures"] if "meta" in pointer
    ]
