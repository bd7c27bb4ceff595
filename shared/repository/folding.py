"""Counts the entries of a tenant's log, each once: what figures are made of.

`figures/totals` says how many entries are counted, and it is changed in every commit, on the
condition that it is as it was read. So what is counted at the same time elsewhere, or was counted
by a commit whose answer was lost, is not counted again. Days are read and written with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from shared.documents.port import Document, DocumentStore, Set
from shared.ledger import events
from shared.ledger.subjects import written
from shared.models.sealed import place_of
from shared.models.tallies import StoredTally
from shared.repository.counting import Counting
from shared.repository.sealed import Log
from shared.repository.tallies import day_path, read_day, read_totals
from shared.rules import chain
from shared.rules.tally import Book, Effect

PAGE = 250
"""How many entries are read from a log at once."""
_DAYS = 40
"""How many days one commit is about."""


class Entry(NamedTuple):
    """An entry of a log: the place of its event, and the event's document.

    None is for an event that is not the one that was sealed, or is gone: it is not counted.
    """

    place: str
    row: Document | None


def entry_of(row: Document) -> Entry:
    """The entry of an event that was sealed just now."""
    return Entry(place_of(row.data["createdAt"], row.id), row)


def entries_of(store: DocumentStore, tenant: str, log: Log, begin: int) -> list[Entry]:
    """Up to PAGE entries of a log from an index on; of events that are as they were sealed."""
    found = list(log.entries(begin, begin + PAGE))
    rows = store.get_many([events.path(tenant, event_id) for _, event_id, _ in found])
    each = zip(found, rows, strict=True)
    return [_checked(tenant, row, entry_hash) for (_, _, entry_hash), row in each]


def fold(
    counting: Counting,
    store: DocumentStore,
    path: str,
    document: Document | None,
    entries: Sequence[Entry],
) -> int:
    """Counts the entries that follow those counted in `document`, at `path`; gives how many it did.

    One commit: what is about too many days is left. Raises a Conflict where the document was
    changed meanwhile, and Unreadable.
    """
    stored, tenant = read_totals(document), path.split("/")[1]
    rows = [entry.row for entry in entries if entry.row]
    effects = iter(counting.effects(rows))
    each = [next(effects) if entry.row else [] for entry in entries]
    taken = list(_of_few_days(each))
    days = sorted({day for some in taken for day, _, _ in some if day})
    names = [day_path(tenant, stored.generation, day) for day in days]
    found = store.get_many(names) if names else []
    tallies = {day: read_day(row) for day, row in zip(days, found, strict=True)}
    book = Book(stored.tally, tallies)
    for some in taken:
        book.take(some)
    after = stored.model_copy(
        update={
            "numbers": book.totals.as_json(),
            "counted": stored.counted + len(taken),
            "until": max(stored.until, *(entry.place for entry in entries[: len(taken)])),
        }
    )
    days_after = (StoredTally(numbers=book.days[day].as_json()) for day in days)
    each_day = zip(names, days_after, strict=True)
    store.commit(
        [written(path, document, after), *(Set(name, one.to_data()) for name, one in each_day)]
    )
    return len(taken)


def _of_few_days(each: Sequence[list[Effect]]) -> Iterator[list[Effect]]:
    """The first of these events, as long as they are about few days together; at least one."""
    days: set[str] = set()
    for effects in each:
        more = {day for day, _, _ in effects if day}
        if days and len(days | more) > _DAYS:
            return
        days |= more
        yield effects


def _checked(tenant: str, row: Document | None, entry_hash: str) -> Entry:
    event = events.valid(row) if row else None
    if row is None or event is None:
        return Entry("", None)
    same = event.hash == entry_hash and chain.holds(tenant, event)
    return Entry(place_of(event.created_at, event.id), row if same else None)
