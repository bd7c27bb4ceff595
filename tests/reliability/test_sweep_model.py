"""Fifty tenants with mixed holds, settings and ages: the sweeps do what a plain model says."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from shared.models.intervention import InterventionStatus
from shared.models.subjects import Subject
from tests.client import Api, Client
from tests.conftest import Clock
from tests.functions.sweep_support import (
    CLOSE,
    DAY,
    EXPIRE,
    PURGE,
    approved,
    archived,
    asked,
    closed,
    contents,
    decided,
    noted,
    opened,
    purged_in_all,
    run,
    seed,
    told,
)
from tests.reliability.support import LOAD, verification

TENANTS = 50
LOADS = {"embedded": 3 * LOAD, "emulator": 2 * LOAD}
"""Examples; the first is a small one."""
HOLDS = {"legal_hold": True}
CASES = {"new": opened, "approved": approved, "closed": closed}
TERMINAL = {"rejected", "expired", "completed"}

days = st.sampled_from([0, 1, 2, 29, 30, 31, 89, 90, 400])
limit = st.sampled_from([1, 2, 30, 90])


@dataclass
class Case:
    """A case: since when it is what it is, and whether it is held."""

    status: str
    age: int
    held: bool
    noted: bool
    since: datetime = field(init=False)


@dataclass
class Intervention:
    """An intervention, in how many days it runs out, and the number of its case, if it has one."""

    status: str
    age: int
    ends_in: int | None
    case: int | None
    since: datetime = field(init=False)
    end: datetime | None = field(init=False)


@dataclass
class Tenant:
    """A tenant as the rules in the README have it."""

    closes: int | None
    keeps_interventions: int
    keeps_cases: int | None
    cases: list[Case]
    interventions: list[Intervention]
    events: Counter[tuple[str, str]] = field(init=False, default_factory=Counter)

    def begin(self, now: datetime) -> None:
        """Turns ages into times."""
        for case in self.cases:
            case.since = now - timedelta(days=case.age)
        for one in self.interventions:
            one.since = now - timedelta(days=one.age)
            one.end = None if one.ends_in is None else now + timedelta(days=one.ends_in)

    def expire(self, now: datetime) -> None:
        """What is open past its end expires."""
        for number, one in enumerate(self.interventions):
            if one.status in {"pending", "in_progress"} and one.end and one.end <= now:
                one.status, one.since = "expired", now
                self.events[f"interventions/{number}", "intervention_expired"] += 1

    def close(self, now: datetime) -> None:
        """What was approved long enough ago closes."""
        for number, case in enumerate(self.cases):
            if case.status == "approved" and late(case.since, self.closes, now):
                case.status, case.since = "closed", now
                self.events[f"cases/{number}", "status_changed"] += 1

    def purge(self, now: datetime) -> None:
        """What was done long enough ago goes, unless it is held, or its case is."""
        held = {number for number, case in enumerate(self.cases) if case.held}
        for case in self.cases:
            gone = case.status == "closed" and late(case.since, self.keeps_cases, now)
            if gone and not case.held:
                case.status = "purged"
        for one in self.interventions:
            gone = one.status in TERMINAL and late(one.since, self.keeps_interventions, now)
            if gone and one.case not in held:
                one.status = "purged"

    @property
    def stands(self) -> dict[str, str]:
        """How everything of it stands, by its path."""
        found = {f"cases/{number}": case.status for number, case in enumerate(self.cases)}
        for number, case in enumerate(self.cases):
            if case.noted:
                found[f"worksheets/{number}:kim"] = "purged" if case.status == "purged" else ""
        more = {
            f"interventions/{number}": one.status for number, one in enumerate(self.interventions)
        }
        return found | more


def late(since: datetime, after: int | None, now: datetime) -> bool:
    """Whether so many days have gone by; None is never."""
    return after is not None and since + timedelta(days=after) <= now


case_ = st.builds(
    Case,
    status=st.sampled_from(["new", "approved", "closed", "closed"]),
    age=days,
    held=st.sampled_from([False, False, True]),
    noted=st.booleans(),
)
intervention = st.builds(
    Intervention,
    status=st.sampled_from(["pending", "in_progress", "approved", *sorted(TERMINAL)]),
    age=days,
    ends_in=st.sampled_from([None, -30, -1, 0, 1, 30]),
    case=st.none() | st.integers(0, 2),
)
tenant = st.builds(
    Tenant,
    closes=st.none() | limit,
    keeps_interventions=limit,
    keeps_cases=st.none() | limit,
    cases=st.lists(case_, max_size=3),
    interventions=st.lists(intervention, max_size=4),
)
change = st.tuples(
    st.integers(0, TENANTS - 1), st.sampled_from(["settings", "hold", "release", "reopen"]), limit
)
step = st.tuples(st.sampled_from([1, 2, 29]), st.lists(change, min_size=8, max_size=12))


def seeded(name: str, model: Tenant, now: datetime) -> dict[str, Subject]:
    """A tenant's documents, by their paths."""
    model.begin(now)
    root = f"tenants/{name}"
    states: dict[str, Subject] = {
        root: decided(
            now,
            auto_close_days=model.closes,
            intervention_retention_days=model.keeps_interventions,
            case_retention_days=model.keeps_cases,
        )
    }
    for number, case in enumerate(model.cases):
        # A hold with a name can be released.
        states[f"{root}/cases/{number}"] = CASES[case.status](
            case.since, **(HOLDS if case.held else {})
        )
        if case.noted:
            states[f"{root}/worksheets/{number}:kim"] = noted(case.since, str(number), "kim")
    for number, one in enumerate(model.interventions):
        fields: dict[str, Any] = {"status": InterventionStatus(one.status), "expires_at": one.end}
        fields["case_id"] = None if one.case is None else str(one.case)
        if one.status in TERMINAL:
            state = archived(one.since).model_copy(update=fields)
        else:
            state = asked(one.since, **fields)
        states[f"{root}/interventions/{number}"] = state
    return states


