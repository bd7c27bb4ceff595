"""What a client may do in Firestore without the functions, asked of the rules themselves.

The emulator judges unsigned tokens by `firestore.rules` and refuses what they deny. A token that is
not a user's but `owner` stands for the functions, which no rule binds. It is asked by gRPC, which
takes it half the time that JSON over HTTP does.
"""

import base64
import http.client
import json
import re
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import pytest
from google.cloud.firestore_v1 import types

from deployment.rules import with_claims
from local.emulator import load_rules
from shared.documents.indexes import EVERY_FIELD, project_indexes
from shared.repository.removal import PARTS

RULES = (Path(__file__).parents[2] / "firestore.rules").read_text()

Claims = dict[str, Any]
Equal = tuple[str, str | None]

OWNER = "Bearer owner"
MOST = 200
"""How many documents a client may list at once."""
READING = ("get", "list", "query", "group")
OPERATIONS = (*READING, "create", "update", "delete")
BY_TABLE = ("get", "list", "query")
"""What the table says of each actor. All else is for nobody, as the text of the rules shows."""


def member(role: Any, sub: str = "somebody", tenant: str = "acme", **more: Any) -> Claims:
    """The claims of somebody whom the tenant knows."""
    return {"sub": sub, "user_id": sub, "tenant": tenant, "role": role, **more}


INSIDERS: dict[str, Claims] = {
    "viewer": member("viewer"),
    "verifier": member("verifier"),
    "pilot": member("pilot"),
    "admin": member("admin"),
    "agent": member("agent"),
    "auditor": member("auditor"),
    "owner of the worksheet": member("viewer", "olga"),
    "collaborator of the case": member("viewer", "carl"),
    # That the token is too old is found out before the rules, and not by the emulator.
    "viewer whose token looks expired": member("viewer", exp=1),
}
# Their ids are those of insiders: it is not by them that they are told apart.
OUTSIDERS: dict[str, Claims | None] = {
    "nobody who is signed in": None,
    "admin of no tenant": {"sub": "olga", "user_id": "olga", "role": "admin"},
    "admin of another tenant": member("admin", "olga", "other"),
    "somebody without a role": {"sub": "olga", "user_id": "olga", "tenant": "acme"},
    "scheduler": member("scheduler", "olga"),
}
ACTORS = INSIDERS | OUTSIDERS
WRITERS = ("agent", "admin", "owner of the worksheet", "nobody who is signed in")
"""Who tries what no rule allows."""

NOBODY: frozenset[str] = frozenset()
MEMBERS = frozenset(INSIDERS)
AUDITING = frozenset({"pilot", "admin", "auditor"})
OWNERS = frozenset({"owner of the worksheet"})
READERS = OWNERS | {"collaborator of the case"}


class Target(NamedTuple):
    """A document, and who may read it: alone, in its whole collection, by a query for `equal`."""

    path: str
    fields: dict[str, Any]
    equal: Equal
    get: frozenset[str] = NOBODY
    list: frozenset[str] = NOBODY
    query: frozenset[str] = NOBODY

    @property
    def collection(self) -> str:
        return self.path.rpartition("/")[0]

    @property
    def id(self) -> str:
        return self.path.rpartition("/")[2]

    def readers(self, operation: str) -> frozenset[str]:
        """Who may do this; nobody reads over all tenants, or writes."""
        return getattr(self, operation) if operation in BY_TABLE else NOBODY


