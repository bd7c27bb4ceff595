"""deploy.sh, run with the real gcloud against stand-ins for Google Cloud.

Each run takes seconds of a CPU, so there are four: a first deployment that fails at its
functions, the same command again, one that puts back an earlier release after somebody's changes,
and one that verifies. All else is tried step by step in test_deployment_steps.py.
"""

from __future__ import annotations

import base64
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from deployment import staging
from deployment.deployable import Place
from local.ports import free_port
from shared.schedules import SCHEDULES
from tests.deploy import monitoring_stub, run_stub  # noqa: F401 - the first adds to the stand-in
from tests.deploy.conftest import DEPLOYED
from tests.deploy.support import (
    AGAIN,
    CONFIGURED,
    DATABASE,
    NUMBER,
    PLACE,
    PROJECT,
    REGION,
    ROOT,
    Cloud,
    account,
)

INDEXES = json.loads((ROOT / "firestore.indexes.json").read_text())
GROUPS = f"/v1/{DATABASE}/collectionGroups"
URL = f"https://api-{NUMBER}.{REGION}.run.app"
EDGE = f"https://caseledger-1a2b3c.{REGION[:2]}.gateway.dev"
SERVICES = "/apis/serving.knative.dev/v1/namespaces/"


def bindings(cloud: Cloud, resource: str) -> dict[str, list[str]]:
    found = cloud.google.policies[resource]["bindings"]
    return {binding["role"]: binding["members"] for binding in found}


def test_what_a_service_is_refused_is_shown_with_the_role_and_the_policy_that_it_needs(
    deployed: Cloud,
) -> None:
    first = deployed.output.partition(AGAIN)[0]

    assert "could not apply api: it is new; gcloud says:" in first
    assert "Operation denied by org policy" in first
    assert "roles/run.admin" in first
    assert "constraints/run.managed.requireInvokerIam of the organisation" in first
    assert "Stopped at: functions. When that is put right, run the same command again" in first


def test_the_next_run_goes_on_and_nothing_is_built_twice(deployed: Cloud) -> None:
    second = deployed.output.partition(AGAIN)[2]

    assert len(deployed.google.sent("POST", "/builds")) == 1
    assert len(deployed.google.uploads) == 1
    assert len(deployed.google.sent("POST", SERVICES)) == 2
    assert len(deployed.google.sent("POST", ":batchEnable")) == 1
    assert "  apply api: it is new\n" in second
    assert "index" not in second.partition("Indexes, fields and rules\n")[2].partition("Image")[0]


def test_the_end_shows_the_one_address_and_a_call_that_works(deployed: Cloud) -> None:
    release = run_stub.services(deployed.google)["api"]["metadata"]["labels"]["caseledger-release"]

    assert deployed.output.endswith(
        f"Release {release}: {EDGE}\nTry it: curl --fail-with-body {EDGE}/v1/health\n"
    )


def test_the_gateway_is_made_before_the_functions_which_know_its_address(deployed: Cloud) -> None:
    writes = [call.path for call in deployed.google.writes]
    (container,) = run_stub.services(deployed.google)["api"]["spec"]["template"]["spec"][
        "containers"
    ]

    made = writes.index(f"/v1/projects/{PROJECT}/locations/{REGION}/gateways")
    assert made < next(n for n, path in enumerate(writes) if path.startswith(SERVICES))
    assert {"name": "CASELEDGER_PUBLIC_URL", "value": EDGE} in container["env"]


def test_alerts_are_made_at_the_end_of_the_same_run(deployed: Cloud) -> None:
    first, _, second = deployed.output.partition(AGAIN)

    assert "Metrics, alerts and dashboard\n" not in first
    assert "Metrics, alerts and dashboard\n" in second
    (channel,) = deployed.google.sent("POST", "/notificationChannels")
    assert channel.body["labels"] == {"email_address": "ops@example.com"}


