"""Values as bytes that compare as Firestore compares the values.

Order across types: null < boolean < number < timestamp < string < array < map.
Source: firebase.google.com/docs/firestore/manage-data/data-types. No encoding is the beginning of
another, so encodings can be joined, and inverted byte by byte for a descending field.
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from typing import Any

_NULL, _BOOL, _NUMBER, _TIME, _STRING, _ARRAY, _MAP = b"\x10\x20\x30\x40\x50\x60\x70"
_STRING_TAG = bytes((_STRING,))
_END = b"\x00"
_INVERSE = bytes(255 - byte for byte in range(256))
_SIGN = 1 << 63
# The years 1 to 9999 have less than 2 ** 59 microseconds, so a time and its tag take eight bytes.
_TIMES = (_TIME << 56) + (1 << 56)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def encode(value: Any) -> bytes:  # noqa: PLR0911 - one for each type
    """The key of a value that `values.py` accepts."""
    match value:
        case str():
            return _STRING_TAG + _text(value)
        case None:
            return bytes((_NULL,))
        case bool():
            return bytes((_BOOL, value))
        case int() | float():
            return struct.pack(">BQQ", _NUMBER, *_number(value))
        case datetime():
            return struct.pack(">Q", (value - _EPOCH) // _MICROSECOND + _TIMES)
        case list():
            return _tagged(_ARRAY, b"".join(map(encode, value)) + _END)
        case dict():
            pairs = sorted((_text(name), encode(item)) for name, item in value.items())
            return _tagged(_MAP, b"".join(name + item for name, item in pairs) + _END)
    raise TypeError(f"no key for a {type(value).__name__}")


def encode_directed(value: Any, *, descending: bool) -> bytes:
    """The key of a value in an index field of that direction."""
    key = encode(value)
    return key.translate(_INVERSE) if descending else key


def type_bounds(value: Any) -> tuple[bytes, bytes]:
    """The keys from which, and before which, values of the same type lie."""
    tag = encode(value)[0] & 0xF0
    return bytes((tag,)), bytes((tag + 0x10,))


def after(key: bytes) -> bytes:
    """The smallest key that is greater than every key beginning with `key`."""
    stem = key.rstrip(b"\xff")
    return stem[:-1] + bytes((stem[-1] + 1,)) if stem else b"\xff" * (len(key) + 1)


def inverted_range(low: bytes, high: bytes) -> tuple[bytes, bytes]:
    """The range [low, high) of an ascending field, for a descending one."""
    return after(high.translate(_INVERSE)), after(low.translate(_INVERSE))


def _tagged(tag: int, payload: bytes) -> bytes:
    return bytes((tag,)) + payload


def _text(value: str) -> bytes:
    return value.encode().replace(b"\x01", b"\x01\x02").replace(b"\x00", b"\x01\x01") + _END


def _number(value: float) -> tuple[int, int]:
    # An integer beyond 53 bits has the same double as its neighbours: the remainder distinguishes
    # them.
    double = float(value) or 0.0
    bits = struct.unpack(">Q", struct.pack(">d", double))[0]
    ordered = bits ^ (_SIGN if bits < _SIGN else 2 * _SIGN - 1)
    return ordered, int(value) - int(double) + _SIGN
