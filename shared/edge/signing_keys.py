"""The keys that an issuer publishes (RFC 7517), fetched seldom and kept through its outages."""

from __future__ import annotations

import time
from typing import Any

import jwt

KEPT_SECONDS = 600
"""How long keys are taken as they are; a key id that is unknown is asked for in between."""
ASKED_SECONDS = 30
"""How often at the most unknown key ids make us ask."""
_WITHOUT_KEYS_SECONDS = 1
"""How long it is not asked again that has never given keys; each time twice as long, up to
`ASKED_SECONDS`. Strangers may name it in their tokens, and all threads would wait for it together.
"""
_FETCH_SECONDS = 2


class OutOfReachError(Exception):
    """The issuer cannot be asked, and never could."""


class Keys(jwt.PyJWKClient):
    """An issuer's keys: while it cannot be asked, those that it gave last."""

    def __init__(self, url: str) -> None:
        super().__init__(
            url, lifespan=KEPT_SECONDS, cooldown_duration=ASKED_SECONDS, timeout=_FETCH_SECONDS
        )
        self._last: Any = None
        self._not_before = 0.0
        self._pause = _WITHOUT_KEYS_SECONDS

    def fetch_data(self) -> Any:
        """The key set. Raises OutOfReachError where none was ever fetched."""
        cause = None
        if time.monotonic() >= self._not_before:
            try:
                self._last = super().fetch_data()
            except (jwt.PyJWTError, OSError, ValueError, RecursionError) as error:
                # No response, or one without keys. Callers wait for one fetch; they do not each
                # start their own.
                pause = self._pause if self._last is None else ASKED_SECONDS
                self._pause = min(2 * pause, ASKED_SECONDS)
                self._not_before = time.monotonic() + pause
                cause = error
        if self._last is None:
            raise OutOfReachError from cause
        return self._last
