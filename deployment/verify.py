"""Tries a deployment from outside, and says what held, what failed, and what to do about it.

Everything is tried through the address that clients use, but for the queries, which Firestore is
asked directly, and what only Google's interfaces know. Nothing of any tenant is changed but of the
one made for it (see `verification.people`), where a case is opened, closed and deleted again.

Against a local run (CASELEDGER_PUBLIC_URL=http://127.0.0.1:8080, no Google token) the checks are
left out that only Google's interfaces could answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from google.cloud.scheduler_v1.types import Job

from deployment import jobs
from deployment.deployable import Place
from deployment.google import Google
from deployment.verification import edge, people, project, queries
from deployment.verification.edge import Scheduled
from deployment.verification.life import Life
from deployment.verification.outcome import Check, Row, exit_status, results, table
from deployment.verification.people import People
from shared.config import claim_names
from shared.documents.port import Query
from shared.edge.routes import PREFIX
from shared.models.intervention import MAX_WAIT_SECONDS
from shared.schedules import SCHEDULES

_EMULATOR = "CLOUDSDK_API_ENDPOINT_OVERRIDES_FIRESTORE"


@dataclass(frozen=True)
class Target:
    """A deployment: its `address` without /v1, and how to ask what it consists of.

    `google` is None for a local run, `documents` where its store has no queries to ask. `names` are
    the claims of a person's tenant and role. `differing` gives the services that deploy.sh would
    change, `asked` the queries that are tried, and `wait_seconds` is how long a wait is held.
    """

    place: Place
    address: str
    people: People
    google: Google | None = None
    documents: Google | None = None
    database: str = "(default)"
    names: tuple[str, str] = ("tenant", "role")
    differing: Callable[[], list[str]] = list
    wait_seconds: int = MAX_WAIT_SECONDS
    asked: Callable[[], list[Query]] = queries.shapes

    @property
    def url(self) -> str:
        """The base URL of the API."""
        return self.address.rstrip("/") + PREFIX

    @cached_property
    def jobs(self) -> list[Job]:
        """The jobs of Cloud Scheduler. Raises DeploymentError."""
        return jobs.listed(self.google, self.place) if self.google else []

    @property
    def scheduled(self) -> list[Scheduled]:
        """The scheduled functions as they are called. Raises DeploymentError."""
        if self.google:
            return project.scheduled(self.jobs)
        base = self.address.rstrip("/")
        return [Scheduled(one.function, base + one.path, base) for one in SCHEDULES]


def target(place: Place, environ: Mapping[str, str], address: str, database: str) -> Target:
    """The deployment that the arguments and the environment name."""
    token = environ.get("GOOGLE_OAUTH_ACCESS_TOKEN", "")
    if not token:
        emulator = environ.get("FIRESTORE_EMULATOR_HOST")
        stand_in = {_EMULATOR: f"http://{emulator}/"}
        documents = Google(place.project, "owner", stand_in) if emulator else None
        return Target(place, address, people.Local(), None, documents, database, wait_seconds=1)
    google = Google(place.project, token, environ)
    names = claim_names(environ)
    tokens = people.OfProject(google, place, people.given(environ), names)
    return Target(place, address, tokens, google, google, database, names)


def verify(deployment: Target) -> tuple[list[Row], str]:
    """Tries everything; gives the results in the order of the table, and what stays behind."""
    life = Life(deployment.url, deployment.people)
    rows = [*results(_at_once(deployment, life)), *results([("audit trail", life.trail)])]
    left = life.leave()
    deployment.people.leave()
    return rows, left


def report(deployment: Target) -> int:
    """Tries everything and prints the table; gives the exit status."""
    rows, left = verify(deployment)
    print(f"{table(rows)}\n{left}".strip())  # noqa: T201
    return exit_status(rows)


def _at_once(deployment: Target, life: Life) -> list[tuple[str, Check]]:
    it, url = deployment, deployment.url
    google, documents = it.google, it.documents
    found: list[tuple[str, Check]] = [
        ("edge", lambda: edge.health(url)),
        ("clock", lambda: edge.clock(url)),
        ("refused tokens", lambda: edge.refusals(url, it.people, it.scheduled)),
        ("scheduled functions", lambda: edge.dry_runs(it.people, it.scheduled)),
        ("wait", lambda: life.wait(it.wait_seconds)),
        ("case", life.case),
    ]
    if documents:
        found.append(("queries", lambda: queries.check(documents, it.database, it.asked())))
    if google:
        found += [
            ("indexes and expiry", lambda: project.index_states(google, it.database)),
            ("rules", lambda: project.rules_released(google, it.database, it.names)),
            ("scheduler's jobs", lambda: project.job_states(it.jobs)),
            ("drift", lambda: project.drift(it.differing)),
        ]
    return found
