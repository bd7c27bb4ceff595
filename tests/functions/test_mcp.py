"""The tools of the Model Context Protocol: they are the functions of the API, for agents."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from functions.mcp_tools import TOOLS
from shared.config import Budget, Config
from shared.edge.mcp import tasks
from shared.models.intervention import Intervention
from shared.models.roles import Role
from shared.rules.callers import Caller
from shared.runtime import Runtime
from tests.client import Api
from tests.conftest import ROOT, Clock
from tests.functions.intervention_support import act, decide, done
from tests.functions.mcp_support import (
    ABLE,
    ACTION,
    ARGUMENTS,
    FORMER,
    NEWEST,
    OLDEST,
    QUESTION,
    call,
    failed,
    message,
    refused,
    result,
    send,
)
from tests.functions.support import cost, event_types
from tests.functions.test_roles import CELLS
from tests.rows import each_row

FOR_AGENTS = [*TOOLS]
FOR_READERS = ["get_decision", "find_cases", "get_case"]


@pytest.mark.both_stores
def test_an_agent_asks_waits_starts_once_and_reports(api: Api) -> None:
    asked = call(api.agent, "ask_human", **QUESTION, action=ACTION)
    name = {"interventionId": asked["id"]}
    assert asked["status"] == call(api.agent, "get_decision", **name)["status"] == "pending"
    edited = {**ARGUMENTS, "copies": 1}
    done(decide(api.pilot, asked["id"], "edit", arguments=edited))

    decided = call(api.agent, "get_decision", **name, waitSeconds=50)
    assert (decided["status"], decided["approvedArguments"]) == ("approved", edited)
    refused(api.agent, "start_action", "FAILED_PRECONDITION", **name, action=ACTION)
    started = call(
        api.agent, "start_action", **name, action={"tool": "send_letter", "arguments": edited}
    )
    assert started["startedBySubject"] == "agent"
    again = refused(
        api.agent,
        "start_action",
        "FAILED_PRECONDITION",
        **name,
        actionHash=decided["approvedActionHash"],
    )
    assert "started" in again["message"]
    ended = call(api.agent, "report_result", **name, result={"sent": True})
    assert (ended["status"], ended["result"]) == ("completed", {"sent": True})
    assert call(api.agent, "report_result", **name, result={"sent": True})["repeated"] is True


def test_an_agent_is_told_what_it_does_next(api: Api, clock: Clock) -> None:
    def asked(uow: str, **more: Any) -> str:
        asking = {**QUESTION, "uowId": uow, "action": ACTION, **more}
        return str(call(api.agent, "ask_human", **asking)["id"])

    def told(name: str) -> str:
        found = send(
            api.agent, "tools/call", name="get_decision", arguments={"interventionId": name}
        )
        return str(result(found)["content"][0]["text"])

    name, late, no, unseen, gone = (
        asked("a"),
        asked("b", actWithinSeconds=60),
        asked("c"),
        asked("d", expiresInSeconds=60),
        asked("e"),
    )
    assert "Call get_decision" in told(name)
    for each in (name, late):
        done(decide(api.pilot, each))
    assert "Call start_action" in told(name)
    call(api.agent, "start_action", interventionId=name, action=ACTION)
    assert told(name).startswith("The action was started: only who started it acts")
    call(api.agent, "report_result", interventionId=name)
    assert "nothing is left to do" in told(name)
    done(decide(api.pilot, no, "reject"))
    call(api.agent, "withdraw_question", interventionId=gone)
    clock.advance(seconds=60)
    assert "not started in time: do not act" in told(late)
    for each in (no, unseen, gone):
        assert re.search("do not act[.:]", told(each)), told(each)


def test_the_tools_about_a_case_do_what_their_functions_do(api: Api) -> None:
    case = api.verifier.create(title="A bird strike")["id"]
    quoted = {"title": "Manual", "snippet": "Check the fan.", "citation": "§ 4"}

    call(api.agent, "add_evidence", caseId=case, evidence=[quoted])
    record = call(api.agent, "add_record", caseId=case, kind="report", title="R", data={"n": 1})
    event = call(api.agent, "report_event", caseId=case, eventType="note_added", message="Seen.")
    whole = call(api.viewer, "get_case", caseId=case, view="full")
    (found,) = call(api.caller("auditor"), "find_cases", search="bird")["cases"]

    assert [one["snippet"] for one in whole["evidence"]] == ["Check the fan."]
    assert (record["version"], event["eventType"], found["id"]) == (1, "note_added", case)
    assert None not in [*whole.values(), *found.values()], "what is null is left out"
    assert "evidence" not in call(api.viewer, "get_case", caseId=case)
    assert event_types(api, case) == [
        "case_created",
        "evidence_attached",
        "record_added",
        "note_added",
    ]
    assert refused(api.agent, "get_case", "NOT_FOUND", caseId="CASE-404")["code"] == 404


@each_row("given", [[], {}, {"a": "new"}, {"a": 1}, [["new"]], [{"id": "A"}]], apart=True)
def test_a_filter_that_is_no_list_of_values_is_refused_by_its_name(api: Api, given: Any) -> None:
    answer = send(api.agent, "tools/call", name="find_cases", arguments={"status": given})

    told = result(answer)["content"][0]["text"]
    assert re.match(r"INVALID_ARGUMENT: status(\[0\])?( \(of A\))?: must ", told), told


@each_row("role", [role for role in Role if role is not Role.SCHEDULER], apart=True)
def test_a_caller_is_shown_and_may_call_the_tools_that_are_for_their_role(
    api: Api, role: Role
) -> None:
    caller = api.caller(role)
    shown = [tool["name"] for tool in result(send(caller, "tools/list"))["tools"]]

    assert set(FOR_READERS) <= set(shown) <= set(TOOLS)
    assert shown == FOR_AGENTS or role is not Role.AGENT
    assert shown == FOR_READERS or role not in {Role.VIEWER, Role.AUDITOR}
    for tool in TOOLS.keys() - shown:
        error = refused(caller, tool, "PERMISSION_DENIED", **SMALLEST[tool])
        assert str(role) in error["message"]


SMALLEST: dict[str, dict[str, Any]] = {
    "ask_human": QUESTION,
    "start_action": {"interventionId": "x", "action": ACTION},
    "report_result": {"interventionId": "x"},
    "withdraw_question": {"interventionId": "x"},
    "add_evidence": {"caseId": "x", "evidence": [{"title": "t"}]},
    "add_record": {"caseId": "x", "kind": "k", "title": "t", "data": 1},
    "report_event": {"caseId": "x", "eventType": "custom", "message": "m"},
}


def test_no_tool_decides_claims_or_deletes() -> None:
    verbs = ("decide", "claim", "release", "assign", "delete", "approve")

    assert not [tool.route.name for tool in TOOLS.values() if tool.route.name.startswith(verbs)]
    assert {tool.route.method for tool in TOOLS.values()} == {"GET", "POST"}


@each_row("tool", TOOLS.values())
@each_row("version", [NEWEST, FORMER, OLDEST])
def test_the_schema_of_a_tool_is_valid_whole_and_describes_every_field(
    api: Api, tool: Any, version: str
) -> None:
    shown = {one["name"]: one for one in result(send(api.agent, "tools/list", version))["tools"]}
    schema = shown[tool.name]["inputSchema"]

    Draft202012Validator.check_schema(schema)
    assert schema["type"] == "object"
    assert "$ref" not in str(schema)
    assert "'null'" not in str(schema), "it is left out instead"
    assert len(max(re.findall("'pattern': '(.*?)'", str(schema)), key=len, default="")) <= 40
    assert set(schema["properties"]) == set(tool.takes.aliases())
    assert all(field.get("description") for field in schema["properties"].values())
    assert Draft202012Validator(schema).is_valid(SMALLEST.get(tool.name, {})) == (
        tool.name in {*SMALLEST, "find_cases"}
    )
    assert (shown[tool.name].get("execution") is not None) == (
        (version, tool.name) == (FORMER, "ask_human")
    )


def by_itself(api: Api, arguments: dict[str, Any]) -> dict[str, Any]:
    """What ask_human gives for arguments in the order that they have: Flask would sort them."""
    body, headers = message("tools/call", name="ask_human", arguments=arguments)
    answer = api.agent.request(
        "POST", "/mcp", raw=json.dumps(body), content_type="application/json", **headers
    )
    content: dict[str, Any] = result(answer)["structuredContent"]
    return content


def test_the_same_question_is_asked_once_and_another_occasion_has_another_name(api: Api) -> None:
    first = call(api.agent, "ask_human", **QUESTION, action=ACTION)
    done(act(api.pilot, first["id"], "decide", {"decision": "approve"}))
    unsorted = {**ACTION, "arguments": {"to": "Ada", "copies": 2}}
    again = by_itself(api, {"uowId": QUESTION["uowId"], "action": unsorted, **QUESTION})

    assert (again["id"], again["status"], again["repeated"]) == (first["id"], "approved", True)
    others = [
        call(api.agent, "ask_human", **{**QUESTION, "uowId": "letter-18"}, action=ACTION),
        call(api.caller("agent", "other"), "ask_human", **QUESTION, action=ACTION),
        call(api.agent, "ask_human", **QUESTION, action=ACTION, idempotencyKey="k-1"),
        call(api.agent, "ask_human", **QUESTION, action=ACTION, reuse=True),
    ]
    assert len({first["id"], *(one["id"] for one in others)}) == 4
    assert others[3]["id"] == others[2]["id"]
    reworded = {**QUESTION, "title": "Send it?", "idempotencyKey": "k-1"}
    refused(api.agent, "ask_human", "UNPROCESSABLE_CONTENT", **reworded, action=ACTION)


def test_a_key_means_the_same_in_meta_in_the_arguments_and_by_http(api: Api) -> None:
    meta = {"caseledger/idempotencyKey": "k-2"}
    answer = send(api.agent, "tools/call", name="ask_human", arguments=QUESTION, _meta=meta)
    first = result(answer)["structuredContent"]

    assert call(api.agent, "ask_human", **QUESTION, idempotencyKey="k-2")["id"] == first["id"]
    by_http = api.agent.post("/interventions", QUESTION, idempotency_key="k-2")
    assert by_http.headers["Idempotent-Replayed"] == "true"
    assert by_http.json["id"] == first["id"]


def test_an_if_match_of_the_message_is_no_condition_of_what_a_tool_changes(api: Api) -> None:
    case = api.verifier.create()["id"]
    event = {"caseId": case, "eventType": "note_added", "message": "Seen."}
    body, headers = message("tools/call", name="report_event", arguments=event)

    answer = api.agent.post("/mcp", body, **headers, if_match='"another"')

    assert result(answer)["isError"] is False


def test_of_many_who_start_an_action_one_may_act_and_it_is_told_so_only_once(api: Api) -> None:
    asked = call(api.agent, "ask_human", **QUESTION, action=ACTION)
    done(act(api.pilot, asked["id"], "decide", {"decision": "approve"}))
    start = {"interventionId": asked["id"], "action": ACTION}
    meta = {"caseledger/idempotencyKey": "k"}

    def attempt(_: int) -> bool:
        answer = send(api.agent, "tools/call", name="start_action", arguments=start, _meta=meta)
        refused_now: bool = result(answer)["isError"]
        return refused_now

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(attempt, range(4))) == [False, True, True, True]
    refused(api.agent, "start_action", "INVALID_ARGUMENT", **start, idempotencyKey="k")


def test_what_is_wrong_is_told_to_the_model_with_the_names_of_the_fields(api: Api) -> None:
    wrong = {**QUESTION, "title": "", "expiresInSeconds": 0, "nonsense": 1}
    found = result(send(api.agent, "tools/call", name="ask_human", arguments=wrong))
    fields = {one["field"] for one in found["structuredContent"]["error"]["details"]}
    text = found["content"][0]["text"]

    assert fields == {"title", "expiresInSeconds", "nonsense"}
    assert all(field in text for field in fields)
    both = {"interventionId": "x", "action": ACTION, "actionHash": "0" * 64}
    assert "either" in refused(api.agent, "start_action", "INVALID_ARGUMENT", **both)["message"]
    late = refused(
        api.agent, "get_decision", "INVALID_ARGUMENT", interventionId="x", waitSeconds=51
    )
    assert late["details"][0]["field"] == "waitSeconds"
    deep: Any = 1
    for _ in range(15):
        deep = [deep]
    nested = refused(api.agent, "ask_human", "INVALID_ARGUMENT", **QUESTION, context=deep)
    assert nested["details"][0]["field"] == "context"


def test_a_task_is_an_intervention_from_working_to_its_end(api: Api, clock: Clock) -> None:
    def asked(uow: str, **more: Any) -> str:
        arguments = {**QUESTION, "uowId": uow, **more}
        answer = send(api.agent, "tools/call", able=ABLE, name="ask_human", arguments=arguments)
        task = result(answer)
        assert (task["resultType"], task["status"], task["ttlMs"]) == ("task", "working", None)
        assert "result" not in task
        return str(task["taskId"])

    def got(task_id: str) -> dict[str, Any]:
        answer = send(api.agent, "tasks/get", able=ABLE, taskId=task_id)
        task = result(answer)
        assert cost(answer) == (1, 0, 1)
        assert (task["taskId"], task["resultType"]) == (task_id, "complete")
        return task

    decided, ran_out, gone = asked("a"), asked("b", expiresInSeconds=60), asked("c")
    assert got(decided)["status"] == "working"
    done(act(api.pilot, decided, "decide", {"decision": "reject", "reason": "Not yet."}))
    clock.advance(seconds=60)
    sent = send(api.agent, "tasks/cancel", able=ABLE, taskId=gone)
    assert result(sent).keys() == {"resultType", "_meta"}

    content = {task: got(task)["result"]["structuredContent"] for task in (decided, ran_out)}
    assert (content[decided]["status"], content[decided]["actionReason"]) == (
        "rejected",
        "Not yet.",
    )
    assert content[ran_out]["status"] == "expired"
    assert got(gone)["status"] == "cancelled"
    # Too late to cancel: acknowledged, and nothing changes.
    result(send(api.agent, "tasks/cancel", able=ABLE, taskId=decided))
    result(send(api.agent, "tasks/update", able=ABLE, taskId=decided, inputResponses={"x": {}}))
    assert got(decided)["status"] == "completed"
    other = api.caller("agent", "other")
    kept = asked("d")
    failed(send(other, "tasks/cancel", able=ABLE, taskId=kept), 403, 403)
    assert got(kept)["status"] == "working"


@each_row("method", ["tasks/get", "tasks/cancel", "tasks/update"], apart=True)
def test_a_task_of_another_tenant_is_not_found(api: Api, method: str) -> None:
    asked = call(api.agent, "ask_human", **QUESTION)
    stranger = api.caller("agent", tenant="t-other")

    for client, task_id in ((stranger, asked["id"]), (api.agent, "no-such"), (api.agent, "../x")):
        answer = send(client, method, able=ABLE, taskId=task_id, inputResponses={})
        assert failed(answer, -32602)["message"] == "Task not found"
    assert call(api.agent, "get_decision", interventionId=asked["id"])["status"] == "pending"
    refused(stranger, "get_decision", "NOT_FOUND", interventionId=asked["id"])


def test_a_task_is_found_after_a_restart(api: Api, config: Config, clock: Clock) -> None:
    sent = send(api.agent, "tools/call", able=ABLE, name="ask_human", arguments=QUESTION)
    task_id = result(sent)["taskId"]
    api.runtime.close()
    Runtime(config, clock).install(api.app)

    done(act(api.pilot, task_id, "decide", {"decision": "approve"}))
    task = result(send(api.agent, "tasks/get", able=ABLE, taskId=task_id))

    assert task["result"]["structuredContent"]["status"] == "approved"
    again = send(api.agent, "tools/call", able=ABLE, name="ask_human", arguments=QUESTION)
    assert (result(again)["taskId"], result(again)["status"]) == (task_id, "completed")


def test_an_agent_calls_with_a_key(api: Api) -> None:
    made = api.admin.post("/keys", {"name": "Letter bot", "role": "agent"}).json
    bot = replace(api.agent, token=made["key"])

    asked = call(bot, "ask_human", **QUESTION, action=ACTION)
    done(act(api.pilot, asked["id"], "decide", {"decision": "approve"}))
    started = call(bot, "start_action", interventionId=asked["id"], action=ACTION)
    assert asked["createdBySubject"] == started["startedBySubject"] == f"key:{made['id']}"
    api.admin.delete(f"/keys/{made['id']}")
    body, headers = message("tools/list")
    failed(bot.post("/mcp", body, **headers), 401, 401)


def test_a_client_that_follows_no_tasks_gets_none(api: Api) -> None:
    asked = call(api.agent, "ask_human", **QUESTION)

    error = failed(send(api.agent, "tasks/get", taskId=asked["id"]), -32021)
    assert error["data"] == {"requiredCapabilities": ABLE}
    for version in (FORMER, OLDEST):
        assert call(api.agent, "ask_human", version, **QUESTION)["id"] == asked["id"]
    failed(send(api.agent, "tasks/get", OLDEST, taskId=asked["id"]), -32601, 200)


def test_a_client_of_the_revision_before_asks_for_a_task(api: Api) -> None:
    def task(method: str, **params: Any) -> Any:
        return send(api.agent, method, FORMER, **params)

    made = task("tools/call", name="ask_human", arguments=QUESTION, task={"ttl": 60_000})
    task_id = result(made)["task"]["taskId"]
    assert result(task("tasks/get", taskId=task_id))["status"] == "working"
    done(act(api.pilot, task_id, "decide", {"decision": "approve"}))

    assert result(task("tasks/get", taskId=task_id))["status"] == "completed"
    ended = result(task("tasks/result", taskId=task_id))
    assert ended["structuredContent"]["status"] == "approved"
    assert ended["_meta"] == {"io.modelcontextprotocol/related-task": {"taskId": task_id}}
    failed(task("tasks/cancel", taskId=task_id), -32602, 200)
    failed(task("tasks/result", taskId="no-such"), -32602, 200)
    failed(task("tools/call", name="get_case", arguments={}, task={}), -32601, 200)
    second = task("tools/call", name="ask_human", arguments={**QUESTION, "uowId": "u"}, task={})
    gone = result(task("tasks/cancel", taskId=result(second)["task"]["taskId"]))
    assert gone["status"] == "cancelled"


def test_a_task_of_the_revision_before_that_nobody_has_decided_has_no_result_yet(
    api: Api,
) -> None:
    asked = call(api.agent, "ask_human", **QUESTION)
    api.runtime.stopping = True  # so nobody waits

    error = failed(send(api.agent, "tasks/result", FORMER, taskId=asked["id"]), 408, 200)

    assert "ask again" in error["message"]


@pytest.mark.parametrize("version", [NEWEST, FORMER])
def test_what_is_decided_while_its_task_is_cancelled_stays_decided(
    api: Api, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    asked = call(api.agent, "ask_human", **QUESTION)

    def meanwhile(_: Intervention) -> str:
        monkeypatch.undo()
        done(decide(api.pilot, asked["id"]))
        return "working"

    monkeypatch.setattr(tasks, "status", meanwhile)
    answer = result(send(api.agent, "tasks/cancel", version, able=ABLE, taskId=asked["id"]))

    assert answer.get("status") == (None if version == NEWEST else "completed")
    assert call(api.agent, "get_decision", interventionId=asked["id"])["status"] == "approved"


def test_a_wait_takes_one_of_the_places_for_waits(api: Api) -> None:
    asked = call(api.agent, "ask_human", **QUESTION)
    caller = api.caller("agent")
    waits, held = api.runtime.waits, Caller("agent", None, api.tenant, Role.AGENT)
    with waits.taken_by(held), waits.taken_by(held):
        full = refused(
            caller, "get_decision", "RESOURCE_EXHAUSTED", interventionId=asked["id"], waitSeconds=5
        )
        assert "at once" in full["message"]
        # To look without waiting takes none.
        assert call(caller, "get_decision", interventionId=asked["id"])["status"] == "pending"


def test_a_tool_spends_the_budget_of_its_function(api: Api) -> None:
    budgets: dict[Budget, int] = {"read": 6, "write": 1, "expensive": 1, "public": 1}
    Runtime(replace(api.runtime.config, budgets=budgets), api.runtime.clock).install(api.app)

    call(api.agent, "ask_human", **QUESTION)
    error = refused(api.agent, "ask_human", "RESOURCE_EXHAUSTED", **QUESTION)
    assert "write requests" in error["message"]
    answer = send(api.agent, "tools/call", name="ask_human", arguments=QUESTION)
    assert re.search(r"Try again in \d+ s", result(answer)["content"][0]["text"])
    for _ in range(3):
        call(api.agent, "find_cases")
    body = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    answer = api.agent.post("/mcp", body, mcp_protocol_version=FORMER)
    assert failed(answer, 429, 429)["data"]["status"] == "RESOURCE_EXHAUSTED"
    assert int(answer.headers["Retry-After"]) > 0


def test_what_a_tool_costs_is_what_its_function_costs(api: Api) -> None:
    call(api.agent, "ask_human", **QUESTION)  # warms what is read once
    by_http = api.agent.post("/interventions", {**QUESTION, "uowId": "x"}, idempotency_key="1")
    by_tool = send(api.agent, "tools/call", name="ask_human", arguments={**QUESTION, "uowId": "y"})

    assert cost(by_tool) == cost(by_http)
    assert cost(send(api.agent, "tools/list")) == (0, 0, 0)


def test_the_document_tells_of_each_tool_its_function_and_role_and_shows_valid_settings() -> None:
    _, _, section = (ROOT / "docs/api.md").read_text().partition("## Agents by MCP\n")
    section = section.partition("\n## ")[0]
    rows = re.findall(r"^\| (\w+) \| (.+?) \| (.+?) \|", section, re.MULTILINE)
    told = {name: (function, role) for name, function, role in rows if name != "tool"}

    assert [*told] == [*TOOLS]
    for name, (function, role) in told.items():
        route = TOOLS[name].route
        assert route.name in function
        assert route.roles == CELLS[role], name
    for settings in re.findall(r"```json\n(.*?)```", section, re.DOTALL):
        assert "https://cases.example/v1/mcp" in str(json.loads(settings))
