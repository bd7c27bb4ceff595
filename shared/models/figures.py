"""Figures about a period: what is open, what was closed in time, what was decided and how fast."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from shared.models.base import Id, Model, Time
from shared.models.case import Status
from shared.models.intervention import Day, PilotMetrics, Priority

LOOKED_AT = 300


class FiguresQuery(Model):
    """The period, at most 366 days, and which cases count."""

    since: Time | None = None
    """The beginning of the period. Without it the period is the 28 days before its end."""
    until: Time | None = None
    """The end of the period, which is not in it. Without it the period ends with today, in UTC."""
    decision_type: Id | None = None
    """Only cases of this type of decision. Interventions have none: their figures are of all."""


class OpenCases(Model):
    """How many cases with one status are open now, by how long ago they were opened."""

    status: Status
    """The status: any but `approved` and `closed`."""
    under1_day: Annotated[int, Field(alias="under1Day")]
    """How many were opened less than a day ago."""
    from1_to3_days: Annotated[int, Field(alias="from1To3Days")]
    """How many were opened a day ago or longer, and less than three days ago."""
    over3_days: Annotated[int, Field(alias="over3Days")]
    """How many were opened three days ago or longer."""


class ClosedCases(Model):
    """How many cases of one type were closed in time, and how many late."""

    decision_type: str
    """The type of decision."""
    in_time: int
    """How many were done, which is approved or closed, by their due date, or had none."""
    late: int
    """How many were done after their due date."""


class TimeToDecide(Model):
    """How long people took to decide what has one priority, from the question to the decision."""

    priority: Priority
    """The priority."""
    decided: int
    """How many decisions this is about."""
    median_seconds: float | None
    """Half of them took no longer than this, in seconds; null where nothing was decided."""
    percentile90_seconds: Annotated[float | None, Field(alias="percentile90Seconds")]
    """Nine in ten of them took no longer than this, in seconds; null where nothing was decided."""


class Sampled(Model):
    """How many rows were looked at for what cannot be counted; at most the last 300 of each."""

    closed: int
    """How many closed cases `closed` is about: those that were closed last. Where a type of
    decision is asked for, those of other types are among them.
    """
    decided: int
    """How many decisions `timeToDecide` and `pilots` are about: the last ones of the period."""


class Figures(Model):
    """Figures about the cases and the interventions of a period."""

    since: datetime
    """The beginning of the period."""
    until: datetime
    """The end of the period, which is not in it."""
    as_of: datetime
    """When this was counted."""
    open: list[OpenCases]
    """The cases that are open now, by status."""
    overdue: int
    """How many cases are overdue now."""
    closed: list[ClosedCases]
    """The cases that were closed in the period, by type of decision."""
    created: int
    """How many interventions were created in the period."""
    decided: int
    """How many interventions were decided in the period."""
    expired: int
    """How many interventions expired in the period."""
    daily: list[Day]
    """What happened to interventions on each day of the period, in UTC."""
    time_to_decide: list[TimeToDecide]
    """How long people took for what was decided in the period, by priority."""
    pilots: list[PilotMetrics]
    """The ten who decided most in the period."""
    sampled: Sampled
    """How many rows `closed`, `timeToDecide` and `pilots` are about."""
