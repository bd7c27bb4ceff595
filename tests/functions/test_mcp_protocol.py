"""The Model Context Protocol over HTTP: revisions, headers, errors, and who is let in."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.mcp_methods import METHODS
from functions.mcp_tools import TOOLS
from shared.config import Config
from shared.documents import port
from shared.runtime import Runtime
from shared.version import VERSION
from tests.client import Api, TestResponse
from tests.conftest import Clock
from tests.functions.mcp_support import (
    FORMER,
    META,
    NEWEST,
    OLDEST,
    QUESTION,
    TASKS,
    failed,
    message,
    refused,
    result,
    send,
)
from tests.functions.support import cost
from tests.reliability.support import LOAD
from tests.rows import each_row
from tests.unit.examples import STABLE

SERVER = {"name": "caseledger", "title": "Caseledger", "version": VERSION}
WELL_KNOWN = "/.well-known/oauth-protected-resource"


def sent(api: Api, body: Any, **headers: str) -> TestResponse:
    """The answer to a body as it stands, by default of the revision before the newest."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"mcp_protocol_version": FORMER, "content_type": "application/json", **headers}
    return api.agent.request("POST", "/mcp", raw=raw, **headers)


def test_discovery_says_which_revisions_and_what_the_server_can_do(api: Api) -> None:
    answer = send(api.viewer, "server/discover")
    found = result(answer)

    assert found["supportedVersions"] == [NEWEST, FORMER, OLDEST]
    assert found["capabilities"] == {"tools": {}, "extensions": {TASKS: {}}}
    assert found["_meta"] == {f"{META}/serverInfo": SERVER}
    assert (found["resultType"], found["cacheScope"], found["ttlMs"]) == (
        "complete",
        "public",
        300_000,
    )
    assert "start_action" in found["instructions"]
    assert cost(answer) == (0, 0, 0)
    assert result(send(api.viewer, "tools/list"))["cacheScope"] == "private"


def test_the_function_alone_answers_as_it_is_deployed(config: Config, clock: Clock) -> None:
    alone = Api(Runtime(config, clock), "mcp", "mcp.py")

    assert len(result(send(alone.agent, "tools/list"))["tools"]) == len(TOOLS)
    assert alone.stranger.get(WELL_KNOWN).status_code == 200
    assert alone.agent.get("/cases").status_code == 404


@each_row(
    ("asked", "given"),
    [(FORMER, FORMER), (OLDEST, OLDEST), ("2025-03-26", FORMER), (NEWEST, FORMER), (7, FORMER)],
    apart=True,
)
def test_a_session_of_an_earlier_revision_needs_no_session_id(
    api: Api, asked: str, given: str
) -> None:
    body = {"jsonrpc": "2.0", "id": "a", "method": "initialize"}
    params = {"protocolVersion": asked, "capabilities": {}, "clientInfo": {"name": "x"}}
    answer = api.agent.post("/mcp", {**body, "params": params})
    found = result(answer)

    assert (found["protocolVersion"], found["serverInfo"]) == (given, SERVER)
    assert ("tasks" in found["capabilities"]) == (given == FORMER)
    assert "Mcp-Session-Id" not in answer.headers
    assert "resultType" not in found
    done = sent(api, {"jsonrpc": "2.0", "method": "notifications/initialized"})
    assert (done.status_code, done.data) == (202, b"")
    assert result(send(api.agent, "ping", given)) == {}


@each_row("method", ["GET", "DELETE", "PUT"], apart=True)
def test_there_is_no_stream_to_get_and_no_session_to_end(api: Api, method: str) -> None:
    answer = api.agent.request(method, "/mcp", mcp_session_id="x", last_event_id="y")

    assert (answer.status_code, answer.headers["Allow"]) == (405, "OPTIONS, POST")


@each_row("version", ["2024-11-05", "2025-03-26", "2099-01-01", "x" * 500], apart=True)
def test_a_revision_that_is_not_spoken_is_refused_with_those_that_are(
    api: Api, version: str
) -> None:
    modern, headers = message("tools/list")
    modern["params"]["_meta"][f"{META}/protocolVersion"] = version
    headers["mcp_protocol_version"] = version

    for answer in (
        api.agent.post("/mcp", modern, **headers),
        send(api.agent, "tools/list", version),
        sent(api, {"jsonrpc": "2.0", "method": "x"}, mcp_protocol_version=version),
    ):
        error = failed(answer, -32022)
        assert error["data"] == {"supported": [NEWEST, FORMER, OLDEST], "requested": version[:100]}


