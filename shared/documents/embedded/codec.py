"""A document as SQLite keeps it: its JSON, and a list that says which of its strings are times.

Both are compressed: see `packed.py`.
"""

from __future__ import annotations

import json
import zlib
from datetime import datetime
from functools import lru_cache
from typing import Any

from pydantic_core import from_json, to_json

from shared.documents.embedded.packed import pack, unpack
from shared.documents.port import Data

Step = str | int
_PLAIN = frozenset({str, int, float, bool, type(None)})


def encode(data: Data) -> tuple[str | bytes, str]:
    """What the columns `data` and `times` have of a document."""
    return pack(*written(data))


def written(data: Data) -> tuple[str, str]:
    """The JSON of `data`, with times in RFC 3339, and the JSON list of the paths to those times."""
    found: list[tuple[Step, ...]] = []
    _find_times(data, (), found)
    return to_json(data).decode(), _listed(tuple(found))


def decode(column: str | bytes, times: str) -> Data:
    """The document that `encode` was given.

    Of one that was edited by hand, what can be read of it; without its fields where it, or the list
    of its times, is no JSON.
    """
    return measured(column, times)[0]


def measured(column: str | bytes, times: str) -> tuple[Data, int]:
    """The same, and how many bytes its JSON has."""
    try:
        text, found = unpack(column, times)
        data, paths = from_json(text), _paths(found)
    except (ValueError, LookupError, TypeError, zlib.error):
        return {}, 0
    if not isinstance(data, dict):
        return {}, 0
    for way, last in paths:
        holder: Any = data
        try:
            for step in way:
                holder = holder[step]
            holder[last] = datetime.fromisoformat(holder[last])
        except (LookupError, TypeError, ValueError):
            continue
    return data, len(text.encode())


def _find_times(
    value: dict[str, Any] | list[Any], way: tuple[Step, ...], found: list[tuple[Step, ...]]
) -> None:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for step, item in items:
        if type(item) in _PLAIN:
            continue
        if isinstance(item, datetime):
            found.append((*way, step))
        elif item and isinstance(item, dict | list):
            _find_times(item, (*way, step), found)


# The documents of a collection have their times in the same places, so a page parses one list and
# not one for each row.
@lru_cache(maxsize=1024)
def _listed(ways: tuple[tuple[Step, ...], ...]) -> str:
    return json.dumps(ways, separators=(",", ":"))


@lru_cache(maxsize=1024)
def _paths(times: str) -> list[tuple[list[Step], Step]]:
    return [(way, last) for *way, last in from_json(times)]
