"""One line of JSON a request: ids, codes and durations; never what people wrote or who they are."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from shared.config import Config
from shared.documents.port import Document, DocumentStore, MissingIndex, Query, Update
from shared.runtime import Runtime
from shared.version import VERSION
from tests.client import Api
from tests.conftest import Clock
from tests.functions.intervention_support import ask
from tests.functions.support import ON_EMBEDDED, refused

SECRETS = ["Sesame", "sesame", "@example.com", "Bearer", "eyJ", "\\u00e9"]


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What was logged, line by line."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_request_is_logged_in_one_line_with_its_ids_and_its_cost(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    api.verifier.create(id="CASE-1")
    trace = "0af7651916cd43dd8448eb211c80319c"

    api.viewer.get(
        "/cases/CASE-1", x_request_id="r-1", traceparent=f"00-{trace}-b7ad6b7169203331-01"
    )

    _, line = lines(capsys)
    assert line.pop("durationMs") > 0
    assert line.pop("logging.googleapis.com/trace").endswith(trace)
    assert line.pop("logging.googleapis.com/spanId") == "b7ad6b7169203331"
    assert line.pop("logging.googleapis.com/trace_sampled") is True
    shown = line.pop("httpRequest")
    assert float(shown.pop("latency").removesuffix("s")) > 0
    assert int(shown.pop("responseSize")) > 100
    assert shown == {"requestMethod": "GET", "requestUrl": "/v1/cases/{caseId}", "status": 200}
    assert line == {
        "severity": "INFO",
        "message": "GET get_case 200",
        "requestId": "r-1",
        "function": "get_case",
        "tenant": api.tenant,
        "caseId": "CASE-1",
        "code": 200,
        "reads": 1,
        "writes": 0,
        "trips": 1,
    }


@ON_EMBEDDED
@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (f"{'ab' * 16}/255;o=1", ("ab" * 16, "00000000000000ff", True)),
        (f"{'ab' * 16}/1;o=0", ("ab" * 16, "0000000000000001", False)),
        (f"{'ab' * 16}/1", ("ab" * 16, "0000000000000001", False)),
        ("Sesame/1;o=1", (None, None, None)),
    ],
)
def test_without_a_traceparent_the_trace_is_that_of_googles_own_header(
    api: Api,
    capsys: pytest.CaptureFixture[str],
    sent: str,
    told: tuple[str | None, str | None, bool | None],
) -> None:
    api.stranger.get("/health", x_cloud_trace_context=sent)

    (line,) = lines(capsys)
    names = ("trace", "spanId", "trace_sampled")
    assert tuple(line.get(f"logging.googleapis.com/{name}") for name in names) == told


class NoIndex:
    """A store whose query has no index, with Google's words for it."""

    def query(self, _: Query) -> list[Document]:
        """Fails."""
        raise MissingIndex("The query requires an index. You can create it here: https://x/?y")

    def close(self) -> None:
        """Has nothing to close."""


