"""What the tests of the Model Context Protocol share: how a message is sent."""

from __future__ import annotations

import itertools
import json
from typing import Any

from tests.client import Client, TestResponse

NEWEST, FORMER, OLDEST = "2026-07-28", "2025-11-25", "2025-06-18"
META = "io.modelcontextprotocol"
TASKS = f"{META}/tasks"
ABLE: dict[str, Any] = {"extensions": {TASKS: {}}}
"""What a client can do that follows tasks."""
QUESTION = {"uowId": "letter-17", "type": "resume", "title": "Send the letter?"}
ARGUMENTS = {"to": "Ada", "copies": 2}
ACTION = {"tool": "send_letter", "arguments": ARGUMENTS}
_IDS = itertools.count(1)


def message(
    method: str, version: str = NEWEST, able: dict[str, Any] | None = None, **params: Any
) -> tuple[dict[str, Any], dict[str, str]]:
    """A request and its headers, as a client of this revision sends them."""
    headers = {"mcp_protocol_version": version}
    if version == NEWEST:
        meta = {f"{META}/protocolVersion": version, f"{META}/clientCapabilities": able or {}}
        params["_meta"] = {**meta, **params.get("_meta", {})}
        headers["mcp_method"] = method
        if "name" in params:
            headers["mcp_name"] = params["name"]
    body = {"jsonrpc": "2.0", "id": next(_IDS), "method": method, "params": params}
    return body, headers


def send(
    client: Client,
    method: str,
    version: str = NEWEST,
    able: dict[str, Any] | None = None,
    **params: Any,
) -> TestResponse:
    """The answer to a request."""
    body, headers = message(method, version, able, **params)
    answer = client.post("/mcp", body, **headers)
    assert answer.json["id"] == body["id"], answer.text
    return answer


def result(answer: TestResponse) -> dict[str, Any]:
    """The result of a request that was answered."""
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json["result"]
    return found


def failed(answer: TestResponse, code: int, status: int = 400) -> dict[str, Any]:
    """The error of a request that the protocol refuses."""
    assert (answer.status_code, answer.json["jsonrpc"]) == (status, "2.0"), answer.text
    error: dict[str, Any] = answer.json["error"]
    assert error["code"] == code, answer.text
    return error


def call(client: Client, tool: str, version: str = NEWEST, **arguments: Any) -> dict[str, Any]:
    """What a tool gives."""
    found = result(send(client, "tools/call", version, name=tool, arguments=arguments))
    assert found["isError"] is False, found
    content: dict[str, Any] = found["structuredContent"]
    assert json.loads(found["content"][-1]["text"]) == content
    return content


def refused(client: Client, tool: str, status: str, **arguments: Any) -> dict[str, Any]:
    """The error that a tool tells the model, whose text begins with its status."""
    found = result(send(client, "tools/call", name=tool, arguments=arguments))
    assert found["isError"] is True, found
    error: dict[str, Any] = found["structuredContent"]["error"]
    assert error["status"] == status, error
    assert found["content"][0]["text"].startswith(f"{status}: ")
    return error
