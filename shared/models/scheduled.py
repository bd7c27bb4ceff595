"""Scheduled functions: what they are asked, what they answer, what a tenant's purge leaves."""

from __future__ import annotations

from shared.models.base import Model


class SweepQuery(Model):
    """With `dryRun` nothing is changed; the answer says what would be."""

    dry_run: bool = False


class Sweep(Model):
    """What one run did: documents looked at, changed, failed to change, and left as they are.

    `complete` is false where the time was over before all that was due was looked at: the next run
    goes on.
    """

    examined: int
    changed: int
    failed: int
    skipped: int
    complete: bool
    duration_ms: int