def test_a_missing_index_is_logged_in_googles_words_with_the_link(
    embedded_config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    api = Api(Runtime(embedded_config, store=cast("DocumentStore", NoIndex())))

    refused(api.viewer.get("/cases"), 500, "INTERNAL")

    (line,) = lines(capsys)
    assert line["cause"].endswith("create it here: https://x/?y")
    assert line["stack_trace"].endswith("MissingIndex")


def test_no_line_holds_what_people_wrote_or_who_they_are(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    note = {"eventType": "note_added", "message": "Sesame é", "meta": {"open": "Sesame"}}
    new = {"id": "CASE-1", "decisionType": "kyc", "title": "Sesame é", "summary": "Sesame"}
    answers = [
        api.verifier.post("/cases", new, idempotency_key="Sesame"),
        api.verifier.post("/cases", {**new, "assignedTo": "kim@example.com"}),
        api.verifier.post("/cases", {**new, "title": "Sesame\n"}),
        api.verifier.post("/cases", {"Sesame": "Sesame"}),
        api.verifier.request("POST", "/cases", raw=b'{"Sesame', content_type="application/json"),
        api.verifier.patch("/cases/CASE-1", {"status": "blocked", "reason": "Sesame"}),
        api.verifier.patch("/cases/CASE-1", {"status": "approved", "reason": "Sesame"}),
        api.verifier.patch("/cases/CASE-1", {"title": "Sesame"}, if_match='"Sesame"'),
        api.verifier.post("/cases/CASE-1:claim"),
        api.admin.post("/cases/CASE-1:claim"),
        api.agent.post("/cases/CASE-1/audit", note),
        api.pilot.post("/cases:close", {"caseIds": ["CASE-1"], "reason": "Sesame"}),
        api.viewer.get("/cases?search=sesame&assignedTo=kim@example.com"),
        api.viewer.get("/cases?Sesame=kim@example.com"),
        api.viewer.get("/cases?pageToken=Sesame"),
        api.viewer.get("/cases/kim@example.com"),
        api.viewer.get("/Sesame/kim@example.com"),
        api.viewer.request("SESAME", "/cases"),
        api.pilot.get("/audit?actor=verifier@example.com"),
        api.stranger.get("/cases", authorization="Bearer Sesame", x_request_id="Sesame é"),
        api.viewer.get("/health", traceparent="Sesame", user_agent="Sesame", origin="Sesame"),
        api.app.test_client().get("/robots.txt?Sesame"),
    ]
    written = capsys.readouterr()

    logged = [json.loads(line) for line in written.out.splitlines()]
    assert [answer.status_code for answer in answers] == [line["code"] for line in logged]
    warned = [line["securityEvent"] for line in logged if line["severity"] == "WARNING"]
    assert warned == ["unauthenticated"] * 2  # the stranger, and who comes from a foreign origin
    assert [word for word in SECRETS if word in written.out] == []
    assert written.err == ""


class BrokenStore:
    """A store that fails as nobody expected, saying what it should not."""

    def get(self, path: str) -> Document | None:
        """Fails."""
        raise KeyError(f"Sesame {path} kim@example.com")

    def close(self) -> None:
        """Has nothing to close."""


@pytest.fixture
def broken_api(embedded_config: Config) -> Api:
    """The functions over a store that fails."""
    return Api(Runtime(embedded_config, store=cast("DocumentStore", BrokenStore())))


def test_what_nobody_expected_is_answered_without_detail_and_its_stack_is_logged(
    broken_api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = broken_api.viewer.get("/cases/CASE-1", x_request_id="r-1")

    error = refused(answer, 500, "INTERNAL")
    assert (error["message"], error["details"]) == ("internal error", [])
    assert answer.headers["X-Request-Id"] == "r-1"
    written = capsys.readouterr()
    (line,) = [json.loads(text) for text in written.out.splitlines()]
    assert (line["severity"], line["code"], line["requestId"]) == ("ERROR", 500, "r-1")
    assert (line["function"], line["caseId"]) == ("get_case", "CASE-1")
    assert line["stack_trace"].startswith("Traceback (most recent call last):\n  File ")
    assert line["stack_trace"].endswith("\nKeyError")
    assert "functions/cases.py" in line["stack_trace"]
    assert line["serviceContext"] == {"service": "caseledger", "version": VERSION}
    assert [word for word in SECRETS if word in written.out + written.err + answer.text] == []


@ON_EMBEDDED
def test_a_line_of_what_was_not_routed_says_so(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    api.stranger.get("/nothing")
    api.app.test_client().get("/favicon.ico")

    assert [line["message"] for line in lines(capsys)] == ["GET unrouted 404"] * 2


def test_a_scheduled_run_says_in_its_line_what_it_did_and_how_late_it_was(
    api: Api, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(api.agent, expiresInSeconds=60)
    clock.advance(seconds=100)

    api.caller("scheduler").post("/scheduled/expireInterventions")
    api.caller("scheduler").post("/scheduled/expireInterventions?dryRun=true")

    *_, line, dry = lines(capsys)
    done = {"examined": 1, "changed": 1, "failed": 0, "skipped": 0, "complete": True}
    assert (line["sweep"], line["oldestDueSeconds"]) == (done, 40)
    assert "sweep" not in dry


def test_a_run_that_was_done_before_is_counted_once(
    api: Api, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(api.agent, expiresInSeconds=60)
    clock.advance(seconds=60)
    when = {
        "x_cloudscheduler_jobname": "j",
        "x_cloudscheduler_scheduletime": "2026-03-02T09:00:00Z",
    }

    for _ in range(2):
        api.caller("scheduler").post("/scheduled/expireInterventions", **when)

    _, first, second = lines(capsys)
    assert (first["sweep"]["changed"], first["oldestDueSeconds"]) == (1, 0)
    assert "sweep" not in second


def test_a_chain_that_does_not_verify_is_named_in_the_log(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    api.verifier.create(id="CASE-1")
    path = f"tenants/{api.tenant}/cases/CASE-1"
    api.runtime.store.commit([Update(path, {"head": {"sequence": 9, "hash": "0" * 64}})])

    api.admin.get("/audit:verify?subject=cases/CASE-1")

    *_, line, _ = lines(capsys)
    assert line == {
        "severity": "ERROR",
        "message": "a chain does not verify",
        "securityEvent": "trail_broken",
        "tenant": api.tenant,
        "subject": "cases/CASE-1",
        "sequence": 2,
    }
