"""Scheduled functions: what they are asked, and what they answer."""

from __future__ import annotations

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
