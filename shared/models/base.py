"""What all models share: camelCase JSON outside, snake_case inside, strict, closed, no NaN.

JSON libraries let through what a ledger cannot keep: control characters, integers and depths that
no other reader agrees on. The types here refuse them, with a description that a person understands.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, TypeVar, get_args, get_origin

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, to_json

J = TypeVar("J")
MAX_JSON_DEPTH = 10
MAX_JSON_BYTES = 65_536
MAX_LARGE_JSON_BYTES = 262_144
_SAFE_INTEGER = 2**53 - 1
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_USER = re.compile(r"[A-Za-z0-9._@|:+-]{1,128}")
# A collaborator's id is the name of a field, and those with such underscores are Firestore's own.
_NAMED_USER = re.compile(rf"(?!__.*__$){_USER.pattern}")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_SUBJECT = re.compile(
    r"tenant|(cases|interventions|keys)/[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
    r"|worksheets/[A-Za-z0-9][A-Za-z0-9._-]{0,99}:[A-Za-z0-9._@|:+-]{1,128}"
    r"|webhooks/endpoints"
)
_TAGS = "\U000e0000-\U000e007f"
_PLANE_ENDS = range(0x1FFFF, 0xFFFFF, 0x10000)
# No text has these: control characters, overrides of the direction of text, lone surrogates, and
# tag characters, which hide text in text. In escapes where there are some, because the pattern is
# shown in the description of the API.
_NEVER = rf"\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff{_TAGS}"
# Quotations alone have these: form feeds, separators, isolates of the direction of text.
_QUOTED = r"\x0c\u2028\u2029\u2066-\u2069"
_CONTROL = _NEVER + _QUOTED
# These show nothing: what Unicode calls Default_Ignorable_Code_Point, other format characters, the
# blank braille pattern, private use, and noncharacters.
_BLANK = (
    r"\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2060-\u206f\u2800"
    r"\u3164\ue000-\uf8ff\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0080-\U000e0fff"
    "\U000f0000-\U0010ffff" + "".join(f"{chr(end - 1)}{chr(end)}" for end in _PLANE_ENDS)
)
# As text: `re` compiles each at its first use, and keeps it. That takes milliseconds, which a start
# without such input saves.
_NO_TEXT = f"[{_CONTROL}]"
_NO_LINE = rf"[{_CONTROL}\t\n\r]"
_NO_QUOTATION = f"[{_NEVER}]"
_VISIBLE = rf"[^\s{_CONTROL}{_BLANK}]"
_INVISIBLE = f"[{_BLANK}]"
_ISOLATES = re.compile(r"[\u2066-\u2069]")
_BEYOND_FFFF = re.compile("[\U00010000-\U0010ffff](-[\U00010000-\U0010ffff])?")
_END_OF_ISOLATE = "\u2069"


JSON = "application/json"
MARKDOWN = "text/markdown"


class MarkdownForm:
    """An answer that is a document too."""

    def as_markdown(self) -> str:
        """The document."""
        raise NotImplementedError


class Model(BaseModel):
    """The base of every request, response and stored model.

    A `versioned` one is a resource that answers with an ETag. The docstring under each field of a
    request or response is what the description of the API says of it (`shared/edge/schemas.py`).
    """

    versioned: ClassVar[bool] = False

    model_config = ConfigDict(
        alias_generator=to_camel,
        json_schema_serialization_defaults_required=True,
        validate_by_name=True,
        extra="forbid",
        strict=True,
        frozen=True,
        allow_inf_nan=False,
        # Should an error of a stored document ever be printed, it must not quote the document.
        hide_input_in_errors=True,
        defer_build=True,
    )

    @classmethod
    def aliases(cls) -> tuple[str, ...]:
        """The names of the fields in JSON and in documents, in their order."""
        return tuple(field.alias or name for name, field in cls.model_fields.items())


class Identified(Model):
    """A resource that shows its id, before all else."""

    id: str
    """The id, unique in its tenant; it never changes."""


def is_id(text: str) -> bool:
    """Whether `text` is an id: 1 to 100 of `A-Za-z0-9._-`, starting with a letter or digit."""
    return bool(_ID.fullmatch(text))


def is_user_id(text: str) -> bool:
    """Whether `text` can be a token's subject: 1 to 128 of `A-Za-z0-9._@|:+-`."""
    return bool(_USER.fullmatch(text))


