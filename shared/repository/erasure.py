"""Taking values out of events: nothing else in this project changes an event once it is recorded.

An event keeps its hash, which covers the digest of what is erased (`shared/rules/disclosures.py`).
It is changed only if it is still as it was read. What is about a case is erased on the condition
that the case is as it was read too, so that no legal hold is missed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from shared.documents.port import (
    Aggregation,
    Document,
    DocumentStore,
    Filter,
    Order,
    Query,
    Update,
    Write,
)
from shared.documents.values import MAX_WRITES, commit_bytes
from shared.ledger import events
from shared.ledger.kinds.cases import CASES
from shared.ledger.subjects import DELETED_AT, unchanged
from shared.rules.disclosures import Content, salted

PAGE = 100
"""How many events are looked at, and changed, at once."""

Choose = Callable[[Content], list[str]]
"""The pointers of the values of an event that are to be erased, of those that can be."""


class Erased(NamedTuple):
    """An event from which values are to be taken: the write, how many they are, and the case."""

    write: Update
    values: int
    case_id: str | None


class Looked(NamedTuple):
    """What is to be done with a page of events, and how many have such data and have to keep it."""

    erased: list[Erased]
    kept: int

    @property
    def values(self) -> int:
        """How many values are to be erased."""
        return sum(one.values for one in self.erased)


def look(rows: Iterable[Document], choose: Choose, by: str) -> Looked:
    """The writes that erase what `choose` names; `by` is the event that records it."""
    found: list[Erased] = []
    kept = 0
    for row in rows:
        try:
            content = events.content(row)
            pointers = choose(content)
            fields = events.erased(row, pointers, by) if pointers else {}
        except ValueError:
            kept += 1
            continue
        if fields:
            write = Update(row.path, fields, version=row.version)
            found.append(Erased(write, len(pointers), case_of(row)))
        # The hash of an event of the first format covers all of it.
        elif "disclosures" not in content:
            kept += bool(choose({**content, "disclosures": salted(content, str)}))
    return Looked(found, kept)


def case_of(event: Document) -> str | None:
    """The id of the case that an event is about; a worksheet's own event does not name it."""
    kind, _, name = str(event.data.get("subject")).partition("/")
    case_id = name.partition(":")[0] if kind == "worksheets" else event.data.get("caseId")
    return case_id if isinstance(case_id, str) else None


def cases_of(
    store: DocumentStore, tenant: str, case_ids: Iterable[str | None]
) -> dict[str, Document | None]:
    """The documents of the cases that events are about, by id, in one round trip."""
    ids = sorted({case_id for case_id in case_ids if case_id is not None})
    found = store.get_many([CASES.path(tenant, case_id) for case_id in ids]) if ids else []
    return dict(zip(ids, found, strict=True))


def is_held(case: Document | None) -> bool:
    """Whether a case is under a legal hold. No model is needed, so it may be unreadable."""
    return case is not None and bool(case.data.get("legalHold"))


def guards(cases: Iterable[Document | None]) -> list[Write]:
    """The conditions that cases stay as they were read. Nothing can be held that is deleted."""
    return [unchanged(case) for case in cases if case and DELETED_AT not in case.data]


def fits(store: DocumentStore, writes: Sequence[Write]) -> bool:
    """Whether one commit has room for the writes."""
    return len(writes) <= MAX_WRITES and commit_bytes(writes) <= store.max_commit_bytes


def of_subject(tenant: str, subject: str) -> tuple[Query, ...]:
    """The queries for all events about a subject: of a case also those of what belongs to it."""
    kind, _, name = subject.partition("/")
    if kind != "cases":
        return (chain_of(tenant, subject),)
    about = (Filter("caseId", "==", name),)
    # Its worksheets, whose events do not name it.
    sheets = (
        Filter("subject", ">=", f"worksheets/{name}:"),
        Filter("subject", "<", f"worksheets/{name};"),
    )
    return (
        Query(_trail(tenant), about, (Order("createdAt", descending=True),)),
        Query(_trail(tenant), sheets, (Order("subject"), Order("sequence", descending=True))),
    )


def count(store: DocumentStore, queries: Iterable[Query]) -> int:
    """How many events the queries find, in one round trip."""
    return sum(found.count for found in store.aggregate(list(map(Aggregation, queries))))


def chain_of(tenant: str, subject: str) -> Query:
    """The query for the events on a subject's own chain, newest first."""
    of_it = (Filter("subject", "==", subject),)
    return Query(_trail(tenant), of_it, (Order("sequence", descending=True),))


def of_person(tenant: str, person: str) -> tuple[Query, ...]:
    """The queries for a person's own events, which tell their names, and then for all events."""
    return acts_of(tenant, person), all_events(tenant)


def acts_of(tenant: str, person: str) -> Query:
    """The query for the events of which a person is the actor, newest first."""
    own = (Filter("actor.subject", "==", person),)
    return Query(_trail(tenant), own, (Order("createdAt", descending=True),))


def all_events(tenant: str) -> Query:
    """The query for all events of a tenant, oldest first."""
    return Query(_trail(tenant), (), (Order("createdAt"),))


def until(query: Query, time: datetime) -> Query:
    """The query without what was recorded after a time, where it sorts by that."""
    if query.order[0].field != "createdAt":
        return query
    return replace(query, filters=(*query.filters, Filter("createdAt", "<=", time)))


def recorded_by(rows: Iterable[Document], time: datetime) -> list[Document]:
    """The events that were recorded at a time or before, or whose time is unreadable."""
    return [row for row in rows if not _is_after(row.data.get("createdAt"), time)]


def _is_after(created_at: object, time: datetime) -> bool:
    return isinstance(created_at, datetime) and created_at > time


def _trail(tenant: str) -> str:
    return f"tenants/{tenant}/audit"
