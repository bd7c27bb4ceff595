"""The environment as a typed value. Nobody else reads `os.environ`."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Literal
from urllib.parse import urlsplit

from shared.issuers import Issuer, parsed, require_claim

Budget = Literal["read", "write", "expensive", "public"]
_FIREBASE_KEYS = (
    "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com"
)
FIREBASE = "https://securetoken.google.com/"
"""What the issuer of Firebase Authentication begins with; the project's name follows."""
DEFAULT_FILE, MEMORY = ".local/caseledger.db", ":memory:"
_OF_DEPLOYMENT = {
    "CASELEDGER_DATABASE_LOCATION",
    "CASELEDGER_SECRETS",
    "CASELEDGER_VERIFY_TOKENS",
    "CASELEDGER_VPC",
}
"""What only `deploy.sh` reads."""
_OF_CLIENTS = {"CASELEDGER_KEY", "CASELEDGER_TOKEN", "CASELEDGER_URL"}
"""What the environment has where an agent, or the command line, is beside the functions."""
_OURS, _OF_TESTS = "CASELEDGER_", "CASELEDGER_TEST_"
_DIGITS = 9
_SWEEP_SECONDS = 8 * 60
_PUBLIC_URL = re.compile(
    r"(https://[A-Za-z0-9.-]+|http://(localhost|127\.0\.0\.1))(:\d{1,5})?/?", re.ASCII
)
BUCKET_NAME = r"(?=.{3,222}$)[a-z0-9]([a-z0-9._-]*[a-z0-9])?"
"""What a bucket may be called (cloud.google.com/storage/docs/buckets#naming)."""
_BUDGETS: Mapping[Budget, int] = {
    "read": 6_000,
    "write": 3_000,
    "expensive": 300,
    "public": 600,
}


class ConfigError(Exception):
    """A variable is missing, unknown, wrong or contradicts another; the message names it."""


