"""Actions: what runs is what was approved, once, in time, and by an agent that says so first."""

from __future__ import annotations

from typing import Any

import pytest

from shared.documents.port import Update
from shared.ledger.subjects import sha256_of
from shared.models.actions import NewAction
from shared.models.answers import TextProperty
from shared.rules.actions import hash_of
from shared.rules.canonical import canonical_text
from tests.client import Api
from tests.conftest import Clock
from tests.functions.intervention_support import (
    QUESTION,
    act,
    ask,
    chain,
    conflict,
    decide,
    done,
    listed,
    shown,
    steps,
)
from tests.functions.support import acquainted, cost, refused, refused_field
from tests.rows import each_row

ACTION = {"tool": "pay", "arguments": {"to": "Zoë", "amount": 100}}
EDITED = {"to": "Zoë", "amount": 50.5}


def hash_for(**arguments: Any) -> str:
    return hash_of(NewAction(tool="pay", arguments=arguments)) or ""


HASH = hash_for(**ACTION["arguments"])  # type: ignore[arg-type]


def start(
    api: Api, intervention_id: str, hash_: str = HASH, by: str = "robot", **headers: str
) -> Any:
    """The answer to `:start` by an agent."""
    robot = api.caller("agent", by)
    return act(robot, intervention_id, "start", {"actionHash": hash_}, **headers)


def approved(api: Api, **fields: Any) -> str:
    """The id of an approved action."""
    intervention_id: str = ask(api.agent, action=ACTION, **fields)["id"]
    done(decide(api.pilot, intervention_id))
    return intervention_id


def edit(api: Api, intervention_id: str, **fields: Any) -> None:
    """Edits an intervention in the database, behind the API."""
    path = f"tenants/{api.tenant}/interventions/{intervention_id}"
    api.runtime.store.commit([Update(path, fields)])


@pytest.mark.both_stores
def test_an_action_is_asked_edited_started_and_completed(api: Api, clock: Clock) -> None:
    asked = ask(api.agent, action=ACTION, act_within_seconds=60)
    assert (asked["action"], asked["actionHash"]) == (ACTION, HASH)
    assert asked["decisions"] == ["approve", "edit", "reject"]
    name = asked["id"]

    edited = done(decide(api.pilot, name, "edit", arguments=EDITED))
    assert (edited["status"], edited["decision"]) == ("approved", "edit")
    assert (edited["action"], edited["approvedArguments"]) == (ACTION, EDITED)
    assert edited["approvedActionHash"] == hash_for(**EDITED)
    assert edited["actUntil"] == "2026-03-02T09:01:00Z"
    assert conflict(start(api, name))["approvedActionHash"] == hash_for(**EDITED)
    clock.advance(seconds=59)
    started = done(start(api, name, hash_for(**EDITED)))
    assert (started["startedBy"], started["startedBySubject"]) == ("robot@example.com", "robot")
    assert (started["status"], started["startedAt"]) == ("approved", "2026-03-02T09:00:59Z")
    clock.advance(days=1)
    assert conflict(act(api.caller("agent", "other"), name, "complete", {}))["startedBy"]
    completed = done(act(api.caller("agent", "robot"), name, "complete", {"result": "paid"}))

    assert (completed["status"], completed["lapsedAt"]) == ("completed", None)
    assert shown(api, name) == completed == listed(api.viewer, "/interventions")[0]
    assert steps(api, name) == ["requested", "decided", "started", "completed"]


def test_the_event_of_an_edit_has_both_arguments_so_that_they_can_be_erased(api: Api) -> None:
    name = ask(api.agent, action=ACTION)["id"]
    done(decide(api.pilot, name, "edit", arguments=EDITED))

    requested, edit = chain(api, name)

    changes = {one["field"]: one for one in edit["changes"]}
    assert changes["approvedArguments"]["new"] == EDITED
    assert edit["meta"]["arguments"] == ACTION["arguments"]
    place = [one["field"] for one in edit["changes"]].index("approvedArguments")
    assert {"/meta/arguments", f"/changes/{place}/new"} <= edit["disclosures"].keys()
    first = {one["field"]: one["new"] for one in requested["changes"]}
    assert (first["actionHash"], first["action"]) == (HASH, sha256_of(canonical_text(ACTION)))


