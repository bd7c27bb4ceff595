"""Whether the store is within reach, found out without loading its client."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock
from typing import Literal

from shared.config import Config
from shared.documents.port import DocumentStore
from shared.errors import Unavailable

Kind = Literal["sqlite", "emulator", "firestore"]
REMEMBERED = timedelta(seconds=2)
"""How long an answer is given again, so that strangers who ask often cost the store nothing."""
_SECONDS = 2.0


class StoreHealth:
    """What an instance knows of its store, which `opened` gives."""

    def __init__(
        self, config: Config, clock: Callable[[], datetime], opened: Callable[[], DocumentStore]
    ) -> None:
        self._config = config
        self._clock = clock
        self._opened = opened
        self._asking = Lock()
        self._asked_at: datetime | None = None
        self._found: Kind | None = None

    def store(self) -> Kind:
        """The kind of store in use. Raises Unavailable where it does not answer."""
        with self._asking:
            now = self._clock()
            if not self._asked_at or not timedelta() <= now - self._asked_at < REMEMBERED:
                self._found = self._reachable()
                self._asked_at = now
        if self._found is None:
            raise Unavailable("the store is out of reach")
        return self._found

    def _reachable(self) -> Kind | None:
        config = self._config
        if config.sqlite:
            self._opened().get("tenants/health")
            return "sqlite"
        connection: http.client.HTTPConnection
        if config.emulator:
            connection = http.client.HTTPConnection(config.emulator, timeout=_SECONDS)
        else:
            connection = http.client.HTTPSConnection("firestore.googleapis.com", timeout=_SECONDS)
        try:
            connection.request("GET", "/")
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()
        return "emulator" if config.emulator else "firestore"
