"""What a project needs before functions: services, service accounts, database, backups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from deployment.deployable import Place
from deployment.google import DeploymentError, Google, each

SERVICES = (
    "artifactregistry",
    "cloudbuild",
    "cloudfunctions",
    "cloudresourcemanager",
    "cloudscheduler",
    "firebaserules",
    "firestore",
    "iam",
    "run",
)
FOR_SECRETS = ("secretmanager",)
FOR_ALERTS = ("logging", "monitoring")
FOR_GATEWAY = ("apigateway", "servicecontrol", "servicemanagement")
ACCOUNTS = {
    "functions": "Caseledger: its functions",
    "scheduler": "Caseledger: Cloud Scheduler, which calls the scheduled functions",
    "build": "Caseledger: builds its functions",
}
GATEWAY_ACCOUNT = {"gateway": "Caseledger: API Gateway, which may do nothing"}
# The functions read and write documents, and nothing else. A build reads the source, and writes the
# image and its log. The scheduler has no role in the project: it may only call its functions.
ROLES = {
    "functions": ("roles/datastore.user",),
    "build": (
        "roles/artifactregistry.writer",
        "roles/logging.logWriter",
        "roles/storage.objectViewer",
    ),
}
READS_SECRETS = "roles/secretmanager.secretAccessor"
RETENTION = "14w"  # the longest that Firestore takes; point-in-time recovery reaches back 7 days
_PITR = "POINT_IN_TIME_RECOVERY_ENABLED"
_PROTECTED = "DELETE_PROTECTION_ENABLED"


@dataclass(frozen=True, slots=True)
class Command:
    """A call of gcloud, and its purpose."""

    what: str
    arguments: tuple[str, ...]

    def __str__(self) -> str:
        """As deploy.sh reads it: separated by tabs."""
        return "\t".join((self.what, *self.arguments))


def command(what: str, words: str, *arguments: str) -> Command:
    """The call `gcloud words… arguments…`."""
    return Command(what, (*words.split(), *arguments))


def services(
    google: Google, *, secrets: bool, gateway: bool, alerts: bool = False
) -> Iterator[Command]:
    """Enables the services that are not enabled, in one call."""
    wanted = SERVICES + FOR_SECRETS * secrets + FOR_GATEWAY * gateway + FOR_ALERTS * alerts
    listed = google.pages(
        "serviceusage",
        f"v1/projects/{google.project}/services",
        "services",
        filter="state:ENABLED",
        pageSize="200",
    )
    enabled = {service["name"].rpartition("/")[2] for service in listed}
    missing = [name for one in wanted if (name := f"{one}.googleapis.com") not in enabled]
    if missing:
        yield command(f"enable {', '.join(missing)}", "services enable", *missing)


def accounts(google: Google, place: Place, *, gateway: bool) -> Iterator[Command]:
    """Makes the service accounts that do not exist."""
    wanted = ACCOUNTS | (GATEWAY_ACCOUNT if gateway else {})

    def found(name: str) -> bool:
        path = f"v1/projects/{place.project}/serviceAccounts/{place.account(name)}"
        return google.get("iam", path) is not None

    for (name, title), there in zip(wanted.items(), each(found, wanted), strict=True):
        if not there:
            yield command(
                f"make the service account caseledger-{name}",
                "iam service-accounts create",
                f"caseledger-{name}",
                f"--display-name={title}",
            )


def database(google: Google, place: Place, name: str, location: str) -> Iterator[Command]:
    """Makes the database, or protects the one that exists; and schedules a daily backup."""
    path = f"v1/projects/{place.project}/databases/{name}"
    found = google.get("firestore", path)
    protection = ("--delete-protection", "--enable-pitr")
    if found is None:
        yield command(
            f"make the Firestore database {name} in {location}; it can never be moved",
            "firestore databases create",
            f"--database={name}",
            f"--location={location}",
            "--type=firestore-native",
            *protection,
        )
    elif found.get("type", "FIRESTORE_NATIVE") != "FIRESTORE_NATIVE":
        raise DeploymentError(
            f"the database {name} is in Datastore mode; set CASELEDGER_DATABASE to the name of "
            "another one, which is made"
        )
    elif (
        found.get("deleteProtectionState") != _PROTECTED
        or found.get("pointInTimeRecoveryEnablement") != _PITR
    ):
        yield command(
            f"protect the Firestore database {name} from deletion, and let it be read as it was",
            "firestore databases update",
            f"--database={name}",
            *protection,
        )
    schedules = (google.get("firestore", f"{path}/backupSchedules") if found else None) or {}
    if not any("dailyRecurrence" in one for one in schedules.get("backupSchedules", ())):
        yield command(
            f"back the database up daily, and keep it for {RETENTION}",
            "firestore backups schedules create",
            f"--database={name}",
            "--recurrence=daily",
            f"--retention={RETENTION}",
        )


def roles(google: Google, place: Place, mounted: Mapping[str, str]) -> Iterator[Command]:
    """Grants the service accounts the roles that they lack; removes none."""
    policy = google.send(
        "POST",
        "cloudresourcemanager",
        f"v1/projects/{place.project}:getIamPolicy",
        {"options": {"requestedPolicyVersion": 3}},
    )
    for name, wanted in ROLES.items():
        member = f"serviceAccount:{place.account(name)}"
        for role in wanted:
            if member not in members(policy, role):
                yield command(
                    f"grant caseledger-{name} {role}",
                    "projects add-iam-policy-binding",
                    place.project,
                    f"--member={member}",
                    f"--role={role}",
                    "--condition=None",
                )
    yield from _secret_roles(google, place, mounted)


def _secret_roles(google: Google, place: Place, mounted: Mapping[str, str]) -> Iterator[Command]:
    member = f"serviceAccount:{place.account('functions')}"
    for secret in sorted({reference.partition(":")[0] for reference in mounted.values()}):
        path = f"v1/projects/{place.project}/secrets/{secret}"
        if google.get("secretmanager", path) is None:
            raise DeploymentError(
                f"Secret Manager has no {secret}: make it with `gcloud secrets create {secret} "
                f"--project={place.project} --data-file=-`, then run it again"
            )
        if member not in members(
            google.get("secretmanager", f"{path}:getIamPolicy"), READS_SECRETS
        ):
            yield command(
                f"let caseledger-functions read the secret {secret}",
                "secrets add-iam-policy-binding",
                secret,
                f"--member={member}",
                f"--role={READS_SECRETS}",
            )


def members(policy: dict[str, Any] | None, role: str) -> set[str]:
    """The members that have a role without a condition."""
    return {
        member
        for binding in (policy or {}).get("bindings", ())
        if binding["role"] == role and not binding.get("condition")
        for member in binding.get("members", ())
    }
