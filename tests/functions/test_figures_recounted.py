"""Stats, metrics and figures are what counting all documents anew gives, after any life."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from shared.config import Config
from shared.documents.embedded.store import EmbeddedStore
from shared.documents.indexes import project_indexes
from shared.documents.port import Document, Query
from shared.models.case import Status
from shared.models.intervention import MetricsQuery
from shared.repository import recounted
from shared.rules.cases import DONE
from shared.runtime import Runtime
from tests.client import Api
from tests.conftest import Clock
from tests.functions.intervention_support import done
from tests.functions.sealing_support import seal, with_keys
from tests.functions.support import when, wire
from tests.reliability.support import LOAD
from tests.unit.examples import STABLE

DAY = timedelta(days=1)
INDEXES = project_indexes()
PEOPLE = ("kim", "lee", "pat")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """A configuration with a key."""
    config = Config(sqlite=":memory:", unsigned_tokens=True)
    return with_keys(config, tmp_path_factory.mktemp("keys"), Ed25519PrivateKey.generate())


@pytest.fixture
def configured(config: Config, tmp_path: Path) -> Config:
    """With a key, so that events are sealed and counted."""
    return with_keys(config, tmp_path, Ed25519PrivateKey.generate())


class Life:
    """What happens to cases and interventions of a new tenant; what is refused happens not."""

    def __init__(self, api: Api, clock: Clock) -> None:
        self.api, self.clock = api, clock
        self.cases: list[str] = []
        self.deleted: list[dict[str, Any]] = []
        self.questions: list[str] = []
        self.begun = datetime.combine(clock.now, time(), UTC)

    def go_on(self, what: str, which: int) -> None:
        """Something happens, to one of what there is."""
        happens: Callable[[int], Any] = getattr(self, what)
        happens(which)
        self.clock.advance(seconds=which, microseconds=1)

    def opens(self, which: int) -> None:
        due = self.clock.now + timedelta(hours=which % 40)
        given = {"decisionType": f"type-{which % 3}", "dueAt": wire(due)}
        if which % 5 == 0:
            given["assignedTo"] = "Kim"
        case = self.api.verifier.create(**given)
        self.cases.append(case["id"])

    def moves(self, which: int) -> None:
        status = list(Status)[which % len(Status)]
        self._case(which, "PATCH", "", {"status": status, "reason": "So it is"})

    def closes(self, which: int) -> None:
        self._case(which, "PATCH", "", {"status": "closed", "reason": "Done", "endOpen": True})

    def assigns(self, which: int) -> None:
        self._case(which, "PATCH", "", {"assignedTo": (None, "Kim", "Lee")[which % 3]})

    def retypes(self, which: int) -> None:
        self._case(which, "PATCH", "", {"decisionType": f"type-{which % 4}"})

    def reopens(self, which: int) -> None:
        self._case(which, "POST", ":reopen", {"reason": "Not done after all"})

    def deletes(self, which: int) -> None:
        before = cases_of(self.api)
        self._case(which, "DELETE", "")
        # That they were closed on their day stays true.
        kept = cases_of(self.api).keys()
        self.deleted += [case for case_id, case in before.items() if case_id not in kept]

    def asks(self, which: int) -> None:
        kind = ("resume", "kill_switch", "cancel")[which % 3]
        priority = (None, "low", "high")[which // 3 % 3]
        seconds = (None, 600, 90_000)[which // 9 % 3]
        about = self.cases[which % len(self.cases)] if self.cases and which % 2 else None
        asker = self.api.caller("agent", f"robot-{which % 2}")
        given = {"type": kind, "priority": priority, "caseId": about, "expiresInSeconds": seconds}
        body = {"uowId": "u", "title": "May I?", **{k: v for k, v in given.items() if v}}
        answer = asker.post("/interventions", body)
        if answer.status_code == 201:
            self.questions.append(answer.json["id"])

    def decides(self, which: int) -> None:
        self._question(which, "decide", {"decision": "approve"})

    def rejects(self, which: int) -> None:
        self._question(which, "decide", {"decision": "reject", "reason": "No"})

    def claims(self, which: int) -> None:
        self._question(which, "claim", None)

    def completes(self, which: int) -> None:
        self._question(which, "complete", {})

    def withdraws(self, which: int) -> None:
        self._question(which, "withdraw", {})

    def waits(self, which: int) -> None:
        self.clock.advance(hours=which)

    def sweeps(self, _: int) -> None:
        self.api.caller("scheduler", tenant="none").post("/scheduled/expireInterventions")

    def seals(self, _: int) -> None:
        self.clock.advance(minutes=2)
        seal(self.api)

    def _case(self, which: int, method: str, verb: str, body: Any = None) -> None:
        if self.cases:
            path = f"/cases/{self.cases[which % len(self.cases)]}{verb}"
            assert self.api.admin.request(method, path, body).status_code < 500

    def _question(self, which: int, verb: str, body: Any) -> None:
        if self.questions:
            decider = self.api.caller("pilot", PEOPLE[which % 3])
            path = f"/interventions/{self.questions[which % len(self.questions)]}:{verb}"
            assert decider.post(path, body).status_code < 500


WHAT = [name for name in vars(Life) if not name.startswith("_") and name != "go_on"]
OFTEN = ["opens", "asks", "asks", "decides", "rejects", "closes"]
STEPS = st.lists(
    st.tuples(st.sampled_from(OFTEN + WHAT), st.integers(0, 60)), min_size=10, max_size=40
)


# To make a life that fails shorter takes minutes, and tells little.
@settings(STABLE, max_examples=10 * LOAD, phases=[Phase.generate])
@given(STEPS)
def test_after_any_life_all_figures_are_those_of_a_recount(
    keys: Config, framework: Flask, steps: list[tuple[str, int]]
) -> None:
    clock, store = Clock(), EmbeddedStore(":memory:", INDEXES)
    try:
        lived(Api(Runtime(keys, clock, store=store), app=framework), clock, steps)
    finally:
        store.close()


@pytest.mark.both_stores
def test_after_one_life_they_are_those_of_a_recount(api: Api, clock: Clock) -> None:
    once = [(what, number) for number, what in enumerate(WHAT)]
    again = [(what, 5 * number % 47) for number, what in enumerate([*OFTEN, *WHAT[::-1]])]

    lived(api, clock, [*once, *again])


def lived(api: Api, clock: Clock, steps: list[tuple[str, int]]) -> None:
    """Lets all of it happen, and compares."""
    life = Life(api, clock)
    for what, which in steps:
        life.go_on(what, which)
    require_recounted(life)


def require_recounted(life: Life) -> None:
    """Checks all figures against what the documents say."""
    api, today = life.api, datetime.combine(life.clock.now, time(), UTC)
    cases = [*cases_of(api).values()]
    require_stats(api, life.clock.now, cases)
    since = max(life.begun, today - 30 * DAY)
    for span in ((None, None), (since, None), (since, today), (since + DAY, today + DAY)):
        again = anew(life, *span)
        assert metrics(api, *span) == again, span
    figures = done(api.pilot.get(f"/figures?since={since:%Y-%m-%dT00:00:00Z}&by=day"))
    assert figures["daily"] == anew(life, since, None)["daily"]
    closed = [case for case in cases + life.deleted if case["status"] == Status.CLOSED]
    require_closed(figures, closed, since)
    for name in ("created", "decided", "expired"):
        of_days = [row["interventions"][name] for row in figures["rows"]]
        assert of_days == [day[name] for day in figures["daily"]]
        assert sum(of_days) == figures[name]
    for by in ("agent", "pilot"):
        found = done(api.pilot.get(f"/figures?since={since:%Y-%m-%dT00:00:00Z}&by={by}"))
        each = [row["interventions"] for row in found["rows"]]
        assert sum(one["decided"] for one in each) == figures["decided"]
        if by == "agent":
            assert sum(one["expired"] for one in each) == figures["expired"]
            assert sum(one["created"] for one in each) == figures["created"]


def require_stats(api: Api, now: datetime, cases: list[dict[str, Any]]) -> None:
    stats = done(api.viewer.get("/cases:stats"))
    statuses = Counter(case["status"] for case in cases)
    assert stats["casesByStatus"] == {status: statuses[status] for status in Status}
    assert stats["caseCount"] == len(cases)
    assert stats["totalEvents"] == len(rows(api, "audit"))
    assert when(stats["asOf"]) == now
    undone = [case for case in cases if case["status"] not in DONE]
    assert stats["unassigned"] == sum(case["assignedTo"] is None for case in undone)


def require_closed(figures: dict[str, Any], closed: list[dict[str, Any]], since: datetime) -> None:
    every = Counter[tuple[str, str]]()
    for case in closed:
        if case["closedAt"] >= since:
            due, at = case["dueAt"], case["clockStoppedAt"]
            late = due is not None and due < at
            every[case["decisionType"], "late" if late else "inTime"] += 1
    assert {
        (row["decisionType"], name): row[name]
        for row in figures["closed"]
        for name in ("inTime", "late")
        if row[name]
    } == every
    of_days = [row["cases"] for row in figures["rows"]]
    assert sum(one["closedInTime"] + one["closedLate"] for one in of_days) == every.total()


def cases_of(api: Api) -> dict[str, dict[str, Any]]:
    """The cases that are stored, by their ids."""
    return {row.id: row.data for row in rows(api, "cases") if "deletedAt" not in row.data}


def rows(api: Api, collection: str) -> list[Document]:
    return list(api.runtime.store.query(Query(f"tenants/{api.tenant}/{collection}")))


def metrics(api: Api, since: datetime | None, until: datetime | None) -> dict[str, Any]:
    """The metrics of a period, with its days."""
    given = {"since": since and wire(since), "until": until and wire(until), "daily": "true"}
    query = urlencode({name: value for name, value in given.items() if value})
    found = done(api.pilot.get(f"/interventions:metrics?{query}"))
    assert found.pop("asOf")
    return found


def anew(life: Life, since: datetime | None, until: datetime | None) -> dict[str, Any]:
    """The same, counted by aggregations; averages are rounded to a millisecond."""
    wanted = MetricsQuery(daily=True).model_copy(update={"since": since, "until": until})
    store, tenant, now = life.api.runtime.store, life.api.tenant, life.clock.now
    counted = recounted.metrics(store, tenant, wanted, now, of_people=True)
    found = counted.model_dump(mode="json", by_alias=True, exclude={"as_of"})
    for one in (found, *found["daily"]):
        one["averageResolutionSeconds"] = nearly(one["averageResolutionSeconds"])
    return found


def nearly(seconds: float | None) -> Any:
    return seconds if seconds is None else pytest.approx(seconds, abs=0.0011)
