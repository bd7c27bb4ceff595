"""The keys that an issuer publishes (RFC 7517), fetched seldom and kept through its outages."""

from __future__ import annotations

import json
from typing import Any

import jwt

KEPT_SECONDS = 600
"""How long keys are taken as they are; a key id that is unknown is asked for in between."""
ASKED_SECONDS = 30
"""How often at the most unknown key ids make us ask."""
OUT_OF_REACH = (jwt.PyJWKClientConnectionError, jwt.PyJWKSetError, json.JSONDecodeError)
_FETCH_SECONDS = 2


class Keys(jwt.PyJWKClient):
    """An issuer's keys: while it cannot be asked, those that it gave last."""

    def __init__(self, url: str) -> None:
        super().__init__(
            url, lifespan=KEPT_SECONDS, cooldown_duration=ASKED_SECONDS, timeout=_FETCH_SECONDS
        )
        self._last: Any = None

    def fetch_data(self) -> Any:
        """The key set. Raises one of OUT_OF_REACH where none was ever fetched."""
        try:
            self._last = super().fetch_data()
        except OUT_OF_REACH:
            if self._last is None:
                raise
        return self._last
