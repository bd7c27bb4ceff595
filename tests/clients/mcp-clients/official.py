# ruff: noqa: INP001 - a program, in no package
"""Asks, follows and acts by the official client of MCP in Python, and by FastMCP's client of tasks.

It runs in an environment of its own. Arguments: the address of the server, and the tokens of an
agent, of a pilot and of an agent of another tenant. It prints what it found, as JSON.
"""

import asyncio
import json
import sys
from typing import Any

import httpx2
from fastmcp import Client as FastClient
from fastmcp.client.transports import StreamableHttpTransport
from fastmcp_tasks import call_tool_task
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

URL, AGENT, PILOT, STRANGER = sys.argv[1:]
ACTION = {"tool": "send_letter", "arguments": {"to": "Ada"}}


def decide(intervention_id: str) -> None:
    """Approves, as the console does."""
    url = f"{URL}/v1/interventions/{intervention_id}:decide"
    answer = httpx2.post(
        url, json={"decision": "approve"}, headers={"Authorization": f"Bearer {PILOT}"}
    )
    answer.raise_for_status()


def question(uow: str) -> dict[str, Any]:
    return {"uowId": uow, "type": "resume", "title": "Send it?", "action": ACTION}


async def official(mode: str) -> dict[str, Any]:
    """From the question to the result, by the official client in one of its two eras."""
    http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {AGENT}"})
    transport = streamable_http_client(f"{URL}/v1/mcp", http_client=http)
    async with Client(transport, mode=mode) as client:
        tools = [tool.name for tool in (await client.list_tools()).tools]
        asked = await client.call_tool("ask_human", question(f"official-{mode}"))
        found = asked.structured_content
        named = {"interventionId": found["id"]}
        waiting = asyncio.create_task(
            client.call_tool("get_decision", {**named, "waitSeconds": 50})
        )
        await asyncio.to_thread(decide, found["id"])
        decided = (await waiting).structured_content
        started = await client.call_tool("start_action", {**named, "action": ACTION})
        again = await client.call_tool("start_action", {**named, "action": ACTION})
        ended = await client.call_tool("report_result", {**named, "result": {"sent": 1}})
        wrong = await client.call_tool("ask_human", {**question("x"), "title": ""})
        return {
            "version": client.session.protocol_version,
            "tools": len(tools),
            "asked": found["status"],
            "decided": decided["status"],
            "started": [started.is_error, again.is_error],
            "ended": ended.structured_content["status"],
            "wrong": [wrong.is_error, wrong.content[0].text],
        }


async def fast() -> dict[str, Any]:
    """A task that is followed by FastMCP, one that is cancelled, and one of another tenant."""

    def of(token: str) -> FastClient:
        return FastClient(StreamableHttpTransport(f"{URL}/v1/mcp", auth=token))

    async with of(AGENT) as client:
        task = await call_tool_task(client, "ask_human", question("fast"))
        first = (await task.status()).status
        asyncio.get_running_loop().run_in_executor(None, decide, task.task_id)
        result = await task.result()
        gone = await call_tool_task(client, "ask_human", question("gone"))
        await gone.cancel()
        cancelled = (await gone.status()).status
    async with of(AGENT) as client:  # a new connection, as after a restart
        same = await client.call_tool("ask_human", question("fast"))
    async with of(STRANGER) as client:
        other = await call_tool_task(client, "ask_human", question("other"))
        other._create_result.task_id = task.task_id  # noqa: SLF001 - it takes no id
        try:
            stolen = (await other.status()).status
        except MCPError as error:
            stolen = [error.error.code, error.error.message]
    return {
        "statuses": [first, cancelled],
        "decided": result.structured_content["status"],
        "same": same.structured_content["id"] == task.task_id,
        "stolen": stolen,
    }


async def main() -> None:
    found = {
        "modern": await official("auto"),
        "legacy": await official("legacy"),
        "tasks": await fast(),
    }
    print(json.dumps(found))  # noqa: T201 - a command prints


asyncio.run(main())