STATUS = ("status", "new")
DELETED = ("deletedAt", "2026-01-01")
CASE = ("caseId", "live")
OPEN = {"userId": "olga", "sharedWith": "read"}
TARGETS = {
    "settings": Target(
        "tenants/acme", {"autoCloseDays": "30"}, ("autoCloseDays", "30"), get=MEMBERS
    ),
    "case": Target(
        "tenants/acme/cases/live",
        {
            "status": "new",
            "collaborators": {"carl": "read", "wanda": "write", "anna": "admin", "nina": "x"},
        },
        STATUS,
        get=MEMBERS,
        query=MEMBERS,
    ),
    "deleted case": Target("tenants/acme/cases/gone", dict([DELETED]), DELETED),
    "run": Target("tenants/acme/runs/r", dict([CASE]), CASE, *[MEMBERS] * 3),
    "intervention": Target(
        "tenants/acme/interventions/i", {"status": "new"}, STATUS, get=MEMBERS, query=MEMBERS
    ),
    "deleted intervention": Target("tenants/acme/interventions/gone", dict([DELETED]), DELETED),
    "person": Target(
        "tenants/acme/people/p", {"subject": "paul"}, ("subject", "paul"), *[MEMBERS] * 3
    ),
    "saved views": Target("tenants/acme/views/v", {"userId": "paul"}, ("userId", "paul")),
    "event of a case": Target(
        "tenants/acme/audit/case", dict([CASE]), CASE, get=MEMBERS, list=AUDITING, query=MEMBERS
    ),
    "event of a worksheet": Target(
        "tenants/acme/audit/sheet",
        {"caseId": None},
        ("caseId", None),
        *[AUDITING] * 3,
    ),
    "worksheet": Target(
        "tenants/acme/worksheets/live:olga",
        {"caseId": "live", "userId": "olga", "sharedWith": "none"},
        ("userId", "olga"),
        get=OWNERS,
        query=OWNERS,
    ),
    "open worksheet": Target(
        "tenants/acme/worksheets/live:olga-open",
        {"caseId": "live", "userId": "olga", "sharedWith": "read"},
        ("userId", "olga"),
        get=READERS,
        query=OWNERS,
    ),
    # Whose entries are for whom, only the functions know.
    "end of a log": Target("tenants/acme/log/state", {"size": "1"}, ("size", "1")),
    "entries of a log": Target("tenants/acme/logBundles/0", {"until": "1"}, ("until", "1")),
    "tile of a log": Target("tenants/acme/logTiles/1-0", {"hashes": "1"}, ("hashes", "1")),
    "progress of the check": Target("checks/integrity", {"after": "a"}, ("after", "a")),
    "state of the sealing": Target("sealing/progress", {"reached": "a"}, ("reached", "a")),
    # What admins ask for may say why, and the notes of the purge say nothing to anybody else.
    "figures": Target("tenants/acme/figures/totals", {"numbers": "{}"}, ("numbers", "{}")),
    "erasure": Target("tenants/acme/erasures/e", {"person": "paul"}, ("person", "paul")),
    "note of the purge": Target("tenants/acme/trailRetention/mark", {"a": "b"}, ("a", "b")),
    # Hashes of what programs call with.
    "key": Target("tenants/acme/keys/k", {"role": "agent"}, ("role", "agent")),
    # Only the functions for admins show webhooks, and never what is sealed in them.
    "webhooks": Target(
        "tenants/acme/webhooks/endpoints", {"sealed": "v1.x.y"}, ("sealed", "v1.x.y")
    ),
    "delivery": Target("tenants/acme/deliveries/e:wh-1", {"status": "due"}, ("status", "due")),
    "scheduled run": Target("scheduledRuns/s", {"job": "purge"}, ("job", "purge")),
    "document that no rule names": Target("tenants/acme/elsewhere/e", {"a": "b"}, ("a", "b")),
} | {
    part: Target(
        f"tenants/acme/cases/live/{part}/x",
        {"a": "b"},
        ("a", "b"),
        # What is preserved has texts of worksheets: only the function for admins shows it.
        *[NOBODY if part == "preserved" else MEMBERS] * 3,
    )
    for part in PARTS
}
BEHIND: dict[str, dict[str, Any]] = {
    # Open worksheets whose case is not there, or is only a tombstone.
    "tenants/acme/worksheets/gone:olga": {**OPEN, "caseId": "gone"},
    "tenants/acme/worksheets/never:olga": {**OPEN, "caseId": "never"},
    # Worksheets that are not open: as the first release stored them, and of no known sharing.
    "tenants/acme/worksheets/live:olga-old": {"caseId": "live", "userId": "olga"},
    "tenants/acme/worksheets/live:olga-new": {**OPEN, "caseId": "live", "sharedWith": "all"},
    "tenants/acme/worksheets/live:olga-write": {**OPEN, "caseId": "live", "sharedWith": "write"},
    "tenants/other/cases/live": {"status": "new", "collaborators": {"olga": "admin"}},
}
DOCUMENTS = {target.path: target.fields for target in TARGETS.values()} | BEHIND


