"""deploy.sh, run with the real gcloud against stand-ins for Google Cloud."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest

from functions.api import FUNCTIONS
from local.ports import free_port
from shared.schedules import SCHEDULES
from tests.deploy.support import (
    CONFIGURED,
    DATABASE,
    ORIGINS,
    PARENT,
    PLACE,
    PROJECT,
    REGION,
    ROOT,
    Cloud,
    account,
)

INDEXES = json.loads((ROOT / "firestore.indexes.json").read_text())
GROUPS = f"/v1/{DATABASE}/collectionGroups"
URL = f"https://{REGION}-{PROJECT}.cloudfunctions.net"
MEMBERS = {"GOOGLE_CLOUD_PROJECT": PROJECT, "CASELEDGER_ALLOWED_ORIGINS": ORIGINS}
NAMES = ["get_case", "expire_interventions"]
DEPLOYED = [name.replace("_", "-") for name in NAMES]


def bindings(cloud: Cloud, resource: str) -> dict[str, list[str]]:
    found = cloud.google.policies[resource]["bindings"]
    return {binding["role"]: binding["members"] for binding in found}


def created(cloud: Cloud) -> dict[str, Any]:
    """The bodies that made functions, by name."""
    calls = cloud.google.sent("POST", f"{PARENT}/functions")
    return {call.query["functionId"]: call.body for call in calls if call.body}


def test_services_are_enabled_before_anything_else_is_written(deployed: Cloud) -> None:
    first = deployed.google.writes[0]

    assert first.path == f"/v1/projects/{PROJECT}/services:batchEnable"
    assert first.body["serviceIds"] == [
        f"{name}.googleapis.com"
        for name in (
            "artifactregistry",
            "cloudbuild",
            "cloudfunctions",
            "cloudresourcemanager",
            "cloudscheduler",
            "firebaserules",
            "firestore",
            "iam",
            "run",
            "secretmanager",
        )
    ]


def test_each_service_account_has_the_least_rights(deployed: Cloud) -> None:
    made = deployed.google.sent("POST", "/serviceAccounts")
    functions, build = (f"serviceAccount:{account(name)}" for name in ("functions", "build"))

    assert [call.body["accountId"] for call in made] == [
        "caseledger-functions",
        "caseledger-scheduler",
        "caseledger-build",
    ]
    assert bindings(deployed, f"projects/{PROJECT}") == {
        "roles/datastore.user": [functions],
        "roles/artifactregistry.writer": [build],
        "roles/logging.logWriter": [build],
        "roles/storage.objectViewer": [build],
    }
    assert bindings(deployed, f"projects/{PROJECT}/secrets/redis-url") == {
        "roles/secretmanager.secretAccessor": [functions]
    }


def test_the_database_is_protected_and_backed_up_daily(deployed: Cloud) -> None:
    (database,) = deployed.google.sent("POST", f"/v1/projects/{PROJECT}/databases")[:1]
    (backup,) = deployed.google.sent("POST", "/backupSchedules")

    assert database.query["databaseId"] == "(default)"
    assert database.body == {
        "cmekConfig": {},
        "databaseEdition": "STANDARD",
        "deleteProtectionState": "DELETE_PROTECTION_ENABLED",
        "locationId": REGION,
        "pointInTimeRecoveryEnablement": "POINT_IN_TIME_RECOVERY_ENABLED",
        "type": "FIRESTORE_NATIVE",
    }
    assert backup.body == {"dailyRecurrence": {}, "retention": f"{14 * 7 * 86400}s"}


def test_every_index_of_the_file_is_made_as_it_says(deployed: Cloud) -> None:
    sent = [
        {"collectionGroup": call.path.split("/")[-2], **call.body}
        for call in deployed.google.sent("POST", GROUPS)
    ]

    def key(entry: dict[str, Any]) -> str:
        return json.dumps(entry, sort_keys=True)

    assert sorted(map(key, sent)) == sorted(map(key, INDEXES["indexes"]))


def test_every_field_override_and_expiry_of_the_file_is_made_as_it_says(deployed: Cloud) -> None:
    sent = {
        tuple(call.path.split("/")[-3::2]): call.body
        for call in deployed.google.sent("PATCH", GROUPS)
    }

    assert len(sent) == len(INDEXES["fieldOverrides"])
    for entry in INDEXES["fieldOverrides"]:
        path = entry["fieldPath"]
        indexes = [
            {
                "queryScope": index["queryScope"],
                "fields": [{"fieldPath": path, "order": index["order"]}],
            }
            for index in entry["indexes"]
        ]
        expiry: dict[str, Any] = {"ttlConfig": {}} if entry.get("ttl") else {}
        assert sent[entry["collectionGroup"], path] == {
            "indexConfig": {"indexes": indexes},
            **expiry,
        }


def test_the_rules_are_released_as_they_are_in_the_file(deployed: Cloud) -> None:
    (ruleset,) = deployed.google.sent("POST", "/rulesets")
    (release,) = deployed.google.sent("POST", "/releases")
    (file,) = ruleset.body["source"]["files"]

    assert file == {"name": "firestore.rules", "content": (ROOT / "firestore.rules").read_text()}
    assert release.body["name"] == f"projects/{PROJECT}/releases/cloud.firestore"
    assert release.body["rulesetName"] in deployed.google.resources


@pytest.mark.parametrize(
    ("name", "settings", "environment"),
    [
        ("get_case", ("512Mi", 16, 10, 60), MEMBERS),
        (
            "expire_interventions",
            ("512Mi", 1, 2, 600),
            MEMBERS
            | {
                "CASELEDGER_SCHEDULER_EMAIL": account("scheduler"),
                "CASELEDGER_SCHEDULER_AUDIENCE": f"{URL}/expire-interventions",
            },
        ),
    ],
)
def test_a_function_gets_its_line_of_the_table_and_its_environment(
    deployed: Cloud, name: str, settings: tuple[str, int, int, int], environment: dict[str, str]
) -> None:
    memory, concurrency, instances, timeout = settings
    body = created(deployed)[name.replace("_", "-")]
    build = body["buildConfig"]
    release = body["labels"].pop("caseledger-release")

    assert re.fullmatch("[0-9a-f]{16}", release)
    assert body["labels"] == {"deployment-tool": "cli-gcloud"}
    assert (build["entryPoint"], build["runtime"]) == (name, "python311")
    assert build["serviceAccount"] == f"projects/{PROJECT}/serviceAccounts/{account('build')}"
    assert body["serviceConfig"] == {
        "allTrafficOnLatestRevision": True,
        "availableCpu": "1",
        "availableMemory": memory,
        "environmentVariables": environment | {"THREADS": str(concurrency)},
        "maxInstanceCount": instances,
        "maxInstanceRequestConcurrency": concurrency,
        "minInstanceCount": 0,
        "secretEnvironmentVariables": [
            {
                "key": "CASELEDGER_RATE_LIMIT_STORAGE",
                "projectId": "123456",  # the number, which gcloud asks for
                "secret": "redis-url",
                "version": "3",
            }
        ],
        "serviceAccountEmail": account("functions"),
        "timeoutSeconds": timeout,
    }


def test_only_the_named_functions_are_deployed(deployed: Cloud) -> None:
    assert sorted(created(deployed)) == sorted(DEPLOYED)


def test_members_reach_their_functions_and_only_the_scheduler_reaches_its_own(
    deployed: Cloud,
) -> None:
    callers = {
        name: bindings(deployed, f"{PARENT}/services/{name}")["roles/run.invoker"]
        for name in DEPLOYED
    }

    assert callers == {
        "get-case": ["allUsers"],
        "expire-interventions": [f"serviceAccount:{account('scheduler')}"],
    }


def test_the_scheduler_gets_a_job_for_each_function_that_is_there(deployed: Cloud) -> None:
    (job,) = deployed.scheduler.jobs.values()

    assert job.name == f"{PARENT}/jobs/caseledger-expire-interventions"
    assert job.http_target.uri == f"{URL}/expire-interventions{SCHEDULES[0].path}"
    assert job.http_target.oidc_token.audience == f"{URL}/expire-interventions"
    assert job.http_target.oidc_token.service_account_email == account("scheduler")


def test_nothing_but_the_listed_services_is_called(deployed: Cloud) -> None:
    assert deployed.google.unknown == []


def test_the_source_holds_the_functions_and_nothing_of_the_tests_or_of_local_runs(
    deployed: Cloud,
) -> None:
    names = zipfile.ZipFile(io.BytesIO(deployed.google.uploads[0])).namelist()

    assert {"main.py", "requirements.txt", "functions/cases.py", "shared/edge/function.py"} <= set(
        names
    )
    assert {name.split("/")[0] for name in names} == {
        "functions",
        "main.py",
        "requirements.txt",
        "shared",
    }
    assert [name for name in names if "__pycache__" in name or name.endswith(".pyc")] == []


def test_what_google_installs_is_what_was_tested(deployed: Cloud) -> None:
    source = zipfile.ZipFile(io.BytesIO(deployed.google.uploads[0]))

    assert source.read("requirements.txt") == (ROOT / "requirements.lock").read_bytes()


def test_the_uploaded_source_answers_under_the_functions_framework(
    deployed: Cloud, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    zipfile.ZipFile(io.BytesIO(deployed.google.uploads[0])).extractall(source)
    port = free_port()
    command = [f"{Path(sys.executable).parent}/functions-framework", "--target=openapi"]
    environment = {**os.environ, "GOOGLE_CLOUD_PROJECT": PROJECT, "K_SERVICE": "openapi"}
    with subprocess.Popen(
        [*command, "--host=127.0.0.1", f"--port={port}"], cwd=source, env=environment
    ) as server:
        try:
            answer = asked(f"http://127.0.0.1:{port}/v1/openapi.json")
        finally:
            server.terminate()

    assert answer.status_code == 200
    assert answer.json()["openapi"].startswith("3.1")


def asked(url: str) -> httpx.Response:
    """The answer, as soon as the server listens."""
    until = time.monotonic() + 20
    while True:
        try:
            return httpx.get(url, trust_env=False)
        except httpx.ConnectError:
            assert time.monotonic() < until
            time.sleep(0.05)


def test_a_second_run_changes_nothing(deployed: Cloud) -> None:
    deployed.forget_calls()

    done = deployed.deploy(*PLACE, *NAMES, **CONFIGURED)

    assert done.returncode == 0, done.stderr
    deployed.assert_nothing_written()
    assert deployed.google.unknown == []
    assert "is deployed" not in done.stdout


@pytest.mark.usefixtures("gcloud")
def test_a_step_that_fails_stops_with_what_gcloud_says_and_how_to_go_on(cloud: Cloud) -> None:
    cloud.google.refuse("POST", ":batchEnable", 403, "PERMISSION_DENIED", "You may not enable.")

    done = cloud.deploy(*PLACE, "--one-service")

    assert done.returncode == 1
    assert "You may not enable." in done.stderr
    assert done.stderr.endswith(
        "Stopped at: services. When that is put right, run the same command again: "
        "it goes on from here.\n"
    )
    assert len(cloud.google.writes) == 1


def test_a_failed_deployment_shows_its_log_and_the_next_run_goes_on(deployed: Cloud) -> None:
    deployed.forget_calls()
    deployed.google.refuse(
        "POST", f"{PARENT}/functions:", 403, "PERMISSION_DENIED", "You may not upload."
    )
    arguments = (*PLACE, "get_case", "health")

    first = deployed.deploy(*arguments, **CONFIGURED)

    assert first.returncode == 1
    assert "health was not deployed" in first.stderr
    assert "You may not upload." in first.stderr
    assert "Stopped at: functions." in first.stderr
    assert "run the same command again" in first.stderr
    deployed.assert_nothing_written()

    second = deployed.deploy(*arguments, **CONFIGURED)

    assert second.returncode == 0, second.stderr
    assert list(created(deployed)) == ["health"]
    assert second.stdout.endswith(f"Done: {URL}/health/v1/health\n")


def test_one_service_behind_the_gateway_is_api_alone_and_the_jobs_follow(deployed: Cloud) -> None:
    deployed.forget_calls()

    done = deployed.deploy(*PLACE, "--one-service", "--gateway", **CONFIGURED)

    assert done.returncode == 0, done.stderr
    body = created(deployed)["api"]
    variables = body["serviceConfig"]["environmentVariables"]
    assert list(created(deployed)) == ["api"]
    assert variables["CASELEDGER_SCHEDULER_AUDIENCE"] == f"{URL}/api"
    assert body["serviceConfig"]["timeoutSeconds"] == 600
    assert bindings(deployed, f"{PARENT}/services/api") == {"roles/run.invoker": ["allUsers"]}
    assert len(deployed.scheduler.jobs) == len(SCHEDULES)
    audiences = {job.http_target.oidc_token.audience for job in deployed.scheduler.jobs.values()}
    assert audiences == {f"{URL}/api"}
    (config,) = deployed.google.sent("POST", "/configs")
    (gateway,) = deployed.google.sent("POST", "/gateways")
    assert gateway.body["apiConfig"].endswith(f"/configs/{config.query['apiConfigId']}")
    assert config.body["gatewayServiceAccount"] == account("gateway")
    assert "left alone: expire-interventions, get-case;" in done.stderr
    assert deployed.google.unknown == []


@pytest.mark.usefixtures("gcloud")
def test_a_dry_run_of_everything_shows_it_and_writes_nothing(cloud: Cloud) -> None:
    configurations = cloud.directory / "gcloud" / "configurations"
    configurations.mkdir()
    (configurations.parent / "active_config").write_text("default")
    (configurations / "config_default").write_text(
        f"[core]\nproject = {PROJECT}\n[functions]\nregion = {REGION}\n"
    )

    done = cloud.deploy("--dry-run", "--gateway")

    assert done.returncode == 0, done.stderr
    cloud.assert_nothing_written()
    assert f"Project {PROJECT}, from gcloud's configuration." in done.stdout
    assert f"Region {REGION}, from gcloud's configuration." in done.stdout
    shown = re.findall(r"gcloud functions deploy (\S+) ", done.stdout)
    assert shown == [name.replace("_", "-") for name in (*FUNCTIONS, "console")]
    closed = re.findall(r"deploy (\S+) .*--no-allow-unauthenticated", done.stdout)
    assert closed == [schedule.function.replace("_", "-") for schedule in SCHEDULES]
    assert "gcloud firestore databases create --database=\\(default\\)" in done.stdout
    assert "gcloud api-gateway gateways create caseledger" in done.stdout
    assert done.stdout.count("  index ") == len(INDEXES["indexes"])
    assert done.stdout.count("  field ") == len(INDEXES["fieldOverrides"])


@pytest.mark.usefixtures("gcloud")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--regoin=x"], "unknown option --regoin=x"),
        (["--project"], "--project needs a value"),
        ([*PLACE, "no_such_function"], "no such function: no_such_function"),
        ([*PLACE, "--one-service", "get_case"], "name no function"),
        ([*PLACE, "--gateway", "get_case"], "name none"),
        (["--project=Acme Prod", "--region=europe-west1"], "'Acme Prod' is not a project's id"),
        (["--project=acme-prod", "--region=europe"], "'europe' is not a region"),
    ],
)
def test_a_bad_flag_fails_before_anything_is_sent(
    cloud: Cloud, arguments: list[str], message: str
) -> None:
    done = cloud.deploy(*arguments)

    assert done.returncode != 0
    assert message in done.stderr
    assert cloud.google.calls + cloud.google.unknown + cloud.scheduler.calls == []


def test_help_is_the_head_of_the_script(cloud: Cloud) -> None:
    done = cloud.deploy("--help")

    assert (done.returncode, done.stderr) == (0, "")
    assert "./deploy.sh [--project P] [--region R]" in done.stdout
    assert "set -euo" not in done.stdout


def test_without_what_it_needs_on_this_machine_it_says_how_to_get_it(tmp_path: Path) -> None:
    script = shutil.copy(ROOT / "deploy.sh", tmp_path)
    for name, code in ((".venv/bin/python", 1), ("bin/gcloud", 0)):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(f"#!/bin/sh\nexit {code}\n")
        (tmp_path / name).chmod(0o755)

    done = subprocess.run(
        [script, *PLACE],
        env={**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert "run this first: make .venv/deployment" in done.stderr
