"""What a request asks of the store, one module a resource.

`from shared.repository import cases` loads that module when it is first used, not before: a
function starts without those that its request does not need.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any


class _Later(ModuleType):
    """A module of this package that is loaded when something of it is first asked for."""

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self.__name__), name)


def __getattr__(name: str) -> ModuleType:
    # The import system asks for a submodule here only as long as it is not loaded.
    if name.startswith("__"):
        raise AttributeError(name)
    return _Later(f"{__name__}.{name}")