@dataclass(frozen=True)
class Emulator:
    """Where it is, and one connection for all tests."""

    host: str
    channel: grpc.Channel


@dataclass(frozen=True)
class Database:
    """A project's documents, over Firestore's own interface."""

    emulator: Emulator
    project: str

    def ask(self, method: str, bearer: Claims | str | None, **fields: Any) -> bytes | None:
        """Call a method with this bearer: claims, the word owner, or nothing; None: it is denied.

        `fields` are those of the request, as JSON has them.
        """
        kind = getattr(types, f"{method}Request")
        authorization = token(self.project, bearer) if isinstance(bearer, dict) else bearer
        call: grpc.UnaryStreamMultiCallable[Any, bytes] = self.emulator.channel.unary_stream(
            f"/google.firestore.v1.Firestore/{method}", request_serializer=kind.serialize
        )
        metadata = (("authorization", authorization),) if authorization else ()
        try:
            return b"".join(call(kind.from_json(json.dumps(fields)), metadata=metadata))
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.PERMISSION_DENIED:
                return None
            raise

    def name(self, path: str = "") -> str:
        """The full name of a document, or of all of them."""
        return f"projects/{self.project}/databases/(default)/documents/{path}".rstrip("/")

    def document(self, path: str, fields: dict[str, Any]) -> dict[str, Any]:
        """A document as Firestore spells it on the wire."""
        return {"name": self.name(path)} | content(fields)

    def seed(self, documents: dict[str, dict[str, Any]]) -> None:
        """Write documents as the functions do, in one commit."""
        writes = [{"update": self.document(*one)} for one in documents.items()]
        database = self.name().removesuffix("/documents")
        assert self.ask("Commit", OWNER, database=database, writes=writes)

    def get(self, path: str, bearer: Claims | str | None) -> bytes | None:
        """Read one document."""
        return self.ask("GetDocument", bearer, name=self.name(path))

    def query(self, parent: str, bearer: Claims | None, selection: Any) -> bytes | None:
        """Ask a query below a document, or below none."""
        return self.ask("RunQuery", bearer, parent=self.name(parent), structuredQuery=selection)

    def write(
        self, path: str, bearer: Claims | str | None, *, is_there: bool | None = None
    ) -> bytes | None:
        """Set a field of a document, or make one; with `is_there` only if that is so."""
        known = {} if is_there is None else {"currentDocument": {"exists": is_there}}
        mask = {"updateMask": {"fieldPaths": ["a"]}} if is_there else {}
        document = self.document(path, {"a": "b"})
        return self.ask("UpdateDocument", bearer, document=document, **known, **mask)

    def delete(self, path: str, bearer: Claims | str | None) -> bytes | None:
        """Remove a document."""
        return self.ask("DeleteDocument", bearer, name=self.name(path))

    def allows(self, bearer: Claims | None, operation: str, target: Target) -> bool:
        """Whether an operation is allowed; a read that is has to find the target."""
        answer = self._asked(bearer, operation, target)
        assert answer is None or operation not in READING or f"/{target.path}".encode() in answer
        return answer is not None

    def _asked(self, bearer: Claims | None, operation: str, target: Target) -> bytes | None:
        parent, _, name = target.collection.rpartition("/")
        match operation:
            case "get":
                return self.get(target.path, bearer)
            case "list":
                within = {"parent": self.name(parent), "collectionId": name}
                return self.ask("ListDocuments", bearer, **within, pageSize=MOST)
            case "query":
                return self.query(parent, bearer, query(name, target.equal))
            case "group":
                return self.query("", bearer, query(name))
            case "create" | "update":
                is_there = operation == "update"
                path = target.path if is_there else f"{target.path}-{uuid.uuid4().hex}"
                return self.write(path, bearer, is_there=is_there)
        return self.delete(target.path, bearer)

    def coverage(self) -> list[dict[str, Any]]:
        """What each expression of the rules has come to, since they were loaded."""
        with closing(http.client.HTTPConnection(self.emulator.host)) as connection:
            connection.request("GET", f"/emulator/v1/projects/{self.project}:ruleCoverage")
            report: list[dict[str, Any]] = json.load(connection.getresponse())["report"]
        return report


