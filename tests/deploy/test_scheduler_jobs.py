"""`python -m deployment.scheduler` against a stand-in for Cloud Scheduler, over gRPC."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.cloud.scheduler_v1.types import HttpMethod, HttpTarget, Job, PubsubTarget
from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]
from pydantic.alias_generators import to_snake

from deployment.scheduler import main
from shared.schedules import SCHEDULES
from tests.deploy.scheduler_server import SchedulerServer, running_server

ROOT = Path(__file__).parents[2]
PARENT = "projects/acme-prod/locations/europe-west1"
URL = "https://caseledger-abc.a.run.app"
EMAIL = "caseledger-scheduler@acme-prod.iam.gserviceaccount.com"
EXPIRE, FAIL, CLOSE, DELIVER, SEAL, CHECK, PURGE = (
    f"{PARENT}/jobs/caseledger-{schedule.function.replace('_', '-')}" for schedule in SCHEDULES
)
OLD = f"{PARENT}/jobs/caseledger-send-reminders"
GOOD = {"project": "acme-prod", "location": "europe-west1", "url": URL, "service-account": EMAIL}


@pytest.fixture
def server() -> Iterator[SchedulerServer]:
    with running_server() as started:
        yield started


@pytest.fixture
def deployed(server: SchedulerServer) -> SchedulerServer:
    """A service that has the jobs of the table."""
    assert main([*arguments(server), "--apply"]) == 0
    server.calls.clear()
    return server


def arguments(server: SchedulerServer, **replaced: str) -> list[str]:
    flags = GOOD | {"endpoint": server.endpoint, "timeout": "5"} | replaced
    return [f"--{name.replace('_', '-')}={value}" for name, value in flags.items()]


def change(server: SchedulerServer, name: str, **fields: Any) -> None:
    """Somebody changes a job by hand."""
    for field, value in fields.items():
        setattr(server.jobs[name], field, value)


def foreign(name: str) -> Job:
    return Job(
        name=name,
        schedule="0 1 * * *",
        pubsub_target=PubsubTarget(topic_name="projects/acme-prod/topics/nightly"),
    )


def shown(message: Any) -> Any:
    return MessageToDict(type(message).pb(message))


def masks(server: SchedulerServer) -> list[tuple[str, list[str]]]:
    """The updates that were sent: the job's name and the fields."""
    assert {method for method, _ in server.writes} <= {"UpdateJob"}
    return [(request.job.name, list(request.update_mask.paths)) for _, request in server.writes]


def expected_job(name: str, schedule: str, path: str) -> dict[str, Any]:
    return {
        "name": name,
        "schedule": schedule,
        "timeZone": "Etc/UTC",
        "attemptDeadline": "600s",
        "retryConfig": {
            "retryCount": 3,
            "minBackoffDuration": "5s",
            "maxBackoffDuration": "60s",
            "maxDoublings": 5,
        },
        "httpTarget": {
            "uri": URL + path,
            "httpMethod": "POST",
            "oidcToken": {"serviceAccountEmail": EMAIL, "audience": URL},
        },
    }


EXPECTED = [
    expected_job(EXPIRE, "* * * * *", "/v1/scheduled/expireInterventions"),
    expected_job(FAIL, "*/5 * * * *", "/v1/scheduled/failStaleRuns"),
    expected_job(CLOSE, "7 * * * *", "/v1/scheduled/closeApprovedCases"),
    expected_job(DELIVER, "* * * * *", "/v1/scheduled/deliverWebhooks"),
    expected_job(SEAL, "* * * * *", "/v1/scheduled/sealAudit"),
    expected_job(CHECK, "43 1 * * *", "/v1/scheduled/checkIntegrity"),
    expected_job(PURGE, "23 3 * * *", "/v1/scheduled/purgeRecords"),
]


