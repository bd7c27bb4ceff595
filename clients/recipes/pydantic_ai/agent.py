"""An agent of Pydantic AI, whose deferred calls of a tool people approve in Caseledger.

Its messages are kept in a file: started again after a failure, it goes on with the same call.
"""

from pathlib import Path

from caseledger import Client
from pydantic_ai import Agent, DeferredToolRequests, DeferredToolResults, RunContext
from pydantic_ai import ModelMessagesTypeAdapter, ToolApproved, ToolCallPart, ToolDenied

client, saved, decisions = Client(), Path("letter-7.json"), {}
agent = Agent("openai:gpt-5", output_type=[str, DeferredToolRequests], defer_model_check=True)


@agent.tool(requires_approval=True)
def send_letter(context: RunContext, to: str) -> str:
    client.start(decisions[context.tool_call_id])  # raises Problem where it was started before
    print("It sends the letter to", to)
    client.complete(decisions[context.tool_call_id], "sent")
    return "sent"


def answer(call: ToolCallPart) -> ToolApproved | ToolDenied:
    action = {"tool": call.tool_name, "arguments": call.args_as_dict()}
    asked = client.ask("May I?", uow_id=call.tool_call_id, action=action)
    decisions[call.tool_call_id] = decided = client.wait(asked)
    if decided["status"] == "approved":
        return ToolApproved(override_args=decided["approvedArguments"])
    return ToolDenied(f"{decided['status']}: {decided['result']}")  # completed by an earlier run


if not saved.exists():
    saved.write_bytes(agent.run_sync("Write to Dr. Smith.").all_messages_json())
messages = ModelMessagesTypeAdapter.validate_json(saved.read_bytes())
while calls := [part for part in messages[-1].parts if isinstance(part, ToolCallPart)]:
    answers = DeferredToolResults(approvals={one.tool_call_id: answer(one) for one in calls})
    result = agent.run_sync(message_history=messages, deferred_tool_results=answers)
    saved.write_bytes(result.all_messages_json())
    messages = result.all_messages()
