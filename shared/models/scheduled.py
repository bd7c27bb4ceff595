"""Scheduled functions: what they are asked, and what they answer."""

from __future__ import annotations

from datetime import datetime

from shared.models.base import Model


class SweepQuery(Model):
    """With `dryRun` nothing is changed; the answer says what would be."""

    dry_run: bool = False
    """With `true` nothing is changed; the answer says what would be."""


class Sweep(Model):
    """What one run did: documents looked at, changed, failed to change, and left as they are.

    `complete` is false where the run had no time left before it had looked at all that was due: the
    next run goes on from there.
    """

    examined: int
    """How many documents were looked at."""
    changed: int
    """How many were changed."""
    failed: int
    """How many could not be changed; the next run tries again."""
    skipped: int
    """How many were left as they are, because nothing was to be done."""
    complete: bool
    """Whether all that was due was looked at; if not, the next run goes on."""
    duration_ms: int
    """How long the run took, in milliseconds."""


class LastRun(Model):
    """What a scheduled function last did, for all tenants together."""

    started_at: datetime
    """When it began."""
    complete: bool
    """Whether all that was due was looked at; if not, the next run went on."""
    done: int
    """How many documents it changed."""
    failed: int
    """How many it could not change; the next run tries again."""


class ScheduledRun(Model):
    """A scheduled function: when it runs, and what it last did."""

    name: str
    """The function, as the end of its path."""
    cron: str
    """Its times, in UTC, as cron writes them."""
    last: LastRun | None
    """Its last run that changed something, of the last two days; null where there was none."""


class ScheduledRuns(Model):
    """What runs automatically."""

    runs: list[ScheduledRun]
    """One for each scheduled function."""
