"""The methods of the Model Context Protocol: what the server is, its tools, and tasks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from functions.interventions import get_intervention, wait_intervention, withdraw_intervention
from functions.mcp_tools import ABOUT, TOOLS
from shared import errors
from shared.edge.function import Call, Function, Reply, performed
from shared.edge.mcp import messages, tasks, tools
from shared.edge.mcp.messages import Message, RpcError
from shared.edge.mcp.tools import Result, Tool
from shared.models.base import is_id
from shared.models.intervention import Intervention, Wait, Withdrawal
from shared.models.mcp import LONGEST_WAIT_SECONDS
from shared.version import VERSION


@dataclass(frozen=True, slots=True)
class _Method:
    """What answers a method, and in which revisions it exists."""

    answer: Callable[[Call, Message], Result]
    versions: tuple[str, ...] = messages.VERSIONS


def answered(call: Call, message: Message) -> Result:
    """The result of a request. Raises RpcError."""
    method = METHODS.get(message.method)
    if method is None or message.version not in method.versions:
        raise RpcError(messages.METHOD_NOT_FOUND, "Method not found")
    call.exchange.noted["method"] = message.method
    found = method.answer(call, message)
    if not message.is_modern:
        return found
    meta = {f"{messages.OURS}/serverInfo": _server(), **found.get("_meta", {})}
    return {"resultType": "complete", **found, "_meta": meta}


def _server() -> dict[str, str]:
    return {"name": "caseledger", "title": "Caseledger", "version": VERSION}


def _initialize(call: Call, message: Message) -> Result:
    del call
    able: dict[str, Any] = {"tools": {}}
    if message.version == messages.WITH_FORMER_TASKS:
        able["tasks"] = {"cancel": {}, "requests": {"tools": {"call": {}}}}
    return {
        "protocolVersion": message.version,
        "capabilities": able,
        "serverInfo": _server(),
        "instructions": ABOUT,
    }


def _discover(call: Call, message: Message) -> Result:
    del call, message
    return {
        "supportedVersions": list(messages.VERSIONS),
        "capabilities": {"tools": {}, "extensions": {messages.TASKS: {}}},
        "instructions": ABOUT,
        **_cacheable("public"),
    }


def _cacheable(scope: str) -> Result:
    return {"ttlMs": 300_000, "cacheScope": scope}


def _ping(call: Call, message: Message) -> Result:
    del call, message
    return {}


def _list(call: Call, message: Message) -> Result:
    if message.params.get("cursor") is not None:
        raise RpcError(messages.INVALID_PARAMS, "params.cursor: all tools are on the first page")
    shown = [
        tool.described(message.version)
        for tool in TOOLS.values()
        if tools.may_call(tool, call.caller.role)
    ]
    return {"tools": shown} | (_cacheable("private") if message.is_modern else {})


def _call(call: Call, message: Message) -> Result:
    tool = TOOLS.get(message.text("name"))
    if tool is None:
        raise RpcError(messages.INVALID_PARAMS, "Unknown tool")
    given = message.params.get("arguments")
    if not isinstance(given, dict | None):
        raise RpcError(messages.INVALID_PARAMS, "params.arguments must be an object")
    key = message.meta.get(tools.META_KEY)
    if not isinstance(key, str | None):
        raise RpcError(messages.INVALID_PARAMS, f"{tools.META_KEY} must be text")
    as_task = _as_former_task(tool, message)
    call.exchange.noted["tool"] = tool.name
    done = tools.outcome(call, tool, given or {}, key)
    if isinstance(done, dict):
        return done
    if not isinstance(done.body, Intervention):
        return tools.result(done)
    if tool.name == "ask_human" and message.takes_tasks:
        return {"resultType": "task", **tasks.of_newest(done.body)}
    if as_task:
        return {"task": tasks.of_former(done.body)}
    return tools.result(done, tasks.hint(done.body))


def _as_former_task(tool: Tool, message: Message) -> bool:
    """Whether a client of 2025-11-25 asks for a task. Raises RpcError where there is none."""
    asked = message.version == messages.WITH_FORMER_TASKS and message.params.get("task") is not None
    if asked and tool.name != "ask_human":
        raise RpcError(messages.METHOD_NOT_FOUND, f"{tool.name} is not called as a task")
    return asked


def _task(call: Call, message: Message) -> Intervention:
    """The intervention that a task is. Raises RpcError where there is none for the caller."""
    if message.is_modern and not message.takes_tasks:
        needed: Result = {"requiredCapabilities": {"extensions": {messages.TASKS: {}}}}
        raise RpcError(messages.MISSING_CAPABILITY, "Missing required client capability", needed)
    return _followed(call, message, get_intervention)


def _followed(call: Call, message: Message, function: Function, **arguments: Any) -> Intervention:
    """What a function says of the intervention that a task is. Raises RpcError."""
    task_id = message.text("taskId")
    if not is_id(task_id):
        raise RpcError(messages.INVALID_PARAMS, "Task not found")
    call.exchange.ids["interventionId"] = task_id
    named = {"intervention_id": task_id, **arguments}
    try:
        reply: Reply[Intervention] = performed(call, tools.route_of(function), named, None)
    except errors.NotFound:
        raise RpcError(messages.INVALID_PARAMS, "Task not found") from None
    return reply.body


def _get_task(call: Call, message: Message) -> Result:
    task = _task(call, message)
    return tasks.detailed(task) if message.is_modern else tasks.of_former(task)


def _update_task(call: Call, message: Message) -> Result:
    """Takes note of nothing: a task here asks its client for no input, as people decide."""
    if not isinstance(message.params.get("inputResponses"), dict):
        raise RpcError(messages.INVALID_PARAMS, "params.inputResponses must be an object")
    _task(call, message)
    return {}


def _cancel_task(call: Call, message: Message) -> Result:
    """Withdraws the question. What was decided meanwhile stays so: a cancellation may come late."""
    task = _task(call, message)
    if tasks.status(task) == "working":
        body = Withdrawal(reason="cancelled by the client of the task")
        try:
            task = _followed(call, message, withdraw_intervention, body=body)
        except errors.FailedPrecondition:
            task = _task(call, message)
    elif not message.is_modern:
        raise RpcError(messages.INVALID_PARAMS, "Cannot cancel task: it is at its end")
    return {} if message.is_modern else tasks.of_former(task)


def _task_result(call: Call, message: Message) -> Result:
    """Waits for the end of a task, as 2025-11-25 has it, but not for longer than a request may."""
    query = Wait(timeout_seconds=LONGEST_WAIT_SECONDS)
    task = _followed(call, message, wait_intervention, query=query)
    if tasks.status(task) == "working":
        raise RpcError(408, "Nobody has decided yet: ask again")
    return tasks.former_result(task)


_WITH_TASKS = (messages.NEWEST, messages.WITH_FORMER_TASKS)
METHODS = {
    "initialize": _Method(_initialize, messages.WITH_SESSIONS),
    "ping": _Method(_ping, messages.WITH_SESSIONS),
    "server/discover": _Method(_discover, (messages.NEWEST,)),
    "tools/list": _Method(_list),
    "tools/call": _Method(_call),
    "tasks/get": _Method(_get_task, _WITH_TASKS),
    "tasks/cancel": _Method(_cancel_task, _WITH_TASKS),
    "tasks/update": _Method(_update_task, (messages.NEWEST,)),
    "tasks/result": _Method(_task_result, (messages.WITH_FORMER_TASKS,)),
}
"""What is answered, by the name of the method."""
