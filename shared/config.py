"""The environment as a typed value. Nobody else reads `os.environ`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_FIREBASE_KEYS = (
    "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com"
)


class ConfigError(Exception):
    """A variable is missing or contradicts another; the message names it."""


@dataclass(frozen=True, slots=True)
class Config:
    """Where documents are kept, whose tokens are accepted, which origins may call.

    Exactly one of `project` (Firestore; with `emulator`, Google's emulator) and `sqlite` (a path)
    is set.
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

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Config:
        """Reads and checks the variables that the README lists. Raises ConfigError."""
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
        )


def _sqlite_path(url: str) -> str:
    path = (url or "sqlite:///.local/caseledger.db").removeprefix("sqlite:///")
    if not path or "://" in path:
        raise ConfigError("CASELEDGER_STORE must be sqlite:///path or sqlite:///:memory:")
    return path
