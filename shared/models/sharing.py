"""Collaborators of a case, and legal holds on it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from shared.models.base import Model
from shared.models.stored import Kept

Permission = Literal["read", "write", "admin"]


class PermissionGiven(Model):
    """What a collaborator may do with others' worksheets on a case; `admin` also names others."""

    permission: Permission


class Hold(Model):
    """A legal hold: while one is on a case, nothing of the case is deleted."""

    id: str
    reason: str
    placed_at: datetime
    placed_by: str
    placed_by_subject: str | None = None
    """The token's subject of who placed it; null where it is not known."""


class StoredHold(Hold, Kept):
    """A legal hold as it is stored on its case."""
