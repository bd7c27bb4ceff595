"""Checkpoints are kept in a bucket, and a log that does not continue them is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deployment.alert_table import METRICS, RUN
from deployment.alerts import metric
from shared.bucket import Bucket
from shared.config import Config
from shared.documents.port import Delete, Document, DocumentStore, Query, Set, Update, Write
from shared.repository import sealed
from shared.rules import note
from shared.runtime import Runtime
from tests.bucket_stub import NAME, BucketStub, running_bucket
from tests.client import Api
from tests.conftest import Clock
from tests.deploy.log_filter import entry, matches
from tests.functions.sealing_support import (
    ORIGIN,
    Reader,
    checkpoint,
    opened,
    require_one_history,
    seal,
    tomorrow,
    with_keys,
)
from tests.functions.support import ABSENT, ON_EMBEDDED, acquainted, cost, refused, refused_field

OLD, NEW = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
KEPT = ("audit", "log", "logBundles", "logTiles", "cases", "people")
WHY = {"reason": "The database was restored from last night's backup."}
UNREACHABLE = "checkpoints cannot be kept in the bucket"


@pytest.fixture(scope="module")
def bucket_server() -> Iterator[BucketStub]:
    with running_bucket() as running:
        yield running


@pytest.fixture
def bucket(bucket_server: BucketStub) -> BucketStub:
    """The bucket, as good as new."""
    bucket_server.objects.clear()
    bucket_server.asked.clear()
    bucket_server.code, bucket_server.lost_answers = None, 0
    return bucket_server


@pytest.fixture
def configured(config: Config, tmp_path: Path, bucket: BucketStub) -> Config:
    """With a key that seals, and the bucket."""
    found = with_keys(config, tmp_path, OLD)
    return replace(found, log_bucket=NAME, storage_emulator=bucket.address)


Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    """The lines of the log since it was last asked for them that are no requests."""

    def found() -> list[dict[str, Any]]:
        lines = map(json.loads, capsys.readouterr().out.splitlines())
        return [line for line in lines if "code" not in line]

    return found


def named(api: Api, size: int, epoch: int = 1) -> str:
    return f"{api.tenant}/{epoch:06}/{size:020}"


def grow(api: Api, clock: Clock, *cases: str) -> dict[str, int]:
    """Opens cases, and seals their events; what the run of this instance did."""
    api.runtime.install(api.app)
    for case_id in cases:
        api.verifier.create(id=case_id)
    clock.advance(seconds=61)
    return seal(api)


def documents(store: DocumentStore, tenant: str) -> list[Document]:
    """All documents of a tenant that matter here."""
    own = [row for part in KEPT for row in store.query(Query(f"tenants/{tenant}/{part}"))]
    return [*own, *filter(None, [store.get(f"tenants/{tenant}"), store.get("sealing/progress")])]


def restore(api: Api, backup: Sequence[Document]) -> None:
    """Puts the tenant back to what it was; the instance is a new one."""
    there = {row.path for row in documents(api.runtime.store, api.tenant)}
    gone = there - {row.path for row in backup}
    writes: list[Write] = [Delete(path) for path in sorted(gone)]
    api.runtime.store.commit([*writes, *(Set(row.path, row.data) for row in backup)])
    api.runtime.sealing = None


def by_another(api: Api, **changes: Any) -> Api:
    """Another instance over the same store, with another configuration."""
    runtime = Runtime(replace(api.runtime.config, **changes), api.runtime.clock, api.runtime.store)
    other = Api(runtime, app=api.app)
    other.tenant = api.tenant
    return other


def verified(api: Api, case_id: str) -> dict[str, Any]:
    found: dict[str, Any] = api.caller("auditor").get(f"/audit:verify?subject=cases/{case_id}").json
    return found


@pytest.mark.both_stores
def test_each_checkpoint_is_kept_as_it_is_served(
    api: Api, clock: Clock, bucket: BucketStub
) -> None:
    shown = []
    for cases in (["A", "B"], ["C"]):
        grow(api, clock, *cases)
        shown.append(api.viewer.get(f"/logs/{api.tenant}/checkpoint").text)

    assert bucket.names() == [named(api, 2), named(api, 3)]
    assert [bucket.objects[name] for name in bucket.names()] == shown


@ON_EMBEDDED
def test_a_run_that_seals_nothing_asks_nothing_of_the_bucket(
    api: Api, clock: Clock, bucket: BucketStub
) -> None:
    grow(api, clock, "A")
    bucket.asked.clear()

    assert seal(api)["changed"] == 0

    assert bucket.asked == []


@pytest.mark.both_stores
def test_a_database_that_was_restored_is_refused_and_nothing_is_signed(
    api: Api, clock: Clock, bucket: BucketStub, lines: Lines
) -> None:
    grow(api, clock, "A")
    backup = documents(api.runtime.store, api.tenant)
    grow(api, clock, "B", "C")
    restore(api, backup)
    lines()
    kept = dict(bucket.objects)

    assert grow(api, clock, "D")["changed"] == 0

    problem = "the log has 1 entries, and the bucket has a checkpoint of 3"
    (line,) = lines()
    assert (line["severity"], line["securityEvent"]) == ("ERROR", "trail_broken")
    assert (line["tenant"], line["problem"]) == (api.tenant, problem)
    (alarm,) = [one for one in METRICS if one.name == "chains_broken"]
    assert matches(metric(alarm)["filter"], entry(line, RUN))
    assert checkpoint(api, OLD).size == 1
    assert bucket.objects == kept
    assert verified(api, "A")["log"]["refused"] == problem
    (told,) = [
        one for one in api.admin.get("/scheduled").json["runs"] if one["name"] == "sealAudit"
    ]
    assert told["last"]["failed"] == 1


@ON_EMBEDDED
def test_a_refused_log_stays_refused_whatever_becomes_of_the_bucket(
    api: Api, clock: Clock, bucket: BucketStub, lines: Lines
) -> None:
    other = by_another(api)
    other.tenant = f"{api.tenant}-other"
    grow(api, clock, "A")
    backup = documents(api.runtime.store, api.tenant)
    grow(api, clock, "B")
    restore(api, backup)
    grow(api, clock, "C")
    bucket.objects.clear()
    lines()

    other.verifier.create(id="X")
    assert grow(api, clock, "D")["changed"] == 1
    tomorrow(api, clock)

    assert checkpoint(api, OLD).size == 1
    assert checkpoint(other, OLD).size == 1
    assert {line["problem"] for line in lines()} == {
        "the log has 1 entries, and the bucket has a checkpoint of 2"
    }


@pytest.mark.both_stores
@pytest.mark.costs_of("start_log_epoch")
def test_a_new_epoch_goes_on_under_a_new_name_with_all_that_was_left_out(
    api: Api, clock: Clock, bucket: BucketStub
) -> None:
    grow(api, clock, "A")
    backup = documents(api.runtime.store, api.tenant)
    grow(api, clock, "B", "C")
    restore(api, backup)
    acquainted(api)
    for case_id in ("D", "E"):
        grow(api, clock, case_id)
    before = checkpoint(api, OLD)

    answer = api.admin.post(f"/logs/{api.tenant}:startEpoch", WHY)

    assert answer.json == {
        "epoch": 2,
        "origin": f"{ORIGIN}/{api.tenant}/2",
        "formerOrigin": f"{ORIGIN}/{api.tenant}",
        "formerSize": 1,
        "formerRoot": before.root.hex(),
        "refused": "the log has 1 entries, and the bucket has a checkpoint of 3",
    }
    assert cost(answer) == (2, 3, 3)
    (event,) = api.pilot.get("/audit?eventType=log_epoch_started").json["events"]
    assert (event["subject"], event["reason"]) == ("tenant", WHY["reason"])
    assert (event["severity"], event["meta"]) == ("warning", {"log": answer.json})

    assert grow(api, clock)["changed"] == 3
    text = api.viewer.get(f"/logs/{api.tenant}/checkpoint").text
    now = opened(text, OLD, f"{api.tenant}/2")
    assert (now.origin, now.size) == (f"{ORIGIN}/{api.tenant}/2", 4)
    entries = list(Reader(api.viewer, api.tenant, 4).entries())
    require_one_history([now], entries)
    assert entries[-1].hex() == event["hash"]
    assert bucket.names()[-1] == named(api, 4, epoch=2)
    # Who knows the first epoch only takes it for another log.
    with pytest.raises(ValueError, match="not signed by a known key"):
        opened(text, OLD, api.tenant)
    assert "refused" not in verified(api, "A")["log"]


@ON_EMBEDDED
def test_an_epoch_that_a_restored_database_does_not_know_of_is_not_used_again(
    api: Api, clock: Clock, bucket: BucketStub, lines: Lines
) -> None:
    grow(api, clock, "A")
    backup = documents(api.runtime.store, api.tenant)
    api.admin.post(f"/logs/{api.tenant}:startEpoch", WHY)
    grow(api, clock, "B")
    assert bucket.names()[-1] == named(api, 3, epoch=2)
    restore(api, backup)
    lines()
    grow(api, clock, "C")
    assert [line["problem"] for line in lines()] == [
        "the log has 1 entries, and the bucket has a checkpoint of 3 of epoch 2"
    ]

    assert api.admin.post(f"/logs/{api.tenant}:startEpoch", WHY).json["epoch"] == 3

    assert grow(api, clock)["changed"] == 2
    assert bucket.names()[-1] == named(api, 3, epoch=3)


@ON_EMBEDDED
def test_a_database_that_has_lost_its_log_is_refused(api: Api, clock: Clock, lines: Lines) -> None:
    backup = documents(api.runtime.store, api.tenant)
    grow(api, clock, "A")
    restore(api, backup)
    lines()

    grow(api, clock, "B")
    assert [line["problem"] for line in lines()] == [
        "the log has 0 entries, and the bucket has a checkpoint of 1"
    ]
    assert api.viewer.get(f"/logs/{api.tenant}/checkpoint").status_code == 404

    api.admin.post(f"/logs/{api.tenant}:startEpoch", WHY)
    assert grow(api, clock)["changed"] == 2


@pytest.mark.parametrize(
    ("cases", "problem"),
    [
        (["B"], "the bucket has another checkpoint of 1 entries"),
        (
            ["B", "C", "D"],
            "the log does not begin with the 1 entries of a checkpoint in the bucket",
        ),
    ],
)
@ON_EMBEDDED
def test_another_log_is_refused_that_somebody_wrote_who_has_the_key(
    api: Api, clock: Clock, lines: Lines, cases: list[str], problem: str
) -> None:
    backup = documents(api.runtime.store, api.tenant)
    grow(api, clock, "A")
    restore(api, backup)
    forger = by_another(api, log_bucket="")
    grow(forger, clock, *cases)
    assert checkpoint(api, OLD).size == len(cases)
    lines()

    assert grow(api, clock, "E")["changed"] == 0

    assert [line["problem"] for line in lines()] == [problem]


@ON_EMBEDDED
def test_a_log_is_found_to_continue_what_was_kept_long_before(
    api: Api, clock: Clock, bucket: BucketStub, lines: Lines
) -> None:
    sizes = (1, 3, 6, 12)
    for number, size in enumerate(sizes):
        new = size - (sizes[number - 1] if number else 0)
        grow(api, clock, *(f"CASE-{number}-{index}" for index in range(new)))
    for name in bucket.names()[2:]:
        del bucket.objects[name]
    lines()

    grow(api, clock, "LAST")

    assert bucket.names() == [named(api, size) for size in (1, 3, 12, 13)]
    assert lines() == []


@ON_EMBEDDED
@pytest.mark.parametrize("code", [403, 404, 503])
def test_the_log_goes_on_without_the_bucket_and_the_next_run_catches_up(
    api: Api, clock: Clock, bucket: BucketStub, lines: Lines, code: int
) -> None:
    other = by_another(api)
    other.tenant = f"{api.tenant}-other"
    grow(api, clock, "A")
    lines()
    bucket.code = code
    bucket.asked.clear()
    other.verifier.create(id="X")

    assert grow(api, clock, "B")["changed"] == 2

    (line,) = lines()
    assert (line["severity"], line["message"]) == ("ERROR", UNREACHABLE)
    assert line["cause"] == f"HTTPError {code}"
    assert len(bucket.asked) == 1
    assert checkpoint(api, OLD).size == 2
    bucket.code = None
    grow(api, clock, "C")
    assert bucket.names(f"{api.tenant}/") == [named(api, size) for size in (1, 2, 3)]


@ON_EMBEDDED
def test_what_nobody_adds_to_is_caught_up_with_on_the_next_day(
    api: Api, clock: Clock, bucket: BucketStub
) -> None:
    bucket.code = 503
    grow(api, clock, "A")
    bucket.code = None

    tomorrow(api, clock)

    assert bucket.names() == [named(api, 1)]


@ON_EMBEDDED
def test_a_checkpoint_whose_answer_was_lost_is_ones_own(
    api: Api, clock: Clock, bucket: BucketStub, lines: Lines
) -> None:
    bucket.lost_answers = 1
    grow(api, clock, "A")
    lines()

    assert grow(api, clock, "B")["changed"] == 1

    assert bucket.names() == [named(api, 1), named(api, 2)]
    assert lines() == []


@ON_EMBEDDED
def test_objects_that_are_no_checkpoints_stop_nothing_and_hide_nothing(
    api: Api, clock: Clock, bucket: BucketStub, lines: Lines
) -> None:
    grow(api, clock, "A")
    backup = documents(api.runtime.store, api.tenant)
    foreign = [f"{api.tenant}/by-hand", *(f"{named(api, 1)}{index}" for index in range(3))]
    bucket.objects |= dict.fromkeys(foreign, "?")
    lines()

    assert grow(api, clock, "B")["changed"] == 1
    assert lines() == []

    restore(api, backup)
    assert grow(api, clock, "C")["changed"] == 0
    assert len(lines()) == 1
    restore(api, backup)
    bucket.objects |= dict.fromkeys([f"{named(api, 1)}x{index:04}" for index in range(1000)], "?")
    grow(api, clock, "D")
    assert [line["cause"] for line in lines() if "cause" in line] == [
        "it is full of objects that are not called like checkpoints"
    ]


@pytest.mark.both_stores
def test_a_run_that_was_overtaken_takes_the_others_checkpoint_for_no_fork(
    api: Api, clock: Clock, bucket: BucketStub, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    grow(api, clock, "A")
    for case_id in ("B", "C"):
        api.verifier.create(id=case_id)
    clock.advance(seconds=61)
    lines()
    other, names = by_another(api), Bucket.names

    def overtaken(*arguments: Any, **named: Any) -> list[str]:
        monkeypatch.setattr(Bucket, "names", names)
        assert seal(other)["changed"] == 2
        return names(*arguments, **named)

    monkeypatch.setattr(Bucket, "names", overtaken)

    assert seal(api)["changed"] == 0

    assert lines() == []
    assert bucket.names() == [named(api, 1), named(api, 3)]


@pytest.mark.both_stores
def test_of_many_runs_at_once_none_takes_another_for_a_fork(
    api: Api, clock: Clock, bucket: BucketStub, lines: Lines
) -> None:
    for number in range(12):
        api.verifier.create(id=f"CASE-{number}")
        clock.advance(seconds=30)
    lines()
    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(seal, api) for _ in range(8)]
        clock.advance(seconds=60)
        done += [pool.submit(seal, api) for _ in range(8)]

    assert sum(one.result()["failed"] for one in done) == 0
    assert [line for line in lines() if line["severity"] == "ERROR"] == []
    grow(api, clock)
    kept = [opened(bucket.objects[name], OLD, api.tenant) for name in bucket.names()]
    assert kept[-1] == checkpoint(api, OLD)
    require_one_history(kept, list(Reader(api.viewer, api.tenant, kept[-1].size).entries()))


# Starting an epoch


@pytest.mark.both_stores
def test_an_epoch_is_started_once_by_an_admin_of_the_tenant_who_says_why(
    api: Api, clock: Clock
) -> None:
    path = f"/logs/{api.tenant}:startEpoch"
    refused(api.admin.post(path, WHY), 409, "FAILED_PRECONDITION")
    grow(api, clock, "A")

    refused(api.pilot.post(path, WHY), 403, "PERMISSION_DENIED")
    refused(api.admin.post(f"/logs/{ABSENT}:startEpoch", WHY), 404, "NOT_FOUND")
    refused_field(api.admin.post(path, {}), "reason")
    first = api.admin.post(path, WHY, idempotency_key="k-1")
    again = api.admin.post(path, WHY, idempotency_key="k-1")

    assert first.json == again.json
    assert first.json["refused"] is None
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(api.pilot.get("/audit?eventType=log_epoch_started").json["events"]) == 1


@ON_EMBEDDED
def test_an_epoch_that_no_event_has_started_is_not_signed(
    api: Api, clock: Clock, lines: Lines
) -> None:
    grow(api, clock, "A")
    by_hand = Update(f"tenants/{api.tenant}/log/state", {"epoch": 2})
    api.runtime.store.commit([by_hand])
    lines()

    assert grow(api, clock, "B")["changed"] == 0
    tomorrow(api, clock)

    assert {line["problem"] for line in lines()} == {"no event has started its epoch 2"}
    assert checkpoint(api, OLD).size == 1


@ON_EMBEDDED
def test_an_event_that_was_edited_starts_no_epoch(api: Api, clock: Clock, lines: Lines) -> None:
    grow(api, clock, "A")
    api.admin.post(f"/logs/{api.tenant}:startEpoch", WHY)
    (event,) = api.pilot.get("/audit?eventType=log_epoch_started").json["events"]
    path = f"tenants/{api.tenant}/audit/{event['id']}"
    api.runtime.store.commit([Update(path, {"message": "Edited"})])
    lines()

    assert grow(api, clock, "B")["changed"] == 0

    assert "no event has started its epoch 2" in {line.get("problem") for line in lines()}


# One key takes another's place


@ON_EMBEDDED
def test_while_two_keys_sign_who_knows_either_of_them_opens_each_checkpoint(
    api: Api, clock: Clock, tmp_path: Path, bucket: BucketStub
) -> None:
    grow(api, clock, "A")
    first = checkpoint(api, OLD)
    with_keys(api.runtime.config, tmp_path, OLD, NEW)  # in the same file

    grow(api, clock, "B")

    assert first.size == 1
    assert checkpoint(api, OLD) == checkpoint(api, NEW)
    one, two = (bucket.objects[name] for name in bucket.names())
    assert opened(one, OLD, api.tenant) == first
    assert opened(two, NEW, api.tenant) == opened(two, OLD, api.tenant)


@pytest.mark.both_stores
def test_a_log_that_nothing_is_added_to_is_signed_by_a_new_key_within_a_day_and_goes_on_by_it(
    api: Api, clock: Clock, tmp_path: Path, lines: Lines
) -> None:
    grow(api, clock, "A")
    first = checkpoint(api, OLD)
    with_keys(api.runtime.config, tmp_path, OLD, NEW)
    tomorrow(api, clock)
    assert checkpoint(api, OLD) == checkpoint(api, NEW) == first

    with_keys(api.runtime.config, tmp_path, NEW)
    lines()
    grow(api, clock, "B")

    assert lines() == []
    text = api.viewer.get(f"/logs/{api.tenant}/checkpoint").text
    assert opened(text, NEW, api.tenant).size == 2
    with pytest.raises(ValueError, match="not signed by a known key"):
        opened(text, OLD, api.tenant)
    Reader(api.viewer, api.tenant, 2).require_beginning(first, opened(text, NEW, api.tenant))


@ON_EMBEDDED
def test_a_key_that_was_exchanged_at_once_signs_nothing_on_top_of_the_other(
    api: Api, clock: Clock, tmp_path: Path, lines: Lines
) -> None:
    """So nobody goes on with a log by a key of their own."""
    grow(api, clock, "A")
    with_keys(api.runtime.config, tmp_path, NEW)
    lines()

    assert grow(api, clock, "B")["changed"] == 0

    assert [line["problem"] for line in lines()] == ["the note is not signed by a known key"]


@ON_EMBEDDED
def test_a_log_whose_key_is_lost_goes_on_in_a_new_epoch_by_another_key(
    api: Api, clock: Clock, tmp_path: Path
) -> None:
    grow(api, clock, "A")
    with_keys(api.runtime.config, tmp_path, NEW)
    assert grow(api, clock, "B")["changed"] == 0

    api.admin.post(f"/logs/{api.tenant}:startEpoch", WHY)
    grow(api, clock)

    text = api.viewer.get(f"/logs/{api.tenant}/checkpoint").text
    assert opened(text, NEW, f"{api.tenant}/2").size == 3


@ON_EMBEDDED
def test_an_epoch_that_somebody_starts_in_the_database_with_a_log_of_their_own_is_told(
    api: Api, clock: Clock, lines: Lines
) -> None:
    """The event is no obstacle: whoever may write to the database writes it, with its hash."""
    grow(api, clock, "A")
    store, path = api.runtime.store, sealed.state_path(api.tenant)
    store.commit([Update(path, {"edge": ["00" * 32]})])
    api.admin.post(f"/logs/{api.tenant}:startEpoch", WHY)
    lines()

    grow(api, clock)

    assert {line["message"] for line in lines()} == {
        "an epoch begins with a log that was not signed"
    }
    text = api.viewer.get(f"/logs/{api.tenant}/checkpoint").text
    assert opened(text, OLD, f"{api.tenant}/2").size == 2


@ON_EMBEDDED
def test_an_epoch_begins_with_the_end_at_which_it_was_started(
    api: Api, clock: Clock, lines: Lines
) -> None:
    grow(api, clock, "A")
    api.admin.post(f"/logs/{api.tenant}:startEpoch", WHY)
    log = f"tenants/{api.tenant}/log/state"
    edge = ["00" * 32]
    api.runtime.store.commit([Update(log, {"edge": edge})])
    lines()

    assert grow(api, clock, "B")["changed"] == 0

    (line,) = lines()
    assert line["problem"] == "its end is not the one at which its epoch was started"


@ON_EMBEDDED
def test_a_file_of_keys_that_cannot_be_read_for_a_while_stops_nothing(
    api: Api, clock: Clock, tmp_path: Path
) -> None:
    grow(api, clock, "A")
    (tmp_path / "log-key.pem").unlink()

    assert grow(api, clock, "B")["changed"] == 1
    assert checkpoint(api, OLD).size == 2


def test_a_signature_says_which_log_it_is_of() -> None:
    signer = note.Signer(f"{ORIGIN}/acme", OLD)
    signed = note.sign(note.checkpoint_text(f"{ORIGIN}/acme", 1, bytes(32)), [signer])

    with pytest.raises(ValueError, match="not signed by a known key"):
        opened(signed, OLD, "acme/2")
