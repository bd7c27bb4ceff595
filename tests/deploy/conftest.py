"""A project on stand-ins for Google Cloud: new, or as deploy.sh left it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.support import (
    AGAIN,
    CONFIGURED,
    PLACE,
    Cloud,
    no_gcloud,
    only_one,
    running_cloud,
    running_gcloud,
)

DEPLOYED = ("--one-service", "--edge=gateway", "--alerts=ops@example.com")
REFUSED = "Operation denied by org policy: constraints/run.managed.requireInvokerIam"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    """A new project."""
    with running_cloud(tmp_path) as started:
        yield started


@pytest.fixture(scope="session")
def loaded_gcloud() -> Iterator[Path]:
    """Where the real gcloud is; where there is none the test is not run, which is said loudly."""
    if missing := no_gcloud():
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI needs gcloud: {missing}")
        pytest.skip(missing)
    with running_gcloud() as directory:
        yield directory


@pytest.fixture
def gcloud(cloud: Cloud, loaded_gcloud: Path) -> None:
    """The project is called with the real gcloud."""
    cloud.environment["PATH"] = os.pathsep.join([str(loaded_gcloud), os.environ["PATH"]])


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the one deployment is kept that the tests of all processes look at."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "deployed.pickle"


@pytest.fixture
def deployed(gcloud: None, cloud: Cloud, recording: Path) -> Cloud:  # noqa: ARG001 - it skips
    """The project after deploy.sh failed at a service, and was run again."""
    with only_one(recording.with_suffix(".lock")):
        if not recording.exists():
            cloud.google.refuse("POST", "/namespaces/", 400, "FAILED_PRECONDITION", REFUSED)
            first = cloud.deploy(*PLACE, *DEPLOYED, **CONFIGURED)
            assert first.returncode == 1, first.stdout + first.stderr
            cloud.google.refusals.clear()
            second = cloud.deploy(*PLACE, *DEPLOYED, **CONFIGURED)
            assert second.returncode == 0, second.stdout + second.stderr
            said = f"{first.stdout}{first.stderr}{AGAIN}{second.stdout}"
            recording.write_bytes(cloud.recorded(said))
    cloud.output = cloud.replay(recording.read_bytes())
    return cloud
