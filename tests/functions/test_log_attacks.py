"""What somebody who may write to the database does to a trail, and how its log reveals it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.config import Config
from shared.documents.port import Create, Delete, Document, Filter, Order, Query, Set, Update
from shared.ledger import events
from shared.models.subjects import GENESIS, Head
from shared.repository import sealed
from shared.rules import chain, note
from shared.rules.growth import root_of
from shared.runtime import log_keys
from shared.sweeps import seal as seal_run
from shared.sweeps.integrity import NIGHTS
from tests.client import Api
from tests.conftest import Clock
from tests.functions.sealing_support import Reader, checkpoint, recorded, seal, tomorrow, with_keys
from tests.functions.sweep_support import broken_trails, run

pytestmark = pytest.mark.both_stores
KEY = Ed25519PrivateKey.generate()
MINUTE = {"seconds": 61}


@pytest.fixture
def configured(config: Config, tmp_path: Path) -> Config:
    """With a key that seals."""
    return with_keys(config, tmp_path, KEY)


@pytest.fixture
def api(api: Api, clock: Clock) -> Api:
    """Two cases with three events each, all of them sealed."""
    for case_id in ("A", "B"):
        clock.advance(seconds=1)
        api.verifier.create(id=case_id)
        for title in ("Two", "Three"):
            clock.advance(seconds=1)
            api.verifier.patch(f"/cases/{case_id}", {"title": title})
    clock.advance(**MINUTE)
    assert seal(api)["changed"] == 6
    return api


def chain_of(api: Api, case_id: str) -> list[Document]:
    """The events of a case as they are stored, first to last."""
    of_case = (Filter("subject", "==", f"cases/{case_id}"),)
    newest_first = (Order("sequence", descending=True),)
    rows = api.runtime.store.query(Query(f"tenants/{api.tenant}/audit", of_case, newest_first))
    return rows[::-1]


def rewritten(
    api: Api, case_id: str, *, new_ids: bool = False, later: timedelta = timedelta()
) -> None:
    """Has the case say that it was always called "Forged": every event, its hash, and the head."""
    store, head = api.runtime.store, Head(sequence=0, hash=GENESIS)
    for row in chain_of(api, case_id):
        old = events.from_document(row)
        content = {
            **{name: getattr(old, name) for name in type(old).model_fields},
            "message": "Forged",
            "id": f"{old.id[::-1]}" if new_ids else old.id,
            "created_at": old.created_at + later,
        }
        for name in ("sequence", "previous_hash", "hash", "disclosures", "erased", "erased_by"):
            content.pop(name)
        event = chain.linked(api.tenant, head, content, lambda: "66" * 16)
        head = Head(sequence=event.sequence, hash=event.hash)
        store.commit([Delete(row.path)])
        store.commit([Create(events.path(api.tenant, event.id), events.to_data(event))])
    store.commit([Update(f"tenants/{api.tenant}/cases/{case_id}", {"head": head.model_dump()})])


def verified(api: Api, case_id: str = "A") -> dict[str, Any]:
    """What a verification of a case says."""
    answer = api.pilot.get(f"/audit:verify?subject=cases/{case_id}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json
    return found


def told(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What the log lines say of trails that do not hold."""
    return [line.get("problem") or line["message"] for line in broken_trails(capsys)]


