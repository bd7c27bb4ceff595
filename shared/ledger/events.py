"""Audit events as documents."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from shared.documents.port import Data, Document
from shared.models.events import Event


def path(tenant: str, event_id: str) -> str:
    """Where an event is kept."""
    return f"tenants/{tenant}/audit/{event_id}"


def to_data(event: Event) -> Data:
    """The document of an event.

    Fields that may hold any JSON are kept as JSON text, because Firestore cannot store a list of
    lists and would index every field. `actorName` is added for the list of events by actor.
    """
    data = event.model_dump(by_alias=True, exclude={"id"})
    for name in ("changes", "meta"):
        data[name] = to_json(data[name]).decode()
    return {**data, "actorName": event.actor.name}


def from_document(document: Document) -> Event:
    """The event in a document. Raises ValueError where it holds no valid event."""
    data: dict[str, Any] = {**document.data, "id": document.id}
    actor_name = data.pop("actorName", None)
    for name in ("changes", "meta"):
        data[name] = from_json(data[name]) if isinstance(data.get(name), str) else None
    event = Event.model_validate(data, strict=False, by_name=False)
    if actor_name != event.actor.name:
        raise ValueError("actorName is not the actor's")
    return event


def readable(document: Document) -> Event | None:
    """The event in a document, or None where it cannot be read."""
    try:
        return from_document(document)
    except ValidationError:
        return None
    except ValueError:
        return None
