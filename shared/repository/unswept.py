"""Interventions that have run out and wait for the sweep: figures count them as expired."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from shared.documents.port import DocumentStore
from shared.models.intervention import OPEN, InterventionStatus
from shared.models.stored import Data
from shared.repository.interventions import ran_out
from shared.repository.reading import readable
from shared.repository.tallies import Tallies
from shared.rules.canonical import parsed

_OF_GONE = ("status", "type", "priority", "createdAt", "createdBySubject", "expiresAt")


class Gone(NamedTuple):
    """An intervention that has run out and waits for the sweep: it is shown as expired."""

    status: InterventionStatus
    type: str
    priority: str
    created_at: datetime
    created_by: str
    expires_at: datetime
    tool: str | None


def waiting_for_sweep(store: DocumentStore, tenant: str, now: datetime) -> list[Gone]:
    """What has run out and waits for the sweep, as a rule little or nothing."""
    query = replace(ran_out(tenant, now, *OPEN), select=(*_OF_GONE, "action"))
    found, _ = readable(store.query(query), lambda row: _gone(row.data))
    return found


def _gone(data: Data) -> Gone:
    # Most have no action, and are stored without one.
    action = data.get("action")
    tool = parsed(action)["tool"] if action else None
    return Gone._make([*(data[name] for name in _OF_GONE), tool])


def count_expired(counted: Tallies, gone: Iterable[Gone]) -> None:
    """Counts what has run out as the sweep will, which has not been there yet."""
    for one in gone:
        kind = ("interventions", one.type, one.priority)
        for tally in (counted.totals, counted.days.get(one.created_at.date())):
            # What is newer than what was counted is not among it.
            if tally and tally.sum(*kind, one.status) > 0:
                tally.add((*kind, one.status), -1)
                tally.add((*kind, InterventionStatus.EXPIRED), 1)
        if day := counted.days.get(one.expires_at.date()):
            day.add(("done", one.type, one.priority, "expired"), 1)
            day.add(("agents", one.created_by, "expired"), 1)
            if one.tool:
                day.add(("tools", one.tool, "expired"), 1)
