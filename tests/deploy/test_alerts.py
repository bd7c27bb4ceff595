"""`deploy.sh --alerts`: what it makes, and that its filters select what the application logs."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from deployment.alert_table import ALERTS, METRICS, RUN, SCHEDULER, Metric, patience
from deployment.alerts import dashboard, metric, policy
from shared import log
from shared.documents.port import Update
from shared.schedules import SCHEDULES
from tests.client import Api
from tests.conftest import Clock
from tests.deploy import monitoring_stub  # noqa: F401 - it adds to the stand-in
from tests.deploy.google_stub import GoogleStub
from tests.deploy.log_filter import entry, field, matches
from tests.deploy.support import PROJECT, ROOT, Cloud
from tests.functions.intervention_support import ask
from tests.functions.support import ON_EMBEDDED

EMAIL = "--alerts=ops@acme.example"
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
BY_NAME = {one.name: one for one in METRICS}


@pytest.fixture
def google(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> GoogleStub:
    monkeypatch.setattr("time.sleep", lambda _: None)
    return cloud.google


def step(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, *more: str) -> None:
    assert cloud.step(monkeypatch, "alerts", EMAIL, *more) == 0


def test_it_makes_what_the_table_says_and_then_leaves_it_alone(
    cloud: Cloud, google: GoogleStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    step(cloud, monkeypatch)
    first = [call.path.rpartition("/")[2] for call in google.writes]
    google.calls.clear()
    step(cloud, monkeypatch)

    assert first.count("metrics") == len(METRICS)
    assert first.count("notificationChannels") == first.count("dashboards") == 1
    policies = f"projects/{PROJECT}/alertPolicies/"
    made = [one for name, one in google.resources.items() if name.startswith(policies)]
    assert [one["displayName"] for one in made] == [f"Caseledger: {one.name}" for one in ALERTS]
    assert all(len(one["notificationChannels"]) == 1 for one in made)
    assert google.writes == []
    assert google.unknown == []


def test_it_writes_only_what_differs(
    cloud: Cloud, google: GoogleStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    step(cloud, monkeypatch)
    resources = google.resources
    resources[f"/v2/projects/{PROJECT}/metrics/caseledger_errors"]["filter"] = "severity>=INFO"
    policies = [one for name, one in resources.items() if "/alertPolicies/" in name]
    policies[0]["conditions"][0]["conditionThreshold"]["thresholdValue"] = 7
    policies[0]["enabled"] = False
    policies[1]["notificationChannels"].append("projects/p/notificationChannels/someone")
    (charts,) = (one for name, one in resources.items() if "/dashboards/" in name)
    charts["gridLayout"]["widgets"].pop()
    google.calls.clear()

    step(cloud, monkeypatch)

    assert [(call.method, call.path.split("/")[-2]) for call in google.writes] == [
        ("PUT", "metrics"),
        ("PATCH", "alertPolicies"),
        ("PATCH", "dashboards"),
    ]
    assert policies[0]["enabled"] is False
    assert len(policies[1]["notificationChannels"]) == 2


def test_another_address_is_told_too(
    cloud: Cloud, google: GoogleStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    step(cloud, monkeypatch)
    assert cloud.step(monkeypatch, "alerts", "--alerts=more@acme.example") == 0

    policies = [one for name, one in google.resources.items() if "/alertPolicies/" in name]
    assert {len(one["notificationChannels"]) for one in policies} == {2}


def test_a_dry_run_says_what_would_be_made(
    cloud: Cloud,
    google: GoogleStub,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    step(cloud, monkeypatch, "--dry-run")

    said = capsys.readouterr().out
    assert google.writes == []
    assert "let alerts be sent to ops@acme.example" in said
    assert said.count("make the alert") == len(ALERTS)


def test_a_metric_that_monitoring_never_learns_of_is_said_with_what_to_do(
    cloud: Cloud,
    google: GoogleStub,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for _ in range(20):
        google.refuse("POST", "/alertPolicies", 404, "NOT_FOUND", "Cannot find metric")

    assert cloud.step(monkeypatch, "alerts", EMAIL) == 1
    assert "run the same command again" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["ops", "ops@acme", "a b@acme.example"])
def test_what_is_no_address_is_refused(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    with pytest.raises(SystemExit):
        cloud.step(monkeypatch, "alerts", f"--alerts={text}")


@pytest.mark.parametrize("alert", ALERTS, ids=lambda one: one.name)
def test_every_alert_is_explained_in_the_document_that_it_names(alert: Any) -> None:
    assert "docs/operations.md" in policy(alert)["documentation"]["content"]
    assert f"| {alert.name} |" in OPERATIONS


def test_a_function_is_waited_for_by_its_own_schedule() -> None:
    late = {one.function: patience(one).total_seconds() / 60 for one in SCHEDULES}

    assert late == {
        "expire_interventions": 15,
        "fail_stale_runs": 15,
        "close_approved_cases": 180,
        "purge_records": 3 * 24 * 60,
        "check_integrity": 3 * 24 * 60,
        "deliver_webhooks": 15,
        "seal_audit": 15,
    }


def test_every_metric_is_in_an_alert_or_on_the_dashboard() -> None:
    used = {one.metric for alert in ALERTS for one in alert.conditions}

    assert used <= set(BY_NAME)
    assert len(dashboard()["gridLayout"]["widgets"]) == len(METRICS)


class Logged:
    """What the application wrote, as entries of Cloud Logging."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def of(self, name: str) -> list[dict[str, Any]]:
        """The entries that a metric counts, of those since the last call; its fields are there."""
        lines = [json.loads(line) for line in self._capsys.readouterr().out.splitlines()]
        wanted = BY_NAME[name]
        found = [entry(line, RUN) for line in lines]
        return [one for one in found if matches(metric(wanted)["filter"], one)]


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Logged:
    return Logged(capsys)


