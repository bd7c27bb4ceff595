"""The environment as a typed value. Nobody else reads `os.environ`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

Budget = Literal["read", "write", "expensive"]
_FIREBASE_KEYS = (
    "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com"
)
_SWEEP_SECONDS = 8 * 60
_PUBLIC_URL = re.compile(
    r"(https://[A-Za-z0-9.-]+|http://(localhost|127\.0\.0\.1))(:\d{1,5})?/?", re.ASCII
)
_BUDGETS: Mapping[Budget, int] = {"read": 6_000, "write": 3_000, "expensive": 300}


class ConfigError(Exception):
    """A variable is missing or contradicts another; the message names it."""


@dataclass(frozen=True, slots=True)
class Config:
    """Where documents are kept, whose tokens are accepted, which origins may call.

    Exactly one of `project` (Firestore; with `emulator`, Google's emulator) and `sqlite` (a path)
    is set. `max_waits` is how many requests may be held at once, `max_expensive` how many expensive
    ones may be under way, `sweep_seconds` how long a scheduled function may take. `scheduler_email`
    is the service account that may call those functions; if it is empty, nobody may. `budgets` are
    requests per minute of one caller, None for no limits; they are counted in `budget_storage`.
    `public_url` is where clients reach all functions, without a last slash; empty if unknown.
    """

    project: str | None = None
    database: str = "(default)"
    emulator: str | None = None
    sqlite: str | None = None
    issuer: str = ""
    audience: str = ""
    jwks_url: str = ""
    unsigned_tokens: bool = False
    allowed_origins: tuple[str, ...] = ()
    max_waits: int = 4
    max_expensive: int = 100
    sweep_seconds: int = _SWEEP_SECONDS
    budgets: Mapping[Budget, int] | None = None
    budget_storage: str = "memory://"
    public_url: str = ""
    scheduler_email: str = ""
    scheduler_audience: str = ""
    scheduler_issuer: str = "https://accounts.google.com"
    scheduler_jwks_url: str = "https://www.googleapis.com/oauth2/v3/certs"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Config:
        """Reads and checks the variables in docs/operations.md. Raises ConfigError."""
        emulator = environ.get("FIRESTORE_EMULATOR_HOST") or None
        project = environ.get("GOOGLE_CLOUD_PROJECT") or None
        in_cloud = bool(environ.get("K_SERVICE"))
        store = environ.get("CASELEDGER_STORE", "")
        if emulator or project or in_cloud:
            if store:
                raise ConfigError("CASELEDGER_STORE is set, and so is Firestore: unset one")
            if not project:
                raise ConfigError("GOOGLE_CLOUD_PROJECT is not set")
            sqlite = None
        else:
            sqlite = _sqlite_path(store)
        audience = environ.get("CASELEDGER_AUDIENCE") or project or ""
        unsigned = environ.get("CASELEDGER_UNSIGNED_TOKENS") == "loopback"
        demo = bool(emulator and project and project.startswith("demo-"))
        if unsigned and (in_cloud or not (sqlite or demo)):
            raise ConfigError(
                "CASELEDGER_UNSIGNED_TOKENS is for the embedded store or a demo- project only"
            )
        return cls(
            project=project,
            database=environ.get("CASELEDGER_DATABASE") or "(default)",
            emulator=emulator,
            sqlite=sqlite,
            issuer=environ.get("CASELEDGER_ISSUER") or f"https://securetoken.google.com/{audience}",
            audience=audience,
            jwks_url=environ.get("CASELEDGER_JWKS_URL") or _FIREBASE_KEYS,
            unsigned_tokens=unsigned,
            allowed_origins=tuple(environ.get("CASELEDGER_ALLOWED_ORIGINS", "").split()),
            max_waits=_max_waits(environ),
            max_expensive=_max_expensive(environ),
            sweep_seconds=_positive(environ, "CASELEDGER_SWEEP_SECONDS", _SWEEP_SECONDS),
            budgets=_budgets(environ.get("CASELEDGER_RATE_LIMITS", "")),
            budget_storage=_budget_storage(environ.get("CASELEDGER_RATE_LIMIT_STORAGE", "")),
            public_url=_public_url(environ.get("CASELEDGER_PUBLIC_URL", "")),
            scheduler_email=_scheduler(environ),
            scheduler_audience=environ.get("CASELEDGER_SCHEDULER_AUDIENCE", ""),
        )


def _budgets(text: str) -> Mapping[Budget, int] | None:
    if text == "off":
        return None
    budgets = dict(_BUDGETS)
    for part in text.split():
        name, _, number = part.partition("=")
        if name not in budgets or not number.isdecimal() or not int(number):
            raise ConfigError(
                "CASELEDGER_RATE_LIMITS must be off, or like read=6000 write=3000 expensive=300"
            )
        budgets[name] = int(number)
    return budgets


def _budget_storage(text: str) -> str:
    if not text:
        return "memory://"
    with suppress(ValueError):
        url = urlsplit(text)
        if url.scheme in ("redis", "rediss") and url.hostname and url.port != 0:
            return text
    raise ConfigError("CASELEDGER_RATE_LIMIT_STORAGE must be a redis:// or rediss:// URL")


def _public_url(text: str) -> str:
    if text and not _PUBLIC_URL.fullmatch(text):
        raise ConfigError(
            "CASELEDGER_PUBLIC_URL must be like https://cases.example, without a path; "
            "http:// only on this machine"
        )
    return text.rstrip("/")


def _scheduler(environ: Mapping[str, str]) -> str:
    email = environ.get("CASELEDGER_SCHEDULER_EMAIL", "")
    if bool(email) != bool(environ.get("CASELEDGER_SCHEDULER_AUDIENCE")):
        raise ConfigError(
            "CASELEDGER_SCHEDULER_EMAIL and CASELEDGER_SCHEDULER_AUDIENCE go together"
        )
    return email


def _max_waits(environ: Mapping[str, str]) -> int:
    """As configured, or half of the threads."""
    return _positive(environ, "CASELEDGER_MAX_WAITS", max(1, _threads(environ) // 2))


def _max_expensive(environ: Mapping[str, str]) -> int:
    """As configured, or one less than half of the threads: with the waits, that leaves one."""
    return _positive(environ, "CASELEDGER_MAX_EXPENSIVE", max(1, _threads(environ) // 2 - 1))


def _threads(environ: Mapping[str, str]) -> int:
    """The framework's threads, which are four a core if not set."""
    return _positive(environ, "THREADS", 4 * (os.cpu_count() or 1))


def _positive(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name) or str(default)
    if not text.isdecimal() or not int(text):
        raise ConfigError(f"{name} must be a whole number above 0")
    return int(text)


def _sqlite_path(url: str) -> str:
    path = (url or "sqlite:///.local/caseledger.db").removeprefix("sqlite:///")
    if not path or path == url or "://" in path:
        raise ConfigError("CASELEDGER_STORE must be sqlite:///path or sqlite:///:memory:")
    return path
