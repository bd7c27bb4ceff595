"""One JSON object a line, in the form Cloud Logging reads. Ids, codes and durations; never data.

Source: cloud.google.com/logging/docs/structured-logging.
"""

from __future__ import annotations

import json
import sys
import traceback
from contextlib import suppress
from typing import Any, Literal

Level = Literal["INFO", "WARNING", "ERROR"]


def write(severity: Level, message: str, /, **fields: Any) -> None:
    """Writes one line to standard output; fields that are None are left out.

    Where nobody takes the line any more, as in a terminal that was closed, it is lost.
    """
    line = {"severity": severity, "message": message}
    line |= {name: value for name, value in fields.items() if value is not None}
    with suppress(OSError):
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


def stack(error: BaseException) -> list[str]:
    """Where `error` and its causes came from: types, files, lines and functions.

    Without their messages, which may hold data.
    """
    frames = traceback.extract_tb(error.__traceback__)
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return [
        type(error).__name__,
        *(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames),
        *(stack(cause) if cause else ()),
    ]
