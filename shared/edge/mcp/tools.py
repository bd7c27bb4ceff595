"""Tools: functions of the API, as an agent calls them by the Model Context Protocol."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic.alias_generators import to_camel

from shared import errors
from shared.edge import parsing
from shared.edge.function import Call, Function, performed
from shared.edge.mcp.messages import WITH_FORMER_TASKS
from shared.edge.refusals import KNOWN, logged, told_of
from shared.edge.replies import Reply, json_of
from shared.edge.routes import Route
from shared.models.base import Model
from shared.models.mcp import Keyed
from shared.models.roles import Role
from shared.rules.canonical import canonical_hash

Result = dict[str, Any]
"""What a method gives, such as a `CallToolResult`."""
META_KEY = "caseledger/idempotencyKey"
"""Where a program that calls a tool for a model says its `idempotencyKey`: in `_meta`."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A function of the API as a tool: it takes one object, and gives one.

    `by_content` says that the same call again is a repeat of the first one, without a key as well.
    `choose` gives the function's route and its handler's arguments where they do not follow from
    the names of the fields.
    """

    name: str
    title: str
    text: str
    function: Function
    takes: type[Model]
    by_content: bool = False
    choose: Callable[[Any], tuple[Function, dict[str, Any]]] | None = None

    @property
    def route(self) -> Route:
        """The route of its function."""
        return route_of(self.function)

    def described(self, version: str) -> dict[str, Any]:
        """The tool as `tools/list` shows it to a client of this revision."""
        reads = self.route.method == "GET"
        shown = {
            "name": self.name,
            "title": self.title,
            "description": self.text,
            "inputSchema": _schema(self.takes),
            "annotations": {
                "readOnlyHint": reads,
                "destructiveHint": False,
                "idempotentHint": reads or self.by_content,
                "openWorldHint": False,
            },
        }
        if version == WITH_FORMER_TASKS and self.name == "ask_human":
            shown["execution"] = {"taskSupport": "optional"}
        return shown

    def call(self, call: Call, given: dict[str, Any], key: str | None) -> Reply[Any]:
        """What the function answers. Raises what it refuses, with the names of the fields."""
        # A model may give the same arguments in another order.
        taken = parsing.body(json.dumps(given, sort_keys=True).encode(), self.takes)
        function, arguments = (self.choose or self._by_name)(taken)
        route = route_of(function)
        for name, text in arguments.items():
            if name.endswith("_id"):
                call.exchange.ids[to_camel(name)] = text
        return performed(call, route, arguments, self._key(taken, key))

    def _by_name(self, taken: Any) -> tuple[Function, dict[str, Any]]:
        route = self.route
        names = [route.parameter(name) for name in route.path_types]
        arguments: dict[str, Any] = {name: getattr(taken, name) for name in names}
        if route.takes_query:
            arguments["query"] = _narrowed(taken, route.query)
        if route.takes_body:
            arguments["body"] = _narrowed(taken, route.body)
        return self.function, arguments

    def _key(self, taken: Model, key: str | None) -> str | None:
        if not isinstance(taken, Keyed):
            return None
        if given := taken.idempotency_key or parsing.idempotency_key(key):
            return given
        if not self.by_content or getattr(taken, "reuse", False):
            return None
        content = taken.model_dump(mode="json", by_alias=True, exclude_unset=True)
        return f"mcp:{self.name}:{canonical_hash(content)}"


def route_of(function: Function) -> Route:
    """The route of an HTTP function."""
    found: Route = vars(function)["routes"][0]
    return found


def may_call(tool: Tool, role: Role) -> bool:
    """Whether a caller of this role may call a tool."""
    return role in (tool.route.roles or ())


def outcome(call: Call, tool: Tool, given: dict[str, Any], key: str | None) -> Reply[Any] | Result:
    """What a call of a tool gives, or the result that says to the model why it was refused."""
    try:
        return tool.call(call, given, key)
    except KNOWN as error:
        told = told_of(error)
        call.exchange.noted |= {"toolError": told.status, **logged(told)}
        call.exchange.failed = told.code >= 500  # noqa: PLR2004
        return refusal(told)


def refusal(error: errors.ApiError) -> Result:
    """The result of a call that was refused: what is wrong, and with which fields."""
    lines = [f"{error.status}: {error.message}"]
    lines += [
        f"{detail['field']}: {detail['description']}"
        for detail in error.details[1:]
        if "field" in detail
    ]
    if seconds := error.headers.get("Retry-After"):
        lines.append(f"Try again in {seconds} s, with the same arguments.")
    content = {"error": error.body()}
    return {
        "content": [{"type": "text", "text": "\n".join(lines)}],
        "structuredContent": content,
        "isError": True,
    }


def result(reply: Reply[Any], hint: str = "") -> Result:
    """The result of a call: what the function answered, without what is null in it."""
    content = present(json.loads(json_of(reply.body)))
    if reply.replayed or reply.is_there:
        content["repeated"] = True
    text = json.dumps(content, ensure_ascii=False)
    shown = [{"type": "text", "text": one} for one in (hint, text) if one]
    return {"content": shown, "structuredContent": content, "isError": False}


def present(row: dict[str, Any]) -> dict[str, Any]:
    """A row without the fields that are null; the same for the rows of a page."""
    found = {name: value for name, value in row.items() if value is not None}
    if isinstance(cases := found.get("cases"), list):
        found["cases"] = [present(case) for case in cases]
    return found


def _narrowed(taken: Model, model: type[Model]) -> Model:
    """What a function takes, of what the tool takes, which has fields of its own besides."""
    if type(taken) is model:
        return taken
    values = {name: getattr(taken, name) for name in model.model_fields}
    return model.model_construct(taken.model_fields_set & values.keys(), **values)


_LONGEST_PATTERN = 40


@cache
def _schema(model: type[Model]) -> dict[str, Any]:
    """The JSON Schema of what a tool takes: whole in itself, and short, for models read it.

    What is left out is checked all the same: the patterns of visible text, of many hundred
    characters each, and that what may be left out may be null as well.
    """
    from shared.edge.schemas import schema_of_body  # noqa: PLC0415 - only a listing needs it

    found = schema_of_body(model)
    shown: dict[str, Any] = _short(found, found.pop("$defs", {}))
    return shown


def _short(value: Any, kinds: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [_short(one, kinds) for one in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        value = {**kinds[value["$ref"].rpartition("/")[2]], **value}
    if isinstance(value.get("anyOf"), list):
        kept = [kind for kind in value["anyOf"] if kind != {"type": "null"}]
        if len(kept) == 1:
            rest = {name: one for name, one in value.items() if name != "anyOf"}
            return _short({**kept[0], **rest}, kinds)
    return {name: _short(one, kinds) for name, one in value.items() if _tells(name, one)}


def _tells(keyword: str, value: Any) -> bool:
    """Whether a keyword of a schema says something to a model. A property's value is a schema."""
    if isinstance(value, str) and keyword == "pattern":
        return len(value) <= _LONGEST_PATTERN
    return isinstance(value, dict) or not keyword.startswith(("$ref", "title", "x-"))
