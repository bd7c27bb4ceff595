"""JSON in its canonical form (RFC 8785), which is what is hashed. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import rfc8785
from pydantic_core import from_json

_BEYOND_53_BITS = 2**53
_LONG_NUMBER = re.compile(r"\d{16}")
# A float has a fraction or a signed exponent, as Python writes it; most other texts have neither.
_FRACTION = re.compile(r"\.\d+(?:e[+-]\d+)?(?:[],}]|\Z)")
_SORTED_BY_UTF16 = re.compile("[\ud800-\U0010ffff]")


def canonical(content: Any) -> bytes:
    """The RFC 8785 form of JSON content whose integers are within 53 bits.

    Python's own encoder is ten times as fast, and writes the same form unless there is a float, or
    a character that UTF-16 sorts in another place than Unicode does.
    """
    text = _ENCODER.encode(content)
    if _has_float(text) or (not text.isascii() and _SORTED_BY_UTF16.search(text)):
        return rfc8785.dumps(content)
    return text.encode()


def canonical_hash(content: Any) -> str:
    """The SHA-256, in hex, of the RFC 8785 form of JSON content."""
    return hashlib.sha256(canonical(content)).hexdigest()


def canonical_text(value: Any) -> str | None:
    """The RFC 8785 form of any JSON as text; None stays None."""
    return None if value is None else canonical(value).decode()


def parsed(text: str | None) -> Any:
    """The JSON in its canonical text; None stays None.

    RFC 8785 writes 1e20 without a point. It is read as a float, as all integers beyond 53 bits are.
    """
    if text is None:
        return None
    return json.loads(text, parse_int=_number) if _LONG_NUMBER.search(text) else from_json(text)


def _number(digits: str) -> int | float:
    number = int(digits)
    return number if abs(number) < _BEYOND_53_BITS else float(number)


def _has_float(text: str) -> bool:
    if not (_FRACTION.search(text) or "e+" in text or "e-" in text):
        return False
    try:
        _DECODER.decode(text)
    except _FloatFoundError:
        return True
    return False


class _FloatFoundError(Exception):
    pass


def _refuse(_: str) -> None:
    raise _FloatFoundError


# Made once, because making them takes longer than writing a short text with them.
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
_DECODER = json.JSONDecoder(parse_float=_refuse)
