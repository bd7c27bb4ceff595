"""Scheduled functions that are killed, run at once, or meet people: the end state is the same."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.config import Config
from shared.documents.port import Aggregation, DocumentStore, Query, Write
from shared.models.intervention import InterventionStatus
from shared.models.subjects import Subject
from shared.runtime import Runtime
from tests.client import Api, TestResponse
from tests.conftest import Clock
from tests.functions.sweep_support import (
    CLOSE,
    DAY,
    EXPIRE,
    PURGE,
    TICK,
    answered,
    approved,
    archived,
    asked,
    closed,
    contents,
    decided,
    did,
    meddle,
    noted,
    on_commit,
    purged_in_all,
    run,
    seed,
    told,
)
from tests.reliability.independent import assert_chain
from tests.reliability.server import ForkedServer, Server, running, wait_until
from tests.reliability.support import (
    LOAD,
    all_pages,
    chain_holds,
    in_parallel,
    trail,
)

FUNCTIONS = (EXPIRE, CLOSE, PURGE)
RACES = 100 * LOAD  # on each store
AT_ONCE = 20
PEOPLE = 4


class DiedError(BaseException):
    """The end of an instance, which nobody handles."""


def work(tenant: str, now: datetime, number: int) -> dict[str, Subject]:
    """So many documents of each kind that are due, and some that are not, by their paths."""
    since = now - 100 * DAY
    states: dict[str, Subject] = {
        "": decided(now, auto_close_days=5, case_retention_days=30),
        "/cases/held": closed(since, legal_hold=True),
        "/cases/new": closed(now),
        "/interventions/open": asked(now, expires_at=now + DAY),
        "/interventions/of-held": archived(since, case_id="held"),
    }
    for index in range(number):
        states |= {
            f"/interventions/late-{index}": asked(now - DAY, expires_at=now - DAY),
            f"/interventions/old-{index}": archived(since, case_id=f"old-{index}"),
            f"/cases/done-{index}": approved(now - 9 * DAY),
            f"/cases/old-{index}": closed(since),
            f"/worksheets/old-{index}:kim": noted(since, f"old-{index}", "kim"),
        }
    return {f"tenants/{tenant}{name}": state for name, state in states.items()}


def done(tenant: str, number: int) -> dict[str, str]:
    """How the documents of `work` stand in the end, by their paths."""
    states = {
        "cases/held": "closed",
        "cases/new": "closed",
        "interventions/open": "pending",
        "interventions/of-held": "rejected",
    }
    for index in range(number):
        states[f"interventions/late-{index}"] = "expired"
        states[f"cases/done-{index}"] = "closed"
        for name in ("interventions/old-{}", "cases/old-{}", "worksheets/old-{}:kim"):
            states[name.format(index)] = "purged"
    return {f"tenants/{tenant}/{name}": state for name, state in states.items()}


def assert_done(api: Api, number: int) -> None:
    """Fails unless all of `work` was done once, each change with its event, on chains that hold."""
    store = api.runtime.store
    assert done(api.tenant, number) == contents(store, api.tenant)
    events = [(f"interventions/late-{index}", "intervention_expired") for index in range(number)]
    events += [(f"cases/done-{index}", "status_changed") for index in range(number)]
    assert Counter(events) == told(store, api.tenant)
    assert {"cases": number, "interventions": number} == purged_in_all(store, api.tenant)
    by_subject: dict[str, list[dict[str, Any]]] = {}
    for event in all_pages(api.pilot, "/audit", "events"):
        by_subject.setdefault(event["subject"], []).append(event)
    for chain in by_subject.values():
        assert_chain(api.tenant, sorted(chain, key=lambda event: event["sequence"]))
    for subject in ("tenant", "cases/old-0", "interventions/late-0", "worksheets/old-0:kim"):
        assert chain_holds(api, subject)


def swept(api: Api) -> None:
    """Runs all three functions once, to their end."""
    for function in FUNCTIONS:
        assert run(api, function)["complete"]


# Killed


def killed_at_every_commit(api: Api, function: str) -> int:
    """Has a function die in each of its commits in turn, before or after it; gives how many."""
    plain = api.runtime.store
    deaths = 0
    while True:
        before = deaths % 2 == 0

        def die(writes: Sequence[Write], *, before: bool = before) -> None:
            if not before:
                plain.commit(writes)
            raise DiedError

        # Who dies after a commit has got on, who dies before it has not.
        api.runtime._store = plain  # noqa: SLF001 - to take the meddler away
        meddle(api, die)
        try:
            answered(api, function)
        except DiedError:
            deaths += 1
        else:
            api.runtime._store = plain  # noqa: SLF001 - as above
            return deaths


def test_who_dies_in_every_commit_gets_to_the_same_end_in_the_end(
    api: Api, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("sweeps.run", "ledger.ledger"):
        monkeypatch.setattr(f"shared.{module}.BATCH", 3)
    monkeypatch.setattr("shared.sweeps.purge._AT_ONCE", 6)
    monkeypatch.setattr("shared.sweeps.purge._GATHERED", 8)
    seed(api.runtime.store, work(api.tenant, clock.now, 7))

    deaths = {function: killed_at_every_commit(api, function) for function in FUNCTIONS}
    swept(api)

    assert_done(api, 7)
    assert min(deaths.values()) >= 4


def test_a_server_killed_in_the_middle_of_each_leaves_what_the_next_run_finishes(
    tmp_path: Path,
) -> None:
    number = 260 * LOAD
    file = tmp_path / "caseledger.db"
    runtime = Runtime(Config(sqlite=str(file), unsigned_tokens=True))
    api = Api(runtime)
    api.tenant = "acme"
    seed(runtime.store, work("acme", datetime.now(UTC), number))

    for function in FUNCTIONS:
        with running(ForkedServer(CASELEDGER_STORE=f"sqlite:///{file}")) as server:
            killed_in_the_middle(server, function, runtime.store)
    answers = [run(api, function) for function in FUNCTIONS]

    assert [(answer["complete"], answer["failed"]) for answer in answers] == [(True, 0)] * 3
    assert sum(answer["changed"] for answer in answers) > 0
    assert_done(api, number)
    assert [did()] * 3 == [run(api, function) for function in FUNCTIONS]
    runtime.close()


def killed_in_the_middle(server: Server, function: str, store: DocumentStore) -> None:
    """Kills a server as soon as one of its functions has committed something."""

    def events() -> int:
        return store.aggregate([Aggregation(Query("tenants/acme/audit"))])[0].count

    def call() -> None:
        with server.client("scheduler", timeout=30) as client, suppress(httpx.TransportError):
            client.post(function)

    before = events()
    caller = threading.Thread(target=call)
    caller.start()
    wait_until(lambda: events() > before, 20)
    server.kill()
    caller.join()


# Two at once


@pytest.mark.parametrize("_round", range(LOAD))
def test_runs_at_once_get_to_the_same_end_as_one_and_do_nothing_twice(
    api: Api, clock: Clock, monkeypatch: pytest.MonkeyPatch, _round: int
) -> None:
    for module in ("sweeps.run", "ledger.ledger"):
        monkeypatch.setattr(f"shared.{module}.BATCH", 8)
    number = 20
    seed(api.runtime.store, work(api.tenant, clock.now, number))

    answers = in_parallel(6, lambda index: answered(api, FUNCTIONS[index % 3]))

    assert {200} == {answer.status_code for answer in answers}
    assert {0} == {answer.json["failed"] for answer in answers}
    changed = [answer.json["changed"] for answer in answers]
    assert [number, number, 2 * number] == [changed[i] + changed[i + 3] for i in range(3)]
    assert_done(api, number)


def test_runs_one_after_the_other_change_nothing_more(api: Api, clock: Clock) -> None:
    seed(api.runtime.store, work(api.tenant, clock.now, 5))
    swept(api)
    before = contents(api.runtime.store, api.tenant), told(api.runtime.store, api.tenant)

    assert [did()] * 3 == [run(api, function) for function in FUNCTIONS]

    assert before == (contents(api.runtime.store, api.tenant), told(api.runtime.store, api.tenant))
    assert_done(api, 5)


# Against people


def another(api: Api, clock: Callable[[], datetime]) -> Api:
    """Another instance on the same store and of the same tenant, with a clock of its own."""
    instance = Api(Runtime(api.runtime.config, clock, api.runtime.store))
    instance.tenant = api.tenant
    return instance


DECISIONS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("decide", "approved", {"decision": "approve", "reason": "yes"}),
    ("decide", "rejected", {"decision": "reject", "reason": "no"}),
)


def test_of_a_decision_and_the_sweep_at_the_last_moment_one_comes_first(
    api: Api, clock: Clock
) -> None:
    expires_at = clock.now
    late = another(api, lambda: expires_at - TICK)

    for start in range(0, RACES, AT_ONCE):
        names = [f"I-{number}" for number in range(start, start + AT_ONCE)]
        open_ = asked(clock.now - DAY, expires_at=expires_at)
        seed(
            api.runtime.store,
            {f"tenants/{api.tenant}/interventions/{name}": open_ for name in names},
        )
        answers = in_parallel(PEOPLE + 1, partial(race, api, late, names))

        outcomes = {name: answer for part in answers[:PEOPLE] for name, answer in part.items()}
        assert outcomes.keys() == set(names)
        (sweep,) = answers[PEOPLE].values()
        assert (sweep.status_code, sweep.json["failed"]) == (200, 0)
        won = [name for name, answer in outcomes.items() if answer.status_code == 200]
        assert AT_ONCE - len(won) == sweep.json["changed"]

    types: Counter[str] = Counter()
    for event in all_pages(api.pilot, "/audit", "events"):
        types[event["eventType"]] += 1
        assert event["sequence"] == 1
    assert RACES == types.total() == types["intervention_decided"] + types["intervention_expired"]
    statuses = Counter(contents(api.runtime.store, api.tenant).values())
    assert types["intervention_expired"] == statuses["expired"]
    assert types["intervention_decided"] == statuses["approved"] + statuses["rejected"]


def race(api: Api, late: Api, names: list[str], number: int) -> dict[str, TestResponse]:
    """What the sweep answers; or what a person is told of each of their share of `names`."""
    if number == PEOPLE:
        return {"sweep": answered(api, EXPIRE)}
    answers = {}
    for index, name in enumerate(names[number::PEOPLE]):
        action, status, body = DECISIONS[(number + index) % 2]
        answer = late.pilot.post(f"/interventions/{name}:{action}", body)
        if answer.status_code == 200:
            assert status == answer.json["status"]
        else:
            assert answer.status_code == 409, answer.text
            assert answer.json["error"]["details"][0]["status"] == "expired"
        answers[name] = answer
    return answers


@pytest.mark.parametrize("_round", range(6 * LOAD))
def test_whoever_decides_claims_or_sweeps_there_is_one_end_and_one_event_of_it(
    api: Api, clock: Clock, _round: int
) -> None:
    path = f"tenants/{api.tenant}/interventions/I"
    end = clock.now
    seed(api.runtime.store, {path: asked(end - DAY, expires_at=end)})
    late = another(api, lambda: end - TICK)
    pilot = late.caller("pilot", "kim")
    other = late.caller("pilot", "pat")
    calls: list[Callable[[], TestResponse]] = [
        lambda: pilot.post("/interventions/I:decide", DECISIONS[0][2]),
        lambda: other.post("/interventions/I:decide", DECISIONS[1][2]),
        lambda: pilot.post("/interventions/I:claim"),
        lambda: other.post("/interventions/I:complete", {}),
        lambda: answered(api, EXPIRE),
        lambda: api.pilot.post("/interventions/I:decide", DECISIONS[0][2]),
    ]

    answers = in_parallel(len(calls), lambda number: calls[number]())

    assert {200, 409} >= {answer.status_code for answer in answers}
    events = trail(api, "interventions/I")
    assert_chain(api.tenant, events)
    ends = {"intervention_decided", "intervention_expired"}
    assert sum(event["eventType"] in ends for event in events) == 1
    status = api.viewer.get("/interventions/I").json["status"]
    expired = events[-1]["eventType"] == "intervention_expired"
    assert expired == (status == InterventionStatus.EXPIRED)


def test_a_hold_is_placed_on_a_whole_case_or_finds_nothing_while_the_purge_runs(
    api: Api, clock: Clock
) -> None:
    since = clock.now - 100 * DAY
    number = 40
    ids = [f"A-{index:02}" for index in range(number)]
    prefix = f"tenants/{api.tenant}"
    states: dict[str, Subject] = {prefix: decided(clock.now, case_retention_days=30)}
    for case_id in ids:
        states[f"{prefix}/cases/{case_id}"] = closed(since)
        states[f"{prefix}/worksheets/{case_id}:kim"] = noted(since, case_id, "kim")
        states[f"{prefix}/interventions/{case_id}"] = archived(since, case_id=case_id)
    seed(api.runtime.store, states)
    # One just before the first commit, so that one wins whoever is faster.
    reason = {"reason": "Court"}
    meddle(api, on_commit(1, lambda: api.admin.post(f"/cases/{ids[5]}/holds", reason)))

    def act(index: int) -> list[int]:
        if index == 2:
            return [answered(api, PURGE).status_code]
        return [api.admin.post(f"/cases/{i}/holds", reason).status_code for i in ids[index::2]]

    first, second, _ = in_parallel(3, act)

    placed = {
        case_id
        for codes, mine in ((first, ids[0::2]), (second, ids[1::2]))
        for code, case_id in zip(codes, mine, strict=True)
        if code == 201
    }
    assert {201, 404} >= {*first, *second}
    run(api, PURGE)
    found = contents(api.runtime.store, api.tenant)
    for case_id in ids:
        names = (f"cases/{case_id}", f"worksheets/{case_id}:kim")
        expected = ["closed", ""] if case_id in placed else ["purged", "purged"]
        assert expected == [found[f"{prefix}/{name}"] for name in names]
    assert ids[5] in placed
    assert number - len(placed) == purged_in_all(api.runtime.store, api.tenant)["cases"]
    assert chain_holds(api, "tenant")


def test_a_run_that_is_killed_with_its_guard_is_done_again_by_the_next_delivery(
    api: Api, clock: Clock
) -> None:
    headers = {
        "x_cloudscheduler_jobname": "a-job",
        "x_cloudscheduler_scheduletime": clock.now.isoformat(),
    }
    seed(api.runtime.store, work(api.tenant, clock.now, 3))
    plain = api.runtime.store

    def die() -> None:
        raise DiedError

    for function in FUNCTIONS:
        own = {**headers, "x_cloudscheduler_jobname": function}
        meddle(api, on_commit(2, die))
        with pytest.raises(DiedError):
            answered(api, function, **own)
        api.runtime._store = plain  # noqa: SLF001 - to take the meddler away
        assert answered(api, function, **own).status_code == 409
    clock.advance(minutes=9)
    for function in FUNCTIONS:
        own = {**headers, "x_cloudscheduler_jobname": function}
        assert run(api, function, **own)["changed"] in (3, 6)

    assert_done(api, 3)
