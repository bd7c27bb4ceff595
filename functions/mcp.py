"""Agents call by the Model Context Protocol: they ask people, act on the answers, and find cases.

It is served without sessions, so any instance answers any request. What a tool does is what its
function of the API does for the same caller: with the same roles, budgets, rules and trail.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from functions.audit import add_audit_event
from functions.cases import get_case, list_cases
from functions.evidence import add_evidence
from functions.interventions import (
    complete_intervention,
    create_intervention,
    get_intervention,
    start_intervention,
    wait_intervention,
    withdraw_intervention,
)
from functions.runs import add_record
from shared import errors
from shared.edge.function import Call, Function, Reply, performed, serve
from shared.edge.mcp import door, messages, tasks, tools
from shared.edge.mcp.door import Response
from shared.edge.mcp.messages import Message, RpcError
from shared.edge.mcp.tools import Result, Tool
from shared.edge.routes import Route
from shared.models import actions as action_models
from shared.models import intervention as intervention_models
from shared.models import mcp as models
from shared.models.base import is_id
from shared.models.intervention import Intervention
from shared.rules import actions
from shared.rules.callers import READERS
from shared.version import VERSION

_ABOUT = """\
Caseledger asks people before an agent acts, and keeps a trail of what was asked, decided and done.
1. ask_human: ask before you do what needs approval. Give `action` with the tool and the arguments
that you want to call, and as `uowId` a name for this one piece of work. The same call again is the
same question; for another occasion use another `uowId`.
2. get_decision with `waitSeconds`: call it until the status is neither pending nor in_progress.
People may take hours: keep the `id`, and go on with other work meanwhile.
3. start_action, right before you act: it succeeds exactly once. Without its success do not act.
4. report_result: say what came of it.
Only the status `approved` allows anything; expired, rejected and withdrawn do not.
"""


def _to_start(given: models.StartAction) -> tuple[Function, dict[str, Any]]:
    known = given.action_hash or actions.hash_of(given.action)
    body = action_models.Start.model_validate({"action_hash": known})
    return start_intervention, {"intervention_id": given.intervention_id, "body": body}


def _to_wait(given: models.GetDecision) -> tuple[Function, dict[str, Any]]:
    arguments: dict[str, Any] = {"intervention_id": given.intervention_id}
    if not given.wait_seconds:
        return get_intervention, arguments
    query = intervention_models.Wait.model_validate({"timeout_seconds": given.wait_seconds})
    return wait_intervention, {**arguments, "query": query}


@dataclass(frozen=True, slots=True)
class _Method:
    """What answers a method, and in which revisions it exists."""

    answer: Callable[[Call, Message], Result]
    versions: tuple[str, ...] = messages.VERSIONS


def _tools() -> tuple[Tool, ...]:
    return (
        Tool(
            "ask_human",
            "Ask people for a decision",
            "Asks people for a decision, or for an answer, and gives the question with its `id` at "
            "once; get_decision waits for what they decide. Use it before anything that needs "
            "approval: then give `action`, the tool and the arguments that you want to call, so "
            "that exactly this is approved. `type` is `resume` to go on with work, `clarification` "
            "for an open question, which is answered in `response.text`. The same arguments again "
            "are the same question, also after it was decided: name another occasion by another "
            "`uowId`, or give an `idempotencyKey`.",
            create_intervention,
            models.AskHuman,
            by_content=True,
        ),
        Tool(
            "get_decision",
            "Get or wait for a decision",
            "Gives a question with its status and decision. With `waitSeconds` it answers as soon "
            "as people have decided, or when that time is over: then call it again. `approved` "
            "allows the action whose hash is `approvedActionHash`, with `approvedArguments` where "
            "people edited them.",
            wait_intervention,
            models.GetDecision,
            choose=_to_wait,
        ),
        Tool(
            "start_action",
            "Start the approved action",
            "Records that you start the approved action now. It succeeds exactly once, before "
            "`actUntil`, and only for what was approved: call the tool only after it succeeded. "
            "Where it is refused because somebody has started it, do not act: that may have been "
            "you, before you were interrupted, and then find out what happened.",
            start_intervention,
            models.StartAction,
            choose=_to_start,
        ),
        Tool(
            "report_result",
            "Report what came of it",
            "Records what came of an approved question: the result of the action, or what you did "
            "with the answer. The question is completed by that. The same call again changes "
            "nothing.",
            complete_intervention,
            models.ReportResult,
            by_content=True,
        ),
        Tool(
            "withdraw_question",
            "Withdraw a question",
            "Withdraws a question of yours that needs no decision any more. The same call again "
            "changes nothing.",
            withdraw_intervention,
            models.WithdrawQuestion,
            by_content=True,
        ),
        Tool(
            "find_cases",
            "Find cases",
            "Lists cases by words in them (`search`), status, assignee, tags and more; the filters "
            "combine. `nextPageToken` of one page is the `pageToken` of the next.",
            list_cases,
            models.FindCases,
        ),
        Tool(
            "get_case",
            "Get a case",
            "Gives one case; with `view` `full` also its evidence, and the holds on it.",
            get_case,
            models.GetCase,
        ),
        Tool(
            "add_evidence",
            "Add evidence to a case",
            "Attaches evidence to a case: texts that are quoted, with where they are from. Each "
            "call adds it anew, unless it has the same `idempotencyKey`.",
            add_evidence,
            models.AddEvidence,
        ),
        Tool(
            "add_record",
            "Add a record to a case",
            "Adds a record, which never changes afterwards, such as a report or a list of "
            "requirements; it supersedes the last one of its `kind` on the case. Each call adds "
            "one, unless it has the same `idempotencyKey`.",
            add_record,
            models.AddRecord,
        ),
        Tool(
            "report_event",
            "Report an event on a case",
            "Records on the trail of a case that something happened: what you did, a note, an "
            "error. Each call records it anew, unless it has the same `idempotencyKey`.",
            add_audit_event,
            models.ReportEvent,
        ),
    )


TOOLS = {tool.name: tool for tool in _tools()}
"""Each tool by its name. None of them decides, claims or deletes: people do that."""


def answer(call: Call, raw: bytes) -> Response:
    """Answers one message: a request with its result or error, a notification with 202."""
    try:
        message = messages.read(raw, call.exchange.request.headers)
    except RpcError as error:
        return door.answered(error.body(error.id), error.status)
    if message.id is None:
        return Response(status=202)
    try:
        found = _answered(call, message)
    except RpcError as error:
        status = error.status if message.is_modern else 200
        return door.answered(error.body(message.id), status)
    if message.is_modern:
        found = {"resultType": "complete", **found}
        found["_meta"] = {f"{messages.OURS}/serverInfo": _server(), **found.get("_meta", {})}
    return door.answered({"jsonrpc": "2.0", "id": message.id, "result": found})


def _answered(call: Call, message: Message) -> Result:
    method = METHODS.get(message.method)
    if method is None or message.version not in method.versions:
        raise RpcError(messages.METHOD_NOT_FOUND, "Method not found")
    call.exchange.noted["method"] = message.method
    return method.answer(call, message)


def _server() -> dict[str, str]:
    return {"name": "caseledger", "title": "Caseledger", "version": VERSION}


def _initialize(call: Call, message: Message) -> Result:
    del call
    able: dict[str, Any] = {"tools": {}}
    if message.version == _WITH_FORMER_TASKS:
        able["tasks"] = {"cancel": {}, "requests": {"tools": {"call": {}}}}
    return {
        "protocolVersion": message.version,
        "capabilities": able,
        "serverInfo": _server(),
        "instructions": _ABOUT,
    }


def _discover(call: Call, message: Message) -> Result:
    del call, message
    return {
        "supportedVersions": list(messages.VERSIONS),
        "capabilities": {"tools": {}, "extensions": {messages.TASKS: {}}},
        "instructions": _ABOUT,
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
    asked = message.version == _WITH_FORMER_TASKS and message.params.get("task") is not None
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
    """Withdraws the question. What was decided meanwhile stays so, as a cancellation may come late.

    Raises RpcError where the caller may not withdraw it.
    """
    task = _task(call, message)
    if tasks.status(task) == "working":
        body = intervention_models.Withdrawal(reason="cancelled by the client of the task")
        try:
            task = _followed(call, message, withdraw_intervention, body=body)
        except errors.FailedPrecondition:
            task = _task(call, message)
        except errors.PermissionDenied as error:
            raise RpcError(error.code, error.message, error.body()) from None
    elif not message.is_modern:
        raise RpcError(messages.INVALID_PARAMS, "Cannot cancel task: it is at its end")
    return {} if message.is_modern else tasks.of_former(task)


def _task_result(call: Call, message: Message) -> Result:
    """Waits for the end of a task, as 2025-11-25 has it, but not for longer than a request may."""
    query = intervention_models.Wait(timeout_seconds=models.LONGEST_WAIT_SECONDS)
    task = _followed(call, message, wait_intervention, query=query)
    if tasks.status(task) == "working":
        raise RpcError(408, "Nobody has decided yet: ask again")
    return tasks.former_result(task)


_WITH_FORMER_TASKS = "2025-11-25"
_FORMER = (_WITH_FORMER_TASKS,)
_WITH_TASKS = (messages.NEWEST, _WITH_FORMER_TASKS)
METHODS = {
    "initialize": _Method(_initialize, messages.WITH_SESSIONS),
    "ping": _Method(_ping, messages.WITH_SESSIONS),
    "server/discover": _Method(_discover, (messages.NEWEST,)),
    "tools/list": _Method(_list),
    "tools/call": _Method(_call),
    "tasks/get": _Method(_get_task, _WITH_TASKS),
    "tasks/cancel": _Method(_cancel_task, _WITH_TASKS),
    "tasks/update": _Method(_update_task, (messages.NEWEST,)),
    "tasks/result": _Method(_task_result, _FORMER),
}
"""What is answered, by the name of the method."""


def get_resource_metadata() -> Response:
    """Says where a client gets a token for this server (RFC 9728)."""
    return door.answered(door.metadata())


def get_mcp_resource_metadata() -> Response:
    """Says the same where a client looks for it first: below the path of the protocol."""
    return get_resource_metadata()


_BELOW = f"{door.WELL_KNOWN}{door.PATH}"

mcp = serve(
    "mcp",
    [
        Route("POST", "/mcp", READERS, 200, answer, dialect=door.Mcp()),
        Route("GET", door.WELL_KNOWN, None, 200, get_resource_metadata, prefix=""),
        Route("GET", _BELOW, None, 200, get_mcp_resource_metadata, prefix=""),
    ],
)
"""Serves the protocol. The description of the API leaves it out: it has one of its own."""
