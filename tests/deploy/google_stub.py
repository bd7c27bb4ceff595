"""A stand-in for the parts of Google Cloud that deploy.sh calls: REST, in memory, on a free port.

It is an HTTP proxy as well: whatever is not sent to it by its address arrives too, and is refused,
so a call to anything real would be seen. (gcloud puts the region before the host of Cloud Run's
address, which then only a proxy can find.)
"""

from __future__ import annotations

import base64
import json
import pickle
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

SERVICES = (
    "APIGATEWAY",
    "ARTIFACTREGISTRY",
    "CLOUDBUILD",
    "CLOUDFUNCTIONS",
    "CLOUDRESOURCEMANAGER",
    "FIREBASERULES",
    "FIRESTORE",
    "IAM",
    "IAMCREDENTIALS",
    "IDENTITYTOOLKIT",
    "LOGGING",
    "MONITORING",
    "RUN",
    "SECRETMANAGER",
    "SERVICEUSAGE",
    "STORAGE",
)
GATEWAYS = (
    *("asia-northeast1", "australia-southeast1", "europe-west1", "europe-west2", "us-central1"),
    *("us-east1", "us-east4", "us-west2", "us-west3", "us-west4"),
)
Answer = Callable[..., Any]
_ROUTES: list[tuple[str, re.Pattern[str], Answer]] = []


