"""What of an event can be erased without breaking its hash: its personal and free texts. Pure.

A text that can be erased is not in what is hashed. In its place stands its digest, the SHA-256 of
[salt, pointer, value], as in the disclosures of SD-JWT (RFC 9901). The value stays where it always
stood in the event, and its salt in `disclosures`, under the JSON Pointer (RFC 6901) that names the
value. Where value and salt are taken away, the digest goes to `erased`, the value becomes "erased",
and the hash is what it was. Nobody can find the value by trying, for want of the 128 bits of salt.
Events of the first format have neither field: all of them is hashed as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from copy import copy
from typing import Any, NamedTuple

from shared.models.events import REPORTED
from shared.rules.canonical import canonical_hash

Content = dict[str, Any]

ERASED = "erased"
"""What stands in the place of a value that was erased."""

PLAIN_FIELDS = frozenset(
    {
        "actUntil",
        "approvalsRequired",
        "decision",
        "decisionType",
        "decisions",
        "dueAt",
        "escalatedAt",
        "expiresAt",
        "heldUntil",
        "lapsedAt",
        "packetEvidenceIds",
        "priority",
        "remindAt",
        "requiredRole",
        "severity",
        "sharedWith",
        "slaHours",
        "status",
        "type",
    }
)
"""Fields of subjects whose changes are hashed as they are: they say nothing about a person."""

PLAIN_META = frozenset(
    {
        "added",
        "asked",
        "changed",
        "erasedSubject",
        "erasure",
        "errorsSha256",
        "inputSha256",
        "interventionId",
        "kind",
        "log",
        "opened",
        "order",
        "outputSha256",
        "packet",
        "purged",
        "recordId",
        "removed",
        "runId",
        "scope",
        "sha256",
        "status",
        "supersedes",
        "timeoutAt",
        "version",
        "webhookId",
    }
)
"""Members of the `meta` that functions write, hashed as they are: ids, hashes, versions, facts."""

_SALTS, _ERASED, _ERASED_BY = "disclosures", "erased", "erasedBy"
_NEVER_HASHED = frozenset({"hash", _SALTS, _ERASED, _ERASED_BY})
# What is added to the content when it is hashed. A stored field of such a name would be shown, and
# not be hashed.
_ADDED = frozenset({"digests", "tenant"})
_NOTHING = "disclosures: a pointer names nothing"
_INDEX = re.compile(r"0|[1-9][0-9]{0,5}", re.ASCII)


def salted(content: Content, salt: Callable[[], str]) -> dict[str, str]:
    """The `disclosures` of a new event: a salt for each of its values that can be erased."""
    return {pointer: salt() for pointer in _personal(content)}


def digest(salt: str, pointer: str, value: Any) -> str:
    """The digest of a value: the SHA-256, in hex, of the RFC 8785 form of the three."""
    return canonical_hash([salt, pointer, value])


def hashed(content: Content) -> Content:
    """What an event's hash covers, but for the tenant. Raises ValueError as `parted` does."""
    parts = parted(content)
    digests = parts.erased | {
        pointer: digest(salt, pointer, parts.values[pointer])
        for pointer, salt in content.get(_SALTS, {}).items()
    }
    return parts.rest | ({"digests": digests} if digests else {})


def erase(content: Content, pointers: Iterable[str], by: str) -> Content:
    """The content without the values that `pointers` name; its hash is the same.

    `by` is the id of the event that records it. What was erased before stays so. Raises ValueError
    for a pointer that names nothing that can be erased, and as `parted` does.
    """
    parts, salts = parted(content), content.get(_SALTS, {})
    gone = [pointer for pointer in pointers if pointer not in parts.erased]
    if not salts.keys() >= set(gone):
        raise ValueError("erased: was not disclosed")
    if not gone:
        return content
    new = _Copy(content)
    for pointer in gone:
        holder, name = new.place(pointer)
        holder[name] = ERASED
    digests = {pointer: digest(salts[pointer], pointer, parts.values[pointer]) for pointer in gone}
    return new.root | {
        _SALTS: {pointer: salt for pointer, salt in salts.items() if pointer not in digests},
        _ERASED: parts.erased | digests,
        _ERASED_BY: by,
    }


