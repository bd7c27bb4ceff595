"""The public edge: one address for all functions, by API Gateway.

Its description is in OpenAPI 2.0, which the gateway accepts, and is made from the functions' own
routes. The gateway is ESPv2, which sorts `/interventions/{id}` before `/interventions/{id}:wait`,
and whose wildcard takes colons (its `sort_test.go`; PR 639). Whether the managed gateway changes
that is not documented, so one function answers both paths, and both have the time of a wait.

Callers send their own token, which the function checks. The gateway would replace it by a token of
its own; `disable_auth` prevents that. The scheduled functions are called without the gateway.

A browser of another origin first asks which methods a path allows. One function cannot answer for
all functions that share the path, so web applications behind the gateway need `--one-service`.
docs/decisions/0008-one-edge.md says why it is API Gateway.

It is written by its REST interface, whose writes are operations that take minutes:
https://cloud.google.com/api-gateway/docs/reference/rest/v1/projects.locations.gateways
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from deployment.deployable import ONE_SERVICE, Place, service_name
from deployment.google import Change, DeploymentError, Google
from deployment.staging import catalogue, routes
from deployment.table import settings
from shared.edge.routes import Route
from shared.rules.callers import SCHEDULERS

NAME = "caseledger"
_SERVICE = "apigateway"
LOCATIONS = (  # https://cloud.google.com/api-gateway/docs/deployment-model
    "asia-northeast1",
    "australia-southeast1",
    "europe-west1",
    "europe-west2",
    "us-central1",
    "us-east1",
    "us-east4",
    "us-west2",
    "us-west3",
    "us-west4",
)
DEADLINE = 90.0
"""Seconds for every operation; some functions take longer."""
_PLACE = re.compile(r"\{(\w+)(?:\.\.\.)?\}")


@dataclass(frozen=True, slots=True)
class Edge:
    """A gateway: where it is, and what is behind it."""

    place: Place
    location: str
    one_service: bool

    @property
    def name(self) -> str:
        """Its resource name."""
        return f"projects/{self.place.project}/locations/{self.location}/gateways/{NAME}"

    @property
    def api(self) -> str:
        """The resource name of what it serves; its descriptions are below it."""
        return f"projects/{self.place.project}/locations/global/apis/{NAME}"


def check(location: str) -> None:
    """Refuses a location that API Gateway does not have. Raises DeploymentError."""
    if location not in LOCATIONS:
        raise DeploymentError(
            f"API Gateway is not in {location}: give --edge-region, one of "
            f"{', '.join(LOCATIONS)}; or --edge none, for a load balancer of your own"
        )


def description(place: Place, *, one_service: bool) -> dict[str, Any]:
    """The gateway's description of every route that members call."""
    paths: dict[str, Any] = {}
    members = {
        route: name
        for name, function in catalogue().items()
        for route in (routes(function) if name != ONE_SERVICE else ())
        if route.roles != SCHEDULERS
    }
    for route in members:
        backend = ONE_SERVICE if one_service else members[taken_for(route, members)]
        operations = paths.setdefault(template(route), {})
        operations[route.method.lower()] = _operation(route, place, backend)
        if one_service:
            options = _operation(route, place, backend)
            operations["options"] = options | {"operationId": f"{route.name}_options"}
    return {
        "swagger": "2.0",
        "info": {"title": "Caseledger", "version": "v1"},
        "schemes": ["https"],
        "paths": paths,
    }


def template(route: Route) -> str:
    """The gateway's template of a path. The console's files need one segment, a tile needs more.

    https://docs.cloud.google.com/api-gateway/docs/path-templating
    """
    return route.path.replace("{file...}", "{file}").replace("...", "=**")


def taken_for(route: Route, members: Iterable[Route]) -> Route:
    """The longer route that a call of this one could be taken for, or this one itself."""
    for other in members:
        longer = route.path.endswith("}") and other.path.startswith(f"{route.path}:")
        if longer and other.method == route.method:
            return other
    return route


def _operation(route: Route, place: Place, backend: str) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "path", "required": True, "type": "string"}
        for name in _PLACE.findall(route.path)
    ]
    return {
        "operationId": route.name,
        "parameters": parameters,
        "responses": {"default": {"description": "What the function answers"}},
        "x-google-backend": {
            "address": place.url(service_name(backend)),
            "path_translation": "APPEND_PATH_TO_ADDRESS",
            "disable_auth": True,
            "deadline": max(DEADLINE, float(settings(route.name, scheduled=False).timeout)),
        },
    }


def address(google: Google, edge: Edge) -> str:
    """The public URL of the gateway, empty if there is none."""
    found = google.get(_SERVICE, f"v1/{edge.name}") or {}
    return f"https://{found['defaultHostname']}" if found.get("defaultHostname") else ""


def plan(google: Google, edge: Edge, *, only_if_missing: bool = False) -> Iterator[Change]:
    """Makes the gateway, or updates its description; each write is to be over before the next."""
    found = google.get(_SERVICE, f"v1/{edge.name}")
    if found and only_if_missing:
        return
    text = json.dumps(description(edge.place, one_service=edge.one_service), indent=2)
    config = f"{NAME}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    if google.get(_SERVICE, f"v1/{edge.api}") is None:
        yield _write("make the API", "POST", edge.api.rpartition("/")[0], {}, apiId=NAME)
    if google.get(_SERVICE, f"v1/{edge.api}/configs/{config}") is None:
        document = {"path": "gateway.json", "contents": base64.b64encode(text.encode()).decode()}
        described = {
            "openapiDocuments": [{"document": document}],
            "gatewayServiceAccount": edge.place.account("gateway"),
        }
        what = "describe the API to the gateway"
        yield _write(what, "POST", f"{edge.api}/configs", described, apiConfigId=config)
    uses = {"apiConfig": f"{edge.api}/configs/{config}"}
    if found is None:
        what, parent = "make the gateway", edge.name.rpartition("/")[0]
        yield _write(what, "POST", parent, uses, gatewayId=NAME)
    # Compared by its end: a project may be named by its number or by its id.
    elif found.get("apiConfig", "").rpartition("/")[2] != config:
        what = "let the gateway take the new description"
        yield _write(what, "PATCH", edge.name, uses, updateMask="apiConfig")


def outdated(google: Google, edge: Edge) -> Iterator[Change]:
    """Removes the descriptions that the gateway does not use any more."""
    found = google.get(_SERVICE, f"v1/{edge.name}") or {}
    used = found.get("apiConfig", "").rpartition("/")[2]
    listed = google.pages(_SERVICE, f"v1/{edge.api}/configs", "apiConfigs") if used else ()
    for config in sorted(one["name"].rpartition("/")[2] for one in listed):
        if config != used and config.startswith(f"{NAME}-"):
            path = f"{edge.api}/configs/{config}"
            yield _write(f"remove the old description {config}", "DELETE", path, {})


def _write(what: str, method: str, path: str, body: dict[str, Any], **query: str) -> Change:
    return Change(what, method, _SERVICE, f"v1/{path}", body, query, awaited=True)
