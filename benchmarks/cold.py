"""Cold starts: from starting a process to its first answer, beside a bare function's."""

from __future__ import annotations

import subprocess
import sys
from functools import partial

from benchmarks.commits import COLLECTION, case_id
from benchmarks.loaded import CLIENT
from benchmarks.server import (
    HELLO,
    ROOT,
    STOCK_GET,
    Function,
    Request,
    emulator_variables,
    environment,
    request,
    seconds_to_answer,
)
from benchmarks.table import Row, timed
from benchmarks.timing import p50

_ROUNDS = 9
_GOAL = 1.3
_GET_CASE = ("get_case", ROOT / "functions" / "cases.py")
_HEALTH = ("health", ROOT / "functions" / "system.py")
_CASE = request("GET", f"/cases/{case_id(0)}")


def measured(host: str, project: str) -> list[Row]:
    """The rows of this part; case 0 is in the project."""
    variables = emulator_variables(host, project)
    document = Request("GET", f"/{COLLECTION}/{case_id(0)}")
    starts = {
        "get": (_GET_CASE, _CASE),
        "stock": (STOCK_GET, document),
        "health": (_HEALTH, request("GET", "/health")),
        "hello": (HELLO, Request("GET", "/")),
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
    target, source = function
    done = subprocess.run(  # noqa: S603 - this project's own module
        [sys.executable, "-m", "benchmarks.loaded", target, source, path],
        env=environment(variables),
        cwd=ROOT,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    status, loads = done.stderr.split()
    return Row(
        f"{what} ({status}) loads {CLIENT}", loads, "no", goal="==", met=loads == "no", exact=True
    )
