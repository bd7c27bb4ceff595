"""How writes change a document: the rules of Firestore's commit, for the embedded store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from shared.documents.port import (
    AlreadyExists,
    Create,
    Data,
    Delete,
    Document,
    Merge,
    Missing,
    Set,
    Stale,
    Update,
    Write,
)

_INT64 = 2**63
_EXACT = frozenset({str, int, datetime})
"""Of these, values that are equal are the same, as times are in UTC."""


def outcome(old: Document | None, writes: Sequence[Write]) -> Data | None:
    """The document's data after all of a commit's `writes` to it; None when they delete it.

    Raises a Conflict.
    """
    data = old.data if old else None
    for write in writes:
        if not isinstance(write, Create | Merge) and write.version is not None:
            _require(old, write.path, write.version)
        data = _after(data, write)
    return data


def changed(before: Data, after: Data) -> frozenset[str]:
    """The top-level fields that are not exactly the same in both."""
    differ = {
        name
        for name, value in after.items()
        if name not in before or not _same(before[name], value)
    }
    return frozenset(differ | (before.keys() - after.keys()))


def _require(old: Document | None, path: str, version: int) -> None:
    if not old or old.version != version:
        raise Stale(path)


def _after(data: Data | None, write: Write) -> Data | None:
    match write:
        case Create(path, new):
            if data is not None:
                raise AlreadyExists(path)
            return new
        case Update(path):
            if data is None:
                raise Missing(path)
            sums = {name: _sum(data.get(name), step) for name, step in write.increments.items()}
            return {**data, **write.fields, **sums}
        case Merge():
            return {**(data or {}), **write.fields}
        case Set(data=new):
            return new
        case Delete():
            return None


def _sum(value: Any, step: int) -> Any:
    # As in Firestore: a value that is no number counts as 0, and integers stop at 64 bits.
    if isinstance(value, bool) or not isinstance(value, int | float):
        return step
    total = value + step
    return total if isinstance(total, float) else max(-_INT64, min(total, _INT64 - 1))


def _same(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if type(one) is type(other) and type(one) in _EXACT:
        return bool(one == other)
    match one, other:
        case dict(), dict():
            return not changed(one, other)
        case list(), list():
            return len(one) == len(other) and all(map(_same, one, other))
        case (int() | float(), _) | (_, int() | float()):
            # 1, 1.0 and True are equal in Python, and so are 0.0 and -0.0.
            return repr(one) == repr(other)
    return bool(one == other)