def test_a_trail_that_nobody_meddled_with_fits_its_log(
    api: Api, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verified(api)["valid"] is True
    assert tomorrow(api, clock)["failed"] == 0
    assert verified(api)["log"] == {"size": 6, "index": 2, "sealed": 3}
    assert told(capsys) == []


def test_a_whole_chain_rewritten_with_its_head_is_not_the_one_in_the_log(api: Api) -> None:
    rewritten(api, "A")

    found = verified(api)

    assert found["firstBroken"] == {
        "sequence": 1,
        "problem": "event is not the one in the log",
    }
    assert verified(api, "B")["valid"] is True


def test_an_event_that_was_rewritten_is_not_proven(api: Api) -> None:
    rewritten(api, "A")

    answer = api.viewer.get(f"/audit/{chain_of(api, 'A')[1].id}:prove")

    assert answer.status_code == 409
    assert "the event differs from entry 1 of the log" in answer.text


def test_a_chain_that_went_on_after_it_was_rewritten_is_found_too(api: Api, clock: Clock) -> None:
    rewritten(api, "A")
    api.verifier.patch("/cases/A", {"title": "Four"})
    clock.advance(**MINUTE)
    seal(api)

    found = verified(api)

    assert found["firstBroken"] == {
        "sequence": 1,
        "problem": "event is not the one in the log",
    }
    assert found["log"] == {"size": 7, "index": 6, "sealed": 1}


def test_events_in_the_place_of_others_are_not_in_the_log_once_it_was_compared(
    api: Api, clock: Clock
) -> None:
    tomorrow(api, clock)
    rewritten(api, "A", new_ids=True)

    found = verified(api)

    assert found["firstBroken"] == {"sequence": 1, "problem": "event is not in the log"}


def test_a_chain_that_was_rewritten_to_be_of_the_future_is_never_sealed_and_is_found(
    api: Api,
) -> None:
    rewritten(api, "A", new_ids=True, later=timedelta(days=9_000))

    assert verified(api)["firstBroken"] == {"sequence": 1, "problem": "event is of the future"}


def test_a_rewritten_chain_is_found_also_where_the_log_says_that_it_did_not_come_so_far(
    api: Api,
) -> None:
    rewritten(api, "A")
    api.runtime.store.commit([Update(sealed.state_path(api.tenant), {"until": ""})])

    problem = "event is not the one in the log"
    assert verified(api)["firstBroken"] == {"sequence": 1, "problem": problem}


def test_nobody_puts_the_sealing_off_by_saying_that_it_has_come_further(
    api: Api, clock: Clock
) -> None:
    beyond = clock.now + timedelta(days=9_000)
    api.runtime.store.commit([Update(seal_run.PROGRESS, {"until": beyond})])
    api.runtime.sealing = None
    api.verifier.create(id="C")
    clock.advance(**MINUTE)
    seal(api)
    api.verifier.create(id="D")
    clock.advance(**MINUTE)

    assert seal(api)["changed"] == 1
    assert tomorrow(api, clock)["changed"] == 1
    assert verified(api, "C")["log"]["sealed"] == 1


def test_a_subject_that_is_gone_with_all_its_events_is_found_by_the_comparison(
    api: Api, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    store = api.runtime.store
    store.commit([Delete(row.path) for row in chain_of(api, "A")])
    store.commit([Delete(f"tenants/{api.tenant}/cases/A")])
    capsys.readouterr()

    assert tomorrow(api, clock)["failed"] == 1

    assert told(capsys) == ["events are gone that it has: 3, at 0, 1, 2"]


def test_a_chain_that_was_cut_off_at_its_end_is_found_by_the_comparison(
    api: Api, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    *_, before, last = chain_of(api, "A")
    path, head = f"tenants/{api.tenant}/cases/A", {"sequence": 2, "hash": before.data["hash"]}
    earlier = {"head": head, "title": "Two", "updatedAt": before.data["createdAt"]}
    api.runtime.store.commit([Delete(last.path), Update(path, earlier)])
    assert verified(api)["valid"] is True

    tomorrow(api, clock)

    assert told(capsys) == ["events are gone that it has: 1, at 2"]


@pytest.mark.parametrize(
    ("attack", "problem"),
    [
        ("drop", "event is missing"),
        ("move", "event is missing"),
        ("edit", "content does not match its hash"),
        ("edit and hash", "hash is not the one its successor or the head names"),
    ],
)
def test_an_event_that_was_dropped_moved_or_edited_breaks_its_chain(
    api: Api, attack: str, problem: str
) -> None:
    store, row = api.runtime.store, chain_of(api, "A")[1]
    match attack:
        case "drop":
            store.commit([Delete(row.path)])
        case "move":
            store.commit([Update(row.path, {"subject": "cases/B"})])
        case "edit":
            store.commit([Update(row.path, {"severity": "critical"})])
        case _:
            store.commit([Update(row.path, {"severity": "critical"})])
            changed = store.get(row.path)
            assert changed
            event = events.from_document(changed)
            store.commit([Update(row.path, {"hash": chain.event_hash(api.tenant, event)})])

    assert verified(api)["firstBroken"] == {"sequence": 2, "problem": problem}


def test_a_log_that_was_edited_is_not_what_was_signed_and_grows_no_more(
    api: Api, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    store, path = api.runtime.store, sealed.state_path(api.tenant)
    rewritten(api, "A")
    state = store.get(path)
    assert state
    forged = "".join(row.data["hash"] for row in chain_of(api, "A"))
    edge = [forged + state.data["edge"][0][len(forged) :]]
    store.commit([Update(path, {"edge": edge})])
    assert verified(api)["valid"] is True
    api.verifier.create(id="C")
    clock.advance(**MINUTE)

    assert seal(api)["failed"] == 1

    assert told(capsys) == ["its end is not what was signed"]
    assert checkpoint(api, KEY).size == 6


def test_a_full_part_of_the_log_that_was_edited_with_the_events_is_not_what_was_signed(
    api: Api, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sealing looks at the end of a log only, so that it goes on."""
    store = api.runtime.store
    recorded(store, api.tenant, 300, clock.now)
    clock.advance(hours=1)
    seal(api)
    proof = f"/audit/{chain_of(api, 'A')[0].id}:prove"
    assert api.viewer.get(proof).status_code == 200
    rewritten(api, "A")
    forged = "".join(row.data["hash"] for row in chain_of(api, "A"))
    bundle = store.get(sealed.bundle_path(api.tenant, 0))
    assert bundle
    entries = forged + bundle.data["entries"][len(forged) :]
    store.commit([Update(bundle.path, {"entries": entries})])
    api.verifier.create(id="C")
    clock.advance(**MINUTE)
    assert seal(api)["failed"] == 0
    capsys.readouterr()

    problem = "logBundles/0 is not what was signed"
    assert verified(api)["firstBroken"] == {
        "sequence": 1,
        "problem": f"the log has it in a forged part: {problem}",
    }
    assert api.viewer.get(proof).status_code == 500
    capsys.readouterr()
    for _ in range(NIGHTS):
        clock.advance(days=1)
        run(api, "/scheduled/checkIntegrity")
    assert problem in told(capsys)


@pytest.mark.parametrize(
    ("replaced", "problem"),
    [
        ("", "its end is not signed"),
        ("of another key", "the note is not signed by a known key"),
        ("of another tenant", "the note is not signed by a known key"),
    ],
)
def test_a_log_whose_checkpoint_was_replaced_grows_no_more(  # noqa: PLR0913, PLR0917 - fixtures
    api: Api,
    clock: Clock,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    replaced: str,
    problem: str,
) -> None:
    store, path = api.runtime.store, sealed.state_path(api.tenant)
    log = sealed.opened(store, api.tenant)
    assert log
    tmp_path.joinpath("forger").mkdir()
    config = with_keys(api.runtime.config, tmp_path / "forger", Ed25519PrivateKey.generate())
    keys = {"of another key": log_keys(config), "of another tenant": api.runtime.log_keys}
    by = keys.get(replaced)
    tenant = "another" if "tenant" in replaced else api.tenant
    text = note.checkpoint_text(by.origin(tenant, 1), 6, root_of(log.state)) if by else ""
    forged = note.sign(text, by.signers(tenant, 1)) if by else ""
    store.commit([Update(path, {"checkpoint": forged})])
    api.verifier.create(id="C")
    clock.advance(**MINUTE)

    assert seal(api)["failed"] == 1

    assert seal(api)["examined"] == 0
    assert told(capsys) == [problem]


def put_back_by_300_events(api: Api, clock: Clock) -> None:
    """Seals 300 more events, and puts the end of the log back to where it was before."""
    store, path = api.runtime.store, sealed.state_path(api.tenant)
    earlier = store.get(path)
    assert earlier
    recorded(store, api.tenant, 300, clock.now)
    clock.advance(hours=1)
    seal(api)
    store.commit([Set(path, earlier.data)])


def test_a_log_that_was_put_back_is_found_by_what_it_had_already_sealed(
    api: Api, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    put_back_by_300_events(api, clock)

    assert tomorrow(api, clock)["failed"] == 1

    assert told(capsys) == ["it goes on beyond its own end, so the end was put back"]
    assert checkpoint(api, KEY).size == 6


def test_a_log_that_was_put_back_is_found_by_the_next_bundle_that_would_be_full(
    api: Api, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    put_back_by_300_events(api, clock)
    recorded(api.runtime.store, api.tenant, 300, clock.now, "cases/more")
    clock.advance(hours=1)

    assert seal(api)["failed"] == 1

    assert told(capsys) == ["it goes on beyond its own end, so the end was put back"]
    assert checkpoint(api, KEY).size == 6


def test_a_log_that_was_put_back_and_made_anew_contradicts_every_checkpoint_that_was_kept(
    api: Api,
) -> None:
    store, path = api.runtime.store, sealed.state_path(api.tenant)
    kept = checkpoint(api, KEY)
    rewritten(api, "A")
    store.commit([Delete(path), Delete(seal_run.PROGRESS)])
    api.runtime.sealing = None
    seal(api)
    assert verified(api)["valid"] is True

    anew = checkpoint(api, KEY)

    reader = Reader(api.viewer, api.tenant, anew.size)
    assert anew.size == kept.size
    with pytest.raises(ValueError, match="another root"):
        reader.require_beginning(replace(kept, size=5), anew)
    assert anew.root != kept.root


def test_two_logs_of_one_name_contradict_each_other(api: Api, clock: Clock) -> None:
    """A backup that was restored and goes on beside the store that it was made of."""
    store = api.runtime.store
    copied = {row.path: row for name in COPIED for row in store.query(query_of(api, name))}
    api.verifier.patch("/cases/A", {"title": "In the first"})
    clock.advance(**MINUTE)
    seal(api)
    first = checkpoint(api, KEY)
    for name in COPIED:
        store.commit([Delete(row.path) for row in store.query(query_of(api, name))])
    store.commit([Create(path, row.data) for path, row in copied.items()])
    store.commit([Delete(seal_run.PROGRESS)])
    api.runtime.sealing = None
    api.verifier.patch("/cases/A", {"title": "In the second"})
    api.verifier.patch("/cases/A", {"title": "In the second again"})
    clock.advance(**MINUTE)
    seal(api)

    second = checkpoint(api, KEY)

    assert (first.size, second.size) == (7, 8)
    with pytest.raises(ValueError, match="another root"):
        Reader(api.viewer, api.tenant, second.size).require_beginning(first, second)


COPIED = ("cases", "audit", "log")


def query_of(api: Api, collection: str) -> Query:
    """A query for all that a tenant has in a collection."""
    return Query(f"tenants/{api.tenant}/{collection}")


@pytest.mark.parametrize("what", ["log", "logBundles"])
def test_a_log_that_cannot_be_read_stops_no_other(
    api: Api, clock: Clock, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    store = api.runtime.store
    recorded(store, api.tenant, 300, clock.now)
    clock.advance(hours=1)
    seal(api)
    for row in store.query(query_of(api, what)):
        store.commit([Update(row.path, {"ids": 7, "behind": True})])
    recorded(store, api.tenant, 1, clock.now, "cases/new")
    recorded(store, "zz-other", 1, clock.now, "cases/new")
    clock.advance(hours=1)

    tomorrow(api, clock)

    assert checkpoint(api, KEY, "zz-other").size == 1
    assert len(told(capsys)) == (what == "log")
    answer = api.pilot.get("/audit:verify?subject=cases/A")
    assert answer.status_code == 500
    assert "cannot be read" in answer.text