@each_row(
    ("changed", "code"),
    [
        ({"mcp_protocol_version": FORMER}, -32020),
        ({"mcp_protocol_version": "2099-01-01"}, -32020),
        ({"mcp_method": "tools/list"}, -32020),
        # As a header arrives that was sent twice.
        ({"mcp_method": "tools/call,tools/call"}, -32020),
        ({"mcp_protocol_version": f"{NEWEST},{NEWEST}"}, -32020),
        ({"mcp_name": "find_cases,find_cases"}, -32020),
        ({"mcp_name": "get_case"}, -32020),
        ({"mcp_name": "=?base64?!?="}, -32020),
        ({"mcp_name": "=?base64?ZmluZF9jYXNlcw==?="}, None),
    ],
)
def test_headers_of_the_newest_revision_repeat_the_body(
    api: Api, changed: dict[str, str], code: int | None
) -> None:
    body, headers = message("tools/call", name="find_cases", arguments={})
    answer = api.agent.post("/mcp", body, **{**headers, **changed})

    if code is None:
        result(answer)
    else:
        failed(answer, code)


@each_row("name", ["mcp_protocol_version", "mcp_method", "mcp_name"], apart=True)
def test_a_header_that_is_missing_is_refused(api: Api, name: str) -> None:
    body, headers = message("tools/call", name="find_cases", arguments={})
    del headers[name]

    failed(api.agent.post("/mcp", body, **headers), -32020)


@each_row("name", ["protocolVersion", "clientCapabilities"], apart=True)
def test_a_request_says_its_revision_and_what_its_client_can_do(api: Api, name: str) -> None:
    body, headers = message("tools/list")
    del body["params"]["_meta"][f"{META}/{name}"]

    assert name in failed(api.agent.post("/mcp", body, **headers), -32602)["message"]


def test_what_a_client_can_do_is_an_object(api: Api) -> None:
    body, headers = message("tools/list")
    body["params"]["_meta"][f"{META}/clientCapabilities"] = [TASKS]

    failed(api.agent.post("/mcp", body, **headers), -32602)


def test_a_task_that_a_header_names_is_the_one_of_the_body(api: Api) -> None:
    body, headers = message("tasks/get", able={"extensions": {TASKS: {}}}, taskId="a")

    failed(api.agent.post("/mcp", body, **headers, mcp_name="b"), -32020)
    failed(api.agent.post("/mcp", body, **headers, mcp_name="a"), -32602)


