"""What a client may do in Firestore without the functions, asked of the rules themselves.

The emulator judges unsigned tokens by `firestore.rules` and answers 403 to what they deny. A token
that is not a user's but `owner` stands for the functions, which no rule binds. Every test has a
project, and in it the rules, of its own.
"""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.emulator import load_rules

RULES = (Path(__file__).parents[2] / "firestore.rules").read_text()

MEMBERS = frozenset({"viewer", "verifier", "pilot", "admin", "agent"})
PILOTS = frozenset({"pilot", "admin"})
USER = "user-1"

DOCUMENTS: dict[str, dict[str, str]] = {
    "tenants/acme": {"name": "Acme"},
    "tenants/acme/cases/live": {"status": "new"},
    "tenants/acme/cases/live/evidence/e1": {"title": "Invoice"},
    "tenants/acme/cases/live/packets/1": {"manifest": "0f"},
    "tenants/acme/cases/live/records/r1": {"kind": "feasibility"},
    "tenants/acme/runs/r1": {"status": "running"},
    "tenants/acme/interventions/i1": {"status": "pending"},
    "tenants/acme/pilots/p1": {"decided": "3"},
    "tenants/acme/audit/a1": {"eventType": "case_created"},
    "tenants/acme/worksheets/live:user-1": {"userId": USER},
}
TOMBSTONES = {
    "tenants/acme/cases/deleted": {"deletedAt": "2026-01-01"},
    "tenants/acme/interventions/deleted": {"deletedAt": "2026-01-01"},
}
UNMATCHED: dict[str, dict[str, str]] = {
    "elsewhere/d1": {},
    "tenants/acme/elsewhere/d1": {},
    "tenants/acme/cases/live/elsewhere/d1": {},
    "tenants/acme/cases/live/evidence/e1/elsewhere/d1": {},
    "tenants/acme/audit/a1/elsewhere/d1": {},
}

Claims = dict[str, str]
Filter = tuple[str, str] | None

OWNER = "Bearer owner"

# Every collection that an admin lists, with the filter that its rule asks for.
LISTABLE: dict[str, Filter] = {
    "tenants/acme/cases": ("status", "new"),
    "tenants/acme/cases/live/evidence": None,
    "tenants/acme/cases/live/packets": None,
    "tenants/acme/cases/live/records": None,
    "tenants/acme/runs": None,
    "tenants/acme/interventions": ("status", "pending"),
    "tenants/acme/pilots": None,
    "tenants/acme/audit": None,
    "tenants/acme/worksheets": ("userId", USER),
}


def member(role: str, tenant: str = "acme", user: str = USER) -> Claims:
    """The claims of somebody whom the tenant knows."""
    return {"sub": user, "user_id": user, "tenant": tenant, "role": role}


OUTSIDERS: dict[str, Claims | None] = {
    "somebody who is not signed in": None,
    "somebody signed in without a tenant": {"sub": USER, "user_id": USER},
    "an admin of another tenant": member("admin", tenant="other"),
    "an admin of no tenant": member("admin", tenant=""),
    "a member without a role": {"sub": USER, "user_id": USER, "tenant": "acme"},
    "a member of an unknown role": member("owner"),
    "the scheduler": member("scheduler"),
}