def _id(text: str) -> str:
    if not is_id(text):
        raise PydanticCustomError(
            "id",
            "must be 1 to 100 characters of A-Z a-z 0-9 . _ - and start with a letter or digit",
        )
    return text


def _rfc3339(text: Any) -> Any:
    if not isinstance(text, str) or not _TIME.fullmatch(text):
        raise PydanticCustomError("time", "must be an RFC 3339 time with its zone")
    return text


def _utc(time: datetime) -> datetime:
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("time", "must be within the years 1 to 9999, in UTC") from None


def _user_id(text: str) -> str:
    if not _NAMED_USER.fullmatch(text):
        raise PydanticCustomError(
            "user_id",
            "must be 1 to 128 characters of A-Z a-z 0-9 . _ @ | : + - and not __of this kind__",
        )
    return text


def is_visible(text: str) -> bool:
    """Whether `text` shows something when it is read: not only spaces and what shows nothing."""
    return bool(re.search(_VISIBLE, text))


def visible_part(text: str) -> str:
    """The text without the characters that show nothing."""
    return re.sub(_INVISIBLE, "", text)


def _line(text: str) -> str:
    if re.search(_NO_LINE, text) or not is_visible(text):
        raise PydanticCustomError("line", "must be visible text on one line")
    return text


def _text(text: str) -> str:
    if re.search(_NO_TEXT, text):
        raise PydanticCustomError("text", "must not contain control characters or tags")
    return text


def _reason(text: str) -> str:
    if not is_visible(text):
        raise PydanticCustomError("reason", "must hold visible text")
    return _text(text)


def _quotation(text: str) -> str:
    if re.search(_NO_QUOTATION, text):
        raise PydanticCustomError("text", "must not contain control characters or tags")
    open_isolates = 0
    for isolate in _ISOLATES.findall(text):
        open_isolates += -1 if isolate == _END_OF_ISOLATE else 1
        if open_isolates < 0:
            break
    if open_isolates:
        raise PydanticCustomError("text", "must end each isolate (U+2066 to U+2068) with U+2069")
    return text


def checked_json(value: J) -> J:
    """The value as it is. Raises PydanticCustomError where another reader may not agree on it."""
    return json_within(value, MAX_JSON_BYTES)


def _large_json(value: J) -> J:
    return json_within(value, MAX_LARGE_JSON_BYTES)


def json_within(value: J, longest: int) -> J:
    """The same for JSON of at most so many bytes."""
    _check_json(value, 1)
    if len(to_json(value)) > longest:
        raise PydanticCustomError("json", f"must be at most {longest} bytes")
    return value


def _check_json(value: Any, depth: int) -> None:
    if depth > MAX_JSON_DEPTH and isinstance(value, dict | list):
        raise PydanticCustomError("json", f"must be nested at most {MAX_JSON_DEPTH} deep")
    match value:
        case str():
            _text(value)
        case dict():
            for name, item in value.items():
                _text(name)
                _check_json(item, depth + 1)
        case list():
            for item in value:
                _check_json(item, depth + 1)
        case float() if not math.isfinite(value):
            raise PydanticCustomError("json", "numbers must be finite")
        case int() if abs(value) > _SAFE_INTEGER:
            raise PydanticCustomError("json", "integers must be within 53 bits (RFC 7493)")


def _subject(text: str) -> str:
    if not _SUBJECT.fullmatch(text):
        raise PydanticCustomError(
            "subject",
            "must be tenant, webhooks/endpoints, cases/{id}, interventions/{id}, worksheets/{id} "
            "or keys/{id}",
        )
    return text


def _described(pattern: str, longest: int, shortest: int = 0) -> WithJsonSchema:
    """What the description of the API says of a string.

    Characters beyond U+FFFF are left out of its pattern: JavaScript reads their ranges only with
    the flag `u`, and not every tool sets it.
    """
    bounds = {"minLength": shortest, "maxLength": longest}
    readable = _BEYOND_FFFF.sub("", pattern)
    return WithJsonSchema({"type": "string", **bounds, "pattern": f"^({readable})$"})


def described_line(longest: int) -> WithJsonSchema:
    """What the description of the API says of visible text on one line."""
    return _described(_LINE_PATTERN, longest, 1)


