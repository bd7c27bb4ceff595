"""The description of the API against what the functions do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import hypothesis
import pytest
import schemathesis
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from openapi_spec_validator import validate
from schemathesis.specs.openapi.checks import positive_data_acceptance

from functions.api import FUNCTIONS, ROUTES
from shared.config import Config
from shared.edge import parsing
from shared.edge.openapi import description
from shared.edge.routes import Route
from shared.edge.streams import Stream
from shared.models.raw import Raw
from shared.rules.callers import SCHEDULERS
from shared.runtime import Runtime
from tests.client import Api
from tests.functions.intervention_support import QUESTION
from tests.functions.support import ON_EMBEDDED
from tests.reliability.support import LOAD
from tests.rows import each_row

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
    def fuzz(case: schemathesis.Case[Any]) -> None:
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


@cache
def whole() -> dict[str, Any]:
    """The description: made where a test asks for it, not wherever tests are collected."""
    return description(ROUTES)


def schemas() -> dict[str, Any]:
    found: dict[str, Any] = whole()["components"]["schemas"]
    return found


@cache
def operations() -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in whole()["paths"].items()
        for method, operation in methods.items()
    }


BODIES = {route.body.__name__ for route in ROUTES if route.takes_body}


def described(schema: dict[str, Any]) -> bool:
    """Whether a field says what it is, itself or by its type."""
    target = schemas().get(schema.get("$ref", "").rpartition("/")[2], {})
    return bool(schema.get("description") or target.get("description"))


def undescribed() -> Iterator[str]:
    """What the description has, and says nothing about."""
    tags = {tag["name"] for tag in whole()["tags"] if tag["description"]}
    for name, operation in operations().items():
        yield from (f"{name}: {key}" for key in ("summary", "description") if not operation[key])
        yield from (f"{name}: the tag {tag}" for tag in operation["tags"] if tag not in tags)
        for parameter in operation["parameters"]:
            if "$ref" not in parameter and not parameter["description"]:
                yield f"{name}: the parameter {parameter['name']}"
        for code, response in operation["responses"].items():
            if "$ref" not in response and not response["description"]:
                yield f"{name}: the answer {code}"
    for model, schema in schemas().items():
        if not schema.get("description"):
            yield f"{model}: its docstring"
        for field, kind in schema.get("properties", {}).items():
            if not described(kind):
                yield f"{model}.{field}: the docstring under the field"


def texts(value: Any) -> Iterator[str]:
    """All summaries and descriptions in a document."""
    if isinstance(value, dict):
        for name, item in value.items():
            if name in ("summary", "description") and isinstance(item, str):
                yield item
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)


def faults(schema: dict[str, Any], example: Any) -> list[str]:
    """What is wrong with an example, place by place."""
    found = Draft202012Validator({**whole(), **schema}).iter_errors(example)
    return [f"{error.json_path}: {error.message}" for error in found]


def reached(model: str) -> set[str]:
    """The models that a model is made of, itself included."""
    found: set[str] = set()
    waiting = [model]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            inside = re.findall(r"#/components/schemas/(\w+)", json.dumps(schemas()[name]))
            waiting.extend(inside)
    return found


def test_everything_in_the_description_says_what_it_is() -> None:
    gaps = list(undescribed())

    assert not gaps, "nothing is said about these:\n" + "\n".join(gaps)


def test_a_summary_is_one_sentence_of_the_length_of_a_line() -> None:
    summaries = {name: operation["summary"] for name, operation in operations().items()}

    assert [one for one in summaries.items() if len(one[1]) > 100 or "\n" in one[1]] == []


def test_no_text_names_our_own_files_or_goes_over_lines() -> None:
    named = re.compile(r"\w\.(py|md|rules)\b|\b(shared|functions|docs|tests|local)/")

    assert [text for text in texts(whole()) if named.search(text)] == []
    assert [text for text in texts(whole()) if re.search(r"[^\n]\n[^\n]", text)] == []


@each_row("route", ROUTES, ids=lambda route: route.name)
def test_every_body_and_every_answer_has_an_example_that_is_one(route: Route) -> None:
    operation = operation_of(route)
    shown = [(operation["responses"][str(route.code)], route.response)]
    if route.takes_body:
        shown.append((operation["requestBody"], route.body))
        # A field by another name would be taken for one that is not given.
        example = operation["requestBody"]["content"]["application/json"]["example"]
        parsing.body(json.dumps(example).encode(), route.body)

    for content, model in shown:
        for media in content.get("content", {}).values():
            assert faults(media["schema"], media["example"]) == []
        if model is not None and not issubclass(model, Raw | Stream):
            example = content["content"]["application/json"]["example"]
            model.model_validate(example, strict=False, by_name=False)


def test_every_error_has_an_example_of_its_own_message() -> None:
    responses = whole()["components"]["responses"]
    shown = {code: found["content"]["application/json"] for code, found in responses.items()}

    for code, media in shown.items():
        assert faults(media["schema"], media["example"]) == []
        assert media["example"]["error"]["code"] == int(code)
    messages = [media["example"]["error"]["message"] for media in shown.values()]
    assert len(set(messages)) == len(messages)


def test_examples_of_parameters_are_what_the_parameters_take() -> None:
    named = [one for operation in operations().values() for one in operation["parameters"]]
    named += whole()["components"]["parameters"].values()

    for parameter in named:
        if "example" in parameter:
            found = faults(parameter["schema"], parameter["example"])
            assert found == [], parameter["name"]


def test_requests_are_closed_and_have_no_defaults_that_generators_would_require() -> None:
    for body in BODIES:
        for model in reached(body):
            if "properties" in schemas()[model]:
                assert schemas()[model]["additionalProperties"] is False, model
    fields = [
        kind for schema in schemas().values() for kind in schema.get("properties", {}).values()
    ]
    assert [field for field in fields if "default" in field] == []


def test_answers_are_open_to_further_fields() -> None:
    answers = [route.response.__name__ for route in ROUTES if route.response]
    models = {model for name in answers if name in schemas() for model in reached(name)}

    assert [name for name in models if schemas()[name].get("additionalProperties") is False] == []


@ON_EMBEDDED
def test_what_an_answer_always_has_is_required_of_it(api: Api) -> None:
    case = api.verifier.create(id="CASE-1")
    asked = api.agent.post("/interventions", QUESTION).json
    run = api.agent.post("/cases/CASE-1/runs", {"agentId": "robot"}).json
    event = api.viewer.get("/cases/CASE-1/audit").json["events"][0]
    settings = api.viewer.get("/settings").json
    page = api.viewer.get("/cases").json

    shown = {"Case": case, "Intervention": asked, "Run": run, "Event": event, "Settings": settings}
    # Events that were recorded before values could be erased have no salts.
    del event["disclosures"]
    for model, answer in (shown | {"CasePage": page}).items():
        assert sorted(answer) == sorted(schemas()[model]["required"])
    assert "nextPageToken" in schemas()["CasePage"]["properties"]


def operation_of(route: Route) -> dict[str, Any]:
    found: dict[str, Any] = operations()[f"{route.method} {route.path}".replace("...", "")]
    return found


def test_only_reading_that_is_recorded_or_waits_for_something_is_refused_for_its_state() -> None:
    read = [route for route in ROUTES if route.method == "GET"]

    refused = [route.name for route in read if "409" in operation_of(route)["responses"]]

    assert sorted(refused) == [
        "export_audit",
        "export_case",
        "get_intervention_receipt",
        "prove_event",
    ]


def test_if_match_is_offered_where_a_change_is_about_one_resource() -> None:
    offered = {
        route.name
        for route in ROUTES
        if "#/components/parameters/If-Match"
        in [one.get("$ref") for one in operation_of(route)["parameters"]]
    }

    changes = {route.name for route in ROUTES if route.method != "GET"}
    of_none = {route.name for route in ROUTES if route.method == "POST" and "{" not in route.path}
    assert offered == changes - of_none
    assert {"create_case", "create_intervention", "close_cases"}.isdisjoint(offered)


@ON_EMBEDDED
def test_what_is_created_at_the_top_has_no_version_that_an_if_match_could_name(api: Api) -> None:
    body = {"id": "CASE-1", "decisionType": "kyc", "title": "T"}
    answers = [
        api.admin.post("/cases", body, if_match='"stale"'),
        api.admin.post("/interventions", QUESTION, if_match='"stale"'),
    ]

    assert [answer.status_code for answer in answers] == [201, 201]