@dataclass(frozen=True)
class Database:
    """A project's documents, over the REST interface that a client uses."""

    client: httpx.Client
    host: str
    project: str

    def ask(
        self, method: str, path: str, bearer: Claims | str | None, **request: Any
    ) -> httpx.Response:
        """Send one request about `path` with this bearer: claims, the word owner, or nothing."""
        root = f"http://{self.host}/v1/projects/{self.project}/databases/(default)/documents"
        authorization = self._token(bearer) if isinstance(bearer, dict) else bearer
        headers = {"Authorization": authorization} if authorization else {}
        return self.client.request(method, root + path, headers=headers, **request)

    def get(self, path: str, bearer: Claims | str | None) -> int:
        """The status of reading one document."""
        return self.ask("GET", f"/{path}", bearer).status_code

    def query(
        self, collection: str, bearer: Claims | None, equal: Filter = None, *, group: bool = False
    ) -> int | list[str]:
        """The ids that a query finds in a collection (or in all of its name), else its status."""
        parent, _, name = collection.rpartition("/")
        query: dict[str, Any] = {"from": [{"collectionId": name, "allDescendants": group}]}
        if equal is not None:
            field, value = equal
            condition = {"field": {"fieldPath": field}, "op": "EQUAL", "value": text(value)}
            query["where"] = {"fieldFilter": condition}
        path = f"/{parent}:runQuery" if parent else ":runQuery"
        answer = self.ask("POST", path, bearer, json={"structuredQuery": query})
        if answer.status_code != httpx.codes.OK:
            return answer.status_code
        return [
            row["document"]["name"].split("/")[-1] for row in answer.json() if "document" in row
        ]

    def seed(self, documents: dict[str, dict[str, str]]) -> None:
        """Create documents as the functions do, in one commit."""
        root = f"projects/{self.project}/databases/(default)/documents"
        writes = [
            {"update": {"name": f"{root}/{path}"} | content(documents[path])} for path in documents
        ]
        self.ask("POST", ":commit", OWNER, json={"writes": writes}).raise_for_status()

    def write(
        self, path: str, fields: dict[str, str], bearer: Claims | str, *, exists: bool
    ) -> int:
        """The status of creating (`exists` is false) or of updating one document."""
        precondition = {"currentDocument.exists": json.dumps(exists)}
        return self.ask(
            "PATCH", f"/{path}", bearer, params=precondition, json=content(fields)
        ).status_code

    def delete(self, path: str, bearer: Claims | str) -> int:
        """The status of deleting one document."""
        return self.ask("DELETE", f"/{path}", bearer).status_code

    def _token(self, claims: Claims) -> str:
        issuer = f"https://securetoken.google.com/{self.project}"
        always = {"iss": issuer, "aud": self.project, "iat": 0, "exp": 2**31, "firebase": {}}
        parts = ({"alg": "none", "typ": "JWT"}, always | claims)
        encoded = (base64.urlsafe_b64encode(json.dumps(part).encode()) for part in parts)
        return f"Bearer {'.'.join(part.rstrip(b'=').decode() for part in encoded)}."


def content(fields: dict[str, str]) -> dict[str, Any]:
    """A document's content as Firestore spells it on the wire."""
    return {"fields": {name: text(value) for name, value in fields.items()}}


def text(value: str) -> dict[str, str]:
    """A string as Firestore spells it on the wire."""
    return {"stringValue": value}


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """One client for all tests: making one takes longer than a test."""
    with httpx.Client(trust_env=False) as client:
        yield client


@pytest.fixture
def database(client: httpx.Client, emulator_host: str, project: str) -> Database:
    """A project of its own: under the rules, with one document of every kind."""
    database = Database(client, emulator_host, project)
    load_rules(emulator_host, project, RULES)
    database.seed(DOCUMENTS | TOMBSTONES | UNMATCHED)
    return database


@pytest.mark.parametrize(
    ("path", "readers"),
    [
        pytest.param("tenants/acme", MEMBERS, id="every member reads the settings"),
        pytest.param("tenants/acme/cases/live", MEMBERS, id="every member reads a case"),
        pytest.param(
            "tenants/acme/cases/live/evidence/e1", MEMBERS, id="every member reads evidence"
        ),
        pytest.param(
            "tenants/acme/cases/live/packets/1", MEMBERS, id="every member reads a packet"
        ),
        pytest.param(
            "tenants/acme/cases/live/records/r1", MEMBERS, id="every member reads a record"
        ),
        pytest.param("tenants/acme/runs/r1", MEMBERS, id="every member reads a run"),
        pytest.param(
            "tenants/acme/interventions/i1", MEMBERS, id="every member reads an intervention"
        ),
        pytest.param("tenants/acme/pilots/p1", PILOTS, id="pilots and above read pilot counters"),
        pytest.param("tenants/acme/audit/a1", PILOTS, id="pilots and above read audit events"),
        pytest.param(
            "tenants/acme/worksheets/live:user-1",
            MEMBERS,
            id="every member reads the own worksheet",
        ),
        pytest.param("tenants/acme/cases/deleted", frozenset(), id="nobody reads a deleted case"),
        pytest.param(
            "tenants/acme/interventions/deleted",
            frozenset(),
            id="nobody reads a deleted intervention",
        ),
    ],
)
def test_a_document_is_read_by_the_roles_it_is_for(
    database: Database, path: str, readers: frozenset[str]
) -> None:
    """Each kind of document is readable to its roles, and to no other role of the same tenant."""
    answers = {role: database.get(path, member(role)) for role in MEMBERS}

    assert {role: 200 if role in readers else 403 for role in MEMBERS} == answers


