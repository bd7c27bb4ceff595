"""What `POST /cases:import` takes, made of a row; or what is wrong with it, by field. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from caseledger.importing.mapping import SEVERITIES, STATUSES, Understood
from caseledger.importing.reading import Row, Table, Unusable
from caseledger.importing.times import BadTime, wire

MAX_HISTORY = 100
_LONGEST_TITLE, _LONGEST_TEXT, _LONGEST_REASON = 300, 10_000, 2_000
_NO_ID = re.compile(r"[^A-Za-z0-9._-]+")
_TAGS = re.compile(r"[,;\n]")
_HIDDEN = re.compile("[\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")
"""What turns the direction of text, or hides text in it; the API refuses it."""
_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")


class Fault(ValueError):
    """A value that cannot be taken over; its text says why."""


class Wrong(NamedTuple):
    """What is wrong with a field of a row.

    Where many rows have values that are wrong for the same reason, they are told of together: then
    the reason does not name the `value`.
    """

    field: str
    why: str
    value: str = ""

    @property
    def description(self) -> str:
        """What is wrong, in words."""
        return f"{self.value} {self.why}" if self.value else self.why


@dataclass
class Made:
    """A row as it would be sent, or its faults."""

    line: int
    body: dict[str, Any] = field(default_factory=dict)
    faults: list[Wrong] = field(default_factory=list)


def made(table: Table, mapping: Understood, now: datetime) -> list[Made]:
    """All rows of a table. A row whose key or id another one has is at fault."""
    rows = [_of_row(row, mapping, now) for row in table.rows]
    for name in ("rowKey", "id"):
        first: dict[str, int] = {}
        for one in rows:
            value = one.body.get(name)
            # Mostly they are the same: then it is said once.
            told = any(fault.field == "rowKey" for fault in one.faults)
            if value and first.setdefault(value, one.line) != one.line and not told:
                one.faults.append(Wrong(name, f"{value} is also that of line {first[value]}"))
    return rows


def _of_row(row: Row, mapping: Understood, now: datetime) -> Made:
    one = Made(row.line)
    if row.fault:
        one.faults.append(Wrong("", row.fault))
        return one
    reader = _Reader(row, mapping, now)
    one.body["source"] = mapping.source
    for name, read in reader.readers():
        try:
            value = read()
        except BadTime as error:
            one.faults.append(Wrong(name, error.why, error.value))
            continue
        except Fault as error:
            one.faults.append(Wrong(name, str(error)))
            continue
        if value not in (None, [], {}):
            one.body[name] = value
    _tidy(one)
    return one


class _Reader:
    """Reads the fields of one row."""

    def __init__(self, row: Row, mapping: Understood, now: datetime) -> None:
        self._row = row
        self._mapping = mapping
        self._now = now

    def readers(self) -> Iterator[tuple[str, Callable[[], Any]]]:
        """Each field with what reads it."""
        yield "rowKey", lambda: self._required("rowKey", _line)
        yield "id", lambda: self._optional("id", _id)
        yield "title", lambda: self._required("title", _line)
        yield "decisionType", lambda: self._required("decisionType", _id)
        yield "createdAt", lambda: self._required("createdAt", self._time)
        for name in ("summary", "reason"):
            yield name, lambda name=name: self._optional(name, _text)  # type: ignore[misc]
        yield "submissionId", lambda: self._optional("submissionId", _line)
        yield "closedAt", lambda: self._optional("closedAt", self._closed)
        yield "dueAt", lambda: self._optional("dueAt", self._end)
        yield "status", lambda: self._optional("status", self._status)
        yield "severity", lambda: self._optional("severity", self._severity)
        yield "assignedTo", lambda: self._optional("assignedTo", self._person)
        yield "tags", self._tags
        yield "fields", self._fields
        yield "history", self._history

    def _values(self, column: str) -> list[Any]:
        found = self._row.values(column)
        for value in found:
            if isinstance(value, Unusable):
                raise Fault(f"the column {column} {value.why}")
        return found

    def _one(self, name: str) -> Any:
        """The one value of a field; None where there is none."""
        column = self._mapping.columns.get(name)
        found = self._values(column) if column else []
        different = list(dict.fromkeys(map(str, found)))
        if len(different) > 1:
            raise Fault(f"the column {column} is there {len(found)} times, with different values")
        return found[0] if found else self._mapping.values.get(name)

    def _optional(self, name: str, read: Callable[[Any], Any]) -> Any:
        value = self._one(name)
        return None if value is None else read(value)

    def _required(self, name: str, read: Callable[[Any], Any]) -> Any:
        value = self._one(name)
        read_value = None if value is None else read(value)
        if not read_value:
            raise Fault(f"the column {self._mapping.columns.get(name, name)} is empty")
        return read_value

    def _time(self, value: Any) -> str:
        return wire(self._mapping.clock.read(value))

    def _end(self, value: Any) -> str:
        return wire(self._mapping.clock.read(value, end_of_day=True))

    def _closed(self, value: Any) -> str:
        """A mere date is the end of that day; of today, it is now."""
        clock = self._mapping.clock
        begin, end = clock.read(value), clock.read(value, end_of_day=True)
        return wire(self._now if begin <= self._now < end else end)

    def _status(self, value: Any) -> str:
        return _word(value, self._mapping.status, STATUSES, "status")

    def _severity(self, value: Any) -> str:
        return _word(value, self._mapping.severity, SEVERITIES, "severity")

    def _person(self, value: Any) -> str | None:
        name = _line(value)
        known = self._mapping.people.get(name.casefold())
        if known is not None:
            return known or None
        if "@" in name:
            return name
        raise Fault(f'{name} is no address: say who that is, as "{name}" = "ada@example.com", or '
                    '"" for nobody, below [people] of the mapping')  # fmt: skip

    def _tags(self) -> list[str]:
        column = self._mapping.columns.get("tags")
        found = self._values(column) if column else [self._mapping.values.get("tags", "")]
        each = (tag for one in found for tag in _TAGS.split(_text(one)))
        return list(dict.fromkeys(_line(tag) for tag in each if tag.strip()))

    def _fields(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, column in self._mapping.fields.items():
            values = self._values(column)
            if len(values) == 1 and isinstance(values[0], bool | int | float):
                found[name] = values[0]
            elif values:
                found[name] = "\n".join(map(_text, values))
        return found

    def _history(self) -> list[dict[str, Any]]:
        told = self._mapping.history
        items: list[dict[str, Any]] = []
        for value in self._values(told.column) if told else []:
            at, by, text = self._item(value)
            moment = self._time(at if at is not None else self._one("createdAt"))
            who = {"by": _line(by)} if by is not None and _line(by) else {}
            items += [{"at": moment, **who, "text": part} for part in _parts(_text(text))]
        if len(items) > MAX_HISTORY:
            raise Fault(f"has {len(items)} items, and a case can bring {MAX_HISTORY}")
        return items

    def _item(self, value: Any) -> tuple[Any, Any, Any]:
        """When, who and what. A text that is not in the form of the others is all of it what."""
        told = self._mapping.history
        if told and isinstance(value, dict):
            return value.get(told.at), value.get(told.by), value.get(told.text, "")
        if told and told.pattern and (found := told.pattern.fullmatch(str(value))):
            groups = found.groupdict()
            return groups.get("at"), groups.get("by"), groups.get("text", "")
        return None, None, value


def _tidy(one: Made) -> None:
    """What fits only together: a long text goes into the history, and an open case has no end."""
    body = one.body
    if body.get("status") != "closed":
        body.pop("closedAt", None)
    title, reason = body.get("title", ""), body.get("reason", "")
    if len(title) > _LONGEST_TITLE:
        body["title"] = title[: _LONGEST_TITLE - 1].rstrip() + "…"
        body["summary"] = "\n\n".join(filter(None, (title, body.get("summary"))))
    if len(reason) > _LONGEST_REASON:
        body["reason"] = reason[: _LONGEST_REASON - 1] + "…"
        body["summary"] = "\n\n".join(filter(None, (body.get("summary"), reason)))
    first, *more = _parts(body.get("summary", "")) or [""]
    if more and "createdAt" in body:
        body["summary"] = first
        rest = [{"at": body["createdAt"], "text": part} for part in more]
        body["history"] = rest + body.get("history", [])


def _word(value: Any, table: dict[str, str], ours: tuple[str, ...], name: str) -> str:
    text = _line(value)
    if found := table.get(text.casefold()):
        return found
    plain = re.sub(r"[\s_-]+", "_", text.casefold())
    if plain in ours:
        return plain
    raise Fault(f"{text} is none of {', '.join(ours)}: say what it means below [{name}]")


def _text(value: Any) -> str:
    """A value as text, without what the API refuses: control characters, and what turns text."""
    match value:
        case float() if value.is_integer():
            # What is a number in a workbook may be a name elsewhere.
            text = str(int(value))
        case datetime():
            text = value.isoformat()
        case _:
            text = str(value)
    shown = _HIDDEN.sub("", _LINE_ENDS.sub("\n", text))
    return "".join(filter(_is_text, shown)).strip()


def _is_text(sign: str) -> bool:
    return sign in "\t\n" or unicodedata.category(sign) not in ("Cc", "Cs")


def _line(value: Any) -> str:
    return " ".join(_text(value).split())


def _id(value: Any) -> str:
    """An id of a text: what an id cannot have becomes a hyphen, as in 2024-017 of 2024/017."""
    return _NO_ID.sub("-", _line(value)).lstrip("._-").rstrip("-")


def _parts(text: str) -> list[str]:
    """A text in parts of the length that the API takes."""
    return [text[at : at + _LONGEST_TEXT] for at in range(0, len(text), _LONGEST_TEXT)]
