"""What a client of the last release relies on is still so; `docs/compatibility.md` says what."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from functions.api import ROUTES
from shared.edge.openapi import description
from shared.version import VERSION
from tests.compatibility import breaks

ROOT = Path(__file__).parent.parent
STORED = Path(__file__).parent / "stored"
RELEASES = re.findall(r"^## \[(\d+\.\d+\.\d+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
"""The releases of the change log, newest first."""
EXCEPTIONS: dict[str, str] = {
    "*: has another pattern": "text that shows nothing, and tag characters, are refused",
    "PUT /v1/cases/{caseId}/evidence body.evidence: is no array any more": (
        "it is; the texts of its items have other patterns, as above"
    ),
    "* search: maxLength is 200": "1.0.0 took no more either, and described 254",
    "POST /v1/*: the parameter If-Match is gone": (
        "where the path names no resource there is no version to compare it with; it is taken as "
        "before. `test_openapi.py` has where it is offered"
    ),
    "GET /v1/audit eventType: m*Length is *": "it takes types that a newer release has written",
}
"""Breaks that are meant, as patterns (`*` is anything), and why each had to be."""


def released(version: str) -> dict[str, Any]:
    """The description of the API as a release served it."""
    found: dict[str, Any] = json.loads((STORED / version / "openapi.json").read_text())
    return found


def meant(found: str) -> bool:
    return any(fnmatchcase(found, pattern) for pattern in EXCEPTIONS)


def test_nothing_that_clients_of_the_last_release_rely_on_is_gone_or_narrower() -> None:
    found = breaks(released(RELEASES[0]), description(ROUTES))

    assert [one for one in found if not meant(one)] == []


def test_every_exception_is_a_break_that_there_is() -> None:
    found = breaks(released(RELEASES[0]), description(ROUTES))

    assert [one for one in EXCEPTIONS if not any(fnmatchcase(is_, one) for is_ in found)] == []


@pytest.mark.parametrize("version", RELEASES)
def test_a_release_left_its_description_and_breaks_nothing_against_itself(version: str) -> None:
    assert breaks(released(version), released(version)) == []


def test_the_version_is_that_of_the_last_release_or_of_the_one_being_made() -> None:
    number, _, development = VERSION.partition(".dev")

    last, this = ([int(part) for part in text.split(".")] for text in (RELEASES[0], number))
    assert this > last if development else this == last
    assert description(ROUTES)["info"]["version"] == VERSION


SMALL: dict[str, Any] = {
    "paths": {
        "/things": {
            "post": {
                "operationId": "create_thing",
                "x-roles": ["agent", "verifier"],
                "parameters": [
                    {"$ref": "#/components/parameters/Key"},
                    {
                        "name": "status",
                        "in": "query",
                        "schema": {"type": "string", "enum": ["new", "done"]},
                    },
                ],
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/T"}}},
                },
                "responses": {
                    "201": {
                        "headers": {"ETag": {}},
                        "content": {
                            "application/json": {"schema": {"$ref": "#/components/schemas/A"}}
                        },
                    }
                },
            }
        }
    },
    "components": {
        "parameters": {"Key": {"name": "Key", "in": "header", "schema": {"type": "string"}}},
        "schemas": {
            "T": {
                "type": "object",
                "additionalProperties": False,
                "required": ["title"],
                "properties": {
                    "title": {"type": "string", "minLength": 1, "maxLength": 200},
                    "tags": {"type": "array", "maxItems": 5, "items": {"type": "string"}},
                    "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                },
            },
            "A": {
                "type": "object",
                "additionalProperties": False,
                "required": ["id"],
                "properties": {
                    "id": {"type": "string"},
                    "count": {"type": "integer"},
                    "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Part"}},
                },
            },
            "Part": {"type": "object", "properties": {"name": {"type": "string"}}},
        },
    },
}
Edit = Callable[[dict[str, Any], dict[str, Any], dict[str, Any]], object]
"""Changes the operation, the schema of its body and that of its answer."""


def edited(edit: Edit) -> list[str]:
    """What breaks for clients of `SMALL` by an edit of it."""
    new = copy.deepcopy(SMALL)
    schemas = new["components"]["schemas"]
    edit(new["paths"]["/things"]["post"], schemas["T"], schemas["A"])
    return breaks(SMALL, new)


@pytest.mark.parametrize(
    ("edit", "found"),
    [
        (lambda o, _t, _a: o.update({"operationId": "make"}), "has another operationId"),
        (lambda o, _t, _a: o["x-roles"].remove("agent"), "is closed to the role agent"),
        (lambda o, _t, _a: o["parameters"].pop(), "the parameter status is gone"),
        (
            lambda o, _t, _a: o["parameters"].append(
                {"name": "by", "in": "query", "required": True, "schema": {}}
            ),
            "requires the parameter by",
        ),
        (
            lambda o, _t, _a: o["parameters"][1]["schema"]["enum"].pop(),
            " status: does not take 'done'",
        ),
        (lambda o, _t, _a: o.pop("requestBody"), "takes no body"),
        (
            lambda o, _t, _a: o["responses"].update({"200": o["responses"].pop("201")}),
            " 201: is not",
        ),
        (lambda o, _t, _a: o["responses"]["201"]["headers"].clear(), "the header ETag is gone"),
        (lambda o, _t, _a: o["responses"]["201"]["content"].clear(), "does not answer"),
        (lambda _o, t, _a: t["required"].append("note"), " body.note: is required"),
        (lambda _o, t, _a: t["properties"].pop("tags"), " body.tags: is gone"),
        (lambda _o, t, _a: t["properties"]["title"].update(maxLength=100), "maxLength is 100"),
        (lambda _o, t, _a: t["properties"]["title"].update(minLength=2), "minLength is 2"),
        (lambda _o, t, _a: t["properties"]["title"].update(pattern="^a"), "has another pattern"),
        (lambda _o, t, _a: t["properties"]["title"].update(enum=["a"]), "takes only some values"),
        (lambda _o, t, _a: t["properties"]["note"]["anyOf"].pop(), " body.note: is no null"),
        (
            lambda _o, t, _a: t["properties"]["tags"]["items"].update(type="integer"),
            " body.tags[]: is no string",
        ),
        (lambda _o, _t, a: a["properties"].pop("count"), " answer.count: is gone"),
        (lambda _o, _t, a: a["required"].clear(), " answer.id: may be missing"),
        (
            lambda _o, _t, a: a["properties"].update(count={"type": "number"}),
            " answer.count: may be number now",
        ),
        (
            lambda _o, _t, a: a["properties"].update(
                id={"anyOf": [{"type": "string"}, {"type": "null"}]}
            ),
            " answer.id: may be null now",
        ),
        (
            lambda _o, _t, a: a["properties"]["parts"].update(items={"type": "object"}),
            " answer.parts[].name: is gone",
        ),
    ],
)
def test_what_takes_something_from_clients_is_found(edit: Edit, found: str) -> None:
    (only,) = edited(edit)

    assert only.startswith("POST /things")
    assert found in only


def test_an_operation_that_is_gone_is_found() -> None:
    assert breaks(SMALL, {**SMALL, "paths": {}}) == ["POST /things: is gone"]


@pytest.mark.parametrize(
    "edit",
    [
        lambda o, _t, _a: o.update(summary="Other words", deprecated=True),
        lambda o, _t, _a: o["x-roles"].append("pilot"),
        lambda o, _t, _a: o["parameters"].append({"name": "by", "in": "query", "schema": {}}),
        lambda o, _t, _a: o["parameters"][1].update(
            schema={"type": "array", "items": {"type": "string", "enum": ["new", "done", "more"]}}
        ),
        lambda _o, t, _a: t["properties"]["title"].update(maxLength=300),
        lambda _o, t, _a: t["properties"]["title"].pop("minLength"),
        lambda _o, t, _a: t["properties"].update(more={"type": "string"}),
        lambda _o, t, _a: t["required"].clear(),
        lambda _o, _t, a: a["properties"].update(more={"type": "string"}),
        lambda _o, _t, a: a["required"].append("count"),
        lambda _o, _t, a: a.pop("additionalProperties"),
    ],
)
def test_what_only_adds_is_none_of_them(edit: Edit) -> None:
    assert edited(edit) == []
