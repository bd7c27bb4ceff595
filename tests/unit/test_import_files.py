"""Files of other systems, understood without a server: what they have, and what they mean."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from caseledger.commands.cases import cases
from caseledger.commands.queue import cell, export_cases
from caseledger.importing.making import made
from caseledger.importing.mapping import BadMapping, shipped, understood
from caseledger.importing.reading import Row, Table, UnreadableFile, read
from caseledger.importing.times import BadTime, Clock, zone_of
from shared.models.imports import CaseToImport
from tests.rows import each_row

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def written(directory: Path, text: str, name: str = "cases.csv") -> Path:
    """A file with this text."""
    path = directory / name
    path.write_bytes(text.encode())
    return path


# Reading


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"a,b\n1,2\n", {"a": ["1"], "b": ["2"]}),
        (b"\xef\xbb\xbfa;b\r\n1;2,5\r\n", {"a": ["1"], "b": ["2,5"]}),
        (b'sep=|\r\na|b\r\n1|"2|3"\r\n', {"a": ["1"], "b": ["2|3"]}),
        ("a\tb\nä\tö\n".encode("utf-16"), {"a": ["ä"], "b": ["ö"]}),
        ("a,b\nä,ö\n".encode("cp1252"), {"a": ["ä"], "b": ["ö"]}),
        (b"\n\n,,\na,b,a\n1,2,3\n\n,\n", {"a": ["1", "3"], "b": ["2"]}),
        (b'a,b\n"x, ""y""\nz", 2 \n', {"a": ['x, "y"\nz'], "b": ["2"]}),
    ],
)
def test_a_csv_file_is_read_however_it_was_written(
    tmp_path: Path, raw: bytes, expected: dict[str, list[str]]
) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(raw)
    (row,) = read(file).rows
    assert row.cells == expected


def test_rows_know_the_line_on_which_they_begin(tmp_path: Path) -> None:
    table = read(written(tmp_path, 'sep=;\na;b\n1;"x\ny"\n\n2;z\n'))
    assert [row.line for row in table.rows] == [3, 6]

    lines = '{"a": 1}\n\nno json\n[1]\n{"a": 2}\n'
    found = read(written(tmp_path, lines, "a.jsonl")).rows
    assert [(row.line, row.fault is None) for row in found] == [
        (1, True),
        (3, False),
        (4, False),
        (5, True),
    ]

    whole = read(
        written(tmp_path, '{"total": 2,\n "cases": [\n {"a": 1},\n\n {"a": "x"}]}', "a.json")
    )
    assert [(row.line, row.values("a")) for row in whole.rows] == [(3, [1]), (5, ["x"])]


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("a.csv", "", "has no rows"),
        ("a.csv", 'a,b\n1,2\n"x,3\n4,5\n', "line 3: is a quotation mark not closed"),
        ("a.csv", 'a,b\n"x" or "y",2\n', "line 2: is a quotation mark"),
        ("a.json", "{", "no JSON"),
        ("a.json", '{"a": [], "b": []}', "no array"),
        ("a.xlsx", "text", "no workbook"),
        ("a.pdf", "text", "is no .csv"),
    ],
)
def test_a_file_that_is_none_says_what_is_wrong(
    tmp_path: Path, name: str, text: str, problem: str
) -> None:
    with pytest.raises(UnreadableFile, match=problem):
        read(written(tmp_path, text, name))


# Times


@each_row(
    ("value", "expected"),
    [
        ("2025-11-03T08:00:00Z", "2025-11-03T08:00:00"),
        ("2025-11-03 08:00:00.25+05:30", "2025-11-03T02:30:00.250000"),
        ("2025-07-03 08:00", "2025-07-03T06:00:00"),
        ("2025-11-03", "2025-11-02T23:00:00"),
        ("03.11.2025", "2025-11-02T23:00:00"),
        ("03.11.2025  09:15", "2025-11-03T08:15:00"),
        (1762156800, "2025-11-03T08:00:00"),
        (1762156800123, "2025-11-03T08:00:00.123000"),
        ("1762156800", "2025-11-03T08:00:00"),
        (datetime(2025, 11, 3, 9), "2025-11-03T08:00:00"),  # noqa: DTZ001
    ],
)
def test_times_are_understood_in_many_forms(value: Any, expected: str) -> None:
    clock = Clock(zone_of("Europe/Berlin"), ("%d.%m.%Y %H:%M", "%d.%m.%Y"))
    assert clock.read(value).isoformat() == f"{expected}+00:00"


@each_row("value", ["31.12.2025 09:15:00", "31/12/2025 09:15", "31.12.2025", "31.12.25"])
def test_dates_are_understood_as_spreadsheets_write_them(value: str) -> None:
    clock = understood(["spreadsheet"], source=None, zone="UTC").clock
    assert clock.read(value).date().isoformat() == "2025-12-31"


@each_row("value", ["03/04/2025", "soon", "12", True, None, "", 10**30, "0001-01-01"])
def test_a_time_that_is_not_sure_is_refused(value: Any) -> None:
    with pytest.raises(BadTime):
        Clock(zone_of("Europe/Berlin")).read(value)


def test_a_time_without_a_zone_needs_one_and_a_date_can_be_the_end_of_its_day() -> None:
    with pytest.raises(BadTime, match="--zone"):
        Clock().read("2025-11-03 08:00")
    clock = Clock(zone_of("America/New_York"))
    assert clock.read("2025-11-03", end_of_day=True).isoformat() == "2025-11-04T04:59:59+00:00"
    with pytest.raises(BadTime, match="no time zone"):
        zone_of("Berlin time")


# Mappings


@each_row("name", shipped())
def test_what_a_mapping_of_ours_says_is_what_the_api_takes(name: str) -> None:
    mapping = understood([name])
    assert set(mapping.columns) <= {"rowKey", *CaseToImport.aliases()}


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (["nothing"], "is neither a .toml file"),
        (["titel=Betreff"], "is neither"),
        (["title=Subject"], "no column is the rowKey"),
        (["rowKey=No", "title=Subject"], "no column is the createdAt"),
        (["rowKey=No", "title=T", "createdAt=C", "decisionType=D"], "source"),
        (["a.toml"], "columns.titel"),
        (["spreadsheet", "b.toml"], "status: approved"),
        (["spreadsheet", "c.toml"], "zone"),
        (["spreadsheet", "d.toml"], "history.pattern"),
        (["spreadsheet", "e.toml"], "e.toml"),
    ],
)
def test_a_mapping_that_says_too_little_or_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: list[str], problem: str
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, '[columns]\ntitel = "x"', "a.toml")
    written(tmp_path, '[status]\n"Freigabe" = "approved"', "b.toml")
    written(tmp_path, 'zone = "Berlin"', "c.toml")
    written(tmp_path, '[history]\ncolumn = "x"\npattern = "("', "d.toml")
    written(tmp_path, "[status", "e.toml")
    with pytest.raises(BadMapping, match=problem):
        understood(given)


NASTY = [
    "x\x00\x0b\x1b[2Jy",
    "x\u202eevil\u2066",
    "\ud800x",
    "\U000e0041x",
    "x\u2028y\x85z",
    "x" * 25_000,
    "1,2;3",
    "\u200bx",
    "-._/x?",
]


@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
def test_whatever_text_a_cell_has_the_api_takes_what_is_made_of_it(text: str) -> None:
    names = {"No": "rowKey", "T": "title", "S": "summary", "R": "reason", "D": "decisionType"}
    maps = [f"{field}={name}" for name, field in names.items()]
    mapping = understood(["thehive", *maps, "createdAt=C", "tags=G", "submissionId=B"])
    row = {"number": ["1"], "C": ["2025-11-03T08:00:00Z"], "endDate": [], "G": [text[:40]]}
    cells = {**row, "No": ["1"], "B": [text[:40]], **{name: [text] for name in ("T", "S", "R")}}
    cells |= {"D": [text[:40]], "tags": [text[:40]], "comments": [text]}

    (one,) = made(Table([], [Row(2, cells)]), mapping, NOW)

    assert one.faults == []
    kept = CaseToImport.model_validate_json(json.dumps(one.body))
    told = "".join([kept.summary or "", *(item.text for item in kept.history)])
    assert told.count("x") >= 2 * text.count("x")


# Export


@each_row("text", ["=1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1", " =1", "\uff1d1"])
def test_what_a_spreadsheet_would_calculate_is_marked_as_text(text: str) -> None:
    assert cell(text).startswith("'")
    assert cell(text).replace("'", "") == text


@each_row("text", ["a;{}=1", "a\n{} @x", "a\t{}-1", "a|{}+1", "a\r\n{}\uff1d1"])
def test_what_would_be_calculated_where_cells_are_separated_otherwise_is_marked_too(
    text: str,
) -> None:
    assert cell(text.format("")) == text.format("'")
    assert cell("a, =1; b") == "a, =1; b"
    assert cell("a; =1, b") == "a;' =1, b"
    assert cell("a, =1; b", ";") == "a,' =1; b"


def test_it_is_exported_by_the_filters_by_which_it_is_listed() -> None:
    own = {"output", "force", "delimiter"}
    assert export_cases.__annotations__.keys() - own == cases.__annotations__.keys() - {"limit"}
