"""The functions of release 1.0.0, which were Cloud Functions and not Cloud Run services.

A function has a Cloud Run service of the same name below it. The two cannot both be managed, and
1.0.0 may not run beside this release (see the changelog), so the functions are removed first.
"""

from __future__ import annotations

from collections.abc import Iterator

from deployment.deployable import LABEL, Place
from deployment.gcloud import Command, command
from deployment.google import Google


def removals(google: Google, place: Place) -> Iterator[Command]:
    """Removes the functions that `deploy.sh` of 1.0.0 made, which are known by their label."""
    listed = google.pages("cloudfunctions", f"v2/{place.parent}/functions", "functions")
    for function in listed:
        if LABEL in function.get("labels", {}):
            name = function["name"].rpartition("/")[2]
            yield command(
                f"remove the function {name} of release 1.0.0, whose place a service takes",
                "functions delete",
                name,
                "--gen2",
                f"--region={place.region}",
            )
