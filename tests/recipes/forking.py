# ruff: noqa: T201 - its answers
"""Runs a program again and again, in forks of a process that has loaded what the program imports.

Arguments: the program and its own, which are programs too. Each line of the input is an order, with
a directory and an environment: what is printed goes to the files `out` and `err` there. It answers
with the process, and once that has ended with its exit code.
"""

import ast
import json
import os
import runpy
import sys
from importlib import import_module
from pathlib import Path

programs = sys.argv = sys.argv[1:]
for program in programs:
    for node in ast.parse(Path(program).read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            import_module(node.module)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                import_module(alias.name)
for line in sys.stdin:
    order = json.loads(line)
    pid = os.fork()
    if not pid:
        os.chdir(order["directory"])
        os.environ.update(order["environment"])
        for number, name in enumerate(("out", "err"), 1):
            os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        runpy.run_path(programs[0], run_name="__main__")
        sys.exit()
    print(pid, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
