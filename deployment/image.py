"""The one image of all functions: built once by Cloud Build, kept by digest in Artifact Registry.

Its tag is the hash of what it is made of, so that the same source is never built twice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deployment.deployable import Place
from deployment.gcloud import Command, command
from deployment.google import DeploymentError, Google

NAME = "caseledger"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_KEPT = 20
# https://cloud.google.com/artifact-registry/docs/repositories/cleanup-policy
POLICIES: list[dict[str, Any]] = [
    {"name": "keep-latest", "action": {"type": "Keep"}, "mostRecentVersions": {"keepCount": _KEPT}},
    {
        "name": "delete-old",
        "action": {"type": "Delete"},
        "condition": {"olderThan": "30d", "tagState": "any"},
    },
]


def repository(google: Google, place: Place, work: Path) -> Iterator[Command]:
    """Makes the repository, and has it keep the latest images only."""
    found = google.get("artifactregistry", f"v1/{_parent(place)}")
    if found is None:
        yield command(
            "make the repository of images",
            "artifacts repositories create",
            NAME,
            f"--location={place.region}",
            "--repository-format=docker",
        )
    if found is None or {one["name"] for one in POLICIES} - set(found.get("cleanupPolicies", ())):
        file = work / "cleanup.json"
        file.write_text(json.dumps(POLICIES))
        yield command(
            f"have it keep the {_KEPT} latest images, and others for 30 days",
            "artifacts repositories set-cleanup-policies",
            NAME,
            f"--location={place.region}",
            f"--policy={file}",
            "--no-dry-run",
        )


def found(google: Google, place: Place, release: str) -> str | None:
    """The image of a release (its tag, or its digest) by digest; None if there is none."""
    package = f"v1/{_parent(place)}/packages/{NAME}"
    if _DIGEST.fullmatch(release):
        version = google.get("artifactregistry", f"{package}/versions/{release}")
        return _name(place, release) if version else None
    tag = google.get("artifactregistry", f"{package}/tags/{release}")
    return _name(place, tag["version"].rpartition("/")[2]) if tag else None


def build(place: Place, release: str, work: Path) -> Command:
    """Builds the staged source, as the account that may do only that."""
    tagged = f"{_registry(place)}:{release}"
    docker = {"name": "gcr.io/cloud-builders/docker", "args": ["build", f"--tag={tagged}", "."]}
    account = f"projects/{place.project}/serviceAccounts/{place.account('build')}"
    file = work / "build.json"
    # A build with an account of its own has to say where its log goes.
    file.write_text(
        json.dumps(
            {
                "steps": [docker],
                "images": [tagged],
                "serviceAccount": account,
                "options": {"logging": "CLOUD_LOGGING_ONLY"},
                "timeout": "1200s",
            }
        )
    )
    return command(
        f"build the image of release {release}",
        "builds submit",
        str(work / "source"),
        "--region=global",
        f"--config={file}",
    )


def missing(release: str) -> DeploymentError:
    """What is said where the image of a release is not kept."""
    return DeploymentError(
        f"Artifact Registry has no image of {release}: git checkout that release and deploy it, "
        f"or see `gcloud artifacts docker images list`; the {_KEPT} latest are kept"
    )


def _parent(place: Place) -> str:
    return f"{place.parent}/repositories/{NAME}"


def _registry(place: Place) -> str:
    return f"{place.region}-docker.pkg.dev/{place.project}/{NAME}/{NAME}"


def _name(place: Place, digest: str) -> str:
    return f"{_registry(place)}@{digest}"
