"""What audit chains are about, as documents: how a subject is kept, and what its events tell."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from shared import errors
from shared.documents.port import Create, Document, Set, Update, Write
from shared.models.events import Change
from shared.models.stored import StoredDocument
from shared.models.subjects import Subject

DELETED_AT = "deletedAt"
PURGED_BY = "purgedBy"
"""On what was purged: the id of the tenant's event that tells of it."""

S = TypeVar("S", bound=Subject)


@dataclass(frozen=True, slots=True)
class Kind(Generic[S]):
    """A kind of subject: its model, its collection under the tenant ("" is the tenant itself).

    `unlisted` are fields that an event's changes leave out, because others imply them; of `hashed`
    ones, which are private, they show the SHA-256. `absent` makes the state of a subject that
    nobody has written yet from its name and the time, where that is no error.
    """

    model: type[S]
    collection: str
    unlisted: frozenset[str]
    hashed: frozenset[str] = frozenset()
    absent: Callable[[str, datetime], S] | None = None

    def subject(self, name: str) -> str:
        """The subject as events name it."""
        return f"{self.collection}/{name}" if self.collection else "tenant"

    def path(self, tenant: str, name: str) -> str:
        """The subject's document."""
        return (
            f"tenants/{tenant}/{self.collection}/{name}" if self.collection else f"tenants/{tenant}"
        )

    def state(self, document: Document) -> S | None:
        """The state in a document; None where it is only a tombstone. Raises ValidationError."""
        if DELETED_AT in document.data:
            return None
        return self.model.read(document.data)


def tenant_of(path: str) -> str:
    """Whose document is at a path."""
    return path.split("/")[1]


def etag(state: Subject) -> str:
    """The entity tag of a state (RFC 9110, 8.8.3): every change moves the head of the chain."""
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
    """The write that makes a document, or changes what differs in exactly that one."""
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
    """The write that leaves of a subject only the end of its chain, when it went, and `more`.

    It keeps the id from being used again, and the end of a chain that outlives its subject. Having
    no other field it is in no index, so no list shows it.
    """
    data = {"head": state.head.model_dump(by_alias=True), DELETED_AT: state.updated_at, **more}
    return Set(path, data, version=document.version if document else None)


def changes(kind: Kind[S], old: S | None, new: S | None) -> list[Change]:
    """What an event tells of a change: the fields that differ, before and after."""
    before, after = _told(kind, old), _told(kind, new)
    return [
        Change(field=name, old=before.get(name), new=after.get(name))
        for name in {**before, **after}
        if before.get(name) != after.get(name)
    ]


def _told(kind: Kind[S], state: S | None) -> dict[str, Any]:
    """What an event may tell of a state."""
    if state is None:
        return {}
    # Nothing of what this release does not know: it may be private.
    known = kind.model.model_fields.keys()
    told = state.model_dump(
        mode="json",
        by_alias=True,
        include=known - {"head", "updated_at", *kind.unlisted, *kind.hashed},
    )
    private = state.model_dump(mode="json", by_alias=True, include=set(kind.hashed))
    return told | {name: _sha256(text) for name, text in private.items()}


def _sha256(text: str | None) -> str | None:
    return None if text is None else f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
