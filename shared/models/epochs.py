"""A new epoch of a tenant's log: a new name, under which it goes on after a fork."""

from __future__ import annotations

from shared.models.base import Model


class LogEpoch(Model):
    """An epoch of a log. Checkpoints of different epochs are not promised to fit each other."""

    epoch: int
    """The number of the epoch, from 1 on."""
    origin: str
    """The name of the log in this epoch, which its checkpoints and its keys have."""
    former_origin: str
    """The name that it had in the epoch before."""
    former_size: int
    """How many entries it had when the epoch was started. They are also the first of the new one.
    """
    former_root: str
    """The root of its tree then, in hex."""
    refused: str | None
    """Why nothing was appended in the epoch before; null where nothing was wrong."""
