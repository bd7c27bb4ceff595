"""Measures, and prints one table: `python -m benchmarks`, about two minutes.

Everything is measured in the same run, in turns with what it is compared to, and shown as medians.
So ratios mean something even on a busy machine; single times do not. The exit status is 1 if a cost
is not as expected; a time that misses its goal is only shown.
"""

from __future__ import annotations

import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks import cold, console, costs, embedded, emulator, interventions
from benchmarks.server import API, embedded_variables, emulator_variables, served
from benchmarks.table import Row, rendered
from local.emulator import EmulatorNotFound, running_emulator

Sections = list[tuple[str, Sequence[Row]]]


def main() -> int:
    """Measures all parts; without an emulator, only those on the embedded store."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        directory = Path(name)
        missing, host = "", None
        try:
            host = stack.enter_context(running_emulator()).host
        except EmulatorNotFound as error:
            missing = f"\n\nNOT RUN: what needs the Firestore emulator. {error}"
        sections = _measured(directory, host)
    sys.stdout.write(f"{rendered(sections)}{missing}\n\n{time.monotonic() - started:.0f} s\n")
    rows = [row for _, rows in sections for row in rows]
    return 1 if any(row.exact and not row.met for row in rows) else 0


def _measured(directory: Path, host: str | None) -> Sections:
    sections: Sections = [
        ("Cost over HTTP: reads, writes, round trips", _costs(directory, host)),
        ("Embedded store over HTTP, p50", embedded.measured(directory)),
        ("Interventions in the process, embedded store, p50", interventions.measured(directory)),
        ("Keystrokes in the console, from key to paint, p50", console.measured(directory)),
    ]
    if host:
        project = _project()
        sections += [
            ("Emulator over HTTP, p50", emulator.measured(host, project)),
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
