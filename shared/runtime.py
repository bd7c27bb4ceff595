"""What an instance keeps between requests: configuration, store, verifier, settings seen."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import flask

from shared.config import DEFAULT_FILE, MEMORY, Config, ConfigError
from shared.documents.port import DocumentStore, Unavailable, WrongPlace
from shared.edge.health import StoreHealth
from shared.edge.places import Places
from shared.edge.rate_limits import Budgets
from shared.edge.tokens import (
    MemberTokens,
    SchedulerTokens,
    SignedTokens,
    UnsignedTokens,
    Verifier,
)

if TYPE_CHECKING:
    from shared.bucket import Bucket
    from shared.edge.revocation import Revocation
    from shared.ledger.directory import Directory
    from shared.ledger.listeners import Listeners
    from shared.models.sealed import StoredSealing
    from shared.repository.eager import Eager
    from shared.repository.keys import KnownKeys
    from shared.repository.log_keys import LogKeys
    from shared.repository.sending import Sender
    from shared.repository.settings import SettingsCache
    from shared.repository.webhook_keys import WebhookKeys

_NAME = "caseledger"


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)


class Runtime:
    """Made with the application, not at import; the store is opened when it is first needed."""

    def __init__(
        self,
        config: Config,
        clock: Callable[[], datetime] = utc_now,
        store: DocumentStore | None = None,
    ) -> None:
        self.config = config
        self.clock = clock
        self.verifier = _members(config)
        self.scheduler_verifier = _scheduler(config)
        self._opening = Lock()
        self.health = StoreHealth(config, clock, lambda: self.store)
        self.waits = Places(config.max_waits, "`:wait` requests")
        self.expensive = Places(config.max_expensive, "expensive requests")
        self.stopping = False
        """Whether the instance is about to end: what takes long is to end early."""
        self.sealing: StoredSealing | None = None
        """How far this instance has sealed the events of all tenants, if it did."""
        self._log_keys: LogKeys | None = None
        self._webhook_keys: WebhookKeys | None = None
        self._store = store

    @property
    def store(self) -> DocumentStore:
        """The document store."""
        if self._store is None:
            with self._opening:
                self._store = self._store or open_store(self.config)
        return self._store

    @cached_property
    def settings(self) -> SettingsCache:
        """The tenants' settings that this instance has seen."""
        from shared.repository.settings import SettingsCache  # noqa: PLC0415 - few functions ask

        return SettingsCache()

    @cached_property
    def directory(self) -> Directory:
        """Whom this instance has put into the directory of people."""
        from shared.ledger.directory import Directory  # noqa: PLC0415 - not to read

        return Directory()

    @cached_property
    def listeners(self) -> Listeners:
        """The tenants' webhooks that this instance has seen."""
        from shared.ledger.listeners import Listeners  # noqa: PLC0415 - not to read

        return Listeners()

    @cached_property
    def budgets(self) -> Budgets | None:
        """The callers' budgets; None if there are no limits."""
        if self.config.budgets is None:
            return None
        return Budgets(self.config.budgets, self.config.budget_storage)

    @cached_property
    def keys(self) -> KnownKeys:
        """The keys of programs that this instance has looked up."""
        from shared.repository.keys import KnownKeys  # noqa: PLC0415 - with the first key

        return KnownKeys()

    @property
    def log_keys(self) -> LogKeys | None:
        """The keys that sign the logs of events; None if there are none. Raises ConfigError.

        They are read each time, so that a key is replaced without a new start. While the file
        cannot be read, they are those that were read last.
        """
        try:
            self._log_keys = log_keys(self.config)
        except ConfigError:
            if self._log_keys is None:
                raise
        return self._log_keys

    @property
    def webhook_keys(self) -> WebhookKeys | None:
        """The keys that seal the secrets of webhooks; None if there are none. Raises ConfigError.

        They are read as those of the logs are.
        """
        try:
            self._webhook_keys = webhook_keys(self.config)
        except ConfigError:
            if self._webhook_keys is None:
                raise
        return self._webhook_keys

    @property
    def sender(self) -> Sender | None:
        """What sends to webhooks; None where there is no key for their secrets."""
        from shared.repository.sending import Sender  # noqa: PLC0415 - few functions send

        keys = self.webhook_keys
        return Sender(keys, self.config.public_url, self.config.unsigned_tokens) if keys else None

    def eager(self) -> Eager | None:
        """What sends the deliveries of one request before it is answered; None where that is off.

        Raises ConfigError.
        """
        if not self.config.eager or not (sender := self.sender):
            return None
        from shared.repository.eager import Eager  # noqa: PLC0415 - where it is on

        return Eager(self.store, sender, self.clock)

    @cached_property
    def bucket(self) -> Bucket | None:
        """The bucket that keeps the checkpoints of the logs; None if there is none."""
        if not self.config.log_bucket:
            return None
        from shared.bucket import Bucket  # noqa: PLC0415 - one function needs it

        return Bucket(self.config.log_bucket, self.config.storage_emulator)

    def close(self) -> None:
        """Closes the store, if it was opened."""
        if self._store is not None:
            self._store.close()

    def install(self, app: flask.Flask) -> None:
        """Makes this the runtime of `app`."""
        app.extensions[_NAME] = self

    @staticmethod
    def is_installed(app: flask.Flask) -> bool:
        """Whether `app` has a runtime."""
        return _NAME in app.extensions

    @staticmethod
    def of(app: flask.Flask) -> Runtime:
        """The runtime of `app`."""
        runtime: Runtime = app.extensions[_NAME]
        return runtime

    @staticmethod
    def current() -> Runtime:
        """The runtime of the Flask application that handles the request."""
        return Runtime.of(flask.current_app)