@dataclass(frozen=True, slots=True)
class Config:
    """Where documents are kept, whose tokens are accepted, which origins may call.

    Exactly one of `project` (Firestore; with `emulator`, Google's emulator) and `sqlite` (a path)
    is set. `max_waits` is how many requests may be held at once, `max_expensive` how many expensive
    ones may be under way, `sweep_seconds` how long a scheduled function may take. `scheduler_email`
    is the service account that may call those functions; if it is empty, nobody may. `budgets` are
    requests per minute of one caller, None for no limits; they are counted in `budget_storage`.
    `sign_in_origins` are where the console may send requests to, besides its own server and the
    issuer; `firebase_api_key` and `auth_emulator` are for signing in by Firebase. A member's token
    has the tenant and the role in `tenant_claim` and `role_claim`. With `check_revocation` the
    member's account is looked up in Firebase Authentication, or in its emulator at `auth_emulator`.
    `log_bucket` keeps the checkpoints of the logs, in Cloud Storage or its emulator at
    `storage_emulator`; empty for none.
    `log_key` is the path of the file with the keys that sign the logs of events, and `log_origin`
    what the name of each log begins with; without a key nothing is sealed.
    `issuers` are those whose tokens are accepted besides the first one's.
    `webhook_key` is the path of the file with the keys that seal the secrets of webhooks; without
    it no webhook can be made. If `eager`, what a request makes due is sent before it is answered.
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
    firebase_api_key: str = ""
    sign_in_origins: tuple[str, ...] = ()
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
    tenant_claim: str = "tenant"
    role_claim: str = "role"
    check_revocation: bool = False
    auth_emulator: str | None = None
    log_bucket: str = ""
    storage_emulator: str | None = None
    log_key: str = ""
    log_origin: str = ""
    issuers: tuple[Issuer, ...] = ()
    webhook_key: str = ""
    eager: bool = False

    @property
    def of_firebase(self) -> bool:
        """Whether the tokens are those of a project's Firebase Authentication."""
        firebase = self.issuer == f"{FIREBASE}{self.audience}"
        return firebase and bool(self.audience) and not self.unsigned_tokens

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Config:
        """Reads and checks the variables in docs/operations.md. Raises ConfigError."""
        refuse_unknown(environ)
        return cls._read(environ)

    @classmethod
    def _read(cls, environ: Mapping[str, str]) -> Config:
        emulator = environ.get("FIRESTORE_EMULATOR_HOST") or None
        project = environ.get("GOOGLE_CLOUD_PROJECT") or None
        in_cloud = bool(environ.get("K_SERVICE"))
        sqlite = _sqlite_path(environ, in_firestore=bool(emulator or project or in_cloud))
        if not (sqlite or project):
            raise ConfigError("GOOGLE_CLOUD_PROJECT is not set")
        audience = environ.get("CASELEDGER_AUDIENCE") or project or ""
        unsigned = _chosen(environ, "CASELEDGER_UNSIGNED_TOKENS", "loopback")
        demo = bool(emulator and project and project.startswith("demo-"))
        if unsigned and (in_cloud or not (sqlite or demo)):
            raise ConfigError(
                "CASELEDGER_UNSIGNED_TOKENS is for the embedded store or a demo- project only"
            )
        tenant_claim, role_claim = claim_names(environ)
        issuer = environ.get("CASELEDGER_ISSUER") or f"{FIREBASE}{audience}"
        found = cls(
            project=project,
            database=environ.get("CASELEDGER_DATABASE") or "(default)",
            emulator=emulator,
            sqlite=sqlite,
            issuer=issuer,
            audience=audience,
            jwks_url=_jwks_url(environ),
            unsigned_tokens=unsigned,
            allowed_origins=_origins(environ, "CASELEDGER_ALLOWED_ORIGINS"),
            firebase_api_key=environ.get("CASELEDGER_FIREBASE_API_KEY", ""),
            sign_in_origins=_origins(environ, "CASELEDGER_SIGN_IN_ORIGINS"),
            max_waits=_max_waits(environ),
            max_expensive=_max_expensive(environ),
            sweep_seconds=_positive(environ, "CASELEDGER_SWEEP_SECONDS", _SWEEP_SECONDS),
            budgets=_budgets(environ.get("CASELEDGER_RATE_LIMITS", "")),
            budget_storage=_budget_storage(environ.get("CASELEDGER_RATE_LIMIT_STORAGE", "")),
            public_url=_public_url(environ.get("CASELEDGER_PUBLIC_URL", "")),
            scheduler_email=_scheduler(environ),
            scheduler_audience=environ.get("CASELEDGER_SCHEDULER_AUDIENCE", ""),
            tenant_claim=tenant_claim,
            role_claim=role_claim,
            check_revocation=_chosen(environ, "CASELEDGER_REVOCATION", "check"),
            auth_emulator=_local(environ, "FIREBASE_AUTH_EMULATOR_HOST"),
            log_bucket=_log_bucket(environ),
            storage_emulator=_local(environ, "STORAGE_EMULATOR_HOST"),
            log_key=environ.get("CASELEDGER_LOG_KEY", ""),
            log_origin=_log_origin(environ, project),
            issuers=_issuers(environ, issuer),
            webhook_key=environ.get("CASELEDGER_WEBHOOK_KEY", ""),
            eager=_chosen(environ, "CASELEDGER_EAGER", "on"),
        )
        if found.check_revocation and not found.of_firebase:
            raise ConfigError(
                "CASELEDGER_REVOCATION is for tokens of Firebase Authentication only: of the "
                "project in GOOGLE_CLOUD_PROJECT or CASELEDGER_AUDIENCE"
            )
        return found


