"""What a legal hold preserves: the former content of all that a change overwrites or removes.

Mutations need no code for this. The ledger sees what a decision takes away from a case under a
hold, reads those documents that were not read yet, and keeps their content in the same commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from pydantic_core import to_json

from shared import errors
from shared.documents.port import Create, Data, Document, Write
from shared.documents.values import MAX_WRITES, commit_bytes
from shared.ledger import deliveries
from shared.ledger.decision import Before, Decision, Former, R
from shared.ledger.kinds.cases import CASES
from shared.ledger.subjects import Kind, S, load, tenant_of
from shared.models.case import StoredCase
from shared.models.events import Event
from shared.models.preserved import StoredPreserved

PRESERVED = "preserved"
"""The collection below a case that has what was preserved."""
TOO_MUCH = "the legal hold preserves what this changes, which is too much at once: change less"


def with_former(
    kind: Kind[S],
    path: str,
    before: Before[S],
    decision: Decision[S, R],
    beside: Callable[[Sequence[str]], list[Document | None]],
) -> Decision[S, R]:
    """The decision, with what it takes away from a case that is under a legal hold.

    `path` is that of the subject; `beside` reads documents. The case's version is a condition of
    the commit, so neither a hold nor a change that comes in between is missed.
    """
    if kind.case_of is None or before.state is None or before.document is None:
        return decision
    name = path.rpartition("/")[2]
    case_path = CASES.path(tenant_of(path), kind.case_of(name))
    own = _former_fields(kind, before.state, decision.state)
    paths = [
        write.path
        for write in decision.writes
        if not isinstance(write, Create) and write.path.startswith(f"{case_path}/")
    ]
    if not (own or paths):
        return decision
    state = before.state
    case = state if isinstance(state, StoredCase) else load(CASES, *beside([case_path]))
    if not (case and case.legal_hold):
        return decision
    former = [Former(case_path, kind.collection, name, own)] if own else []
    former += [
        Former(case_path, document.path.split("/")[-2], document.id, document.data)
        for document in beside(paths)
        if document
    ]
    return replace(decision, preserves=tuple(former))


def preserving(event: Event, former: tuple[Former, ...]) -> Iterator[Write]:
    """The writes that keep what the commit of `event` takes away."""
    for number, one in enumerate(former, 1):
        stored = StoredPreserved(
            collection=one.collection,
            name=one.name,
            content=to_json(one.data).decode(),
            event_id=event.id,
            subject=event.subject,
            sequence=event.sequence,
            preserved_at=event.created_at,
        )
        yield Create(f"{one.case_path}/{PRESERVED}/{event.id}-{number}", stored.to_data())


def require_room(decision: Decision[S, R], writes: list[Write], most_bytes: int) -> None:
    """Raises FailedPrecondition where one commit has no room for what a hold preserves.

    Room for deliveries to webhooks is always left, so that it does not depend on who listens.
    """
    if not decision.preserves:
        return
    own = [write for write in writes if not deliveries.is_delivery(write)]
    size = commit_bytes(own) + deliveries.ROOM_BYTES
    if len(own) + deliveries.ROOM > MAX_WRITES or size > most_bytes:
        raise errors.FailedPrecondition(TOO_MUCH, [{"legalHold": True}])


def _former_fields(kind: Kind[S], old: S, new: S) -> Data:
    """The kept fields of a subject that differ, as they were."""
    fields = kind.model.model_fields
    return {
        fields[name].alias or name: getattr(old, name)
        for name in sorted(kind.kept)
        if getattr(old, name) != getattr(new, name)
    }
