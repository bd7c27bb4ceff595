"""From bytes and strings to models; what is wrong is said field by field."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, from_json
from werkzeug.datastructures import MultiDict

from shared.errors import InvalidArgument
from shared.models.base import Model, is_id, repeatable

M = TypeVar("M", bound=Model)
_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e]*)"')
_TAGS = re.compile(rf"{_TAG.pattern}([ \t]*,[ \t]*{_TAG.pattern})*")
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_BYTE_ORDER_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_Place = tuple[int | str, ...]
_DESCRIPTIONS = {
    "missing": "is required",
    "extra_forbidden": "is not a field of this request",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "string_too_long": "must be at most {max_length} characters",
    "string_too_short": "must not be empty",
    "string_type": "must be text",
    "too_short": "must not be empty",
    "too_long": "must have at most {max_length} items",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "enum": "must be {expected}",
    "literal_error": "must be {expected}",
    "string_pattern_mismatch": "must match {pattern}",
    "union_tag_invalid": "must be one of {expected_tags}",
    "union_tag_not_found": "is required",
}


def body(raw: bytes, model: type[M]) -> M:
    """The model in a JSON body. Raises InvalidArgument."""
    if raw.startswith(_BYTE_ORDER_MARKS):
        raise InvalidArgument.field("body", "must be UTF-8 without a byte order mark")
    try:
        parsed = model.model_validate_json(raw or b"{}", by_alias=True, by_name=False)
    except ValidationError as error:
        raise _invalid(error, "body", raw) from None
    require_exact(raw or b"{}")
    return parsed


def require_exact(raw: bytes) -> None:
    """Raises InvalidArgument where another reader may read JSON differently.

    The parser lets the last of two equal keys win, which another may not, and rounds.
    """
    try:
        _STRICT.decode(raw.decode())
    except _InexactError:
        (place, *_) = _inexact(json.loads(raw, parse_float=_or_inexact), ())
        raise InvalidArgument.field(
            _field(place) or "body", "must be a number that a double holds as written (RFC 7493)"
        ) from None


def query(arguments: MultiDict[str, str], model: type[M]) -> M:
    """The model in the query string. Raises InvalidArgument."""
    given: dict[str, Any] = {}
    for name, texts in arguments.lists():
        if len(texts) > 1 and not repeatable(model, name):
            raise InvalidArgument.field(name, "is given more than once")
        # Pydantic takes strings and mappings of strings, but no lists of them.
        given[name] = texts[0] if len(texts) == 1 else {str(n): one for n, one in enumerate(texts)}
    try:
        return model.model_validate_strings(given, by_alias=True, by_name=False)
    except ValidationError as error:
        # A parameter is named as it was sent, however often it was.
        raise _invalid(error, "query", longest=1) from None


def path_value(name: str, text: str, annotation: Any) -> Any:
    """The value of one path parameter. Raises InvalidArgument."""
    try:
        return _adapter(annotation).validate_python(text)
    except ValidationError as error:
        raise InvalidArgument.field(name, _description(error.errors()[0])) from None


def idempotency_key(header: str | None) -> str | None:
    """The `Idempotency-Key`, if there is one: 1 to 255 visible ASCII characters."""
    if header is not None and not _KEY.fullmatch(header):
        raise InvalidArgument.field("Idempotency-Key", "must be 1 to 255 visible ASCII characters")
    return header


def if_match(header: str | None) -> Callable[[str], bool] | None:
    """Whether an entity tag satisfies an `If-Match` (RFC 9110, 13.1.1), if there is one.

    A weak tag satisfies none. Raises InvalidArgument.
    """
    if header is None:
        return None
    if header.strip() == "*":
        return lambda _: True
    if not _TAGS.fullmatch(header.strip()):
        raise InvalidArgument.field("If-Match", "must be * or entity tags in quotes")
    strong = {tag for weak, tag in _TAG.findall(header) if not weak}
    return lambda etag: etag in strong


def _each_key_once(pairs: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise InvalidArgument.field(name, "is given more than once")
        seen.add(name)


class _InexactError(Exception):
    """A number that reads back as another one."""


def _as_written(number: str) -> float:
    """The number. Raises _InexactError where its shortest form is not equal to what was written."""
    read = float(number)
    try:
        exact = Decimal(number) == Decimal(repr(read))
    except InvalidOperation:
        exact = False
    if not exact:
        raise _InexactError
    return read


_STRICT = json.JSONDecoder(object_pairs_hook=_each_key_once, parse_float=_as_written)


def _or_inexact(number: str) -> float | _InexactError:
    try:
        return _as_written(number)
    except _InexactError as error:
        return error


def _inexact(value: Any, place: _Place) -> Iterator[_Place]:
    """The places of the numbers that are not as written."""
    match value:
        case _InexactError():
            yield place
        case dict():
            for name, item in value.items():
                yield from _inexact(item, (*place, name))
        case list():
            for index, item in enumerate(value):
                yield from _inexact(item, (*place, index))


def _invalid(
    error: ValidationError, whole: str, raw: bytes = b"", longest: int | None = None
) -> InvalidArgument:
    found = error.errors(include_url=False, include_input=False)[:20]
    in_batch = bool(raw) and any(map(_is_in_item, (one["loc"] for one in found)))
    is_deep = bool(raw) and any(len(one["loc"]) > 1 for one in found)
    sent = from_json(raw) if is_deep else None
    details = []
    for one in found:
        place = _place(one, sent) if is_deep else one["loc"]
        detail = {"field": _field(place[:longest]) or whole, "description": _description(one)}
        item_id = _id_of_item(sent, one["loc"]) if in_batch else None
        details.append({**detail, "id": item_id} if item_id else detail)
    first = details[0]
    named = f"{first['field']} (of {first['id']})" if "id" in first else first["field"]
    return InvalidArgument(f"{named}: {first['description']}", details)


def _place(detail: ErrorDetails, sent: Any) -> _Place:
    """Where something is wrong in what was sent.

    Pydantic also names the variant that it tried, in between or at the end.
    """
    place: list[int | str] = []
    for step in detail["loc"]:
        if _has(sent, step):
            sent = sent[step]
        elif (detail["type"], step) != ("missing", detail["loc"][-1]):
            continue
        place.append(step)
    if detail["type"] in ("union_tag_invalid", "union_tag_not_found"):
        place.append(detail["ctx"]["discriminator"].strip("'"))
    return tuple(place)


def _has(sent: Any, step: int | str) -> bool:
    return (
        step in sent if isinstance(sent, dict) else isinstance(sent, list) and isinstance(step, int)
    )


def _is_in_item(location: _Place) -> bool:
    return len(location) > 1 and isinstance(location[1], int)


def _id_of_item(sent: Any, location: _Place) -> str | None:
    """The id of the item of a list where something is wrong, if it has one."""
    item: Any = sent if _is_in_item(location) else None
    for step in location[:2]:
        item = item[step] if _has(item, step) else None
    given = (item.get("id") or item.get("caseId")) if isinstance(item, dict) else None
    return given if isinstance(given, str) and is_id(given) else None


def _field(location: _Place) -> str:
    text = ""
    for step in location:
        if step != "[key]":  # how Pydantic marks an error of a key itself
            text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _description(detail: ErrorDetails) -> str:
    message = detail["msg"]
    ours = _DESCRIPTIONS.get(detail["type"])
    return ours.format(**detail.get("ctx", {})) if ours else message[:1].lower() + message[1:]


@cache
def _adapter(annotation: Any) -> TypeAdapter[Any]:
    return TypeAdapter(annotation)
