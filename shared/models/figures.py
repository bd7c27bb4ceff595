"""Figures about a period: what is open, what was closed in time, what was decided and how fast."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from shared.models.base import OMITTED, Id, Model, Time
from shared.models.case import Status
from shared.models.intervention import Day, PilotMetrics, Priority

By = Literal["day", "decisionType", "agent", "tool", "pilot"]


class FiguresQuery(Model):
    """The period, at most 366 whole days in UTC, which cases count, and what rows there are."""

    since: Time | None = None
    """The beginning of the period, which begins with the day of this time. Without it the period is
    the 28 days before its end.
    """
    until: Time | None = None
    """The end of the period, which is not in it; a day that is only partly before it counts as a
    whole. Without it the period ends with today, in UTC.
    """
    decision_type: Id | None = None
    """Only cases of this type of decision. Interventions have none: their figures are of all."""
    by: By | None = None
    """Also rows: one for each day, for each type of decision, for each agent by which interventions
    were asked, for each tool that their actions call, or for each person who decided. Rows by
    `pilot` are for pilots, admins and auditors, unless the setting `personFigures` is off.
    """


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
    """Half of them took no longer than this, in seconds; null where nothing was decided. It is at
    most 11 % off, as are all medians and percentiles of figures.
    """
    percentile90_seconds: Annotated[float | None, Field(alias="percentile90Seconds")]
    """Nine in ten of them took no longer than this, in seconds; null where nothing was decided."""


class Sampled(Model):
    """How many rows the figures are about that earlier releases found from the last 300 only."""

    closed: int
    """How many cases were closed in the period. Where a type of decision is asked for, those of
    other types are among them.
    """
    decided: int
    """How many decisions `timeToDecide` and `pilots` are about: all of the period."""


class CaseCounts(Model):
    """What happened to cases: on a day, or to those of a type in the period."""

    created: int
    """How many were opened."""
    closed_in_time: int
    """How many were closed that were done, which is approved or closed, by their due date, or had
    none.
    """
    closed_late: int
    """How many were closed that were done after their due date."""
    median_seconds: float | None
    """Half of those that were closed took no longer than this from being opened, in seconds; null
    where none was.
    """
    percentile90_seconds: Annotated[float | None, Field(alias="percentile90Seconds")]
    """Nine in ten of those that were closed took no longer than this, in seconds; null where none
    was.
    """


class InterventionCounts(Model):
    """What happened to interventions: on a day, to those of an agent or a tool, or by a person."""

    created: int | None = OMITTED
    """How many were created. Not by person or tool."""
    decided: int
    """How many were decided."""
    approved: int
    """How many of these were approved as they were asked."""
    edited: int
    """How many of these were approved with changes."""
    rejected: int
    """How many of these were rejected."""
    answered: int
    """How many of these were answered with `respond`, instead of an approval or a rejection."""
    expired: int | None = OMITTED
    """How many expired. Not by person: what expires was decided by nobody."""
    withdrawn: int | None = OMITTED
    """How many were withdrawn. Not by person."""
    lapsed: int | None = OMITTED
    """How many approvals lapsed: an agent tried to start the action when it was too late. They are
    also among those that were approved or edited. Not by person.
    """
    median_seconds: float | None = OMITTED
    """Half of the decisions took no longer than this, in seconds. Only by day, where there are
    decisions.
    """
    percentile90_seconds: Annotated[float | None, Field(alias="percentile90Seconds")] = OMITTED
    """Nine in ten of the decisions took no longer than this, in seconds. Only by day, where there
    are decisions.
    """


class FiguresRow(Model):
    """One row of figures, by what was asked for."""

    key: str | None
    """The day, the type of decision, the tool, or the subject of the agent or the person. Null in
    the last row, of all others together: where there are more than 100, or where people asked whose
    figures are not shown to the caller.
    """
    name: str | None
    """What to show for it; for a person the name in the directory. Null for a person who is not
    there, because their data was erased, and in the row of all others.
    """
    cases: CaseCounts | None = OMITTED
    """Cases. Only by day and by type of decision."""
    interventions: InterventionCounts | None = OMITTED
    """Interventions. Only by day, by agent, by tool and by person."""


class Figures(Model):
    """Figures about the cases and the interventions of a period."""

    since: datetime
    """The beginning of the period."""
    until: datetime
    """The end of the period, which is not in it."""
    as_of: datetime
    """Up to when the period is counted; see the answer of `GET /v1/cases:stats`. What is open and
    overdue is counted now.
    """
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
    median_seconds_to_decide: float | None
    """Half of all decisions of the period took no longer than this, in seconds; null where nothing
    was decided.
    """
    pilots: list[PilotMetrics]
    """The ten who decided most in the period. Empty where `personFigures` is false."""
    person_figures: bool
    """Whether figures of single people are shown to the caller: to pilots, admins and auditors,
    unless the setting `personFigures` is off.
    """
    sampled: Sampled
    """How many rows `closed`, `timeToDecide` and `pilots` are about."""
    rows: list[FiguresRow] | None = OMITTED
    """By day in the order of the days; otherwise the largest first. Only where `by` is given."""
