"""Roles, and who did something."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from shared.models.base import Model


class Role(StrEnum):
    """What a caller may do."""

    VIEWER = "viewer"
    VERIFIER = "verifier"
    PILOT = "pilot"
    ADMIN = "admin"
    AGENT = "agent"
    AUDITOR = "auditor"
    SCHEDULER = "scheduler"


class Actor(Model):
    """Who did it, as the token said at the time.

    Kinds and roles are plain strings when read: a newer release may have more of them.
    """

    model_config = ConfigDict(extra="ignore")

    subject: str
    """The `sub` of the token."""
    email: str | None
    """The email address of the token, where it is verified; otherwise null."""
    type: Annotated[str, Field(examples=["user", "service", "system"])]
    """What kind of caller it is."""
    role: Annotated[str, Field(examples=list(Role))]
    """The role in the token."""

    @property
    def name(self) -> str:
        """How people know them: the proven email address, else the subject."""
        return self.email or self.subject
