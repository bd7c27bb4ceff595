"""The OpenAPI 3.1 description of the API, made from its routes and models."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, RootModel, TypeAdapter

from shared import errors
from shared.edge import examples
from shared.edge.routes import Nothing, Route
from shared.edge.schemas import REF, Error, prose, schema_of_query, schemas_of
from shared.edge.streams import Stream
from shared.models.base import JSON, MARKDOWN
from shared.models.raw import Raw
from shared.models.roles import Role
from shared.version import VERSION

_ALWAYS = (400, 404, 405, 408, 413, 415, 500, 503)
_WITH_TOKEN = (401, 403, 429)
_ON_MUTATIONS = (409, 422)
_ON_STATE = (409,)
_WITH_MATCH = (412,)
_ABOUT = """
Compliance cases, and a trail that proves who changed what, and when.

Every error has the form of the schema `Error`. Requests answered with 409 `ABORTED` or 503 can be
retried; after a 503, send the same `Idempotency-Key`.

Lists return pages: `nextPageToken` of one page is the `pageToken` of the next.

Responses may get further fields, and enumerations in them further values, with any release: ignore
what you do not know. All times are RFC 3339, in UTC in responses.
"""
_PATH_PARAMETERS = {
    "caseId": "The case number.",
    "eventId": "The id of an event of the tenant.",
    "erasureId": "The id of the erasure.",
    "evidenceId": "The id of an item of the case's evidence.",
    "holdId": "The id of a legal hold on the case.",
    "interventionId": "The id of the intervention.",
    "keyId": "The id of a key.",
    "runId": "The id of a run on the case.",
    "tenant": "The tenant whose log it is.",
    "tile": (
        "The rest of the path, with its slashes: the level and the number, such as "
        "`0/x001/067`, or `entries` and the number; `.p/` and the width in the last one."
    ),
    "userId": "The person: the `sub` of their token.",
    "webhookId": "The id of a webhook.",
    "deliveryId": "The id of a delivery: that of its event.",
}
_SENTENCE = re.compile(r"\.\s+(?=[A-Z`])|\.$")
_TEXT = {"schema": {"type": "string"}}
_HEADERS = {
    "X-Request-Id": "The request's id: the caller's, or a new one. It is in the log too.",
    "Server-Timing": "Time in the store in ms; documents read and written, and round trips.",
    "ETag": "The version of the resource, for If-Match.",
    "Content-Disposition": "The name of the file that the answer is.",
    "Location": "Where the new resource is.",
    "Idempotent-Replayed": "`true` where the same request took effect before.",
    "Retry-After": "Seconds to wait before trying again.",
    "Allow": "The methods of this path.",
    "WWW-Authenticate": "`Bearer`.",
}
_REQUEST_HEADERS = {
    "X-Request-Id": (
        "An id of the caller's own: 1 to 100 of `A-Za-z0-9._-`. Any other is replaced.",
        None,
        "b7d2f6f0c2b14d0b",
    ),
    "Idempotency-Key": (
        (
            "Makes repeating the request safe: it takes effect at most once, and a repeat of a "
            "request that took effect is answered from what it did. A request that was refused or "
            "that changed nothing, and a row of a batch that failed, leaves no receipt: when it is "
            "sent again it is judged anew, and may then take effect."
        ),
        "^[!-~]{1,255}$",
        "3f0c1a9e-8f0e-4d0b-9d3e-7a1f6f0c2b11",
    ),
    "If-Match": (
        (
            "Makes the change only if the resource still has one of these entity tags; for what is "
            "created below a case, only if the case has."
        ),
        r'^(\*|"[!#-~]*"(, "[!#-~]*")*)$',
        '"5c1d4d0b9d3e7a1f"',
    ),
}


def description(routes: Sequence[Route], public_url: str = "") -> dict[str, Any]:
    """The OpenAPI document of `routes`, which clients reach at `public_url`."""
    schemas = schemas_of(routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path.replace("...", ""), {})[route.method.lower()] = _operation(
            route, schemas
        )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Caseledger",
            "version": VERSION,
            "description": prose(_ABOUT),
            "contact": {"name": "The maintainers of Caseledger"},
        },
        "servers": [{"url": public_url or "/"}],
        "tags": _tags(routes),
        "paths": paths,
        "components": {
            "securitySchemes": {
                "idToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": (
                        "An OpenID Connect ID token with the claims `tenant` and `role`, or the "
                        "key of a program, which begins with `ck_`."
                    ),
                }
            },
            "parameters": {name: _request_header(name) for name in _REQUEST_HEADERS},
            "headers": {name: {"description": text, **_TEXT} for name, text in _HEADERS.items()},
            "responses": {str(code): _error(code) for code in _status_names()},
            "schemas": schemas,
        },
    }


def _tags(routes: Sequence[Route]) -> list[dict[str, str]]:
    """The resources, each with what its module says of itself."""
    modules = dict.fromkeys(route.handler.__module__ for route in routes)
    return [
        {"name": _tag(name), "description": prose(sys.modules[name].__doc__)} for name in modules
    ]


def _tag(module: str) -> str:
    return module.rpartition(".")[2]


def _operation(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    mutates = route.method != "GET"
    codes = _ALWAYS + (_WITH_TOKEN if route.roles else ()) + (_ON_MUTATIONS if mutates else ())
    # An export is recorded, a proof is of what is sealed, and a receipt of what is decided; what
    # strangers may read is none of these.
    codes += _ON_STATE if not (mutates or _answers_in_json(route) or route.public) else ()
    codes += _WITH_MATCH if _has_version(route) else ()
    text = prose(route.handler.__doc__)
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": _sentence(text),
        "description": f"{text}\n\n{_who(route)}",
        "tags": [_tag(route.handler.__module__)],
        "parameters": [*_path_parameters(route), *_query_parameters(route), *_headers(route)],
        "responses": {
            str(route.code): _success(route, schemas),
            **({str(route.code_if_there): _success(route, schemas)} if route.code_if_there else {}),
            **_not_modified(route),
            **{str(code): {"$ref": f"#/components/responses/{code}"} for code in sorted(codes)},
        },
        "security": _security(route),
    }
    if route.roles:
        operation["x-roles"] = sorted(route.roles)
    if route.body is not Nothing:
        operation["requestBody"] = {
            "required": True,
            "description": prose(route.body.__doc__),
            "content": _json(route.body, schemas),
        }
    return operation


def _security(route: Route) -> list[dict[str, list[str]]]:
    """What a caller must have; the empty one is nothing."""
    if not route.roles:
        return []
    return [{"idToken": []}, *([{}] if route.public else [])]


def _who(route: Route) -> str:
    if not route.roles:
        return "Anybody may call it, without a token."
    if route.public:
        return (
            "For the members of the tenant. Where its setting `publicLog` is on, anybody may call "
            "it, without a token."
        )
    named = [f"`{role}`" for role in Role if role in route.roles]
    return f"For the role{'s' if len(named) > 1 else ''} {', '.join(named)}."


def _has_version(route: Route) -> bool:
    """Whether it changes one resource, so that an If-Match can name its version."""
    return route.method in ("PUT", "PATCH", "DELETE") or (
        route.method == "POST" and bool(route.path_types)
    )


def _answers_in_json(route: Route) -> bool:
    return route.response is None or not issubclass(route.response, Raw | Stream)


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": _PATH_PARAMETERS.get(name, ""),
            "schema": TypeAdapter(kind).json_schema(),
            "example": examples.OF_FIELDS.get(name, "text"),
        }
        for name, kind in route.path_types.items()
    ]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    schema = schema_of_query(route)
    required = schema.get("required", [])
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "description": prose(kind.pop("description", "")),
            "schema": _present(kind),
            **({"example": examples.OF_FIELDS[name]} if name in examples.OF_FIELDS else {}),
        }
        for name, kind in schema.get("properties", {}).items()
    ]


def _present(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a parameter where it is given: a query string has no null."""
    rest = {name: value for name, value in schema.items() if name != "anyOf"}
    if rest.get("default", ...) is None:
        del rest["default"]
    (kind,) = [kind for kind in schema.get("anyOf", [{}]) if kind.get("type") != "null"]
    return {**kind, **rest}


