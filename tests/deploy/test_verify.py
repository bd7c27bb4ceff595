"""`deploy.sh --verify`, against a server in this process and stand-ins for Google Cloud."""

from __future__ import annotations

import json
import pickle
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import jwt
import pytest
from flask import Flask
from google.cloud.scheduler_v1.types import Job
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from werkzeug.serving import WSGIRequestHandler

from deployment import indexes, rules, scheduler_jobs, verify
from deployment.__main__ import main
from deployment.deployable import Place
from deployment.google import DeploymentError, Google
from deployment.verification import people, queries
from deployment.verification.outcome import Outcome, Row, Untried, call, exit_status, table
from local.tokens import unsigned_token
from shared.config import Config
from shared.documents.port import Order, Query
from shared.runtime import Runtime
from shared.schedules import SCHEDULES
from tests.client import served
from tests.deploy import sign_in_stub  # noqa: F401 - it adds to the stand-in
from tests.deploy.support import DATABASE, PARENT, PROJECT, REGION, Cloud, running_cloud
from tests.serving import serving

WSGI = Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]
"""What the server answers with."""
Break = Callable[["Deployment"], object]


class Server:
    """The functions on a port of this machine; `breaks` answers in their place, or gives None.

    `ahead` is by how many seconds its clock is.
    """

    def __init__(self, app: Flask) -> None:
        self._app = app
        self.breaks: Callable[[WSGIEnvironment], WSGI | None] = lambda _: None
        self.ahead = 0.0
        self.address = ""

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        return (self.breaks(environ) or self._app)(environ, start)


@contextmanager
def running(config: Config) -> Iterator[Server]:
    app = served("api", "api.py")
    runtime = Runtime(config)
    runtime.install(app)
    server = Server(app)

    class Handler(WSGIRequestHandler):
        def date_time_string(self, timestamp: float | None = None) -> str:
            return super().date_time_string((timestamp or time.time()) + server.ahead)

        def log(self, *_: Any) -> None:
            """Says nothing."""

    with closing(runtime), serving(server, request_handler=Handler) as server.address:
        yield server


@dataclass
class Deployment:
    """A deployment on stand-ins: `rows` is what `verify` finds of it."""

    server: Server
    cloud: Cloud
    target: verify.Target

    def found(self) -> list[Row]:
        rows, self.left = verify.verify(self.target)
        return rows

    left: str = ""


RULESET = f"projects/{PROJECT}/releases/cloud.firestore"
JOBS = [f"{PARENT}/jobs/caseledger-{one.function.replace('_', '-')}" for one in SCHEDULES]


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """One server and one project for all tests of this file."""
    directory = tmp_path_factory.mktemp("verified")
    config = Config(sqlite=str(directory / "caseledger.db"), unsigned_tokens=True)
    with running(config) as server, running_cloud(directory) as cloud:
        place = Place(PROJECT, REGION)
        google = Google(PROJECT, "a-token", cloud.environment)
        cloud.google.resources[DATABASE] = {"name": DATABASE, "type": "FIRESTORE_NATIVE"}
        indexes.reconcile(google, "(default)", apply=True, say=lambda _: None)
        for one in cloud.google.resources.values():  # they are built
            one.update({"state": "READY"} if "queryScope" in one else {})
            one.update({"ttlConfig": {"state": "ACTIVE"}} if "ttlConfig" in one else {})
        rules.reconcile(google, "(default)", apply=True, say=lambda _: None)
        target = scheduler_jobs.Target(PARENT, server.address, place.account("scheduler"))
        for schedule in SCHEDULES:
            cloud.scheduler.put(target.job(schedule))
        found = verify.target(place, cloud.environment, server.address, "(default)")
        few = [Query("cases", (), (Order("sweepAt"),), limit=1, select=(), group=True)] * 2
        found = replace(found, wait_seconds=0, asked=lambda: few)
        yield Deployment(server, cloud, found)