def test_a_new_project_gets_every_job_of_the_table(
    server: SchedulerServer, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main([*arguments(server), "--apply"])

    assert code == 0
    assert [method for method, _ in server.writes] == ["CreateJob"] * len(SCHEDULES)
    assert [shown(request) for _, request in server.writes] == [
        {"parent": PARENT, "job": job} for job in EXPECTED
    ]
    assert capsys.readouterr().out.splitlines() == [
        f"create    caseledger-expire-interventions: '* * * * *', {URL}{SCHEDULES[0].path}",
        f"create    caseledger-fail-stale-runs: '*/5 * * * *', {URL}{SCHEDULES[1].path}",
        f"create    caseledger-close-approved-cases: '7 * * * *', {URL}{SCHEDULES[2].path}",
        f"create    caseledger-deliver-webhooks: '* * * * *', {URL}{SCHEDULES[3].path}",
        f"create    caseledger-seal-audit: '* * * * *', {URL}{SCHEDULES[4].path}",
        f"create    caseledger-check-integrity: '43 1 * * *', {URL}{SCHEDULES[5].path}",
        f"create    caseledger-purge-records: '23 3 * * *', {URL}{SCHEDULES[6].path}",
        "7 written",
    ]


def test_the_command_works_as_a_program_of_its_own(server: SchedulerServer) -> None:
    command = [sys.executable, "-m", "deployment.scheduler", *arguments(server), "--apply"]

    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("7 written\n")
    assert sorted(server.jobs) == sorted([EXPIRE, FAIL, CLOSE, DELIVER, SEAL, CHECK, PURGE])


def test_a_plan_writes_nothing(server: SchedulerServer, capsys: pytest.CaptureFixture[str]) -> None:
    server.put(Job(name=OLD))

    code = main([*arguments(server), "--prune"])

    assert (code, server.writes) == (0, [])
    assert capsys.readouterr().out.splitlines()[len(SCHEDULES) :] == [
        "delete    caseledger-send-reminders: not in the table",
        "8 to write: --apply does it",
    ]


def test_a_second_run_writes_nothing(
    deployed: SchedulerServer, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()

    code = main([*arguments(deployed), "--apply", "--prune"])

    assert (code, deployed.writes) == (0, [])
    assert capsys.readouterr().out.splitlines() == [
        "unchanged caseledger-expire-interventions",
        "unchanged caseledger-fail-stale-runs",
        "unchanged caseledger-close-approved-cases",
        "unchanged caseledger-deliver-webhooks",
        "unchanged caseledger-seal-audit",
        "unchanged caseledger-check-integrity",
        "unchanged caseledger-purge-records",
        "0 written",
    ]


def test_a_schedule_that_differs_is_the_one_field_of_one_update(
    deployed: SchedulerServer, capsys: pytest.CaptureFixture[str]
) -> None:
    change(deployed, CLOSE, schedule="9 * * * *")

    main([*arguments(deployed), "--apply"])

    assert masks(deployed) == [(CLOSE, ["schedule"])]
    assert deployed.jobs[CLOSE].schedule == "7 * * * *"
    line = "update    caseledger-close-approved-cases: schedule '9 * * * *' -> '7 * * * *'"
    assert line in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        ("time_zone", "Europe/Berlin", "'Europe/Berlin' -> 'Etc/UTC'"),
        ("attempt_deadline", timedelta(minutes=3), "180s -> 600s"),
        ("retry_config.retry_count", 0, "0 -> 3"),
        ("retry_config.max_retry_duration", timedelta(seconds=9), "9s -> 0s"),
        ("retry_config.min_backoff_duration", timedelta(seconds=9), "9s -> 5s"),
        ("retry_config.max_backoff_duration", timedelta(hours=1), "3600s -> 60s"),
        ("retry_config.max_doublings", 2, "2 -> 5"),
        ("http_target.http_method", HttpMethod.GET, "GET -> POST"),
        ("http_target.body", b"{}", "2 bytes -> 0 bytes"),
        ("http_target.oidc_token.audience", "x", f"'x' -> '{URL}'"),
    ],
)
def test_every_field_of_ours_that_differs_is_put_right_alone(
    deployed: SchedulerServer,
    path: str,
    value: Any,
    line: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    parent: Any = deployed.jobs[PURGE]
    *way, last = path.split(".")
    for name in way:
        parent = getattr(parent, name)
    before = shown(deployed.jobs[PURGE])
    setattr(parent, last, value)

    main([*arguments(deployed), "--apply"])

    assert masks(deployed) == [(PURGE, [path])]
    assert shown(deployed.jobs[PURGE]) == before
    assert f"update    caseledger-purge-records: {path} {line}\n" in capsys.readouterr().out


def test_a_moved_deployment_and_another_account_are_one_update_of_each_job(
    deployed: SchedulerServer,
) -> None:
    moved = arguments(deployed, url="https://new.example/", service_account="new@acme.example")

    main([*moved, "--apply"])

    token = "http_target.oidc_token"  # noqa: S105 - a field's name
    fields = ["http_target.uri", f"{token}.service_account_email", f"{token}.audience"]
    assert masks(deployed) == [
        (name, fields) for name in (EXPIRE, FAIL, CLOSE, DELIVER, SEAL, CHECK, PURGE)
    ]
    assert [
        deployed.jobs[name].http_target.uri
        for name in (EXPIRE, FAIL, CLOSE, DELIVER, SEAL, CHECK, PURGE)
    ] == [f"https://new.example{schedule.path}" for schedule in SCHEDULES]


def test_a_job_that_calls_something_else_is_made_to_call_the_function(
    deployed: SchedulerServer,
) -> None:
    deployed.jobs[PURGE] = Job(
        name=PURGE, http_target=HttpTarget(uri="https://other.example", oauth_token={"scope": "x"})
    )

    main([*arguments(deployed), "--apply"])

    target = shown(deployed.jobs[PURGE])["httpTarget"]
    assert target.pop("headers") == {"User-Agent": "Google-Cloud-Scheduler"}
    assert target == EXPECTED[-1]["httpTarget"]


def test_headers_are_left_as_they_are(deployed: SchedulerServer) -> None:
    deployed.jobs[PURGE].http_target.headers["X-Team"] = "cases"
    change(deployed, PURGE, schedule="0 0 * * *")

    main([*arguments(deployed), "--apply"])

    headers = {"X-Team": "cases", "User-Agent": "Google-Cloud-Scheduler"}
    assert dict(deployed.jobs[PURGE].http_target.headers) == headers


def test_a_paused_job_is_named_as_paused_and_stays_so(
    deployed: SchedulerServer, capsys: pytest.CaptureFixture[str]
) -> None:
    change(deployed, CLOSE, state=Job.State.PAUSED)
    change(deployed, PURGE, state=Job.State.PAUSED, time_zone="Asia/Tokyo")

    main([*arguments(deployed), "--apply"])

    assert masks(deployed) == [(PURGE, ["time_zone"])]
    assert {deployed.jobs[name].state for name in (CLOSE, PURGE)} == {Job.State.PAUSED}
    printed = capsys.readouterr().out
    assert "unchanged caseledger-close-approved-cases (paused)\n" in printed
    assert "update    caseledger-purge-records (paused): time_zone 'Asia/Tokyo'" in printed


def test_a_job_whose_last_update_failed_is_sent_whole_once_more(
    deployed: SchedulerServer, capsys: pytest.CaptureFixture[str]
) -> None:
    change(deployed, CLOSE, state=Job.State.UPDATE_FAILED)

    main([*arguments(deployed), "--apply"])

    ((name, fields),) = masks(deployed)
    assert name == CLOSE
    assert {"schedule", "http_target.uri", "retry_config.retry_count"} < set(fields)
    line = "update    caseledger-close-approved-cases (update failed): once more\n"
    assert line in capsys.readouterr().out


def test_a_job_of_ours_that_left_the_table_is_named_and_stays_without_prune(
    deployed: SchedulerServer, capsys: pytest.CaptureFixture[str]
) -> None:
    deployed.put(Job(name=OLD, state=Job.State.PAUSED))

    main([*arguments(deployed), "--apply"])

    assert deployed.writes == []
    line = "left      caseledger-send-reminders (paused): not in the table; --prune removes it\n"
    assert line in capsys.readouterr().out


def test_a_job_of_ours_that_left_the_table_is_removed_by_prune(deployed: SchedulerServer) -> None:
    deployed.put(Job(name=OLD))

    main([*arguments(deployed), "--apply", "--prune"])

    ((method, request),) = deployed.writes
    assert (method, request.name) == ("DeleteJob", OLD)
    assert OLD not in deployed.jobs


@pytest.mark.parametrize(
    "name",
    [
        f"{PARENT}/jobs/nightly-export",
        f"{PARENT}/jobs/my-caseledger-purge-records",
        f"{PARENT}/jobs/caseledgers",
        "projects/acme-prod/locations/asia-east1/jobs/caseledger-old",
    ],
)
def test_a_job_that_is_not_ours_is_neither_touched_nor_named(
    deployed: SchedulerServer, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    deployed.put(foreign(name))
    capsys.readouterr()

    main([*arguments(deployed), "--apply", "--prune"])

    assert deployed.writes == []
    assert len(capsys.readouterr().out.splitlines()) == len(SCHEDULES) + 1


def test_the_jobs_of_every_page_are_compared(deployed: SchedulerServer) -> None:
    for number in range(4):
        deployed.put(foreign(f"{PARENT}/jobs/a-{number}"))
    change(deployed, PURGE, schedule="1 1 1 1 1")

    main([*arguments(deployed), "--apply"])

    tokens = [call.request.page_token for call in deployed.calls if call.method == "ListJobs"]
    assert tokens == ["", "2", "4", "6", "8", "10"]
    assert masks(deployed) == [(PURGE, ["schedule"])]


def test_jobs_are_known_again_where_the_project_is_named_by_its_number(
    deployed: SchedulerServer,
) -> None:
    def answered_by_name() -> None:
        for name in (EXPIRE, FAIL, CLOSE, DELIVER, SEAL, CHECK, PURGE):
            deployed.jobs[name.replace("acme-prod", "12345")] = deployed.jobs[name]

    deployed.before("ListJobs", answered_by_name)

    main([*arguments(deployed, project="12345"), "--apply", "--prune"])

    assert deployed.writes == []


def test_a_job_that_somebody_else_creates_meanwhile_is_updated(server: SchedulerServer) -> None:
    other = Job(name=EXPIRE, schedule="0 0 * * *", attempt_deadline=timedelta(minutes=1))
    server.before("CreateJob", lambda: server.put(other))

    code = main([*arguments(server), "--apply"])

    assert code == 0
    methods = [method for method, _ in server.writes]
    assert methods == ["CreateJob", "UpdateJob", *["CreateJob"] * 6]
    found = shown(server.jobs[EXPIRE])
    assert found["schedule"] == "* * * * *"
    assert found["httpTarget"]["oidcToken"] == EXPECTED[0]["httpTarget"]["oidcToken"]
    assert found["attemptDeadline"] == "600s"


def test_a_job_that_somebody_else_removes_meanwhile_is_created(deployed: SchedulerServer) -> None:
    change(deployed, PURGE, schedule="0 0 * * *")
    deployed.before("UpdateJob", lambda: deployed.jobs.pop(PURGE))

    code = main([*arguments(deployed), "--apply"])

    assert code == 0
    assert [method for method, _ in deployed.writes] == ["UpdateJob", "CreateJob"]
    assert shown(deployed.writes[-1][1].job) == EXPECTED[-1]


def test_a_job_to_be_removed_that_is_gone_already_is_fine(deployed: SchedulerServer) -> None:
    deployed.put(Job(name=OLD))
    deployed.before("DeleteJob", lambda: deployed.jobs.pop(OLD))

    assert main([*arguments(deployed), "--apply", "--prune"]) == 0


@pytest.mark.parametrize(
    ("method", "doing"),
    [("ListJobs", f"list the jobs of {PARENT}"), ("CreateJob", "create caseledger-purge-records")],
)
@pytest.mark.parametrize("error", ["PermissionDenied", "InvalidArgument", "ResourceExhausted"])
def test_an_error_of_the_service_is_one_line_and_exit_code_1(
    deployed: SchedulerServer,
    method: str,
    doing: str,
    error: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = grpc.StatusCode[to_snake(error).upper()]
    del deployed.jobs[PURGE]
    deployed.refuse(method, code, "Your account\nmay not.")

    assert main([*arguments(deployed), "--apply"]) == 1
    line = f"Cloud Scheduler: cannot {doing}: {error}: Your account may not.\n"
    assert capsys.readouterr().err == line


def test_what_was_left_undone_by_an_error_is_done_by_the_next_run(server: SchedulerServer) -> None:
    server.before("CreateJob", lambda: None)
    server.refuse("CreateJob", grpc.StatusCode.PERMISSION_DENIED, "no")

    first = main([*arguments(server), "--apply"])
    second = main([*arguments(server), "--apply"])

    assert (first, second) == (1, 0)
    created = [request.job.name for _, request in server.writes]
    assert created == [EXPIRE, FAIL, FAIL, CLOSE, DELIVER, SEAL, CHECK, PURGE]


@pytest.mark.parametrize("method", ["ListJobs", "CreateJob"])
def test_a_service_that_is_away_for_a_moment_is_asked_again(
    server: SchedulerServer, method: str
) -> None:
    server.refuse(method, grpc.StatusCode.UNAVAILABLE, "away")

    assert main([*arguments(server), "--apply"]) == 0
    assert len(server.jobs) == len(SCHEDULES)


def test_a_service_that_is_out_of_reach_is_given_up_in_the_time_allowed(
    server: SchedulerServer, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = f"127.0.0.1:{closed.getsockname()[1]}"

    assert main(arguments(server, endpoint=nobody, timeout="1")) == 1
    errors = capsys.readouterr().err
    assert errors.startswith(f"Cloud Scheduler: cannot list the jobs of {PARENT}: Serv")
    assert errors.count("\n") == 1


def test_missing_credentials_are_one_line_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/key.json")

    assert main([f"--{name}={value}" for name, value in GOOD.items()]) == 1
    errors = capsys.readouterr().err
    assert errors.startswith("Cloud Scheduler: cannot sign in: DefaultCredentialsError: ")
    assert errors.count("\n") == 1


def test_every_call_is_given_a_limited_time(deployed: SchedulerServer) -> None:
    change(deployed, CLOSE, schedule="0 0 * * *")
    del deployed.jobs[PURGE]
    deployed.put(Job(name=OLD))

    main([*arguments(deployed), "--apply", "--prune"])

    assert {call.method for call in deployed.calls} == {
        "ListJobs",
        "CreateJob",
        "UpdateJob",
        "DeleteJob",
    }
    # The 5 seconds that `arguments` allows, which gRPC rounds up on their way.
    assert all(0 < (call.seconds or 0) < 6 for call in deployed.calls)


@pytest.mark.parametrize(
    "url", ["https://{function}-abc.a.run.app/", "https://acme.example/{function}"]
)
def test_functions_deployed_one_by_one_are_called_where_each_is(
    server: SchedulerServer, url: str
) -> None:
    main([*arguments(server, url=url), "--apply"])

    base = url.rstrip("/").replace("{function}", "purge-records")
    target = server.jobs[PURGE].http_target
    assert (target.uri, target.oidc_token.audience) == (f"{base}/v1/scheduled/purgeRecords", base)
    assert len({job.http_target.oidc_token.audience for job in server.jobs.values()}) == len(
        SCHEDULES
    )


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "http://localhost/", "https://a.b:8443"])
def test_a_url_of_this_machine_may_be_without_tls(server: SchedulerServer, url: str) -> None:
    assert main(arguments(server, url=url)) == 0


@pytest.mark.parametrize(
    "flags",
    [
        {"project": ""},
        {"project": "projects/acme"},
        {"location": "europe west"},
        {"url": "http://caseledger.example"},
        {"url": "http://localhost.example"},
        {"url": "ftp://caseledger.example"},
        {"url": "caseledger.example"},
        {"url": "https://"},
        {"url": "https://x.example?y=1"},
        {"url": "https://x.example#y"},
        {"url": "https://user@x.example"},
        {"url": "https://{tenant}.example"},
        {"url": "https://x.example/v1"},
        {"url": "https://x.example/v1/"},
        {"service_account": "caseledger-scheduler"},
        {"service_account": "a b@acme.example"},
        {"timeout": "0"},
        {"timeout": "soon"},
        {"endpoint": "scheduler.example:443"},
        {"unknown": "flag"},
    ],
)
def test_a_bad_flag_is_exit_code_2_before_anything_is_sent(
    server: SchedulerServer, flags: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([*arguments(server, **flags), "--apply"])

    assert (stopped.value.code, server.calls) == (2, [])
    assert next(iter(flags)).replace("_", "-") in capsys.readouterr().err


@pytest.mark.parametrize("flag", GOOD)
def test_a_missing_flag_is_named(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    given = [f"--{name}={value}" for name, value in GOOD.items() if name != flag]

    with pytest.raises(SystemExit) as stopped:
        main(given)

    assert stopped.value.code == 2
    assert f"--{flag}" in capsys.readouterr().err
