"""What an answer may look like: the flat subset of JSON Schema that MCP's elicitation has.

https://modelcontextprotocol.io/specification/2025-06-18/client/elicitation
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from shared.models.base import UNSET, Id, Model, Text, Time, Title, json_within

MAX_PROPERTIES = 20
MAX_SCHEMA_BYTES = 8_192
_Length = Annotated[int, Field(ge=0, le=10_000)]


def _each_once(texts: list[str]) -> list[str]:
    # Of two that look the same, nobody sees which one they choose.
    if len(set(texts)) < len(texts):
        raise PydanticCustomError("texts", "must have each text once")
    return texts


_Texts = Annotated[list[Title], Field(min_length=1, max_length=100), AfterValidator(_each_once)]
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
# As browsers take it, so that a form and the server agree: https://html.spec.whatwg.org/#email-state
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_EMAIL = re.compile(
    rf"[\w.!#$%&'*+/=?^`{{|}}~-]+@{_LABEL}(?:\.{_LABEL})*", re.ASCII | re.IGNORECASE
)
_A_TIME = TypeAdapter[Any](Time)


class _Property(Model):
    """What all properties may say of themselves."""

    title: Title = UNSET
    """What people see as its name."""
    description: Text = UNSET
    """What it is, in more words."""

    def problem(self, value: Any) -> str | None:
        """What is wrong with a value, as JSON; None where it is as described."""
        raise NotImplementedError

    @model_validator(mode="after")
    def _begins_well(self) -> Self:
        default = getattr(self, "default", None)
        if default is not None and (problem := self.problem(default)):
            raise PydanticCustomError("default", "the default {problem}", {"problem": problem})
        return self


class TextProperty(_Property):
    """A text; with `enum`, one of these."""

    type: Literal["string"]
    """That it is a text."""
    min_length: _Length = UNSET
    """How many characters it has at least."""
    max_length: _Length = UNSET
    """How many characters it has at most."""
    format: Literal["email", "uri", "date", "date-time"] = UNSET
    """What kind of text it is."""
    enum: _Texts = UNSET
    """The texts of which it is one."""
    enum_names: _Texts = UNSET
    """What people see for each of these."""
    default: Text = UNSET
    """What a form begins with."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _require_order("minLength", self.min_length, "maxLength", self.max_length)
        if self.enum_names and len(self.enum_names) != len(self.enum or ()):
            raise PydanticCustomError("enum_names", "enumNames must have a name for each of enum")
        return self

    def problem(self, value: Any) -> str | None:
        """What is wrong with a value, as JSON; None where it is as described."""
        if not isinstance(value, str):
            return "must be text"
        if self.enum and value not in self.enum:
            return f"must be one of {', '.join(self.enum)}"
        if self.min_length is not None and len(value) < self.min_length:
            return f"must be at least {self.min_length} characters"
        if self.max_length is not None and len(value) > self.max_length:
            return f"must be at most {self.max_length} characters"
        wrong = self.format is not None and not _has_format(value, self.format)
        return f"must be text of the format {self.format}" if wrong else None


class NumberProperty(_Property):
    """A number."""

    type: Literal["number", "integer"]
    """Whether it may be any number, or a whole one."""
    minimum: int | float = UNSET
    """The least that it may be."""
    maximum: int | float = UNSET
    """The most that it may be."""
    default: int | float = UNSET
    """What a form begins with."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _require_order("minimum", self.minimum, "maximum", self.maximum)
        return self

    def problem(self, value: Any) -> str | None:
        """What is wrong with a value, as JSON; None where it is as described."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return "must be a number"
        if self.type == "integer" and value != int(value):
            return "must be a whole number"
        if self.minimum is not None and value < self.minimum:
            return f"must be at least {self.minimum}"
        if self.maximum is not None and value > self.maximum:
            return f"must be at most {self.maximum}"
        return None


class SwitchProperty(_Property):
    """True or false."""

    type: Literal["boolean"]
    """That it is true or false."""
    default: bool = UNSET
    """What a form begins with."""

    def problem(self, value: Any) -> str | None:
        """What is wrong with a value, as JSON; None where it is as described."""
        return None if isinstance(value, bool) else "must be true or false"


Property = Annotated[TextProperty | NumberProperty | SwitchProperty, Field(discriminator="type")]


class ResponseSchema(Model):
    """Which properties a `response` has: texts, numbers, and what is true or false."""

    type: Literal["object"]
    """That a response is an object."""
    properties: Annotated[dict[Id, Property], Field(min_length=1, max_length=MAX_PROPERTIES)]
    """What each property may be, by its name."""
    required: Annotated[list[Id], Field(max_length=MAX_PROPERTIES)] = UNSET
    """The properties that every response has."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not set(self.required or ()) <= self.properties.keys():
            raise PydanticCustomError("required", "required must name properties only")
        json_within(self.content(), MAX_SCHEMA_BYTES)
        return self

    def content(self) -> dict[str, Any]:
        """The schema as JSON, as it was given."""
        return self.model_dump(by_alias=True, exclude_unset=True)

    def problems(self, response: dict[str, Any]) -> dict[str, str]:
        """What is wrong with a response, by the names of its properties; empty for nothing."""
        found = dict.fromkeys(response.keys() - self.properties.keys(), "is not asked for")
        for name, one in self.properties.items():
            if name in response:
                found |= {name: problem} if (problem := one.problem(response[name])) else {}
            elif name in (self.required or ()):
                found[name] = "is required"
        return found


def _require_order(name: str, least: float | None, other: str, most: float | None) -> None:
    if least is not None and most is not None and least > most:
        raise PydanticCustomError("order", f"{name} must not be more than {other}")


def _has_format(text: str, kind: str) -> bool:
    try:
        match kind:
            case "date":
                return bool(_DATE.fullmatch(text) and date.fromisoformat(text))
            case "date-time":
                return bool(_A_TIME.validate_python(text))
            case "uri":
                return bool(urlsplit(text).scheme) and not re.search(r"\s", text)
    except (ValueError, ValidationError):
        return False
    return bool(_EMAIL.fullmatch(text))
