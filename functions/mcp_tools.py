"""The tools that agents call by the Model Context Protocol, and the function behind each."""

from __future__ import annotations

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
from shared.edge.function import Function
from shared.edge.mcp.tools import Tool
from shared.models import mcp as models
from shared.models.actions import Start
from shared.models.intervention import Wait
from shared.rules import actions

ABOUT = """\
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
"""What a client may tell its model of all tools."""


def _to_start(given: models.StartAction) -> tuple[Function, dict[str, Any]]:
    known = given.action_hash or actions.hash_of(given.action)
    body = Start.model_validate({"action_hash": known})
    return start_intervention, {"intervention_id": given.intervention_id, "body": body}


def _to_wait(given: models.GetDecision) -> tuple[Function, dict[str, Any]]:
    arguments: dict[str, Any] = {"intervention_id": given.intervention_id}
    if not given.wait_seconds:
        return get_intervention, arguments
    query = Wait(timeout_seconds=given.wait_seconds)
    return wait_intervention, {**arguments, "query": query}


_TOOLS = (
    Tool(
        "ask_human",
        "Ask people for a decision",
        "Asks people for a decision, or for an answer, and gives the question with its `id` at "
        "once; get_decision waits for what they decide. Use it before anything that needs "
        "approval: then give `action`, the tool and the arguments that you want to call, so "
        "that exactly this is approved. `type` is `resume` to go on with work, `clarification` "
        "for an open question, which is answered in `response.text`. The same arguments again "
        "are the same question, also after it was decided: name another occasion by another "
        "`uowId`, or give an `idempotencyKey`. Where it is to end, give `expiresInSeconds`: an "
        "`expiresAt` that moves on makes each call another question.",
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
TOOLS = {tool.name: tool for tool in _TOOLS}
"""Each tool by its name. None of them decides, claims or deletes: people do that."""
