"""`python -m shared.migrate`: what an index needs is rewritten, once, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from shared import migrate
from shared.config import Config
from shared.documents.port import Conflict, Document, DocumentStore, Query, Set, Unavailable, Write
from shared.models.case import StoredCase
from shared.models.stored import Data, Step
from shared.runtime import Runtime, open_store
from tests.client import Api
from tests.functions.support import Command, migrating
from tests.stored.formats import RELEASES, documents, restore
from tests.stored.record import TENANT

pytestmark = pytest.mark.both_stores


@pytest.fixture
def api(config: Config) -> Iterator[Api]:
    """The functions over what the last release stored, migrated."""
    runtime = Runtime(config)
    made = Api(runtime)
    made.tenant = TENANT
    restore(runtime.store, documents(RELEASES[-1]))
    for collection in migrate.COLLECTIONS:
        migrate.migrate(runtime.store, collection, apply=True)
    migrate.move_pilots(runtime.store, apply=True)
    yield made
    runtime.close()


@pytest.fixture
def run(
    config: Config, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Runs the command with the variables of the functions; gives its exit code and its lines."""
    return migrating(config, monkeypatch, capsys)


@pytest.fixture
def new_format(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - migrated first
    """A release whose cases are of format 2: what was called `name` is `title` there."""
    monkeypatch.setattr(StoredCase, "steps", (Step(_titled),))


def _titled(data: Data) -> Data:
    rest = {name: value for name, value in data.items() if name != "name"}
    return {**rest, "title": data["name"]} if "name" in data else data


def everything(store: DocumentStore) -> dict[str, Document]:
    """All documents, by their paths."""
    groups = (
        *migrate.COLLECTIONS,
        "audit",
        "evidence",
        "packets",
        "people",
        "pilots",
        "scheduledRuns",
    )
    rows = [row for group in groups for row in store.query(Query(group, group=True))]
    return {row.path: row for row in rows}


def without(store: DocumentStore, collection: str, *fields: str) -> list[str]:
    """Takes fields from the live documents of a collection; gives their paths."""
    rows = store.query(Query(collection, group=True))
    live = [row for row in rows if "deletedAt" not in row.data]
    store.commit(
        [
            Set(row.path, {name: v for name, v in row.data.items() if name not in fields})
            for row in live
        ]
    )
    return [row.path for row in live]


def test_what_the_last_release_stored_is_migrated_once(config: Config, run: Any) -> None:
    store = open_store(config)
    restore(store, documents(RELEASES[-1]))
    before = everything(store)

    code, lines = run()

    assert code == 0
    # All but the tombstones: none has the key by which its holder is found.
    assert "cases: 12 read, 10 to rewrite" in lines
    assert "interventions: 9 read, 8 to rewrite" in lines
    assert "pilots: 3 read, 3 to move" in lines
    assert everything(store) == before

    assert run("--apply")[0] == 0
    after = everything(store)
    assert run("--apply")[0] == 0
    assert everything(store) == after
    store.close()


def test_cases_of_the_last_release_are_counted(api: Api, run: Any) -> None:
    assert run("--apply")[0] == 0

    counts = {case["id"]: case for case in api.viewer.get("/cases?pageSize=200").json["cases"]}
    assert {(case["openInterventions"], case["openRuns"]) for case in counts.values()} == {
        (0, 0),
        (1, 0),
        (1, 3),
    }
    assert counts["REVIEW-1"]["openRuns"] == 3
    waiting = api.viewer.get("/cases?waiting=true").json["cases"]
    assert {case["id"] for case in waiting} == {"REVIEW-1", "ESCALATED-1"}


def test_what_pilots_decided_counts_for_whom_the_trail_knows_by_their_name(
    config: Config, run: Any
) -> None:
    runtime = Runtime(config)
    api = Api(runtime)
    api.tenant = TENANT
    restore(runtime.store, documents(RELEASES[-1]))
    vera = api.caller("pilot", "vera")
    question = {"uowId": "u", "type": "resume", "title": "May I?"}
    asked = api.agent.post("/interventions", question).json["id"]
    assert vera.post(f"/interventions/{asked}:decide", {"decision": "approve"}).status_code == 200

    assert run("--apply")[0] == 0

    top = api.pilot.get("/interventions:metrics").json["topPilots"]
    assert {one["pilot"]: one["decided"] for one in top} == {
        "vera@example.com": 3,
        "admin@example.com": 1,
        "pilot@example.com": 1,
    }
    people = api.viewer.get("/people").json["people"]
    assert [one["subject"] for one in people] == ["admin", "pilot", "vera"]
    assert runtime.store.query(Query("pilots", group=True)) == []
    for since in ("2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"):
        top = api.pilot.get(f"/interventions:metrics?since={since}").json["topPilots"]
        assert {one["pilot"]: one["decided"] for one in top}["vera@example.com"] == 3
    runtime.close()


def test_a_counter_of_a_name_that_the_trail_does_not_know_stays(api: Api, run: Any) -> None:
    counter = {"pilot": "ghost@example.com", "decided": 1, "approved": 1, "rejected": 0}
    path = f"tenants/{TENANT}/pilots/ghost"
    api.runtime.store.commit([Set(path, counter)])

    code, lines = run("--apply")

    assert code == 1
    assert f"{path}: the trail has no such name, and it stays as it is" in lines
    assert api.runtime.store.get(path)


def test_what_the_last_release_stored_is_found_by_new_filters_once_it_is_migrated(
    config: Config, run: Any
) -> None:
    runtime = Runtime(config)
    api = Api(runtime)
    api.tenant = TENANT
    restore(runtime.store, documents(RELEASES[-1]))

    def found(filters: str) -> int:
        return len(api.viewer.get(f"/cases?pageSize=200{filters}").json["cases"])

    assert found("&severity=normal") == 0

    assert run("--apply")[0] == 0

    assert found("&severity=normal") == found("")
    runtime.close()


def test_a_field_that_an_index_has_is_filled_with_its_default(api: Api, run: Any) -> None:
    assert run("--apply")[0] == 0
    store = api.runtime.store
    changed = {*without(store, "cases", "legalHold"), *without(store, "runs", "timeoutAt")}
    before = everything(store)

    code, lines = run()

    assert code == 0
    assert "runs: 5 read, 5 to rewrite" in lines
    assert everything(store) == before

    assert run("--apply")[0] == 0

    after = everything(store)
    assert {path for path in before if before[path] != after[path]} == changed
    for path in changed:
        filled = {"legalHold": False} if "/cases/" in path else {"timeoutAt": None}
        # And what else this release has fields for that the last one had not.
        assert {**before[path].data, **filled}.items() <= after[path].data.items()


def test_a_field_in_no_index_is_left_to_be_read_with_its_default(api: Api, run: Any) -> None:
    assert run("--apply")[0] == 0
    store = api.runtime.store
    without(store, "cases", "notesCount", "holds", "packetVersion")
    before = everything(store)

    assert run("--apply")[0] == 0

    assert everything(store) == before


@pytest.mark.usefixtures("new_format")
def test_an_older_format_is_lifted_once_without_an_event_and_its_chain_holds(
    api: Api, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = api.runtime.store
    with monkeypatch.context() as this_release:
        this_release.setattr(StoredCase, "steps", ())
        assert run("--apply")[0] == 0
    as_it_was = api.viewer.get("/cases/REVIEW-1")
    paths = rename_titles(store)
    before = everything(store)

    assert run("--apply")[0] == 0
    after = everything(store)
    assert run("--apply")[0] == 0

    assert everything(store) == after
    assert {path for path in before if before[path] != after[path]} == set(paths)
    for path in paths:
        assert after[path].data["format"] == 2
        assert "name" not in after[path].data
        assert after[path].data["head"] == before[path].data["head"]
    answer = api.viewer.get("/cases/REVIEW-1")
    assert (answer.json, answer.headers["ETag"]) == (as_it_was.json, as_it_was.headers["ETag"])
    assert api.pilot.get("/audit:verify?subject=cases/REVIEW-1").json["valid"]


@pytest.mark.usefixtures("new_format")
def test_what_is_changed_meanwhile_is_left_to_the_next_run_and_the_rest_is_rewritten(
    api: Api, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = rename_titles(api.runtime.store)
    meddle(monkeypatch, api.runtime.store, Conflict(), paths[3])

    code, lines = run("--apply")

    assert code == 1
    assert f"cases: 12 read, {len(paths) - 1} rewritten, 1 changed meanwhile" in lines
    monkeypatch.undo()
    monkeypatch.setattr(StoredCase, "steps", (Step(_titled),))
    assert formats(api.runtime.store, paths) == [2, 2, 2, 1, *[2] * (len(paths) - 4)]


@pytest.mark.usefixtures("new_format")
def test_a_run_that_the_store_stops_goes_on_when_it_is_run_again(
    api: Api, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = rename_titles(api.runtime.store)
    monkeypatch.setattr(migrate, "PAGE", 4)
    with monkeypatch.context() as failing:
        meddle(failing, api.runtime.store, Unavailable("lost"), paths[-1])
        code, lines = run("--apply")
        assert code == 1
        assert lines[-1] == "stopped: Unavailable: lost. Run it again to go on."
    left = formats(api.runtime.store, paths).count(1)
    assert 0 < left < len(paths)

    code, lines = run("--apply")

    assert code == 0
    assert any(line.endswith(f"{left} rewritten") for line in lines)
    assert formats(api.runtime.store, paths) == [2] * len(paths)


def test_what_cannot_be_read_is_named_and_left(api: Api, run: Any) -> None:
    store = api.runtime.store
    path = f"tenants/{TENANT}/cases/REVIEW-1"
    document = store.get(path)
    assert document
    store.commit([Set(path, {**document.data, "format": 9})])

    code, lines = run("--apply")

    assert code == 1
    assert f"{path}: cannot be read, and stays as it is" in lines
    assert any("1 unreadable" in line for line in lines)


def test_a_wrong_configuration_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CASELEDGER_STORE", "mysql://db")

    assert migrate.main([]) == 2
    assert capsys.readouterr().out.startswith("configuration: CASELEDGER_STORE must be")


def test_a_file_that_is_not_there_is_said_and_not_made(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    missing = tmp_path / "cases.db"
    monkeypatch.setenv("CASELEDGER_STORE", f"sqlite:///{missing}")

    assert migrate.main(["--apply"]) == 2
    told = capsys.readouterr().out
    assert told == f"configuration: CASELEDGER_STORE: there is no file {missing}\n"
    assert not missing.exists()


def rename_titles(store: DocumentStore) -> list[str]:
    """Puts all live cases into format 1 of `new_format`; gives their paths, in order."""
    rows = [row for row in store.query(Query("cases", group=True)) if "title" in row.data]
    renamed = [
        Set(row.path, {("name" if name == "title" else name): v for name, v in row.data.items()})
        for row in rows
    ]
    store.commit(renamed)
    return [row.path for row in rows]


def formats(store: DocumentStore, paths: Sequence[str]) -> list[int]:
    """The formats that documents say."""
    return [row.data.get("format", 1) for row in store.get_many(paths) if row]


def meddle(
    monkeypatch: pytest.MonkeyPatch, store: DocumentStore, error: Exception, path: str
) -> None:
    """From now on a commit that writes to `path` fails."""
    commit = type(store).commit

    def failing(self: DocumentStore, writes: Sequence[Write]) -> None:
        if path in {write.path for write in writes}:
            raise error
        commit(self, writes)

    monkeypatch.setattr(type(store), "commit", failing)
