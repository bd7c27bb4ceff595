"""Modules that are loaded when they are first used, so that a function starts without the others.

A package that says `__getattr__ = modules_of(__name__)` gives its modules so: after `from
shared.repository import cases`, the first `cases.create` loads that module.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any


class _Later(ModuleType):
    """A module that is loaded when something of it is first asked for."""

    _loaded: ModuleType | None = None

    def __getattr__(self, name: str) -> Any:
        self._loaded = self._loaded or importlib.import_module(self.__name__)
        return getattr(self._loaded, name)


def modules_of(package: str) -> Callable[[str], ModuleType]:
    """The `__getattr__` of a package (PEP 562): its modules, as long as they are not loaded."""

    def module(name: str) -> ModuleType:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Later(f"{package}.{name}")

    return module
