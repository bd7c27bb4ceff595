"""Measures, and prints one table: `python -m benchmarks`, about eight minutes.

Everything is measured in the same run, in turns with what it is compared to, and shown as medians.
So ratios mean something even on a busy machine; single times do not. The exit status is 1 if a cost
is not as expected; a time that misses its goal is only shown. A whole run writes docs/bench.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks import cold, console, costs, embedded, emulator, interventions, report, sweeps
from benchmarks.peers import compare
from benchmarks.server import API, embedded_variables, emulator_variables, served
from benchmarks.table import Row, rendered
from local.emulator import EmulatorNotFound, running_emulator

Sections = list[tuple[str, Sequence[Row]]]


def main() -> int:
    """Measures all parts; those that need what is not on this machine are named."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--size", type=int, default=embedded.LARGE, help="cases of the largest store"
    )
    size = parser.parse_args().size
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        directory = Path(name)
        missing, host = [], None
        beside, without = compare.measured(directory)
        if without:
            missing.append(without)
        try:
            host = stack.enter_context(running_emulator()).host
        except EmulatorNotFound as error:
            missing.append(f"NOT RUN: what needs the Firestore emulator. {error}")
        sections: Sections = [
            ("Beside the same on FastAPI and SQLAlchemy, over HTTP", beside),
            *_measured(directory, host, size),
        ]
    if size == embedded.LARGE and not missing:
        report.write(sections)
    told = "\n".join([rendered(sections), "", *missing, f"{time.monotonic() - started:.0f} s"])
    sys.stdout.write(f"{told}\n")
    rows = [row for _, rows in sections for row in rows]
    return 1 if any(row.exact and not row.met for row in rows) else 0


def _measured(directory: Path, host: str | None, size: int) -> Sections:
    sections: Sections = [
        ("Embedded store over HTTP, p50", embedded.measured(directory, size)),
        ("Cost over HTTP: reads, writes, round trips", _costs(directory, host)),
        ("Interventions in the process, embedded store, p50", interventions.measured(directory)),
        ("Many at once in the process, embedded store", sweeps.embedded(directory)),
        ("Cold start on SQLite: process to first answer, p50", cold.on_sqlite(directory)),
        ("Keystrokes in the console, from key to paint, p50", console.measured(directory)),
    ]
    if host:
        project = _project()
        sections += [
            ("Emulator over HTTP, p50", emulator.measured(host, project)),
            ("Many at once in the process, emulator", sweeps.emulator(host)),
            ("Cold start: process to first answer, p50", cold.measured(host, project)),
        ]
    return sections


def _costs(directory: Path, host: str | None) -> list[Row]:
    stores = {"embedded": embedded_variables(directory / "costs.db")}
    if host:
        stores["emulator"] = emulator_variables(host, _project())
    with ExitStack() as stack:
        return costs.measured(
            {name: stack.enter_context(served(API, told)) for name, told in stores.items()}
        )


def _project() -> str:
    return f"demo-{uuid.uuid4().hex[:16]}"


if __name__ == "__main__":
    sys.exit(main())