@each_row(
    ("body", "code"),
    [
        (b"", -32700),
        (b"{", -32700),
        (b"\xff", -32700),
        (b"[" * 100_000 + b"]" * 100_000, -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":NaN}}', -32700),
        (b'{"id":' + b"9" * 5_000 + b"}", -32700),
        (b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}', -32600),
        ([], -32600),
        ([{"jsonrpc": "2.0", "id": 1, "method": "ping"}], -32600),
        ("ping", -32600),
        ({"jsonrpc": "1.0", "id": 1, "method": "ping"}, -32600),
        ({"jsonrpc": "2.0", "id": None, "method": "ping"}, -32600),
        ({"jsonrpc": "2.0", "id": True, "method": "ping"}, -32600),
        ({"jsonrpc": "2.0", "id": 1.5, "method": "ping"}, -32600),
        ({"jsonrpc": "2.0", "id": 1, "result": {}}, -32600),
        ({"jsonrpc": "2.0", "id": 1, "method": ["ping"]}, -32600),
        ({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": []}, -32602),
    ],
)
def test_what_is_not_one_request_is_refused(api: Api, body: Any, code: int) -> None:
    answer = sent(api, body)

    failed(answer, code)
    assert cost(answer) == (0, 0, 0)


def test_an_error_names_its_request_and_a_body_that_is_too_large_is_not_read(api: Api) -> None:
    answer = sent(api, {"jsonrpc": "2.0", "id": "q", "method": 1})
    assert answer.json["id"] == "q"

    large = {"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"x": "x" * 2_097_153}}
    assert sent(api, large).json["error"]["code"] == 413
    text = sent(api, {"jsonrpc": "2.0", "id": 1, "method": "ping"}, content_type="text/plain")
    assert failed(text, 415, 415)["data"]["status"] == "UNSUPPORTED_MEDIA_TYPE"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=9,
)
_PARAMS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from([*TOOLS]) | _JSON,
        "arguments": st.dictionaries(
            st.sampled_from(["caseId", "interventionId", "title", "action", "evidence"]), _JSON
        )
        | _JSON,
        "taskId": _JSON,
        "_meta": _JSON,
        "cursor": _JSON,
        "task": _JSON,
    },
)


@given(method=st.sampled_from([*METHODS]), params=_PARAMS | _JSON)
@settings(
    STABLE,
    max_examples=40 * LOAD,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_no_request_is_answered_with_a_fault(api: Api, method: str, params: Any) -> None:
    answer = sent(api, {"jsonrpc": "2.0", "id": 1, "method": method, "params": params})

    assert answer.status_code < 500, answer.text
    assert ("result" in answer.json) != ("error" in answer.json)


@each_row(
    ("method", "version"),
    [
        ("resources/list", NEWEST),
        ("subscriptions/listen", NEWEST),
        ("tasks/result", NEWEST),
        ("tasks/list", NEWEST),
        ("ping", NEWEST),
        ("tasks/list", FORMER),
        ("logging/setLevel", FORMER),
        ("tasks/update", FORMER),
        ("tasks/get", OLDEST),
    ],
)
def test_a_method_that_a_revision_does_not_have_is_not_found(
    api: Api, method: str, version: str
) -> None:
    failed(send(api.agent, method, version), -32601, 404 if version == NEWEST else 200)


def test_initialize_is_no_method_of_the_newest_revision(api: Api) -> None:
    failed(send(api.agent, "initialize"), -32601, 404)


@each_row(
    ("params", "word"),
    [
        ({"name": "decide"}, "Unknown tool"),
        ({"name": 1}, "params.name"),
        ({}, "params.name"),
        ({"name": "find_cases", "arguments": []}, "params.arguments"),
        ({"name": "find_cases", "_meta": {"caseledger/idempotencyKey": 1}}, "idempotencyKey"),
    ],
    apart=True,
)
def test_a_call_that_is_no_call_of_a_tool_is_refused(
    api: Api, params: dict[str, Any], word: str
) -> None:
    failed_now = failed(send(api.agent, "tools/call", FORMER, **params), -32602, 200)
    assert word in failed_now["message"]


def test_all_tools_are_on_one_page(api: Api) -> None:
    failed(send(api.agent, "tools/list", cursor="x"), -32602)


@pytest.fixture
def behind(api: Api) -> Api:
    """The functions behind a public address, with one other origin that may call them."""
    config = replace(
        api.runtime.config,
        public_url="https://cases.example",
        allowed_origins=("https://agents.example",),
        issuer="https://issuer.example",
        audience="caseledger",
        jwks_url="https://issuer.example/keys",
        unsigned_tokens=False,
    )
    Runtime(config, api.runtime.clock).install(api.app)
    return api


@pytest.mark.parametrize(
    ("origin", "code"),
    [
        ("https://cases.example", 401),
        ("https://agents.example", 401),
        ("https://evil.example", 403),
        ("http://cases.example", 403),
        ("null", 403),
    ],
)
def test_a_page_of_another_origin_is_refused_before_its_token_is_looked_at(
    behind: Api, origin: str, code: int
) -> None:
    body, headers = message("tools/list")
    answer = behind.stranger.post("/mcp", body, **headers, origin=origin)

    failed(answer, code, code)
    assert ("Access-Control-Allow-Origin" in answer.headers) == (origin.endswith("agents.example"))


def test_in_a_local_run_no_page_may_call_not_even_of_the_host_that_it_says(api: Api) -> None:
    body, headers = message("tools/list")

    for host in ("localhost", "rebound.example"):
        headers |= {"origin": f"http://{host}", "host": host}
        failed(api.agent.post("/mcp", body, **headers), 403, 403)


def test_a_browser_of_an_origin_that_may_call_may_send_the_headers(behind: Api) -> None:
    answer = behind.stranger.request("OPTIONS", "/mcp", origin="https://agents.example")
    allowed = answer.headers["Access-Control-Allow-Headers"].split(", ")

    assert {"MCP-Protocol-Version", "Mcp-Method", "Mcp-Name", "Authorization"} <= {*allowed}


@pytest.mark.parametrize("token", [None, "nonsense"])
def test_who_has_no_token_is_told_where_to_get_one(behind: Api, token: str | None) -> None:
    body, headers = message("tools/list")
    answer = replace(behind.stranger, token=token).post("/mcp", body, **headers)
    challenge = answer.headers["WWW-Authenticate"]

    failed(answer, 401, 401)
    url = "https://cases.example/.well-known/oauth-protected-resource/v1/mcp"
    assert challenge == f'Bearer resource_metadata="{url}"'
    for path in (WELL_KNOWN, f"{WELL_KNOWN}/v1/mcp"):
        told = behind.stranger.get(path)
        assert told.status_code == 200
        assert told.json == {
            "resource": "https://cases.example/v1/mcp",
            "resource_name": "Caseledger",
            "authorization_servers": ["https://issuer.example"],
            "bearer_methods_supported": ["header"],
        }
    assert behind.stranger.get(f"{WELL_KNOWN}/v1/cases").status_code == 404


def test_a_server_without_a_public_address_is_where_it_was_asked(behind: Api) -> None:
    config = replace(behind.runtime.config, public_url="", unsigned_tokens=False)
    Runtime(config, behind.runtime.clock).install(behind.app)

    told = behind.stranger.get(WELL_KNOWN, host="mcp-123.run.app").json
    assert told["resource"] == "https://mcp-123.run.app/v1/mcp"


def test_neither_a_local_run_nor_firebase_has_a_server_that_gives_tokens(behind: Api) -> None:
    config = behind.runtime.config
    firebase = replace(config, issuer="https://securetoken.google.com/caseledger")
    for other in (replace(config, unsigned_tokens=True), firebase):
        Runtime(other, behind.runtime.clock).install(behind.app)
        assert "authorization_servers" not in behind.stranger.get(WELL_KNOWN).json


def test_a_scheduler_is_no_member(api: Api) -> None:
    body, headers = message("tools/list")
    failed(api.caller("scheduler").post("/mcp", body, **headers), 403, 403)


def test_a_store_out_of_reach_is_told_to_the_model_and_is_an_error_in_the_log(
    api: Api, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def gone(*_: Any, **__: Any) -> Any:
        raise port.Unavailable("the store is away")

    monkeypatch.setattr(api.runtime.store, "commit", gone)
    capsys.readouterr()
    error = refused(api.agent, "ask_human", "UNAVAILABLE", **QUESTION)
    line = json.loads(capsys.readouterr().out)

    assert (error["code"], line["code"], line["toolError"]) == (503, 200, "UNAVAILABLE")
    assert line["severity"] == "ERROR"


def test_a_fault_is_an_internal_error_that_says_nothing_of_it(
    api: Api, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(api.runtime.store, "get", broken)
    body, headers = message("tools/call", name="get_case", arguments={"caseId": "a"})
    answer = api.agent.post("/mcp", body, **headers)

    assert failed(answer, -32603, 500)["message"] == "internal error"
    assert answer.json["id"] == body["id"]
    assert "secret" not in answer.text + capsys.readouterr().out


def test_the_log_names_the_method_the_tool_and_ids_but_no_arguments(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    refused(api.viewer, "ask_human", "PERMISSION_DENIED", **QUESTION)
    refused(api.viewer, "get_decision", "NOT_FOUND", interventionId="i-1")
    failed(send(api.agent, "no/such"), -32601, 404)
    first, second, third = map(json.loads, capsys.readouterr().out.splitlines())

    assert (first["severity"], first["securityEvent"]) == ("WARNING", "permission_denied")
    assert (first["method"], first["tool"]) == ("tools/call", "ask_human")
    assert (second["toolError"], second["interventionId"]) == ("NOT_FOUND", "i-1")
    assert third["code"] == 404
    assert "letter-17" not in str(first)
    assert "no/such" not in str(third)
