"""Events are sealed in the log of their tenant: each once, and in one history."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask

from benchmarks import bill
from shared.config import Config
from shared.documents.port import Document, Query, Set, Unavailable, Update, Write
from shared.ledger import events
from shared.repository import sealed
from shared.rules import note, tree
from shared.runtime import Runtime
from tests.client import Api
from tests.conftest import Clock
from tests.functions.sealing_support import (
    Reader,
    checkpoint,
    opened,
    recorded,
    require_one_history,
    seal,
    sealed_by,
    tomorrow,
    with_keys,
)
from tests.functions.support import acquainted, cost
from tests.functions.sweep_support import broken_trails, meddle, writes_to

KEY = Ed25519PrivateKey.generate()
NO_JSON_FOR_RFC_8785 = '{"half":0.5,"beyond53Bits":100000000000000000000}'
MINUTE = {"seconds": 61}


@pytest.fixture
def configured(config: Config, tmp_path: Path) -> Config:
    """With a key that seals."""
    return with_keys(config, tmp_path, KEY)


def trail(api: Api) -> list[dict[str, Any]]:
    """The events of the tenant in the order in which they are sealed."""
    found = api.pilot.get("/audit?pageSize=200").json["events"]
    return sorted(found, key=lambda event: (event["createdAt"], event["id"]))


def stored_events(api: Api) -> list[Document]:
    return api.runtime.store.query(Query(f"tenants/{api.tenant}/audit"))


@pytest.mark.both_stores
def test_events_are_sealed_when_they_are_a_minute_old_in_the_order_of_their_times(
    api: Api, clock: Clock
) -> None:
    for title in ("A", "B"):
        api.verifier.create(id=title, title=title)
        clock.advance(seconds=20)
    api.verifier.patch("/cases/A", {"title": "C"})

    assert seal(api)["changed"] == 0
    assert api.viewer.get(f"/logs/{api.tenant}/checkpoint").status_code == 404
    clock.advance(seconds=40)
    assert seal(api)["changed"] == 2
    first = checkpoint(api, KEY)
    clock.advance(seconds=19)
    assert seal(api)["changed"] == 0
    clock.advance(seconds=1)
    assert seal(api)["changed"] == 1

    last = checkpoint(api, KEY)
    reader = Reader(api.viewer, api.tenant, last.size)
    assert (first.size, last.size) == (2, 3)
    assert [event["hash"] for event in trail(api)] == [entry.hex() for entry in reader.entries()]
    assert reader.root() == last.root
    reader.require_beginning(first, last)


@pytest.mark.both_stores
def test_each_tenant_has_a_log_of_its_own(api: Api, clock: Clock) -> None:
    other = api.caller("verifier", tenant="another")
    other.create()
    for _ in range(2):
        api.verifier.create()
    clock.advance(**MINUTE)

    assert seal(api)["changed"] == 3

    assert checkpoint(api, KEY).size == 2
    assert checkpoint(api, KEY, "another").size == 1


@pytest.mark.both_stores
@pytest.mark.costs_of("seal_audit")
def test_a_run_costs_each_event_once_and_three_writes_and_an_idle_one_a_read(
    api: Api, clock: Clock
) -> None:
    acquainted(api)
    api.verifier.create(id="A")
    clock.advance(**MINUTE)
    # The first run of an instance reads how far it is, that of a log whether older events are
    # there, and that of a day compares: it asks for the tenants, and for the newest event and the
    # number of events of each. The case that was opened is in the figures of all time and of a day.
    assert cost(sealed_by(api))[1] == 5
    for title in ("B", "C", "D"):
        api.verifier.patch("/cases/A", {"title": title})
    clock.advance(**MINUTE)

    news = sealed_by(api)
    idle = sealed_by(api)

    assert news.json["changed"] == 3
    # The three events, the end of the log and the figures; these anew, and how far all is sealed.
    assert cost(news) == (5, 3, 6)
    assert cost(idle) == (bill.IDLE_READS["seal_audit"], 0, 1) == (1, 0, 1)


@pytest.mark.both_stores
def test_a_full_bundle_is_a_write_more(api: Api, clock: Clock) -> None:
    store = api.runtime.store
    recorded(store, api.tenant, 250, clock.now)
    clock.advance(hours=1)
    seal(api)
    recorded(store, api.tenant, 10, clock.now, "cases/more")
    clock.advance(hours=1)

    filling = sealed_by(api)

    assert cost(filling) == (12, 4, 6)
    assert checkpoint(api, KEY).size == 260


def test_an_idle_run_after_a_new_start_costs_a_read_more(
    api: Api, clock: Clock, configured: Config
) -> None:
    api.verifier.create()
    clock.advance(**MINUTE)
    seal(api)

    again = started_with(api, configured)

    assert cost(sealed_by(again)) == (2, 0, 2)


def test_a_dry_run_counts_what_is_due_and_seals_nothing(api: Api, clock: Clock) -> None:
    api.verifier.create()
    clock.advance(**MINUTE)

    dry = sealed_by(api, "?dryRun=true")

    assert dry.json["changed"] == 1
    assert cost(dry)[1] == 0
    assert api.viewer.get(f"/logs/{api.tenant}/checkpoint").status_code == 404
    assert seal(api)["changed"] == 1


def test_without_a_key_nothing_is_sealed_and_the_log_says_so(
    config: Config, clock: Clock, framework: Flask, capsys: pytest.CaptureFixture[str]
) -> None:
    api = Api(Runtime(config, clock), app=framework)
    api.verifier.create()
    clock.advance(**MINUTE)

    assert seal(api)["changed"] == 0

    assert '"there is no CASELEDGER_LOG_KEY, so no event is sealed"' in capsys.readouterr().out
    api.runtime.close()


def test_the_answer_says_what_the_sealing_last_did(api: Api, clock: Clock) -> None:
    api.verifier.create()
    clock.advance(**MINUTE)
    seal(api)

    runs = api.admin.get("/scheduled").json["runs"]

    (last,) = [run["last"] for run in runs if run["name"] == "sealAudit"]
    assert last == {"startedAt": _wire(clock.now), "complete": True, "done": 1, "failed": 0}


def _wire(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")


@pytest.mark.both_stores
def test_an_event_is_proven_by_a_tlog_proof(api: Api, clock: Clock) -> None:
    api.verifier.create(id="A")
    api.verifier.patch("/cases/A", {"title": "B"})
    clock.advance(**MINUTE)
    seal(api)

    for index, event in enumerate(trail(api)):
        answer = api.viewer.get(f"/audit/{event['id']}:prove")

        assert answer.mimetype == "text/plain"
        proof = note.parse_proof(answer.text)
        said = opened(proof.checkpoint, KEY, api.tenant)
        leaf = tree.leaf_hash(bytes.fromhex(event["hash"]))
        tree.verify_inclusion(leaf, proof.index, said.size, proof.hashes, said.root)
        assert proof.index == index


def test_an_event_that_is_not_sealed_yet_cannot_be_proven(api: Api, clock: Clock) -> None:
    api.verifier.create()
    (event,) = trail(api)
    for _ in range(2):
        refused = api.viewer.get(f"/audit/{event['id']}:prove")

        assert refused.status_code == 409
        assert "is not sealed yet" in refused.text
        seal(api)
    clock.advance(**MINUTE)
    seal(api)
    assert api.viewer.get(f"/audit/{event['id']}:prove").status_code == 200
    assert api.viewer.get("/audit/unheard-of:prove").status_code == 404
    other = api.caller("viewer", tenant="another")
    assert other.get(f"/audit/{event['id']}:prove").status_code == 404
    api.verifier.create()
    newest = api.viewer.get(f"/audit/{trail(api)[-1]['id']}:prove")
    assert (newest.status_code, "is not sealed yet" in newest.text) == (409, True)


@pytest.mark.both_stores
def test_a_verification_says_what_the_log_has_of_a_chain(api: Api, clock: Clock) -> None:
    api.verifier.create(id="A")
    assert "log" not in api.pilot.get("/audit:verify?subject=cases/A").json
    clock.advance(**MINUTE)
    seal(api)
    api.verifier.patch("/cases/A", {"title": "B"})

    verified = api.pilot.get("/audit:verify?subject=cases/A").json

    assert verified["valid"] is True
    assert verified["events"] == 2
    assert verified["log"] == {"size": 1, "index": 0, "sealed": 1}


@pytest.mark.both_stores
def test_an_event_that_came_too_late_is_appended_by_the_next_days_comparison(
    api: Api, clock: Clock
) -> None:
    api.verifier.create(id="A")
    store, held = api.runtime.store, clock.now
    clock.advance(hours=1)
    api.verifier.create(id="B")
    clock.advance(**MINUTE)
    seal(api)
    before = checkpoint(api, KEY)
    (late,) = recorded(store, api.tenant, 1, held, "cases/late")
    clock.advance(**MINUTE)

    assert seal(api)["changed"] == 0
    done = tomorrow(api, clock)

    assert (done["changed"], done["failed"]) == (1, 0)
    after = checkpoint(api, KEY)
    reader = Reader(api.viewer, api.tenant, after.size)
    assert list(reader.entries())[-1].hex() == late.hash
    reader.require_beginning(before, after)
    proof = note.parse_proof(api.viewer.get(f"/audit/{late.id}:prove").text)
    assert proof.index == 2
    assert tomorrow(api, clock)["changed"] == 0


@pytest.mark.both_stores
def test_late_events_are_found_behind_full_bundles_too(api: Api, clock: Clock) -> None:
    store = api.runtime.store
    recorded(store, api.tenant, 600, clock.now)
    began = clock.now
    clock.advance(hours=1)
    seal(api)
    late = recorded(store, api.tenant, 3, began + timedelta(seconds=100), "cases/late")

    assert tomorrow(api, clock)["changed"] == 3

    recorded(store, api.tenant, 300, clock.now, "cases/more")
    clock.advance(hours=1)
    seal(api)
    log = sealed.opened(store, api.tenant)
    assert log
    assert [log.index_of(event) for event in late] == [600, 601, 602]
    assert {row["id"] for row in log_rows(log)} == {row.id for row in stored_events(api)}
    assert tomorrow(api, clock) | {"durationMs": 0} == tomorrow(api, clock) | {"durationMs": 0}
    assert api.pilot.get("/audit:verify?subject=cases/late").json["events"] == 0


def log_rows(log: sealed.Log) -> list[dict[str, Any]]:
    return [{"index": n, "id": one, "hash": found} for n, one, found in log.entries(0, log.size)]


@pytest.mark.both_stores
def test_events_without_a_slot_are_sealed_first_when_a_log_begins(api: Api, clock: Clock) -> None:
    store = api.runtime.store
    older = recorded(store, api.tenant, 300, clock.now, "cases/older")
    without_slot(api)
    clock.advance(hours=1)
    api.verifier.create()
    clock.advance(**MINUTE)

    assert seal(api)["changed"] == 301

    log = sealed.opened(store, api.tenant)
    assert log
    assert [row["id"] for row in log_rows(log)][:300] == [event.id for event in older]
    assert log.state.late == []


def test_events_without_a_slot_are_sealed_by_the_first_run_of_a_day_where_nothing_else_happens(
    api: Api, clock: Clock
) -> None:
    recorded(api.runtime.store, api.tenant, 5, clock.now)
    without_slot(api)
    clock.advance(hours=1)

    assert seal(api)["changed"] == 5

    assert checkpoint(api, KEY).size == 5


def without_slot(api: Api) -> None:
    """Makes the events look like those of release 1.0.0, which no query of all tenants finds."""
    for row in stored_events(api):
        data = {name: value for name, value in row.data.items() if name != events.SEAL_SLOT}
        api.runtime.store.commit([Set(row.path, data)])


@pytest.mark.both_stores
@pytest.mark.parametrize("edit", [{"severity": "critical"}, {"meta": NO_JSON_FOR_RFC_8785}])
def test_an_event_that_does_not_match_its_hash_is_not_sealed_and_stops_nothing(
    api: Api, clock: Clock, capsys: pytest.CaptureFixture[str], edit: dict[str, str]
) -> None:
    for title in ("A", "B", "C"):
        api.verifier.create(id=title)
        clock.advance(seconds=1)
    store = api.runtime.store
    edited = stored_events(api)[0]
    store.commit([Update(edited.path, edit)])
    clock.advance(**MINUTE)

    done = seal(api)

    assert (done["changed"], done["failed"]) == (2, 1)
    (line,) = broken_trails(capsys)
    assert line["message"] == "an event does not match its hash, and is not sealed"
    assert (line["tenant"], line["event"]) == (api.tenant, edited.id)
    assert tomorrow(api, clock)["failed"] == 1  # it is told again each day
    store.commit([Update(edited.path, {"createdAt": "a text"})])
    assert tomorrow(api, clock)["failed"] == 1
    store.commit([Set(edited.path, edited.data)])
    again = tomorrow(api, clock)
    assert (again["changed"], again["failed"]) == (1, 0)
    assert checkpoint(api, KEY).size == 3
    assert tomorrow(api, clock)["failed"] == 0


class Stopping(Runtime):
    """An instance that is about to end after it was asked so often whether it is."""

    asked = 0
    _after = 1_000_000

    @property
    def stopping(self) -> bool:
        """Whether it is about to end."""
        self.asked += 1
        return self.asked > self._after

    @stopping.setter
    def stopping(self, after: int) -> None:
        self.asked, self._after = 0, after or self._after


@pytest.mark.both_stores
def test_a_backlog_is_sealed_in_as_many_runs_as_it_takes(
    configured: Config, clock: Clock, framework: Flask
) -> None:
    runtime = Stopping(configured, clock)
    api = Api(runtime, app=framework)
    written = recorded(runtime.store, api.tenant, 600, clock.now)
    clock.advance(hours=1)
    checkpoints, steps = [], []
    for number in range(1, 9):
        runtime.stopping = 2 if number < 8 else 1_000_000
        runtime.sealing = None
        done = seal(api)
        steps.append(done["complete"])
        checkpoints.append(checkpoint(api, KEY))

    assert steps == [False] * 7 + [True]
    entries = list(Reader(api.viewer, api.tenant, 600).entries())
    assert [entry.hex() for entry in entries] == [event.hash for event in written]
    require_one_history(checkpoints, entries)
    runtime.close()


@pytest.mark.parametrize("lost", ["before", "after"])
def test_a_commit_whose_answer_is_lost_is_found_out_by_reading_the_log_again(
    api: Api, clock: Clock, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    api.verifier.create()
    clock.advance(**MINUTE)
    store = api.runtime.store
    commit, left = store.commit, [1]

    def unanswered(writes: list[Write]) -> None:
        if left and any(write.path.endswith("/log/state") for write in writes):
            left.pop()
            if lost == "after":
                commit(writes)
            raise Unavailable
        commit(writes)

    monkeypatch.setattr(store, "commit", unanswered)

    assert seal(api)["failed"] == 0
    assert checkpoint(api, KEY).size == 1


@pytest.mark.both_stores
def test_a_run_that_was_overtaken_appends_to_what_the_other_one_has_made(
    api: Api, clock: Clock
) -> None:
    api.verifier.create()
    clock.advance(**MINUTE)
    seal(api)
    api.verifier.create()
    clock.advance(**MINUTE)
    shown = []

    def overtakes() -> None:
        api.verifier.create()
        clock.advance(**MINUTE)
        assert seal(api)["changed"] == 2
        shown.append(checkpoint(api, KEY))

    meddle(api, writes_to(sealed.state_path(api.tenant), overtakes))

    assert seal(api)["failed"] == 0

    assert [one.size for one in shown] == [3]
    assert checkpoint(api, KEY) == shown[0]


def test_all_keys_of_the_file_sign(api: Api, clock: Clock, config: Config, tmp_path: Path) -> None:
    api.verifier.create(id="A")
    clock.advance(**MINUTE)
    seal(api)
    first = checkpoint(api, KEY)
    new = Ed25519PrivateKey.generate()
    both = started_with(api, with_keys(config, tmp_path, KEY, new))
    both.verifier.patch("/cases/A", {"title": "B"})
    clock.advance(**MINUTE)
    seal(both)
    second = checkpoint(both, KEY)
    assert second == checkpoint(both, new)
    only = started_with(api, with_keys(config, tmp_path, new))
    only.verifier.patch("/cases/A", {"title": "C"})
    clock.advance(**MINUTE)
    seal(only)

    third = checkpoint(only, new)

    assert [first.size, second.size, third.size] == [1, 2, 3]
    with pytest.raises(ValueError, match="known key"):
        checkpoint(only, KEY)
    entries = list(Reader(only.viewer, api.tenant, 3).entries())
    require_one_history([first, second, third], entries)


def started_with(api: Api, config: Config) -> Api:
    """The same functions for the same tenant, by another configuration."""
    other = Api(Runtime(config, api.runtime.clock, api.runtime.store), app=api.app)
    other.tenant = api.tenant
    return other
