"""One tenant that has everything, and how each function is called about what is its.

`CALLS` has the names of the tenant's things, its page tokens, and the Idempotency-Keys of its own
mutations. The requests of a function that no table names are derived from its path and its models.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from pydantic.alias_generators import to_camel

from functions.api import FUNCTIONS
from local.indexes import values
from shared.config import Config
from shared.documents.indexes import EVERY_FIELD, project_indexes
from shared.documents.port import Aggregation, Create, Document, DocumentStore, Query, Totals, Write
from shared.edge.routes import Route
from shared.models.actions import NewAction
from shared.models.base import Model
from shared.models.sealed import StoredLog
from shared.repository import sealed
from shared.repository.removal import PARTS
from shared.rules.actions import hash_of
from shared.runtime import Runtime, open_store
from tests.client import Api, TestResponse
from tests.conftest import Clock

EXEMPTED = {name for name, field, _ in project_indexes().overrides if field == EVERY_FIELD}
"""The collections that `firestore.indexes.json` knows, each by its `*`."""
COLLECTIONS = EXEMPTED - PARTS.keys() - {"tenants", "scheduledRuns"}
"""The collections of a tenant."""
NO_TENANTS = {
    "expire_interventions",
    "fail_stale_runs",
    "close_approved_cases",
    "deliver_webhooks",
    "purge_records",
    "check_integrity",
    "seal_audit",
    "health",
    "openapi",
    "get_receipt_keys",
}
"""Scheduled functions, which work over all tenants, and what is for everybody."""


@dataclass(frozen=True)
class Ask:
    """A request about another tenant's things, and the status that an outsider gets.

    In texts `{caseId}` and so on are theirs; `ids` are other ones. Each name has `theirs` in it.
    `paged` is the status of a list with their page token.
    """

    query: str = ""
    body: Any = None
    code: int = 404
    paged: int = 400
    role: str = "admin"
    ids: dict[str, str] = field(default_factory=dict)


ITEM = {"id": "{evidenceId}", "title": "Evidence of theirs", "sourceId": "source-theirs"}
OTHER_ITEM = {**ITEM, "id": "ev-theirs-1"}
RUN = {"id": "{runId}", "agentId": "robot-theirs", "packId": "pack-theirs"}
QUESTION = {"uowId": "uow-theirs", "type": "clarification", "title": "Theirs?"}
NEW = {"decisionType": "theirs", "title": "A case of theirs", "submissionId": "sub-theirs"}
WHY = {"reason": "It is theirs"}
LAWFUL = {**WHY, "legalBasis": "It is theirs"}
ACTION = {"tool": "theirs", "arguments": {}}
FILTER = {"caseId": "{caseId}", "agentId": "robot-theirs"}
DECIDED = {"interventionId": "{decidedId}"}

# The first request of each mutation is one that the tenant itself has made, in this order.
MUTATIONS: dict[str, tuple[Ask, ...]] = {
    "start_log_epoch": (Ask(body=WHY),),
    "update_settings": (Ask(body={"autoCloseDays": 30}, code=200),),
    # It hears of all that follows.
    "create_webhook": (
        Ask(body={"url": "https://theirs.example", "events": ["*"]}, code=201),
        Ask(body={"url": "https://a.example", "events": ["*"], "filter": FILTER}, code=201),
    ),
    "update_webhook": (
        Ask(body={"description": "Theirs"}),
        Ask(body={"filter": FILTER}),
    ),
    "rotate_webhook_secret": (Ask(),),
    "test_webhook": (Ask(),),
    "retry_delivery": (Ask(),),
    "replay_webhook": (Ask(body={"since": "2026-01-01T00:00:00Z"}),),
    "delete_webhook": (Ask(ids={"webhookId": "{spareWebhookId}"}), Ask()),
    "save_views": (Ask(body={"views": [{"name": "theirs", "query": "search=theirs"}]}, code=200),),
    "create_case": (
        Ask(body={**NEW, "id": "{caseId}", "evidence": [ITEM, OTHER_ITEM]}, code=201),
        Ask(body={**NEW, "id": "SHUT-THEIRS", "assignedTo": "kim-theirs"}, code=201),
    ),
    "import_case": (
        Ask(
            body={
                **NEW,
                "id": "BROUGHT-THEIRS",
                "source": "theirs",
                "rowKey": "row-theirs",
                "createdAt": "2026-01-01T00:00:00Z",
                "assignedTo": "kim-theirs",
                "evidence": [ITEM],
            },
            code=201,
        ),
    ),
    "update_case": (Ask(body={"title": "New"}), Ask(body={"assignedTo": "kim-theirs"})),
    "claim_case": (Ask(), Ask(ids={"caseId": "FREE-THEIRS"})),
    "claim_next_case": (
        Ask("decisionType=theirs"),
        Ask("submissionId=sub-theirs&createdBy=admin@example.com"),
        Ask("search=theirs&status=new&unassigned=true"),
        Ask("assignedTo=admin@example.com", code=400),
    ),
    "add_evidence": (Ask(body={"evidence": [{**ITEM, "id": "ev-theirs-2"}]}),),
    "put_evidence": (
        Ask(body={"packetEvidenceIds": ["{evidenceId}", "ev-theirs-1"]}),
        Ask(body={"evidence": [ITEM]}),
    ),
    "update_evidence": (Ask(body={"title": "Another", "sourceId": "source-theirs"}),),
    "remove_evidence": (Ask(ids={"evidenceId": "ev-theirs-2"}), Ask()),
    "save_worksheet": (
        Ask(body={"fsrNotes": "A note"}),
        Ask("userId={userId}", body={"fsrNotes": "Another"}),
    ),
    "save_worksheets": (
        Ask(body={"worksheets": [{"caseId": "{caseId}", "fsrNotes": "More"}]}, code=200),
    ),
    "set_collaborator": (
        Ask(body={"permission": "read"}, ids={"userId": "lou-theirs"}),
        Ask(body={"permission": "write"}),
        Ask(body={"permission": "admin"}, ids={"userId": "admin"}),
    ),
    "remove_collaborator": (Ask(ids={"userId": "lou-theirs"}), Ask()),
    "place_hold": (Ask(body=WHY),),
    "release_hold": (Ask(body=WHY, ids={"holdId": "{spareHoldId}"}), Ask(body=WHY)),
    "add_audit_event": (
        Ask(
            body={"eventType": "note_added", "message": "Theirs", "agentId": "robot-theirs"},
            role="agent",
        ),
    ),
    "start_run": (Ask(body=RUN, role="agent"),),
    "update_run": (
        Ask(body={"status": "completed"}, role="agent", ids={"runId": "run-theirs-2"}),
        Ask(body={"status": "failed"}, role="agent"),
    ),
    "add_record": (
        Ask(
            body={"kind": "theirs", "title": "A", "data": [], "runId": "{runId}"},
            role="agent",
        ),
    ),
    "escalate_case": (Ask(body=WHY, role="agent"),),
    "create_intervention": (
        Ask(body={**QUESTION, "caseId": "{caseId}", "runId": "{runId}"}, role="agent"),
    ),
    "claim_intervention": (Ask(ids=DECIDED), Ask()),
    "release_intervention": (Ask(ids=DECIDED), Ask()),
    "decide_intervention": (
        Ask(body={"decision": "approve", "response": {"text": "Yes"}}, ids=DECIDED),
        Ask(body={"decision": "reject", **WHY}),
    ),
    "complete_intervention": (Ask(body={}, role="agent", ids=DECIDED), Ask(body={})),
    "start_intervention": (
        Ask(
            body={"actionHash": hash_of(NewAction.model_validate(ACTION))},
            role="agent",
            ids={"interventionId": "{toStartId}"},
        ),
    ),
    "update_cases": (
        Ask(
            body={"caseIds": ["SHUT-THEIRS"], "addTags": ["theirs"], "assignedTo": "kim-theirs"},
            code=200,
        ),
        Ask(body={"caseIds": ["{caseId}", "FREE-THEIRS"], "removeTags": ["theirs"]}, code=200),
    ),
    "withdraw_intervention": (
        Ask(body={}, role="agent", ids={"interventionId": "{spareQuestionId}"}),
        Ask(body={}, role="agent"),
    ),
    "close_cases": (
        Ask(body={"caseIds": ["SHUT-THEIRS"], **WHY}, code=200),
        Ask(body={"caseIds": ["{caseId}", "FREE-THEIRS"], **WHY}, code=200),
    ),
    "erase_audit": (
        Ask(body={**LAWFUL, "subject": "cases/SHUT-THEIRS"}, code=404),
        Ask(body={**LAWFUL, "subject": "worksheets/{caseId}:{userId}"}, code=404),
        Ask(body={**LAWFUL, "person": "{userId}"}, code=201),
    ),
    "confirm_erasure": (Ask(),),
    "create_key": (Ask(body={"name": "theirs", "role": "agent"}, code=201),),
    "revoke_key": (Ask(ids={"keyId": "{spareKeyId}"}), Ask()),
    "reopen_case": (Ask(body=WHY, ids={"caseId": "SHUT-THEIRS"}), Ask(body=WHY)),
    "delete_case": (Ask(ids={"caseId": "SPARE-THEIRS"}), Ask(ids={"caseId": "FREE-THEIRS"}), Ask()),
}
READS: dict[str, tuple[Ask, ...]] = {
    "get_log_checkpoint": (Ask(),),
    "get_log_tile": (Ask(ids={"tile": "0/000"}), Ask(ids={"tile": "entries/000.p/1"})),
    "prove_event": (Ask(),),
    "get_case": (Ask(), Ask("view=full"), Ask(ids={"caseId": "SPARE-THEIRS"})),
    "list_cases": (
        Ask(code=200),
        Ask("submissionId=sub-theirs", code=200),
        Ask("search=theirs", code=200),
        Ask("assignedTo=admin@example.com", code=200),
        Ask("decisionType=theirs&unassigned=true&status=new", code=200),
        Ask("overdue=true", code=200),
    ),
    "case_stats": (Ask(code=200),),
    "validate_case": (Ask("caseId={caseId}"),),
    "check_cases": (Ask(body={"caseIds": ["{caseId}", "SHUT-THEIRS"]}, code=200),),
    "list_evidence": (Ask(paged=404), Ask("packet=true", paged=404)),
    "get_packet": (Ask(), Ask("version=1", ids={"caseId": "DONE-THEIRS"})),
    "get_worksheet": (Ask(), Ask("userId={userId}"), Ask("userId=admin", role="agent")),
    "list_worksheets": (Ask(code=200), Ask("caseId={caseId}", code=200)),
    "get_run": (Ask(), Ask(ids={"caseId": "FREE-THEIRS"})),
    "list_runs": (
        Ask(code=200),
        Ask("caseId={caseId}", code=200),
        Ask("agentId=robot-theirs&packId=pack-theirs&status=running", code=200, role="agent"),
    ),
    "list_records": (Ask(), Ask("latest=true", paged=404), Ask("kind=theirs", role="agent")),
    "get_intervention": (Ask(), Ask(ids=DECIDED, role="agent")),
    "list_interventions": (
        Ask(code=200),
        Ask("caseId={caseId}", code=200),
        Ask("uowId=uow-theirs", code=200, role="agent"),
        Ask("assignedTo=admin@example.com", code=200),
    ),
    "list_pending_interventions": (
        Ask(code=200),
        Ask("caseId={caseId}&uowId=uow-theirs", code=200, role="agent"),
        Ask("assignedTo=admin@example.com", code=200),
    ),
    "wait_intervention": (Ask("timeoutSeconds=0", role="agent"),),
    "get_figures": (Ask(code=200), Ask("decisionType=theirs", code=200)),
    "intervention_metrics": (Ask(code=200), Ask("daily=true", code=200)),
    "list_case_audit": (Ask(), Ask("related=true"), Ask(ids={"caseId": "SPARE-THEIRS"})),
    "list_audit": (
        Ask(code=200),
        Ask("subject=cases/{caseId}", code=200),
        Ask("subject=worksheets/{caseId}:admin", code=200),
        Ask("subject=interventions/{interventionId}", code=200),
        Ask("subject=tenant", code=200),
        Ask("actor=admin@example.com", code=200),
        Ask("agentId=robot-theirs", code=200),
    ),
    "verify_audit": (
        Ask("subject=cases/{caseId}"),
        Ask("subject=worksheets/{caseId}:admin"),
        Ask("subject=interventions/{interventionId}"),
        Ask("subject=keys/{keyId}"),
        Ask("subject=tenant", code=200),
    ),
    "get_settings": (Ask(code=200),),
    "export_case": (Ask(), Ask(ids={"caseId": "SPARE-THEIRS"})),
    "export_audit": (Ask(), Ask("start=1&end=2")),
    "list_deliveries": (Ask(), Ask("status=failed")),
    "list_erasures": (Ask(code=200),),
    "list_keys": (Ask(code=200),),
    "get_erasure": (Ask(),),
    "export_person": (Ask(code=200), Ask(code=200, ids={"userId": "admin"})),
}


def route(name: str) -> Route:
    """The route of the function called `name`."""
    found: Route
    (found,) = vars(FUNCTIONS[name])["routes"]
    return found


def derived(name: str) -> tuple[Ask, ...]:
    """How a function is called that no table names: on their case, with what its body needs."""
    one = route(name)
    try:
        body = smallest(one.body) if one.takes_body else None
        one.path.format(caseId="", evidenceId="", userId="", runId="", interventionId="", holdId="")
    except LookupError as unknown:
        raise LookupError(f"say in MUTATIONS or READS how {name} is called: {unknown}") from None
    return (Ask(body=body, code=404 if "{" in one.path else one.code),)


def smallest(model: type[Model]) -> dict[str, Any]:
    """A body with what a model requires, and nothing else."""
    required = [name for name, field in model.model_fields.items() if field.is_required()]
    return {to_camel(name): values(model, name)[0] for name in required}


for _name in sorted(FUNCTIONS.keys() - MUTATIONS.keys() - READS.keys() - NO_TENANTS):
    (READS if route(_name).method == "GET" else MUTATIONS)[_name] = derived(_name)
CALLS = MUTATIONS | READS


class Witness:
    """A store that takes down which paths and collections it is asked about, and what it writes.

    `changed` is what it writes that may have been there.
    """

    def __init__(self, store: DocumentStore) -> None:
        self._store = store
        self.max_commit_bytes = store.max_commit_bytes
        self.touched: list[str] = []
        self.written: set[str] = set()
        self.changed: set[str] = set()

    def get(self, path: str) -> Document | None:
        self.touched.append(path)
        return self._store.get(path)

    def get_many(self, paths: Sequence[str]) -> list[Document | None]:
        self.touched += paths
        return self._store.get_many(paths)

    def commit(self, writes: Sequence[Write]) -> None:
        self.touched += [write.path for write in writes]
        self.written |= {write.path for write in writes}
        self.changed |= {write.path for write in writes if not isinstance(write, Create)}
        self._store.commit(writes)

    def query(self, query: Query) -> list[Document]:
        self._asked(query)
        return self._store.query(query)

    def aggregate(self, aggregations: Sequence[Aggregation]) -> list[Totals]:
        for aggregation in aggregations:
            self._asked(aggregation.query)
        return self._store.aggregate(aggregations)

    def watch(
        self,
        path: str,
        until: Callable[[Document | None], bool],
        seconds: float,
        given_up: Callable[[], bool],
    ) -> Document | None:
        self.touched.append(path)
        return self._store.watch(path, until, seconds, given_up)

    def close(self) -> None:
        self._store.close()

    def _asked(self, query: Query) -> None:
        self.touched.append(f"every {query.collection}" if query.group else query.collection)


class Request(NamedTuple):
    """A request as it is sent: its body as JSON."""

    method: str
    path: str
    body: str
    key: str


@dataclass
class World:
    """The functions over a watched store, and what is theirs in it."""

    api: Api
    witness: Witness
    ids: dict[str, str]
    outsiders: int = 0

    def request(self, name: str, ask: Ask, **query: str) -> Request:
        """A request of the table."""
        ids = self.ids | {one: text.format(**self.ids) for one, text in ask.ids.items()}
        path = route(name).path.removeprefix("/v1").replace("...", "").format(**ids)
        asked = [ask.query.format(**ids), *(f"{one}={text}" for one, text in query.items())]
        body = json.dumps(filled(ask.body, ids))
        whole = f"{path}?{'&'.join(filter(None, asked))}".rstrip("?")
        return Request(route(name).method, whole, body, f"key-theirs-{name}")

    def send(self, request: Request, role: str, tenant: str) -> TestResponse:
        """Sends a request as somebody of a tenant; all tenants have people of the same names."""
        self.witness.touched.clear()
        caller = self.api.caller(role, tenant=tenant)
        keyed = {} if request.method == "GET" else {"idempotency_key": request.key}
        raw = b"" if request.body == "null" else request.body.encode()
        kind = {"content_type": "application/json"} if raw else {}
        return caller.request(request.method, request.path, raw=raw, **keyed, **kind)

    def outsider(self) -> str:
        """A tenant that nobody has called for yet."""
        self.outsiders += 1
        return f"outsider-{self.outsiders}"

    def nowhere(self, text: str) -> str:
        """The same text with names, equally long, that exist nowhere instead of theirs."""
        for given in GIVEN:
            text = text.replace(self.ids[given], self.ids[given][::-1])
        return text.replace("theirs", "absent").replace("THEIRS", "ABSENT")

    def attacks(self) -> Iterator[tuple[str, Ask, Request]]:
        """Every request of the table, and every page of theirs after the first."""
        for name, asks in CALLS.items():
            for ask in asks:
                yield name, ask, self.request(name, ask)
                if token := self._token(name, ask):
                    again = self.request(name, ask, pageSize="1", pageToken=token)
                    yield name, replace(ask, code=ask.paged), again

    def _token(self, name: str, ask: Ask) -> str | None:
        """The tenant's own token of a list's second page, where there is one."""
        if "page_token" not in route(name).query.model_fields:
            return None
        first = self.request(name, ask, pageSize="1")
        answer = self.send(first, ask.role, self.api.tenant)
        assert answer.status_code == 200, answer.text
        token: str | None = answer.json.get("nextPageToken")
        return token


def filled(body: Any, ids: dict[str, str]) -> Any:
    """A body with the ids in their places."""
    match body:
        case str():
            return body.format(**ids)
        case list():
            return [filled(one, ids) for one in body]
        case dict():
            return {name: filled(one, ids) for name, one in body.items()}
        case _:
            return body


GIVEN = (
    "tenant",
    "eventId",
    "interventionId",
    "decidedId",
    "toStartId",
    "holdId",
    "spareHoldId",
    "erasureId",
    "keyId",
    "spareKeyId",
    "webhookId",
    "spareWebhookId",
    "deliveryId",
)
"""Ids that the system gives; the others are chosen."""


@contextmanager
def opened_world(config: Config, clock: Clock) -> Iterator[World]:
    """The tenant with all that is its, on a store of its own."""
    witness = Witness(open_store(config))
    runtime = Runtime(config, clock, witness)
    ids = {"caseId": "CASE-THEIRS", "evidenceId": "ev-theirs", "userId": "kim-theirs"}
    ids["runId"] = "run-theirs"
    world = World(Api(runtime), witness, ids)
    seed(world)
    yield world
    runtime.close()


def seed(world: World) -> None:
    """Gives the tenant one of everything, by every mutation of the table and some more."""
    api, ids = world.api, world.ids
    admin = api.admin
    for case_id in ("SPARE-THEIRS", "SHUT-THEIRS", "FREE-THEIRS", "DONE-THEIRS"):
        kind = "theirs" if case_id in ("SPARE-THEIRS", "FREE-THEIRS") else "other"
        evidence = [{"id": "ev-theirs", "title": "Theirs", "includedInPacket": True}]
        new = {"title": "Theirs", "decisionType": kind, "evidence": evidence}
        admin.create(id=case_id, dueAt="2026-03-01T00:00:00Z", **new)
    for status in ("in_review", "approved"):
        changed = admin.patch("/cases/DONE-THEIRS", {"status": status})
        assert changed.status_code == 200, changed.text
    for name in ("decidedId", "spareQuestionId", "interventionId"):
        asked = api.agent.post("/interventions", {**QUESTION, "caseId": "DONE-THEIRS"})
        assert asked.status_code == 201, asked.text
        ids[name] = asked.json["id"]
    asked = api.agent.post("/interventions", {**QUESTION, "action": ACTION})
    ids["toStartId"] = asked.json["id"]
    yes = {"decision": "approve", "response": {"text": "Yes"}}
    assert admin.post(f"/interventions/{ids['toStartId']}:decide", yes).status_code == 200
    given = ("holdId", "spareHoldId", "erasureId", "keyId", "spareKeyId")
    for name in (*given, "webhookId", "spareWebhookId", "deliveryId"):
        ids[name] = "none-yet"
    ids["tenant"] = api.tenant
    log = StoredLog(until="2026").to_data()
    world.api.runtime.store.commit([Create(sealed.state_path(api.tenant), log)])
    ids["eventId"] = admin.get("/audit?pageSize=1").json["events"][0]["id"]
    for name, (ask, *_) in MUTATIONS.items():
        answer = world.send(world.request(name, ask), ask.role, api.tenant)
        assert answer.status_code == route(name).code, (name, answer.text)
        after(world, name)


def after(world: World, name: str) -> None:
    """What the tenant does besides, once a mutation of the table is done."""
    admin, ids = world.api.admin, world.ids
    case = f"/cases/{ids['caseId']}"
    if name == "set_collaborator":
        kim = world.api.caller("viewer", ids["userId"])
        assert admin.put(f"{case}/collaborators/{ids['userId']}", {"permission": "admin"}).json
        assert kim.put(f"{case}/worksheet", {"fsrNotes": "Kim's"}).status_code == 200
    elif name == "place_hold":
        for hold in ("holdId", "spareHoldId"):
            ids[hold] = admin.post(f"{case}/holds", WHY).json["id"]
        assert admin.patch(case, {"title": "A held case of theirs"}).status_code == 200
    elif name == "erase_audit":
        lawful = {**LAWFUL, "subject": "cases/SHUT-THEIRS"}
        second = world.api.caller("admin", "second")
        ids["erasureId"] = second.post("/audit:erase", lawful).json["id"]
    elif name == "create_key":
        for key in ("keyId", "spareKeyId"):
            made = admin.post("/keys", {"name": "theirs", "role": "agent"})
            ids[key] = made.json["id"]
    elif name == "create_webhook":
        spare = {"url": "https://spare.theirs.example", "events": ["case.*"]}
        assert admin.post("/webhooks", spare).status_code == 201
        found = {one["url"]: one["id"] for one in admin.get("/webhooks").json["webhooks"]}
        ids["spareWebhookId"] = found.pop(spare["url"])
        (ids["webhookId"],) = found.values()
        ids["deliveryId"] = admin.post(f"/webhooks/{ids['webhookId']}:test").json["id"]
    elif name == "start_run":
        started = {"id": "run-theirs-2", "agentId": "robot-theirs"}
        assert admin.post(f"{case}/runs", started).status_code == 201
    elif name == "add_record":
        other = {"kind": "theirs-2", "title": "B", "data": {}}
        assert admin.post(f"{case}/records", other).status_code == 201


def below(store: DocumentStore, case_path: str) -> list[Document]:
    """All documents below a case."""
    return [row for name in PARTS for row in store.query(Query(f"{case_path}/{name}"))]


def everything(store: DocumentStore, tenant: str) -> dict[str, Document]:
    """All documents of a tenant, by their paths."""
    root = f"tenants/{tenant}"
    found = [row for name in sorted(COLLECTIONS) for row in store.query(Query(f"{root}/{name}"))]
    for case in [row for row in found if row.path.startswith(f"{root}/cases/")]:
        found += below(store, case.path)
    settings = store.get(root)
    assert settings
    return {row.path: row for row in [settings, *found]}