@pytest.mark.parametrize(
    ("collection", "equal", "found", "readers"),
    [
        pytest.param("tenants", None, [], frozenset(), id="nobody lists tenants"),
        pytest.param(
            "tenants/acme/cases",
            ("status", "new"),
            ["live"],
            MEMBERS,
            id="every member lists the cases of a status",
        ),
        pytest.param(
            "tenants/acme/cases",
            None,
            [],
            frozenset(),
            id="nobody lists cases without a status, for deleted ones would be among them",
        ),
        pytest.param(
            "tenants/acme/cases",
            ("deletedAt", "2026-01-01"),
            [],
            frozenset(),
            id="nobody lists deleted cases",
        ),
        pytest.param(
            "tenants/acme/cases/live/evidence",
            None,
            ["e1"],
            MEMBERS,
            id="every member lists evidence",
        ),
        pytest.param(
            "tenants/acme/cases/live/packets", None, ["1"], MEMBERS, id="every member lists packets"
        ),
        pytest.param(
            "tenants/acme/cases/live/records",
            None,
            ["r1"],
            MEMBERS,
            id="every member lists records",
        ),
        pytest.param("tenants/acme/runs", None, ["r1"], MEMBERS, id="every member lists runs"),
        pytest.param(
            "tenants/acme/interventions",
            ("status", "pending"),
            ["i1"],
            MEMBERS,
            id="every member lists the interventions of a status",
        ),
        pytest.param(
            "tenants/acme/interventions",
            None,
            [],
            frozenset(),
            id="nobody lists interventions without a status",
        ),
        pytest.param(
            "tenants/acme/pilots", None, ["p1"], PILOTS, id="pilots and above list pilot counters"
        ),
        pytest.param(
            "tenants/acme/audit", None, ["a1"], PILOTS, id="pilots and above list audit events"
        ),
        pytest.param(
            "tenants/acme/worksheets",
            ("userId", USER),
            ["live:user-1"],
            MEMBERS,
            id="every member lists the own worksheets",
        ),
        pytest.param(
            "tenants/acme/worksheets", None, [], frozenset(), id="nobody lists all worksheets"
        ),
        pytest.param(
            "tenants/acme/worksheets",
            ("userId", "user-2"),
            [],
            frozenset(),
            id="nobody lists another's worksheets",
        ),
    ],
)
def test_a_collection_is_listed_by_the_roles_it_is_for(
    database: Database, collection: str, equal: Filter, found: list[str], readers: frozenset[str]
) -> None:
    """Each collection is listed to its roles, with the filter where its rule asks for one."""
    answers = {role: database.query(collection, member(role), equal) for role in MEMBERS}

    assert {role: found if role in readers else 403 for role in MEMBERS} == answers


def test_a_worksheet_is_for_its_owner_alone(database: Database) -> None:
    """A worksheet is denied to everybody else in the tenant, the admin included."""
    path = "tenants/acme/worksheets/live:user-1"
    others = {role: database.get(path, member(role, user="user-2")) for role in MEMBERS}

    assert database.get(path, member("viewer")) == 200
    assert dict.fromkeys(MEMBERS, 403) == others


