"""Cloud Logging's filters, as far as ours go: comparisons joined by AND, with ORs in parentheses.

Source: cloud.google.com/logging/docs/view/logging-query-language.
"""

from __future__ import annotations

import operator
import re
from typing import Any

_SEVERITIES = ("DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL")
_COMPARISON = re.compile(r'([\w.]+)(>=|>|=|:)(\*|"[^"]*"|\w+)')
_COMPARED = {">=": operator.ge, ">": operator.gt, "=": operator.eq}


def entry(line: dict[str, Any], resource: str) -> dict[str, Any]:
    """The log entry that Cloud Logging makes of a line of JSON.

    `severity`, `httpRequest` and the trace are taken out of what stays in jsonPayload; where only
    a message is left, it becomes textPayload (cloud.google.com/logging/docs/structured-logging).
    """
    payload = {name: value for name, value in line.items() if "logging.googleapis.com" not in name}
    found: dict[str, Any] = {
        name: payload.pop(name) for name in ("severity", "httpRequest") if name in payload
    }
    kind = {"textPayload": payload["message"]} if payload.keys() == {"message"} else {}
    return {
        "severity": "DEFAULT",
        "resource": {"type": resource},
        **found,
        **(kind or {"jsonPayload": payload}),
    }


def matches(text: str, entry: dict[str, Any]) -> bool:
    """Whether a filter selects an entry."""
    return all(_any(part, entry) for part in text.split(" AND "))


def field(path: str, entry: dict[str, Any]) -> Any:
    """The value at a dotted path; None if there is none."""
    found: Any = entry
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _any(part: str, entry: dict[str, Any]) -> bool:
    inner = part[1:-1] if part.startswith("(") else part
    return any(_holds(one, entry) for one in inner.split(" OR "))


def _holds(comparison: str, entry: dict[str, Any]) -> bool:
    parsed = _COMPARISON.fullmatch(comparison)
    assert parsed, f"not a comparison: {comparison}"
    path, how, text = parsed.groups()
    value = field(path, entry)
    if value is None:
        return False
    if how == ":":
        return text == "*" or text.strip('"') in str(value)
    if path == "severity":
        return _compared(how, _SEVERITIES.index(value), _SEVERITIES.index(text))
    if isinstance(value, bool):
        return _compared(how, str(value).lower(), text)
    if isinstance(value, int | float):
        return _compared(how, value, float(text))
    return _compared(how, value, text.strip('"'))


def _compared(how: str, left: Any, right: Any) -> bool:
    return bool(_COMPARED[how](left, right))
