"""The bucket of checkpoints: made with its retention, closed to all others, locked when told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.deploy import storage_stub  # noqa: F401 - it adds to the stand-in
from tests.deploy.support import REGION, Cloud, account
from tests.deploy.test_deployment_steps import Step, step  # noqa: F401 - a fixture

NAME = "acme-checkpoints"
ASKED = f"--log-bucket={NAME}"
DECADE = 10 * 365 * 86_400 + 216_000
CLOSED = {
    "uniformBucketLevelAccess": {"enabled": True},
    "publicAccessPrevention": "enforced",
}


def there(step: Step, **fields: Any) -> dict[str, Any]:  # noqa: F811 - the fixture's name
    """A bucket as it should be, but for some fields."""
    policy = {"retentionPeriod": str(DECADE), "isLocked": False}
    found = {"iamConfiguration": CLOSED, "metageneration": "3", "retentionPolicy": policy, **fields}
    step.google.resources[f"bucket/{NAME}"] = found
    return found


def test_the_bucket_keeps_for_ten_years_and_nobody_but_the_functions_is_let_in(
    step: Step,  # noqa: F811
) -> None:
    said = step.lines("bucket", ASKED)

    (made,) = step.called
    assert made == (
        "storage",
        "buckets",
        "create",
        f"gs://{NAME}",
        f"--location={REGION}",
        "--retention-period=P10Y",
        "--uniform-bucket-level-access",
        "--public-access-prevention",
    )
    functions = f"serviceAccount:{account('functions')}"
    assert step.google.policies[f"bucket/{NAME}"]["bindings"] == [
        {"role": "roles/storage.objectCreator", "members": [functions]},
        {"role": "roles/storage.objectViewer", "members": [functions]},
    ]
    assert not [line for line in said if "lock" in line]


def test_a_second_run_changes_nothing_and_never_a_retention_that_is_there(
    step: Step,  # noqa: F811
) -> None:
    there(step, retentionPolicy={"retentionPeriod": "86400"})
    step.lines("bucket", ASKED)
    step.google.calls.clear()

    assert step.lines("bucket", ASKED) == []
    assert (step.called, step.google.writes) == ([], [])


def test_a_bucket_that_is_there_gets_what_it_lacks(step: Step) -> None:  # noqa: F811
    there(step, retentionPolicy=None, iamConfiguration={"publicAccessPrevention": "inherited"})

    step.lines("bucket", ASKED)

    assert [one[4:] for one in step.called] == [
        ("--retention-period=P10Y",),
        ("--uniform-bucket-level-access", "--public-access-prevention"),
    ]


def test_the_retention_is_locked_only_where_that_is_said_and_only_once(
    step: Step,  # noqa: F811
) -> None:
    bucket = there(step)
    step.lines("bucket", ASKED)
    assert not bucket["retentionPolicy"]["isLocked"]

    said = step.lines("bucket", ASKED, "--lock")

    assert said == [
        f"lock the retention of the bucket {NAME} for ever: nobody can shorten the 3652 days"
    ]
    assert bucket["retentionPolicy"]["isLocked"]
    assert step.lines("bucket", ASKED, "--lock") == []


def test_a_dry_run_says_that_it_would_lock_and_writes_nothing(step: Step) -> None:  # noqa: F811
    said = step.lines("bucket", ASKED, "--lock", "--dry-run")

    assert said[-1].startswith(f"lock the retention of the bucket {NAME} for ever")
    assert step.google.writes == []


def test_a_lock_without_a_bucket_is_refused_before_anything_is_done(step: Step) -> None:  # noqa: F811
    step.lines("stage", "--lock")

    assert step.code == 1
    assert "--lock needs the bucket" in step.error
    assert (step.called, step.google.calls) == ([], [])
    assert step.lines("bucket") == []


@pytest.mark.parametrize("asked", [True, False])
def test_the_functions_know_the_bucket_that_is_asked_for_or_configured(
    step: Step,  # noqa: F811
    cloud: Cloud,
    *,
    asked: bool,
) -> None:
    arguments = [ASKED] if asked else []
    variables = {} if asked else {"CASELEDGER_LOG_BUCKET": NAME}
    step.lines("stage", *arguments, "purge_records", **variables)

    text = (cloud.directory / "work" / "functions").read_text()
    assert f'"CASELEDGER_LOG_BUCKET": "{NAME}"' in text


def test_a_bucket_that_is_only_configured_is_left_alone(step: Step) -> None:  # noqa: F811
    assert step.lines("bucket", CASELEDGER_LOG_BUCKET=NAME) == []

    assert (step.called, step.google.calls) == ([], [])
    assert "storage.googleapis.com" not in step.calls("services")[0]
    assert "storage.googleapis.com" in step.calls("services", ASKED)[0]


@pytest.mark.usefixtures("gcloud")
def test_gcloud_makes_the_bucket_as_it_is_told(cloud: Cloud) -> None:
    """With the real gcloud, for this one step."""
    done = cloud.step_of_its_own("bucket", ASKED)

    assert done.returncode == 0, done.stdout + done.stderr
    made = cloud.google.resources[f"bucket/{NAME}"]
    assert made["location"].lower() == REGION
    assert int(made["retentionPolicy"]["retentionPeriod"]) == DECADE
    assert made["iamConfiguration"]["publicAccessPrevention"] == "enforced"
    assert made["iamConfiguration"]["uniformBucketLevelAccess"]["enabled"] is True
    assert cloud.google.unknown == []
