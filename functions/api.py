"""All functions as one, `api`, routed by path: for local runs and one-service deployments."""

from __future__ import annotations

from types import FunctionType

from functions import (
    audit,
    cases,
    evidence,
    interventions,
    runs,
    scheduled,
    settings,
    system,
    worksheets,
)
from shared.edge.function import serve
from shared.edge.routes import Route

MODULES = (cases, evidence, worksheets, interventions, runs, audit, settings, scheduled, system)
FUNCTIONS: dict[str, FunctionType] = {
    name: value
    for module in MODULES
    for name, value in vars(module).items()
    if hasattr(value, "routes")
}
"""Each deployable function by its name."""

ROUTES: tuple[Route, ...] = tuple(
    route for function in FUNCTIONS.values() for route in vars(function)["routes"]
)


api = serve("api", ROUTES)
