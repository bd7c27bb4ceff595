"""Cases from the files of other systems: each row once, or told by its line."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from tests.cli.conftest import Terminal
from tests.client import Api
from tests.conftest import ROOT
from tests.functions.support import ON_EMBEDDED, trail
from tests.reliability.support import all_pages

pytestmark = ON_EMBEDDED
EXAMPLES = ROOT / "clients" / "python" / "examples" / "import"
BERLIN = ("--zone", "Europe/Berlin")
FILES: dict[str, tuple[tuple[str, ...], list[str]]] = {
    "cases.csv": (
        ("--map", "spreadsheet", *BERLIN),
        ["2025-001", "2025-002", "2025-003", "2025-004", "2025-005"],
    ),
    "thehive.json": (
        ("--map", "thehive", "--map", str(EXAMPLES / "thehive-fields.toml")),
        ["11", "12", "13", "14"],
    ),
    "jira.csv": (
        ("--map", "jira", "--map", str(EXAMPLES / "jira-people.toml"), *BERLIN),
        ["LEG-41", "LEG-42", "LEG-43"],
    ),
}
"""What imports each of our example files, and the ids of its cases."""
SIMPLE = ("--map", "spreadsheet", "--zone", "UTC")
HEAD = "Case no.,Subject,Received,Status,Handler,Closed\n"


def imported(terminal: Terminal, file: Path | str, *options: str, code: int = 0) -> str:
    """What the command says and shows, run by an admin."""
    result = terminal("import", str(file), *options, role="admin", COLUMNS="200")
    assert result.exit_code == code, result.output
    return result.output


def queue(api: Api) -> dict[str, dict[str, Any]]:
    """All cases by their ids."""
    return {one["id"]: one for one in all_pages(api.viewer, "/cases", "cases")}


def written(directory: Path, text: str, name: str = "cases.csv") -> Path:
    """A file with this text."""
    path = directory / name
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize("name", FILES)
def test_each_example_is_shown_first_then_imported_once_on_trails_that_hold(
    terminal: Terminal, api: Api, name: str
) -> None:
    options, ids = FILES[name]

    shown = imported(terminal, EXAMPLES / name, *options, "--dry-run")
    assert queue(api) == {}
    assert f"{len(ids)} would be imported, 0 were there, 0 refused." in shown

    assert f"{len(ids)} imported, 0 were there" in imported(terminal, EXAMPLES / name, *options)
    first = queue(api)
    assert sorted(first) == ids
    for case_id, case in first.items():
        assert case_id in shown
        assert case["title"] in shown
        history = [event["meta"] for event in trail(api, case_id)[1:]]
        assert [one["at"] for one in history] == sorted(one["at"] for one in history)

    assert f"0 imported, {len(ids)} were there" in imported(terminal, EXAMPLES / name, *options)
    assert queue(api) == first


def test_the_commands_of_the_document_import_the_examples(
    terminal: Terminal, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(EXAMPLES)
    document = (ROOT / "docs" / "cli.md").read_text()

    for line in re.findall(r"^caseledger import (.*)$", document, re.MULTILINE):
        imported(terminal, *shlex.split(line))

    assert sorted(queue(api)) == sorted(case_id for _, ids in FILES.values() for case_id in ids)


def test_an_example_of_each_trouble_comes_out_as_it_was_meant(terminal: Terminal, api: Api) -> None:
    for name, (options, _) in FILES.items():
        imported(terminal, EXAMPLES / name, *options)
    found = queue(api)

    # A semicolon file with a byte order mark, quoted texts of two lines, and a comma in a number.
    assert found["2025-001"]["fields"] == {"region": "north", "amount": "1.200,50"}
    assert found["2025-002"]["summary"] == 'She writes:\n"Nobody called me back."'
    # Times in four forms; a mere date is the whole day.
    assert found["2025-001"]["createdAt"] == "2025-11-03T08:15:00Z"
    assert found["2025-002"]["createdAt"] == "2025-11-04T15:40:00Z"
    assert found["2025-003"]["createdAt"] == "2025-11-05T07:00:00Z"
    assert found["2025-003"]["dueAt"] == "2025-11-30T22:59:59Z"
    assert found["2025-002"]["closedAt"] == "2025-11-12T22:59:59Z"
    assert found["LEG-41"]["dueAt"] == "2025-11-28T22:59:59Z"
    assert found["11"]["createdAt"] == "2025-10-06T07:12:00Z"
    assert found["LEG-41"]["createdAt"] == "2025-11-03T08:05:00Z"
    # Their words for ours, and an assignee who is nobody.
    assert [found[name]["status"] for name in ("11", "12", "13", "LEG-43")] == [
        "closed",
        "in_review",
        "new",
        "needs_info",
    ]
    assert found["LEG-43"]["assignedTo"] is found["2025-004"]["assignedTo"] is None
    assert found["LEG-42"]["assignedTo"] == "paul@example.com"
    # Columns that are there several times, and a field within a field.
    assert found["LEG-41"]["tags"] == ["supplier", "licence"]
    assert [event["meta"]["text"] for event in trail(api, "LEG-41")[1:]] == [
        "Asked the register; they answer by Friday.",
        "No answer yet.",
    ]
    assert found["11"]["fields"]["businessUnit"] == "finance"


def test_a_row_with_errors_is_told_by_its_line_and_nothing_is_imported(
    terminal: Terminal, api: Api, tmp_path: Path
) -> None:
    file = written(
        tmp_path,
        HEAD
        + "1,Good,2025-11-03,open,,\n"
        + "2,,2025-11-03,open,,\n"
        + '3,"Two\nlines",yesterday,Wontfix,kim,\n'
        + "1,Again,2025-11-03,Wontfix,,\n"
        + "5,Wide,2025-11-03,open,,,one,two\n",
    )

    said = imported(terminal, file, *SIMPLE, code=1)

    assert "line 3: title: the column Subject is empty" in said
    assert "line 4: createdAt: yesterday is no time in a known form" in said
    assert "line 4: assignedTo: kim is no address" in said
    assert "lines 4, 6: status: Wontfix is none of" in said
    assert "line 6: rowKey: 1 is also that of line 2" in said
    assert "line 7: has 8 cells, and there are 6 columns" in said
    assert "nothing is imported: 4 of 5 rows have errors" in said
    assert queue(api) == {}

    assert "1 imported, 0 were there, 4 refused" in imported(
        terminal, file, *SIMPLE, "--skip-errors", code=1
    )
    assert list(queue(api)) == ["1"]


def test_what_many_rows_have_in_common_is_told_once(terminal: Terminal) -> None:
    said = imported(terminal, EXAMPLES / "jira.csv", "--map", "jira", code=1)

    assert "lines 2, 6, 8: createdAt: is without a time zone: name it with --zone" in said
    assert 'line 2: assignedTo: vera is no address: say who that is, as "vera" =' in said


def test_what_the_server_refuses_is_told_by_its_line_and_the_others_are_imported(
    terminal: Terminal, api: Api, tmp_path: Path
) -> None:
    api.verifier.create(id="2")
    file = written(
        tmp_path, HEAD + "1,A,2027-01-01,open,,\n2,B,2025-11-03,open,,\n3,C,2025-11-03,open,,\n"
    )

    for more in (("--dry-run",), ()):
        said = imported(terminal, file, *SIMPLE, *more, code=1)
        assert "line 2: createdAt: must not be in the future" in said
        assert "line 3: cases/2 exists" in said

    assert sorted(queue(api)) == ["2", "3"]
    result = terminal("import", str(file), *SIMPLE, "--json", role="admin")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(row["line"], row["outcome"]) for row in rows] == [
        (2, "refused"),
        (3, "refused"),
        (4, "there"),
    ]
    denied = terminal("import", str(file), *SIMPLE, role="pilot")
    assert denied.exit_code == 4
    assert "run the same command again" not in denied.output


def test_killed_between_a_commit_and_its_answer_and_run_again_it_is_complete_and_nothing_is_twice(
    terminal: Terminal, api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = 8
    file = written(
        tmp_path, HEAD + "".join(f"{row},Case {row},2025-11-03,open,,\n" for row in range(number))
    )
    child: list[subprocess.Popen[bytes]] = []
    served, asked = api.app.wsgi_app, count(1)

    def killing(environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        answer = served(environ, start)
        if next(asked) == number // 2:
            child[0].send_signal(signal.SIGKILL)
            child[0].wait()
        return answer

    monkeypatch.setattr(api.app, "wsgi_app", killing)
    env = {name: value for name, value in terminal.env("admin").items() if value is not None}
    command = [sys.executable, "-c", "from caseledger.cli import main; main()"]
    path = os.pathsep.join(one for one in sys.path if one)
    child.append(
        subprocess.Popen(
            [*command, "import", str(file), *SIMPLE],
            env={**os.environ, **env, "PYTHONPATH": path},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    )
    assert child[0].wait(60) == -signal.SIGKILL
    monkeypatch.setattr(api.app, "wsgi_app", served)
    assert len(queue(api)) == number // 2

    said = imported(terminal, file, *SIMPLE)

    assert f"{number // 2} imported, {number // 2} were there" in said
    assert len(queue(api)) == number
    assert all(len(trail(api, case_id)) == 1 for case_id in queue(api))


def test_a_server_that_goes_away_leaves_the_rest_for_the_next_run(
    terminal: Terminal, api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(
        tmp_path, HEAD + "".join(f"{row},Case {row},2025-11-03,open,,\n" for row in range(4))
    )
    served, asked = api.app.wsgi_app, count(1)

    def failing(environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        if next(asked) > 2:
            start("503 Service Unavailable", [])
            return [b""]
        return served(environ, start)

    monkeypatch.setattr(api.app, "wsgi_app", failing)
    said = imported(terminal, file, *SIMPLE, code=7)
    monkeypatch.setattr(api.app, "wsgi_app", served)

    assert "2 imported" in said
    assert "2 rows are left: run the same command again" in said
    assert "2 imported, 2 were there" in imported(terminal, file, *SIMPLE)


def test_a_workbook_is_read_with_its_dates_numbers_and_sheets(
    terminal: Terminal, api: Api, tmp_path: Path
) -> None:
    book = openpyxl.Workbook()
    book.create_sheet("Cases").append(["Case no.", "Subject", "Received", "Status", "Amount"])
    book["Cases"].append([17.0, "From a workbook", datetime(2025, 11, 3, 9, 15), "Open", 12.5])  # noqa: DTZ001
    book["Cases"].append([None, "  ", None, None, None])
    book["Cases"].append([18, "Another", datetime(2025, 11, 4), "done", None])  # noqa: DTZ001
    file = tmp_path / "cases.xlsx"
    book.save(file)

    said = imported(terminal, file, "--map", "spreadsheet", *BERLIN, "--sheet", "Cases")

    assert "1 empty rows are left out" in said
    assert "2 imported" in said
    found = queue(api)["17"]
    assert (found["createdAt"], found["fields"]) == ("2025-11-03T08:15:00Z", {"amount": 12.5})
    assert imported(terminal, file, "--map", "spreadsheet", "--sheet", "None", code=2)


def test_a_cell_of_a_workbook_that_has_no_value_is_told_and_not_taken_for_an_empty_one(
    terminal: Terminal, api: Api, tmp_path: Path
) -> None:
    book, day = openpyxl.Workbook(), datetime(2025, 11, 3, 9, 15)  # noqa: DTZ001
    for row in (
        ["The cases of the department"],
        ["Case no.", "Subject", "Received", "Due"],
        [1, "No value", day, "=C3+14"],  # as what is no program for spreadsheets writes it
        [2, "An error", day, "#N/A"],
        [3, "Days since 1900", 45000, None],
        [4, "Well", day, None],
    ):
        book["Sheet"].append(row)
    file = tmp_path / "cases.xlsx"
    book.save(file)

    said = imported(terminal, file, "--map", "spreadsheet", *BERLIN, "--skip-errors", code=1)

    assert "the names of the columns are in line 2" in said
    assert "line 3: dueAt: the column Due has a formula without its value" in said
    assert "line 4: dueAt: the column Due has the error #N/A" in said
    assert "line 5: createdAt: 45000 is a number, and no time" in said
    assert list(queue(api)) == ["4"]


def test_values_that_are_wrong_for_the_same_reason_are_told_of_together(
    terminal: Terminal, tmp_path: Path
) -> None:
    rows = "".join(f"{n},Case {n},{n}th of May,new,,\n" for n in range(1, 31))

    said = imported(terminal, written(tmp_path, HEAD + rows + rows[:24]), *SIMPLE, code=1)

    assert (
        "lines 2, 3, 4, 5, 6, 7, 8, 9 and 23 more: createdAt: 1th of May (and 29 like it)" in said
    )
    assert said.count("is also that of line 2") == 1
    assert len(said.splitlines()) == 4


# Export


def test_the_queue_is_written_as_csv_in_which_no_text_is_a_formula(
    terminal: Terminal, api: Api, tmp_path: Path
) -> None:
    evil = '=HYPERLINK("http://evil.example","x")'
    api.verifier.create(id="A", title=evil, tags=["a", "b"], fields={"sum": -5, "who": "@me"})
    api.verifier.create(id="B", title='Quote "this", please', summary="a\nb", fields={"sum": 1.5})
    api.verifier.create(id="C", decisionType="other")

    terminal.done("export", "cases", "--type", "csf_practitioner", "-o", "q.csv", role="viewer")

    raw = (tmp_path / "q.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    rows = {row["id"]: row for row in csv.DictReader(io.StringIO(raw.decode("utf-8-sig")))}
    assert sorted(rows) == ["A", "B"]
    assert rows["A"]["title"] == f"'{evil}"
    assert (rows["A"]["fields.sum"], rows["A"]["fields.who"]) == ("-5", "'@me")
    assert (rows["A"]["tags"], rows["A"]["overdue"]) == ("a, b", "false")
    assert rows["B"]["title"] == 'Quote "this", please'
    assert terminal("export", "cases", "-o", "q.csv").exit_code == 2
    terminal.done("export", "cases", "--delimiter", ";", "-o", "q.csv", "--force")
    written = (tmp_path / "q.csv").read_text(encoding="utf-8-sig")
    assert {row["id"] for row in csv.DictReader(io.StringIO(written), delimiter=";")} == set("ABC")
    shown = terminal.done("export", "cases", "-o", "-").stdout
    assert [row["id"] for row in csv.DictReader(io.StringIO(shown))] == ["C", "B", "A"]
