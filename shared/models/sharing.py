"""Collaborators of a case, and legal holds on it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from shared.models.base import Model
from shared.models.stored import Kept

Permission = Literal["read", "write", "admin"]
Sharing = Literal["none", "read", "write"]


class PermissionGiven(Model):
    """What a collaborator may do with others' worksheets on a case; `admin` also names others.

    It is about worksheets that their owners have opened, and goes as far as those are open.
    """

    permission: Permission
    """`read` and `write` are about others' worksheets on the case; `admin` also names other
    collaborators.
    """


class Hold(Model):
    """A legal hold: while one is on a case, nothing of the case is deleted."""

    id: str
    """The hold's id."""
    reason: str
    """Why it was placed."""
    placed_at: datetime
    """When it was placed."""
    placed_by: str
    """Who placed it: an email address, or a subject."""
    placed_by_subject: str | None = None
    """The token's subject of who placed it; null where it is not known."""


class StoredHold(Hold, Kept):
    """A legal hold as it is stored on its case."""
