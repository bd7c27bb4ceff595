"""Health, and the description of the API."""

from __future__ import annotations

import hashlib
from functools import cache

from shared.edge.function import Reply, function
from shared.models.system import Health, OpenApi
from shared.runtime import Runtime


@function("GET", "/health", roles=None)
def health() -> Health:
    """Says which store is in use, and that it can be reached; otherwise 503."""
    return Health(status="ok", store=Runtime.current().health.store())


@function("GET", "/openapi.json", roles=None)
def openapi() -> Reply[OpenApi]:
    """Gives the OpenAPI 3.1 description of every function, made from the functions themselves."""
    document, tag = _description(Runtime.current().config.public_url)
    return Reply(document, etag=tag)


@cache
def _description(public_url: str) -> tuple[OpenApi, str]:
    """The description and its entity tag, made once: it takes long, and anybody may ask."""
    from functions.api import ROUTES  # noqa: PLC0415 - which imports this module
    from shared.edge.openapi import description  # noqa: PLC0415 - nobody else needs it

    document = OpenApi(description(ROUTES, public_url))
    return document, hashlib.sha256(document.model_dump_json().encode()).hexdigest()[:16]