@cache
def encoded(project: str, claims: str) -> str:
    """An unsigned token of Firebase Authentication's form."""
    issuer = f"https://securetoken.google.com/{project}"
    always = {"iss": issuer, "aud": project, "iat": 0, "exp": 2**31, "firebase": {}}
    parts = ({"alg": "none", "typ": "JWT"}, always | json.loads(claims))
    texts = (base64.urlsafe_b64encode(json.dumps(part).encode()) for part in parts)
    return f"Bearer {'.'.join(part.rstrip(b'=').decode() for part in texts)}."


def token(project: str, claims: Claims) -> str:
    """The header's value that brings these claims."""
    return encoded(project, json.dumps(claims))


def query(name: str, equal: Equal | None = None, limit: int | None = MOST) -> dict[str, Any]:
    """A query as Firestore spells it on the wire; with no filter, over all collections so named."""
    selection: dict[str, Any] = {"from": [{"collectionId": name, "allDescendants": equal is None}]}
    if limit is not None:
        selection["limit"] = limit
    if equal:
        field = {"fieldPath": equal[0]}
        selection["where"] = (
            {"unaryFilter": {"field": field, "op": "IS_NULL"}}
            if equal[1] is None
            else {"fieldFilter": {"field": field, "op": "EQUAL", "value": value(equal[1])}}
        )
    return selection


def content(fields: dict[str, Any]) -> dict[str, Any]:
    """A document's content as Firestore spells it on the wire."""
    return {"fields": {name: value(given) for name, given in fields.items()}}


def value(given: Any) -> dict[str, Any]:
    """A value as Firestore spells it on the wire."""
    if isinstance(given, dict):
        return {"mapValue": content(given)}
    return {"nullValue": None} if given is None else {"stringValue": given}


@pytest.fixture(scope="module")
def emulator(emulator_host: str) -> Iterator[Emulator]:
    """The emulator of all tests."""
    with grpc.insecure_channel(emulator_host) as channel:
        yield Emulator(emulator_host, channel)


def under(emulator: Emulator, rules: str) -> Database:
    """A project of its own: under these rules, with every document."""
    database = Database(emulator, f"demo-{uuid.uuid4().hex[:16]}")
    load_rules(emulator.host, database.project, rules)
    database.seed(DOCUMENTS)
    return database


@pytest.fixture(scope="module")
def shared(emulator: Emulator) -> Database:
    """A project under the rules as they are, in which nobody writes."""
    return under(emulator, RULES)


class Matrix(NamedTuple):
    """Who was allowed what, by target and operation; and which rules that has visited."""

    allowed: dict[str, dict[str, frozenset[str]]]
    coverage: list[dict[str, Any]]


@pytest.fixture(scope="module")
def matrix(emulator: Emulator) -> Matrix:
    """Every actor has tried to read every target, and some to write it."""
    database = under(emulator, RULES)

    def allowed(operation: str, target: Target) -> frozenset[str]:
        trying = ACTORS if operation in BY_TABLE else WRITERS
        return frozenset(who for who in trying if database.allows(ACTORS[who], operation, target))

    tried = {
        name: {operation: allowed(operation, target) for operation in OPERATIONS}
        for name, target in TARGETS.items()
    }
    # That a condition is false, and not an error, takes a status that no function writes.
    for name in ("case", "intervention"):
        broken = TARGETS[name]._replace(equal=("status", None))
        assert not database.allows(ACTORS["viewer"], "query", broken)
    for target in TARGETS.values():
        assert not any(listed(database, who, target, MOST + 1) for who in sorted(target.query)[:1])
    return Matrix(tried, database.coverage())