def test_services_are_enabled_before_anything_else_is_written(deployed: Cloud) -> None:
    first = deployed.google.writes[0]

    assert first.path == f"/v1/projects/{PROJECT}/services:batchEnable"
    assert first.body["serviceIds"] == [
        f"{name}.googleapis.com"
        for name in (
            "artifactregistry",
            "cloudbuild",
            "cloudresourcemanager",
            "cloudscheduler",
            "firebaserules",
            "firestore",
            "iam",
            "run",
            "secretmanager",
            "apigateway",
            "servicecontrol",
            "servicemanagement",
            "logging",
            "monitoring",
        )
    ]


def test_each_service_account_has_the_least_rights(deployed: Cloud) -> None:
    made = deployed.google.sent("POST", "/serviceAccounts")
    functions, build = (f"serviceAccount:{account(name)}" for name in ("functions", "build"))

    assert [call.body["accountId"] for call in made] == [
        "caseledger-functions",
        "caseledger-scheduler",
        "caseledger-build",
        "caseledger-gateway",
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


def test_the_database_is_protected_and_backed_up_daily_and_weekly(deployed: Cloud) -> None:
    (database,) = deployed.google.sent("POST", f"/v1/projects/{PROJECT}/databases")[:1]
    daily, weekly = deployed.google.sent("POST", "/backupSchedules")

    assert database.query["databaseId"] == "(default)"
    assert database.body == {
        "cmekConfig": {},
        "databaseEdition": "STANDARD",
        "deleteProtectionState": "DELETE_PROTECTION_ENABLED",
        "locationId": REGION,
        "pointInTimeRecoveryEnablement": "POINT_IN_TIME_RECOVERY_ENABLED",
        "type": "FIRESTORE_NATIVE",
    }
    assert daily.body == {"dailyRecurrence": {}, "retention": f"{7 * 86400}s"}
    assert weekly.body == {
        "weeklyRecurrence": {"day": "SUNDAY"},
        "retention": f"{14 * 7 * 86400}s",
    }


def test_every_index_of_the_file_is_made_once_as_it_says(deployed: Cloud) -> None:
    sent = [
        {"collectionGroup": call.path.split("/")[-2], **call.body}
        for call in deployed.google.sent("POST", GROUPS)
    ]

    def key(entry: dict[str, Any]) -> str:
        return json.dumps(entry, sort_keys=True)

    assert sorted(map(key, sent)) == sorted(map(key, INDEXES["indexes"]))


def without_scope(index: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in index.items() if name != "queryScope"}


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
                "fields": [{"fieldPath": path, **without_scope(index)}],
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


def test_the_build_is_that_of_the_dockerfile_by_the_account_that_may_do_only_that(
    deployed: Cloud,
) -> None:
    (build,) = deployed.google.sent("POST", "/builds")
    (image,) = build.body["images"]

    assert build.body["steps"] == [
        {"name": "gcr.io/cloud-builders/docker", "args": ["build", f"--tag={image}", "."]}
    ]
    assert build.body["serviceAccount"] == f"projects/{PROJECT}/serviceAccounts/{account('build')}"
    assert build.body["options"] == {"logging": "CLOUD_LOGGING_ONLY"}


def test_the_source_holds_the_functions_and_nothing_of_the_tests_or_of_local_runs(
    deployed: Cloud,
) -> None:
    with tarfile.open(fileobj=io.BytesIO(deployed.google.uploads[0])) as source:
        names = source.getnames()
        lock = source.extractfile("requirements.lock")
        assert lock is not None
        assert lock.read() == (ROOT / "requirements.lock").read_bytes()

    tops = {name.split("/")[0] for name in names}
    assert {"functions/cases.py", "shared/edge/function.py"} <= set(names)
    assert tops - {"console"} == {
        *(".dockerignore", "Dockerfile", "functions", "requirements.lock", "shared"),
        "firestore.indexes.json",
        "verify_caseledger.py",
    }
    assert [name for name in names if "__pycache__" in name or name.endswith(".pyc")] == []


def test_a_service_gets_its_line_of_the_table_its_secrets_and_its_account(deployed: Cloud) -> None:
    template = run_stub.services(deployed.google)["api"]["spec"]["template"]["spec"]
    (container,) = template["containers"]
    secret = next(one for one in container["env"] if "valueFrom" in one)

    assert template["serviceAccountName"] == account("functions")
    assert (template["containerConcurrency"], template["timeoutSeconds"]) == (80, 600)
    assert container["resources"]["limits"] == {"cpu": "1000m", "memory": "1Gi"}
    assert secret == {
        "name": "CASELEDGER_RATE_LIMIT_STORAGE",
        "valueFrom": {"secretKeyRef": {"name": "redis-url", "key": "3"}},
    }


def test_the_service_that_signs_has_the_key_as_a_file_and_no_other_has_it(
    deployed: Cloud,
) -> None:
    template = run_stub.services(deployed.google)["api"]["spec"]["template"]["spec"]
    (container,) = template["containers"]
    (path,) = [one["value"] for one in container["env"] if one["name"] == "CASELEDGER_LOG_KEY"]
    (version,) = deployed.google.sent("POST", "caseledger-log-key:addVersion")

    assert path == "/secrets/log-key/key.pem"
    assert container["volumeMounts"][0] == {"name": "log-key", "mountPath": "/secrets/log-key"}
    files = [{"key": "latest", "path": "key.pem"}]
    secret = {"secretName": "caseledger-log-key", "items": files}
    assert template["volumes"][0] == {"name": "log-key", "secret": secret}
    key = base64.b64decode(version.body["payload"]["data"])
    assert key.startswith(b"-----BEGIN PRIVATE KEY-----")
    assert bindings(deployed, f"projects/{PROJECT}/secrets/caseledger-log-key") == {
        "roles/secretmanager.secretAccessor": [f"serviceAccount:{account('functions')}"]
    }
    names = ["seal_audit", "get_intervention_receipt", "get_receipt_keys", "get_case"]
    found = staging.deployables(names, Place(PROJECT, "europe-west1"), {})
    signs = ["CASELEDGER_LOG_KEY" in one.environment for one in found]
    assert signs == [True, True, True, False]


def test_the_functions_that_make_webhooks_have_their_key_and_no_other_has_it(
    deployed: Cloud,
) -> None:
    template = run_stub.services(deployed.google)["api"]["spec"]["template"]["spec"]
    (container,) = template["containers"]
    (path,) = [one["value"] for one in container["env"] if one["name"] == "CASELEDGER_WEBHOOK_KEY"]
    (version,) = deployed.google.sent("POST", "caseledger-webhook-key:addVersion")

    assert path == "/secrets/webhook-key/keys.txt"
    mount = {"name": "webhook-key", "mountPath": "/secrets/webhook-key"}
    assert container["volumeMounts"][1] == mount
    files = [{"key": "latest", "path": "keys.txt"}]
    secret = {"secretName": "caseledger-webhook-key", "items": files}
    assert template["volumes"][1] == {"name": "webhook-key", "secret": secret}
    key = base64.b64decode(base64.b64decode(version.body["payload"]["data"]))
    assert len(key) == 32
    assert bindings(deployed, f"projects/{PROJECT}/secrets/caseledger-webhook-key") == {
        "roles/secretmanager.secretAccessor": [f"serviceAccount:{account('functions')}"]
    }
    names = ["create_webhook", "update_webhook", "rotate_webhook_secret"]
    others = ["list_webhooks", "delete_webhook", "get_case", "seal_audit"]
    found = staging.deployables([*names, *others], Place(PROJECT, "europe-west1"), {})
    has_key = [one.entry_point for one in found if "CASELEDGER_WEBHOOK_KEY" in one.environment]
    assert has_key == names


def test_the_jobs_call_the_service_itself_with_a_token_made_out_for_it(deployed: Cloud) -> None:
    jobs = deployed.scheduler.jobs.values()

    assert len(jobs) == len(SCHEDULES)
    assert {job.http_target.oidc_token.audience for job in jobs} == {URL}
    assert {job.http_target.oidc_token.service_account_email for job in jobs} == {
        account("scheduler")
    }
    assert {job.http_target.uri for job in jobs} == {URL + one.path for one in SCHEDULES}


def test_nothing_but_the_listed_services_is_called(deployed: Cloud) -> None:
    assert deployed.google.unknown == []


def test_an_earlier_release_replaces_what_somebody_changed_in_one_call_and_no_build(
    deployed: Cloud,
) -> None:
    earlier = "0123456789abcdef"
    deployed.google.resources["images"][earlier] = f"sha256:{'1' * 64}"
    live = deployed.google.resources["run/api"]
    live["spec"]["template"]["spec"]["containers"][0]["env"] = []
    deployed.forget_calls()

    done = deployed.deploy(*PLACE, *DEPLOYED, f"--rollback={earlier}", **CONFIGURED)

    assert done.returncode == 0, done.stderr
    assert [(one.method, one.path) for one in deployed.google.writes] == [
        ("PUT", f"{SERVICES}{PROJECT}/services/api")
    ]
    assert "apply api: release, image, environment\n" in done.stdout
    service = run_stub.services(deployed.google)["api"]
    (container,) = service["spec"]["template"]["spec"]["containers"]
    assert container["image"].endswith(f"@sha256:{'1' * 64}")
    assert service["metadata"]["labels"]["caseledger-release"] == earlier
    assert deployed.scheduler.writes == []


def test_what_is_deployed_is_tried_and_what_failed_is_the_exit_status(deployed: Cloud) -> None:
    deployed.forget_calls()

    nobody = f"http://127.0.0.1:{free_port()}"
    environment = {**CONFIGURED, "CASELEDGER_PUBLIC_URL": nobody}
    done = deployed.deploy(*PLACE, *DEPLOYED[:2], "--verify", **environment)

    shown = re.findall(r"^(held|FAILED|not tried) +(\S.*?)  +(.*)$", done.stdout, re.MULTILINE)
    rows = {name: (outcome, found) for outcome, name, found in shown}
    assert done.returncode == 1, done.stdout + done.stderr
    assert rows["rules"] == ("held", "firestore.rules is in force")
    assert rows["indexes and expiry"][0] == "held"
    assert rows["edge"][0] == "not tried"
    assert rows["drift"] == ("FAILED", "1 differ: api (environment)")
    # Queries are asked and tokens made by POST, and the accounts that the tokens made are removed.
    asked = (":runQuery", ":generateIdToken", ":signJwt", ":signInWithCustomToken", ":delete")
    assert [call for call in deployed.google.writes if not call.path.endswith(asked)] == []
    assert deployed.scheduler.writes == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--regoin=x"], "unknown option --regoin=x"), (["--project"], "--project needs a value")],
)
def test_an_unknown_option_is_refused(cloud: Cloud, arguments: list[str], message: str) -> None:
    done = cloud.deploy(*arguments)

    assert done.returncode == 2
    assert message in done.stderr