@dataclass(frozen=True)
class Call:
    """A request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    body: Any


class Refused(Exception):
    """The service answers with an error."""

    def __init__(self, code: int, status: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


def route(method: str, pattern: str) -> Callable[[Answer], Answer]:
    """Answers what fits: `*` is a part of the path, and given to the method."""
    compiled = re.compile(re.escape(pattern).replace(r"\*", "([^/:]+)"))

    def decorate(answer: Answer) -> Answer:
        _ROUTES.append((method, compiled, answer))
        return answer

    return decorate


class GoogleStub:
    """A project's resources by their names, and the calls in order; `url` is where it listens.

    `unknown` are the calls that no service of deploy.sh has.
    """

    def __init__(self) -> None:
        self.url = ""
        self.calls: list[Call] = []
        self.unknown: list[Call] = []
        self.enabled: set[str] = set()
        self.resources: dict[str, Any] = {}
        self.policies: dict[str, dict[str, Any]] = {}
        self.uploads: list[bytes] = []
        self.refusals: list[tuple[str, str, Refused]] = []
        self.under_way: dict[str, tuple[str, dict[str, Any]]] = {}
        self.failures: dict[str, str] = {}
        self._made = 0
        self._lock = threading.RLock()

    def recorded(self) -> bytes:
        """What `replay` takes: everything that is there, and the calls so far."""
        kept = ("calls", "unknown", "enabled", "resources", "policies", "uploads", "under_way")
        return pickle.dumps({name: vars(self)[name] for name in (*kept, "_made")})

    def replay(self, recorded: bytes) -> None:
        """Becomes what was recorded."""
        vars(self).update(pickle.loads(recorded))  # noqa: S301 - our own

    def refuse(self, method: str, pattern: str, code: int, status: str, message: str) -> None:
        """Answers the next fitting call with an error."""
        self.refusals.append((method, pattern, Refused(code, status, message)))

    @property
    def writes(self) -> list[Call]:
        """The calls that change something."""
        reads = ("getIamPolicy",)
        return [
            call for call in self.calls if call.method != "GET" and not call.path.endswith(reads)
        ]

    def sent(self, method: str, pattern: str) -> list[Call]:
        """The calls of a method whose path has `pattern`."""
        return [call for call in self.calls if call.method == method and pattern in call.path]

    def answer(self, call: Call) -> Any:
        """What the service says. Raises Refused."""
        with self._lock:
            self.calls.append(call)
            for place, (method, part, refused) in enumerate(self.refusals):
                if call.method == method and part in call.path:
                    del self.refusals[place]
                    raise refused
            for method, pattern, answer in _ROUTES:
                if call.method == method and (found := pattern.fullmatch(call.path)):
                    return answer(self, call, *found.groups())
            self.unknown.append(call)
        raise Refused(404, "NOT_FOUND", f"nothing is at {call.method} {call.path}")

    def _listed(self, prefix: str, key: str) -> dict[str, Any]:
        pattern = re.compile(re.escape(prefix) + "/[^/]+")
        found = [one for name, one in sorted(self.resources.items()) if pattern.fullmatch(name)]
        return {key: found} if found else {}

    def _put(self, name: str, resource: dict[str, Any]) -> dict[str, Any]:
        kept = {**resource, "name": name}
        self.resources[name] = kept
        return kept

    def _get(self, name: str) -> Any:
        if name not in self.resources:
            raise Refused(404, "NOT_FOUND", f"{name} does not exist")
        return self.resources[name]

    def _id(self) -> str:
        self._made += 1
        return f"id{self._made}"

    def _operation(self, parent: str, response: Any = None) -> dict[str, Any]:
        name = f"{parent}/operations/{self._id()}"
        done = {"name": name, "done": True, "response": response or {}}
        self.resources[name] = done
        return done

    # Service Usage

    @route("GET", "/v1/projects/*/services")
    def _services(self, call: Call, project: str) -> Any:
        assert call.query["filter"] == "state:ENABLED"
        names = sorted(self.enabled)
        return {"services": [{"name": f"projects/{project}/services/{name}"} for name in names]}

    @route("POST", "/v1/projects/*/services:batchEnable")
    def _enable(self, call: Call, _: str) -> Any:
        self.enabled.update(call.body["serviceIds"])
        return self._operation("", {"@type": "type.googleapis.com/google.protobuf.Empty"})

    @route("POST", "/v1/projects/*/services/*:enable")
    def _enable_one(self, _call: Call, _: str, service: str) -> Any:
        self.enabled.add(service)
        return self._operation("", {"@type": "type.googleapis.com/google.protobuf.Empty"})

    @route("GET", "/v1/projects/*/services/*")
    def _service(self, _call: Call, project: str, service: str) -> Any:
        state = "ENABLED" if service in self.enabled else "DISABLED"
        return {"name": f"projects/{project}/services/{service}", "state": state}

    # Resource Manager and IAM

    @route("GET", "/v1/projects/*")
    def _project(self, _call: Call, project: str) -> Any:
        return {"projectId": project, "projectNumber": "123456", "lifecycleState": "ACTIVE"}

    @route("GET", "/v1/projects/*/serviceAccounts/*")
    def _account(self, _call: Call, project: str, email: str) -> Any:
        return self._get(f"projects/{project}/serviceAccounts/{email}")

    @route("POST", "/v1/projects/*/serviceAccounts")
    def _create_account(self, call: Call, project: str) -> Any:
        email = f"{call.body['accountId']}@{project}.iam.gserviceaccount.com"
        return self._put(f"projects/{project}/serviceAccounts/{email}", {"email": email})

    def _policy(self, name: str) -> Any:
        return self.policies.setdefault(name, {"version": 1, "etag": "BwE=", "bindings": []})

    def _set_policy(self, name: str, body: Any) -> Any:
        self.policies[name] = body["policy"]
        return self.policies[name]

    @route("POST", "/v1/projects/*:getIamPolicy")
    def _project_policy(self, _call: Call, project: str) -> Any:
        return self._policy(f"projects/{project}")

    @route("POST", "/v1/projects/*:setIamPolicy")
    def _set_project_policy(self, call: Call, project: str) -> Any:
        return self._set_policy(f"projects/{project}", call.body)

    # Secret Manager

    @route("GET", "/v1/projects/*/secrets/*")
    def _secret(self, _call: Call, project: str, secret: str) -> Any:
        return self._get(f"projects/{project}/secrets/{secret}")

    @route("POST", "/v1/projects/*/secrets")
    def _create_secret(self, call: Call, project: str) -> Any:
        return self._put(f"projects/{project}/secrets/{call.query['secretId']}", call.body)

    @route("POST", "/v1/projects/*/secrets/*:addVersion")
    def _add_version(self, call: Call, project: str, secret: str) -> Any:
        return self._put(f"projects/{project}/secrets/{secret}/versions/latest", call.body)

    @route("GET", "/v1/projects/*/secrets/*/versions/*")
    def _version(self, _call: Call, project: str, secret: str, version: str) -> Any:
        return self._get(f"projects/{project}/secrets/{secret}/versions/{version}")

    @route("GET", "/v1/projects/*/secrets/*:getIamPolicy")
    def _secret_policy(self, _call: Call, project: str, secret: str) -> Any:
        return self._policy(f"projects/{project}/secrets/{secret}")

    @route("POST", "/v1/projects/*/secrets/*:setIamPolicy")
    def _set_secret_policy(self, call: Call, project: str, secret: str) -> Any:
        return self._set_policy(f"projects/{project}/secrets/{secret}", call.body)

    # Firestore

    @route("GET", "/v1/projects/*/databases/*")
    def _database(self, _call: Call, project: str, database: str) -> Any:
        return self._get(f"projects/{project}/databases/{database}")

    @route("POST", "/v1/projects/*/databases")
    def _create_database(self, call: Call, project: str) -> Any:
        parent = f"projects/{project}/databases/{call.query['databaseId']}"
        return self._operation(parent, self._put(parent, call.body))

    @route("PATCH", "/v1/projects/*/databases/*")
    def _update_database(self, call: Call, project: str, database: str) -> Any:
        name = f"projects/{project}/databases/{database}"
        return self._operation(name, self._put(name, {**self._get(name), **call.body}))

    @route("GET", "/v1/projects/*/databases/*/backupSchedules")
    def _schedules(self, _call: Call, project: str, database: str) -> Any:
        return self._listed(
            f"projects/{project}/databases/{database}/backupSchedules", "backupSchedules"
        )

    @route("POST", "/v1/projects/*/databases/*/backupSchedules")
    def _create_schedule(self, call: Call, project: str, database: str) -> Any:
        name = f"projects/{project}/databases/{database}/backupSchedules/{self._id()}"
        return self._put(name, call.body)

    @route("GET", "/v1/projects/*/databases/*/collectionGroups/-/indexes")
    def _indexes(self, call: Call, project: str, database: str) -> Any:
        pattern = f"projects/{project}/databases/{database}/collectionGroups/[^/]+/indexes/.+"
        pattern = pattern.replace("(", r"\(").replace(")", r"\)")
        found = [one for name, one in self.resources.items() if re.fullmatch(pattern, name)]
        start = int(call.query.get("pageToken", 0))
        page: dict[str, Any] = {"indexes": found[start : start + 20]}
        if len(found) > start + 20:
            page["nextPageToken"] = str(start + 20)
        return page

    @route("POST", "/v1/projects/*/databases/*/collectionGroups/*/indexes")
    def _create_index(self, call: Call, project: str, database: str, group: str) -> Any:
        parent = f"projects/{project}/databases/{database}"
        self._get(parent)
        last = call.body["fields"][-1].get("order", "ASCENDING")
        fields = [*call.body["fields"], {"fieldPath": "__name__", "order": last}]
        name = f"{parent}/collectionGroups/{group}/indexes/{self._id()}"
        # It is built after the call: https://cloud.google.com/firestore/docs/query-data/indexing
        self._put(name, {**call.body, "fields": fields, "state": "CREATING"})
        return self._building(parent, name, {"state": "READY"})

    @route("GET", "/v1/projects/*/databases/*/collectionGroups/-/fields")
    def _fields(self, call: Call, project: str, database: str) -> Any:
        assert "usesAncestorConfig" in call.query["filter"]
        start = f"projects/{project}/databases/{database}/collectionGroups/"
        found = [
            one
            for name, one in self.resources.items()
            if name.startswith(start) and "/fields/" in name
        ]
        return {"fields": found}

    @route("PATCH", "/v1/projects/*/databases/*/collectionGroups/*/fields/*")
    def _update_field(self, call: Call, project: str, database: str, group: str, field: str) -> Any:
        parent = f"projects/{project}/databases/{database}"
        name = f"{parent}/collectionGroups/{group}/fields/{field}"
        assert set(call.query["updateMask"].split(",")) == set(call.body)
        self._get(parent)
        self._put(name, {**self.resources.get(name, {}), **call.body})
        expiry = {"ttlConfig": {"state": "ACTIVE"}} if "ttlConfig" in call.body else {}
        return self._building(parent, name, expiry)

    def _building(self, parent: str, name: str, then: dict[str, Any]) -> dict[str, Any]:
        """An operation that is over when it is looked at for the second time."""
        operation = f"{parent}/operations/{self._id()}"
        self.under_way[operation] = (name, then)
        self.resources[operation] = {"name": operation, "metadata": {"index": name}}
        return dict(self.resources[operation])

    @route("GET", "/v1/projects/*/databases/*/operations/*")
    def _index_operation(self, _call: Call, project: str, database: str, name: str) -> Any:
        full = f"projects/{project}/databases/{database}/operations/{name}"
        found = dict(self._get(full))
        if full in self.under_way:
            resource, then = self.under_way.pop(full)
            done: dict[str, Any] = {"done": True}
            if failure := self.failures.get(resource.split("/")[-3]):
                done |= {"error": {"code": 9, "message": failure}}
                then = {"state": "NEEDS_REPAIR"}
            self.resources[full] = {**found, **done}
            self.resources[resource] = {**self.resources[resource], **then}
        return found

    # Firebase Rules

    @route("POST", "/v1/projects/*/rulesets")
    def _create_ruleset(self, call: Call, project: str) -> Any:
        return self._put(f"projects/{project}/rulesets/{self._id()}", call.body)

    @route("GET", "/v1/projects/*/rulesets/*")
    def _ruleset(self, _call: Call, project: str, ruleset: str) -> Any:
        return self._get(f"projects/{project}/rulesets/{ruleset}")

    @route("POST", "/v1/projects/*/releases")
    def _create_release(self, call: Call, _: str) -> Any:
        return self._put(call.body["name"], call.body)

    @route("GET", "/v1/projects/*/releases/*")
    def _release(self, _call: Call, project: str, release: str) -> Any:
        return self._get(f"projects/{project}/releases/{release}")

    @route("PATCH", "/v1/projects/*/releases/*")
    def _update_release(self, call: Call, project: str, release: str) -> Any:
        name = f"projects/{project}/releases/{release}"
        return self._put(name, {**self._get(name), **call.body["release"]})

    # Cloud Functions, of which release 1.0.0 was made

    @route("GET", "/v2/projects/*/locations/*/functions")
    def _functions(self, _call: Call, project: str, region: str) -> Any:
        return self._listed(f"projects/{project}/locations/{region}/functions", "functions")

    # API Gateway (cloud.google.com/api-gateway/docs/reference/rest/v1/projects.locations.apis, also
    # .apis.configs and .gateways): each write is an operation; what it makes can be used once that
    # is over.

    @route("GET", "/v1/projects/*/locations/*/operations/*")
    def _gateway_operation(self, _call: Call, project: str, place: str, name: str) -> Any:
        full = f"projects/{project}/locations/{place}/operations/{name}"
        found = dict(self._get(full))
        if full in self.under_way:
            resource, then = self.under_way.pop(full)
            if failure := self.failures.get(resource.rpartition("/")[2].partition("-")[0]):
                self.resources.pop(resource, None)
                found["error"] = {"code": 9, "message": failure}
            elif resource in self.resources:
                self.resources[resource] = {**self.resources[resource], **then}
            found["done"] = True
            self.resources[full] = found
        return found

    def _begun(self, parent: str, name: str, then: dict[str, Any]) -> dict[str, Any]:
        operation = f"{parent}/operations/{self._id()}"
        self.under_way[operation] = (name, then)
        self.resources[operation] = {"name": operation, "metadata": {"target": name}}
        return dict(self.resources[operation])

    def _usable(self, name: str) -> None:
        if self._get(name).get("state") != "ACTIVE":
            raise Refused(400, "FAILED_PRECONDITION", f"{name} is not ready")

    @route("GET", "/v1/projects/*/locations/global/apis/*")
    def _api(self, _call: Call, project: str, api: str) -> Any:
        return self._get(f"projects/{project}/locations/global/apis/{api}")

    @route("POST", "/v1/projects/*/locations/global/apis")
    def _create_api(self, call: Call, project: str) -> Any:
        parent = f"projects/{project}/locations/global"
        name = f"{parent}/apis/{call.query['apiId']}"
        self._put(name, {**call.body, "state": "CREATING"})
        return self._begun(parent, name, {"state": "ACTIVE"})

    @route("GET", "/v1/projects/*/locations/global/apis/*/configs/*")
    def _config(self, _call: Call, project: str, api: str, config: str) -> Any:
        return self._get(f"projects/{project}/locations/global/apis/{api}/configs/{config}")

    @route("POST", "/v1/projects/*/locations/global/apis/*/configs")
    def _create_config(self, call: Call, project: str, api: str) -> Any:
        parent = f"projects/{project}/locations/global"
        self._usable(f"{parent}/apis/{api}")
        account = f"projects/{project}/serviceAccounts/{call.body['gatewayServiceAccount']}"
        if account not in self.resources:
            raise Refused(400, "INVALID_ARGUMENT", f"Service account {account} does not exist.")
        (document,) = call.body["openapiDocuments"]
        described = json.loads(base64.b64decode(document["document"]["contents"], validate=True))
        assert described["swagger"] == "2.0"
        name = f"{parent}/apis/{api}/configs/{call.query['apiConfigId']}"
        self._put(name, {**call.body, "state": "CREATING"})
        return self._begun(parent, name, {"state": "ACTIVE"})

    @route("GET", "/v1/projects/*/locations/global/apis/*/configs")
    def _configs(self, _call: Call, project: str, api: str) -> Any:
        return self._listed(f"projects/{project}/locations/global/apis/{api}/configs", "apiConfigs")

    @route("DELETE", "/v1/projects/*/locations/global/apis/*/configs/*")
    def _delete_config(self, _call: Call, project: str, api: str, config: str) -> Any:
        name = f"projects/{project}/locations/global/apis/{api}/configs/{config}"
        if any(name == one.get("apiConfig") for one in self.resources.values()):
            raise Refused(400, "FAILED_PRECONDITION", f"{name} is used by a gateway")
        self._get(name)
        del self.resources[name]
        return self._begun(f"projects/{project}/locations/global", name, {})

    @route("GET", "/v1/projects/*/locations/*/gateways/*")
    def _gateway(self, _call: Call, project: str, region: str, gateway: str) -> Any:
        return self._get(f"projects/{project}/locations/{region}/gateways/{gateway}")

    @route("POST", "/v1/projects/*/locations/*/gateways")
    def _create_gateway(self, call: Call, project: str, region: str) -> Any:
        parent = f"projects/{project}/locations/{region}"
        # https://cloud.google.com/api-gateway/docs/deployment-model
        if region not in GATEWAYS:
            raise Refused(403, "PERMISSION_DENIED", f"Location {region} is not found")
        self._usable(call.body["apiConfig"])
        name = f"{parent}/gateways/{call.query['gatewayId']}"
        self._put(name, {**call.body, "state": "CREATING"})
        host = f"caseledger-1a2b3c.{region[:2]}.gateway.dev"
        return self._begun(parent, name, {"state": "ACTIVE", "defaultHostname": host})

    @route("PATCH", "/v1/projects/*/locations/*/gateways/*")
    def _update_gateway(self, call: Call, project: str, region: str, gateway: str) -> Any:
        parent = f"projects/{project}/locations/{region}"
        name = f"{parent}/gateways/{gateway}"
        assert set(call.query["updateMask"].split(",")) == set(call.body)
        self._usable(call.body["apiConfig"])
        self._put(name, {**self._get(name), **call.body})
        return self._begun(parent, name, {"state": "ACTIVE"})


def _handler(stub: GoogleStub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _handle(self) -> None:
            parts = urlsplit(self.path)
            raw = self._body()
            body: Any = None
            try:
                body = json.loads(raw) if raw else None
            except ValueError:
                body = base64.b64encode(raw).decode()
            call = Call(self.command, unquote(parts.path), dict(parse_qsl(parts.query)), body)
            try:
                self._reply(200, stub.answer(call))
            except Refused as error:
                detail = {"code": error.code, "status": error.status, "message": str(error)}
                self._reply(error.code, {"error": detail})

        def _body(self) -> bytes:
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))

        def _reply(self, code: int, answer: Any) -> None:
            data = json.dumps(answer).encode()
            self.send_response(code)
            if isinstance(answer, dict) and (session := answer.get("Location")):
                self.send_header("Location", session)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_CONNECT(self) -> None:
            stub.unknown.append(Call("CONNECT", self.path, {}, None))
            self._reply(403, {})

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815 - as above

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    return Handler


@contextmanager
def running_stub() -> Iterator[GoogleStub]:
    """A project with nothing in it, on a free port."""
    stub = GoogleStub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(stub))
    stub.url = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