@pytest.fixture
def deployment(everything: Deployment) -> Iterator[Deployment]:
    """The same as it was before anything broke."""
    google, scheduler = everything.cloud.google, everything.cloud.scheduler
    kept = pickle.dumps(google.resources)
    jobs = [Job.serialize(job) for job in scheduler.jobs.values()]
    everything.cloud.forget_calls()
    account = people.OfProject(
        Google(PROJECT, "a-token", everything.cloud.environment), Place(PROJECT, REGION), {}
    )
    yield replace(everything, target=replace(everything.target, people=account))
    everything.server.breaks = lambda _: None
    everything.server.ahead = 0.0
    google.resources = pickle.loads(kept)  # noqa: S301 - our own
    for job in jobs:
        scheduler.put(Job.deserialize(job))
    google.refusals.clear()


def answers(code: int, body: Any, when: Callable[[WSGIEnvironment], bool]) -> Break:
    """The server answers so where `when` is true of the request."""

    def wsgi(_: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        start(f"{code} X", [("Content-Type", "application/json")])
        return [json.dumps(body).encode()]

    def broken(deployment: Deployment) -> None:
        deployment.server.breaks = lambda environ: wsgi if when(environ) else None

    return broken


def at(method: str, part: str) -> Callable[[WSGIEnvironment], bool]:
    return lambda environ: environ["REQUEST_METHOD"] == method and part in environ["PATH_INFO"]


def unproven(environ: WSGIEnvironment) -> bool:
    """Whether the token's signature was taken out."""
    return str(environ.get("HTTP_AUTHORIZATION", "")).endswith("REMOVED_BY_GOOGLE")


def with_token(environ: WSGIEnvironment) -> bool:
    token = unsigned_token(sub="scheduler", tenant="none", role="scheduler")
    return token in str(environ.get("HTTP_AUTHORIZATION", ""))


def put(name: str, **fields: Any) -> Break:
    """A resource has other fields."""
    return lambda deployment: deployment.cloud.google.resources[name].update(fields)


def first(part: str, **fields: Any) -> Break:
    """The first resource with this part in its name has other fields."""

    def broken(deployment: Deployment) -> None:
        found = deployment.cloud.google.resources
        found[next(name for name in found if part in name)].update(fields)

    return broken


def job(**fields: Any) -> Break:
    """A job is another."""

    def broken(deployment: Deployment) -> None:
        for name, value in fields.items():
            setattr(deployment.cloud.scheduler.jobs[JOBS[0]], name, value)

    return broken


def refused(method: str, part: str, message: str) -> Break:
    """Google refuses a call."""
    return lambda deployment: deployment.cloud.google.refuse(
        method, part, 400, "FAILED_PRECONDITION", message
    )


def late(deployment: Deployment) -> None:
    """The server's clock is a minute behind."""
    deployment.server.ahead = -60.0


def answering_at_once(deployment: Deployment) -> None:
    """The edge takes a wait for another path, whose function answers at once."""
    deployment.target = replace(deployment.target, wait_seconds=1)
    answers(200, {"status": "pending"}, at("GET", ":wait"))(deployment)


def drifted(deployment: Deployment) -> None:
    """Somebody has changed a service by hand."""
    deployment.target = replace(deployment.target, differing=lambda: ["get-case: memory"])


BREAKS: dict[str, tuple[Break, str]] = {
    "edge": (answers(503, {}, at("GET", "/health")), "503 in docs/operations.md"),
    "clock": (late, "by NTP"),
    "refused tokens": (answers(200, {}, unproven), "off the network"),
    "scheduled functions": (answers(401, {}, with_token), "IAM check"),
    "wait": (answering_at_once, "hold a request for 90 s"),
    "case": (answers(500, {}, at("PUT", "/evidence")), "requestId"),
    "audit trail": (
        answers(200, {"valid": False, "events": 8}, at("GET", "audit:verify")),
        "does not verify",
    ),
    "queries": (refused("POST", ":runQuery", "The query requires an index."), "Run deploy.sh"),
    "indexes and expiry": (first("/indexes/", state="CREATING"), "ready after minutes"),
    "rules": (put(RULESET, rulesetName=f"projects/{PROJECT}/rulesets/0"), "Run deploy.sh"),
    "scheduler's jobs": (job(state=Job.State.PAUSED), "gcloud scheduler jobs resume"),
    "drift": (drifted, "--dry-run"),
}
"""By the row that fails: what breaks, and a part of what to do about it."""


def test_everything_holds_of_a_deployment_that_works(deployment: Deployment) -> None:
    rows = deployment.found()

    assert [(row.name, row.found) for row in rows if row.outcome is not Outcome.HELD] == []
    assert {row.name for row in rows} == set(BREAKS)
    assert exit_status(rows) == 0


@pytest.mark.parametrize("name", BREAKS)
def test_what_breaks_fails_its_own_row_which_says_what_to_do(
    deployment: Deployment, name: str
) -> None:
    broken, todo = BREAKS[name]
    broken(deployment)

    rows = deployment.found()

    assert [row.name for row in rows if row.outcome is Outcome.FAILED] == [name], table(rows)
    assert exit_status(rows) == 1
    (row,) = (row for row in rows if row.name == name)
    assert todo in row.todo
    assert row.todo in table(rows)
    untried = {row.name for row in rows if row.outcome is Outcome.UNTRIED}
    assert untried <= {"audit trail"}  # of a case that was not played


def test_what_could_not_be_tried_is_told_from_what_failed(deployment: Deployment) -> None:
    """The operator may not make tokens of the scheduler's account."""
    for _ in range(20):
        deployment.cloud.google.refuse(
            "POST", "serviceAccounts", 403, "PERMISSION_DENIED", "You may not."
        )

    rows = deployment.found()

    untried = [row for row in rows if row.outcome is Outcome.UNTRIED]
    assert {row.name for row in untried} == {
        "refused tokens",
        "scheduled functions",
        "wait",
        "case",
        "audit trail",
    }
    assert exit_status(rows) == 2, table(rows)
    grant = "gcloud iam service-accounts add-iam-policy-binding caseledger-scheduler@"
    assert [row.name for row in untried if grant not in row.todo] == ["audit trail"]


def test_an_address_at_which_nobody_answers_is_not_tried_and_named(deployment: Deployment) -> None:
    deployment.target = replace(deployment.target, address="http://127.0.0.1:1")

    rows = {row.name: row for row in deployment.found()}

    assert exit_status([*rows.values()]) == 2
    assert rows["queries"].outcome is Outcome.HELD
    assert "http://127.0.0.1:1/v1/health is out of reach" in rows["edge"].found
    assert "CASELEDGER_PUBLIC_URL" in rows["edge"].todo


def test_another_site_at_the_address_is_no_deployment(deployment: Deployment) -> None:
    answers(200, ["Welcome"], lambda _: True)(deployment)

    rows = {row.name: row for row in deployment.found()}

    assert exit_status([*rows.values()]) == 1
    assert "not one of the API" in rows["edge"].found


def test_tokens_are_sent_to_nobody_without_tls_but_this_machine(deployment: Deployment) -> None:
    deployment.target = replace(deployment.target, address="http://acme.example")

    rows = {row.name: row for row in deployment.found()}

    assert "is not an https:// URL" in rows["case"].found


def test_nothing_stays_but_the_trail_in_the_tenant_made_for_it(deployment: Deployment) -> None:
    deployment.found()

    (case,) = re.findall(r"VERIFY-\w+", deployment.left)
    admin = deployment.target.people.token("admin")
    people = [name for name in deployment.cloud.google.resources if name.startswith("users/")]
    url = f"{deployment.target.url}/cases/{case}"
    assert call("GET", url, admin).code == 404
    events = call("GET", f"{url}/audit", admin).body["events"]
    assert events[0]["eventType"] == "case_deleted"
    assert people == []


def test_people_of_another_issuer_come_with_tokens_of_their_own(deployment: Deployment) -> None:
    tokens = people.Local()
    given = " ".join(f"{role}={tokens.token(role)}" for role in people.ROLES)
    environ = {**deployment.cloud.environment, "CASELEDGER_VERIFY_TOKENS": given}
    google = Google(PROJECT, "a-token", environ)
    found = people.OfProject(google, deployment.target.place, people.given(environ))
    deployment.target = replace(deployment.target, people=found)

    rows = deployment.found()

    assert exit_status(rows) == 0, table(rows)
    assert deployment.cloud.google.sent("POST", "signInWithCustomToken") == []


def test_people_have_the_claims_that_are_configured(deployment: Deployment) -> None:
    google = Google(PROJECT, "a-token", deployment.cloud.environment)
    found = people.OfProject(google, deployment.target.place, {}, ("org", "rank"))

    claims = jwt.decode(found.token("pilot"), options={"verify_signature": False})

    assert (claims["org"], claims["rank"]) == (people.TENANT, "pilot")
    assert "tenant" not in claims


@pytest.mark.parametrize("text", ["admin", "admin=", "owner=x"])
def test_tokens_of_no_known_role_are_refused(text: str) -> None:
    with pytest.raises(DeploymentError, match="CASELEDGER_VERIFY_TOKENS must be like"):
        people.given({"CASELEDGER_VERIFY_TOKENS": text})


def test_a_role_without_a_token_is_named(deployment: Deployment) -> None:
    google = Google(PROJECT, "a-token", deployment.cloud.environment)
    found = people.OfProject(google, deployment.target.place, {"admin": "x"})

    with pytest.raises(Untried, match="no token of the role pilot"):
        found.token("pilot")


@pytest.mark.parametrize(
    ("broken", "found"),
    [
        (job(status=Status(code=7, message="denied")), "the last run failed"),
        (lambda one: one.cloud.scheduler.jobs.pop(JOBS[-1]), "missing: caseledger-purge-records"),
    ],
)
def test_a_job_that_fails_or_is_missing_is_named(
    deployment: Deployment, broken: Break, found: str
) -> None:
    broken(deployment)

    rows = {row.name: row for row in deployment.found()}

    assert rows["scheduler's jobs"].outcome is Outcome.FAILED
    assert found in rows["scheduler's jobs"].found


def test_an_expiry_that_is_not_active_is_named(deployment: Deployment) -> None:
    first("scheduledRuns/fields/expireAt", ttlConfig={"state": "CREATING"})(deployment)

    rows = {row.name: row for row in deployment.found()}

    assert "creating: expiry of scheduledRuns.expireAt" in rows["indexes and expiry"].found


def test_a_local_run_is_verified_without_google(
    everything: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.delenv("GOOGLE_OAUTH_ACCESS_TOKEN", raising=False)
    monkeypatch.delenv("FIRESTORE_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("CASELEDGER_PUBLIC_URL", everything.server.address)

    code = main([f"--project={PROJECT}", f"--region={REGION}", f"--work={tmp_path}", "verify"])

    output = capsys.readouterr().out
    assert code == 0
    assert [line.split("  ")[0] for line in output.splitlines() if "held " in line] != []
    assert "queries" not in output
    assert "drift" not in output


def test_a_local_run_on_the_emulator_is_asked_its_queries_too(emulator_config: Config) -> None:
    with running(emulator_config) as server:
        environ = {"FIRESTORE_EMULATOR_HOST": emulator_config.emulator or ""}
        place = Place(emulator_config.project or "", REGION)
        target = verify.target(place, environ, server.address, "(default)")

        some = queries.by_index()[::4]
        rows, _ = verify.verify(replace(target, wait_seconds=0, asked=lambda: some))

    assert exit_status(rows) == 0, table(rows)
    assert f"{len(some)} queries are served" in table(rows)


def test_a_request_that_meets_an_unavailable_store_is_sent_again(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    met: list[str] = []

    def once(environ: WSGIEnvironment) -> bool:
        met.append(environ.get("HTTP_IDEMPOTENCY_KEY", ""))
        return len(met) == 1

    put = at("PUT", "/evidence")
    answers(503, {}, lambda environ: put(environ) and once(environ))(deployment)

    assert exit_status(deployment.found()) == 0
    assert met == [met[0], met[0]]
    assert met[0]


def test_queries_that_may_not_be_asked_are_not_taken_for_missing_indexes(
    deployment: Deployment,
) -> None:
    deployment.cloud.google.refuse("POST", ":runQuery", 403, "PERMISSION_DENIED", "You may not.")

    rows = {row.name: row for row in deployment.found()}

    assert rows["queries"].outcome is Outcome.UNTRIED
    assert "You may not." in rows["queries"].found
