"""A JSON Schema of the description as a Python annotation."""

from __future__ import annotations

import re
import textwrap
from typing import Any

_NAMES = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "null": "None",
}
WIDTH = 100


def annotation(schema: dict[str, Any]) -> str:  # noqa: PLR0911 - a line for each kind
    """The annotation of what a schema allows, as far as Python can say it."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[1]
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(annotation(one) for one in schema["anyOf"]))
    if "const" in schema:
        return f"Literal[{schema['const']!r}]"
    if "enum" in schema:
        return f"Literal[{', '.join(repr(value) for value in schema['enum'])}]"
    match schema.get("type"):
        case "array":
            return f"list[{annotation(schema.get('items', {}))}]"
        case "object":
            return f"dict[str, {annotation(_values(schema))}]"
        case None:
            return "Any"
        case name:
            return _NAMES[name]


def _values(schema: dict[str, Any]) -> dict[str, Any]:
    values = schema.get("additionalProperties")
    return values if isinstance(values, dict) else {}


def snake(name: str) -> str:
    """A name of the API as Python writes it: `caseId` is `case_id`."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def docstring(text: str, indent: str) -> str:
    """A docstring with the paragraphs of `text`, wrapped, or "" where there is none."""
    if not text:
        return ""
    if "\n" not in text and len(text) <= WIDTH - len(indent) - 6:
        return f'{indent}"""{text}"""\n'
    wrapped = (
        textwrap.fill(one, WIDTH, initial_indent=indent, subsequent_indent=indent)
        for one in f'"""{text}'.split("\n\n")
    )
    return "\n\n".join(wrapped) + f'\n{indent}"""\n'