@pytest.mark.both_stores
def test_an_approval_lapses_with_an_event_when_it_is_started_too_late(
    api: Api, clock: Clock
) -> None:
    name = approved(api, act_within_seconds=60)
    acquainted(api)
    clock.advance(seconds=60)
    assert shown(api, name)["lapsedAt"] == "2026-03-02T09:01:00Z"

    late = conflict(act(api.agent, name, "start", {"actionHash": HASH}), writes=2)
    again = conflict(act(api.agent, name, "start", {"actionHash": HASH}))

    assert late["lapsedAt"] == again["lapsedAt"] == "2026-03-02T09:01:00Z"
    assert (late["status"], late["startedBy"]) == ("approved", None)
    assert conflict(act(api.agent, name, "complete", {}))["lapsedAt"]
    assert steps(api, name) == ["requested", "decided", "lapsed"]
    # What figures by agent and by tool need.
    asked = [event["meta"]["asked"] for event in chain(api, name)[1:]]
    assert [(one["by"], one["tool"]) for one in asked] == [("agent", "pay")] * 2
    with_key = approved(api, act_within_seconds=60)
    clock.advance(seconds=60)
    for _ in range(2):
        answer = start(api, with_key, idempotency_key="k")
        assert answer.status_code == 409
    assert steps(api, with_key) == ["requested", "decided", "lapsed"]


@pytest.mark.both_stores
@pytest.mark.costs_of("start_intervention")
def test_a_start_costs_one_read_and_two_writes_and_its_repeat_is_the_same_answer(api: Api) -> None:
    name = approved(api)
    acquainted(api)
    start(api, approved(api))

    first = start(api, name, idempotency_key="k")
    again = start(api, name, idempotency_key="k")
    other = start(api, name, by="other")

    assert cost(first) == (1, 2, 2)
    assert (done(first), again.headers["Idempotent-Replayed"]) == (done(again), "true")
    assert conflict(other)["startedBy"] == "robot@example.com"
    assert cost(other)[:2] == (1, 0)
    assert steps(api, name) == ["requested", "decided", "started"]


def test_only_an_agent_starts_and_only_by_a_hash(api: Api) -> None:
    name = approved(api)

    for role in ("verifier", "pilot", "admin"):
        refused(
            act(api.caller(role), name, "start", {"actionHash": HASH}), 403, "PERMISSION_DENIED"
        )
    for wrong in ("", HASH.upper(), HASH[:-1], 7, None):
        refused_field(act(api.agent, name, "start", {"actionHash": wrong}), "actionHash")
    refused_field(act(api.agent, name, "start", {}), "actionHash")


@each_row(
    "edited",
    [
        {"approvedActionHash": hash_for(amount=900)},
        {"action": '{"arguments":{"amount":900},"tool":"pay"}'},
        {"approvedArguments": '{"amount":900}'},
    ],
    ids=lambda edited: next(iter(edited)),
    apart=True,
)
def test_no_action_is_started_whose_stored_hash_is_not_that_of_the_stored_call(
    api: Api, edited: dict[str, Any]
) -> None:
    name = approved(api)
    edit(api, name, **edited)

    for hash_ in (HASH, hash_for(amount=900)):
        conflict(start(api, name, hash_))

    assert shown(api, name)["startedAt"] is None


NOT_JSON: dict[str, bytes] = {
    "a number beyond a double": b"1e400",
    "an integer beyond 53 bits": b"9007199254740993",
    "a number that no double holds": b"0.1000000000000000055511151231257827",
    "half of a surrogate pair": rb'"\ud800"',
    "an override of the direction of text": '"\u202e"'.encode(),
}


@each_row("what", NOT_JSON, apart=True)
def test_arguments_that_have_no_one_canonical_form_are_refused(api: Api, what: str) -> None:
    asked = b'{"uowId":"u","type":"resume","title":"?","action":{"tool":"t","arguments":{"x":%s}}}'

    raw = asked % NOT_JSON[what]
    answer = api.agent.request("POST", "/interventions", raw=raw, content_type="application/json")

    error = refused(answer, 400, "INVALID_ARGUMENT")
    assert error["details"][0]["field"].startswith(("action.arguments", "body"))


