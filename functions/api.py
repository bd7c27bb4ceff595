"""All functions as one, `api`, routed by path: for local runs and one-service deployments."""

from __future__ import annotations

import importlib
import pkgutil
from types import FunctionType

import functions
from functions.console import console as console  # noqa: PLC0414 - others find it here
from functions.mcp import mcp as mcp  # noqa: PLC0414 - as above
from shared.edge.function import serve
from shared.edge.routes import Route

MODULES = tuple(
    importlib.import_module(f"functions.{module.name}")
    for module in pkgutil.iter_modules(functions.__path__)
    if module.name not in {"api", "console"} and not module.name.startswith("mcp")
)
"""One for each resource: the modules of this package but this one, the console's and MCP's."""
FUNCTIONS: dict[str, FunctionType] = {
    name: value
    for module in MODULES
    for name, value in vars(module).items()
    if hasattr(value, "routes")
}
"""Each function of `/v1` by its name."""

ROUTES: tuple[Route, ...] = tuple(
    route for function in FUNCTIONS.values() for route in vars(function)["routes"]
)


api = serve("api", (*ROUTES, *vars(mcp)["routes"], *vars(console)["routes"]))
