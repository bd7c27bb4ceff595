"""Whether the store is within reach, found out without loading its client."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock
from typing import Literal

from shared.config import Config
from shared.documents.port import DocumentStore, Set
from shared.documents.port import Unavailable as OutOfReach
from shared.errors import Unavailable

Kind = Literal["sqlite", "emulator", "firestore"]
REMEMBERED = timedelta(seconds=2)
"""How long an answer is given again, so that strangers who ask often cost the store nothing."""
WRITTEN = timedelta(seconds=10)
"""How often health writes at most, which is what shows a full disk or a read-only file."""
_ROW = "health/written"
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
        self._wrote_at: datetime | None = None
        self._failure: OutOfReach | None = None

    def store(self) -> Kind:
        """The kind of store in use. Raises Unavailable where it takes no reads or writes.

        While one request tries a store that takes its time, the others give the last answer.
        """
        if self._asking.acquire(blocking=self._asked_at is None):
            try:
                self._ask()
            finally:
                self._asking.release()
        if self._failure:
            raise Unavailable("the store is out of reach") from self._failure
        if self._config.sqlite:
            return "sqlite"
        return "emulator" if self._config.emulator else "firestore"

    def _ask(self) -> None:
        now = self._clock()
        if not _since(self._asked_at, now, REMEMBERED):
            self._failure = self._tried(now)
            self._asked_at = self._clock()

    def _tried(self, now: datetime) -> OutOfReach | None:
        """What is wrong with the store."""
        try:
            if self._config.sqlite:
                self._try_file(now)
            else:
                self._try_service()
        except OutOfReach as failure:
            return failure
        return None

    def _try_file(self, now: datetime) -> None:
        if self._failure or not _since(self._wrote_at, now, WRITTEN):
            self._opened().commit([Set(_ROW, {"at": now})])
            self._wrote_at = now
        else:
            self._opened().get(_ROW)

    def _try_service(self) -> None:
        config = self._config
        connection: http.client.HTTPConnection
        if config.emulator:
            connection = http.client.HTTPConnection(config.emulator, timeout=_SECONDS)
        else:
            connection = http.client.HTTPSConnection("firestore.googleapis.com", timeout=_SECONDS)
        try:
            connection.request("GET", "/")
            connection.getresponse().read()
        except (OSError, http.client.HTTPException) as error:
            raise OutOfReach(str(error), cause=type(error).__name__) from error
        finally:
            connection.close()


def _since(moment: datetime | None, now: datetime, period: timedelta) -> bool:
    """Whether `moment` was less than `period` ago; a clock that was put back does not count."""
    return moment is not None and timedelta() <= now - moment < period
