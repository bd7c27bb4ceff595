"""Whether what is stored of a subject is what its trail says.

A chain proves what its events say. This compares the documents that the API shows with it: the
subject's own, and of a case those below it and its runs (`integrity_parts.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import ValidationError

from shared.documents.port import Aggregation, Document, DocumentStore, Filter, Order, Query
from shared.ledger.kinds.cases import CASES
from shared.ledger.kinds.interventions import INTERVENTIONS
from shared.ledger.kinds.keys import KEYS
from shared.ledger.kinds.tenants import TENANT
from shared.ledger.kinds.webhooks import WEBHOOKS
from shared.ledger.kinds.worksheets import WORKSHEETS
from shared.ledger.subjects import Kind, tenant_of, told, told_as
from shared.models.audit import BrokenLink
from shared.models.case import RecordRef, StoredCase
from shared.models.events import Event
from shared.models.intervention import OPEN, StoredIntervention
from shared.models.subjects import Subject
from shared.repository import integrity_parts
from shared.rules import asking, replay_fields
from shared.rules import cases as case_rules
from shared.rules.replay import Replay, Said, differs, same
from shared.rules.replay_parts import Parts

UNREADABLE = "the document cannot be read"
_NOT_UNDERSTOOD = "what this event says of its subject cannot be read"
_KINDS: dict[str, Kind[Any]] = {
    kind.collection or "tenant": kind
    for kind in (CASES, INTERVENTIONS, WORKSHEETS, KEYS, WEBHOOKS, TENANT)
}
_KEYS = {
    "assigneeKey": ("assignedTo", "assignedToSubject"),
    "deciderKey": ("decidedBy", "decidedBySubject"),
}
"""What queries find people by, and the fields that each is made of."""


class Trail:
    """The events of one subject as far as they were taken, newest first, and what they say."""

    def __init__(self, subject: str) -> None:
        collection, _, self._name = subject.partition("/")
        self._kind = _KINDS[collection]
        self.replay = Replay()
        self._parts = Parts()
        self._not_understood: BrokenLink | None = None

    def take(self, event: Event) -> None:
        """Takes the next older event, whose hash holds."""
        try:
            self.replay.take(event)
            self._parts.take(event, self.replay)
        except (AttributeError, KeyError, TypeError, ValueError):
            self._not_understood = BrokenLink(sequence=event.sequence, problem=_NOT_UNDERSTOOD)

    def contradiction(self) -> BrokenLink | None:
        """The first event that contradicts the events before it, or that cannot be understood."""
        return first_of(
            (self._not_understood, self.replay.contradiction, self._parts.contradiction)
        )

    def otherwise(self, store: DocumentStore, document: Document) -> BrokenLink | None:
        """The first event that says otherwise than what is stored; None where all agrees."""
        newest = self.replay.newest.sequence if self.replay.newest else 0
        try:
            state = self._kind.model.read(document.data)
            for name in self._kind.json:
                told_as(self._kind, name, document.data.get(name))
        except ValidationError as error:
            place = error.errors()[0]["loc"]
            field = str(place[0]) if place else None
            return BrokenLink(sequence=newest, problem=UNREADABLE, field=field)
        except ValueError:
            return BrokenLink(sequence=newest, problem=UNREADABLE, field=name)
        found = list(self._own(state))
        if isinstance(state, StoredCase):
            self._parts.settle(self.replay)
            found += integrity_parts.differences(store, document, state, self._parts)
            found += self._open_interventions(store, document, state, newest)
        # What follows from a field that was changed differs, too: the field itself is named.
        return first_of(found) or first_of(self._derived(document, state))

    def _own(self, state: Subject) -> Iterator[BrokenLink]:
        """What differs in the subject's own document."""
        actual = state.model_dump(mode="json", by_alias=True) | told(self._kind, state)
        if isinstance(state, StoredCase):
            # Without what another release may keep beside it.
            known = set(RecordRef.model_fields)
            actual["records"] = {
                kind: ref.model_dump(include=known) for kind, ref in state.records.items()
            }
        for name, said in (self._listed(state) | self._others(state)).items():
            if not said.allows(actual.get(name)):
                yield differs(said.sequence, name)

    def _listed(self, state: Subject) -> dict[str, Said]:
        """What is said of the fields that events list; what no event names is as it was at first.

        That is null, or what a document has that was stored before the field was known.
        """
        oldest = self.replay.oldest.sequence if self.replay.oldest else 0
        first: dict[str, Any] = {}
        if self._kind.absent:
            first = told(self._kind, self._kind.absent(self._name, state.updated_at))
        else:
            for name, one in self._kind.model.model_fields.items():
                if not one.is_required():
                    first[one.alias or name] = one.get_default(call_default_factory=True)
        return {
            name: self.replay.fields.get(name) or Said(oldest, [None, first.get(name)])
            for name in told(self._kind, state)
        }

    def _others(self, state: Subject) -> dict[str, Said]:
        match state:
            case StoredCase():
                return replay_fields.of_case(self.replay, self._parts)
            case StoredIntervention():
                return replay_fields.of_intervention(self.replay)
        if self._kind is WORKSHEETS:
            return replay_fields.of_worksheet(self.replay, self._name)
        if self._kind is KEYS:
            return replay_fields.of_key(self.replay)
        return replay_fields.of_tenant(self.replay)

    def _derived(self, document: Document, state: Subject) -> Iterator[BrokenLink]:
        """What differs from that which follows from other fields of the document."""
        salted = self.replay.oldest is not None and self.replay.oldest.salted
        made = state.to_data(document.data)
        for name, parts in _KEYS.items():
            expected = name in made and (name in document.data or salted)
            if expected and not same(document.data.get(name), made[name]):
                yield differs(self._changed(*parts), name)
        match state:
            case StoredCase():
                clock = case_rules.clock_due(state)
                if state.clock_due_at not in (clock, clock if salted else None):
                    yield differs(self._changed("status", "dueAt"), "clockDueAt")
                if state.waiting is not bool(state.open_interventions):
                    yield differs(state.head.sequence, "waiting")
            case StoredIntervention():
                if state.priority_rank != asking.RANKS[state.priority]:
                    yield differs(self._changed("priority"), "priorityRank")

    def _changed(self, *names: str) -> int:
        """The sequence of the newest event that changed one of these, or else of the first one."""
        changed = [stamp.sequence for name in names if (stamp := self.replay.changed.get(name))]
        oldest = self.replay.oldest.sequence if self.replay.oldest else 0
        return max(changed, default=oldest)

    def _open_interventions(
        self, store: DocumentStore, document: Document, case: StoredCase, newest: int
    ) -> Iterator[BrokenLink]:
        """Whether a case counts as many open interventions as there are."""
        if case.open_interventions is None:
            return
        about = (Filter("caseId", "==", document.id), Filter("status", "in", list(OPEN)))
        # In the order of the lists, so that their index serves.
        order = (Order("createdAt", descending=True),)
        query = Query(f"tenants/{tenant_of(document.path)}/interventions", about, order)
        (total,) = store.aggregate([Aggregation(query)])
        if total.count != case.open_interventions:
            yield differs(newest, "openInterventions")


def first_of(found: Iterable[BrokenLink | None]) -> BrokenLink | None:
    """That which is broken first; None where nothing is."""
    return min(filter(None, found), key=lambda one: one.sequence, default=None)
