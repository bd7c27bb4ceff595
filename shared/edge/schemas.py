"""The schemas of all models in the description of the API, with the docstrings of their fields."""

from __future__ import annotations

import ast
import inspect
import json
import sys
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import Any

from pydantic import BaseModel, RootModel
from pydantic.json_schema import (
    GenerateJsonSchema,
    JsonSchemaMode,
    JsonSchemaValue,
    models_json_schema,
)
from pydantic_core import core_schema

from shared.edge.routes import Nothing, Route
from shared.edge.streams import Stream
from shared.models.base import MAX_BYTES, MAX_JSON_DEPTH, Model, Problem
from shared.models.raw import Raw

REF = "#/components/schemas/{model}"
"""How the description refers to a schema."""


class Error(Model):
    """What every error looks like."""

    error: Problem
    """The error."""


class _Schemas(GenerateJsonSchema):
    """Schemas with the docstrings of fields, and without titles made of names."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """The schema of a model."""
        found = super().model_schema(schema)
        model: type[BaseModel] = schema["cls"]
        for name, info in model.model_fields.items():
            field = found.get("properties", {}).get(info.alias or name)
            if field is not None and (text := _docstring(model, name)):
                field.setdefault("description", text)
        return found

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Never: a name says no more in other letters."""
        del schema
        return False


class _BodySchemas(_Schemas):
    """What a client sends is closed; what it gets is open, because a later release may add to it.

    Defaults are said in words. Generators of clients take `default` as a promise that a field is
    there.
    """

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """The schema of a model."""
        found = super().model_schema(schema)
        if self.mode == "serialization" and found.get("additionalProperties") is False:
            del found["additionalProperties"]
        for field in found.get("properties", {}).values():
            default = field.pop("default", None)
            if self.mode == "validation" and default not in (None, "", [], {}):
                _add(field, f"Default: `{json.dumps(default)}`.")
            for kind in (field, *field.get("anyOf", ())):
                if MAX_BYTES in kind:
                    size = f"{kind[MAX_BYTES]:,} bytes as JSON"
                    _add(field, f"At most {size}, nested at most {MAX_JSON_DEPTH} deep.")
        return found


# Pydantic's `use_attribute_docstrings` would do this when each model is defined, and a cold start
# of any function would take a quarter longer.
def _docstring(model: type[BaseModel], field: str) -> str | None:
    """What stands under a field of a model, or of the base that it is from."""
    for base in model.__mro__:
        if issubclass(base, Model) and (base.__name__, field) in _docstrings(base.__module__):
            return _docstrings(base.__module__)[base.__name__, field]
    return None


@cache
def _docstrings(module: str) -> dict[tuple[str, str], str]:
    """The docstrings under the fields of a module's classes, by class and field."""
    found = {}
    statements = ast.parse(inspect.getsource(sys.modules[module])).body
    for kind in (one for one in statements if isinstance(one, ast.ClassDef)):
        for statement, below in pairwise(kind.body):
            match statement, below:
                case (
                    ast.AnnAssign(target=ast.Name(id=field)),
                    ast.Expr(value=ast.Constant(value=str(text))),
                ):
                    found[kind.name, field] = inspect.cleandoc(text)
    return found


def schema_of_query(route: Route) -> dict[str, Any]:
    """The schema of the query parameters of a function."""
    return route.query.model_json_schema(ref_template=REF, schema_generator=_Schemas)


def schema_of_body(model: type[Model]) -> dict[str, Any]:
    """The schema of what a client sends, with those that it refers to in `$defs`."""
    schema = model.model_json_schema(schema_generator=_BodySchemas)
    for kind in (schema, *schema.get("$defs", {}).values()):
        for described in (kind, *kind.get("properties", {}).values()):
            if "description" in described:
                described["description"] = prose(described["description"])
    return schema


def schemas_of(routes: Sequence[Route]) -> dict[str, Any]:
    """The schemas of what the functions at these routes take and give, by their names."""
    models: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {(Error, "serialization"): None}
    for route in routes:
        models[(route.query, "validation")] = None
        if route.body is not Nothing:
            models[(route.body, "validation")] = None
        answer = route.response
        if answer is not None and not issubclass(answer, RootModel | Raw | Stream):
            models[(answer, "serialization")] = None
    _, schema = models_json_schema(list(models), ref_template=REF, schema_generator=_BodySchemas)
    found: dict[str, Any] = schema["$defs"]
    for kind in found.values():
        for described in (kind, *kind.get("properties", {}).values()):
            if "description" in described:
                described["description"] = prose(described["description"])
    queries = {route.query.__name__ for route in routes}
    return {name: kind for name, kind in sorted(found.items()) if name not in queries}


def prose(text: str | None) -> str:
    """A docstring without the line breaks inside its paragraphs."""
    paragraphs = inspect.cleandoc(text or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split("\n")) for paragraph in paragraphs)


def _add(field: dict[str, Any], sentence: str) -> None:
    """Says one thing more about a field that is described."""
    if "description" in field:
        field["description"] = f"{prose(field['description'])} {sentence}"