def told(wanted: Metric, one: dict[str, Any]) -> dict[str, Any]:
    """What a metric takes out of an entry."""
    fields = {name: field(path, one) for name, path in wanted.labels}
    return {**fields, **({"value": field(wanted.value, one)} if wanted.value else {})}


@ON_EMBEDDED
def test_requests_are_counted_by_function(api: Api, logged: Logged) -> None:
    api.admin.get("/cases")
    api.admin.get("/nothing")

    found = [told(BY_NAME["requests"], one) for one in logged.of("requests")]

    assert found == [{"function": "list_cases"}, {"function": None}]


@ON_EMBEDDED
def test_an_answer_of_5xx_is_an_error_and_a_refusal_is_not(
    api: Api, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.viewer.post("/cases", {})
    monkeypatch.setattr(type(api.runtime.store), "get", None)
    assert api.admin.get("/cases/a").status_code == 500

    found = [told(BY_NAME["errors"], one) for one in logged.of("errors")]

    assert found == [{"function": "get_case"}]


def test_a_line_of_a_message_only_is_an_error_too(logged: Logged) -> None:
    log.write("ERROR", "the configuration is wrong: …")

    (found,) = logged.of("errors")

    assert found["textPayload"].startswith("the configuration")


@ON_EMBEDDED
def test_a_run_is_counted_with_how_late_it_was(api: Api, clock: Clock, logged: Logged) -> None:
    for name, expected in {
        "runs": {"function": "expire_interventions"},
        "oldest_due_seconds": {"function": "expire_interventions", "value": 40},
    }.items():
        ask(api.agent, expiresInSeconds=60)
        clock.advance(seconds=100)
        api.caller("scheduler").post("/scheduled/expireInterventions")

        assert [told(BY_NAME[name], one) for one in logged.of(name)] == [expected]


@ON_EMBEDDED
def test_a_run_that_could_not_change_something_is_unfinished_and_others_are_not(
    api: Api, clock: Clock, logged: Logged
) -> None:
    asked = ask(api.agent, expiresInSeconds=60)
    clock.advance(seconds=100)
    path = f"tenants/{api.tenant}/interventions/{asked['id']}"
    api.runtime.store.commit([Update(path, {"title": 7})])
    for name in ("failStaleRuns", "expireInterventions"):
        api.caller("scheduler").post(f"/scheduled/{name}")

    (found,) = logged.of("runs_unfinished")

    assert told(BY_NAME["runs_unfinished"], found) == {"function": "expire_interventions"}


@ON_EMBEDDED
def test_a_run_without_time_is_unfinished(api: Api, logged: Logged) -> None:
    api.runtime.config = replace(api.runtime.config, sweep_seconds=0)
    api.caller("scheduler").post("/scheduled/failStaleRuns")

    (found,) = logged.of("runs_unfinished")

    assert told(BY_NAME["runs_unfinished"], found) == {"function": "fail_stale_runs"}


@ON_EMBEDDED
def test_a_refused_token_and_a_refused_role_are_security_events(api: Api, logged: Logged) -> None:
    api.viewer.post("/cases", {})
    api.stranger.get("/cases")

    found = [told(BY_NAME["security_events"], one) for one in logged.of("security_events")]

    assert found == [{"event": "permission_denied"}, {"event": "unauthenticated"}]


@ON_EMBEDDED
def test_a_broken_chain_is_counted(api: Api, logged: Logged) -> None:
    api.verifier.create(id="A")
    path = f"tenants/{api.tenant}/cases/A"
    api.admin.get("/audit:verify?subject=cases/A")
    api.runtime.store.commit([Update(path, {"head": {"sequence": 9, "hash": "0" * 64}})])
    api.admin.get("/audit:verify?subject=cases/A")

    assert len(logged.of("chains_broken")) == 1
    api.admin.get("/audit:verify?subject=cases/A")
    assert logged.of("security_events") == []


def test_an_attempt_of_the_scheduler_that_failed_is_counted() -> None:
    # cloud.google.com/scheduler/docs/logging: an attempt's end, with ERROR where it failed.
    attempt = {"@type": "type.googleapis.com/google.cloud.scheduler.logging.AttemptFinished"}
    for job, severity, counted in [
        ("caseledger-purge-records", "ERROR", True),
        ("caseledger-purge-records", "INFO", False),
        ("backup", "ERROR", False),
    ]:
        one = entry({**attempt, "severity": severity}, SCHEDULER)
        one["resource"]["labels"] = {"job_id": job}

        assert matches(metric(BY_NAME["attempts_failed"])["filter"], one) is counted
