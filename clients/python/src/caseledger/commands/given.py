"""What several commands take: options, and times as people write them."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Any

import typer

from caseledger import terminal
from caseledger.importing.times import wire

TIME = "a date, a time, or how long {} as 30min, 12h or 7d"

_LENGTH = re.compile(r"(\d{1,6})(s|min|h|d|w)")
_UNITS = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def ago(text: str) -> str:
    """A time for the API; `7d` is seven days ago. Raises BadParameter."""
    return _time(text, -1)


def day_ago(text: str) -> str:
    """The same where days are those of UTC: a date is that day, and not the one before."""
    try:
        return f"{date.fromisoformat(text.strip())}T00:00:00Z"
    except ValueError:
        return ago(text)


def ahead(text: str) -> str:
    """A time for the API; `7d` is in seven days. Raises BadParameter."""
    return _time(text, 1)


def _time(text: str, direction: int) -> str:
    if found := _LENGTH.fullmatch(text.strip()):
        moment = terminal.now() + direction * timedelta(**{_UNITS[found[2]]: int(found[1])})
    else:
        try:
            moment = datetime.fromisoformat(text.strip())
        except ValueError:
            raise typer.BadParameter(
                f"{terminal.line(text)!r} is no time: write 2026-03-31, 2026-03-31T09:00 or 7d"
            ) from None
    return wire(moment)


def params(**values: Any) -> dict[str, Any]:
    """Query parameters, by their names in Python: without those that say nothing."""
    return {
        re.sub(r"_(.)", lambda found: found[1].upper(), name.rstrip("_")): (
            str(value).lower() if isinstance(value, bool) else value
        )
        for name, value in values.items()
        if value not in (None, [], ())
    }
