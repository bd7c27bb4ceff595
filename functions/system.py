"""Health, and the description of the API."""

from __future__ import annotations

from shared.edge.function import function
from shared.edge.health import reachable_store
from shared.models.system import Health, OpenApi
from shared.runtime import Runtime


@function("GET", "/health", roles=None)
def health() -> Health:
    """Says which store is in use, and that it is within reach; 503 where it is not."""
    return Health(status="ok", store=reachable_store(Runtime.current()))


@function("GET", "/openapi.json", roles=None)
def openapi() -> OpenApi:
    """Gives the OpenAPI 3.1 description of every function, made from the functions themselves."""
    from functions.api import ROUTES  # noqa: PLC0415 - which imports this module
    from shared.edge.openapi import description  # noqa: PLC0415 - nobody else needs it

    return OpenApi(description(ROUTES))
