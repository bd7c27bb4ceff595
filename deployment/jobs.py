"""The Cloud Scheduler jobs for what is deployed, from the table in `shared/schedules.py`."""

from __future__ import annotations

from collections.abc import Container
from urllib.parse import urlsplit

import grpc
from google.cloud.scheduler_v1 import CloudSchedulerClient
from google.cloud.scheduler_v1.services.cloud_scheduler.transports import (
    CloudSchedulerGrpcTransport,
)
from google.cloud.scheduler_v1.types import Job
from google.oauth2.credentials import Credentials

from deployment import scheduler_jobs
from deployment.deployable import Place
from deployment.google import DeploymentError, Google
from shared.schedules import SCHEDULES

_SECONDS = 30.0


def reconcile(
    google: Google, place: Place, there: Container[str], *, one_service: bool, apply: bool
) -> None:
    """Makes the jobs call the deployed functions `there`, or `api`. Raises DeploymentError."""
    target = scheduler_jobs.Target(
        f"projects/{place.project}/locations/{place.region}",
        place.url("api" if one_service else "{function}"),
        place.account("scheduler"),
    )
    wanted = [
        target.job(schedule)
        for schedule in SCHEDULES
        if ("api" if one_service else schedule.function.replace("_", "-")) in there
    ]
    try:
        with _client(google) as client:
            jobs = scheduler_jobs.Jobs(client, target.parent, _SECONDS)
            scheduler_jobs.reconcile(jobs, wanted, apply=apply, prune=False)
    except scheduler_jobs.SchedulerError as error:
        raise DeploymentError(f"Cloud Scheduler: {error}") from error


def listed(google: Google, place: Place) -> list[Job]:
    """Every job of the region. Raises DeploymentError."""
    parent = f"projects/{place.project}/locations/{place.region}"
    try:
        with _client(google) as client:
            return scheduler_jobs.Jobs(client, parent, _SECONDS).all()
    except scheduler_jobs.SchedulerError as error:
        raise DeploymentError(f"Cloud Scheduler: {error}") from error


def _client(google: Google) -> CloudSchedulerClient:
    """A client that is signed in as gcloud is; Google's library by itself would not be."""
    url = urlsplit(google.base("cloudscheduler"))
    if url.scheme == "http":
        channel = grpc.insecure_channel(url.netloc)
        return CloudSchedulerClient(
            transport=CloudSchedulerGrpcTransport(host=url.netloc, channel=channel)
        )
    credentials = Credentials(google.token, quota_project_id=google.project)  # type: ignore[no-untyped-call]
    return CloudSchedulerClient(
        credentials=credentials, client_options={"api_endpoint": url.netloc}
    )
