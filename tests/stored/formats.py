"""What is known of each release's stored documents, and of this release's formats."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from shared.documents.port import Create, DocumentStore
from shared.models.case import StoredCase
from shared.models.erasure import StoredErasure
from shared.models.evidence import StoredEvidence
from shared.models.integrity import StoredProgress
from shared.models.intervention import StoredIntervention
from shared.models.key import StoredKey
from shared.models.packet import StoredPacket
from shared.models.person import StoredPerson
from shared.models.preserved import StoredPreserved
from shared.models.record import StoredRecord
from shared.models.run import StoredRun
from shared.models.sealed import StoredBundle, StoredLog, StoredSealing, StoredTile
from shared.models.settings import StoredSettings
from shared.models.stored import StoredDocument
from shared.models.subjects import Subject
from shared.models.tallies import StoredTally, StoredTotals
from shared.models.webhooks import StoredDelivery, StoredEndpoints
from shared.models.worksheet import StoredWorksheet

_HERE = Path(__file__).parent
RELEASES = sorted(
    (path.name for path in _HERE.iterdir() if (path / "release.json").exists()),
    key=lambda name: [int(part) for part in name.split(".")],
)
"""The releases whose documents are kept, oldest first."""
_MODELS: list[type[StoredDocument]] = [
    StoredBundle,
    StoredCase,
    StoredDelivery,
    StoredEndpoints,
    StoredErasure,
    StoredEvidence,
    StoredIntervention,
    StoredKey,
    StoredLog,
    StoredPacket,
    StoredPerson,
    StoredPreserved,
    StoredProgress,
    StoredRecord,
    StoredRun,
    StoredSealing,
    StoredSettings,
    StoredTally,
    StoredTile,
    StoredTotals,
    StoredWorksheet,
]
_AT_ONCE = 100


def stored_models() -> list[type[StoredDocument]]:
    """The model of each kind of document."""
    return _MODELS


def all_stored_models() -> set[type[StoredDocument]]:
    """What `stored_models` has to name: every model of a document that has been imported."""
    found = set(_subclasses(StoredDocument)) - {Subject}
    return {model for model in found if model.__module__.startswith("shared.")}


def parts_of(model: type[BaseModel]) -> set[type[BaseModel]]:
    """A model, and every model that it holds."""
    found = {model}
    for field in model.model_fields.values():
        for inner in _models_in(field.annotation):
            found |= parts_of(inner)
    return found


@cache
def kept(release: str, name: str) -> Any:
    """A file that is kept of a release."""
    return json.loads((_HERE / release / f"{name}.json").read_text())


def documents(release: str) -> list[dict[str, Any]]:
    """The path and data of each document of a release, times as times; newly made each time."""
    return [_timed(document) for document in kept(release, "documents")]


def restore(store: DocumentStore, found: list[dict[str, Any]]) -> None:
    """Writes documents into an empty store."""
    for start in range(0, len(found), _AT_ONCE):
        part = found[start : start + _AT_ONCE]
        store.commit([Create(document["path"], document["data"]) for document in part])


def _timed(value: Any) -> Any:
    match value:
        case {"$time": text}:
            return datetime.fromisoformat(text)
        case dict():
            return {name: _timed(item) for name, item in value.items()}
        case list():
            return [_timed(item) for item in value]
    return value


def _subclasses(model: type[StoredDocument]) -> Iterator[type[StoredDocument]]:
    for inner in model.__subclasses__():
        yield inner
        yield from _subclasses(inner)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if get_origin(annotation) is None:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield annotation
        return
    for inner in get_args(annotation):
        yield from _models_in(inner)