def changed(admin: Client, model: Tenant, what: str, value: int, now: datetime) -> None:
    """Has an admin change something of a tenant, in the store and in the model."""
    alive = [number for number, case in enumerate(model.cases) if case.status != "purged"]
    if what == "settings":
        patch = {"autoCloseDays": value, "caseRetentionDays": value}
        assert admin.patch("/settings", patch).status_code == 200
        model.closes = model.keeps_cases = value
    elif what == "hold" and alive:
        held = model.cases[alive[-1]]
        answer = admin.post(f"/cases/{alive[-1]}/holds", {"reason": "Court"})
        assert answer.status_code == 201
        held.held = True
        model.events[f"cases/{alive[-1]}", "hold_placed"] += 1
    elif what == "release":
        for number in alive:
            shown = admin.get(f"/cases/{number}?view=full").json
            for hold in shown["holds"]:
                path = f"/cases/{number}/holds/{hold['id']}:release"
                assert admin.post(path, {"reason": "Settled"}).status_code == 200
                model.events[f"cases/{number}", "hold_released"] += 1
                model.cases[number].held = False
    elif what == "reopen":
        for number in alive:
            if model.cases[number].status in {"approved", "closed"}:
                path = f"/cases/{number}:reopen"
                assert admin.post(path, {"reason": "again"}).status_code == 200
                model.cases[number].status, model.cases[number].since = "in_review", now
                model.events[f"cases/{number}", "case_reopened"] += 1


def sweep_both(api: Api, tenants: list[Tenant], now: datetime) -> None:
    """Runs all three functions, on the store and on the model."""
    for path in (EXPIRE, CLOSE, PURGE):
        done = run(api, path)
        assert (done["complete"], done["failed"]) == (True, 0)
    for model in tenants:
        model.expire(now)
        model.close(now)
        model.purge(now)


def assert_agree(api: Api, names: list[str], tenants: list[Tenant]) -> None:
    """Fails unless all tenants stand as the model says."""
    for name, model in zip(names, tenants, strict=True):
        assert_agrees(api, name, model)


def assert_agrees(api: Api, name: str, model: Tenant) -> None:
    """Fails unless a tenant stands as the model says, with its events, on chains that hold."""
    store = api.runtime.store
    root = f"tenants/{name}/"
    expected = {f"{root}{path}": status for path, status in model.stands.items()}
    assert expected == contents(store, name, below=())
    assert model.events == told(store, name)
    gone = Counter(path.partition("/")[0] for path, s in model.stands.items() if s == "purged")
    in_all = {kind: gone[kind] for kind in ("cases", "interventions")}
    assert in_all == purged_in_all(store, name)


@pytest.mark.parametrize("config", LOADS, indirect=True)
def test_the_sweeps_and_the_model_agree_on_fifty_tenants(
    api: Api, clock: Clock, request: pytest.FixtureRequest
) -> None:
    store = request.node.callspec.params["config"]
    everywhere = store == "embedded"
    begun = clock.now
    examples = 0

    @settings(
        max_examples=LOADS[store],
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],  # to shrink a failure takes longer than to read it
        suppress_health_check=list(HealthCheck),
    )
    @given(
        tenants=st.lists(tenant, min_size=TENANTS, max_size=TENANTS),
        steps=st.lists(step, min_size=3, max_size=3),
    )
    def agree(tenants: list[Tenant], steps: list[tuple[int, list[Any]]]) -> None:
        nonlocal examples
        examples += 1
        # An example leaves its documents: years later they are all settled, as nothing else is.
        clock.now = begun + 10_000 * examples * DAY
        names = [f"{api.tenant}-{examples}-{number}" for number in range(TENANTS)]
        documents: dict[str, Subject] = {}
        for name, model in zip(names, tenants, strict=True):
            documents |= seeded(name, model, clock.now)
        seed(api.runtime.store, documents)
        for later, changes in [(0, []), *steps]:
            clock.advance(days=later)
            for number, what, value in changes:
                admin = api.caller("admin", tenant=names[number])
                changed(admin, tenants[number], what, value, clock.now)
            sweep_both(api, tenants, clock.now)
            if everywhere:
                assert_agree(api, names, tenants)
        assert_agree(api, names, tenants)
        for name, model in zip(names[:10], tenants[:10], strict=True):
            auditor = Api.__new__(Api)
            auditor.__dict__.update(api.__dict__, tenant=name)
            for subject, status in model.stands.items():
                found = verification(auditor, subject)
                # What was put into the store without an event is not what its events say.
                holds = found["valid"] or "field" in found["firstBroken"]
                assert (True, status == "purged") == (holds, found.get("purged", False))

    agree()
