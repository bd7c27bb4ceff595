"""An agent that speaks the Model Context Protocol and nothing else: it asks, waits and acts.

Started again after a failure, it finds its question: the same call of `ask_human` is the same one.
"""

import asyncio
import os
from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

ACTION = {"tool": "send_letter", "arguments": {"to": "Dr. Smith"}}
QUESTION = {"uowId": "letter-7", "type": "resume", "title": "Send the letter?", "action": ACTION}


async def main() -> None:
    url, token = os.environ["CASELEDGER_URL"], os.environ["CASELEDGER_TOKEN"]
    http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=60)
    async with Client(streamable_http_client(f"{url}/v1/mcp", http_client=http)) as client:

        async def call(tool: str, **arguments: Any) -> dict[str, Any]:
            answer = await client.call_tool(tool, arguments)
            if answer.is_error:
                raise SystemExit(answer.content[0].text)
            return answer.structured_content

        asked = await call("ask_human", **QUESTION)
        named = {"interventionId": asked["id"]}
        while asked["status"] in ("pending", "in_progress"):
            asked = await call("get_decision", **named, waitSeconds=50)
        if asked["status"] == "approved":
            approved = asked.get("approvedArguments") or ACTION["arguments"]
            await call("start_action", **named, action={**ACTION, "arguments": approved})
            print("It sends the letter to", approved["to"])
            await call("report_result", **named, result="sent")


asyncio.run(main())
