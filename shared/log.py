"""One JSON object a line, in the form Cloud Logging reads. Ids, codes and durations; never data.

Source: cloud.google.com/logging/docs/structured-logging.
"""

from __future__ import annotations

import json
import re
import sys
import traceback
from contextlib import suppress
from typing import Any, Literal

from shared.version import VERSION

_KEY = re.compile(r"ck_[A-Za-z0-9._-]{1,100}\.[a-z0-9-]{1,60}\.[A-Za-z0-9_-]{43}")
"""A key by which a program calls (`shared/rules/keys.py`), wherever somebody has put it."""
Level = Literal["INFO", "WARNING", "ERROR"]
_SERVICE = {"service": "caseledger", "version": VERSION}
_CAUSE = "The above exception was the direct cause of the following exception:"
_CONTEXT = "During handling of the above exception, another exception occurred:"


def write(severity: Level, message: str, /, **fields: Any) -> None:
    """Writes one line to standard output; fields that are None are left out.

    Where nobody takes the line any more, as in a terminal that was closed, it is lost. A key in it,
    such as one that was sent in the place of an id, is left out.
    """
    line = {"severity": severity, "message": message}
    line |= {name: value for name, value in fields.items() if value is not None}
    with suppress(OSError):
        sys.stdout.write(_KEY.sub("ck_...", json.dumps(line)) + "\n")
        sys.stdout.flush()


def failure(error: BaseException) -> dict[str, Any]:
    """The fields that tell Error Reporting of an error, which groups errors by them.

    Source: cloud.google.com/error-reporting/docs/formatting-error-messages.
    """
    return {"stack_trace": stack(error), "serviceContext": _SERVICE}


def stack(error: BaseException) -> str:
    """Where `error` and its causes came from, in the form of Python's own traceback.

    It has neither the messages of errors, which may hold data, nor lines of code.
    """
    kind = type(error)
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    frames = "".join(
        f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}\n'
        for frame in traceback.extract_tb(error.__traceback__)
    )
    text = f"Traceback (most recent call last):\n{frames}{module}{kind.__qualname__}"
    if error.__cause__:
        return f"{stack(error.__cause__)}\n\n{_CAUSE}\n\n{text}"
    if error.__context__ and not error.__suppress_context__:
        return f"{stack(error.__context__)}\n\n{_CONTEXT}\n\n{text}"
    return text
