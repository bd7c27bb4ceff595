"""Exports of the audit trail: which part of it is asked for."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.models.base import Model

MAX_EVENTS = 10_000
"""How many events one request exports at most."""

_MAX_INDEX = 2**53 - 1


class ExportQuery(Model):
    """Which entries of the tenant's log to export, by their index from 0.

    It ends earlier where one answer would get more than 10,000 events, or 24 MiB; its last line
    says where to go on.
    """

    start: Annotated[int, Field(ge=0, le=_MAX_INDEX)] = 0
    """The index of the first entry; at most the size of the log."""
    end: Annotated[int, Field(ge=0, le=_MAX_INDEX)] | None = None
    """The index after the last entry; without it, or beyond the log, the size of the log."""
