"""How much CPU time a server has taken, with all processes that it has started (Linux)."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_PARENT, _USED = 1, slice(11, 15)  # of the fields behind the name: proc(5), /proc/pid/stat
_TICKS = os.sysconf("SC_CLK_TCK")


def seconds(pids: Iterable[int]) -> float:
    """The CPU seconds of these processes and all below them, with those that have ended."""
    fields = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields[int(path.parent.name)] = path.read_text().rpartition(")")[2].split()
    found = set(pids)
    while more := {pid for pid, of in fields.items() if int(of[_PARENT]) in found} - found:
        found |= more
    ticks = sum(int(used) for pid in found if pid in fields for used in fields[pid][_USED])
    return ticks / _TICKS