_LINE_PATTERN = rf"[^{_CONTROL}\t\n\r]*{_VISIBLE}[^{_CONTROL}\t\n\r]*"
_TEXT_PATTERN = f"[^{_CONTROL}]*"
_REASON_PATTERN = f"{_TEXT_PATTERN}{_VISIBLE}{_TEXT_PATTERN}"
Id = Annotated[str, AfterValidator(_id), _described(_ID.pattern, 100, 1)]
UserId = Annotated[str, AfterValidator(_user_id), _described(_NAMED_USER.pattern, 128, 1)]
SubjectName = Annotated[str, AfterValidator(_subject), _described(_SUBJECT.pattern, 254, 1)]
Title = Annotated[
    str,
    Field(min_length=1, max_length=300),
    AfterValidator(_line),
    described_line(300),
]
Tag = Annotated[
    str,
    Field(min_length=1, max_length=50),
    AfterValidator(_line),
    described_line(50),
]
"""A word or a few that things are sorted by; compared to the letter."""
Name = Annotated[
    str,
    Field(min_length=1, max_length=254),
    AfterValidator(_line),
    described_line(254),
]
Text = Annotated[
    str, Field(max_length=10_000), AfterValidator(_text), _described(_TEXT_PATTERN, 10_000)
]
Quotation = Annotated[
    str,
    Field(max_length=10_000),
    AfterValidator(_quotation),
    _described(f"[^{_NEVER}]*", 10_000),
]
"""Text from elsewhere, as it stands there."""
Reason = Annotated[
    str,
    Field(min_length=1, max_length=2_000),
    AfterValidator(_reason),
    _described(_REASON_PATTERN, 2_000, 1),
]


@dataclass(frozen=True, slots=True)
class _Sized:
    """What JSON Schema has no word for: how many bytes a value may have as JSON."""

    longest: int

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(schema), MAX_BYTES: self.longest}


MAX_BYTES = "x-maxBytes"
JsonObject = Annotated[dict[str, Any], AfterValidator(checked_json), _Sized(MAX_JSON_BYTES)]
Json = Annotated[Any, AfterValidator(checked_json), _Sized(MAX_JSON_BYTES)]
"""Any JSON value, as strict as an object."""
LargeJson = Annotated[Any, AfterValidator(_large_json), _Sized(MAX_LARGE_JSON_BYTES)]
"""Any JSON value of what agents take in and give out."""
# Not strict, because what comes out of a validator is no longer JSON to the next one.
Time = Annotated[
    AwareDatetime, Field(strict=False), BeforeValidator(_rfc3339), AfterValidator(_utc)
]
"""A time in a request: RFC 3339 with its zone, kept in UTC to the microsecond."""


UNSET: Any = Field(default=None)
"""The default of a field of a patch: `model_fields_set` tells whether it was given."""


OMITTED: Any = Field(default=None, exclude_if=lambda value: value is None)
"""The default of a response field that is left out where there is nothing to say."""


def repeatable(model: type[Model], name: str) -> bool:
    """Whether a parameter of a query model may be repeated."""
    field = next((f for n, f in model.model_fields.items() if name in (n, f.alias)), None)
    return field is not None and _is_list(field.annotation)


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) is list or any(map(_is_list, get_args(annotation)))


class Page(Model):
    """Which page of a list: at most `pageSize` rows from where `pageToken` says.

    It ends earlier with the row that reaches `max_bytes` of text, so that an answer stays well
    below the 32 MiB that Cloud Run sends.
    """

    max_bytes: ClassVar[int] = 8 * 1_048_576

    page_size: Annotated[int, Field(ge=1, le=200)] = 50
    """How many rows to return at most."""
    page_token: Annotated[str, Field(min_length=1, max_length=2_000)] | None = None
    """The `nextPageToken` of the page before; without it the list begins. It is opaque, and belongs
    to the same filters.
    """


class Unreadable(Model):
    """A stored document that is not as this release stores it."""

    id: str
    """The id of the document."""
    problem: str
    """What is wrong with it: the first field that is, and how."""


class Rows(Model):
    """One page of a list."""

    unreadable: list[Unreadable] | None = OMITTED
    """Rows of this page that cannot be read, which the list itself leaves out."""


class Problem(Model):
    """An error in the one form that all errors have."""

    code: int
    """The HTTP status code."""
    status: str
    """The kind of error, for programs: `INVALID_ARGUMENT`, `NOT_FOUND`, `ABORTED` and so on."""
    message: str
    """What is wrong, for people. Its words may change with any release."""
    details: list[dict[str, Any]] = []
    """More about it: for invalid input the fields and what is wrong with each, for a conflict the
    state that is in the way.
    """
