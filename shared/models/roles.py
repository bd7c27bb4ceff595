"""Roles, and who did something."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from shared.models.base import Model


class Role(StrEnum):
    """What a caller may do; `rules/callers.py` orders them."""

    VIEWER = "viewer"
    VERIFIER = "verifier"
    PILOT = "pilot"
    ADMIN = "admin"
    AGENT = "agent"
    SCHEDULER = "scheduler"


class Actor(Model):
    """Who did it, as the token said at the time."""

    subject: str
    email: str | None
    type: Literal["user", "service", "system"]
    role: Role

    @property
    def name(self) -> str:
        """How people know them: the proven email address, else the subject."""
        return self.email or self.subject
