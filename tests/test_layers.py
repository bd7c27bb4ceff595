"""The layers of the house: what each part of it may import. `docs/architecture.md` draws them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
_LEDGER = {"documents", "errors", "ledger", "models", "rules"}
_REPOSITORY = _LEDGER | {"log", "repository"}
MAY_IMPORT: dict[str, set[str]] = {
    "bounded": set(),
    "bucket": {"credentials"},
    "config": {"issuers"},
    "credentials": set(),
    "errors": set(),
    "issuers": set(),
    "later": set(),
    "log": {"version"},
    "outgoing": {"bounded", "rules"},
    "schedules": set(),
    "version": set(),
    "models": {"models", "version"},
    "rules": {"errors", "models", "rules"},
    "documents": {"documents"},
    "documents/embedded": {"documents", "documents/embedded"},
    "documents/firestore": {"documents", "documents/firestore"},
    "ledger": _LEDGER | {"log"},
    "repository": _REPOSITORY | {"outgoing"},
    "sweeps": _REPOSITORY | {"bucket", "outgoing", "sweeps"},
    # It makes what an instance keeps, so it knows both stores and how tokens are verified.
    "runtime": {"bucket", "config", "documents", "documents/embedded", "documents/firestore"}
    | {"edge", "ledger", "models", "repository"},
    # A command beside the functions.
    "migrate": _LEDGER - {"rules"} | {"config", "repository", "runtime"},
    "edge": _LEDGER | {"config", "credentials", "edge", "issuers", "log", "runtime", "version"},
}
"""The parts of `shared/`, and which parts each of them may import."""
ONLY_IN: dict[str, set[str]] = {
    # `credentials` gets the tokens for what Google is asked by plain HTTP.
    "google": {"shared/documents/firestore", "shared/credentials"},
    "grpc": {"shared/documents/firestore"},
    "sqlite3": {"shared/documents/embedded"},
    "flask": {"shared/edge", "shared/runtime"},
    "werkzeug": {"shared/edge"},
}
"""Libraries that only some parts of what is deployed may import."""
_MODULES = [
    path
    for top in ("shared", "functions")
    for path in sorted((ROOT / top).rglob("*.py"))
    if path.name != "__init__.py"
]


@cache
def imported(path: Path) -> tuple[str, ...]:
    """The modules that a file imports anywhere, by their dotted names."""
    return tuple(_imported(path))


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            whole = node.module.replace(".", "/")
            for alias in node.names:
                is_module = (ROOT / whole / f"{alias.name}.py").exists()
                yield f"{node.module}.{alias.name}" if is_module else node.module


@cache
def part_of(module: str) -> str:
    """The part of `shared/` that a module of it belongs to: the longest name in the table."""
    steps = module.split(".")[1:]
    names = ["/".join(steps[:length]) for length in range(len(steps), 0, -1)]
    return next((name for name in names if name in MAY_IMPORT), f"unknown: {module}")


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


@pytest.mark.parametrize("path", _MODULES, ids=dotted)
def test_a_module_imports_only_what_its_layer_may(path: Path) -> None:
    ours = [name for name in imported(path) if name.split(".")[0] == "shared"]
    outside = {name.split(".")[0] for name in imported(path)}

    assert not outside & {"local", "deployment", "tests", "benchmarks"}
    if path.parts[len(ROOT.parts)] == "functions":
        return
    assert not outside & {"functions"}
    allowed = MAY_IMPORT[part_of(dotted(path))]
    assert sorted(name for name in ours if part_of(name) not in allowed) == []


@pytest.mark.parametrize("path", _MODULES, ids=dotted)
def test_a_library_is_imported_only_where_it_belongs(path: Path) -> None:
    name = str(path.relative_to(ROOT).with_suffix(""))

    for library in {name.split(".")[0] for name in imported(path)} & ONLY_IN.keys():
        assert any(name.startswith(place) for place in ONLY_IN[library]), library


def test_no_module_of_shared_imports_itself_by_way_of_others() -> None:
    modules = {dotted(path): path for path in _MODULES if "shared" in path.parts}
    graph = {name: set(imported(path)) & modules.keys() for name, path in modules.items()}

    assert len(list(TopologicalSorter(graph).static_order())) == len(modules)


def test_one_module_alone_changes_events() -> None:
    """tests/functions/test_collections.py sees that no function does so in another way."""
    changing = [dotted(path) for path in _MODULES if "events.erased(" in path.read_text()]

    assert changing == ["shared.repository.erasure"]
