"""Subjects of audit chains as documents: how a subject is stored, and what its events show."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Generic, TypeVar

from pydantic import ValidationError
from pydantic_core import to_jsonable_python

from shared import errors, log
from shared.documents.port import Create, Document, Set, Update, Write
from shared.models.base import Model
from shared.models.roles import Actor
from shared.models.stored import StoredDocument
from shared.models.subjects import Subject
from shared.rules.canonical import parsed

DELETED_AT = "deletedAt"
PARTS_LEFT_SINCE = "partsLeftSince"
"""A field of a tombstone: since when documents of what was deleted are still to be removed."""
PURGED_BY = "purgedBy"
"""A field of what was purged: the id of the event that records the purge, on the tenant's chain."""

S = TypeVar("S", bound=Subject)


@dataclass(frozen=True, slots=True, eq=False)
class Kind(Generic[S]):
    """A kind of subject: its model, its collection under the tenant ("" is the tenant itself).

    An event's changes leave out the `unlisted` fields, which other fields imply, and show only the
    SHA-256 of the `hashed` ones, which are private; of those of `json` (by their names in
    documents), which are kept as text, they show what the text says. Where a subject may be changed
    before it is first written, `absent` makes its state from its name and the time. Where a state
    names people, `identified` adds the token's subject of somebody who makes a change and was known
    by name alone. `facts` gives from the state before and after a change what the event's meta says
    for figures. `case_of` gives the id of the case that a subject belongs to; while that is under a
    legal hold, the former content of the `kept` fields is preserved.
    """

    model: type[S]
    collection: str
    unlisted: frozenset[str]
    hashed: frozenset[str] = frozenset()
    json: frozenset[str] = frozenset()
    absent: Callable[[str, datetime], S] | None = None
    identified: Callable[[S, Actor], S] = lambda state, _: state
    facts: Callable[[S, S], dict[str, Any]] = lambda before, after: {}  # noqa: ARG005 - none
    kept: frozenset[str] = frozenset()
    case_of: Callable[[str], str] | None = None

    def subject(self, name: str) -> str:
        """The subject as events name it."""
        return f"{self.collection}/{name}" if self.collection else "tenant"

    def path(self, tenant: str, name: str) -> str:
        """The subject's document."""
        return (
            f"tenants/{tenant}/{self.collection}/{name}" if self.collection else f"tenants/{tenant}"
        )

    def state(self, document: Document) -> S | None:
        """The state in a document; None where it is only a tombstone. Raises Unreadable."""
        if DELETED_AT in document.data:
            return None
        try:
            return self.model.read(document.data)
        except ValidationError as error:
            name = self.subject(document.id)
            raise errors.Unreadable(f"{name} cannot be read: {problem_of(error)}") from None


def only_stored(stored: type[Model], shown: type[Model]) -> frozenset[str]:
    """The stored fields that nobody is shown; an event's changes do not show them either."""
    return frozenset(stored.model_fields) - frozenset(shown.model_fields)


def problem_of(error: Exception) -> str:
    """What is wrong with a document that cannot be read, without what stands in it."""
    match error:
        case ValidationError():
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "the document"
            return f"{place}: {first['msg']}"
        case KeyError():
            return f"{error.args[0]}: is missing"
        case errors.Unreadable():
            return error.message
        case ValueError() if error.args:
            return str(error.args[0]).partition("\n")[0]
        case _:
            return "a field is of another kind than this release stores"


def tell(path: str) -> None:
    """Names a document that cannot be read in the log."""
    log.write("ERROR", "a stored document cannot be read", document=path)


def tenant_of(path: str) -> str:
    """Whose document is at a path."""
    return path.split("/")[1]


def name_of(path: str) -> str:
    """What the document at a path is called within its tenant, such as `cases/A`."""
    return "/".join(path.split("/")[2:])


def version_of(document: Document | None) -> int | None:
    """The version of a document; None where there is none."""
    return document.version if document else None


