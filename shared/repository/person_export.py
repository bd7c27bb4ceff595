"""What is kept of a person: their events, and what names them, one part after the other.

A person is named by their subject, and by the address that the directory has. What they did under
another address is in their events, which are found by their subject.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from shared.documents.port import Document, DocumentStore, Filter, Order, Query
from shared.errors import InvalidArgument
from shared.ledger import directory, events
from shared.models.base import Unreadable
from shared.models.names import person_key
from shared.models.person import StoredPerson
from shared.models.person_export import PARTS, PersonExport, PersonExportQuery, PersonKept
from shared.models.worksheet import StoredWorksheet, Worksheet
from shared.repository import erasure, views
from shared.repository.paging import page
from shared.repository.reading import readable
from shared.rules import cases as case_rules
from shared.rules import intervention_rows
from shared.rules.callers import Caller

_NEWEST = (Order("createdAt", descending=True),)
_TEXTS = {"problem_statement", "fsr_notes"}


class _Part(NamedTuple):
    query: Query
    shown: Callable[[Document], Any]
    accept: Callable[[Document], bool] | None = None


def export(
    store: DocumentStore, caller: Caller, subject: str, wanted: PersonExportQuery, now: datetime
) -> PersonExport:
    """A page of what is kept of the person with this subject.

    Parts that are empty are passed over, for a read each. Raises InvalidArgument for a bad token.
    """
    tenant, own = caller.tenant, caller.subject == subject
    number, token = _place(wanted.page_token)
    entry, saved = store.get_many([directory.path(tenant, subject), views.path(tenant, subject)])
    person, bad = readable([entry] if entry else [], _person)
    names = {subject} | {one.email for one in person if one.email is not None}
    parts = _parts(tenant, subject, sorted(names), now, own=own)
    while True:
        part = parts[number]
        asked = wanted.model_copy(update={"page_token": token})
        rows, token = page(store, part.query, asked, accept=part.accept)
        following = f"{number}.{token}" if token else f"{number + 1}." if _more(number) else None
        if rows or following is None:
            break
        number, token = (number, token) if token else (number + 1, None)
    items, unreadable = readable(rows, part.shown)
    unread: list[Unreadable] = [*(bad or ()), *(unreadable or ())]
    return PersonExport(
        person=person[0] if person else None,
        views=views.read(saved).views if own else None,
        part=PARTS[number],
        items=items,
        next_page_token=following,
        unreadable=unread or None,
    )


def _more(number: int) -> bool:
    return number + 1 < len(PARTS)


def _place(token: str | None) -> tuple[int, str | None]:
    """The number of a part, and the token of a page in it."""
    if token is None:
        return 0, None
    number, point, inner = token.partition(".")
    if not point or number not in map(str, range(len(PARTS))):
        raise InvalidArgument.field("pageToken", "is not a token of this list with these filters")
    return int(number), inner or None


def _parts(
    tenant: str, subject: str, names: list[str], now: datetime, *, own: bool
) -> tuple[_Part, ...]:
    """The parts, in the order of their names."""
    root = f"tenants/{tenant}"
    keys = [str(person_key(subject, None)), *(str(person_key(None, name)) for name in names)]
    theirs = Filter("assigneeKey", "in", keys)

    def case(row: Document) -> Any:
        return case_rules.shown_row(row.id, row.data, now)

    def intervention(row: Document) -> Any:
        return intervention_rows.shown_row(row.id, row.data, now)

    def created(row: Document) -> bool:
        # An address may have been another's.
        return row.data.get("createdBySubject") in (None, subject)

    return (
        _Part(erasure.acts_of(tenant, subject), events.content),
        _Part(Query(f"{root}/cases", (theirs,), _NEWEST), case),
        _Part(Query(f"{root}/cases", (Filter("createdBy", "in", names),), _NEWEST), case, created),
        _Part(Query(f"{root}/interventions", (theirs,), _NEWEST), intervention),
        _Part(
            Query(f"{root}/interventions", (Filter("deciderKey", "in", keys),), _NEWEST),
            intervention,
        ),
        _Part(
            Query(
                f"{root}/worksheets",
                (Filter("userId", "==", subject),),
                (Order("updatedAt", descending=True),),
            ),
            lambda row: _worksheet(row, own=own),
        ),
    )


def _person(row: Document) -> PersonKept:
    stored = StoredPerson.read(row.data)
    names = PersonKept.model_fields.keys() - {"last_seen_on"}
    fields = {name: getattr(stored, name) for name in names}
    return PersonKept(**fields, last_seen_on=stored.last_seen_at.date())


def _worksheet(row: Document, *, own: bool) -> dict[str, Any]:
    stored = StoredWorksheet.read(row.data)
    fields = {name: getattr(stored, name) for name in Worksheet.model_fields}
    shown = Worksheet(**fields)
    return shown.model_dump(mode="json", by_alias=True, exclude=set() if own else _TEXTS)
