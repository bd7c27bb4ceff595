"""The bucket that keeps the checkpoints of the logs: its retention, its access, and its lock.

Until its retention policy is locked, whoever administers the bucket can still shorten the retention
and delete what is in it. A lock is for ever: https://cloud.google.com/storage/docs/bucket-lock.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from deployment.deployable import Place
from deployment.gcloud import Command, command
from deployment.google import Change, DeploymentError, Google
from deployment.project import members

RETENTION = "P10Y"
"""How long a checkpoint cannot be deleted, in a bucket that is made here."""
# To make objects and to read and list them; neither role replaces or deletes any:
# https://cloud.google.com/storage/docs/access-control/iam-roles.
ROLES = ("roles/storage.objectCreator", "roles/storage.objectViewer")
_CLOSED = ("--uniform-bucket-level-access", "--public-access-prevention")


def made(google: Google, place: Place, name: str) -> Iterator[Command]:
    """Makes the bucket in the region of the functions, or gives the one there is what it lacks.

    A retention that it has already stays as it is.
    """
    found = _found(google, name)
    if found is None:
        yield command(
            f"make the bucket {name} in {place.region}, which keeps checkpoints for 10 years",
            "storage buckets create",
            f"gs://{name}",
            f"--location={place.region}",
            f"--retention-period={RETENTION}",
            *_CLOSED,
        )
        return
    if not found.get("retentionPolicy"):
        yield command(
            f"have the bucket {name} keep what is in it for 10 years",
            "storage buckets update",
            f"gs://{name}",
            f"--retention-period={RETENTION}",
        )
    access = found.get("iamConfiguration", {})
    uniform = access.get("uniformBucketLevelAccess", {}).get("enabled")
    if not uniform or access.get("publicAccessPrevention") != "enforced":
        yield command(
            f"close the bucket {name} to the public, and let roles alone decide on access",
            "storage buckets update",
            f"gs://{name}",
            *_CLOSED,
        )


def roles(google: Google, place: Place, name: str) -> Iterator[Change]:
    """Lets the functions make and read objects of the bucket, in one write; removes no role."""
    path = f"storage/v1/b/{name}/iam"
    policy = google.get("storage", path, optionsRequestedPolicyVersion="3") or {}
    member = f"serviceAccount:{place.account('functions')}"
    missing = [role for role in ROLES if member not in members(policy, role)]
    if missing:
        added = [{"role": role, "members": [member]} for role in missing]
        body = {**policy, "version": 3, "bindings": [*policy.get("bindings", ()), *added]}
        what = ", ".join(f"caseledger-functions {role}" for role in missing)
        yield Change(f"grant on {name}: {what}", "PUT", "storage", path, body)


def lock(google: Google, name: str, *, dry_run: bool) -> Iterator[Change]:
    """Locks the retention for ever; a bucket that is locked already is left alone.

    By REST, because gcloud asks before it locks and takes silence for a no.
    """
    found = _found(google, name)
    if found is None:
        if dry_run:
            yield Change(_locking(name, "10 years"), "POST", "storage", "", {})
            return
        raise DeploymentError(f"the bucket {name} was made, and is not there: run it again")
    retention = found.get("retentionPolicy", {})
    if not retention.get("isLocked"):
        path = f"storage/v1/b/{name}/lockRetentionPolicy"
        query = {"ifMetagenerationMatch": str(found.get("metageneration", ""))}
        days = f"{int(retention.get('retentionPeriod', 0)) // 86_400} days"
        yield Change(_locking(name, days), "POST", "storage", path, {}, query)


def _locking(name: str, period: str) -> str:
    return f"lock the retention of the bucket {name} for ever: nobody can shorten the {period}"


def _found(google: Google, name: str) -> dict[str, Any] | None:
    return google.get("storage", f"storage/v1/b/{name}")
