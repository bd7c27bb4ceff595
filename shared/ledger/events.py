"""Audit events as documents.

An event's content is all of its document but what stands `_BESIDE` it for queries, so that a field
of another release is shown, and is in the hash. Times are timestamps; what may hold any JSON is
JSON text, because Firestore has no list of lists, and would index it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json, to_json, to_jsonable_python

from shared.documents.port import Data, Document
from shared.models.base import Model
from shared.models.events import Event
from shared.models.roles import Actor
from shared.rules import disclosures

_AS_TEXT = frozenset({"changes", "meta", "disclosures", "erased"})
_ACTOR_NAME = "actorName"
SEAL_SLOT = "sealSlot"
"""A field that only queries know: a random number, so that no index has all events by their time.

Firestore takes about 500 writes a second to the documents of an index on a time alone.
"""
SEAL_SLOTS = 4
"""How many such numbers there are, from 0."""
# `index` is kept free for what a later release may have to query by.
_BESIDE = frozenset({_ACTOR_NAME, SEAL_SLOT, "index"})

_REQUIRED = frozenset(
    field.alias or name for name, field in Event.model_fields.items() if field.is_required()
)


class BadFieldError(ValueError):
    """A field of an event's document is not as this release stores it."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field


def path(tenant: str, event_id: str) -> str:
    """Where an event is kept."""
    return f"tenants/{tenant}/audit/{event_id}"


def to_data(event: Event) -> Data:
    """The document of a new event.

    Fields that may hold any JSON are kept as JSON text, because Firestore cannot store a list of
    lists and would index every field. `actorName` is added for the list of events by actor, and
    `sealSlot` for the query that finds the events to seal.
    """
    data = _stored(event.content() | {"createdAt": event.created_at})
    del data["id"]
    return {**data, _ACTOR_NAME: event.actor.name, SEAL_SLOT: secrets.randbelow(SEAL_SLOTS)}


def erased(document: Document, pointers: Iterable[str], by: str) -> Data:
    """The fields of an event's document that differ once the values at `pointers` are erased.

    `by` is the id of the event that records it. Empty where all of them were erased before. Raises
    ValueError as `content` does, and for a pointer that names nothing that can be erased.
    """
    before = content(document)
    after = disclosures.erase(before, pointers, by)
    data = {name: value for name, value in after.items() if before.get(name) != value}
    if "actor" in data:
        data[_ACTOR_NAME] = Actor.model_validate(data["actor"]).name
    return _stored(data)


def _stored(data: Data) -> Data:
    return {
        name: to_json(value).decode() if name in _AS_TEXT else value for name, value in data.items()
    }


def content(document: Document) -> dict[str, Any]:
    """The JSON of an event: what was stored, shown and, but for what was erased, hashed.

    Raises ValueError for bad JSON, for a field that is missing, for disclosures that do not fit the
    event, and for an `actorName` beside it that is not the actor's.
    """
    stored = {name: value for name, value in document.data.items() if name not in _BESIDE}
    found: dict[str, Any] = to_jsonable_python({"id": document.id, **stored})
    for name in _AS_TEXT & found.keys():
        found[name] = from_json(found[name]) if isinstance(found[name], str) else None
    if missing := sorted(_REQUIRED - found.keys()):
        raise BadFieldError(missing[0], "is missing")
    actor = Actor.model_validate(found["actor"])
    if document.data.get(_ACTOR_NAME) != actor.name:
        raise BadFieldError(_ACTOR_NAME, "is not the actor's")
    found["actor"] = _in_order(Actor, found["actor"])
    disclosures.parted(found)
    return _in_order(Event, found)


def _in_order(model: type[Model], data: dict[str, Any]) -> dict[str, Any]:
    """The fields in the order of the model, which Firestore does not keep; others behind them."""
    known = model.aliases()
    names = [*(name for name in known if name in data), *sorted(data.keys() - set(known))]
    return {name: data[name] for name in names}


def from_document(document: Document) -> Event:
    """The event in a document. Raises ValueError where it holds no valid event."""
    return Event.of(content(document))


def valid(document: Document) -> Event | None:
    """The event in a document, or None where it cannot be read."""
    try:
        return from_document(document)
    except ValueError:
        return None


def bad_field(document: Document) -> str | None:
    """The field for which the event in a document cannot be read, where one can be named."""
    try:
        from_document(document)
    except BadFieldError as error:
        return error.field
    except ValidationError as error:
        place = error.errors()[0]["loc"]
        return str(place[0]) if place else None
    except ValueError:
        return None
    return None
