"""Cloud Run, Cloud Build, Artifact Registry and Cloud Storage of the stand-in."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any

from tests.deploy.google_stub import Call, GoogleStub, Refused, route

NUMBER = "123456"
OPEN = "run.googleapis.com/invoker-iam-disabled"
_REGION = "europe-west1"
_NAMESPACE = "/apis/serving.knative.dev/v1/namespaces/*/services"


def _path(name: str) -> str:
    return f"run/{name}"


# Cloud Run. gcloud reads and writes Knative services at the region's own address, and the lists of
# all regions are at the address of all (gcloud 528: api_lib/run/global_methods.py).


@route("GET", "/v1/projects/*/locations/*/services")
def _services(stub: GoogleStub, call: Call, _project: str, _region: str) -> Any:
    found = [one for name, one in sorted(stub.resources.items()) if name.startswith("run/")]
    start = int(call.query.get("continue", 0))
    more = {"continue": str(start + 20)} if len(found) > start + 20 else {}
    return {"items": found[start : start + 20], "metadata": more}


@route("GET", f"{_NAMESPACE}/*")
def _service(stub: GoogleStub, _call: Call, _project: str, name: str) -> Any:
    return stub._get(_path(name))  # noqa: SLF001 - one stand-in in two files


@route("POST", _NAMESPACE)
def _create(stub: GoogleStub, call: Call, _project: str) -> Any:
    if _path(call.body["metadata"]["name"]) in stub.resources:
        raise Refused(409, "ALREADY_EXISTS", "it exists already")
    return applied(stub, call.body)


@route("PUT", f"{_NAMESPACE}/*")
def _replace(stub: GoogleStub, call: Call, _project: str, name: str) -> Any:
    before = stub._get(_path(name))  # noqa: SLF001 - as above
    if call.body["metadata"].get("resourceVersion") != before["metadata"]["resourceVersion"]:
        raise Refused(409, "ABORTED", "somebody else was faster")
    return applied(stub, call.body)


def applied(stub: GoogleStub, body: dict[str, Any]) -> dict[str, Any]:
    """What Cloud Run answers: it fills in defaults, and writes CPUs in thousandths."""
    name = body["metadata"]["name"]
    container = body["spec"]["template"]["spec"]["containers"][0]
    image = container["image"]
    if image.rpartition("@")[2] not in stub.resources.get("images", {}).values():
        raise Refused(400, "INVALID_ARGUMENT", f"Image '{image}' not found.")
    limits = container["resources"]["limits"]
    cpu = limits["cpu"]
    cpu = cpu if cpu.endswith("m") else f"{int(1000 * float(cpu))}m"
    annotations = body["spec"]["template"]["metadata"]["annotations"]
    # https://cloud.google.com/run/docs/configuring/services/cpu: below one CPU
    if int(cpu[:-1]) < 1000 and (
        body["spec"]["template"]["spec"]["containerConcurrency"] != 1
        or annotations.get("run.googleapis.com/execution-environment") == "gen2"
    ):
        raise Refused(
            400, "INVALID_ARGUMENT", "Total cpu < 1 is not supported with concurrency > 1"
        )
    served = {
        **container,
        "resources": {"limits": {**limits, "cpu": cpu}},
        "ports": [{"name": "http1", "containerPort": 8080}],
        "startupProbe": {"tcpSocket": {"port": 8080}, "timeoutSeconds": 240},
    }
    template = {
        "metadata": {
            "annotations": {**annotations, "run.googleapis.com/startup-cpu-boost": "true"}
        },
        "spec": {**body["spec"]["template"]["spec"], "containers": [served]},
    }
    version = str(1 + int(stub.resources.get(_path(name), _NEW)["metadata"]["resourceVersion"]))
    kept = {
        **body,
        "metadata": {
            **body["metadata"],
            "namespace": NUMBER,
            "resourceVersion": version,
            "generation": int(version),
            "labels": {
                **body["metadata"]["labels"],
                "cloud.googleapis.com/location": _REGION,
            },
        },
        "spec": {**body["spec"], "template": template},
        "status": {
            "observedGeneration": int(version),
            "url": f"https://{name}-{NUMBER}.{_REGION}.run.app",
            "conditions": [
                {"type": kind, "status": "True"}
                for kind in ("Ready", "ConfigurationsReady", "RoutesReady")
            ],
        },
    }
    stub.resources[_path(name)] = kept
    return kept


_NEW = {"metadata": {"resourceVersion": "0"}}


def seen_by(service: dict[str, Any], token: str, *, invoker: bool) -> str:
    """The token that the container of a service sees; Refused where the caller may not call it.

    Behind the check of the caller the signature is taken away:
    https://cloud.google.com/run/docs/troubleshooting#signature-removed
    """
    if service["metadata"].get("annotations", {}).get(OPEN) == "true":
        return token
    if not invoker:
        raise Refused(403, "PERMISSION_DENIED", "The IAM principal lacks run.routes.invoke")
    head, body, _ = token.split(".")
    return f"{head}.{body}.SIGNATURE_REMOVED_BY_GOOGLE"


# Artifact Registry

_REPOSITORY = "/v1/projects/*/locations/*/repositories"


@route("GET", f"{_REPOSITORY}/*")
def _repository(stub: GoogleStub, _call: Call, project: str, region: str, name: str) -> Any:
    return stub._get(f"projects/{project}/locations/{region}/repositories/{name}")  # noqa: SLF001


@route("POST", _REPOSITORY)
def _create_repository(stub: GoogleStub, call: Call, project: str, region: str) -> Any:
    parent = f"projects/{project}/locations/{region}"
    name = f"{parent}/repositories/{call.query['repositoryId']}"
    return stub._operation(parent, stub._put(name, call.body))  # noqa: SLF001


@route("PATCH", f"{_REPOSITORY}/*")
def _patch_repository(stub: GoogleStub, call: Call, project: str, region: str, name: str) -> Any:
    full = f"projects/{project}/locations/{region}/repositories/{name}"
    return stub._put(full, {**stub._get(full), **call.body})  # noqa: SLF001


@route("GET", f"{_REPOSITORY}/*/packages/*/tags/*")
def _tag(stub: GoogleStub, call: Call, *names: str) -> Any:
    digest = stub.resources.get("images", {}).get(names[-1])
    if not digest:
        raise Refused(404, "NOT_FOUND", "no such tag")
    path = call.path.removeprefix("/v1/")
    return {"name": path, "version": f"{path.rpartition('/tags/')[0]}/versions/{digest}"}


@route("GET", f"{_REPOSITORY}/*/packages/*/versions/sha256:*")
def _version(stub: GoogleStub, call: Call, *names: str) -> Any:
    if f"sha256:{names[-1]}" not in stub.resources.get("images", {}).values():
        raise Refused(404, "NOT_FOUND", "no such version")
    return {"name": call.path.removeprefix("/v1/")}


# Cloud Build and Cloud Storage


@route("POST", "/v1/projects/*/locations/*/builds")
def _build(stub: GoogleStub, call: Call, project: str, _location: str) -> Any:
    body = call.body
    # https://cloud.google.com/build/docs/securing-builds/configure-user-specified-service-accounts
    if "serviceAccount" in body and "logging" not in body.get("options", {}):
        raise Refused(400, "INVALID_ARGUMENT", "build.service_account needs a place for the log")
    image, _, tag = body["images"][0].rpartition(":")
    digest = f"sha256:{hashlib.sha256(stub.uploads[-1]).hexdigest()}"
    stub.resources.setdefault("images", {})[tag] = digest
    made = {**body, "id": stub._id(), "projectId": project, "status": "SUCCESS"}  # noqa: SLF001
    made["results"] = {"images": [{"name": f"{image}:{tag}", "digest": digest}]}
    stub.resources[f"build/{made['id']}"] = made
    kind = "type.googleapis.com/google.devtools.cloudbuild.v1.BuildOperationMetadata"
    return {"name": "operations/build", "metadata": {"@type": kind, "build": made}}


@route("GET", "/v1/projects/*/locations/*/builds/*")
def _build_state(stub: GoogleStub, _call: Call, _project: str, _location: str, name: str) -> Any:
    return stub._get(f"build/{name}")  # noqa: SLF001


@route("GET", "/b/*")
@route("GET", "/storage/v1/b/*")
def _bucket(stub: GoogleStub, _call: Call, name: str) -> Any:
    return stub._get(f"bucket/{name}")  # noqa: SLF001


@route("GET", "/b")
@route("GET", "/storage/v1/b")
def _buckets(stub: GoogleStub, _call: Call) -> Any:
    found = [one for name, one in stub.resources.items() if name.startswith("bucket/")]
    return {"kind": "storage#buckets", "items": found}


@route("POST", "/b")
@route("POST", "/storage/v1/b")
def _create_bucket(stub: GoogleStub, call: Call) -> Any:
    name = call.body["name"]
    kept = {"kind": "storage#bucket", "id": name, "metageneration": "1", **call.body}
    stub.resources[f"bucket/{name}"] = kept
    return stub.resources[f"bucket/{name}"]


@route("POST", "/upload/storage/v1/b/*/o")
def _upload(stub: GoogleStub, call: Call, bucket: str) -> Any:
    assert call.query["uploadType"] == "multipart"
    raw = base64.b64decode(call.body)
    boundary = raw.partition(b"\n")[0].strip()
    part = raw.split(boundary)[2]  # the first is about the object, the second is its content
    content = re.split(rb"\r?\n\r?\n", part, maxsplit=1)[1].removesuffix(b"\n")
    stub.uploads.append(content)
    kept = {"bucket": bucket, "name": call.query["name"], "size": str(len(content))}
    return {"kind": "storage#object", "generation": "1", **kept}


def services(stub: GoogleStub) -> dict[str, Any]:
    """The services that are there, by name."""
    found = {n.removeprefix("run/"): one for n, one in stub.resources.items() if n[:4] == "run/"}
    return json.loads(json.dumps(found))  # type: ignore[no-any-return]
