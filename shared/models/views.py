"""The views of the queue that a person has saved for themselves."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from shared.models.base import Model, Name

MAX_VIEWS = 50


class ViewToSave(Model):
    """A query to be kept under a name."""

    name: Name
    """What the person calls it."""
    query: Annotated[str, Field(max_length=2_000, pattern=r"^[!-~]*$")]
    """The query string, as it stands in the address: visible ASCII characters."""


class ViewsToSave(Model):
    """All views that a person wants to have, in their order."""

    views: Annotated[list[ViewToSave], Field(max_length=MAX_VIEWS)]
    """The views, at most 50."""


class View(Model):
    """A query under a name."""

    name: str
    """What the person calls it."""
    query: str
    """The query string, as it stands in the address."""


class Views(Model):
    """All views of a person, in the order that they gave them."""

    versioned: ClassVar[bool] = True

    views: list[View]
    """The views."""
