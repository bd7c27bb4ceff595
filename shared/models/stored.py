"""What is stored: models that keep what they do not know, in formats that can change.

`docs/formats.md` has the rules, and how a format is changed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, Self

from pydantic import ConfigDict, PrivateAttr, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError, to_json, to_jsonable_python

from shared.models.base import Model

FORMAT = "format"
"""The field of a document that says its format; a document without it is of format 1."""

Data = dict[str, Any]


class Kept(Model):
    """A part of what is stored. Fields that this release does not know stay as they are."""

    model_config = ConfigDict(extra="allow")


class Step(NamedTuple):
    """How one format becomes the next: pure functions from a document's data to new data.

    `up` lifts a document. `down` undoes that: while it is there, this release reads the new format
    and still writes the one before, which the last release reads. The next release drops `down`.
    """

    up: Callable[[Data], Data]
    down: Callable[[Data], Data] | None = None


class StoredDocument(Kept):
    """A whole document. `steps` lead from format 1 to the format that the model describes."""

    steps: ClassVar[tuple[Step, ...]] = ()
    # What a document has in the fields that it lacks, by the names that it has them under.
    _defaults: ClassVar[Data] = {}

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        cls._defaults = {
            field.alias or name: field.get_default(call_default_factory=True)
            for name, field in cls.model_fields.items()
            if not field.is_required()
        }

    @classmethod
    def reads(cls) -> int:
        """The newest format that this release reads."""
        return len(cls.steps) + 1

    @classmethod
    def writes(cls) -> int:
        """The format that this release writes."""
        return cls.reads() - 1 if cls.steps and cls.steps[-1].down else cls.reads()

    @classmethod
    def read(cls, data: Data) -> Self:
        """The model of a document of any format. Raises ValidationError."""
        return cls.model_validate(cls._lifted(data), strict=False, by_name=False)

    @classmethod
    def row(cls, data: Data) -> Data:
        """A document of any format as the model has it, with defaults, but without making one.

        For lists, where models of the rows would cost more than reading them. Raises
        ValidationError for a format that this release does not read.
        """
        return cls._defaults | cls._lifted(data)

    def to_data(self, old: Data | None = None) -> Data:
        """The data to store; over `old`, in no older format than that document has."""
        number = max(self.writes(), (old or {}).get(FORMAT, 1))
        data = self.model_dump(by_alias=True)
        down = self.steps[-1].down if number < self.reads() else None
        data = down(data) if down else data
        # Format 1 stays unsaid: the first release refuses documents with a field it does not know.
        return data if number == 1 else {**data, FORMAT: number}

    @classmethod
    def _lifted(cls, data: Data) -> Data:
        if FORMAT not in data and not cls.steps:
            return data
        number = data.get(FORMAT, 1)
        if type(number) is not int or not 0 < number <= cls.reads():
            unknown = PydanticCustomError("format", "is a format that this release does not read")
            detail = InitErrorDetails(type=unknown, loc=(FORMAT,), input=number)
            raise ValidationError.from_exception_data(cls.__name__, [detail])
        if FORMAT in data:
            data = {name: value for name, value in data.items() if name != FORMAT}
        for step in cls.steps[number - 1 :]:
            data = step.up(data)
        return data


class AsStored(Model):
    """What is shown and hashed exactly as it was stored, whichever release stored it."""

    # Not refused, and not kept either: the content beside the model has them. A field that has a
    # default is not in what was stored before there was one.
    model_config = ConfigDict(extra="ignore", json_schema_serialization_defaults_required=False)
    _content: Data | None = PrivateAttr(default=None)

    @classmethod
    def of(cls, content: Data) -> Self:
        """The model of stored JSON content. Raises ValidationError."""
        found = cls.model_validate(content, strict=False, by_name=False)
        found._content = content  # noqa: SLF001 - its own class
        return found

    @classmethod
    def to_content(cls, fields: Data) -> Data:
        """JSON content in the model's order, of fields that are named as in Python."""
        return to_jsonable_python(  # type: ignore[no-any-return]
            {
                field.alias: fields[name]
                for name, field in cls.model_fields.items()
                if name in fields
            }
        )

    def content(self) -> Data:
        """The JSON content: as it was stored, or of what is new, as it will be."""
        stored = self._content
        if stored is not None:
            return stored
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)

    def as_json(self) -> str:
        """What a client gets of it."""
        return to_json(self.content()).decode()
