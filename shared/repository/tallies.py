"""Reading what was counted of the trail, up to now.

`figures/totals` and the documents of the days have what was counted of the log
(`shared/sweeps/folding.py`). What is newer is counted in memory: at most TAIL events.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from pydantic import ValidationError
from pydantic_core import from_json

from shared import errors
from shared.documents.port import Document, DocumentStore, Filter, Order, Query
from shared.ledger import events
from shared.ledger.subjects import PURGED_BY, problem_of
from shared.models.events import EventType
from shared.models.tallies import StoredTally, StoredTotals, Tally
from shared.repository import gone
from shared.rules.facts import Facts, Happening, followed, is_telling, told_by
from shared.rules.tally import PURGED, Book, Effect, effects, of_purge, purged

TAIL = 300
"""How many events that are not counted yet a reader counts."""


@dataclass(frozen=True, slots=True)
class Tallies:
    """What was counted of a tenant's trail.

    All events up to `as_of` are in it: that is now, or where more than TAIL events were not counted
    yet, the time of the last of those TAIL. `days` has those asked for, by their dates.
    """

    totals: Tally
    days: dict[date, Tally]
    as_of: datetime
    whole: bool
    """Whether `as_of` is now."""


def totals(store: DocumentStore, tenant: str, now: datetime) -> Tallies:
    """What was counted of all time.

    It costs one read, and one for each event of the tail, or for an empty one.
    """
    raise NotImplementedError


def days(store: DocumentStore, tenant: str, since: date, until: date, now: datetime) -> Tallies:
    """What was counted of each day from one to another, which is not included, and of all time.

    It costs two reads, one for each day, and those of the tail.
    """
    raise NotImplementedError
