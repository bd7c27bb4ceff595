"""The steps of deploy.sh one by one: what they find, and which calls of gcloud they ask for."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV2SpecValidator

from deployment import staging, table
from deployment.deployable import Place, Resources
from deployment.gateway import description
from functions.api import FUNCTIONS, ROUTES, console
from shared.models.intervention import MAX_WAIT_SECONDS
from shared.rules.callers import SCHEDULERS
from shared.schedules import SCHEDULES
from tests.deploy.google_stub import GoogleStub
from tests.deploy.support import (
    DATABASE,
    PARENT,
    PROJECT,
    REGION,
    ROOT,
    SECRETS,
    Cloud,
    account,
)

PROTECTED = {
    "type": "FIRESTORE_NATIVE",
    "deleteProtectionState": "DELETE_PROTECTION_ENABLED",
    "pointInTimeRecoveryEnablement": "POINT_IN_TIME_RECOVERY_ENABLED",
}
EVERYBODY = {"role": "roles/run.invoker", "members": ["allUsers"]}


class Step:
    """Runs a step in this process; `lines` are the calls of gcloud that it asks for."""

    def __init__(
        self, cloud: Cloud, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.google = cloud.google
        self._cloud = cloud
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        self.code = 0
        self.error = ""

    def lines(self, *arguments: str, **variables: str) -> list[list[str]]:
        self.code = self._cloud.step(self._monkeypatch, *arguments, **variables)
        output = self._capsys.readouterr()
        self.error = output.err
        return [line.split("\t") for line in output.out.splitlines()]

    def names(self, *arguments: str, **variables: str) -> list[str]:
        return [line[0] for line in self.lines(*arguments, **variables)]


@pytest.fixture
def step(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Step:
    monkeypatch.setattr("time.sleep", lambda _: None)
    return Step(cloud, monkeypatch, capsys)


def put(google: GoogleStub, name: str, **resource: Any) -> None:
    google.resources[name] = {"name": name, **resource}


def deploy(step: Step, *names: str, **variables: str) -> None:
    """Does what the plan says, as gcloud would."""
    step.lines("stage", *names, **variables)
    for name, *arguments in step.lines("functions", *names, **variables):
        flag = next(one for one in arguments if one.startswith("--update-labels="))
        label, _, release = flag.removeprefix("--update-labels=").partition("=")
        put(
            step.google,
            f"{PARENT}/functions/{name}",
            labels={label: release},
            state="ACTIVE",
            serviceConfig={"service": f"{PARENT}/services/{name}"},
        )


def test_a_function_is_deployed_again_when_its_environment_changes(step: Step) -> None:
    deploy(step, "get_case", "health")

    step.lines("stage", "get_case", "health", CASELEDGER_AUDIENCE="acme")

    assert step.names("functions", "get_case", "health") == ["get-case", "health"]


def test_a_function_is_deployed_again_when_its_line_of_the_table_changes(
    step: Step, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(step, "get_case", "health")
    monkeypatch.setitem(table.SPECIAL, "get_case", replace(table.USUAL, memory="1Gi"))

    step.lines("stage", "get_case", "health")

    assert step.names("functions", "get_case", "health") == ["get-case"]


def test_a_function_is_deployed_again_when_a_staged_file_changes(
    step: Step, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(step, "get_case")
    staged = staging.stage

    def otherwise(directory: Path) -> None:
        staged(directory)
        (directory / "shared" / "chain.py").write_text("")

    monkeypatch.setattr(staging, "stage", otherwise)
    step.lines("stage", "get_case")

    assert step.names("functions", "get_case") == ["get-case"]


def test_a_function_whose_deployment_failed_is_deployed_again(step: Step) -> None:
    deploy(step, "get_case")
    step.google.resources[f"{PARENT}/functions/get-case"]["state"] = "FAILED"

    assert step.names("functions", "get_case") == ["get-case"]


def test_an_unchanged_function_is_left_alone(step: Step) -> None:
    deploy(step, "get_case")

    step.lines("stage", "get_case")

    assert step.names("functions", "get_case") == []


def test_waiting_has_many_threads_and_keeps_some_of_them_free(step: Step, cloud: Cloud) -> None:
    step.lines("stage", "wait_intervention")
    ((_, *arguments),) = step.lines("functions", "wait_intervention")
    environment = (cloud.directory / "work" / "wait-intervention.env.json").read_text()

    assert {"--concurrency=80", "--memory=1Gi", "--timeout=90s"} < set(arguments)
    assert json.loads(environment) == {
        "GOOGLE_CLOUD_PROJECT": PROJECT,
        "THREADS": "80",
        "CASELEDGER_MAX_WAITS": "72",
    }


def test_a_secret_that_is_not_mounted_any_more_is_taken_away(step: Step) -> None:
    step.lines("stage", "get_case")
    ((_, *arguments),) = step.lines("functions", "get_case")

    assert "--clear-secrets" in arguments


def test_what_was_deployed_before_and_is_not_now_is_named_and_left_alone(step: Step) -> None:
    deploy(step, "get_case", "health")

    step.lines("stage", "--one-service")

    assert step.names("functions", "--one-service") == ["api"]
    assert "left alone: get-case, health;" in step.error


def test_a_scheduled_function_that_somebody_opened_is_closed(step: Step) -> None:
    deploy(step, "purge_records")
    service = f"{PARENT}/services/purge-records"
    step.google.policies[service] = {"bindings": [EVERYBODY]}

    add, remove = step.lines("invokers", "purge_records")

    assert add[1:4] == ["run", "services", "add-iam-policy-binding"]
    assert f"--member=serviceAccount:{account('scheduler')}" in add
    assert remove[1:5] == ["run", "services", "remove-iam-policy-binding", "purge-records"]
    assert "--member=allUsers" in remove


def test_a_function_for_members_that_was_left_closed_is_opened(step: Step) -> None:
    deploy(step, "get_case")

    ((_, *arguments),) = step.lines("invokers", "get_case")

    assert arguments[:4] == ["run", "services", "add-iam-policy-binding", "get-case"]
    assert "--member=allUsers" in arguments


def test_an_unprotected_database_is_protected_and_not_made_again(step: Step) -> None:
    put(step.google, DATABASE, **PROTECTED | {"pointInTimeRecoveryEnablement": "DISABLED"})
    put(step.google, f"{DATABASE}/backupSchedules/1", weeklyRecurrence={"day": "SUNDAY"})

    update, backup = step.lines("database")

    assert update[1:4] == ["firestore", "databases", "update"]
    assert {"--delete-protection", "--enable-pitr"} < set(update)
    assert backup[1:5] == ["firestore", "backups", "schedules", "create"]


def test_a_protected_database_with_a_daily_backup_is_left_alone(step: Step) -> None:
    put(step.google, DATABASE, **PROTECTED)
    put(step.google, f"{DATABASE}/backupSchedules/1", dailyRecurrence={}, retention="604800s")

    assert step.lines("database") == []


def test_a_database_in_datastore_mode_is_refused(step: Step) -> None:
    put(step.google, DATABASE, type="DATASTORE_MODE")

    assert step.lines("database") == []
    assert step.code == 1
    assert "CASELEDGER_DATABASE" in step.error


def test_the_database_may_have_a_name_and_a_location_of_its_own(step: Step) -> None:
    variables = {"CASELEDGER_DATABASE": "cases", "CASELEDGER_DATABASE_LOCATION": "eur3"}

    create, _ = step.lines("database", **variables)

    assert {"--database=cases", "--location=eur3"} < set(create)


def test_rules_that_changed_are_released_in_place_of_the_old(step: Step) -> None:
    ruleset, release = f"projects/{PROJECT}/rulesets/1", f"projects/{PROJECT}/releases/"
    put(step.google, ruleset, source={"files": [{"name": "firestore.rules", "content": "old"}]})
    put(step.google, f"{release}cloud.firestore", rulesetName=ruleset)

    step.lines("indexes")
    (patched,) = step.google.sent("PATCH", "/releases/cloud.firestore")

    assert patched.body["release"]["name"] == f"{release}cloud.firestore"
    assert patched.body["release"]["rulesetName"] != ruleset


def test_rules_are_released_with_the_claims_that_are_configured(step: Step) -> None:
    step.lines("indexes", CASELEDGER_TENANT_CLAIM="org")

    (made,) = step.google.sent("POST", f"projects/{PROJECT}/rulesets")
    assert made.body
    text = made.body["source"]["files"][0]["content"]
    assert "request.auth.token['org'] == tenant" in text
    assert "request.auth.token['role'] in" in text


def test_an_index_that_is_being_built_is_said_and_not_made_again(step: Step) -> None:
    step.lines("indexes")
    name, index = next(one for one in step.google.resources.items() if "/indexes/" in one[0])
    index["state"] = "CREATING"
    step.google.calls.clear()

    lines = step.lines("indexes")

    assert len(lines) == 1
    assert lines[0][0].startswith("  creating: index ")
    assert step.google.writes == []
    assert name in step.google.resources


def test_fields_keep_their_own_indexes_when_those_of_their_collection_are_dropped(
    step: Step,
) -> None:
    step.lines("indexes")
    fields = [write.path.rpartition("/")[2] for write in step.google.sent("PATCH", "/fields/")]

    own = [name for name in fields if name != "*"]
    assert len(own) > 10
    assert fields == [*own, *["*"] * (len(fields) - len(own))]
    every = [write for write in step.google.sent("PATCH", "/fields/") if write.path.endswith("*")]
    assert {write.query["updateMask"] for write in every} == {"indexConfig"}
    assert [write for write in every if write.body != {"indexConfig": {"indexes": []}}] == []
    last = [call.path for call in step.google.writes if "/collectionGroups/" in call.path]
    assert last[len(fields) :] == [path for path in last if path.endswith("/indexes")]


def test_an_index_that_the_file_has_not_is_left_alone(step: Step) -> None:
    step.lines("indexes")
    group = f"{DATABASE}/collectionGroups/cases"
    fields = [{"fieldPath": name, "order": "ASCENDING"} for name in ("title", "__name__")]
    put(step.google, f"{group}/indexes/x", queryScope="COLLECTION", fields=fields)
    put(step.google, f"{group}/fields/x", ttlConfig={})
    step.google.calls.clear()

    assert step.lines("indexes") == []
    assert step.google.writes == []


def test_a_field_that_somebody_changed_is_put_right_and_its_expiry_kept(step: Step) -> None:
    step.lines("indexes")
    name = f"{DATABASE}/collectionGroups/scheduledRuns/fields/expireAt"
    step.google.resources[name]["indexConfig"] = {"usesAncestorConfig": True}
    step.google.calls.clear()

    step.lines("indexes")
    (write,) = step.google.writes

    assert write.body == {"indexConfig": {"indexes": []}}
    assert write.query == {"updateMask": "indexConfig"}


def test_a_service_that_is_busy_is_asked_again(step: Step) -> None:
    step.google.refuse("GET", "/services", 503, "UNAVAILABLE", "later")
    step.google.refuse("GET", "/services", 429, "RESOURCE_EXHAUSTED", "later")

    assert step.names("services")[0].startswith("enable artifactregistry.googleapis.com")


def test_an_index_that_somebody_else_makes_meanwhile_is_fine(step: Step) -> None:
    for _ in range(5):
        step.google.refuse("POST", "/indexes", 409, "ALREADY_EXISTS", "index already exists")

    step.lines("indexes")

    assert step.code == 0


def test_a_refused_index_ends_the_step_and_the_next_run_makes_what_is_missing(step: Step) -> None:
    step.google.refuse("PATCH", "/fields/", 403, "PERMISSION_DENIED", "You may not.")

    step.lines("indexes")
    first, missing = step.code, len(step.lines("indexes"))

    assert (first, step.code) == (1, 0)
    assert missing > 1
    assert step.lines("indexes") == []


def test_what_a_service_refuses_is_one_line_that_names_it(step: Step) -> None:
    step.google.refuse("GET", "/databases", 403, "PERMISSION_DENIED", "You\nmay not.")

    step.lines("database")

    assert step.code == 1
    assert step.error == (
        f"firestore.googleapis.com refuses GET v1/{DATABASE}: 403 PERMISSION_DENIED: You may not.\n"
    )


def test_a_dry_run_takes_a_service_that_is_not_enabled_for_an_empty_one(step: Step) -> None:
    message = "SERVICE_DISABLED: enable it first"
    step.google.refuse("GET", "/databases", 403, "PERMISSION_DENIED", message)

    assert len(step.lines("database", "--dry-run")) == 2


def test_the_token_is_sent_to_nobody_without_tls_but_this_machine(step: Step) -> None:
    step.lines("database", CLOUDSDK_API_ENDPOINT_OVERRIDES_FIRESTORE="http://acme.example/")

    assert step.code == 1
    assert "CLOUDSDK_API_ENDPOINT_OVERRIDES_FIRESTORE" in step.error
    assert step.google.calls == []


def test_a_secret_that_is_not_there_is_named_with_the_command_that_makes_it(step: Step) -> None:
    del step.google.resources[f"projects/{PROJECT}/secrets/redis-url"]

    step.lines("roles", **SECRETS)

    assert step.code == 1
    assert "gcloud secrets create redis-url" in step.error


def test_functions_may_look_accounts_up_only_where_that_is_asked_for(step: Step) -> None:
    grant = "grant caseledger-functions roles/firebaseauth.viewer"

    assert grant in step.names("roles", CASELEDGER_REVOCATION="check")
    assert grant not in step.names("roles")
    assert "identitytoolkit" in step.names("services", CASELEDGER_REVOCATION="check")[0]
    assert "identitytoolkit" not in step.names("services")[0]


def test_a_role_with_a_condition_does_not_count(step: Step) -> None:
    member = f"serviceAccount:{account('functions')}"
    binding = {"role": "roles/datastore.user", "members": [member], "condition": {"title": "t"}}
    step.google.policies[f"projects/{PROJECT}"] = {"bindings": [binding]}

    assert "grant caseledger-functions roles/datastore.user" in step.names("roles")


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"CASELEDGER_RATE_LIMITS": "read=many"}, "CASELEDGER_RATE_LIMITS must be"),
        ({"CASELEDGER_RATE_LIMIT_STORAGE": "rediss://:pw@x"}, "Secret Manager"),
        ({"CASELEDGER_SECRETS": "redis-url"}, "CASELEDGER_SECRETS: 'redis-url' is not like"),
        ({"CASELEDGER_SECRETS": "CASELEDGER_STORE=x:1"}, "no secrets are: CASELEDGER_STORE"),
        (
            {**SECRETS, "CASELEDGER_RATE_LIMIT_STORAGE": "redis://10.0.0.3"},
            "set, and in CASELEDGER_SECRETS too",
        ),
        ({"CASELEDGER_SWEEP_SECONDS": "541"}, "CASELEDGER_SWEEP_SECONDS may be 540 at most"),
        ({"CASELEDGER_SWEEP_SECONDS": "soon"}, "CASELEDGER_SWEEP_SECONDS must be"),
        ({"CASELEDGER_RATE_LIMIT": "off"}, "do you mean CASELEDGER_RATE_LIMITS?"),
        ({"CASELEDGER_REVOCATION": "yes"}, "CASELEDGER_REVOCATION must be check"),
    ],
)
def test_an_environment_that_the_functions_would_refuse_is_refused_before_anything_is_sent(
    step: Step, variables: dict[str, str], message: str
) -> None:
    step.lines("stage", "purge_records", **variables)

    assert step.code == 1
    assert message in step.error
    assert step.google.calls == []


def test_what_is_for_local_runs_is_never_handed_on(step: Step, cloud: Cloud) -> None:
    step.lines(
        "stage",
        FIRESTORE_EMULATOR_HOST="127.0.0.1:8085",
        CASELEDGER_UNSIGNED_TOKENS="loopback",
        CASELEDGER_STORE="sqlite:///x",
    )
    text = (cloud.directory / "work" / "release.json").read_text()

    assert step.code == 0
    assert "UNSIGNED" not in text
    assert "EMULATOR" not in text
    assert "CASELEDGER_STORE" not in text


def test_every_function_can_be_started_from_the_staged_main(tmp_path: Path) -> None:
    staging.stage(tmp_path / "source")
    names: dict[str, Any] = {}

    exec((tmp_path / "source" / "main.py").read_text(), names)  # noqa: S102 - what was made here

    assert {name: names[name] for name in FUNCTIONS} == FUNCTIONS
    assert names["console"] is console
    assert names["api"].routes == (*ROUTES, *vars(console)["routes"])


def each_settings() -> list[tuple[str, Resources]]:
    everything = staging.catalogue()
    scheduled = {schedule.function for schedule in SCHEDULES}
    return [(name, table.settings(name, scheduled=name in scheduled)) for name in everything]


def test_firebase_tools_find_the_same_rules_and_indexes_and_another_port_than_make_run() -> None:
    found = json.loads((ROOT / "firebase.json").read_text())

    assert found["firestore"] == {"rules": "firestore.rules", "indexes": "firestore.indexes.json"}
    assert found["emulators"]["firestore"]["port"] != 8080


def test_the_table_names_no_function_that_is_not_there() -> None:
    assert set(table.SPECIAL) <= set(staging.catalogue())


def test_every_function_has_a_thread_for_each_request_and_ends_by_itself_in_time() -> None:
    for name, settings in each_settings():
        assert settings.environment()["THREADS"] == str(settings.concurrency), name
        assert settings.timeout >= 30, name
        assert settings.min_instances == 0, name
        if name in {"wait_intervention", "api"}:
            assert settings.timeout > MAX_WAIT_SECONDS + 10, name
            assert settings.max_waits is not None
            assert settings.max_waits < settings.concurrency


def test_scheduled_functions_have_as_long_as_the_scheduler_waits_for_them() -> None:
    found = dict(each_settings())
    for schedule in SCHEDULES:
        settings = found[schedule.function]
        assert settings.timeout == schedule.attempt_deadline.total_seconds()
        assert settings.concurrency == 1
        assert settings.timeout > table.LONGEST_SWEEP


def test_the_gateway_routes_every_operation_of_members_to_its_function() -> None:
    found = description(Place(PROJECT, REGION), one_service=False)
    routed = {
        (method.upper(), path, operation["x-google-backend"]["address"].rpartition("/")[2])
        for path, operations in found["paths"].items()
        for method, operation in operations.items()
    }

    OpenAPIV2SpecValidator(found).validate()
    assert routed == {
        (route.method, route.path, route.name.replace("_", "-"))
        for route in ROUTES
        if route.roles != SCHEDULERS
    } | {
        (route.method, route.path.replace("...", ""), "console")
        for route in vars(console)["routes"]
    }


def test_the_gateway_leaves_the_callers_token_and_path_as_they_are_and_waits_long_enough() -> None:
    found = description(Place(PROJECT, REGION), one_service=True)
    wait = found["paths"]["/v1/interventions/{interventionId}:wait"]["get"]

    assert wait["x-google-backend"] == {
        "address": f"https://{REGION}-{PROJECT}.cloudfunctions.net/api",
        "path_translation": "APPEND_PATH_TO_ADDRESS",
        "disable_auth": True,
        "deadline": 90.0,
    }


def test_the_gateway_lets_browsers_ask_first_where_one_function_answers_for_the_whole_path() -> (
    None
):
    found = description(Place(PROJECT, REGION), one_service=True)

    OpenAPIV2SpecValidator(found).validate()
    assert all("options" in operations for operations in found["paths"].values())


def test_a_gateway_with_another_description_is_updated(step: Step) -> None:
    api = f"projects/{PROJECT}/locations/global/apis/caseledger"
    put(step.google, api)
    put(step.google, f"{PARENT}/gateways/caseledger", apiConfig=f"{api}/configs/caseledger-0")

    config, update = step.lines("gateway", "--gateway")

    assert config[1:4] == ["api-gateway", "api-configs", "create"]
    assert update[1:5] == ["api-gateway", "gateways", "update", "caseledger"]
    assert f"--api-config={config[4]}" in update
