"""The rows of a file: CSV, XLSX, JSON or JSON Lines. Each knows the line that it begins on."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

_DELIMITERS = ",;\t|"
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_FIELD_LIMIT = 10_000_000
_HEAD_WITHIN = 20
"""The names of the columns are in one of so many first rows: above them there may be a title."""


class UnreadableFile(Exception):
    """A file of which no row can be read; its text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Unusable:
    """A cell of a workbook in which something is, but no value; `why` says what."""

    why: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a file. `line` is where it begins: in XLSX the number of the row.

    `cells` has the values that are not empty, in order, of each column of a table; a column can
    occur several times. `tree` is the object of JSON. A row that is broken has its `fault` only.
    """

    line: int
    cells: dict[str, list[Any]] = field(default_factory=dict)
    tree: Any = None
    fault: str | None = None

    def values(self, column: str) -> list[Any]:
        """What is in a column, or at a path of JSON such as `customFields.region.value`."""
        if self.tree is None:
            return self.cells.get(column, [])
        found = self.tree.get(column) if column in self.tree else _at(self.tree, column.split("."))
        return [one for one in (found if isinstance(found, list) else [found]) if not _empty(one)]


@dataclass(frozen=True, slots=True)
class Table:
    """A file that was read: its columns, its rows, and how many of them were empty."""

    columns: list[str]
    rows: list[Row]
    empty: int = 0
    notes: list[str] = field(default_factory=list)


def read(path: Path, sheet: str | None = None, used: Collection[str] = ()) -> Table:
    """The rows of a file, by the end of its name. Raises UnreadableFile and OSError.

    The row that has most of the columns in `used` is the one with their names: what is above it is
    a title.
    """
    kind = path.suffix.lower()
    if kind in (".xlsx", ".xlsm"):
        return _xlsx(path, sheet, used)
    text, notes = _decoded(path.read_bytes())
    if kind == ".json":
        return _table([*_items(text)], notes)
    if kind in (".jsonl", ".ndjson"):
        return _table([*_lines(text)], notes)
    if kind in (".csv", ".tsv", ".txt"):
        return _csv(text, notes, used)
    raise UnreadableFile(f"{path.name}: is no .csv, .xlsx, .json or .jsonl file")


def _decoded(raw: bytes) -> tuple[str, list[str]]:
    for mark, name in _MARKS:
        if raw.startswith(mark):
            return raw.decode(name, errors="replace"), []
    try:
        return raw.decode(), []
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace"), ["it is no UTF-8: read as Windows-1252"]


def _csv(text: str, notes: list[str], used: Collection[str]) -> Table:
    before = 0
    lines = text.splitlines(keepends=True)
    delimiter = None
    if lines and lines[0].strip().lower().startswith("sep="):
        # What Excel writes above, and shows nobody.
        delimiter, before = lines[0].strip()[4:5] or None, 1
    body = "".join(lines[before:])
    delimiter = delimiter or _delimiter(body)
    csv.field_size_limit(_FIELD_LIMIT)
    reader = csv.reader(io.StringIO(body, newline=""), delimiter=delimiter, strict=True)
    return _of_rows(list(_numbered(reader, before)), notes, used)


def _numbered(reader: Any, before: int) -> Iterator[tuple[int, list[str]]]:
    """The records, each with the line that it begins on: a quoted text may have several lines.

    Raises UnreadableFile where a quotation does not end, or goes on behind its end: what follows
    could be taken for a part of it.
    """
    line = 1 + before
    try:
        for record in reader:
            yield line, record
            line = reader.line_num + before + 1
    except csv.Error as error:
        told = "is a quotation mark not closed, or one in a text not doubled?"
        raise UnreadableFile(f"line {line}: {told} ({error})") from None


def _delimiter(text: str) -> str:
    """What separates the columns of the first line: that which makes most of them."""

    def columns(delimiter: str) -> int:
        return len(next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), []))

    return max(_DELIMITERS, key=columns)


def _xlsx(path: Path, sheet: str | None, used: Collection[str]) -> Table:
    try:
        from openpyxl import load_workbook  # noqa: PLC0415 - an extra
        from openpyxl.utils.exceptions import InvalidFileException  # noqa: PLC0415
    except ImportError:
        told = "reading .xlsx needs openpyxl: pip install openpyxl"
        raise UnreadableFile(told) from None
    try:
        book = load_workbook(path, read_only=True, data_only=True)
        formulas = load_workbook(path, read_only=True)
    except (BadZipFile, OSError, ValueError, KeyError, InvalidFileException) as error:
        raise UnreadableFile(f"{path.name}: is no workbook: {error}") from None
    try:
        names = book.sheetnames
        if sheet is not None and sheet not in names:
            raise UnreadableFile(f"{path.name}: has no sheet {sheet!r}; it has {', '.join(names)}")
        chosen = sheet or names[0]
        notes = []
        if sheet is None and len(names) > 1:
            notes.append(f"the first of its {len(names)} sheets is read: {names[0]}")
        written = formulas[chosen].iter_rows(values_only=True)
        cells = [list(map(_cell, *both)) for both in zip(book[chosen], written, strict=True)]
    finally:
        book.close()
        formulas.close()
    return _of_rows(list(enumerate(cells, 1)), notes, used)


def _cell(cell: Any, written: Any) -> Any:
    """The value of a cell; `written` is its formula where it has one.

    A formula has a value once a program for spreadsheets has calculated it, and saved the file.
    """
    if cell.data_type == "e":
        return Unusable(f"has the error {cell.value}")
    if cell.value is None and cell.data_type == "n" and written is not None:
        return Unusable("has a formula without its value: save it in a spreadsheet program")
    return cell.value


def _of_rows(
    numbered: Sequence[tuple[int, Sequence[Any]]], notes: list[str], used: Collection[str]
) -> Table:
    """A table of records; what is above the one with the names of the columns is left out."""
    filled = [(line, record) for line, record in numbered if not all(map(_empty, record))]
    if not filled:
        raise UnreadableFile("it has no rows")

    def named(record: Sequence[Any]) -> int:
        return len({str(name).strip() for name in record}.intersection(used))

    place = max(range(min(_HEAD_WITHIN, len(filled))), key=lambda at: named(filled[at][1]))
    if place:
        notes = [*notes, f"the names of the columns are in line {filled[place][0]}"]
    filled = filled[place:]
    (_, head), *records = filled
    columns = ["" if _empty(name) else str(name).strip() for name in head]
    rows = [_row(line, columns, record) for line, record in records]
    # Empty lines above the names, and at the end, are nobody's rows.
    empty = sum(all(map(_empty, record)) for line, record in numbered if line > filled[0][0])
    return Table([name for name in dict.fromkeys(columns) if name], rows, empty, notes)


def _row(line: int, columns: list[str], record: Sequence[Any]) -> Row:
    last = max(place for place, value in enumerate(record) if not _empty(value))
    if last >= len(columns):
        told = f"has {last + 1} cells, and there are {len(columns)} columns: is a cell not quoted?"
        return Row(line, fault=told)
    cells: dict[str, list[Any]] = {}
    for name, value in zip(columns, record, strict=False):
        if name and not _empty(value):
            cells.setdefault(name, []).append(value.strip() if isinstance(value, str) else value)
    return Row(line, cells)


def _lines(text: str) -> Iterator[Row]:
    for line, one in enumerate(text.split("\n"), 1):
        if one.strip():
            try:
                yield _of_tree(line, json.loads(one))
            except ValueError as error:
                yield Row(line, fault=f"is no JSON: {error}")


def _items(text: str) -> Iterator[Row]:
    """The objects of a JSON array, or of the one array that an object has."""
    try:
        whole = json.loads(text)
    except ValueError as error:
        raise UnreadableFile(f"it is no JSON: {error}") from None
    place = 0
    if isinstance(whole, dict):
        lists = [name for name, value in whole.items() if isinstance(value, list)]
        if len(lists) != 1:
            raise UnreadableFile("it is no array of objects, and has not one array in it")
        place = text.index(json.dumps(lists[0], ensure_ascii=False))
    decoder = json.JSONDecoder()
    place = text.index("[", place) + 1
    while True:
        while text[place] in " \t\r\n,":
            place += 1
        if text[place] == "]":
            return
        one, end = decoder.raw_decode(text, place)
        yield _of_tree(text.count("\n", 0, place) + 1, one)
        place = end


def _of_tree(line: int, tree: Any) -> Row:
    return Row(line, tree=tree) if isinstance(tree, dict) else Row(line, fault="is no object")


def _table(rows: list[Row], notes: list[str]) -> Table:
    if not rows:
        raise UnreadableFile("it has no rows")
    names = dict.fromkeys(name for row in rows if row.tree for name in row.tree)
    return Table(list(names), rows, notes=notes)


def _at(tree: Any, path: Sequence[str]) -> Any:
    """What is at a path; a step into a list of objects takes that of the name."""
    for step in path:
        if isinstance(tree, list):
            tree = next(
                (one for one in tree if isinstance(one, dict) and one.get("name") == step), None
            )
        elif isinstance(tree, dict):
            tree = tree.get(step)
        else:
            return None
    return tree


def _empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())
