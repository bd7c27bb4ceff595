"""The export of the trail: the sealed events in their order, and what proves that all are there."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from shared.config import Config
from shared.documents.port import Delete, Query, Update
from shared.ledger.ledger import Ledger
from shared.ledger.origin import Origin
from shared.models.exports import MAX_EVENTS, ExportQuery
from shared.models.roles import Role
from shared.repository import exports
from shared.rules.callers import Caller
from tests.client import Api
from tests.conftest import Clock
from tests.functions import sealing_support
from tests.functions.export_support import KEY, full_case, lines, sealed, verified
from tests.functions.sealing_support import checkpoint, recorded, seal, with_keys
from tests.functions.support import ON_EMBEDDED, acquainted, cost, refused, refused_field

EXPORT = "/audit:export"
SEALED = 15
"""How many events `full_case` leaves in the log."""


@pytest.fixture
def configured(config: Config, tmp_path: Path) -> Config:
    """With a key that seals."""
    return with_keys(config, tmp_path, KEY)


@pytest.mark.both_stores
def test_a_log_that_is_exported_in_several_requests_verifies_as_complete(
    api: Api, clock: Clock, tmp_path: Path
) -> None:
    full_case(api, clock)

    parts, start = [], 0
    while start is not None:
        answer = api.pilot.get(f"{EXPORT}?start={start}&end={start + 4}")
        _, last = lines(answer)
        parts.append(answer.data)
        start = last["next"]

    assert len(parts) == SEALED // 4 + 1
    assert verified(api, tmp_path, *parts) == (0, [])
    # With a part missing, or cut off, it is not complete.
    for some in (parts[1:], [parts[0], *parts[2:]], [parts[0].rpartition(b'\n{"tenant')[0]]):
        assert verified(api, tmp_path, *some)[0] > 0


@pytest.mark.both_stores
def test_each_line_has_an_event_as_the_trail_shows_it_in_the_order_of_the_log(
    api: Api, clock: Clock
) -> None:
    full_case(api, clock)
    shown = {event["id"]: event for event in api.pilot.get("/audit?pageSize=200").json["events"]}

    answer = api.pilot.get(f"{EXPORT}?start=1")
    found, last = lines(answer)

    assert [line["index"] for line in found] == list(range(1, SEALED))
    assert all(
        line == {"index": line["index"], "event": shown[line["event"]["id"]]} for line in found
    )
    at = [line["event"]["createdAt"] for line in found]
    assert at == sorted(at)
    assert {name: last[name] for name in ("tenant", "start", "end", "size", "next")} == {
        "tenant": api.tenant,
        "start": 1,
        "end": SEALED,
        "size": SEALED,
        "next": None,
    }
    assert list(last) == ["tenant", "start", "end", "size", "next", "before", "after", "checkpoint"]
    assert last["checkpoint"] == api.pilot.get(f"/logs/{api.tenant}/checkpoint").text
    assert checkpoint(api, KEY).size == SEALED
    assert answer.mimetype == "application/x-ndjson"
    named = f"attachment; filename={api.tenant}-1-{SEALED}.ndjson"
    assert answer.headers["Content-Disposition"] == named


def test_an_export_leaves_an_event_of_its_own_and_a_head_request_none(
    api: Api, clock: Clock
) -> None:
    full_case(api, clock)

    head = api.pilot.request("HEAD", f"{EXPORT}?start=3&end=5")
    api.pilot.get(f"{EXPORT}?start=3&end=5")

    assert (head.status_code, head.data, cost(head)) == (200, b"", (1, 0, 1))
    (event,) = api.pilot.get("/audit?eventType=data_exported").json["events"]
    assert (event["subject"], event["actor"]["subject"]) == ("tenant", "pilot")
    assert event["meta"] == {"start": 3, "end": 5, "logSize": SEALED}
    assert api.pilot.get("/audit:verify?subject=tenant").json["valid"] is True


def test_a_range_that_the_log_has_not_is_refused_by_the_name_of_the_field(
    api: Api, clock: Clock
) -> None:
    full_case(api, clock)
    before = api.pilot.get("/audit?pageSize=200").json

    refused_field(api.pilot.get(f"{EXPORT}?start={SEALED + 1}"), "start")
    for wrong in ("-1", "1.5", "x", "", "9007199254740992"):
        refused_field(api.pilot.get(f"{EXPORT}?start={wrong}"), "start")
        refused_field(api.pilot.get(f"{EXPORT}?end={wrong}"), "end")
    refused_field(api.pilot.get(f"{EXPORT}?start=2&end=1"), "end")
    refused_field(api.pilot.get(f"{EXPORT}?begin=2"), "begin")

    assert api.pilot.get("/audit?pageSize=200").json == before


@pytest.mark.parametrize("query", [f"start={SEALED}", "start=7&end=7"])
def test_a_range_may_be_empty(api: Api, clock: Clock, tmp_path: Path, query: str) -> None:
    full_case(api, clock)

    answer = api.pilot.get(f"{EXPORT}?{query}")

    found, last = lines(answer)
    assert (found, last["start"]) == ([], last["end"])
    assert verified(api, tmp_path, answer.data)[0] == 2


def test_an_end_beyond_the_log_is_its_end(api: Api, clock: Clock) -> None:
    full_case(api, clock)

    _, last = lines(api.pilot.get(f"{EXPORT}?end=9000"))

    assert (last["end"], last["next"]) == (SEALED, None)


@pytest.mark.both_stores
def test_where_nothing_is_sealed_there_is_nothing_to_export(api: Api) -> None:
    api.verifier.create(id="CASE-1")

    refused(api.pilot.get(EXPORT), 404, "NOT_FOUND")


@pytest.mark.parametrize("bound", [{"MAX_EVENTS": 6}, {"MAX_BYTES": 1}], ids=str)
def test_a_request_gets_so_many_events_and_is_told_where_to_go_on(
    api: Api, clock: Clock, tmp_path: Path, bound: dict[str, int]
) -> None:
    full_case(api, clock)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("shared.repository.batches._FIRST", 6)
        for name, value in bound.items():
            patched.setattr(exports, name, value)
        first = api.pilot.get(EXPORT)
    second = api.pilot.get(f"{EXPORT}?start={lines(first)[1]['next']}")

    assert [lines(first)[1][name] for name in ("end", "next")] == [6, 6]
    assert verified(api, tmp_path, first.data, second.data) == (0, [])


def test_a_request_gets_at_most_ten_thousand_events() -> None:
    assert MAX_EVENTS == 10_000


@pytest.mark.both_stores
def test_an_event_that_is_gone_or_unreadable_or_another_is_named_and_the_range_still_holds(
    api: Api, clock: Clock, tmp_path: Path
) -> None:
    full_case(api, clock)
    found, _ = lines(api.pilot.get(EXPORT))
    gone, unreadable, another = (found[index]["event"] for index in (4, 7, 9))
    at = f"tenants/{api.tenant}/audit/"
    api.runtime.store.commit(
        [
            Delete(at + gone["id"]),
            Update(at + unreadable["id"], {"sequence": None, "changes": "["}),
            Update(at + another["id"], {"hash": "0" * 64}),
        ]
    )

    answer = api.pilot.get(EXPORT)

    altered, _ = lines(answer)
    wanted = {4: (gone, "event is missing"), 9: (another, "event is not the one in the log")}
    for index, (event, problem) in wanted.items():
        told = {"index": index, "id": event["id"], "hash": event["hash"], "problem": problem}
        assert altered[index] == told
    assert altered[7]["problem"].startswith("event cannot be read: ")
    assert (altered[7]["id"], altered[7]["hash"]) == (unreadable["id"], unreadable["hash"])
    assert [line for line in altered if "event" in line] == [
        line for line in found if line["index"] not in (4, 7, 9)
    ]
    code, said = verified(api, tmp_path, answer.data)
    assert (code, len([line for line in said if line.startswith("  gone")])) == (1, 3), said


def test_a_range_is_of_one_state_of_the_log_although_it_grows_meanwhile(
    api: Api, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full_case(api, clock)
    api.agent.post("/cases/CASE-1/audit", {"eventType": "custom", "message": "Later"})
    record = exports._record  # noqa: SLF001 - the moment between the state and its events

    def recorded(*arguments: Any) -> None:
        record(*arguments)
        sealed(api, clock)

    monkeypatch.setattr(exports, "_record", recorded)
    first = api.pilot.get(EXPORT)
    monkeypatch.undo()
    second = api.pilot.get(f"{EXPORT}?start={SEALED}")

    assert lines(first)[1]["size"] == SEALED
    assert lines(second)[1]["size"] > SEALED
    assert verified(api, tmp_path, first.data, second.data) == (0, [])


@pytest.mark.both_stores
@pytest.mark.costs_of("export_audit")
def test_an_export_reads_each_of_its_events_once_and_the_bundles_around_them(
    api: Api, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    full_case(api, clock)
    acquainted(api)
    capsys.readouterr()

    # The end of the log and the tenant, and each event; the export's event is two writes.
    assert cost(api.pilot.get(f"{EXPORT}?end=10")) == (2 + 10, 2, 4)
    assert cost(api.pilot.get(f"{EXPORT}?start={SEALED}")) == (2, 2, 3)

    logged = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    told = [(line["reads"], line["writes"], line["trips"]) for line in logged]
    assert told == [(12, 2, 4), (2, 2, 3)]


def test_another_tenant_gets_its_own_log_alone(api: Api, clock: Clock) -> None:
    full_case(api, clock)
    elsewhere = api.caller("pilot", tenant="elsewhere")
    api.caller("verifier", tenant="elsewhere").create(id="CASE-1")
    sealed(api, clock)

    found, last = lines(elsewhere.get(EXPORT))

    assert [line["event"]["eventType"] for line in found] == ["case_created"]
    assert last["tenant"] == "elsewhere"
    rows = api.runtime.store.query(Query("tenants/elsewhere/audit"))
    assert {line["event"]["id"] for line in found} <= {row.id for row in rows}


@ON_EMBEDDED
def test_the_memory_of_an_export_does_not_grow_with_its_size(
    api: Api, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = sealing_support._content  # noqa: SLF001 - the events of other tests are small
    long = {"message": "x" * 20_000}
    monkeypatch.setattr(sealing_support, "_content", lambda *given: {**content(*given), **long})
    recorded(api.runtime.store, api.tenant, 500, clock.now)
    clock.advance(hours=1)
    assert seal(api)["changed"] == 500
    actor = Caller("pilot", None, api.tenant, Role.PILOT).actor
    origin = Origin(api.tenant, actor, "system", "export_audit", "request-1")
    ledger = Ledger(api.runtime.store, origin, api.runtime.clock)
    peaks = []
    for end in (150, 500):
        tracemalloc.start()
        _, parts = exports.of_trail(ledger, ExportQuery(start=0, end=end))
        assert sum(map(len, parts)) > end * 20_000
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    # There are 7 MB more.
    assert peaks[1] - peaks[0] < 1_000_000