def test_outsiders_read_nothing(database: Database) -> None:
    """Who is not a known member of the tenant reads none of what its members read."""
    assert database.get("tenants/acme", member("viewer")) == 200
    assert database.query("tenants/acme/cases", member("viewer"), ("status", "new")) == ["live"]
    for who, claims in OUTSIDERS.items():
        answers = {path: database.get(path, claims) for path in DOCUMENTS}
        assert dict.fromkeys(DOCUMENTS, 403) == answers, who
        assert database.query("tenants/acme/cases", claims, ("status", "new")) == 403, who


@pytest.mark.parametrize("verb", ["create", "update", "delete"])
def test_only_the_functions_write(database: Database, verb: str) -> None:
    """No role creates, updates or deletes a document; the functions do, by the same requests."""
    paths = [f"{path}-new" if verb == "create" else path for path in DOCUMENTS | UNMATCHED]

    def write(path: str, bearer: Claims | str) -> int:
        if verb == "delete":
            return database.delete(path, bearer)
        return database.write(path, {"userId": USER}, bearer, exists=verb == "update")

    assert dict.fromkeys(MEMBERS, 403) == {r: write(paths[1], member(r)) for r in MEMBERS}
    assert dict.fromkeys(paths, 403) == {path: write(path, member("admin")) for path in paths}
    assert dict.fromkeys(paths, 200) == {path: write(path, OWNER) for path in paths}


def test_what_no_rule_names_is_denied(database: Database) -> None:
    """A document at a path that the rules do not know is there, but for no client."""
    assert dict.fromkeys(UNMATCHED, 200) == {path: database.get(path, OWNER) for path in UNMATCHED}
    for role in MEMBERS:
        answers = {path: database.get(path, member(role)) for path in UNMATCHED}
        assert dict.fromkeys(UNMATCHED, 403) == answers


def test_a_collection_group_is_denied(database: Database) -> None:
    """A query over all collections of a name could cross tenants: only the plain one is allowed."""
    admin = member("admin")
    plain = {path: database.query(path, admin, equal) for path, equal in LISTABLE.items()}
    group = {
        path: database.query(path.split("/")[-1], admin, equal, group=True)
        for path, equal in LISTABLE.items()
    }

    assert dict.fromkeys(LISTABLE, list) == {path: type(found) for path, found in plain.items()}
    assert dict.fromkeys(LISTABLE, 403) == group


@pytest.mark.parametrize(
    ("rule", "opened", "path", "claims"),
    [
        pytest.param(
            "match /audit/{eventId} {\n        allow get, list: if isPilot();",
            "match /audit/{eventId} {\n        allow get, list: if isMember();",
            "tenants/acme/audit/a1",
            member("viewer"),
            id="audit",
        ),
        pytest.param(
            "match /pilots/{pilotKey} {\n        allow get, list: if isPilot();",
            "match /pilots/{pilotKey} {\n        allow get, list: if isMember();",
            "tenants/acme/pilots/p1",
            member("agent"),
            id="pilots",
        ),
        pytest.param(
            "&& resource.data.userId == request.auth.uid",
            "",
            "tenants/acme/worksheets/live:user-1",
            member("admin", user="user-2"),
            id="worksheets",
        ),
        pytest.param(
            "resource.data.get('deletedAt', null) == null",
            "true",
            "tenants/acme/cases/deleted",
            member("admin"),
            id="deleted cases",
        ),
        pytest.param(
            "&& request.auth.token.tenant == tenant",
            "",
            "tenants/acme/cases/live",
            member("admin", tenant="other"),
            id="tenants",
        ),
        pytest.param(
            "&& request.auth.token.role in ['viewer', 'verifier', 'pilot', 'admin', 'agent']",
            "",
            "tenants/acme/runs/r1",
            member("owner"),
            id="roles",
        ),
    ],
)
def test_a_deny_is_the_work_of_its_rule(
    database: Database, rule: str, opened: str, path: str, claims: Claims
) -> None:
    """What is denied is readable once the rule for it is opened: nothing else denied it."""
    assert RULES.count(rule) == 1
    assert database.get(path, claims) == 403

    load_rules(database.host, database.project, RULES.replace(rule, opened))

    assert database.get(path, claims) == 200
