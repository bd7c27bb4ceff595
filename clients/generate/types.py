"""The models of the API as dictionaries with types, for `caseledger.types`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from clients.generate.annotations import annotation, docstring, snake

_HEAD = '''"""The models of the API, as dictionaries. `python -m clients.generate` writes this."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

'''
_OF_ASK = ("title", "uowId", "type", "action", "reuse")
"""What `ask` takes itself, or, as `reuse`, has another way of."""


def types(description: dict[str, Any]) -> str:
    """The module: a name for each list of values, a TypedDict for each object."""
    schemas = description["components"]["schemas"]
    values = [_values(name, schema) for name, schema in schemas.items() if "enum" in schema]
    objects = {name: _fields(schema) for name, schema in schemas.items() if "enum" not in schema}
    bases = {name: _base(fields, objects) for name, fields in objects.items()}
    # A base has fewer fields than what inherits from it, which comes behind it.
    ordered = sorted(objects, key=lambda name: len(objects[name]) if bases[name] else 0)
    classes = []
    for name in ordered:
        base = bases[name]
        inherited = objects[base] if base else {}
        own = [text for field, text in objects[name].items() if field not in inherited]
        said = docstring(schemas[name]["description"], "    ")
        classes.append(f"class {name}({base or 'TypedDict'}):\n{said}\n{''.join(own)}")
    return _HEAD + "\n".join(values) + "\n" + "\n\n".join([*classes, _terms(schemas)])


def _values(name: str, schema: dict[str, Any]) -> str:
    return f"{name} = {annotation(schema)}\n{docstring(schema['description'], '')}"


def _fields(schema: dict[str, Any]) -> dict[str, str]:
    required = schema.get("required", ())
    return {
        name: _field(name, annotation(of), of.get("description", ""), required=name in required)
        for name, of in schema["properties"].items()
    }


def _base(fields: dict[str, str], objects: dict[str, dict[str, str]]) -> str | None:
    """The object that has most of these fields and no other, such as `Case` for `FullCase`."""
    within = [name for name, others in objects.items() if others.items() < fields.items()]
    return max(within, key=lambda name: len(objects[name]), default=None)


def _terms(schemas: dict[str, Any]) -> str:
    fields = "".join(_terms_fields(schemas["NewIntervention"]["properties"]))
    said = "What a question may say besides, by Python's names: see `NewIntervention`."
    return f'class Terms(TypedDict, total=False):\n    """{said}"""\n\n{fields}'


def _terms_fields(properties: dict[str, Any]) -> Iterator[str]:
    for name, of in properties.items():
        if name not in _OF_ASK:
            said = of.get("description", "")
            yield _field(snake(name), annotation(of), said, required=True)


def _field(name: str, type_: str, said: str, *, required: bool) -> str:
    if not name.isidentifier():
        raise ValueError(f"{name} is no name of Python's")
    of = type_ if required else f"NotRequired[{type_}]"
    return f"    {name}: {of}\n{docstring(said, '    ')}"
