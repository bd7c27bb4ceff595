"""Cold starts: from starting a process to its first answer, beside a bare function's."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import partial
from pathlib import Path

from benchmarks.commits import COLLECTION, case_id, new_case
from benchmarks.loaded import CLIENT
from benchmarks.server import (
    API,
    HELLO,
    ROOT,
    STOCK_GET,
    Function,
    Request,
    embedded_variables,
    emulator_variables,
    environment,
    request,
    seconds_to_answer,
    served,
)
from benchmarks.table import Row, timed
from benchmarks.timing import p50

_ROUNDS = 9
_GOAL = 1.1
_GOAL_ON_SQLITE = 1.8
_SLOWEST = 4
_IMPORTED = re.compile(r"^import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)$", re.MULTILINE)
_GET_CASE = ("get_case", ROOT / "functions" / "cases.py")
_HEALTH = ("health", ROOT / "functions" / "system.py")
_CASE = request("GET", f"/cases/{case_id(0)}")
_HELLO_REQUEST = Request("GET", "/")


def on_sqlite(directory: Path) -> list[Row]:
    """The rows that need no emulator."""
    variables = embedded_variables(directory / "cold.db")
    with served(API, variables) as connection:
        connection.send(request("POST", "/cases", new_case(0)))
    starts = {"get": (_GET_CASE, _CASE), "hello": (HELLO, _HELLO_REQUEST)}
    sides = {name: partial(seconds_to_answer, *start, variables) for name, start in starts.items()}
    took = p50(sides, rounds=_ROUNDS, warm_up=1)
    return [
        timed("get_case on SQLite", took["get"], took["hello"], "hello world", _GOAL_ON_SQLITE),
        _imports(variables),
    ]


def measured(host: str, project: str) -> list[Row]:
    """The rows of this part; case 0 is in the project."""
    variables = emulator_variables(host, project)
    document = Request("GET", f"/{COLLECTION}/{case_id(0)}")
    starts = {
        "get": (_GET_CASE, _CASE),
        "stock": (STOCK_GET, document),
        "health": (_HEALTH, request("GET", "/health")),
        "hello": (HELLO, _HELLO_REQUEST),
    }
    sides = {name: partial(seconds_to_answer, *start, variables) for name, start in starts.items()}
    took = p50(sides, rounds=_ROUNDS, warm_up=1)
    return [
        timed("get_case", took["get"], took["stock"], "bare function, stock client's get", _GOAL),
        timed("health", took["health"], took["hello"], "hello world"),
        _lean("health", _HEALTH, "/v1/health", variables),
        _lean("a refused get_case", _GET_CASE, _CASE.path, variables),
    ]


def _lean(what: str, function: Function, path: str, variables: dict[str, str]) -> Row:
    """Whether a function answers without loading the Firestore client."""
    status, loads = _loaded(function, path, variables).split()
    return Row(
        f"{what} ({status}) loads {CLIENT}", loads, "no", goal="==", met=loads == "no", exact=True
    )


def _imports(variables: dict[str, str]) -> Row:
    """What of a first answer is the loading of modules, and which of ours take the longest."""
    ours = _imported(_GET_CASE, _CASE.path, variables)
    hello = _imported(HELLO, _HELLO_REQUEST.path, variables)
    slowest = sorted(ours.keys() - hello.keys(), key=lambda name: -ours[name])[:_SLOWEST]
    named = ", ".join(f"{name} {ours[name] * 1000:.1f}" for name in slowest)
    return timed(
        "  imports of a refused one",
        sum(ours.values()),
        sum(hello.values()),
        f"slowest: {named} ms",
    )


def _imported(function: Function, path: str, variables: dict[str, str]) -> dict[str, float]:
    """The modules that a function loads until its first answer, with the seconds of each."""
    told = _loaded(function, path, variables, "-X", "importtime")
    return {name: int(micros) / 1e6 for micros, name in _IMPORTED.findall(told)}


def _loaded(function: Function, path: str, variables: dict[str, str], *options: str) -> str:
    """What `benchmarks/loaded.py` says of a function, run with these options of Python."""
    done = subprocess.run(  # noqa: S603 - this project's own module
        [sys.executable, *options, "-m", "benchmarks.loaded", *function, path],
        env=environment(variables),
        cwd=ROOT,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    return done.stderr
