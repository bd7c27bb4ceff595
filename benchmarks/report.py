"""The table of a whole run as a document, and the sentence of it that the README has."""

from __future__ import annotations

import os
import platform
import re
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.peers.compare import NAMES
from benchmarks.peers.sides import POSTGRES, SQLITE
from benchmarks.table import Row, markdown
from shared.version import VERSION

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "docs" / "bench.md"
README = ROOT / "README.md"
_BEGINNING = "- [docs/bench.md](docs/bench.md): "
_LINE = re.compile(rf"^{re.escape(_BEGINNING)}.*$", re.MULTILINE)
_RATIO = re.compile(r"^\| (.+?)(?:, p50)? \| ([\d.]+) \|.*\| ([^|]+) \|$", re.MULTILINE)
_RUN = "## The run\n"

Sections = Sequence[tuple[str, Sequence[Row]]]


def write(sections: Sections) -> None:
    """Writes the tables of the document, and its line in the README."""
    head = DOCUMENT.read_text().partition(_RUN)[0]
    document = f"{head}{_RUN}\n{_machine()}\n\n{markdown(sections)}\n"
    DOCUMENT.write_text(document)
    README.write_text(_LINE.sub(line(document), README.read_text()))


def line(document: str) -> str:
    """The README's line, by the document."""
    ratios = {(what, beside): ratio for what, ratio, beside in _RATIO.findall(document)}
    shown = ", ".join(f"{name} {ratios[name, SQLITE]} ({ratios[name, POSTGRES]})" for name in NAMES)
    return (
        f"{_BEGINNING}what `make bench` measured; the median time of a request, divided by that of "
        f"FastAPI with SQLAlchemy on SQLite (on PostgreSQL): {shown}"
    )


def _machine() -> str:
    day = datetime.now(UTC).date().isoformat()
    python, sqlite = platform.python_version(), sqlite3.sqlite_version
    return (
        f"Release {VERSION}, {day}: {os.cpu_count()} cores, {platform.machine()}, "
        f"Python {python}, SQLite {sqlite}."
    )
