"""The OpenAPI 3.1 description of the API, made from its routes and models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, RootModel, TypeAdapter
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from shared import errors
from shared.edge.routes import Nothing, Route
from shared.models.base import JSON, MARKDOWN, Model, Problem
from shared.version import VERSION

_REF = "#/components/schemas/{model}"
_ALWAYS = (400, 404, 405, 408, 413, 415, 500, 503)
_WITH_TOKEN = (401, 403, 429)
_ON_MUTATIONS = (409, 412, 422)
_TEXT = {"schema": {"type": "string"}}
_HEADERS = {
    "X-Request-Id": "The request's id: the caller's, or a new one. It is in the log too.",
    "Server-Timing": "Time in the store in ms; documents read and written, and round trips.",
    "ETag": "The version of the resource, for If-Match.",
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
    ),
    "Idempotency-Key": (
        (
            "Makes repeating the request safe: it takes effect at most once, and a repeat of a "
            "request that took effect is answered from what it did. A request that was refused or "
            "that changed nothing, and a row of a batch that failed, leaves no receipt: when it is "
            "sent again it is judged anew, and may then take effect."
        ),
        "^[!-~]{1,255}$",
    ),
    "If-Match": (
        (
            "Makes the change only if the resource still has one of these entity tags; for what is "
            "created below a case, only if the case has."
        ),
        r'^(\*|"[!#-~]*"(, "[!#-~]*")*)$',
    ),
}


class Error(Model):
    """What every error looks like."""

    error: Problem


def description(routes: Sequence[Route]) -> dict[str, Any]:
    """The OpenAPI document of `routes`."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Caseledger",
            "version": VERSION,
            "description": "Compliance cases, and a trail that proves who changed what, and when.",
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "idToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
            },
            "parameters": {name: _request_header(name) for name in _REQUEST_HEADERS},
            "headers": {name: {"description": text, **_TEXT} for name, text in _HEADERS.items()},
            "responses": {str(code): _error(code) for code in _status_names()},
            "schemas": _schemas(routes),
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    mutates = route.method != "GET"
    codes = _ALWAYS + (_WITH_TOKEN if route.roles else ()) + (_ON_MUTATIONS if mutates else ())
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": (route.handler.__doc__ or "").strip(),
        "tags": [route.handler.__module__.rpartition(".")[2]],
        "parameters": [*_path_parameters(route), *_query_parameters(route), *_headers(route)],
        "responses": {
            str(route.code): _success(route),
            **_not_modified(route),
            **{str(code): {"$ref": f"#/components/responses/{code}"} for code in sorted(codes)},
        },
        "security": [{"idToken": []}] if route.roles else [],
    }
    if route.roles:
        operation["x-roles"] = sorted(route.roles)
    if route.body is not Nothing:
        operation["requestBody"] = {"required": True, "content": _json(route.body)}
    return operation


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": TypeAdapter(kind).json_schema()}
        for name, kind in route.path_types.items()
    ]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    schema = route.query.model_json_schema(ref_template=_REF)
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _present(kind)}
        for name, kind in schema.get("properties", {}).items()
    ]


def _present(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a parameter where it is given: a query string has no null."""
    rest = {name: value for name, value in schema.items() if name not in ("title", "anyOf")}
    if rest.get("default", ...) is None:
        del rest["default"]
    (kind,) = [kind for kind in schema.get("anyOf", [{}]) if kind.get("type") != "null"]
    return {**kind, **rest}


def _headers(route: Route) -> list[dict[str, Any]]:
    names = ["X-Request-Id"] if route.method == "GET" else list(_REQUEST_HEADERS)
    return [{"$ref": f"#/components/parameters/{name}"} for name in names]


def _request_header(name: str) -> dict[str, Any]:
    text, pattern = _REQUEST_HEADERS[name]
    schema = {"type": "string"} | ({"pattern": pattern} if pattern else {})
    return {"name": name, "in": "header", "description": text, "schema": schema}


def _success(route: Route) -> dict[str, Any]:
    names = ["X-Request-Id", "Server-Timing"]
    names += ["ETag"] if route.response and route.response.versioned else []
    names += ["Location"] if route.code == 201 else []  # noqa: PLR2004
    names += ["Idempotent-Replayed"] if route.method != "GET" else []
    response: dict[str, Any] = {"description": "Success", "headers": _header_refs(names)}
    if route.response is not None:
        response["content"] = _json(route.response)
        if hasattr(route.response, "as_markdown"):
            response["content"][MARKDOWN] = {"schema": {"type": "string"}}
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
        "description": " or ".join(_status_names()[code]),
        "headers": _header_refs(names),
        "content": _json(Error),
    }


def _header_refs(names: Sequence[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _status_names() -> dict[int, list[str]]:
    names: dict[int, list[str]] = {}
    for error in errors.ApiError.__subclasses__():
        names.setdefault(error.code, []).append(error.status)
    return names


def _json(model: type[BaseModel]) -> dict[str, Any]:
    schema: dict[str, Any] = {"$ref": _REF.format(model=model.__name__)}
    if issubclass(model, RootModel):
        schema = {"type": "object"}
    return {JSON: {"schema": schema}}


def _schemas(routes: Sequence[Route]) -> dict[str, Any]:
    models: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {(Error, "serialization"): None}
    for route in routes:
        models[(route.query, "validation")] = None
        if route.body is not Nothing:
            models[(route.body, "validation")] = None
        if route.response is not None and not issubclass(route.response, RootModel):
            models[(route.response, "serialization")] = None
    _, schema = models_json_schema(list(models), ref_template=_REF)
    found: dict[str, Any] = schema["$defs"]
    queries = {route.query.__name__ for route in routes}
    return {name: kind for name, kind in sorted(found.items()) if name not in queries}
