"""What the claims of a token say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def pool_of(claims: Mapping[str, Any]) -> str | None:
    """The tenant in Identity Platform that a Firebase token names, if it names one."""
    firebase = claims.get("firebase")
    pool = firebase.get("tenant") if isinstance(firebase, Mapping) else None
    return pool if isinstance(pool, str) else None
