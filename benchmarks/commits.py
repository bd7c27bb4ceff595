"""What the functions commit, made by the repository's own code."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

from benchmarks.server import TENANT
from shared.documents.port import Create, Document, DocumentStore, Query, Update, Write
from shared.documents.values import MAX_COMMIT_BYTES
from shared.ledger.directory import Directory
from shared.ledger.ledger import Ledger
from shared.ledger.listeners import Listeners
from shared.ledger.origin import Origin
from shared.models.case import CasePatch, NewCase
from shared.models.roles import Actor, Role
from shared.models.settings import Settings
from shared.repository import cases
from shared.rules.callers import Caller

COLLECTION = f"tenants/{TENANT}/cases"


def case_id(number: int) -> str:
    """The id of the `number`th case."""
    return f"CASE-{number:06d}"


def new_case(number: int) -> dict[str, str]:
    """The body that opens the `number`th case."""
    return {
        "id": case_id(number),
        "decisionType": "csf_practitioner",
        "title": "A device review",
    }


def assignment(number: int) -> dict[str, str]:
    """The body of the `number`th assignment of a case."""
    return {"assignedTo": f"person-{number}@example.com"}


def open_case(store: DocumentStore, number: int, now: datetime | None = None) -> None:
    """Opens a case in a store, as `create_case` does."""
    body = NewCase.model_validate(new_case(number), by_alias=True)
    cases.create(_ledger(store, "create_case", now), body, Settings())


def assign(store: DocumentStore, number: int, to: int) -> None:
    """Assigns a case in a store, as `update_case` does."""
    body = CasePatch.model_validate(assignment(to), by_alias=True)
    caller = Caller("bench", "bench@example.com", TENANT, Role.ADMIN)
    cases.update(_ledger(store, "update_case", None), caller, case_id(number), body)


def opening(number: int, now: datetime) -> list[Create]:
    """The writes that open a case."""
    catcher = _Catcher(None)
    open_case(cast(DocumentStore, catcher), number, now)
    return cast(list[Create], list(catcher.writes))


def assigning(number: int, document: Document, to: int) -> tuple[Query, Update, Create]:
    """What assigns a case whose document this is: who that is, and the writes."""
    catcher = _Catcher(document)
    assign(cast(DocumentStore, catcher), number, to)
    update, event = catcher.writes
    (person,) = catcher.queries
    return person, cast(Update, update), cast(Create, event)


class _Catcher:
    """Stands for a store with one document, and keeps what it is asked and what is committed."""

    max_commit_bytes = MAX_COMMIT_BYTES

    def __init__(self, document: Document | None) -> None:
        self._document = document
        self.writes: Sequence[Write] = ()
        self.queries: list[Query] = []

    def get(self, _: str) -> Any:
        return self._document

    def query(self, query: Query) -> list[Document]:
        self.queries.append(query)
        return []

    def commit(self, writes: Sequence[Write]) -> None:
        self.writes = writes


def _ledger(store: DocumentStore, operation: str, now: datetime | None) -> Ledger:
    actor = Actor(subject="bench", email="bench@example.com", type="user", role=Role.ADMIN)
    origin = Origin(TENANT, actor, "system", operation, uuid.uuid4().hex)
    at = now or datetime.now(UTC)
    # An instance that has seen this person today writes nothing of them.
    directory = Directory()
    directory.keep(TENANT, actor, at)
    listeners = Listeners()
    listeners.keep(TENANT, {}, at)
    return Ledger(store, origin, lambda: at, directory, listeners)