PROPERTY = {"type": "string"}
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "edit without an action": ({"decisions": ["edit"]}, "decisions"),
    "no decision": ({"decisions": []}, "decisions"),
    "a decision twice": ({"decisions": ["approve", "approve"]}, "decisions"),
    "an unknown decision": ({"decisions": ["maybe"]}, "decisions[0]"),
    "a time to act without an action": ({"actWithinSeconds": 5}, "actWithinSeconds"),
    "no time to act": ({"action": ACTION, "actWithinSeconds": 0}, "actWithinSeconds"),
    "reuse without an action": ({"reuse": True}, "reuse"),
    "arguments that are no object": (
        {"action": {"tool": "t", "arguments": []}},
        "action.arguments",
    ),
    "an action without a tool": ({"action": {"arguments": {}}}, "action.tool"),
    "no properties": (
        {"responseSchema": {"type": "object", "properties": {}}},
        "responseSchema.properties",
    ),
    "too many properties": (
        {
            "responseSchema": {
                "type": "object",
                "properties": {f"p{n}": PROPERTY for n in range(21)},
            }
        },
        "responseSchema.properties",
    ),
    "too large a schema": (
        {
            "responseSchema": {
                "type": "object",
                "properties": {"p": {**PROPERTY, "description": "x" * 8_192}},
            }
        },
        "responseSchema",
    ),
    "an object in an answer": (
        {"responseSchema": {"type": "object", "properties": {"p": {"type": "object"}}}},
        "responseSchema.properties.p.type",
    ),
    "a property without a type": (
        {"responseSchema": {"type": "object", "properties": {"string": {"title": "P"}}}},
        "responseSchema.properties.string.type",
    ),
    "a property that says too much": (
        {"responseSchema": {"type": "object", "properties": {"p": {**PROPERTY, "pattern": "x"}}}},
        "responseSchema.properties.p.pattern",
    ),
    "a bound that is no number": (
        {
            "responseSchema": {
                "type": "object",
                "properties": {"p": {"type": "number", "minimum": "x"}},
            }
        },
        "responseSchema.properties.p.minimum",
    ),
    "a required property that is none": (
        {"responseSchema": {"type": "object", "properties": {"p": PROPERTY}, "required": ["q"]}},
        "responseSchema",
    ),
    "bounds the wrong way round": (
        {
            "responseSchema": {
                "type": "object",
                "properties": {"p": {"type": "integer", "minimum": 2, "maximum": 1}},
            }
        },
        "responseSchema.properties.p",
    ),
    "a default that breaks its schema": (
        {
            "responseSchema": {
                "type": "object",
                "properties": {"p": {**PROPERTY, "enum": ["a"], "default": "b"}},
            }
        },
        "responseSchema.properties.p",
    ),
    "the same text twice, so that another name means the same": (
        {
            "responseSchema": {
                "type": "object",
                "properties": {"p": {**PROPERTY, "enum": ["y", "y"], "enumNames": ["Yes", "No"]}},
            }
        },
        "responseSchema.properties.p.enum",
    ),
    "the same name for two texts": (
        {
            "responseSchema": {
                "type": "object",
                "properties": {"p": {**PROPERTY, "enum": ["y", "n"], "enumNames": ["Yes", "Yes"]}},
            }
        },
        "responseSchema.properties.p.enumNames",
    ),
    "names for other texts": (
        {
            "responseSchema": {
                "type": "object",
                "properties": {"p": {**PROPERTY, "enum": ["a"], "enumNames": ["A", "B"]}},
            }
        },
        "responseSchema.properties.p",
    ),
}


@each_row("what", REFUSED)
def test_a_question_that_cannot_be_answered_is_refused_by_its_field(api: Api, what: str) -> None:
    fields, field = REFUSED[what]

    answer = api.agent.post("/interventions", {**QUESTION, **fields})

    error = refused(answer, 400, "INVALID_ARGUMENT")
    assert error["details"][0]["field"] == field
    assert "tag" not in error["message"]


def test_a_response_schema_is_shown_as_it_was_given_and_names_what_a_response_lacks(
    api: Api,
) -> None:
    schema = {
        "type": "object",
        "properties": {"amount": {"type": "number", "minimum": 1}, "sure": {"type": "boolean"}},
        "required": ["amount"],
    }
    name = ask(api.agent, type="clarification", response_schema=schema)["id"]
    assert shown(api, name)["responseSchema"] == schema

    wrong = decide(api.pilot, name, "respond", response={"sure": "yes"})

    details = refused(wrong, 400, "INVALID_ARGUMENT")["details"]
    assert [one["field"] for one in details] == ["response.amount", "response.sure"]
    refused_field(decide(api.pilot, name, "edit", arguments={}), "decision")
    answered = done(decide(api.pilot, name, "respond", response={"amount": 1, "sure": True}))
    assert (answered["status"], answered["decision"]) == ("approved", "respond")
    assert answered["response"] == {"amount": 1, "sure": True}


