"""An agent of the OpenAI Agents SDK asks people. Started again, it goes on with the same call."""

import asyncio
import json
from pathlib import Path

from agents import Agent, Runner, RunState, function_tool
from agents.tool_context import ToolContext
from caseledger import AsyncClient

client, saved, decisions = AsyncClient(), Path("letter-7.json"), {}


@function_tool(needs_approval=True, failure_error_function=None)  # errors end the run
async def send_letter(context: ToolContext, to: str) -> str:
    await client.start(decisions[context.tool_call_id])  # raises Problem where it was started
    print("It sends the letter to", to)
    await client.complete(decisions[context.tool_call_id], "sent")
    return "sent"


async def main() -> None:
    agent = Agent(name="clerk", model="gpt-5", tools=[send_letter])
    if not saved.exists():
        saved.write_text((await Runner.run(agent, "Write!")).to_state().to_string())
    state = await RunState.from_string(agent, saved.read_text())
    for call in state.get_interruptions():
        terms = {"uow_id": call.call_id, "decisions": ["approve", "reject"]}
        action = {"tool": call.name, "arguments": json.loads(call.arguments)}
        asked = await client.ask("Send it?", action=action, **terms)
        decisions[call.call_id] = told = await client.wait(asked)
        if told["status"] == "approved":
            state.approve(call)
        else:  # also where an earlier run has completed it: the model is told the result
            state.reject(call, rejection_message=f"{told['status']}: {told['result']}")
    saved.write_text((await Runner.run(agent, state)).to_state().to_string())


asyncio.run(main())
