"""What is deployed where, as the steps pass it on; no function is loaded for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from deployment.google import DeploymentError

ROOT = Path(__file__).parents[1]
LABEL = "caseledger-release"
ONE_SERVICE = "api"
_SECRET = re.compile(r"(CASELEDGER_[A-Z_]+)=([A-Za-z0-9_-]{1,255}):(latest|[1-9]\d*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Place:
    """A project, its number, and the region of its functions."""

    project: str
    region: str
    number: str = ""

    def account(self, name: str) -> str:
        """The email address of one of the deployment's service accounts."""
        return f"caseledger-{name}@{self.project}.iam.gserviceaccount.com"

    def url(self, service: str) -> str:
        """Where a service is, known before it is made.

        https://cloud.google.com/run/docs/triggering/https-request: the deterministic URL.
        """
        return f"https://{service}-{self.number}.{self.region}.run.app"

    @property
    def parent(self) -> str:
        """The resource name of the region."""
        return f"projects/{self.project}/locations/{self.region}"


@dataclass(frozen=True)
class Deployable:
    """A function as it is to be deployed: the same image as all others, and what differs."""

    entry_point: str
    source: str
    resources: Resources
    environment: Mapping[str, str]
    secrets: Mapping[str, str]
    scheduled: bool

    @property
    def name(self) -> str:
        """The name of its service."""
        return service_name(self.entry_point)

    def to_json(self) -> dict[str, object]:
        """As `from_json` reads it."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, object]) -> Deployable:
        """The function that `to_json` wrote."""
        resources = Resources(**data["resources"])  # type: ignore[arg-type]
        return cls(**{**data, "resources": resources})  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Resources:
    """The resources of a function. `concurrency` is requests at once in an instance, and `THREADS`.

    `cpu` is in thousandths of a CPU. `max_waits` is how many requests `:wait` may hold; None if
    none. No function keeps an instance while nobody calls it.
    """

    memory: str = "512Mi"
    cpu: int = 1000
    concurrency: int = 16
    max_instances: int = 10
    timeout: int = 60
    max_waits: int | None = None

    def environment(self) -> dict[str, str]:
        """The variables that the function itself has to know."""
        found = {"THREADS": str(self.concurrency)}
        if self.max_waits is not None:
            found["CASELEDGER_MAX_WAITS"] = str(self.max_waits)
        return found


def service_name(function: str) -> str:
    """The name of the service of a function, which may hold no underscore."""
    return function.replace("_", "-")


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
