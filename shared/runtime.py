"""What an instance keeps between requests: configuration, store, verifier, settings seen."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Lock

import flask

from shared.auth import SignedTokens, UnsignedTokens, Verifier
from shared.config import Config
from shared.documents.port import DocumentStore
from shared.repository.settings import SettingsCache

_NAME = "caseledger"


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)


class Runtime:
    """Made at the first request, not at import; the store is opened when first needed."""

    def __init__(
        self,
        config: Config,
        clock: Callable[[], datetime] = utc_now,
        store: DocumentStore | None = None,
    ) -> None:
        self.config = config
        self.clock = clock
        self.verifier: Verifier = (
            UnsignedTokens() if config.unsigned_tokens else SignedTokens(config)
        )
        self.settings = SettingsCache()
        self._opening = Lock()
        self._store = store

    @property
    def store(self) -> DocumentStore:
        """The document store."""
        if self._store is None:
            with self._opening:
                self._store = self._store or open_store(self.config)
        return self._store

    def close(self) -> None:
        """Closes the store, if it was opened."""
        if self._store is not None:
            self._store.close()

    def install(self, app: flask.Flask) -> None:
        """Makes this the runtime of `app`."""
        app.extensions[_NAME] = self

    @staticmethod
    def current() -> Runtime:
        """The runtime of the Flask application that handles the request."""
        extensions = flask.current_app.extensions
        if _NAME not in extensions:
            extensions.setdefault(_NAME, Runtime(Config.from_environment(os.environ)))
        runtime: Runtime = extensions[_NAME]
        return runtime


def open_store(config: Config) -> DocumentStore:
    """The store that the configuration names; only that one's code is loaded."""
    if config.sqlite:
        from shared.documents.embedded import EmbeddedStore  # noqa: PLC0415
        from shared.documents.indexes import project_indexes  # noqa: PLC0415

        return EmbeddedStore(config.sqlite, project_indexes())
    from shared.documents.firestore import FirestoreStore  # noqa: PLC0415 - 0.3 s of imports

    return FirestoreStore(config.project or "", config.database, config.emulator)
