"""The nightly check: a thirtieth of all subjects and of the logs, so that a month sees all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.config import Config
from shared.documents.port import Delete, Query, Set, Update
from shared.runtime import Runtime
from shared.sweeps.integrity import LOGS, NIGHTS, PROGRESS, SUBJECTS
from tests.client import Api
from tests.conftest import Clock
from tests.functions.sealing_support import recorded, seal, with_keys
from tests.functions.support import cost
from tests.functions.sweep_support import answered, broken_trails, did, run
from tests.rows import each_row

pytestmark = pytest.mark.both_stores

CHECK = "/scheduled/checkIntegrity"
COUNTED = (*SUBJECTS, *LOGS)


def nights(api: Api, clock: Clock, number: int = NIGHTS) -> Iterator[dict[str, Any]]:
    """What each of so many nightly runs did."""
    for _ in range(number):
        clock.advance(days=1)
        yield run(api, CHECK)


def test_each_subject_is_seen_within_thirty_nights_and_what_is_broken_is_named(
    api: Api, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    api.admin.patch("/settings", {"caseRetentionDays": 300})
    for number in range(31):
        api.verifier.create(id=f"CASE-{number:02}")
    question = {"uowId": "u", "type": "resume", "title": "?"}
    asked = api.agent.post("/interventions", question).json["id"]
    api.verifier.put("/cases/CASE-00/worksheet", {"fsrNotes": "Notes"})
    root = f"tenants/{api.tenant}"
    names = ("cases", "interventions", "worksheets")
    rows = [row for name in names for row in api.runtime.store.query(Query(f"{root}/{name}"))]
    for row in rows:
        api.runtime.store.commit([Update(row.path, {"createdAt": clock.now.replace(year=2020)})])
    capsys.readouterr()

    done = list(nights(api, clock, 17))

    named = broken_trails(capsys)
    expected = {row.path.removeprefix(f"{root}/") for row in rows}
    assert f"interventions/{asked}" in expected
    assert sorted(line["subject"] for line in named) == sorted(expected)
    assert {line["tenant"] for line in named} == {api.tenant}
    assert {line["field"] for line in named} == {"createdAt"}
    # 34 subjects: two a night.
    assert [one["examined"] for one in done] == [2] * 17
    assert sum(one["failed"] for one in done) == len(rows)


def test_a_night_has_its_part_once_and_what_it_leaves_comes_on_top_of_the_next(
    config: Config, clock: Clock
) -> None:
    hasty = replace(config, sweep_seconds=0)
    runtime = Runtime(hasty, clock)
    api = Api(runtime)
    for number in range(31):
        api.verifier.create(id=f"CASE-{number}")
    assert did(complete=False) == run(api, CHECK)
    runtime.config = config
    clock.advance(days=1)
    assert did(examined=2) == run(api, f"{CHECK}?dryRun=true")
    assert runtime.store.get(PROGRESS) is None

    assert did(examined=2) == run(api, CHECK)
    assert did() == run(api, CHECK)
    runtime.config = hasty
    clock.advance(days=1)
    assert did(complete=False) == run(api, CHECK)
    runtime.close()


def test_a_run_that_is_late_goes_on_where_the_last_one_stopped(api: Api, clock: Clock) -> None:
    for number in range(31):
        api.verifier.create(id=f"CASE-{number:02}")

    seen = []
    for _ in range(3):
        run(api, CHECK)
        progress = api.runtime.store.get(PROGRESS)
        assert progress
        seen.append(progress.data["after"].rpartition("/")[2])
        clock.advance(days=1)

    assert seen == ["CASE-01", "CASE-03", "CASE-05"]


@pytest.mark.parametrize("edited", [{"left": -1_000}, {"collection": 77}, {"after": 7}])
def test_nobody_stops_the_check_by_editing_how_far_it_has_come(
    api: Api, clock: Clock, edited: dict[str, int]
) -> None:
    api.verifier.create(id="CASE-1")
    run(api, CHECK)
    api.runtime.store.commit([Update(PROGRESS, edited)])
    clock.advance(days=1)

    assert run(api, CHECK)["examined"] == 1


@pytest.mark.costs_of("check_integrity")
def test_a_night_costs_what_its_verifications_cost_and_a_read_for_each_collection_and_two(
    api: Api,
) -> None:
    api.verifier.create(id="CASE-1")
    verified = api.pilot.get("/audit:verify?subject=cases/CASE-1")

    answer = answered(api, CHECK)

    # Where it is, a count of each collection, the document's name; then where it has come to is
    # written.
    trips = cost(verified)[2] + 5
    assert cost(answer) == (cost(verified)[0] + len(COUNTED) + 2 + 1, 1, trips)


@pytest.mark.parametrize("config", ["embedded"], indirect=True)
def test_what_a_purge_removed_is_read_once_a_night(api: Api, clock: Clock) -> None:
    api.admin.patch("/settings", {"caseRetentionDays": 2})
    for number in range(31):
        api.verifier.create(id=f"CASE-{number:02}")
        api.verifier.patch(f"/cases/CASE-{number:02}", {"status": "closed", "reason": "Over"})
    clock.advance(days=3)
    assert run(api, "/scheduled/purgeRecords")["changed"] == 31
    assert run(api, CHECK)["examined"] == 2
    clock.advance(days=1)
    one, _, _ = cost(api.pilot.get("/audit:verify?subject=cases/CASE-02"))

    answer = answered(api, CHECK)

    # Two cases; besides them the place that it has reached, the counts, and their names.
    assert cost(answer)[0] == 2 * one - (31 + 1) + 1 + len(COUNTED) + 2


@pytest.mark.parametrize("edited", [None, {"message": "Forged"}], ids=["deleted", "edited"])
def test_a_subject_that_was_deleted_with_all_its_events_is_missed_in_the_log(
    config: Config,
    clock: Clock,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    edited: dict[str, str] | None,
) -> None:
    """An event that was edited and kept its hash is found so as well, though no chain has it."""
    runtime = Runtime(with_keys(config, tmp_path, Ed25519PrivateKey.generate()), clock)
    api = Api(runtime)
    api.verifier.create(id="GONE")
    clock.advance(minutes=5)
    seal(api)
    store, root = runtime.store, f"tenants/{api.tenant}"
    (event,) = store.query(Query(f"{root}/audit"))
    write = Update(event.path, edited) if edited else Delete(event.path)
    store.commit([write, Delete(f"{root}/cases/GONE")])
    capsys.readouterr()

    done = list(nights(api, clock, 2))

    assert sum(one["failed"] for one in done) == 2
    line = broken_trails(capsys)[0]
    assert line["message"] == "an event is not the one in the log"
    assert (line["tenant"], line["event"]) == (api.tenant, event.id)
    runtime.close()


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("log/state", {"edge": ["zz"]}),
        ("log/state", {"ids": []}),
        ("logBundles/0", {"entries": "zz" * 32}),
        ("logBundles/0", {"ids": []}),
        ("logBundles/0", {"ids": ["no/id"] * 256}),
        ("logBundles/0", {"ids": ["x" * 1501] * 256}),
        ("log/state", {"unsealed": ["x" * 1501]}),
        ("logBundles/0", {"entries": " " * 64 * 256}),
    ],
)
def test_a_log_that_cannot_be_read_is_found_and_stops_no_check(  # noqa: PLR0913, PLR0917 - fixtures
    config: Config,
    clock: Clock,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    fields: dict[str, Any],
) -> None:
    runtime = Runtime(with_keys(config, tmp_path, Ed25519PrivateKey.generate()), clock)
    api = Api(runtime)
    recorded(runtime.store, api.tenant, 257, clock.now)
    clock.advance(hours=1)
    seal(api)
    runtime.store.commit([Update(f"tenants/{api.tenant}/{name}", fields)])

    done = list(nights(api, clock, 2))

    assert [one["complete"] for one in done] == [True, True]
    assert broken_trails(capsys)
    runtime.close()


@each_row("after", ["x", "tenants/t/cases/x/y", "tenants/t/cases/__x__"], apart=True)
def test_a_place_that_is_none_begins_the_collection_anew(api: Api, after: str) -> None:
    api.verifier.create(id="A")
    cases = SUBJECTS.index("cases")
    api.runtime.store.commit([Set(PROGRESS, {"after": after, "collection": cases})])

    assert run(api, CHECK) == did(examined=1)