class _Asked(Mapping[str, str]):
    """An empty environment that notes what it is asked for."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


@cache
def variables() -> frozenset[str]:
    """The names of all variables that are read."""
    asked = _Asked()
    Config._read(asked)  # noqa: SLF001 - what it reads is known by having it read
    return frozenset(asked.names | _OF_DEPLOYMENT)


def refuse_unknown(environ: Mapping[str, str]) -> None:
    """Raises ConfigError for a variable called CASELEDGER_… that nobody reads."""
    ours = {name for name in environ if name.startswith(_OURS)} - variables() - _OF_CLIENTS
    for name in sorted(ours):
        if not name.startswith(_OF_TESTS):
            known = [one.removeprefix(_OURS) for one in variables()]
            near = difflib.get_close_matches(name.removeprefix(_OURS), known, 1)
            hint = f"do you mean {_OURS}{near[0]}?" if near else "see docs/operations.md"
            raise ConfigError(f"{name} is no variable of Caseledger: {hint}")


def _chosen(environ: Mapping[str, str], name: str, word: str) -> bool:
    """Whether a variable has the one word that it may have."""
    text = environ.get(name, "")
    if text not in ("", word):
        raise ConfigError(f"{name} must be {word}, or not be set")
    return text == word


def claim_names(environ: Mapping[str, str]) -> tuple[str, str]:
    """What the claims of a member's tenant and role are called. Raises ConfigError."""
    tenant = _claim(environ, "CASELEDGER_TENANT_CLAIM", "tenant")
    role = _claim(environ, "CASELEDGER_ROLE_CLAIM", "role")
    if tenant == role:
        raise ConfigError("CASELEDGER_TENANT_CLAIM and CASELEDGER_ROLE_CLAIM are the same")
    return tenant, role


def _claim(environ: Mapping[str, str], name: str, default: str) -> str:
    claim = environ.get(name) or default
    try:
        require_claim(claim)
    except ValueError as error:
        raise ConfigError(f"{name} {error}") from None
    return claim


def _issuers(environ: Mapping[str, str], first: str) -> tuple[Issuer, ...]:
    text = environ.get("CASELEDGER_ISSUERS")
    try:
        return parsed(text, first) if text else ()
    except ValueError as error:
        raise ConfigError(f"CASELEDGER_ISSUERS: {error}") from None


def _jwks_url(environ: Mapping[str, str]) -> str:
    url = environ.get("CASELEDGER_JWKS_URL") or _FIREBASE_KEYS
    if not re.fullmatch(r"https?://[!-~]+", url):
        raise ConfigError("CASELEDGER_JWKS_URL must be an https:// URL")
    return url


def _origins(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    origins = tuple(environ.get(name, "").split())
    for origin in origins:
        # A browser sends names in ASCII; more would end a directive of the console's policy.
        if not re.fullmatch(r"https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?", origin):
            raise ConfigError(f"{name} must be origins, like https://cases.example")
    return origins


def _budgets(text: str) -> Mapping[Budget, int] | None:
    if text == "off":
        return None
    budgets = dict(_BUDGETS)
    for part in text.split():
        name, _, number = part.partition("=")
        if name not in budgets or not _is_number(number):
            raise ConfigError(
                "CASELEDGER_RATE_LIMITS must be off, or like read=6000 write=3000 expensive=300 "
                "public=600"
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


def _log_bucket(environ: Mapping[str, str]) -> str:
    name = environ.get("CASELEDGER_LOG_BUCKET", "")
    if name and not re.fullmatch(BUCKET_NAME, name, re.ASCII):
        raise ConfigError("CASELEDGER_LOG_BUCKET must be the name of a bucket, without gs://")
    return name


def _log_origin(environ: Mapping[str, str], project: str | None) -> str:
    origin = environ.get("CASELEDGER_LOG_ORIGIN") or f"{project or 'local'}/caseledger"
    if not re.fullmatch(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*", origin, re.ASCII):
        raise ConfigError(
            "CASELEDGER_LOG_ORIGIN must be like logs.cases.example/caseledger, without a scheme"
        )
    return origin


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
    if not _is_number(text):
        raise ConfigError(f"{name} must be a whole number above 0, of at most {_DIGITS} digits")
    return int(text)


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) <= _DIGITS and int(text) > 0


def _local(environ: Mapping[str, str], name: str) -> str | None:
    """Where an emulator is, which is never used in the cloud."""
    host = environ.get(name) or None
    if host and environ.get("K_SERVICE"):
        raise ConfigError(f"{name} is for local runs only")
    return host


def _sqlite_path(environ: Mapping[str, str], *, in_firestore: bool) -> str | None:
    url = environ.get("CASELEDGER_STORE", "")
    if in_firestore:
        if url:
            raise ConfigError("CASELEDGER_STORE is set, and so is Firestore: unset one")
        return None
    path = (url or f"sqlite:///{DEFAULT_FILE}").removeprefix("sqlite:///")
    if not path or path == url or "://" in path:
        raise ConfigError("CASELEDGER_STORE must be sqlite:///path or sqlite:///:memory:")
    return path
