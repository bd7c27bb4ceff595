"""What is deployed where, as the steps pass it on; no function is loaded for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from deployment.google import DeploymentError

ROOT = Path(__file__).parents[1]
RUNTIME = "python311"
LABEL = "caseledger-release"
_SECRET = re.compile(r"(CASELEDGER_[A-Z_]+)=([A-Za-z0-9_-]{1,255}):(latest|[1-9]\d*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Place:
    """A project, and the region of its functions."""

    project: str
    region: str

    def account(self, name: str) -> str:
        """The email address of one of the deployment's service accounts."""
        return f"caseledger-{name}@{self.project}.iam.gserviceaccount.com"

    def url(self, function: str) -> str:
        """Where a function is, by its deployed name."""
        return f"https://{self.region}-{self.project}.cloudfunctions.net/{function}"


@dataclass(frozen=True)
class Deployable:
    """A function as it is to be deployed; `release` changes with everything that it consists of."""

    entry_point: str
    resources: Resources
    environment: Mapping[str, str]
    secrets: Mapping[str, str]
    scheduled: bool
    release: str = ""

    @property
    def name(self) -> str:
        """Its name in the project."""
        return self.entry_point.replace("_", "-")

    def to_json(self) -> dict[str, object]:
        """As `from_json` reads it."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, object]) -> Deployable:
        """The function that `to_json` wrote."""
        made = cls(**data)  # type: ignore[arg-type]
        object.__setattr__(made, "resources", Resources(**data["resources"]))  # type: ignore[arg-type]
        return made


@dataclass(frozen=True, slots=True)
class Resources:
    """The resources of a function. `concurrency` is requests at once in an instance, and `THREADS`.

    `max_waits` is how many of them `:wait` may hold; None if none. No function keeps an instance
    while nobody calls it.
    """

    memory: str = "512Mi"
    cpu: str = "1"
    concurrency: int = 16
    max_instances: int = 10
    timeout: int = 60
    min_instances: int = 0
    max_waits: int | None = None

    def environment(self) -> dict[str, str]:
        """The variables that the function itself has to know."""
        found = {"THREADS": str(self.concurrency)}
        if self.max_waits is not None:
            found["CASELEDGER_MAX_WAITS"] = str(self.max_waits)
        return found


def secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """Variables and their secrets, from `CASELEDGER_SECRETS`. Raises DeploymentError."""
    parts = [
        (part, _SECRET.fullmatch(part)) for part in environ.get("CASELEDGER_SECRETS", "").split()
    ]
    for part, found in parts:
        if not found:
            raise DeploymentError(
                f"CASELEDGER_SECRETS: {part!r} is not like "
                "CASELEDGER_RATE_LIMIT_STORAGE=redis-url:latest"
            )
    return {found[1]: f"{found[2]}:{found[3]}" for _, found in parts if found}