@pytest.mark.parametrize("name", TARGETS)
def test_each_operation_is_for_the_actors_of_the_table_and_no_other(
    matrix: Matrix, name: str
) -> None:
    readers = {operation: TARGETS[name].readers(operation) for operation in OPERATIONS}

    assert readers == matrix.allowed[name], (
        f"who may read {TARGETS[name].collection} is said in firestore.rules, by default nobody; "
        "and in TARGETS, by default of what is below a case: every member of the tenant"
    )


def listed(database: Database, who: str, target: Target, limit: int | None) -> bool:
    """Whether an actor may ask for so many documents at once."""
    parent, _, name = target.collection.rpartition("/")
    asked = query(name, target.equal, limit)
    return database.query(parent, ACTORS[who], asked) is not None


@pytest.mark.parametrize("name", [name for name, target in TARGETS.items() if target.query])
@pytest.mark.parametrize(
    ("limit", "allowed"), [(1, True), (MOST, True), (MOST + 1, False), (None, False)]
)
def test_a_client_lists_a_page_at_most(
    shared: Database, name: str, limit: int | None, *, allowed: bool
) -> None:
    target = TARGETS[name]
    (who, *_) = target.query & {"admin", "owner of the worksheet"}

    assert listed(shared, who, target, limit) == allowed


def test_every_list_that_is_allowed_is_bounded() -> None:
    lists = re.findall(r"allow list: (.*)", RULES)

    assert len(lists) > 8
    assert [one for one in lists if not one.startswith("if isMember() && isBounded()")] == []


def test_every_collection_is_tried() -> None:
    known = {name for name, field, _ in project_indexes().overrides if field == EVERY_FIELD}

    untried = sorted(known - {target.path.split("/")[-2] for target in TARGETS.values()})
    assert untried == [], f"say in TARGETS who may read {untried}"


def expressions(report: list[dict[str, Any]]) -> Iterator[tuple[str, set[Any]]]:
    """Every expression of a coverage report, and what it has come to; the inner ones too."""
    for one in report:
        place = one["sourcePosition"]
        text = RULES[place["currentOffset"] : place["endOffset"] + 1]
        results = (found.get("value", {}) for found in one.get("values", ()))
        yield f"line {place['line']}: {text}", {json.dumps(result) for result in results}
        yield from expressions(one.get("children", []))


def test_the_matrix_visits_every_expression_and_sees_each_condition_true_and_false(
    matrix: Matrix,
) -> None:
    true, false = '{"boolValue": true}', '{"boolValue": false}'
    seen = list(expressions(matrix.coverage))

    assert len(seen) > 50
    assert [text for text, results in seen if not results - {"{}"}] == []
    conditions = [(text, found) for text, found in seen if found & {true, false}]
    assert len(conditions) > 30
    assert [pair for pair in conditions if not {true, false} <= pair[1]] == []


@pytest.fixture(scope="module")
def opened(emulator: Emulator) -> Database:
    """A project under the rules, with everything allowed to everybody on each target."""
    head, start, rest = RULES.partition("match /databases/{database}/documents {\n")
    return under(emulator, head + start + "".join(map(opening, TARGETS.values())) + rest)


def opening(target: Target) -> str:
    """Rules that allow everything to everybody on documents such as the target."""
    steps = target.path.split("/")
    path = "/".join(f"{{id{number}}}" if number % 2 else step for number, step in enumerate(steps))
    anything = "{ allow read, write: if true; }"
    return f"match /{path} {anything}\nmatch /{{path=**}}/{steps[-2]}/{{id}} {anything}\n"


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_denied_is_allowed_once_the_rules_of_the_targets_are_opened(
    opened: Database, name: str
) -> None:
    target = TARGETS[name]

    for operation in OPERATIONS:
        assert "nobody who is signed in" not in target.readers(operation)
        assert opened.allows(None, operation, target), operation