SCHEMA = {"type": "object", "properties": {"note": {"type": "string"}}}


@each_row("schema", [None, SCHEMA], apart=True)
def test_to_respond_needs_a_response_also_where_nothing_of_it_is_required(
    api: Api, schema: dict[str, Any] | None
) -> None:
    asked = {"action": ACTION, "decisions": ["approve", "respond"], "response_schema": schema}
    fields = {name: value for name, value in asked.items() if value}
    name = ask(api.agent, **fields)["id"]

    refused_field(decide(api.pilot, name, "respond"), "response")

    assert done(decide(api.pilot, name, "respond", response={"note": "no"}))["response"]


TEXTS: dict[str, tuple[list[str], list[str]]] = {
    "email": (
        ["zoe@example.com", "a.b+c@x-y.example", "o'neil@localhost"],
        [
            *("", "@", "a@", "@b", "a@b@c", "a@b,c@d", "a@b,c.example", "<a@b>"),
            *("a\u200b@b.example", "ä@b.c", "a b@c", "a@b\n", "a@b\u2028"),
            *("a@b..c", "a@-b.c", "a@b-.c", f"a@{'b' * 64}.c"),
        ],
    ),
    "date": (
        ["2026-02-28", "2028-02-29"],
        ["2026-02-30", "2027-02-29", "2026-2-1", "20260201", "2026-W01-1", "\uff12026-01-01"],
    ),
    "date-time": (
        ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.5+02:00"],
        ["2026-01-01T00:00:00", "2026-01-01T24:00:00Z", "0001-01-01T00:00:00+23:00", "1767225600"],
    ),
    "uri": (
        ["https://example.com/a?b#c", "urn:isbn:0451450523"],
        ["example.com", "//example.com", ":x", "http://[::1", "http://a b"],
    ),
}


@each_row("kind", TEXTS)
def test_a_text_has_the_format_that_its_schema_names(kind: str) -> None:
    right, wrong = TEXTS[kind]

    found = TextProperty(type="string", format=kind)  # type: ignore[arg-type]

    assert [text for text in right if found.problem(text)] == []
    assert [text for text in wrong if not found.problem(text)] == []


def test_an_error_tells_of_no_more_than_twenty_properties_of_a_response(api: Api) -> None:
    name = ask(api.agent, type="clarification", response_schema=SCHEMA)["id"]

    wrong = decide(api.pilot, name, "respond", response={f"p{n}": n for n in range(1_000)})

    assert len(refused(wrong, 400, "INVALID_ARGUMENT")["details"]) == 20


def test_a_question_that_cannot_be_read_keeps_nobody_from_asking_the_same(api: Api) -> None:
    body = {**QUESTION, "action": ACTION, "reuse": True}
    readable = api.agent.post("/interventions", body).json
    edit(api, ask(api.agent, action=ACTION)["id"], type="unknown")

    again = api.agent.post("/interventions", body)

    assert (again.status_code, again.json) == (200, readable)


@pytest.mark.both_stores
def test_the_same_question_is_answered_with_the_open_one_while_it_is_open(
    api: Api, clock: Clock
) -> None:
    body = {**QUESTION, "action": ACTION, "reuse": True, "expiresInSeconds": 60}
    first = api.agent.post("/interventions", body)
    assert (first.status_code, first.headers["Location"]) == (
        201,
        f"/v1/interventions/{first.json['id']}",
    )

    again = api.agent.post("/interventions", {**body, "title": "Please?"})

    assert (again.status_code, again.json) == (200, first.json)
    assert cost(again) == (1, 0, 1)
    others = [
        {**body, "action": {**ACTION, "arguments": {"amount": 1}}},
        {**body, "uowId": "uow-2"},
        {**body, "requiredRole": "verifier"},
        {**body, "decisions": ["approve"]},
    ]
    for other in others:
        assert api.agent.post("/interventions", other).status_code == 201
    assert api.caller("agent", "other").post("/interventions", body).status_code == 201
    assert api.agent.post("/interventions", {**body, "reuse": False}).status_code == 201
    refused_field(api.agent.post("/interventions", body, idempotency_key="k"), "reuse")
    clock.advance(seconds=60)
    assert api.agent.post("/interventions", body).status_code == 201
