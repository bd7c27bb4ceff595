"""The stand-in's metrics of the log, alerts and dashboards: importing it adds them.

Like the services it leaves out of what it gives whatever is zero or empty.
"""

from __future__ import annotations

import re
import uuid
from typing import Any

from tests.deploy.google_stub import Call, GoogleStub, Refused, route

_NEW_METRIC = "recent/"


def _lean(value: Any) -> Any:
    """Without what is zero or empty (protobuf.dev/programming-guides/json)."""
    if isinstance(value, dict):
        return {name: _lean(one) for name, one in value.items() if one or one is True}
    return [_lean(one) for one in value] if isinstance(value, list) else value


def _all(stub: GoogleStub, parent: str, key: str) -> dict[str, Any]:
    return {key: [one for name, one in stub.resources.items() if name.startswith(f"{parent}/")]}


def _made(stub: GoogleStub, parent: str, body: Any) -> Any:
    name = f"{parent}/{uuid.uuid4().hex}"
    stub.resources[name] = _lean({**body, "name": name, "etag": "1"})
    return stub.resources[name]


# cloud.google.com/logging/docs/reference/v2/rest/v2/projects.metrics: `name` is the metric's id.
@route("GET", "/v2/projects/*/metrics/*")
def _get_metric(stub: GoogleStub, call: Call, _project: str, name: str) -> Any:
    if call.path not in stub.resources:
        raise Refused(404, "NOT_FOUND", f"Metric {name} does not exist.")
    return stub.resources[call.path]


@route("POST", "/v2/projects/*/metrics")
def _make_metric(stub: GoogleStub, call: Call, _project: str) -> Any:
    path = f"{call.path}/{call.body['name']}"
    kind = f"logging.googleapis.com/user/{call.body['name']}"
    descriptor = {**call.body["metricDescriptor"], "type": kind}
    stub.resources[path] = _lean({**call.body, "metricDescriptor": descriptor})
    stub.resources[f"{_NEW_METRIC}{kind}"] = {}
    return stub.resources[path]


@route("PUT", "/v2/projects/*/metrics/*")
def _put_metric(stub: GoogleStub, call: Call, _project: str, _name: str) -> Any:
    stub.resources[call.path] = _lean(call.body)
    return stub.resources[call.path]


# cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.notificationChannels
@route("GET", "/v3/projects/*/notificationChannels")
def _channels(stub: GoogleStub, _call: Call, project: str) -> Any:
    return _all(stub, f"projects/{project}/notificationChannels", "notificationChannels")


@route("POST", "/v3/projects/*/notificationChannels")
def _make_channel(stub: GoogleStub, call: Call, project: str) -> Any:
    return _made(stub, f"projects/{project}/notificationChannels", call.body)


# cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.alertPolicies
@route("GET", "/v3/projects/*/alertPolicies")
def _policies(stub: GoogleStub, _call: Call, project: str) -> Any:
    return _all(stub, f"projects/{project}/alertPolicies", "alertPolicies")


@route("POST", "/v3/projects/*/alertPolicies")
def _make_policy(stub: GoogleStub, call: Call, project: str) -> Any:
    # Monitoring does not know a metric of the log at once (github.com/hashicorp/
    # terraform-provider-google/issues/3577): here it knows all when it is asked again.
    kinds = re.findall(r'metric\.type="([^"]+)"', str(call.body))
    assert kinds
    if any(f"{_NEW_METRIC}{kind}" in stub.resources for kind in kinds):
        for name in [name for name in stub.resources if name.startswith(_NEW_METRIC)]:
            del stub.resources[name]
        raise Refused(404, "NOT_FOUND", f"Cannot find metric that matches type = {kinds}.")
    assert all(re.fullmatch(r"[a-z0-9_-]{1,63}", one) for one in call.body["userLabels"].values())
    return _made(stub, f"projects/{project}/alertPolicies", call.body)


@route("PATCH", "/v3/projects/*/alertPolicies/*")
def _update_policy(stub: GoogleStub, call: Call, project: str, name: str) -> Any:
    path = f"projects/{project}/alertPolicies/{name}"
    assert set(call.query["updateMask"].split(",")) == set(call.body)
    stub.resources[path] |= _lean(call.body)
    return stub.resources[path]


# cloud.google.com/monitoring/api/ref_v3/rest/v1/projects.dashboards: an update has the etag of what
# was read.
@route("GET", "/v1/projects/*/dashboards")
def _dashboards(stub: GoogleStub, _call: Call, project: str) -> Any:
    return _all(stub, f"projects/{project}/dashboards", "dashboards")


@route("POST", "/v1/projects/*/dashboards")
def _make_dashboard(stub: GoogleStub, call: Call, project: str) -> Any:
    return _made(stub, f"projects/{project}/dashboards", call.body)


@route("PATCH", "/v1/projects/*/dashboards/*")
def _update_dashboard(stub: GoogleStub, call: Call, project: str, name: str) -> Any:
    path = f"projects/{project}/dashboards/{name}"
    if call.body["etag"] != stub.resources[path]["etag"]:
        raise Refused(409, "ABORTED", "The dashboard was changed.")
    stub.resources[path] = _lean(call.body)
    return stub.resources[path]
