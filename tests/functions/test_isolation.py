"""One tenant's things, asked for by another tenant: every function, with every kind of name.

A function of the catalogue, or a parameter that names something, which is not in the tables of
`tenant_support.py` fails a test.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from functions.api import FUNCTIONS
from shared.config import Config
from shared.rules.callers import SCHEDULERS
from tests.client import TestResponse
from tests.conftest import Clock
from tests.functions.support import cost
from tests.functions.tenant_support import (
    CALLS,
    MUTATIONS,
    NO_TENANTS,
    Request,
    World,
    everything,
    opened_world,
    route,
)
from tests.rows import each_row

pytestmark = pytest.mark.both_stores
_CHANCE = (
    "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{16,}"
    '|-[a-z2-9]{8}(?=")|(?<="ck_)[^"]+'  # of a key
)


@pytest.fixture
def world(config: Config, clock: Clock) -> Iterator[World]:
    """One tenant that has everything, over each kind of store."""
    with opened_world(config, clock) as world:
        yield world


def seen(answer: TestResponse) -> tuple[Any, ...]:
    """All of an answer but the time it took and what is random in it, by chance or by hashing."""
    hidden = {"X-Request-Id", "Server-Timing"}
    headers = sorted(f"{name}: {text}" for name, text in answer.headers if name not in hidden)
    shown = "\n".join([*headers, answer.text])
    if answer.status_code < 400:
        shown = re.sub(_CHANCE, "…", shown)
        shown = re.sub(r"whsec_[A-Za-z0-9+/=]+", "…", shown)
    return answer.status_code, cost(answer), shown


def test_every_function_is_tried_on_another_tenants_things_but_those_of_no_tenant() -> None:
    assert set(FUNCTIONS) == {*CALLS, *NO_TENANTS}
    assert not set(CALLS) & NO_TENANTS
    assert set(MUTATIONS) == {n for n in CALLS if route(n).method != "GET"} - {"check_cases"}
    for name in NO_TENANTS:
        assert route(name).roles in (None, SCHEDULERS)


def properties(schema: Any) -> Iterator[str]:
    """The names of all properties in a JSON schema."""
    if isinstance(schema, dict):
        for name, inner in schema.items():
            if name == "properties":
                yield from inner
            yield from properties(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from properties(inner)


@each_row("name", CALLS)
def test_every_parameter_that_names_something_is_tried_with_what_is_theirs(name: str) -> None:
    called = json.dumps([(ask.query, ask.body) for ask in CALLS[name]])
    models = (route(name).query, route(name).body)
    taken = {one for model in models for one in properties(model.model_json_schema())}
    naming = {one for one in taken if re.search(r"(^id|Ids?)$|^(assignedTo|actor|subject)$", one)}

    tried = set(re.findall(r"(\w+)(?==|\": )", called))
    assert set() == naming - tried, (
        f"try {name} with what these name of another tenant: "
        "MUTATIONS and READS in tests/functions/tenant_support.py"
    )


def test_what_is_anothers_is_answered_like_what_does_not_exist(world: World) -> None:
    paged = set()

    for name, ask, request in world.attacks():
        theirs = world.send(request, ask.role, world.outsider())
        absent_request = Request(*map(world.nowhere, request))
        absent = world.send(absent_request, ask.role, world.outsider())

        assert ask.code == theirs.status_code, (name, request, theirs.text)
        assert "Idempotent-Replayed" not in theirs.headers
        code, costs, shown = seen(theirs)
        assert seen(absent) == (code, costs, world.nowhere(shown)), (name, request)
        paged |= {name} if "pageToken" in request.path else set()

    assert {n for n in CALLS if "page_token" in route(n).query.model_fields} == paged


def test_only_the_callers_own_tenant_is_read_and_written_whoever_is_named(world: World) -> None:
    before = everything(world.api.runtime.store, world.api.tenant)

    for name, ask, request in world.attacks():
        outsider = world.outsider()
        world.send(request, ask.role, outsider)
        own = f"tenants/{outsider}"
        others = [p for p in world.witness.touched if p != own and not p.startswith(f"{own}/")]
        assert set(others) <= of_no_tenant(name, world.api.tenant), request

    assert len(before) > 60
    assert before == everything(world.api.runtime.store, world.api.tenant)


def of_no_tenant(name: str, theirs: str) -> set[str]:
    """What a function reads besides: marks of scheduled runs, and a log that may be public."""
    if name == "list_scheduled":
        return {"scheduledRuns", "sealing/progress"}
    if name.startswith("get_log_"):
        parts = ("log/state", "logBundles/0")
        return {f"tenants/{theirs}", *(f"tenants/{theirs}/{part}" for part in parts)}
    return set()


def test_the_keys_that_outsiders_try_are_those_of_the_tenants_own_mutations(world: World) -> None:
    replayed = {
        name
        for name, (ask, *_) in MUTATIONS.items()
        if "Idempotent-Replayed"
        in world.send(world.request(name, ask), ask.role, world.api.tenant).headers
    }

    # Of worksheets each row has a receipt of its own, and the answer says so of none; views and
    # what is sent to webhooks leave no event, and so no receipt.
    without = {"save_worksheets", "save_views", "test_webhook", "retry_delivery", "replay_webhook"}
    assert set(MUTATIONS) - without == replayed
