"""What a project needs before functions: services, service accounts, database, backups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from deployment.deployable import Place
from deployment.gcloud import Command, command
from deployment.google import Change, DeploymentError, Google, each
from deployment.key_files import SECRETS

SERVICES = (
    "artifactregistry",
    "cloudbuild",
    "cloudresourcemanager",
    "cloudscheduler",
    "firebaserules",
    "firestore",
    "iam",
    "run",
    "secretmanager",
)
FOR_REVOCATION = ("identitytoolkit",)
FOR_BUCKET = ("storage",)
FOR_ALERTS = ("logging", "monitoring")
FOR_GATEWAY = ("apigateway", "servicecontrol", "servicemanagement")
ACCOUNTS = {
    "functions": "Caseledger: its functions",
    "scheduler": "Caseledger: Cloud Scheduler, which calls the scheduled functions",
    "build": "Caseledger: builds its image",
}
GATEWAY_ACCOUNT = {"gateway": "Caseledger: API Gateway, which may do nothing"}
# The functions read and write documents, and nothing else. A build reads the source, and writes the
# image and its log. The scheduler has no role: the functions know it by its token.
ROLES = {
    "functions": ("roles/datastore.user",),
    "build": (
        "roles/artifactregistry.writer",
        "roles/logging.logWriter",
        "roles/storage.objectViewer",
    ),
}
READS_ACCOUNTS = "roles/firebaseauth.viewer"
"""What the functions need besides with CASELEDGER_REVOCATION=check."""
READS_SECRETS = "roles/secretmanager.secretAccessor"
DAILY, WEEKLY = 7, 14
"""How many daily and weekly backups are kept, each stored whole; 14 weeks is the longest that
Firestore takes, and a database has at most one schedule of each kind:
https://cloud.google.com/firestore/docs/backups. Point-in-time recovery reaches back 7 days."""
_PITR = "POINT_IN_TIME_RECOVERY_ENABLED"
_PROTECTED = "DELETE_PROTECTION_ENABLED"
_WITH_CONDITIONS = {"options": {"requestedPolicyVersion": 3}}


def number(google: Google, project: str) -> str:
    """The number of a project, which is part of where its services are; empty if it is unknown."""
    found = google.get("cloudresourcemanager", f"v1/projects/{project}") or {}
    return str(found.get("projectNumber", ""))


def services(
    google: Google,
    *,
    gateway: bool,
    alerts: bool = False,
    revocation: bool = False,
    bucket: bool = False,
) -> Iterator[Command]:
    """Enables the services that are not enabled, in one call."""
    wanted = [
        *SERVICES,
        *FOR_GATEWAY * gateway,
        *FOR_ALERTS * alerts,
        *FOR_REVOCATION * revocation,
        *FOR_BUCKET * bucket,
    ]
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


def accounts(google: Google, place: Place, *, gateway: bool) -> Iterator[Change]:
    """Makes the service accounts that do not exist."""
    wanted = ACCOUNTS | (GATEWAY_ACCOUNT if gateway else {})
    path = f"v1/projects/{place.project}/serviceAccounts"

    def found(name: str) -> bool:
        return google.get("iam", f"{path}/{place.account(name)}") is not None

    for (name, title), there in zip(wanted.items(), each(found, wanted), strict=True):
        if not there:
            body = {"accountId": f"caseledger-{name}", "serviceAccount": {"displayName": title}}
            yield Change(f"make the service account caseledger-{name}", "POST", "iam", path, body)


def database(google: Google, place: Place, name: str, location: str) -> Iterator[Command]:
    """Makes the database, or protects the one that exists; and schedules its backups."""
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
    there = {kind for one in schedules.get("backupSchedules", ()) for kind in one}
    for recurrence, retention, *day in (
        ("daily", f"{DAILY}d"),
        ("weekly", f"{WEEKLY}w", "--day-of-week=SUN"),
    ):
        if f"{recurrence}Recurrence" not in there:
            yield command(
                f"back the database up {recurrence}, and keep it for {retention}",
                "firestore backups schedules create",
                f"--database={name}",
                f"--recurrence={recurrence}",
                f"--retention={retention}",
                *day,
            )


def roles(
    google: Google, place: Place, mounted: Mapping[str, str], *, revocation: bool = False
) -> Iterator[Change]:
    """Grants the service accounts the roles that they lack, in one write; removes none."""
    path = f"v1/projects/{place.project}"
    policy = google.send("POST", "cloudresourcemanager", f"{path}:getIamPolicy", _WITH_CONDITIONS)
    more = {"functions": (READS_ACCOUNTS,)} if revocation else {}
    wanted = [
        (role, f"serviceAccount:{place.account(name)}")
        for name, usual in ROLES.items()
        for role in (*usual, *more.get(name, ()))
    ]
    yield from _granted("cloudresourcemanager", path, policy or {}, wanted)
    yield from _secret_roles(google, place, mounted)


def _secret_roles(google: Google, place: Place, mounted: Mapping[str, str]) -> Iterator[Change]:
    member = f"serviceAccount:{place.account('functions')}"
    for secret in sorted({reference.partition(":")[0] for reference in mounted.values()}):
        path = f"v1/projects/{place.project}/secrets/{secret}"
        if secret not in SECRETS.values() and google.get("secretmanager", path) is None:
            raise DeploymentError(
                f"Secret Manager has no {secret}: make it with `gcloud secrets create {secret} "
                f"--project={place.project} --data-file=-`, then run it again"
            )
        query = {"options.requestedPolicyVersion": "3"}
        policy = google.get("secretmanager", f"{path}:getIamPolicy", **query)
        yield from _granted("secretmanager", path, policy or {}, [(READS_SECRETS, member)])


def _granted(
    service: str, path: str, policy: dict[str, Any], wanted: list[tuple[str, str]]
) -> Iterator[Change]:
    """The policy with the roles that it lacks, in one write; its `etag` refuses a lost update."""
    missing = [(role, member) for role, member in wanted if member not in members(policy, role)]
    if not missing:
        return
    added = [{"role": role, "members": [member]} for role, member in missing]
    bindings = [*policy.get("bindings", ()), *added]
    what = ", ".join(f"{_account(member)} {role}" for role, member in missing)
    on = f" on {path.rpartition('/')[2]}" if service == "secretmanager" else ""
    body = {"policy": {**policy, "version": 3, "bindings": bindings}}
    yield Change(f"grant{on}: {what}", "POST", service, f"{path}:setIamPolicy", body)


def _account(member: str) -> str:
    return member.partition(":")[2].partition("@")[0]


def members(policy: dict[str, Any] | None, role: str) -> set[str]:
    """The members that have a role without a condition."""
    return {
        member
        for binding in (policy or {}).get("bindings", ())
        if binding["role"] == role and not binding.get("condition")
        for member in binding.get("members", ())
    }