def _headers(route: Route) -> list[dict[str, Any]]:
    names = ["X-Request-Id"]
    names += ["Idempotency-Key"] if route.method != "GET" else []
    names += ["If-Match"] if _has_version(route) else []
    return [{"$ref": f"#/components/parameters/{name}"} for name in names]


def _request_header(name: str) -> dict[str, Any]:
    text, pattern, example = _REQUEST_HEADERS[name]
    schema = {"type": "string"} | ({"pattern": pattern} if pattern else {})
    return {
        "name": name,
        "in": "header",
        "description": text,
        "schema": schema,
        "example": example,
    }


def _success(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    names = ["X-Request-Id", "Server-Timing"]
    answer = route.response
    names += ["ETag"] if answer and answer.versioned else []
    names += ["Content-Disposition"] if answer and issubclass(answer, Stream) else []
    names += ["Location"] if route.code == 201 else []  # noqa: PLR2004
    names += ["Idempotent-Replayed"] if route.method != "GET" else []
    response: dict[str, Any] = {"description": "Done.", "headers": _header_refs(names)}
    if answer is None:
        return response
    response["description"] = prose(answer.__doc__)
    if issubclass(answer, Raw | Stream):
        schema = {"type": "string"} | ({} if answer.text else {"format": "binary"})
        response["content"] = {answer.media_type: {"schema": schema, "example": answer.example}}
    else:
        response["content"] = _json(answer, schemas)
        if hasattr(answer, "as_markdown"):
            response["content"][MARKDOWN] = {
                "schema": {"type": "string"},
                "example": examples.MARKDOWN_EXAMPLE,
            }
    return response


def _not_modified(route: Route) -> dict[str, Any]:
    if route.roles or not (route.response and route.response.versioned):
        return {}
    return {"304": {"description": "The caller has it already: see If-None-Match"}}


def _error(code: int) -> dict[str, Any]:
    names = ["X-Request-Id", "Server-Timing"]
    names += {
        401: ["WWW-Authenticate"],
        405: ["Allow"],
        429: ["Retry-After"],
        503: ["Retry-After"],
    }.get(code, [])
    return {
        "description": " or ".join(f"`{status}`" for status in _status_names()[code]),
        "headers": _header_refs(names),
        "content": {
            JSON: {
                "schema": {"$ref": REF.format(model=Error.__name__)},
                "example": {
                    "error": {
                        "code": code,
                        "status": _status_names()[code][0],
                        "message": examples.MESSAGES.get(code, "what is wrong, in words"),
                        "details": [],
                    }
                },
            }
        },
    }


def _header_refs(names: Sequence[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _status_names() -> dict[int, list[str]]:
    names: dict[int, list[str]] = {}
    for error in errors.ApiError.__subclasses__():
        names.setdefault(error.code, []).append(error.status)
    return names


def _sentence(text: str) -> str:
    """The first sentence of a text, without its full stop."""
    return _SENTENCE.split(text.split("\n\n", maxsplit=1)[0], maxsplit=1)[0]


def _json(model: type[BaseModel], schemas: dict[str, Any]) -> dict[str, Any]:
    if issubclass(model, RootModel):
        return {JSON: {"schema": {"type": "object"}, "example": examples.DOCUMENT}}
    schema: dict[str, Any] = {"$ref": REF.format(model=model.__name__)}
    return {JSON: {"schema": schema, "example": examples.example(schemas, model.__name__)}}