WEAKENED = [
    pytest.param(
        "&& request.auth.token.tenant == tenant",
        "",
        "admin of another tenant",
        [("case", "get"), ("case", "query"), ("run", "list"), ("settings", "get")],
        id="members are of the tenant",
    ),
    pytest.param(
        "&& request.auth.token.role in"
        " ['viewer', 'verifier', 'pilot', 'admin', 'agent', 'auditor']",
        "",
        "scheduler",
        [("case", "get"), ("case", "query"), ("run", "list"), ("settings", "get")],
        id="members have a role of the tenant",
    ),
    pytest.param(
        "request.auth.token.role in ['pilot', 'admin', 'auditor']",
        "true",
        "agent",
        [("event of a worksheet", operation) for operation in ("get", "list", "query")],
        id="who audits has a role for it",
    ),
    pytest.param(
        "resource.data.caseId is string",
        "true",
        "viewer",
        [("event of a worksheet", operation) for operation in ("get", "list", "query")],
        id="events are about a case",
    ),
    pytest.param(
        "resource.data.userId == request.auth.uid",
        "true",
        "admin",
        [("worksheet", operation) for operation in ("get", "list", "query")],
        id="owners are of the worksheet",
    ),
    pytest.param(
        "permissionOnCase() in ['read', 'write', 'admin']",
        "true",
        "admin",
        [("open worksheet", "get")],
        id="collaborators have a permission",
    ),
    pytest.param(
        "resource.data.get('sharedWith', 'none') in ['read', 'write']",
        "true",
        "collaborator of the case",
        [("worksheet", "get")],
        id="opened worksheets are shared",
    ),
    pytest.param(
        "!('deletedAt' in resource.data)",
        "true",
        "admin",
        [("deleted case", "get"), ("deleted intervention", "get")],
        id="what is live has no end",
    ),
    pytest.param(
        "resource.data.status is string",
        "true",
        "admin",
        [
            (name, operation)
            for name in ("case", "deleted case", "intervention", "deleted intervention")
            for operation in ("list", "query")
            if "deleted" in name or operation == "list"
        ],
        id="lists of what is live name a status",
    ),
]


@pytest.mark.parametrize(("condition", "weaker", "who", "denied"), WEAKENED)
def test_what_a_condition_denies_is_allowed_once_it_is_weakened(
    emulator: Emulator,
    condition: str,
    weaker: str,
    who: str,
    denied: list[tuple[str, str]],
) -> None:
    assert RULES.count(condition) == 1
    database = under(emulator, RULES.replace(condition, weaker))

    for name, operation in denied:
        assert who not in TARGETS[name].readers(operation)
        assert database.allows(ACTORS[who], operation, TARGETS[name]), (name, operation)


def test_every_function_of_the_rules_is_weakened_by_a_test() -> None:
    """But for the one that only fetches what another judges, and for the bound, tried by itself."""
    bodies = dict(re.findall(r"function (\w+)\(\) \{\s*return (.*?);\n", RULES, re.DOTALL))
    weakened = [str(case.values[0]) for case in WEAKENED]

    untouched = {name for name, body in bodies.items() if not any(w in body for w in weakened)}
    assert {"isBounded", "permissionOnCase"} == untouched


def test_every_rule_allows_one_verb_of_reading_to_members_alone_and_none_is_for_all_tenants() -> (
    None
):
    text = re.sub(r"//.*", "", RULES)
    allowing = re.findall(r"\ballow\b([^;]*);", text)

    assert len(allowing) > 15
    assert len(allowing) == len(re.findall(r"\ballow\b", text))
    assert [one for one in allowing if not re.match(r" (get|list): if isMember\(\)", one)] == []
    assert "**" not in text