def value_at(content: Content, pointer: str) -> Any:
    """The value that a pointer names. Raises ValueError where it names no member of an object."""
    holder, name = _Copy(content).place(pointer)
    return holder[name]


class Parts(NamedTuple):
    """An event's content in parts: what is hashed as it is, the disclosed values, the erased ones.

    `values` and `erased` are by pointer; `erased` has the digests.
    """

    rest: Content
    values: dict[str, Any]
    erased: dict[str, str]


def parted(content: Content) -> Parts:
    """The parts of an event's content.

    Raises ValueError where the content is not as this module makes it: a pointer that names no
    member of an object, or one inside another, or one that is both disclosed and erased; another
    value than "erased" where one was erased; `erasedBy` without anything erased, or no text.
    """
    if stray := sorted(_ADDED & content.keys()):
        raise ValueError(f"{stray[0]}: is not a field of an event")
    salts, erased = _texts(content, _SALTS), _texts(content, _ERASED)
    if salts.keys() & erased.keys():
        raise ValueError(f"{_ERASED}: what it names is disclosed, too")
    if (_ERASED_BY in content) != bool(erased) or not isinstance(content.get(_ERASED_BY, ""), str):
        raise ValueError(f"{_ERASED_BY}: does not go with what is erased")
    rest = _Copy({name: value for name, value in content.items() if name not in _NEVER_HASHED})
    values = {}
    for pointer in (*salts, *erased):
        holder, name = rest.place(pointer)
        values[pointer] = holder.pop(name)
    if values.keys() & rest.parts.keys():
        raise ValueError(f"{_SALTS}: one value is inside another")
    if any(values.pop(pointer) != ERASED for pointer in erased):
        raise ValueError(f"{_ERASED}: another value stands in the place of one that was erased")
    return Parts(rest.root, values, erased)


def _texts(content: Content, name: str) -> dict[str, str]:
    found = content.get(name, {})
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        raise ValueError(f"{name}: must be an object of texts")
    return found


def _personal(content: Content) -> Iterator[str]:
    if content["actor"]["email"] is not None:
        yield "/actor/email"
    yield from (f"/{name}" for name in ("message", "reason") if content[name] is not None)
    for number, change in enumerate(content["changes"]):
        if change["field"] not in PLAIN_FIELDS:
            sides = (side for side in ("old", "new") if _has_text(change[side]))
            yield from (f"/changes/{number}/{side}" for side in sides)
    plain: Collection[str] = () if content["eventType"] in REPORTED else PLAIN_META
    for name, value in content["meta"].items():
        if name not in plain and _has_text(value):
            yield f"/meta/{name.replace('~', '~0').replace('/', '~1')}"


def _has_text(value: Any) -> bool:
    """Whether a JSON value is or holds text; the names in an object are text, too."""
    match value:
        case list():
            return any(map(_has_text, value))
        case dict():
            return bool(value)
        case _:
            return isinstance(value, str)


class _Copy:
    """A copy of JSON content, in which members of objects are changed by their pointers.

    Only what holds such a member is copied, once; `parts` has those objects and lists by pointer.
    """

    def __init__(self, content: Content) -> None:
        self.root = dict(content)
        self.parts: dict[str, Any] = {}

    def place(self, pointer: str) -> tuple[Content, str]:
        """The object, as copied, whose member the pointer names; and the member's name."""
        path, slash, last = pointer.rpartition("/")
        part, so_far = self.root, ""
        for step in path.split("/")[1:]:
            above, so_far = part, f"{so_far}/{step}"
            if so_far not in self.parts:
                key = _key(above, step)
                above[key] = self.parts[so_far] = copy(above[key])
            part = self.parts[so_far]
        if not slash or not isinstance(part, dict):
            raise ValueError(_NOTHING)
        return part, _key(part, last)


def _key(part: Any, step: str) -> Any:
    """Under what a step of a pointer finds the next part in this one."""
    name = step.replace("~1", "/").replace("~0", "~")
    if isinstance(part, dict) and name in part:
        return name
    if isinstance(part, list) and _INDEX.fullmatch(step) and int(step) < len(part):
        return int(step)
    raise ValueError(_NOTHING)
