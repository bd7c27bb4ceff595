"""The functions of the API as methods, for `caseledger._async.functions`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from clients.generate.annotations import annotation, docstring, snake

_HEAD = '''"""Each function of the API as a method. Written by `python -m clients.generate`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Literal

from caseledger._async.connection import AsyncConnection
from caseledger.addresses import segment, segments

if TYPE_CHECKING:
    from caseledger.types import {names}


class AsyncFunctions(AsyncConnection):
    """The functions of the API, by their names there. Each raises what `request` raises.

    Lists are given row by row, over all of their pages. Changes take a `key`, as `request` does.
    """
'''
_NOT_FOR_CALLERS = ("openapi",)
_METHODS = ("get", "post", "put", "patch", "delete")


def functions(description: dict[str, Any]) -> str:
    """The module. What only Cloud Scheduler may call is left out."""
    operations = [
        (path, method, operation)
        for path, item in description["paths"].items()
        for method, operation in item.items()
        if method in _METHODS and _is_for_callers(path, method, operation)
    ]
    methods = "".join(
        "\n" + _method(path, method, operation, description)
        for path, method, operation in sorted(operations, key=lambda one: one[2]["operationId"])
    )
    known = description["components"]["schemas"]
    names = sorted(set(re.findall(r"\b[A-Z]\w+\b", _without_texts(methods))) & known.keys())
    return _HEAD.format(names=f"({', '.join(names)})") + methods


def _without_texts(methods: str) -> str:
    return re.sub(r'""".*?"""|"[^"]*"', "", methods, flags=re.DOTALL)


def _is_for_callers(path: str, method: str, operation: dict[str, Any]) -> bool:
    scheduled = method == "post" and path.startswith("/v1/scheduled/")
    return not scheduled and operation["operationId"] not in _NOT_FOR_CALLERS


def _method(path: str, method: str, operation: dict[str, Any], description: dict[str, Any]) -> str:
    # Those that are only named are headers, which `request` knows.
    parameters = [one for one in operation.get("parameters", ()) if "in" in one]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    query = [one for one in parameters if one["in"] == "query" and one["name"] != "pageToken"]
    positional = [f"{snake(one['name'])}: str" for one in parameters if one["in"] == "path"]
    if body:
        positional.append(f"body: {annotation(body['schema'])}")
    named = list(_named(query))
    if method != "get":
        named.append("key: str | None = None")
    taken = ", ".join(["self", *positional, *(["*", *named] if named else [])])
    media, content = _answer(operation)
    rows = _rows(content, description)
    where = _path(path)
    asked = ", ".join(f'"{one["name"]}": {snake(one["name"])}' for one in query)
    said = docstring(operation["description"], "        ")
    name = operation["operationId"]
    if rows:
        sent = f"{where}, {{{asked}}}" if asked else where
        return (
            f"    def {name}({taken}) -> AsyncIterator[{rows}]:\n{said}"
            f"        return self.pages({sent})\n"
        )
    sent = ", ".join(
        [f'"{method.upper()}"', where]
        + (["json=body"] if body else [])
        + ([f"params={{{asked}}}"] if asked else [])
        + (["key=key"] if method != "get" else [])
    )
    given, taken_out = _given(media, content)
    if given == "None":
        return f"    async def {name}({taken}) -> None:\n{said}        await self.request({sent})\n"
    return (
        f"    async def {name}({taken}) -> {given}:\n{said}"
        f"        answer = await self.request({sent})\n"
        f"        found: {given} = answer.{taken_out}\n        return found\n"
    )


def _named(query: list[dict[str, Any]]) -> Iterator[str]:
    for one in query:
        of = annotation(one["schema"])
        yield f"{snake(one['name'])}: {of}" + ("" if one.get("required") else " | None = None")


def _answer(operation: dict[str, Any]) -> tuple[str | None, dict[str, Any]]:
    """The media type and the schema of a success."""
    for code, response in operation["responses"].items():
        if code.startswith("2") and response.get("content"):
            content = response["content"]
            media = "application/json" if "application/json" in content else next(iter(content))
            return media, content[media]["schema"]
    return None, {}


def _rows(schema: dict[str, Any], description: dict[str, Any]) -> str | None:
    """The annotation of a row, where the answer is a page of a list."""
    if "$ref" not in schema:
        return None
    properties = description["components"]["schemas"][annotation(schema)].get("properties", {})
    if "nextPageToken" not in properties:
        return None
    lists = {name: of for name, of in properties.items() if of.get("type") == "array"}
    return annotation(lists.get("items", next(iter(lists.values())))["items"])


def _given(media: str | None, schema: dict[str, Any]) -> tuple[str, str]:
    match media:
        case None:
            return "None", ""
        case "application/json":
            return annotation(schema), "json()"
        case "application/zip" | "application/octet-stream" | "application/x-ndjson":
            return "bytes", "content"
        case _:
            return "str", "text"


def _path(path: str) -> str:
    short = path.removeprefix("/v1")
    if "{" not in short:
        return f'"{short}"'
    return "f" + '"' + re.sub(r"{(\w+)}", _part, short) + '"'


def _part(place: re.Match[str]) -> str:
    """What an argument becomes in the path. Only that of a tile goes over several parts of it."""
    made = "segments" if place[1] == "tile" else "segment"
    return f"{{{made}({snake(place[1])})}}"
