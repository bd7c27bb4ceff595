"""Input that no client should send: refused in the one form, by name, and nothing is written."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from pydantic import BaseModel
from pydantic.alias_generators import to_snake

from shared.models.case import Case, CasePatch, NewCase
from shared.models.events import Event
from shared.models.evidence import EvidencePatch, EvidenceToPut
from shared.models.intervention import DecisionGiven, Intervention, NewIntervention
from shared.models.worksheet import WorksheetToSave
from tests.client import Api, Client
from tests.functions.support import ON_EMBEDDED, cost, refused, refused_field
from tests.rows import each_row

pytestmark = ON_EMBEDDED

BAD_IDS = [
    "",
    ".",
    "..",
    "../x",
    "__x__",
    "_x",
    "-x",
    ".x",
    "a b",
    "a/b",
    "a:b",
    "a,b",
    "é",
    "x" * 101,
    "x" * 1_501,
    "a\x00b",
    "a\n",
    "\u202ea",
    "\u0661",
]
NEVER = ["\x00", "\x07", "\x1b[31m", "\x7f", "\x85", "\u202e", "a\U000e0041", "\ud800"]
CONTROL = [*NEVER, "\x0c", "\u2028", "\u2066"]
# Isolates that are open at the end, are ended twice, or before they begin.
UNBALANCED = ["\u2066", "a\u2069", "\u2067a\u2069\u2069", "\u2069\u2068", "\u2066\u2067\u2069"]
NOT_TEXT: list[Any] = [1, 1.5, True, [], {}, ["x"]]
BAD_LINES = ["", " ", "\u3000", "a\nb", "a\rb", "a\tb", *(f"a{c}b" for c in CONTROL), *NOT_TEXT]
BAD_TIMES: list[Any] = [
    "2026-03-02T09:00:00",
    "2026-03-02",
    "2026-03-02 09:00:00Z",
    "2026-03-02T09:00Z",
    "2026-02-30T09:00:00Z",
    "2026-03-02T25:00:00Z",
    "2026-03-02T09:00:00+25:00",
    "2026-03-02T09:00:00 Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "10000-01-01T00:00:00Z",
    "٢٠٢٦-03-02T09:00:00Z",
    "tomorrow",
    "",
    "1772442000",
    1_772_442_000,
    True,
    [],
]

NO_NUMBERS = ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 5_000]
INVISIBLE = ["%00", "%1b", "%e2%80%ae", "%e2%80%a8", "a%0ab", "%20"]
NO_KEYS = ["", " ", "a b", "x" * 256, "é", "a\tb", "\x7f"]

# Every endpoint that takes a body, with one that it takes.
ENDPOINTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "create": ("POST", "/cases", {"decisionType": "kyc", "title": "A case"}),
    "update": ("PATCH", "/cases/CASE-1", {"title": "Another"}),
    "reopen": ("POST", "/cases/CASE-1:reopen", {"reason": "A reason"}),
    "report": (
        "POST",
        "/cases/CASE-1/audit",
        {"eventType": "custom", "message": "It was so", "meta": {}},
    ),
    "check": ("POST", "/cases:check", {"caseIds": ["CASE-1"]}),
    "close": ("POST", "/cases:close", {"caseIds": ["CASE-1"], "reason": "A reason"}),
    "settings": ("PATCH", "/settings", {"autoCloseDays": 30}),
    "put": ("PUT", "/cases/CASE-1/evidence", {"packetEvidenceIds": []}),
    "add": ("POST", "/cases/CASE-1/evidence", {"evidence": [{"title": "An item"}]}),
    "amend": ("PATCH", "/cases/CASE-1/evidence/ev-1", {"title": "Another"}),
    "share": ("PUT", "/cases/CASE-1/collaborators/kim", {"permission": "read"}),
    "hold": ("POST", "/cases/CASE-1/holds", {"reason": "A reason"}),
    "release": ("POST", "/cases/CASE-1/holds/h-1:release", {"reason": "A reason"}),
    "save": ("PUT", "/cases/CASE-1/worksheet", {"fsrNotes": "A note"}),
    "ask": ("POST", "/interventions", {"uowId": "uow-1", "type": "resume", "title": "May I?"}),
    "decide": ("POST", "/interventions/i-1:decide", {"decision": "approve"}),
    "complete": ("POST", "/interventions/i-1:complete", {"result": {}}),
    "batch": ("POST", "/worksheets:batchSave", {"worksheets": [{"caseId": "CASE-1"}]}),
}
TEXTS: dict[tuple[str, str], list[Any]] = {
    ("create", "title"): [None, "x" * 301, *BAD_LINES],
    ("create", "summary"): ["x" * 10_001, *CONTROL, *NOT_TEXT],
    ("create", "submissionId"): ["x" * 255, *BAD_LINES],
    ("create", "assignedTo"): ["x" * 255, *BAD_LINES],
    ("create", "dueAt"): BAD_TIMES,
    ("create", "id"): [*BAD_IDS, *NOT_TEXT],
    ("create", "decisionType"): [None, *BAD_IDS, *NOT_TEXT],
    ("update", "title"): [None, "x" * 301, *BAD_LINES],
    ("update", "summary"): ["x" * 10_001, *CONTROL, *NOT_TEXT],
    ("update", "assignedTo"): ["x" * 255, *BAD_LINES],
    ("update", "dueAt"): BAD_TIMES,
    ("update", "decisionType"): [None, *BAD_IDS, *NOT_TEXT],
    ("update", "status"): [None, "", "NEW", "open", "in-review", *NOT_TEXT],
    ("update", "reason"): ["", " \n", "x" * 2_001, *CONTROL, *NOT_TEXT],
    ("reopen", "reason"): [None, "", " \n", "x" * 2_001, *CONTROL, *NOT_TEXT],
    ("report", "eventType"): [None, "", "case_created", *NOT_TEXT],
    ("report", "message"): [None, "", " \n", "x" * 2_001, *CONTROL, *NOT_TEXT],
    ("report", "severity"): [None, "", "INFO", "fatal", *NOT_TEXT],
    ("report", "agentId"): ["x" * 255, *BAD_LINES],
    ("report", "meta"): [None, "x", 1, [], [{}]],
    ("check", "caseIds"): [None, "CASE-1", 1, {}, [None], [[]], ["CASE-1", 1]],
    ("close", "caseIds"): [None, "CASE-1", 1, {}, [None], [[]], ["CASE-1", 1]],
    ("close", "reason"): [None, "", " \n", "x" * 2_001, *CONTROL, *NOT_TEXT],
    ("put", "packetEvidenceIds"): ["ev-1", 1, {}, [None], [[]], [""], ["a:b"]],
    ("add", "evidence"): [None, [], {}, "x", 1, [None], [[]], ["x"], [{}]],
    ("amend", "title"): [None, "x" * 301, *BAD_LINES],
    ("amend", "snippet"): [None, "x" * 10_001, *NEVER, *UNBALANCED, *NOT_TEXT],
    ("amend", "citation"): ["x" * 255, *BAD_LINES],
    ("amend", "sourceId"): ["x" * 255, *BAD_LINES],
    ("amend", "tags"): [None, "x", 1, {}, [None], [""], ["a\nb"], ["x"] * 51],
    ("amend", "metadata"): [None, "x", 1, [], [{}], {"a": 2**53}, {"a": "\x00"}],
    ("amend", "includedInPacket"): [None, "true", 1, 0, [], {}],
    ("share", "permission"): [None, "", "owner", "READ", *NOT_TEXT],
    ("hold", "reason"): [None, "", " \n", "x" * 2_001, *CONTROL, *NOT_TEXT],
    ("release", "reason"): [None, "", " \n", "x" * 2_001, *CONTROL, *NOT_TEXT],
    ("save", "problemStatement"): [None, "x" * 10_001, *CONTROL, *NOT_TEXT],
    ("save", "fsrNotes"): [None, "x" * 10_001, *CONTROL, *NOT_TEXT],
    ("ask", "uowId"): [None, "x" * 255, *BAD_LINES],
    ("ask", "type"): [None, "", "RESUME", "pause", *NOT_TEXT],
    ("ask", "priority"): ["", "NORMAL", "urgent", *NOT_TEXT],
    ("ask", "title"): [None, "x" * 301, *BAD_LINES],
    ("ask", "description"): ["x" * 10_001, *CONTROL, *NOT_TEXT],
    ("ask", "context"): [*CONTROL, {"a": "\x00"}, {"\x00": 1}, 2**53, [-(2**53)], "x" * 65_535],
    ("ask", "caseId"): [*BAD_IDS, *NOT_TEXT],
    ("ask", "expiresAt"): BAD_TIMES,
    ("ask", "expiresInSeconds"): ["30", 1.5, True, 0, -1, 315_360_001, 10**400, [], {}],
    ("ask", "requiredRole"): [None, "", "viewer", "agent", "scheduler", "PILOT", *NOT_TEXT],
    ("decide", "decision"): [None, "", "approved", "APPROVE", *NOT_TEXT],
    ("decide", "reason"): ["", " \n", "x" * 2_001, *CONTROL, *NOT_TEXT],
    ("decide", "response"): ["x", 1, [], [{}], True, {"text": "\x00"}, {"a": 2**53}],
    ("complete", "result"): [*CONTROL, {"a": "\x00"}, 2**53, [[[[[[[[[[[]]]]]]]]]]], "x" * 65_535],
    ("batch", "worksheets"): [None, [], {}, "x", 1, [None], [[]], [{}], [{"caseId": ".."}]],
    ("settings", "slaHours"): [1, [], "x", {"kyc": []}],
    ("settings", "autoCloseDays"): ["30", 1.5, True, 0, -1, 10**400, [], {}],
}


@pytest.fixture
def admin(api: Api) -> Iterator[Client]:
    """An admin of a tenant in which one case is; after the test the tenant is as it was."""
    case = api.verifier.create(id="CASE-1")
    before = (case, *state(api))
    yield api.admin
    assert before == (api.viewer.get("/cases/CASE-1").json, *state(api))


def state(api: Api) -> list[Any]:
    """What the tenant can see of itself."""
    paths = ("/cases:stats", "/settings", "/interventions")
    return [api.viewer.get(path).json for path in paths]


def send(admin: Client, endpoint: str, body: bytes | dict[str, Any]) -> Any:
    """The answer to a body, which went out as JSON in ASCII, escapes and all."""
    method, path, _ = ENDPOINTS[endpoint]
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return admin.request(method, path, raw=raw, content_type="application/json")


@each_row(("endpoint", "field"), TEXTS)
def test_a_field_that_is_wrong_is_named(admin: Client, endpoint: str, field: str) -> None:
    for value in TEXTS[endpoint, field]:
        answer = send(admin, endpoint, {**ENDPOINTS[endpoint][2], field: value})

        assert answer.status_code == 400, value
        error = refused(answer, 400, "INVALID_ARGUMENT")
        assert cost(answer) == (0, 0, 0)
        # A lone surrogate is no JSON text at all, so its place is the whole body.
        whole = field == "body" or "\\ud800" in json.dumps(value)
        named = {detail["field"].partition("[")[0].partition(".")[0] for detail in error["details"]}
        assert named == {"body" if whole else field}, value


@each_row("endpoint", ENDPOINTS)
def test_a_field_that_is_not_the_requests_is_named(admin: Client, endpoint: str) -> None:
    body = ENDPOINTS[endpoint][2]
    models: dict[str, type[BaseModel]] = {"create": NewCase, "update": CasePatch}
    models |= {"put": EvidenceToPut, "amend": EvidencePatch}
    models |= {"save": WorksheetToSave, "ask": NewIntervention, "decide": DecisionGiven}
    taken = models.get(endpoint)
    aliases = {field.alias for field in taken.model_fields.values()} if taken else set(body)
    shown = {**Case.model_fields, **Intervention.model_fields}
    owned = {field.alias or name for name, field in shown.items()}
    owned |= {field.alias or name for name, field in Event.model_fields.items()}
    optional = {"severity", "agentId", "meta", "reason"} if endpoint == "report" else set()
    foreign = {"unknown", "tenant", "head", "searchTokens", "clockDueAt", "__proto__", "", "$where"}
    snake = {to_snake(alias) for alias in aliases if alias} - aliases

    for name in sorted((owned | foreign | snake) - aliases - optional, key=str):
        answer = send(admin, endpoint, {**body, str(name): "x"})
        refused(answer, 400, "INVALID_ARGUMENT")
        fields = [detail["field"] for detail in answer.json["error"]["details"]]
        assert (str(name) or "body") in fields, name
        assert cost(answer) == (0, 0, 0)


NOT_JSON = {
    "cut short": b'{"title": "A',
    "no end": b"{",
    "more than one": b"{} {}",
    "rubbish after it": b"{}x",
    "single quotes": b"{'title': 'A'}",
    "comment": b'{"title": "A"} // why',
    "trailing comma": b'{"title": "A",}',
    "byte order mark": b"\xef\xbb\xbf{}",
    "utf-16": '{"title": "A"}'.encode("utf-16"),
    "bad utf-8": b'{"title": "\xff"}',
    "encoded surrogate": b'{"title": "\xed\xa0\x80"}',
    "lone surrogate": b'{"title": "\\ud800"}',
    "raw control character": b'{"title": "A\nB"}',
    "nul": b"\x00",
    "list": b"[]",
    "list of one": b'[{"title": "A"}]',
    "string": b'"title"',
    "number": b"1",
    "null": b"null",
    "not a number": b"NaN",
    "deep list": b"[" * 100_000,
    "deep object": b'{"a":' * 100_000,
    "deep and whole": b"[" * 5_000 + b"]" * 5_000,
    "form": b"title=A&decisionType=kyc",
}


@each_row("endpoint", ENDPOINTS)
def test_a_body_that_is_no_json_object_is_refused(admin: Client, endpoint: str) -> None:
    for name, body in NOT_JSON.items():
        answer = send(admin, endpoint, body)

        assert answer.status_code == 400, name
        refused_field(answer, "body")
        assert cost(answer) == (0, 0, 0)


@each_row("endpoint", ENDPOINTS)
def test_numbers_that_are_none_are_refused(admin: Client, endpoint: str) -> None:
    body = ENDPOINTS[endpoint][2]
    for field, value in itertools.product(body, NO_NUMBERS):
        raw = json.dumps({**body, field: "VALUE"}).replace('"VALUE"', value).encode()
        answer = send(admin, endpoint, raw)
        refused(answer, 400, "INVALID_ARGUMENT")
        assert cost(answer) == (0, 0, 0)


@each_row("endpoint", ENDPOINTS)
def test_a_field_that_is_given_twice_is_named(admin: Client, endpoint: str) -> None:
    body = ENDPOINTS[endpoint][2]
    text = json.dumps(body)
    for field in body:
        pair = json.dumps({field: body[field]})[1:-1]
        answer = send(admin, endpoint, f"{text[:-1]}, {pair}}}".encode())
        refused_field(answer, field)
        assert cost(answer) == (0, 0, 0)


@each_row(
    "meta",
    [
        '{"a": NaN}',
        '{"a": Infinity}',
        '{"a": [1e999]}',
        '{"a": 9007199254740992}',
        '{"a": -9007199254740992}',
        f'{{"a": {"9" * 400}}}',
        '{"a": "\\u0000"}',
        '{"a": "\\u202e"}',
        '{"a\\u0000": 1}',
        '{"a": {"b\\u2028": 1}}',
        '{"a": ' + "[" * 11 + "]" * 11 + "}",
        '{"a":' * 11 + "1" + "}" * 11,
        '{"a": "' + "x" * 65_536 + '"}',
        "[]",
    ],
)
def test_what_an_event_tells_besides_is_json_that_every_reader_agrees_on(
    admin: Client, meta: str
) -> None:
    answer = send(admin, "report", f'{{"eventType":"custom","message":"x","meta":{meta}}}'.encode())

    error = refused(answer, 400, "INVALID_ARGUMENT")
    assert error["details"][0]["field"].startswith("meta")
    assert cost(answer) == (0, 0, 0)


@each_row("meta", ['{"a": 1, "a": 2}', '{"b": [{"a": 1, "a": 1}]}'])
def test_a_name_that_is_given_twice_is_refused_at_any_depth(admin: Client, meta: str) -> None:
    answer = send(admin, "report", f'{{"eventType":"custom","message":"x","meta":{meta}}}'.encode())

    refused_field(answer, "a")


@each_row(
    ("method", "path", "body"),
    [
        ("GET", "/cases/{}", None),
        ("PATCH", "/cases/{}", {"title": "Another"}),
        ("DELETE", "/cases/{}", None),
        ("POST", "/cases/{}:claim", None),
        ("GET", "/cases/{}/audit", None),
        ("GET", "/cases/{}/evidence", None),
        ("GET", "/interventions/{}", None),
        ("POST", "/interventions/{}:claim", None),
        ("POST", "/interventions/{}:decide", {"decision": "approve"}),
        ("GET", "/cases/{}/packet", None),
        ("PUT", "/cases/{}/worksheet", {"fsrNotes": "A note"}),
        ("POST", "/cases/{}/holds", {"reason": "A reason"}),
    ],
)
def test_a_bad_id_in_a_path_finds_nothing(admin: Client, method: str, path: str, body: Any) -> None:
    for case_id in BAD_IDS:
        answer = admin.request(method, path.format(quote(case_id, safe="")), body)

        assert cost(answer) == (0, 0, 0)
        if answer.status_code == 400:
            refused_field(answer, "caseId" if path.startswith("/cases") else "interventionId")
        else:
            # It is the path of nothing: of no case, and of no function.
            assert answer.status_code in {404, 405}, case_id
            refused(answer, answer.status_code, answer.json["error"]["status"])


def test_a_bad_id_is_named_wherever_it_stands(admin: Client) -> None:
    for case_id in BAD_IDS:
        where = quote(case_id, safe="")
        answers = {
            "caseId": admin.get(f"/cases:validate?caseId={where}"),
            "decisionType": admin.get(f"/cases?decisionType={where}"),
            "caseIds[1]": admin.post("/cases:check", {"caseIds": ["CASE-1", case_id]}),
            "caseIds[0]": admin.post("/cases:close", {"caseIds": [case_id], "reason": "Over"}),
        }
        for field, answer in answers.items():
            refused_field(answer, field)
            assert cost(answer) == (0, 0, 0)


QUERIES = [
    ("GET", "/cases", "decisionType=kyc"),
    ("GET", "/cases/CASE-1", "view=full"),
    ("GET", "/cases/CASE-1/evidence", "packet=true"),
    ("GET", "/cases/CASE-1/packet", "version=1"),
    ("GET", "/cases/CASE-1/worksheet", "userId=kim"),
    ("PUT", "/cases/CASE-1/worksheet", "userId=kim"),
    ("GET", "/worksheets", "pageSize=1"),
    ("GET", "/cases:stats", "status=new"),
    ("GET", "/cases:validate", "caseId=CASE-1"),
    ("GET", "/cases/CASE-1/audit", "related=true"),
    ("GET", "/audit", "severity=info"),
    ("GET", "/audit:verify", "subject=tenant"),
    ("GET", "/settings", "at=now"),
    ("GET", "/health", "deep=true"),
    ("POST", "/cases:claimNext", "decisionType=kyc"),
    ("POST", "/cases/CASE-1:claim", "force=true"),
    ("GET", "/interventions", "type=resume"),
    ("GET", "/interventions:pending", "type=resume"),
    ("GET", "/interventions:metrics", "daily=true"),
    ("GET", "/interventions/i-1", "at=now"),
    ("POST", "/interventions/i-1:claim", "force=true"),
    ("DELETE", "/cases/CASE-1", "force=true"),
]


@each_row(("method", "path", "query"), QUERIES)
def test_a_parameter_that_is_unknown_or_given_twice_is_named(
    admin: Client, method: str, path: str, query: str
) -> None:
    known = query.partition("=")[0]
    for given, field in (
        (f"{query}&{query}", known),
        (f"{query}&{known}=", known),
        (f"{query}&unknown=1", "unknown"),
        (f"{query}&{known}%00=1", f"{known}\x00"),
        (f"{query}&{known}[]=1", f"{known}[]"),
    ):
        answer = admin.request(method, f"{path}?{given}")
        refused(answer, 400, "INVALID_ARGUMENT")
        assert field in [detail["field"] for detail in answer.json["error"]["details"]], given
        assert cost(answer) == (0, 0, 0)


@each_row(
    ("path", "field"),
    [
        ("/cases", "search"),
        ("/cases", "assignedTo"),
        ("/cases", "status"),
        ("/audit", "actor"),
        ("/audit", "agentId"),
        ("/audit", "since"),
        ("/audit", "subject"),
        ("/interventions", "assignedTo"),
        ("/interventions:pending", "uowId"),
        ("/interventions:metrics", "until"),
    ],
)
def test_a_parameter_with_characters_that_cannot_be_seen_is_named(
    admin: Client, path: str, field: str
) -> None:
    for text in INVISIBLE:
        answer = admin.get(f"{path}?{field}={text}")
        refused_field(answer, field)
        assert cost(answer) == (0, 0, 0)


@each_row("endpoint", ENDPOINTS)
def test_an_idempotency_key_that_is_none_is_named(admin: Client, endpoint: str) -> None:
    method, path, body = ENDPOINTS[endpoint]
    for key in NO_KEYS:
        answer = admin.request(method, path, body, idempotency_key=key)
        refused_field(answer, "Idempotency-Key")
        assert cost(answer) == (0, 0, 0)


@each_row(
    ("method", "path"),
    [
        ("GET", "/cases"),
        ("GET", "/cases/CASE-1"),
        ("DELETE", "/cases/CASE-1"),
        ("POST", "/cases/CASE-1:claim"),
        ("POST", "/cases:claimNext"),
        ("POST", "/interventions/i-1:claim"),
        ("POST", "/interventions/i-1:release"),
        ("GET", "/settings"),
    ],
)
def test_a_body_where_none_is_taken_is_refused(admin: Client, method: str, path: str) -> None:
    answer = admin.request(method, path, {"title": "x"})

    refused_field(answer, "title")
    assert cost(answer) == (0, 0, 0)
