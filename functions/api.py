"""All functions as one, `api`, routed by path: for local runs and one-service deployments."""

from __future__ import annotations

import importlib
import pkgutil
from types import FunctionType

import functions
from shared.edge.function import serve
from shared.edge.routes import Route

MODULES = tuple(
    importlib.import_module(f"functions.{module.name}")
    for module in pkgutil.iter_modules(functions.__path__)
    if module.name != "api"
)
"""One for each resource: every other module of this package."""
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