def test_help_is_the_head_of_the_script(cloud: Cloud) -> None:
    done = cloud.deploy("--help")

    assert (done.returncode, done.stderr) == (0, "")
    assert "./deploy.sh [--project P] [--region R]" in done.stdout
    assert "set -euo" not in done.stdout


def test_project_and_region_may_come_from_the_configuration_of_gcloud(tmp_path: Path) -> None:
    script = shutil.copy(ROOT / "deploy.sh", tmp_path)
    gcloud = "#!/bin/sh\ncase $3 in project) echo acme-prod ;; *) echo europe-west1 ;; esac\n"
    python = '#!/bin/sh\ncase $1 in -m) echo "$@" ;; esac\n'
    for name, text in ((".venv/bin/python", python), ("bin/gcloud", gcloud)):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)

    done = subprocess.run(
        [script, "--dry-run"],
        env={**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "Project acme-prod, from gcloud's configuration.\n" in done.stdout
    assert "Region europe-west1, from gcloud's configuration.\n" in done.stdout
    stage, first, second = re.findall(r"-m deployment .*--dry-run -- (.*)", done.stdout)
    assert stage == "stage"
    assert first == "services,accounts,database,key,roles,bucket,indexes,image,ready"
    assert second == "edge,functions,jobs,gateway"


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
