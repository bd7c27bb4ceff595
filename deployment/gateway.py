"""The public edge: one address for all functions, by API Gateway.

Its description is in OpenAPI 2.0, which the gateway accepts, and is made from the functions' own
routes. No gateway runs outside Google, so it is not verified that it routes custom verbs
(`/cases/{caseId}:claim` beside `/cases/{caseId}`). Its path templates are those of google.api.http,
which allow them; try one after the first deployment. If it fails, `--one-service` needs no gateway.

Callers send their own token, which the function checks. The gateway would replace it by a token of
its own; `disable_auth` prevents that. The scheduled functions are called without the gateway.

A browser of another origin first asks which methods a path allows. One function cannot answer for
all functions that share the path, so web applications behind the gateway need `--one-service`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deployment.deployable import Place
from deployment.google import Google
from deployment.project import Command, command
from deployment.staging import catalogue, routes
from deployment.table import settings
from shared.edge.routes import Route
from shared.rules.callers import SCHEDULERS

NAME = "caseledger"
_PLACE = re.compile(r"\{(\w+)(?:\.\.\.)?\}")


def description(place: Place, *, one_service: bool) -> dict[str, Any]:
    """The gateway's description of every route that members call."""
    paths: dict[str, Any] = {}
    for name, function in catalogue().items():
        for route in routes(function) if name != "api" else ():
            if route.roles != SCHEDULERS:
                backend = "api" if one_service else name
                # OpenAPI has no parameter for the rest of a path; the console's files need none.
                operations = paths.setdefault(route.path.replace("...", ""), {})
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
            "address": place.url(backend.replace("_", "-")),
            "path_translation": "APPEND_PATH_TO_ADDRESS",
            "disable_auth": True,
            "deadline": float(settings(route.name, scheduled=False).timeout),
        },
    }


def plan(google: Google, place: Place, work: Path, *, one_service: bool) -> Iterator[Command]:
    """Makes the gateway, or updates its description."""
    text = json.dumps(description(place, one_service=one_service), indent=2)
    file = work / "gateway.json"
    file.write_text(text)
    config = f"{NAME}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    api = f"projects/{place.project}/locations/global/apis/{NAME}"
    gateway = f"projects/{place.project}/locations/{place.region}/gateways/{NAME}"
    if google.get("apigateway", f"v1/{api}") is None:
        yield command("make the API", "api-gateway apis create", NAME)
    if google.get("apigateway", f"v1/{api}/configs/{config}") is None:
        yield command(
            "describe the API to the gateway",
            "api-gateway api-configs create",
            config,
            f"--api={NAME}",
            f"--openapi-spec={file}",
            f"--backend-auth-service-account={place.account('gateway')}",
        )
    found = google.get("apigateway", f"v1/{gateway}")
    # Compared by its end: a project may be named by its number or by its id.
    if found is None or found.get("apiConfig", "").rpartition("/")[2] != config:
        yield command(
            "make the gateway" if found is None else "let the gateway take the new description",
            f"api-gateway gateways {'create' if found is None else 'update'}",
            NAME,
            f"--api={NAME}",
            f"--api-config={config}",
            f"--location={place.region}",
        )
