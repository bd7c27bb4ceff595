"""What the system says of itself."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import RootModel

from shared.models.base import Model


class Health(Model):
    """That the service works, and on which store."""

    status: Literal["ok"]
    """`ok`; a service that is not answers 503."""
    store: Literal["sqlite", "emulator", "firestore"]
    """Which store is in use."""


class OpenApi(RootModel[dict[str, Any]]):
    """An OpenAPI 3.1 document."""

    versioned: ClassVar[bool] = True
