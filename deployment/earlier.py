"""The functions of release 1.0.0, which were Cloud Functions and not Cloud Run services.

A function has a Cloud Run service of the same name below it. The two cannot both be managed, and
1.0.0 may not run beside this release (see the changelog), so the functions have to go first: when
whoever deploys says so, because until the services are there nobody answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from deployment.deployable import LABEL, Place
from deployment.gcloud import Command, command
from deployment.google import DeploymentError, Google


def functions(google: Google, place: Place, names: Sequence[str]) -> list[str]:
    """The functions that `deploy.sh` of 1.0.0 made, known by their label; of `names` if any.

    `google` should be lenient: where Cloud Functions are not enabled there are none.
    """
    listed = google.pages("cloudfunctions", f"v2/{place.parent}/functions", "functions")
    ours = [one["name"].rpartition("/")[2] for one in listed if LABEL in one.get("labels", {})]
    return sorted(name for name in ours if not names or name in names)


def refuse(found: Sequence[str]) -> None:
    """Raises DeploymentError if there are any."""
    if found:
        raise DeploymentError(
            f"Cloud Functions of release 1.0.0 stand in the way: {', '.join(found)}. Stop what "
            "calls them, then run the same command with --replace-functions: it removes them, and "
            "then makes services of their names. Until those are there, for some minutes, nobody "
            "answers. Nothing was changed; the changelog says what else comes with the upgrade"
        )


def removals(found: Sequence[str], place: Place) -> Iterator[Command]:
    """Removes them."""
    for name in found:
        yield command(
            f"remove the function {name} of release 1.0.0, whose place a service takes",
            "functions delete",
            name,
            "--gen2",
            f"--region={place.region}",
        )
