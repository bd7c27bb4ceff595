"""One JSON object for each line, as Cloud Logging reads it. Ids, codes, durations; never data.

Source: cloud.google.com/logging/docs/structured-logging.
"""

from __future__ import annotations

import json
import sys
import traceback
from typing import Any, Literal

Level = Literal["INFO", "WARNING", "ERROR"]


def write(severity: Level, message: str, /, **fields: Any) -> None:
    """Writes one line to standard output; fields that are None are left out."""
    line = {"severity": severity, "message": message}
    line |= {name: value for name, value in fields.items() if value is not None}
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def stack(error: BaseException) -> list[str]:
    """Where `error` came from: files, lines, functions; not its message, which may hold data."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{type(error).__name__}", *(f"{f.filename}:{f.lineno} {f.name}" for f in frames)]