def etag(state: Subject) -> str:
    """The entity tag of a state (RFC 9110, 8.8.3), made of the head, which every change moves."""
    return f"{state.head.sequence}-{state.head.hash[:16]}"


def load(kind: Kind[S], document: Document | None) -> S | None:
    """The state in a subject's document; None where there is none, or only a tombstone."""
    return kind.state(document) if document else None


def required(kind: Kind[S], document: Document | None, name: str) -> S:
    """The state in a subject's document. Raises NotFound where there is none."""
    state = load(kind, document)
    if state is None:
        raise errors.NotFound(f"{kind.subject(name)} does not exist")
    return state


def written(path: str, document: Document | None, state: StoredDocument) -> Write:
    """The write that creates a document, or updates the fields that differ in it.

    An update is made only to the version that was read.
    """
    if document is None:
        return Create(path, state.to_data())
    old = document.data
    data = state.to_data(old)
    if old.keys() - data.keys():
        # An update takes no field away, as a newer format may.
        return Set(path, data, version=document.version)
    fields = {name: value for name, value in data.items() if name not in old or old[name] != value}
    return Update(path, fields, version=document.version)


def unchanged(document: Document) -> Update:
    """A write that changes nothing: the commit fails unless the document is as it was read."""
    return Update(document.path, version=document.version)


def tombstone(path: str, document: Document | None, state: Subject, **more: Any) -> Write:
    """The write that replaces a subject by the head of its chain, the time, and the fields `more`.

    A tombstone keeps the id from being used again, and the head of a chain that outlives its
    subject. It has none of the fields that lists sort by, so no list shows it.
    """
    data = {"head": state.head.model_dump(by_alias=True), DELETED_AT: state.updated_at, **more}
    return Set(path, data, version=version_of(document))


def changes(kind: Kind[S], old: S | None, new: S | None) -> list[dict[str, Any]]:
    """What an event shows of a change, as JSON: the fields that differ, before and after."""
    # Fields are compared before they are written as JSON, which takes longer.
    differ = [name for name in _told(kind) if getattr(old, name, None) != getattr(new, name, None)]
    before, after = _showable(kind, old, differ), _showable(kind, new, differ)
    return [
        {
            "field": name,
            "old": told_as(kind, name, before.get(name)),
            "new": told_as(kind, name, after.get(name)),
        }
        for name in before or after
        if before.get(name) != after.get(name)
    ]


def told(kind: Kind[S], state: S) -> dict[str, Any]:
    """All fields of a state that events list in their changes, as they show them."""
    shown = _showable(kind, state, _told(kind))
    return {name: told_as(kind, name, value) for name, value in shown.items()}


def told_as(kind: Kind[S], name: str, value: Any) -> Any:
    """What an event shows of a field's stored value. Raises ValueError for text that is no JSON."""
    return parsed(value) if name in kind.json else value


@cache
def _told(kind: Kind[S]) -> dict[str, str]:
    """The fields that events show something of, in their order, with their names in documents."""
    # Nothing of what this release does not know: it may be private.
    fields = kind.model.model_fields
    hidden = {"head", "updated_at"} | kind.unlisted | kind.hashed
    plain = [name for name in fields if name not in hidden]
    private = [name for name in fields if name in kind.hashed]
    return {name: fields[name].alias or name for name in (*plain, *private)}


def _showable(kind: Kind[S], state: S | None, fields: Iterable[str]) -> dict[str, Any]:
    """Those of some `_told` fields of a state as an event may show them."""
    if state is None:
        return {}
    aliases = _told(kind)
    shown = {
        aliases[name]: sha256_of(value) if name in kind.hashed else value
        for name, value in ((name, getattr(state, name)) for name in fields)
    }
    return to_jsonable_python(shown)  # type: ignore[no-any-return]


def sha256_of(text: str | None) -> str | None:
    """What events say in the place of a private text: its SHA-256."""
    return None if text is None else f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
