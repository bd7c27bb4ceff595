"""What a client may rely on in a description of the API: `docs/compatibility.md`, as code."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

_UPPER = ("maxLength", "maxItems", "maxProperties", "maximum", "exclusiveMaximum")
_LOWER = ("minLength", "minItems", "minProperties", "minimum", "exclusiveMinimum")
_EXACT = ("pattern", "format", "propertyNames", "patternProperties")


def breaks(old: Schema, new: Schema) -> list[str]:
    """What a client of the `old` OpenAPI document may rely on, and the `new` one does not promise.

    One sentence for each, which begins with the operation.
    """
    return list(_Comparison(old, new).operations())


class _Comparison:
    def __init__(self, old: Schema, new: Schema) -> None:
        self._old, self._new = old, new

    def operations(self) -> Iterator[str]:
        for path, methods in self._old["paths"].items():
            for method, before in methods.items():
                where = f"{method.upper()} {path}"
                after = self._new["paths"].get(path, {}).get(method)
                if after is None:
                    yield f"{where}: is gone"
                else:
                    yield from self._operation(where, before, after)

    def _operation(self, where: str, before: Schema, after: Schema) -> Iterator[str]:
        if before["operationId"] != after["operationId"]:
            yield f"{where}: has another operationId"
        yield from self._roles(where, before.get("x-roles"), after.get("x-roles"))
        yield from self._parameters(where, before, after)
        yield from self._request(where, before.get("requestBody"), after.get("requestBody"))
        for code, response in before["responses"].items():
            if code.startswith("2"):
                yield from self._response(f"{where} {code}", response, after["responses"].get(code))

    @staticmethod
    def _roles(where: str, old: list[str] | None, new: list[str] | None) -> Iterator[str]:
        if old is None and new is not None:
            yield f"{where}: needs a token now"
        elif old and new:
            yield from (f"{where}: is closed to the role {role}" for role in set(old) - set(new))

    def _parameters(self, where: str, before: Schema, after: Schema) -> Iterator[str]:
        old, new = self._by_name(self._old, before), self._by_name(self._new, after)
        for key, parameter in new.items():
            if parameter.get("required") and not old.get(key, {}).get("required"):
                yield f"{where}: requires the parameter {key[1]}"
        for key, parameter in old.items():
            if key not in new:
                yield f"{where}: the parameter {key[1]} is gone"
                continue
            schema = _resolved(self._new, new[key]["schema"])
            if key[0] == "query" and schema.get("type") == "array":
                # One value of a parameter that may be repeated is sent as before.
                schema = schema["items"]
            yield from self._accepted(f"{where} {key[1]}", parameter["schema"], schema)

    @staticmethod
    def _by_name(document: Schema, operation: Schema) -> dict[tuple[str, str], Schema]:
        found = (_resolved(document, one) for one in operation.get("parameters", []))
        return {(one["in"], one["name"]): one for one in found}

    def _request(self, where: str, old: Schema | None, new: Schema | None) -> Iterator[str]:
        if old is None:
            if new and new.get("required"):
                yield f"{where}: requires a body"
            return
        if new is None:
            yield f"{where}: takes no body"
            return
        for kind, content in old["content"].items():
            if kind not in new["content"]:
                yield f"{where}: does not take {kind}"
            else:
                schema = new["content"][kind]["schema"]
                yield from self._accepted(f"{where} body", content["schema"], schema)

    def _response(self, where: str, old: Schema, new: Schema | None) -> Iterator[str]:
        if new is None:
            yield f"{where}: is not answered"
            return
        for header in old.get("headers", {}).keys() - new.get("headers", {}).keys():
            yield f"{where}: the header {header} is gone"
        for kind, content in old.get("content", {}).items():
            if kind not in new.get("content", {}):
                yield f"{where}: does not answer {kind}"
            else:
                schema = new["content"][kind]["schema"]
                yield from self._answered(f"{where} answer", content["schema"], schema)

    def _accepted(self, where: str, old: Schema, new: Schema) -> Iterator[str]:
        """Everything that was accepted is: each kind of value that was allowed has its like."""
        for before in _branches(self._old, old):
            found = [list(self._narrowed(where, before, b)) for b in _branches(self._new, new)]
            yield from min(found, key=len)

    def _narrowed(self, where: str, old: Schema, new: Schema) -> Iterator[str]:
        if "type" in new and old.get("type") not in (new["type"], _also(new["type"])):
            yield f"{where}: is no {old.get('type', 'JSON of any type')} any more"
            return
        for name in _UPPER:
            if name in new and new[name] < old.get(name, math.inf):
                yield f"{where}: {name} is {new[name]}"
        for name in _LOWER:
            if name in new and new[name] > old.get(name, -math.inf):
                yield f"{where}: {name} is {new[name]}"
        for name in _EXACT:
            if name in new and new[name] != old.get(name):
                yield f"{where}: has another {name}"
        yield from self._values(where, _values(old), _values(new))
        for name in set(new.get("required", [])) - set(old.get("required", [])):
            yield f"{where}.{name}: is required"
        if old.get("additionalProperties", True) and not new.get("additionalProperties", True):
            yield f"{where}: takes no further fields"
        yield from self._inside(where, old, new, answered=False)

    @staticmethod
    def _values(where: str, old: list[Any] | None, new: list[Any] | None) -> Iterator[str]:
        if new is not None and old is None:
            yield f"{where}: takes only some values"
        elif new is not None and old is not None:
            yield from (f"{where}: does not take {one!r}" for one in old if one not in new)

    def _answered(self, where: str, old: Schema, new: Schema) -> Iterator[str]:
        """Everything that is answered now could be answered before, but for further fields."""
        for after in _branches(self._new, new):
            found = [list(self._changed(where, b, after)) for b in _branches(self._old, old)]
            yield from min(found, key=len)

    def _changed(self, where: str, old: Schema, new: Schema) -> Iterator[str]:
        if "type" in old and new.get("type") not in (old["type"], _also(old["type"])):
            yield f"{where}: may be {new.get('type', 'JSON of any type')} now"
            return
        for name in set(old.get("required", [])) - set(new.get("required", [])):
            yield f"{where}.{name}: may be missing"
        yield from self._inside(where, old, new, answered=True)

    def _inside(self, where: str, old: Schema, new: Schema, *, answered: bool) -> Iterator[str]:
        compared = self._answered if answered else self._accepted
        fields = new.get("properties", {})
        for name, schema in old.get("properties", {}).items():
            if name in fields:
                yield from compared(f"{where}.{name}", schema, fields[name])
            elif answered or not new.get("additionalProperties", True):
                yield f"{where}.{name}: is gone"
        for name, place in (("items", "[]"), ("additionalProperties", ".*")):
            if isinstance(old.get(name), dict) and isinstance(new.get(name), dict):
                yield from compared(f"{where}{place}", old[name], new[name])


def _resolved(document: Schema, schema: Schema) -> Schema:
    """A schema or parameter without a reference at its top; what stands beside one goes first."""
    while "$ref" in schema:
        rest = {name: value for name, value in schema.items() if name != "$ref"}
        target: Any = document
        for step in schema["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        schema = {**target, **rest}
    return schema


def _branches(document: Schema, schema: Schema) -> list[Schema]:
    """The kinds of value that a schema allows, each with a single type or none."""
    schema = _resolved(document, schema)
    for name in ("anyOf", "oneOf"):
        if name in schema:
            return [one for branch in schema[name] for one in _branches(document, branch)]
    if isinstance(schema.get("type"), list):
        return [{**schema, "type": kind} for kind in schema["type"]]
    return [schema]


def _values(schema: Schema) -> list[Any] | None:
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _also(kind: str) -> str:
    """The type that is part of another one."""
    return "integer" if kind == "number" else kind
