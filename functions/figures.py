"""Figures about the cases and interventions of a period."""

from __future__ import annotations

from shared.edge.function import Call, function
from shared.models.figures import Figures, FiguresQuery
from shared.repository import figures
from shared.rules.callers import READERS


@function("GET", "/figures", roles=READERS, expensive=True)
def get_figures(call: Call, query: FiguresQuery) -> Figures:
    """Counts what is open and overdue now, and what was closed, asked and decided in a period.

    The period is at most 366 days; by default the last 28, in UTC. What cannot be counted (whether
    cases were closed in time, how long decisions took and who made them) is of the last 300 of the
    period: `sampled` says how many they were.
    """
    return figures.figures(call.store, call.tenant, query, call.now)
