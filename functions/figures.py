"""Figures about the cases and interventions of a period."""

from __future__ import annotations

from shared.edge.function import Call, function
from shared.errors import PermissionDenied
from shared.models.figures import Figures, FiguresQuery
from shared.repository import figures
from shared.rules.callers import READERS

_NOT_SHOWN = (
    "figures of single people are shown to pilots, admins and auditors, unless the setting "
    "personFigures is off"
)


@function("GET", "/figures", roles=READERS, expensive=True)
def get_figures(call: Call, query: FiguresQuery) -> Figures:
    """Counts what is open and overdue now, and what was closed, asked and decided in a period.

    The period is at most 366 whole days in UTC; by default the last 28. `by` adds rows: by day, by
    type of decision, by the agent who asked, by the tool of the action, or by the person who
    decided. Figures of single people are shown to pilots, admins and auditors, unless the setting
    `personFigures` is off; others get 403 for rows by person.
    """
    of_people = call.sees_people
    if query.by == "pilot" and not of_people:
        raise PermissionDenied(_NOT_SHOWN)
    return figures.figures(call.store, call.tenant, query, call.now, of_people=of_people)
