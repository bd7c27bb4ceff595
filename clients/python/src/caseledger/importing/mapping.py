"""Mappings: which column is which field of a case, and what the words of another system mean here.

A mapping is a TOML file. Those in `mappings/` come with the client, and are named without `.toml`.
Several are laid over each other, the last one on top, so that one of ours can be corrected.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from caseledger.importing.times import BadTime, Clock, zone_of

FIELDS = (
    *("rowKey", "id", "title", "summary", "decisionType", "submissionId", "reason"),
    *("createdAt", "closedAt", "dueAt", "status", "severity", "assignedTo", "tags"),
)
"""What a column can be, besides `fields.NAME`, a value of your own, and the history."""
REQUIRED = ("rowKey", "title", "createdAt", "decisionType")
"""What every row must have; the last three may be the same for all of them, in `values`."""
STATUSES = ("new", "in_review", "needs_info", "blocked", "closed")
SEVERITIES = ("low", "normal", "high", "critical")
_TABLES = frozenset({"columns", "values", "fields", "status", "severity", "people", "history"})
_ALONE = frozenset({"source", "zone", "dates"})
_PARTS = frozenset({"column", "at", "by", "text", "pattern"})
_OWN = "fields."


class BadMapping(ValueError):
    """A mapping that does not say what it has to; its text says what is wrong."""


@dataclass(frozen=True)
class Told:
    """Where a history is: a column, and how an item of it says when, who and what.

    In JSON `at`, `by` and `text` are names in an object; in a text they are groups of `pattern`.
    """

    column: str
    at: str = "at"
    by: str = "by"
    text: str = "text"
    pattern: re.Pattern[str] | None = None


@dataclass(frozen=True)
class Understood:
    """A whole mapping. `values` stand where a column is empty, or there is none."""

    source: str
    clock: Clock
    columns: dict[str, str]
    values: dict[str, str]
    fields: dict[str, str]
    status: dict[str, str]
    severity: dict[str, str]
    people: dict[str, str]
    history: Told | None = None
    used: frozenset[str] = field(default=frozenset())
    """The columns that it looks at."""


def shipped() -> list[str]:
    """The names of the mappings that come with the client."""
    found = (resources.files(__package__) / "mappings").iterdir()
    return sorted(one.name.removesuffix(".toml") for one in found if one.name.endswith(".toml"))


def understood(
    given: Sequence[str], *, source: str | None = None, zone: str | None = None
) -> Understood:
    """The mapping that is given by names, files and `field=column`. Raises BadMapping."""
    whole: dict[str, Any] = {}
    for one in given:
        for name, value in _loaded(one).items():
            both = isinstance(value, dict) and isinstance(whole.get(name), dict)
            whole[name] = {**whole[name], **value} if both else value
    own = {"source": source, "zone": zone}
    return _checked(whole | {name: text for name, text in own.items() if text is not None})


def _loaded(one: str) -> dict[str, Any]:
    if one in shipped():
        text = (resources.files(__package__) / "mappings" / f"{one}.toml").read_text("utf-8")
        return tomllib.loads(text)
    name, equals, column = one.partition("=")
    if equals and (name in FIELDS or name.startswith(_OWN)):
        own = name.startswith(_OWN)
        return {"fields" if own else "columns": {name.removeprefix(_OWN): column}}
    path = Path(one)
    if path.suffix != ".toml" or not path.is_file():
        ours = ", ".join(shipped())
        raise BadMapping(
            f"{one}: is neither a .toml file, nor one of ours ({ours}), nor FIELD=COLUMN with one "
            f"of {', '.join(FIELDS)}, fields.NAME"
        )
    try:
        return tomllib.loads(path.read_text("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadMapping(f"{one}: {error}") from None


def _checked(whole: dict[str, Any]) -> Understood:
    _require_known(whole, _TABLES | _ALONE, "")
    tables = {name: whole.get(name, {}) for name in _TABLES}
    for name, table in tables.items():
        if not isinstance(table, dict) or not all(isinstance(one, str) for one in table.values()):
            raise BadMapping(f"{name}: must be a table of texts")
    for name, known in (("columns", FIELDS), ("values", FIELDS), ("history", _PARTS)):
        _require_known(tables[name], known, f"{name}.")
    for name, words in (("status", STATUSES), ("severity", SEVERITIES)):
        _require_known(dict.fromkeys(tables[name].values()), words, f"{name}: ")
    columns = _columns(tables)
    if not whole.get("source"):
        raise BadMapping("source: say with --source what the other system is called")
    history = _told(tables["history"]) if tables["history"].get("column") else None
    used = {*columns.values(), *tables["fields"].values(), *([history.column] if history else [])}
    return Understood(
        source=str(whole["source"]),
        clock=_clock(whole),
        columns=columns,
        values=tables["values"],
        fields={name: column for name, column in tables["fields"].items() if column},
        status=_folded(tables["status"]),
        severity=_folded(tables["severity"]),
        people=_folded(tables["people"]),
        history=history,
        used=frozenset(used),
    )


def _columns(tables: Mapping[str, dict[str, str]]) -> dict[str, str]:
    columns = {name: column for name, column in tables["columns"].items() if column}
    if "id" in columns:
        columns.setdefault("rowKey", columns["id"])
    for name in REQUIRED:
        if name not in columns and (name == "rowKey" or name not in tables["values"]):
            raise BadMapping(f"no column is the {name}: use --map {name}=COLUMN")
    return columns


def _clock(whole: Mapping[str, Any]) -> Clock:
    formats = whole.get("dates", [])
    if not isinstance(formats, list) or not all(isinstance(one, str) for one in formats):
        raise BadMapping("dates: must be a list of formats, such as ['%d.%m.%Y']")
    try:
        zone = zone_of(str(whole["zone"])) if whole.get("zone") else None
    except BadTime as error:
        raise BadMapping(f"zone: {error}") from None
    return Clock(zone, tuple(formats))


def _told(table: dict[str, str]) -> Told:
    try:
        pattern = re.compile(table["pattern"], re.DOTALL) if "pattern" in table else None
    except re.error as error:
        raise BadMapping(f"history.pattern: {error}") from None
    return Told(**{**table, "pattern": pattern})  # type: ignore[arg-type]


def _require_known(table: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    if stray := sorted(set(table) - set(known)):
        raise BadMapping(f"{where}{stray[0]}: is none of {', '.join(sorted(known))}")


def _folded(table: dict[str, str]) -> dict[str, str]:
    return {" ".join(theirs.split()).casefold(): ours for theirs, ours in table.items()}
