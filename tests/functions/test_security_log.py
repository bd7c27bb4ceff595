"""Security events: one log line each, of one form, without a word of who or what; no writes."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import repeat
from typing import Any, cast
from urllib.parse import quote

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.api import ROUTES
from local.tokens import unsigned_token
from shared.config import Budget, Config
from shared.documents.port import Document, DocumentStore
from shared.runtime import Runtime
from tests.client import Api, Client, TestResponse, opened
from tests.reliability.support import LOAD

PERSONAL = ("Sesame", "sesame", "@example.com", "kim", "Bearer", "eyJ")
REQUIRED = {
    *("severity", "message", "requestId", "code", "durationMs", "reads", "writes", "trips"),
    "httpRequest",
}
OPTIONAL = {"function", "tenant", "caseId", "interventionId", "securityEvent"}
HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
}
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def api(embedded_config: Config) -> Api:
    """The functions, with a budget of one expensive request."""
    budgets: Mapping[Budget, int] = {"read": 99, "write": 99, "expensive": 1}
    return Api(Runtime(replace(embedded_config, budgets=budgets)))


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    """What was logged since it was asked last; nothing personal is in it."""

    def read() -> list[dict[str, Any]]:
        written = capsys.readouterr()
        assert [word for word in PERSONAL if word in written.out + written.err] == []
        return [json.loads(line) for line in written.out.splitlines()]

    return read


def kim(api: Api, role: str) -> Client:
    return api.caller(role, sub="kim@example.com")


def cut_off(api: Api) -> TestResponse:
    """A body that ends before its time."""
    return opened(
        api.app,
        "/v1/cases",
        method="POST",
        headers={"Authorization": f"Bearer {kim(api, 'verifier').token}"},
        input_stream=io.BytesIO(b'{"title": "Sesame"}'),
        environ_overrides={"CONTENT_LENGTH": "99"},
        content_type="application/json",
    )


def held(api: Api) -> TestResponse:
    """A case under a legal hold that is to be deleted."""
    api.admin.create(id="CASE-1", title="Sesame")
    api.admin.post("/cases/CASE-1/holds", {"reason": "Sesame"})
    return kim(api, "admin").delete("/cases/CASE-1", if_match="*")


def spent(api: Api) -> TestResponse:
    """More than the budget."""
    kim(api, "viewer").get("/cases:stats")
    return kim(api, "viewer").get("/cases:stats")


def other_action(api: Api) -> TestResponse:
    """The start of something else than what was approved."""
    action = {"tool": "pay", "arguments": {"to": "Sesame"}}
    question = {"uowId": "u", "type": "resume", "title": "Sesame?", "action": action}
    asked = kim(api, "agent").post("/interventions", question).json["id"]
    assert api.pilot.post(f"/interventions/{asked}:decide", {"decision": "approve"}).json
    return kim(api, "agent").post(f"/interventions/{asked}:start", {"actionHash": "0" * 64})


def with_token(token: str) -> Callable[[Api], TestResponse]:
    return lambda api: Client(api.app, token, {}).get("/cases/Sesame?search=sesame")


EVENTS: dict[str, tuple[Callable[[Api], TestResponse], str, int]] = {
    "no token": (lambda api: api.stranger.get("/cases/Sesame"), "unauthenticated", 401),
    "a bad token": (with_token("Sesame"), "unauthenticated", 401),
    "a token of nobody": (
        with_token(unsigned_token(sub="", tenant="acme", role="admin")),
        "unauthenticated",
        401,
    ),
    "a token of no tenant": (
        with_token(unsigned_token(sub="kim", tenant="sesame/Sesame", role="admin")),
        "unauthenticated",
        401,
    ),
    "a role that may not": (
        lambda api: kim(api, "viewer").post("/cases", {"title": "Sesame"}),
        "permission_denied",
        403,
    ),
    "somebody else than the scheduler": (
        lambda api: kim(api, "admin").post("/scheduled/purgeRecords"),
        "permission_denied",
        403,
    ),
    "a budget that is spent": (spent, "rate_limited", 429),
    "an action that was not approved": (other_action, "action_changed", 409),
    "a legal hold": (held, "hold_refused", 409),
    "a body that does not come": (cut_off, "slow_body", 408),
}


@pytest.mark.parametrize("event", EVENTS)
def test_a_security_event_is_one_line_of_the_documented_form(
    api: Api, lines: Lines, event: str
) -> None:
    request, name, code = EVENTS[event]
    answer = request(api)

    line = lines()[-1]
    assert (code, code) == (answer.status_code, line["code"])
    assert ("WARNING", name) == (line["severity"], line["securityEvent"])
    assert REQUIRED <= set(line) <= REQUIRED | OPTIONAL
    assert line["requestId"] == answer.headers["X-Request-Id"]
    assert line["writes"] == 0


def test_a_request_that_is_refused_for_other_reasons_is_no_security_event(
    api: Api, lines: Lines
) -> None:
    kim(api, "viewer").get("/cases/none")
    kim(api, "verifier").post("/cases", {"title": 7})
    api.stranger.get("/nothing")
    api.stranger.request("FOO", "/cases")

    assert [(line["severity"], line.get("securityEvent")) for line in lines()] == [
        ("INFO", None)
    ] * 4


def test_with_whom_a_case_is_shared_is_not_in_the_log(api: Api, lines: Lines) -> None:
    path = "/cases/CASE-1/collaborators/kim@example.com"
    api.admin.create(id="CASE-1")

    answers = [
        api.admin.put(path, {"permission": "read"}),
        api.stranger.put(path, {"permission": "read"}),
        api.agent.put(path, {"permission": "read"}),
        api.admin.delete(path),
    ]

    logged = lines()[-4:]
    assert [answer.status_code for answer in answers] == [200, 401, 403, 204]
    assert [line.get("caseId") for line in logged] == ["CASE-1", None, None, "CASE-1"]


class Untouchable:
    """A store that nobody may ask for anything."""

    def __getattr__(self, name: str) -> Document:
        raise AssertionError(f"the store was asked to {name}")

    def close(self) -> None:
        """Has nothing to close."""


PATHS = st.sampled_from([route.path.removeprefix("/v1") for route in ROUTES if route.roles])
HEADER_NAMES = st.sampled_from(
    [
        "X-Tenant",
        "X-User-Id",
        "X-Forwarded-For",
        "X-HTTP-Method-Override",
        "If-Match",
        "Origin",
        "Idempotency-Key",
        "Content-Type",
        "Content-Length",
        "traceparent",
        "ce-id",
        "Cookie",
    ]
)
TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12)


@pytest.fixture(scope="module")
def untouchable_app() -> Flask:
    """The functions over a store that nobody may ask for anything."""
    config = Config(sqlite="unused", unsigned_tokens=True)
    return Api(Runtime(config, store=cast("DocumentStore", Untouchable()))).app


@settings(max_examples=150 * LOAD, derandomize=LOAD == 1, deadline=None, database=None)
@given(
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
    | st.from_regex(r"[A-Z]{1,9}", fullmatch=True),
    path=PATHS | TEXT.map(lambda text: f"/{text}"),
    query=TEXT,
    headers=st.dictionaries(HEADER_NAMES, TEXT, max_size=4),
    token=st.none() | TEXT,
    body=st.binary(max_size=20),
)
def test_whatever_strangers_send_reads_nothing_and_writes_nothing(  # noqa: PLR0913, PLR0917 - a request
    untouchable_app: Flask,
    method: str,
    path: str,
    query: str,
    headers: dict[str, str],
    token: str | None,
    body: bytes,
) -> None:
    given_token = {} if token is None else {"Authorization": f"Bearer {token}"}

    answer = untouchable_app.test_client().open(
        f"/v1{quote(path)}",
        method=method,
        query_string=query,
        data=body,
        headers=headers | given_token,
    )

    assert answer.status_code in (204, 401, 404, 405)
    assert "reads=0 writes=0 trips=0" in answer.headers["Server-Timing"]


def test_every_answer_of_every_function_has_the_security_headers(api: Api) -> None:
    asked = 0
    for route in ROUTES:
        path = route.path.removeprefix("/v1").replace("{", "").replace("}", "")
        callers = (api.stranger, api.admin, api.viewer, api.caller("scheduler"))
        requests: list[tuple[Client, str, Any]] = [(one, route.method, None) for one in callers]
        # What else there may be is answered before anybody looks at who calls.
        others = ("OPTIONS", "HEAD", "FOO", route.method)
        requests += zip(callers, others, repeat({"nonsense": 1}), strict=False)
        for caller, method, body in requests:
            answer = caller.request(method, path, body)
            asked += 1
            got = {name: answer.headers.get(name) for name in HEADERS}
            assert (HEADERS, answer.status_code) == (got, answer.status_code)
            assert "Server" not in answer.headers
    assert asked == len(ROUTES) * 8


@pytest.mark.parametrize("url", ["/robots.txt", "/favicon.ico", "/v1", "/%0a", "/v1//cases"])
def test_the_frameworks_own_pages_have_the_security_headers(api: Api, url: str) -> None:
    for method in ("GET", "POST", "OPTIONS", "FOO"):
        answer = api.app.test_client().open(url, method=method)

        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
        assert answer.status_code == 404


def test_an_internal_error_has_the_security_headers_and_tells_nothing(
    embedded_config: Config,
) -> None:
    api = Api(Runtime(embedded_config, store=cast("DocumentStore", Untouchable())))

    answer = api.viewer.get("/cases/CASE-1")

    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert answer.status_code == 500
    for told in ("Untouchable", "AssertionError", "Traceback", ".py", "asked"):
        assert told not in answer.text + str(answer.headers)