def _members(config: Config) -> Verifier:
    first = _first_issuer(config)
    if not config.issuers:
        return first
    from shared.edge.issuers import SeveralIssuers  # noqa: PLC0415 - few have more than one

    return SeveralIssuers(first, config.issuers)


def _first_issuer(config: Config) -> Verifier:
    if config.unsigned_tokens:
        return UnsignedTokens()
    return MemberTokens(
        SignedTokens(config.issuer, config.audience, config.jwks_url),
        config.tenant_claim,
        config.role_claim,
        firebase=config.of_firebase,
        revocation=_revocation(config),
    )


def _revocation(config: Config) -> Revocation | None:
    if not config.check_revocation:
        return None
    from shared.edge.revocation import IdentityToolkit, Revocation  # noqa: PLC0415 - on Google only

    return Revocation(IdentityToolkit(config.audience, config.auth_emulator).valid_since)


def _scheduler(config: Config) -> Verifier:
    if config.unsigned_tokens:
        return UnsignedTokens()
    tokens = SignedTokens(
        config.scheduler_issuer, config.scheduler_audience, config.scheduler_jwks_url
    )
    return SchedulerTokens(tokens, config.scheduler_email)


def check_store(config: Config) -> None:
    """Raises WrongPlace where the store is a file in no directory, or another program's."""
    if config.sqlite and config.sqlite != MEMORY:
        from shared.documents.embedded.ownership import check_file  # noqa: PLC0415 - with its store

        if config.sqlite == DEFAULT_FILE:
            _make(Path(DEFAULT_FILE).parent)  # ours; any other directory may be a slip
        with suppress(Unavailable):  # requests will say so, as long as it lasts
            check_file(config.sqlite)


def _make(directory: Path) -> None:
    try:
        directory.mkdir(exist_ok=True)
    except OSError as error:
        raise WrongPlace(f"{directory} cannot be made: {type(error).__name__}") from error


def open_store(config: Config) -> DocumentStore:
    """The store that the configuration names; only its code is loaded. Raises WrongPlace."""
    check_store(config)
    if config.sqlite:
        from shared.documents.embedded.store import EmbeddedStore  # noqa: PLC0415
        from shared.documents.indexes import project_indexes  # noqa: PLC0415

        return EmbeddedStore(config.sqlite, project_indexes())
    from shared.documents.firestore.store import FirestoreStore  # noqa: PLC0415 - 0.3 s of imports

    return FirestoreStore(config.project or "", config.database, config.emulator)


def log_keys(config: Config) -> LogKeys | None:
    """The keys that the configuration names; None where it names none. Raises ConfigError."""
    if not config.log_key:
        return None
    from shared.repository.log_keys import LogKeys  # noqa: PLC0415 - one function needs it

    try:
        return LogKeys.read(config.log_key, config.log_origin)
    except ValueError as error:
        raise ConfigError(f"CASELEDGER_LOG_KEY: {error}") from error


def webhook_keys(config: Config) -> WebhookKeys | None:
    """The keys that the configuration names; None where it names none. Raises ConfigError."""
    if not config.webhook_key:
        return None
    from shared.repository.webhook_keys import WebhookKeys  # noqa: PLC0415 - few functions need it

    try:
        return WebhookKeys.read(config.webhook_key)
    except ValueError as error:
        raise ConfigError(f"CASELEDGER_WEBHOOK_KEY: {error}") from error
