"""The description of the API against what the functions do."""

from __future__ import annotations

import hypothesis
import pytest
import schemathesis
from openapi_spec_validator import validate
from schemathesis.specs.openapi.checks import positive_data_acceptance

from functions.api import FUNCTIONS, ROUTES
from shared.config import Config
from shared.edge.openapi import description
from shared.edge.routes import Route
from shared.rules.callers import SCHEDULERS
from shared.runtime import Runtime
from tests.client import Api
from tests.reliability.support import LOAD

FUZZED = [
    # By day what tests/functions/test_fuzz.py leaves out: who waits, and who is the scheduler.
    route
    for route in ROUTES
    if LOAD > 1 or route.roles == SCHEDULERS or route.name == "wait_intervention"
]


@pytest.mark.parametrize("route", FUZZED, ids=lambda route: route.name)
def test_whatever_is_sent_is_answered_as_the_description_says(
    embedded_config: Config, route: Route
) -> None:
    api = Api(Runtime(embedded_config))
    api.admin.create(id="CASE-1")
    schema = schemathesis.openapi.from_wsgi("/v1/openapi.json", api.app)
    scheduled = route.roles == SCHEDULERS
    caller = api.caller("scheduler") if scheduled else api.admin
    headers = {"Authorization": f"Bearer {caller.token}"}

    @hypothesis.settings(max_examples=4 * LOAD, derandomize=LOAD == 1, deadline=None, database=None)
    @hypothesis.given(case=schema[route.path][route.method].as_strategy())
    def fuzz(case: schemathesis.Case) -> None:
        # What a schema allows may still be refused: a page token, fields that exclude each other.
        case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance])

    fuzz()


def test_the_description_is_valid_and_is_what_the_function_serves(api: Api) -> None:
    served = api.stranger.get("/openapi.json").json

    validate(served)
    assert served == description(ROUTES)


def test_every_function_is_described_once_under_its_own_name() -> None:
    paths = description(ROUTES)["paths"].values()

    names = [operation["operationId"] for path in paths for operation in path.values()]
    assert sorted(names) == sorted(FUNCTIONS)


def test_every_answer_of_an_error_is_described_with_its_status() -> None:
    document = description(ROUTES)

    described = document["components"]["responses"]
    assert {"400", "401", "403", "404", "405", "408", "409", "412"} <= set(described)
    assert {"413", "415", "422", "429"} <= set(described)
    for path in document["paths"].values():
        for operation in path.values():
            assert {"400", "404", "405", "408", "500", "503"} <= set(operation["responses"])
            assert bool(operation["security"]) == ("429" in operation["responses"])