@pytest.mark.parametrize(
    ("sub", "path", "allowed"),
    [
        pytest.param("carl", "live:olga-open", True, id="a collaborator who reads"),
        pytest.param("wanda", "live:olga-open", True, id="a collaborator who writes"),
        pytest.param("anna", "live:olga-open", True, id="a collaborator who administers"),
        pytest.param("carl", "live:olga-write", True, id="a collaborator, open for writing"),
        pytest.param("anna", "live:olga", False, id="a collaborator, not open"),
        pytest.param("anna", "live:olga-old", False, id="a collaborator, of the first release"),
        pytest.param("anna", "live:olga-new", False, id="a collaborator, open in an unknown way"),
        pytest.param("olga", "live:olga-old", True, id="the owner, of the first release"),
        pytest.param("nina", "live:olga-open", False, id="a collaborator of an unknown permission"),
        pytest.param("sam", "live:olga-open", False, id="a colleague"),
        pytest.param("carl", "gone:olga", False, id="a collaborator of a case that is deleted"),
        pytest.param("carl", "never:olga", False, id="a collaborator of a case that never was"),
        pytest.param("olga", "gone:olga", True, id="the owner, though the case is deleted"),
    ],
)
def test_a_worksheet_is_read_by_its_owner_and_where_it_is_open_by_collaborators_of_its_case(
    shared: Database, sub: str, path: str, *, allowed: bool
) -> None:
    for role in ("viewer", "admin"):
        answer = shared.get(f"tenants/acme/worksheets/{path}", member(role, sub))

        assert (answer is not None) == allowed


@pytest.mark.parametrize(
    "role",
    ["owner", "", "Admin", "admin ", ["admin"], {"admin": True}, True, None, 1],
    ids=repr,
)
def test_a_role_that_is_not_one_of_the_five_opens_nothing(shared: Database, role: Any) -> None:
    for name, operation in (("settings", "get"), ("case", "query"), ("run", "list")):
        assert shared.allows(member("viewer"), operation, TARGETS[name])
        assert not shared.allows(member(role), operation, TARGETS[name])


@pytest.mark.parametrize("tenant", ["", "other", "ACME", "acme ", ["acme"], None, True], ids=repr)
def test_a_tenant_that_is_not_this_one_opens_nothing(shared: Database, tenant: Any) -> None:
    for name, operation in (("settings", "get"), ("case", "query"), ("run", "list")):
        assert not shared.allows(member("admin") | {"tenant": tenant}, operation, TARGETS[name])


def test_a_list_of_several_statuses_is_allowed_and_one_by_another_field_is_not(
    shared: Database,
) -> None:
    assert in_query(shared, "status", ["new", "closed"]) is not None
    assert in_query(shared, "assignedTo", ["kim"]) is None


def test_claims_of_other_names_open_what_the_usual_ones_do_not_open_then(
    emulator: Emulator,
) -> None:
    database = under(emulator, with_claims(RULES, "https://acme.example/org", "caseRole"))
    usual = member("admin")
    other = {"sub": "kim", "https://acme.example/org": "acme", "caseRole": "pilot"}

    for name, operation in (("settings", "get"), ("case", "query"), ("event of a case", "list")):
        assert database.allows(other, operation, TARGETS[name])
        assert not database.allows(usual, operation, TARGETS[name])
        assert not database.allows({**other, "caseRole": "x"}, operation, TARGETS[name])


def test_rules_with_the_usual_claims_are_those_of_the_file() -> None:
    assert with_claims(RULES, "tenant", "role") == RULES
    assert "token.tenant" not in with_claims(RULES, "org", "role")


def in_query(database: Database, field: str, texts: list[str]) -> bytes | None:
    """What a viewer is told who asks for cases with one of these values."""
    values = {"arrayValue": {"values": [value(text) for text in texts]}}
    condition = {"field": {"fieldPath": field}, "op": "IN", "value": values}
    selection = {"from": [{"collectionId": "cases"}], "where": {"fieldFilter": condition}}
    return database.query("tenants/acme", member("viewer"), {**selection, "limit": MOST})


def test_the_functions_read_and_write_what_no_client_does(
    emulator: Emulator,
) -> None:
    database = under(emulator, RULES)

    for target in TARGETS.values():
        assert database.get(target.path, OWNER) is not None
        assert database.write(target.path, OWNER) is not None
        assert database.delete(target.path, OWNER) is not None
