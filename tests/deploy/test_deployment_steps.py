"""The steps of deploy.sh one by one: what they find, and what they change."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV2SpecValidator

from deployment import indexes, services, staging, table
from deployment.__main__ import TITLES, main
from deployment.deployable import Place, Resources
from deployment.gateway import LOCATIONS, description, template
from deployment.gcloud import Command, Gcloud
from deployment.google import DeploymentError
from deployment.image import POLICIES
from functions.api import ROUTES, console, mcp
from shared.edge.routes import Route
from shared.models.intervention import MAX_WAIT_SECONDS
from shared.rules.callers import SCHEDULERS
from shared.schedules import SCHEDULES
from tests.deploy import run_stub
from tests.deploy.google_stub import Call, GoogleStub, Refused
from tests.deploy.support import (
    CONFIGURED,
    DATABASE,
    NUMBER,
    PARENT,
    PLACE,
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
URL = f"https://{{}}-{NUMBER}.{REGION}.run.app"
FIRST = ("image", "edge", "functions")


class Step:
    """Runs steps in this process; gcloud's calls are kept, and change the stand-in as it would."""

    def __init__(
        self, cloud: Cloud, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.google = cloud.google
        self.cloud = cloud
        self.called: list[tuple[str, ...]] = []
        self.refused = ""
        self.code = 0
        self.error = ""
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        monkeypatch.setattr(Gcloud, "call", lambda _, one: self._gcloud(one))

    def _gcloud(self, one: Command) -> None:
        if self.refused and self.refused in " ".join(one.arguments):
            raise DeploymentError("You may not.")
        self.called.append(one.arguments)
        match one.arguments:
            case ("builds", "submit", source, *_):
                self.google.uploads.append(staging.release(Path(source)).encode())
                body = json.loads((Path(source).parent / "build.json").read_text())
                path = f"/v1/projects/{PROJECT}/locations/global/builds"
                self.google.answer(Call("POST", path, {}, body))
            case ("run", "services", "replace", file, *_):
                try:
                    run_stub.applied(self.google, json.loads(Path(file).read_text()))
                except Refused as error:
                    raise DeploymentError(str(error)) from error

    def lines(self, name: str, *arguments: str, **variables: str) -> list[str]:
        """Runs a step; what it says."""
        options = [one for one in arguments if one.startswith("--")]
        names = [one for one in arguments if one not in options]
        self.code = self.cloud.step(self._monkeypatch, *options, name, *names, **variables)
        output = self._capsys.readouterr()
        self.error = output.err
        title = TITLES.get(name, "")
        said = output.out.removeprefix(f"{title[:1].upper()}{title[1:]}\n")
        return [line.strip() for line in said.splitlines()]

    def calls(self, name: str, *arguments: str, **variables: str) -> list[tuple[str, ...]]:
        """Runs a step; gcloud's calls."""
        self.called = []
        self.lines(name, *arguments, **variables)
        return self.called

    def deploy(self, *arguments: str, **variables: str) -> list[tuple[str, ...]]:
        """Runs the steps that deploy functions; gcloud's calls."""
        self.called = []
        self.said: list[str] = []
        for name in ("stage", *FIRST):
            self.said += self.lines(name, *arguments, **variables)
            if self.code:
                break
        return self.called

    def indexes(self) -> list[str]:
        """Makes the indexes of a project that has a database, and waits; what is said of them."""
        put(self.google, DATABASE, **PROTECTED)
        said = self.lines("indexes")
        if not self.code:
            self.waited = self.lines("ready")
        return said

    def services(self) -> dict[str, Any]:
        return run_stub.services(self.google)


@pytest.fixture
def step(
    cloud: Cloud,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> Step:
    """The steps, with a few indexes and fields: test_deploy.py makes all, each by a request."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    few = json.loads((ROOT / "firestore.indexes.json").read_text())
    few["indexes"] = [
        one
        for number, one in enumerate(few["indexes"])
        if number % 10 == 0 or one["collectionGroup"] == "people"
    ]
    few["fieldOverrides"] = [
        one
        for number, one in enumerate(few["fieldOverrides"])
        if number % 2 == 0 or one["collectionGroup"] == "scheduledRuns"
    ]
    (tmp_path / "firestore.indexes.json").write_text(json.dumps(few))
    monkeypatch.setattr(indexes, "ROOT", tmp_path)
    return Step(cloud, monkeypatch, capsys)


def put(google: GoogleStub, name: str, **resource: Any) -> None:
    google.resources[name] = {"name": name, **resource}


def applied(calls: list[tuple[str, ...]]) -> list[str]:
    """The services that were applied."""
    return [Path(one[3]).name.partition(".")[0] for one in calls if one[:2] == ("run", "services")]


def container(service: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = service["spec"]["template"]["spec"]["containers"][0]
    return found


def environment(service: dict[str, Any]) -> dict[str, Any]:
    return {one["name"]: one.get("value") for one in container(service)["env"]}


def test_every_function_is_the_same_image_by_digest_and_differs_by_its_target(step: Step) -> None:
    step.deploy("get_case", "expire_interventions")
    found = step.services()

    (image,) = {container(service)["image"] for service in found.values()}
    assert image.startswith(f"{REGION}-docker.pkg.dev/{PROJECT}/caseledger/caseledger@sha256:")
    assert {name: environment(one)["FUNCTION_TARGET"] for name, one in found.items()} == {
        "get-case": "get_case",
        "expire-interventions": "expire_interventions",
    }
    assert environment(found["get-case"])["FUNCTION_SOURCE"] == "functions/cases.py"


def test_a_scheduled_function_takes_half_a_cpu_and_knows_its_own_address(step: Step) -> None:
    step.deploy("expire_interventions")
    service = step.services()["expire-interventions"]

    assert container(service)["resources"]["limits"] == {"cpu": "500m", "memory": "512Mi"}
    assert environment(service)["CASELEDGER_SCHEDULER_EMAIL"] == account("scheduler")
    assert environment(service)["CASELEDGER_SCHEDULER_AUDIENCE"] == URL.format(
        "expire-interventions"
    )


def test_a_second_run_builds_nothing_and_applies_nothing(step: Step) -> None:
    first = step.deploy("get_case", "expire_interventions", **CONFIGURED)
    second = step.deploy("get_case", "expire_interventions", **CONFIGURED)

    assert [one[0] for one in first].count("builds") == 1
    assert second == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec.template.spec.containers.0.env.0.value", "else"),
        ("spec.template.spec.containers.0.resources.limits.memory", "2Gi"),
        ("spec.template.spec.containers.0.args", ["x"]),
        ("spec.template.spec.serviceAccountName", "somebody@else.example"),
        ("spec.template.spec.timeoutSeconds", 300),
        ("spec.template.metadata.annotations.autoscaling~knative~dev/maxScale", "1000"),
        ("spec.template.metadata.annotations.autoscaling~knative~dev/minScale", "1"),
        ("spec.traffic", [{"revisionName": "get-case-00001", "percent": 100}]),
        ("metadata.annotations.run~googleapis~com/invoker-iam-disabled", "false"),
        ("metadata.annotations.run~googleapis~com/ingress", "internal"),
        ("status.conditions.0.status", "False"),
    ],
)
def test_what_somebody_changed_by_hand_differs_and_the_defaults_of_cloud_run_do_not(
    path: str, value: Any
) -> None:
    stub = GoogleStub()
    stub.resources["images"] = {"x": "sha256:1"}
    function = staging.deployables(["get_case"], Place(PROJECT, REGION, NUMBER), {})[0]
    wanted = services.described(function, Place(PROJECT, REGION, NUMBER), "i@sha256:1", "r", "")
    found = json.loads(json.dumps(run_stub.applied(stub, wanted)))
    assert services.differing(wanted, found) == []
    place: Any = found
    *way, last = path.split(".")
    for name in way:
        place = place[int(name) if isinstance(place, list) else name.replace("~", ".")]
    place[int(last) if isinstance(place, list) else last.replace("~", ".")] = value

    assert len(services.differing(wanted, found)) == 1


def test_only_the_service_that_somebody_changed_is_applied_again(step: Step) -> None:
    step.deploy("get_case", "health")
    live = step.google.resources["run/get-case"]
    live["spec"]["template"]["spec"]["timeoutSeconds"] = 300

    assert applied(step.deploy("get_case", "health")) == ["get-case"]
    assert step.deploy("get_case", "health") == []


def test_a_changed_environment_is_applied_without_a_build(step: Step) -> None:
    step.deploy("get_case", "health")

    calls = step.deploy("get_case", "health", CASELEDGER_AUDIENCE="acme")

    assert sorted(applied(calls)) == ["get-case", "health"]
    assert len(calls) == 2


def test_an_earlier_release_is_applied_by_its_name_or_its_digest_without_a_build(
    step: Step,
) -> None:
    step.deploy("get_case")
    image = container(step.services()["get-case"])["image"]
    other = f"sha256:{'1' * 64}"
    step.google.resources["images"]["0123456789abcdef"] = other

    assert applied(step.deploy("get_case", "--rollback=0123456789abcdef")) == ["get-case"]
    assert container(step.services()["get-case"])["image"].endswith(other)

    calls = step.deploy("get_case", f"--rollback={image.partition('@')[2]}")

    assert (applied(calls), len(calls)) == (["get-case"], 1)
    assert container(step.services()["get-case"])["image"] == image


def test_a_release_whose_image_is_gone_is_named(step: Step) -> None:
    step.deploy("get_case", "--rollback=0123456789abcdef")

    assert step.code == 1
    assert "no image of 0123456789abcdef" in step.error


def test_one_refused_service_stops_the_step_after_all_others_and_the_next_run_goes_on(
    step: Step,
) -> None:
    step.refused = "get-case.service.json"
    step.deploy("get_case", "health")
    assert (step.code, step.error) == (1, "You may not.\n")
    assert list(step.services()) == ["health"]
    step.refused = ""

    assert applied(step.deploy("get_case", "health")) == ["get-case"]


OF_THE_FIRST_RELEASE = (("get-case", "caseledger-release"), ("theirs", "team"))


def test_functions_of_the_first_release_stop_a_deployment_before_it_changes_anything(
    step: Step,
) -> None:
    for name, label in OF_THE_FIRST_RELEASE:
        put(step.google, f"{PARENT}/functions/{name}", labels={label: "x"})

    for arguments in (("--one-service",), ("get_case",), ("--dry-run",)):
        assert step.calls("services", *arguments) == []
        assert step.code == 1
        assert "release 1.0.0 stand in the way: get-case. " in step.error
        assert "--replace-functions: it removes them, and then makes services" in step.error
        assert "for some minutes, nobody answers" in step.error
    assert step.google.writes == []

    assert step.calls("services", "health") != []
    assert step.code == 0


def test_functions_of_the_first_release_give_way_to_services_where_that_is_asked_for(
    step: Step,
) -> None:
    for name, label in OF_THE_FIRST_RELEASE:
        put(step.google, f"{PARENT}/functions/{name}", labels={label: "x"})

    step.lines("services", "--replace-functions")
    assert step.code == 0
    calls = step.deploy("--one-service", "--replace-functions")

    assert [one[2] for one in calls if one[:2] == ("functions", "delete")] == ["get-case"]
    assert applied(calls) == ["api"]
    assert [one[:2] for one in calls][-2:] == [("functions", "delete"), ("run", "services")]


def test_what_was_deployed_before_and_is_not_now_is_named_and_left_alone(step: Step) -> None:
    step.deploy("get_case", "health")

    step.deploy("--one-service")

    assert any("left alone: get-case, health;" in line for line in step.said)


def test_a_redis_at_a_private_address_is_reached_through_the_network_that_is_named(
    step: Step,
) -> None:
    step.deploy("get_case", CASELEDGER_VPC="default/europe")
    template = step.services()["get-case"]["spec"]["template"]["metadata"]["annotations"]

    assert json.loads(template["run.googleapis.com/network-interfaces"]) == [
        {"network": "default", "subnetwork": "europe"}
    ]
    assert template["run.googleapis.com/vpc-access-egress"] == "private-ranges-only"


def test_the_repository_keeps_the_latest_images_only(step: Step) -> None:
    calls = step.deploy("get_case")

    assert [one[:3] for one in calls[:2]] == [
        ("artifacts", "repositories", "create"),
        ("artifacts", "repositories", "set-cleanup-policies"),
    ]
    file = next(one for one in calls[1] if one.startswith("--policy=")).partition("=")[2]
    assert json.loads(Path(file).read_text()) == POLICIES


def test_the_image_is_built_again_when_a_staged_file_changes(
    step: Step, monkeypatch: pytest.MonkeyPatch
) -> None:
    step.deploy("get_case")
    staged = staging.stage

    def otherwise(directory: Path) -> None:
        staged(directory)
        (directory / "shared" / "chain.py").write_text("")

    monkeypatch.setattr(staging, "stage", otherwise)

    calls = step.deploy("get_case")

    assert [one[0] for one in calls].count("builds") == 1
    assert applied(calls) == ["get-case"]


def test_waiting_has_many_threads_and_keeps_some_of_them_free(step: Step) -> None:
    step.deploy("wait_intervention")
    found = step.services()["wait-intervention"]

    assert found["spec"]["template"]["spec"]["containerConcurrency"] == 80
    assert found["spec"]["template"]["spec"]["timeoutSeconds"] == 90
    assert environment(found)["THREADS"] == "80"
    assert environment(found)["CASELEDGER_MAX_WAITS"] == "72"


def test_the_functions_know_the_address_of_the_gateway_and_it_is_shown_at_the_end(
    step: Step,
) -> None:
    url = "https://caseledger-1.ew.gateway.dev"
    put(step.google, f"{PARENT}/gateways/caseledger", defaultHostname=url.partition("//")[2])

    step.deploy("get_case")

    assert environment(step.services()["get-case"])["CASELEDGER_PUBLIC_URL"] == url
    release, curl = step.lines("address", "get_case")
    assert release.endswith(f": {url}")
    assert curl == f"Try it: curl --fail-with-body {url}/v1/health"


@pytest.mark.parametrize(
    ("arguments", "variables", "url"),
    [
        (("--one-service",), {}, URL.format("api")),
        (("--edge=none", "health"), {}, None),
        (
            ("--edge=none", "health"),
            {"CASELEDGER_PUBLIC_URL": "https://cases.example"},
            "https://cases.example",
        ),
    ],
)
def test_without_a_gateway_the_address_is_that_of_the_one_service_or_as_given(
    step: Step, arguments: tuple[str, ...], variables: dict[str, str], url: str | None
) -> None:
    step.deploy(*arguments, **variables)
    (service,) = step.services().values()

    assert environment(service).get("CASELEDGER_PUBLIC_URL") == url


def test_a_location_that_api_gateway_does_not_have_is_refused_before_anything_is_sent(
    step: Step,
) -> None:
    step.lines("stage", "--edge-region=europe-west3")

    assert step.code == 1
    assert "--edge-region, one of asia-northeast1, " in step.error
    assert step.google.calls == []
    assert len(LOCATIONS) == 10


def test_an_unprotected_database_is_protected_and_not_made_again(step: Step) -> None:
    put(step.google, DATABASE, **PROTECTED | {"pointInTimeRecoveryEnablement": "DISABLED"})
    put(step.google, f"{DATABASE}/backupSchedules/1", weeklyRecurrence={"day": "SUNDAY"})

    update, backup = step.calls("database")

    assert update[:3] == ("firestore", "databases", "update")
    assert {"--delete-protection", "--enable-pitr"} < set(update)
    assert backup[:4] == ("firestore", "backups", "schedules", "create")
    assert {"--recurrence=daily", "--retention=7d"} < set(backup)


def test_a_protected_database_with_daily_and_weekly_backups_is_left_alone(step: Step) -> None:
    put(step.google, DATABASE, **PROTECTED)
    put(step.google, f"{DATABASE}/backupSchedules/1", dailyRecurrence={}, retention="8467200s")
    put(step.google, f"{DATABASE}/backupSchedules/2", weeklyRecurrence={"day": "MONDAY"})

    assert step.lines("database") == []


def test_a_database_in_datastore_mode_is_refused(step: Step) -> None:
    put(step.google, DATABASE, type="DATASTORE_MODE")

    assert step.lines("database") == []
    assert step.code == 1
    assert "CASELEDGER_DATABASE" in step.error


def test_the_database_may_have_a_name_and_a_location_of_its_own(step: Step) -> None:
    variables = {"CASELEDGER_DATABASE": "cases", "CASELEDGER_DATABASE_LOCATION": "eur3"}

    create, *_ = step.calls("database", **variables)

    assert {"--database=cases", "--location=eur3"} < set(create)


def test_rules_that_changed_are_released_in_place_of_the_old(step: Step) -> None:
    ruleset, release = f"projects/{PROJECT}/rulesets/1", f"projects/{PROJECT}/releases/"
    put(step.google, ruleset, source={"files": [{"name": "firestore.rules", "content": "old"}]})
    put(step.google, f"{release}cloud.firestore", rulesetName=ruleset)

    step.indexes()
    (patched,) = step.google.sent("PATCH", "/releases/cloud.firestore")

    assert patched.body["release"]["name"] == f"{release}cloud.firestore"
    assert patched.body["release"]["rulesetName"] != ruleset


def test_rules_are_released_with_the_claims_that_are_configured(step: Step) -> None:
    put(step.google, DATABASE, **PROTECTED)
    step.lines("indexes", CASELEDGER_TENANT_CLAIM="org")

    (made,) = step.google.sent("POST", f"projects/{PROJECT}/rulesets")
    assert made.body
    text = made.body["source"]["files"][0]["content"]
    assert "request.auth.token['org'] == tenant" in text
    assert "request.auth.token['role'] in" in text


def test_an_index_that_is_being_built_is_said_and_not_made_again(step: Step) -> None:
    step.indexes()
    name, index = next(one for one in step.google.resources.items() if "/indexes/" in one[0])
    index["state"] = "CREATING"
    step.google.calls.clear()

    lines = step.lines("indexes")

    assert len(lines) == 1
    assert lines[0].startswith("creating: index ")
    assert step.google.writes == []
    assert name in step.google.resources


def test_fields_keep_their_own_indexes_when_those_of_their_collection_are_dropped(
    step: Step,
) -> None:
    step.indexes()
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
    step.indexes()
    group = f"{DATABASE}/collectionGroups/cases"
    fields = [{"fieldPath": name, "order": "ASCENDING"} for name in ("title", "__name__")]
    put(step.google, f"{group}/indexes/x", queryScope="COLLECTION", fields=fields)
    put(step.google, f"{group}/fields/x", ttlConfig={})
    step.google.calls.clear()

    assert step.indexes() == []
    assert step.google.writes == []


def test_indexes_of_other_kinds_are_left_in_peace(step: Step) -> None:
    step.indexes()
    group = f"{DATABASE}/collectionGroups/cases"
    vector = {"fieldPath": "meaning", "vectorConfig": {"dimension": 8, "flat": {}}}
    search = {"fieldPath": "text", "searchConfig": {"textSpec": {}}}
    for name, field in (("v", vector), ("s", search)):
        put(step.google, f"{group}/indexes/{name}", queryScope="COLLECTION", fields=[field])
    override = f"{group}/fields/meaning"
    put(step.google, override, indexConfig={"indexes": [{"queryScope": "COLLECTION", **vector}]})
    step.google.calls.clear()

    assert step.indexes() == []
    assert (step.code, step.google.writes) == (0, [])


def test_indexes_are_written_one_after_the_other_and_awaited(step: Step) -> None:
    step.google.refuse("PATCH", "/fields/", 409, "ABORTED", "contention: BootstrapDatabase")
    step.google.refuse("PATCH", "/fields/", 404, "NOT_FOUND", "the database is not there yet")
    step.google.refuse("POST", "/indexes", 404, "NOT_FOUND", "the database is not there yet")

    step.indexes()

    assert step.code == 0, step.error
    assert step.waited[0].startswith("Firestore builds ")
    states = {one.get("state") for n, one in step.google.resources.items() if "/indexes/" in n}
    assert states == {"READY"}


def test_an_index_that_cannot_be_built_is_named(step: Step) -> None:
    step.google.failures["people"] = "too many entries"

    step.indexes()

    assert step.code == 1
    assert "too many entries" in step.error
    assert "needs_repair: people (knownAs ascending" in step.error


def test_the_functions_need_not_wait_for_the_indexes(step: Step) -> None:
    put(step.google, DATABASE, **PROTECTED)
    step.lines("indexes", "--no-wait")

    assert step.lines("ready", "--no-wait") == []
    assert step.code == 0


def test_a_service_that_was_just_enabled_is_asked_again_for_minutes(step: Step) -> None:
    for _ in range(8):
        message = "SERVICE_DISABLED: it was enabled a moment ago"
        step.google.refuse("GET", "/databases", 403, "PERMISSION_DENIED", message)

    assert len(step.calls("database")) == 3


def test_a_field_that_somebody_changed_is_put_right_and_its_expiry_kept(step: Step) -> None:
    step.indexes()
    name = f"{DATABASE}/collectionGroups/scheduledRuns/fields/expireAt"
    step.google.resources[name]["indexConfig"] = {"usesAncestorConfig": True}
    step.google.calls.clear()

    step.indexes()
    (write,) = step.google.writes

    assert write.body == {"indexConfig": {"indexes": []}}
    assert write.query == {"updateMask": "indexConfig"}


def test_a_service_that_is_busy_is_asked_again(step: Step) -> None:
    step.google.refuse("GET", "/services", 503, "UNAVAILABLE", "later")
    step.google.refuse("GET", "/services", 429, "RESOURCE_EXHAUSTED", "later")

    assert step.lines("services")[0].startswith("enable artifactregistry.googleapis.com")


def test_an_index_that_somebody_else_makes_meanwhile_is_fine(step: Step) -> None:
    for _ in range(5):
        step.google.refuse("POST", "/indexes", 409, "ALREADY_EXISTS", "index already exists")

    step.indexes()

    assert step.code == 0


def test_a_refused_index_ends_the_step_and_the_next_run_makes_what_is_missing(step: Step) -> None:
    step.google.refuse("PATCH", "/fields/", 403, "PERMISSION_DENIED", "You may not.")

    step.indexes()
    first, missing = step.code, len(step.indexes())

    assert (first, step.code) == (1, 0)
    assert missing > 1
    assert step.indexes() == []


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

    assert len(step.calls("database", "--dry-run")) == 3


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
    asked_for = {"CASELEDGER_REVOCATION": "check"}

    assert "roles/firebaseauth.viewer" not in " ".join(step.lines("roles"))
    assert step.lines("roles", **asked_for) == [
        "grant: caseledger-functions roles/firebaseauth.viewer"
    ]
    assert "identitytoolkit.googleapis.com" in step.calls("services", **asked_for)[0]
    assert "identitytoolkit.googleapis.com" not in step.calls("services")[0]


def test_a_role_with_a_condition_does_not_count(step: Step) -> None:
    member = f"serviceAccount:{account('functions')}"
    binding = {"role": "roles/datastore.user", "members": [member], "condition": {"title": "t"}}
    step.google.policies[f"projects/{PROJECT}"] = {"bindings": [binding]}

    line, *_ = step.lines("roles")

    assert line.startswith("grant: caseledger-functions roles/datastore.user, ")
    assert binding in step.google.policies[f"projects/{PROJECT}"]["bindings"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--project=Acme Prod", "stage"], "'Acme Prod' is not a project's id"),
        (["--region=europe", "stage"], "'europe' is not a region"),
        (["--edge-region=europe", "stage"], "'europe' is not a region"),
        (["--edge=hosting", "stage"], "invalid choice: 'hosting'"),
        (["--rollback=v1", "stage"], "'v1' is not a release, or a digest"),
        (["--alerts=ops", "stage"], "'ops' is not an email address"),
        (["stage,undo"], "no step: undo"),
    ],
)
def test_a_flag_that_cannot_be_meant_is_refused_and_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as error:
        main([*PLACE, f"--work={tmp_path}", *arguments])

    assert error.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no_such_function"], "no such function: no_such_function"),
        (["--one-service", "get_case"], "name no function"),
    ],
)
def test_functions_that_cannot_be_deployed_are_refused_before_anything_is_sent(
    step: Step, arguments: list[str], message: str
) -> None:
    step.lines("stage", *arguments)

    assert step.code == 1
    assert message in step.error
    assert step.google.calls == []


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
    text = (cloud.directory / "work" / "functions").read_text()

    assert step.code == 0
    assert "UNSIGNED" not in text
    assert "EMULATOR" not in text
    assert "CASELEDGER_STORE" not in text


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


def with_plain_places(found: dict[str, Any]) -> dict[str, Any]:
    """A description without the gateway's own `=**`, which no validator knows."""
    paths = {path.replace("=**", ""): operations for path, operations in found["paths"].items()}
    return {**found, "paths": paths}


def test_a_place_of_several_segments_is_one_of_the_gateways_own_templates() -> None:
    found = description(Place(PROJECT, REGION, NUMBER), one_service=False)["paths"]

    assert [path for path in found if "**" in path] == ["/v1/logs/{tenant}/tile/{tile=**}"]


def test_the_gateway_routes_every_operation_of_members_to_its_function() -> None:
    found = description(Place(PROJECT, REGION, NUMBER), one_service=False)
    routed = {
        (method.upper(), path, operation["x-google-backend"]["address"])
        for path, operations in found["paths"].items()
        for method, operation in operations.items()
    }

    OpenAPIV2SpecValidator(with_plain_places(found)).validate()
    also = {"get_intervention": "wait_intervention", "get_case": "export_case"}
    assert routed == {
        (
            route.method,
            template(route),
            URL.format(also.get(route.name, route.name).replace("_", "-")),
        )
        for route in ROUTES
        if route.roles != SCHEDULERS
    } | {
        (route.method, template(route), URL.format(name))
        for name, function in (("console", console), ("mcp", mcp))
        for route in vars(function)["routes"]
    }


@pytest.mark.parametrize("name", [name for name in staging.catalogue() if name != "api"])
def test_what_the_gateway_could_take_for_another_route_is_sent_to_a_function_that_answers_both(
    name: str,
) -> None:
    """A wildcard of the gateway may take colons, and the shorter path may come first (ESPv2)."""
    paths = description(Place(PROJECT, REGION, NUMBER), one_service=False)["paths"]

    def backend(route: Route) -> Any:
        return paths[template(route)][route.method.lower()]["x-google-backend"]["address"]

    members = [
        route
        for function in staging.catalogue().values()
        for route in staging.routes(function)
        if route.roles != SCHEDULERS
    ]
    for route in staging.routes(staging.catalogue()[name]):
        if route.roles != SCHEDULERS:
            wildcard = re.compile(re.sub(r"\\\{\w+(\\.){0,3}\\\}", "[^/]+", re.escape(route.path)))
            taken = [
                other
                for other in members
                if other.method == route.method and wildcard.fullmatch(other.path)
            ]
            assert route.name in {other.name for other in taken}
            assert {backend(other) for other in taken} == {backend(route)}


def test_the_gateway_leaves_the_callers_token_and_path_as_they_are_and_waits_long_enough() -> None:
    found = description(Place(PROJECT, REGION, NUMBER), one_service=True)
    wait = found["paths"]["/v1/interventions/{interventionId}:wait"]["get"]

    assert wait["x-google-backend"] == {
        "address": URL.format("api"),
        "path_translation": "APPEND_PATH_TO_ADDRESS",
        "disable_auth": True,
        "deadline": 90.0,
    }


def test_the_gateway_lets_browsers_ask_first_where_one_function_answers_for_the_whole_path() -> (
    None
):
    found = description(Place(PROJECT, REGION, NUMBER), one_service=True)

    OpenAPIV2SpecValidator(with_plain_places(found)).validate()
    assert all("options" in operations for operations in found["paths"].values())


API = f"projects/{PROJECT}/locations/global/apis/caseledger"
GATEWAY = f"{PARENT}/gateways/caseledger"


def gateway_writes(step: Step) -> list[tuple[str, str]]:
    """What is written to API Gateway: methods and paths."""
    step.google.calls.clear()
    step.lines("gateway")
    return [
        (one.method, one.path.removeprefix("/v1/").removeprefix(f"projects/{PROJECT}/locations/"))
        for one in step.google.writes
    ]


@pytest.fixture
def behind_gateway(step: Step) -> Step:
    """A project with a gateway."""
    put(step.google, f"projects/{PROJECT}/serviceAccounts/{account('gateway')}")
    step.lines("stage")
    step.lines("gateway")
    assert step.code == 0, step.error
    return step


def test_the_gateway_is_made_of_an_api_and_its_description_each_when_the_one_before_is_over(
    behind_gateway: Step,
) -> None:
    google = behind_gateway.google
    api, config, gateway = google.writes

    assert (api.path, api.query) == (
        f"/v1/projects/{PROJECT}/locations/global/apis",
        {"apiId": "caseledger"},
    )
    assert config.path == f"/v1/{API}/configs"
    assert config.body["gatewayServiceAccount"] == account("gateway")
    (document,) = config.body["openapiDocuments"]
    assert json.loads(base64.b64decode(document["document"]["contents"])) == description(
        Place(PROJECT, REGION, NUMBER), one_service=False
    )
    assert (gateway.path, gateway.query) == (f"/v1/{PARENT}/gateways", {"gatewayId": "caseledger"})
    assert gateway.body == {"apiConfig": f"{API}/configs/{config.query['apiConfigId']}"}
    assert gateway_writes(behind_gateway) == []


def test_a_gateway_with_another_description_is_updated_and_the_old_one_removed(
    behind_gateway: Step,
) -> None:
    google = behind_gateway.google
    for name in ("caseledger-0", "theirs"):
        put(google, f"{API}/configs/{name}", state="ACTIVE")
    google.resources[GATEWAY]["apiConfig"] = f"{API}/configs/caseledger-0"

    assert gateway_writes(behind_gateway) == [
        ("PATCH", f"{REGION}/gateways/caseledger"),
        ("DELETE", "global/apis/caseledger/configs/caseledger-0"),
    ]
    assert f"{API}/configs/theirs" in google.resources
    assert gateway_writes(behind_gateway) == []


def test_a_description_that_the_gateway_refuses_is_shown_and_the_next_run_goes_on(
    step: Step,
) -> None:
    put(step.google, f"projects/{PROJECT}/serviceAccounts/{account('gateway')}")
    step.google.failures["caseledger"] = "the backend address is not valid"
    step.lines("stage")

    step.lines("gateway")
    assert (step.code, step.error) == (
        1,
        "could not make the API: the backend address is not valid\n",
    )

    step.google.failures.clear()
    step.lines("gateway")
    assert step.code == 0
    assert GATEWAY in step.google.resources


def test_an_account_that_was_just_made_is_waited_for(behind_gateway: Step) -> None:
    google = behind_gateway.google
    del google.resources[GATEWAY]
    for name in [name for name in google.resources if name.startswith(f"{API}/configs/")]:
        del google.resources[name]
    for _ in range(3):
        message = f"Service account {account('gateway')} does not exist."
        google.refuse("POST", "/configs", 400, "INVALID_ARGUMENT", message)

    behind_gateway.lines("gateway")

    assert behind_gateway.code == 0, behind_gateway.error
    assert GATEWAY in google.resources
