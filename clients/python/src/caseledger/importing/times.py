"""Times as files have them: in many forms, with and without zones. None is guessed."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_MILLISECONDS = 100_000_000_000
"""A number of seconds so large would be in the year 5138."""
_SECONDS = 100_000_000
"""So many seconds since 1970 are in 1973. Days, as a spreadsheet counts them, are fewer."""
_NUMBER = re.compile(r"\d{9,13}")


class BadTime(ValueError):
    """A text that is no time, or none that is sure; it says why, of the `value` if there is one."""

    def __init__(self, why: str, value: str = "") -> None:
        super().__init__(f"{value} {why}" if value else why)
        self.why, self.value = why, value


class Clock(NamedTuple):
    """How times are understood: in which zone where they name none, and in which formats.

    `formats` are those of `strptime`; RFC 3339 and ISO 8601 are always understood.
    """

    zone: tzinfo | None = None
    formats: tuple[str, ...] = ()

    def read(self, value: Any, *, end_of_day: bool = False) -> datetime:
        """The time of a cell, in UTC. A mere date is its first second, or its last one.

        Many systems write a mere date as midnight. Raises BadTime.
        """
        found = _read(value, self.formats)
        if end_of_day and found.tzinfo is None and found.time() == time():
            found += timedelta(days=1, seconds=-1)
        if found.tzinfo is None:
            if self.zone is None:
                # Without the time itself: that would be another text for each row.
                raise BadTime("is without a time zone: name it with --zone Europe/Berlin")
            found = found.replace(tzinfo=self.zone)
        try:
            return found.astimezone(UTC)
        except OverflowError:
            raise BadTime("is not within the years 1 to 9999", str(value)) from None


def _read(value: Any, formats: tuple[str, ...]) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _since_1970(value)
    if not isinstance(value, str):
        raise BadTime("is no time", str(value))
    text = " ".join(value.split())
    for form in formats:
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 - the zone comes later
        except ValueError:
            continue
    if _NUMBER.fullmatch(text):
        return _since_1970(int(text))
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        told = "is no time in a known form: if it is one, add its format to `dates` of the mapping"
        raise BadTime(f"{told}, such as %d/%m/%Y %H:%M", text) from None


def zone_of(name: str) -> tzinfo:
    """The zone of a name such as Europe/Berlin. Raises BadTime."""
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadTime(f"{name} is no time zone: write it as Europe/Berlin") from None


def wire(moment: datetime) -> str:
    """A time as the API takes it. Without a zone it is a time on the reader's clock."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _since_1970(number: float) -> datetime:
    if abs(number) < _SECONDS:
        told = "is a number, and no time: in a spreadsheet, give the cell the format of a date"
        raise BadTime(told, str(number))
    seconds = number / 1000 if number >= _MILLISECONDS else number
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        raise BadTime("is no time", str(number)) from None
