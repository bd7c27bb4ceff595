"""Measures some operations beside the peers: `python -m benchmarks.peers create patch --quick`."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.peers.compare import NAMES, QUICK, WHOLE, measured
from benchmarks.table import rendered


def main() -> None:
    """Measures what is asked for, and prints its table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("operation", nargs="*", metavar="operation", help=", ".join(NAMES))
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--no-postgres", action="store_true", help="SQLite alone")
    told = parser.parse_args()
    if unknown := set(told.operation) - set(NAMES):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        effort = QUICK if told.quick else WHOLE
        rows, missing = measured(
            Path(name), effort, told.operation or NAMES, with_postgres=not told.no_postgres
        )
    title = "Beside the peers, over HTTP, one worker each"
    text = f"{rendered([(title, rows)])}\n{missing}\n{time.monotonic() - started:.0f} s\n"
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
