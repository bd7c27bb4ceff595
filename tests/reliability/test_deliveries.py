"""Whatever happens to a commit, an event and its deliveries are there together, each once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import pytest

from shared.config import Config
from shared.documents.port import (
    Conflict,
    Create,
    Document,
    DocumentStore,
    Query,
    Stale,
    Unavailable,
    Write,
)
from shared.documents.values import MAX_WRITES
from shared.ledger import deliveries
from shared.ledger.decision import Recorded
from shared.ledger.ledger import Ledger
from shared.ledger.origin import Origin
from shared.models.case import NewCase
from shared.models.roles import Actor, Role
from shared.repository import cases
from shared.rules import cases as case_rules
from shared.runtime import Runtime, open_store
from tests.client import Api, TestResponse
from tests.conftest import Clock
from tests.functions.sweep_support import noted
from tests.reliability.support import in_parallel

NEW = {"url": "https://agent.example/hook", "events": ["*"]}
ASK = {"uowId": "u", "type": "cancel", "title": "May I?"}


class Shaky:
    """A store whose next commits go as `faults` say, one each; None lets one through.

    With `late` what fails has been made.
    """

    def __init__(self, store: DocumentStore) -> None:
        self._store = store
        self.faults: list[Exception | None] = []
        self.late = False
        self.sizes: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def commit(self, writes: Sequence[Write]) -> None:
        fault = self.faults.pop(0) if self.faults else None
        if fault is None or self.late:
            self._store.commit(writes)
            self.sizes.append(len(writes))
        if fault is not None:
            raise fault


@pytest.fixture
def store(config: Config) -> Shaky:
    """The store of `api`."""
    return Shaky(open_store(config))


@pytest.fixture
def api(config: Config, clock: Clock, store: Shaky) -> Api:
    """The functions over a store that fails as it is told to."""
    return Api(Runtime(config, clock, store=store))


def listening(api: Api, number: int = 1) -> list[str]:
    """Makes webhooks that hear of everything; gives their ids."""
    found = [api.admin.post("/webhooks", NEW) for _ in range(number)]
    assert {one.status_code for one in found} == {201}
    return [one.json["id"] for one in found]


def rows(api: Api, collection: str) -> list[Document]:
    return api.runtime.store.query(Query(f"tenants/{api.tenant}/{collection}"))


def assert_each_once(api: Api, webhook_ids: Sequence[str]) -> int:
    """Each event has one delivery to each webhook; gives the number of events.

    Events about webhooks are left aside: each is heard by those that were there before it.
    """
    events = {row.id for row in rows(api, "audit") if row.data["subject"] != "webhooks/endpoints"}
    found = [row for row in rows(api, "deliveries") if row.data["subject"] != "webhooks/endpoints"]
    expected = {f"{event}:{webhook}" for event, webhook in product(events, webhook_ids)}
    assert {row.id for row in found} == expected
    for row in found:
        assert row.id == f"{row.data['eventId']}:{row.data['webhookId']}"
        assert row.data["status"] == "due"
    return len(events)


MUTATIONS: dict[str, Callable[[Api, str], TestResponse]] = {
    "create": lambda api, key: api.verifier.post(
        "/cases", {"decisionType": "x", "title": "A"}, idempotency_key=key
    ),
    "patch": lambda api, key: api.verifier.request(
        "PATCH", "/cases/A", {"title": key}, idempotency_key=key
    ),
    "ask": lambda api, key: api.agent.post(
        "/interventions", {**ASK, "caseId": "A"}, idempotency_key=key
    ),
    "escalate": lambda api, key: api.agent.post(
        "/cases/A:escalate", {"reason": "Too hard"}, idempotency_key=key
    ),
    "batch": lambda api, key: api.verifier.post(
        "/cases:update",
        {"caseIds": ["A", "B", "C"], "addTags": [key]},
        idempotency_key=key,
    ),
}
FAULTS: dict[str, tuple[list[Exception | None], bool]] = {
    "conflict": ([Stale()], False),
    "lost": ([Unavailable()], False),
    "lost after it was made": ([Unavailable()], True),
    "lost twice": ([Unavailable(), Unavailable()], True),
    "refused after it was made": ([Stale()], True),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_an_event_is_never_without_its_deliveries_nor_they_without_it(
    api: Api, store: Shaky, mutation: str
) -> None:
    ids = listening(api, 2)
    for case_id in "ABC":
        api.verifier.create(id=case_id)

    for number, (faults, late) in enumerate(FAULTS.values()):
        before = assert_each_once(api, ids)
        store.faults, store.late = list(faults), late
        first = MUTATIONS[mutation](api, f"key-{number}")
        store.faults = []
        again = MUTATIONS[mutation](api, f"key-{number}")

        assert 200 <= first.status_code < 300, first.text
        assert again.status_code == first.status_code
        # With a key nothing happens twice: neither the event, nor its deliveries.
        assert assert_each_once(api, ids) > before
        after = len(rows(api, "deliveries"))
        MUTATIONS[mutation](api, f"key-{number}")
        assert len(rows(api, "deliveries")) == after


def test_a_commit_that_is_not_made_leaves_no_delivery(api: Api, store: Shaky) -> None:
    ids = listening(api)
    store.faults = [Unavailable() for _ in range(5)]

    assert api.verifier.post("/cases", {"decisionType": "x", "title": "A"}).status_code == 503

    assert assert_each_once(api, ids) == 0


def test_writers_that_race_for_a_case_leave_each_delivery_once(api: Api) -> None:
    ids = listening(api, 3)
    api.verifier.create(id="A")

    answers = in_parallel(
        6, lambda number: api.verifier.patch("/cases/A", {"title": f"Title {number}"})
    )

    assert {one.status_code for one in answers} == {200}
    assert assert_each_once(api, ids) == 7


def test_webhooks_that_are_made_at_once_are_all_there(api: Api) -> None:
    made = in_parallel(5, lambda _: api.admin.post("/webhooks", NEW))

    assert {one.status_code for one in made} == {201}
    assert len(api.admin.get("/webhooks").json["webhooks"]) == 5


def opened(api: Api, clock: Clock, number: int) -> list[str]:
    """Puts cases into the store without events; gives their ids."""
    ids = [f"C-{one:03}" for one in range(number)]
    new = NewCase(decision_type="x", title="A")
    case = case_rules.opened("C", new, by="seed", due_hours=72, now=clock.now)
    api.runtime.store.commit(
        [Create(f"tenants/{api.tenant}/cases/{one}", case.to_data()) for one in ids]
    )
    return ids


def test_a_batch_with_20_webhooks_is_split_and_delivers_each_event_once(
    api: Api, clock: Clock, store: Shaky
) -> None:
    ids, number = listening(api, 20), 60
    case_ids = opened(api, clock, number)
    actor = Actor(subject="kim", email=None, type="user", role=Role.VERIFIER)
    origin = Origin(api.tenant, actor, "system", "close", "r", key="k", request_hash="h")
    store.sizes.clear()

    for replayed in (False, True):
        ledger = Ledger(api.runtime.store, origin, clock, listeners=api.runtime.listeners)
        outcomes = cases.close_many(ledger, case_ids, "Over")
        assert [one.replayed for one in outcomes if isinstance(one, Recorded)] == [
            replayed
        ] * number

    assert assert_each_once(api, ids) == number
    assert max(store.sizes) <= MAX_WRITES
    assert len(store.sizes) > 1
    # Each subject, its event and its deliveries; and once the person's entry.
    assert sum(store.sizes) == number * 22 + 1


def test_one_commit_without_room_for_its_deliveries_is_made_all_the_same(
    api: Api, store: Shaky
) -> None:
    ids = listening(api, 20)
    api.verifier.create(id="A")
    for _ in range(48):
        assert api.agent.post("/interventions", {**ASK, "caseId": "A"}).status_code == 201
    before = assert_each_once(api, ids)
    store.sizes.clear()

    # 49 events in one commit, each for 20 webhooks.
    closed = api.pilot.post(
        "/cases:close", {"caseIds": ["A"], "reason": "Over", "endOpen": True}, idempotency_key="k"
    )

    assert closed.json["succeeded"] == 1, closed.text
    # With the person's entry.
    assert store.sizes == [2 * 49 + 1 + 1]
    (gathered,) = [row for row in rows(api, "deliveries") if "gathered" in row.data]
    assert gathered.data["dueAt"] == gathered.data["createdAt"]
    spread_by_two_that_stop(api, store, gathered)
    assert assert_each_once(api, ids) == before + 49


def spread_by_two_that_stop(api: Api, store: Shaky, gathered: Document) -> None:
    """Spreads what was gathered: once it stops in the middle, and then two are at it."""
    store.faults, store.late = [None, Unavailable()], False
    with pytest.raises(Unavailable):
        deliveries.spread(api.runtime.store, gathered)
    store.faults = []

    def spread(_: int) -> bool:
        try:
            deliveries.spread(api.runtime.store, gathered)
        except Conflict:
            return False
        return True

    assert any(in_parallel(2, spread))
    assert not [row for row in rows(api, "deliveries") if "gathered" in row.data]


def test_a_deletion_that_fills_a_commit_has_room_for_its_deliveries(
    api: Api, clock: Clock, store: Shaky
) -> None:
    ids = listening(api, 20)
    api.verifier.create(id="A")
    before = assert_each_once(api, ids)
    sheets = [noted(clock.now, "A", f"user-{number}") for number in range(997)]
    path = f"tenants/{api.tenant}/worksheets"
    api.runtime.store.commit([Create(f"{path}/A:{one.user_id}", one.to_data()) for one in sheets])
    store.sizes.clear()

    assert api.admin.delete("/cases/A").status_code == 204

    assert store.sizes == [MAX_WRITES]
    (gathered,) = [row for row in rows(api, "deliveries") if "gathered" in row.data]
    deliveries.spread(api.runtime.store, gathered)
    assert assert_each_once(api, ids) == before + 1
