"""Bring cases along from the file of another system."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from caseledger import Problem, profile, terminal
from caseledger.commands.cases import due
from caseledger.exits import Exit, exit_of
from caseledger.importing.making import Made, Wrong, made
from caseledger.importing.mapping import REQUIRED, BadMapping, Understood, shipped, understood
from caseledger.importing.reading import Table, UnreadableFile, read
from caseledger.profile import Caller
from caseledger.terminal import Json

_OURS = ", ".join(shipped())
_NAMED = 8
"""So many lines are named that have the same fault."""
_PATIENCE = 5
"""It waits so many times as long for the server: a caller has a budget for each minute."""
_OF_ROW = (400, 404, 409, 413, 422)
"""What an answer says of one row; every other error would come for each of them."""


@dataclass
class Result:
    """What became of a row: `imported`, `there` (it was imported before) or `refused`."""

    line: int
    key: str | None
    outcome: str
    case: dict[str, Any] | None = None
    faults: list[Wrong] = field(default_factory=list)


def import_cases(  # noqa: PLR0913 - what may be said of a file
    file: Annotated[Path, typer.Argument(help="A .csv, .xlsx, .json or .jsonl file.")],
    *,
    mapping: Annotated[
        list[str],
        typer.Option(
            "--map",
            help=f"{_OURS}; a .toml file; or FIELD=COLUMN. Repeat it: the last wins.",
        ),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be, and import nothing.")
    ] = False,
    source: Annotated[
        str | None,
        typer.Option(help="What the other system is called, if not as the mapping says."),
    ] = None,
    zone: Annotated[
        str | None, typer.Option(help="The zone of times without one, such as Europe/Berlin.")
    ] = None,
    sheet: Annotated[str | None, typer.Option(help="Which sheet of a workbook.")] = None,
    skip_errors: Annotated[
        bool, typer.Option("--skip-errors", help="Import the other rows where some have errors.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Import cases from a file, with their history; each row once, however often it is run.

    Where a row cannot be understood, nothing is imported, unless --skip-errors. Interrupted, run it
    again: it goes on. For admins.
    """
    table, how = _read(file, mapping, source=source, zone=zone, sheet=sheet)
    rows = made(table, how, terminal.now())
    _tell_of(table, how)
    bad = [
        Result(one.line, one.body.get("rowKey"), "refused", None, one.faults)
        for one in rows
        if one.faults
    ]
    good = [one for one in rows if not one.faults]
    if bad and not (dry_run or skip_errors):
        _print(bad, dry_run=False, as_json=as_json)
        told = f"nothing is imported: {len(bad)} of {len(rows)} rows have errors"
        raise terminal.fail(
            f"{told}. Mend them, or import the others with --skip-errors", Exit.REFUSED
        )
    results = list(bad)
    denied = False
    try:
        with profile.client() as client, terminal.progress("Cases", len(good)) as shown:
            for one in _sent(client, good, dry_run=dry_run):
                results.append(one)
                shown.advance(shown.task_ids[0])
    except Problem as problem:
        denied = exit_of(problem.code) is Exit.DENIED
        raise
    finally:
        # Also of what was done before something went wrong.
        _print(sorted(results, key=lambda one: one.line), dry_run=dry_run, as_json=as_json)
        if (left := len(good) + len(bad) - len(results)) and not denied:
            terminal.say(f"{left} rows are left: run the same command again, and it goes on.")
    if any(one.outcome == "refused" for one in results):
        raise typer.Exit(Exit.REFUSED)


def _read(
    file: Path, mapping: list[str], *, source: str | None, zone: str | None, sheet: str | None
) -> tuple[Table, Understood]:
    try:
        how = understood(mapping, source=source, zone=zone)
        table = read(file, sheet, how.used)
    except BadMapping as error:
        raise terminal.fail(f"--map: {error}", Exit.USAGE) from None
    except UnreadableFile as error:
        raise terminal.fail(f"{file}: {error}", Exit.USAGE) from None
    except OSError as error:
        raise terminal.fail(f"{file}: {error.strerror}", Exit.USAGE) from None
    for name in REQUIRED:
        column = how.columns.get(name)
        if column and name not in how.values and not any(one.values(column) for one in table.rows):
            told = f"{file}: has nothing in a column {column}, which is to be the {name}"
            has = ", ".join(table.columns)
            raise terminal.fail(f"{told}: use --map {name}=COLUMN. It has {has}", Exit.USAGE)
    return table, how


def _tell_of(table: Table, how: Understood) -> None:
    for note in table.notes:
        terminal.say(f"Note: {note}.")
    if table.empty:
        terminal.say(f"Note: {table.empty} empty rows are left out.")
    # Of JSON, a column is a path.
    used = {part for column in how.used for part in (column, column.split(".")[0])}
    if unused := [name for name in table.columns if name not in used]:
        terminal.say(f"Note: no field is made of {', '.join(unused)}.")


def _sent(client: Caller, rows: list[Made], *, dry_run: bool) -> Iterator[Result]:
    """What became of each row. Raises Problem where no other row would fare better."""
    patience = _PATIENCE * profile.RETRY_FOR
    for row in rows:
        key = row.body["rowKey"]
        try:
            params = {"dryRun": "true"} if dry_run else None
            # The row is its own key: it is imported once, whatever is sent.
            answer = client.request(
                *("POST", "/cases:import"), json=row.body, params=params, retry_for=patience
            )
        except Problem as problem:
            if problem.code not in _OF_ROW:
                raise
            yield Result(row.line, key, "refused", None, _faults_of(problem))
            continue
        there = answer.headers.get("Idempotent-Replayed") == "true"
        yield Result(row.line, key, "there" if there else "imported", answer.json())


def _faults_of(problem: Problem) -> list[Wrong]:
    named = [
        Wrong(str(one["field"]), str(one.get("description", problem.message)))
        for one in problem.details
        if "field" in one
    ]
    return named or [Wrong("", problem.message)]


def _print(results: list[Result], *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        for one in results:
            terminal.print_json(_told(one, dry_run=dry_run))
        return
    if dry_run:
        heads = (">line", "row", "what", "case", "status", "due", "<assigned to", "<title")
        terminal.print_table(heads, [_cells(one) for one in results if one.case])
    for text in _grouped(results):
        terminal.say(text)
    counts = {
        name: sum(one.outcome == name for one in results)
        for name in ("imported", "there", "refused")
    }
    would = "would be imported" if dry_run else "imported"
    terminal.say(
        f"{counts['imported']} {would}, {counts['there']} were there, {counts['refused']} refused."
    )


def _cells(one: Result) -> list[terminal.Cell]:
    case = one.case or {}
    what = "is there" if one.outcome == "there" else "new"
    return [
        *(str(one.line), one.key, what, case["id"], case["status"], due(case)),
        *(case["assignedTo"], case["title"]),
    ]


def _told(one: Result, *, dry_run: bool) -> dict[str, Any]:
    faults = [{"field": fault.field, "description": fault.description} for fault in one.faults]
    found = {"line": one.line, "rowKey": one.key, "outcome": one.outcome, "errors": faults}
    return {**found, "dryRun": dry_run, "case": one.case}


def _grouped(results: list[Result]) -> Iterator[str]:
    """Each fault with the lines that have it, and one of the values that are wrong in that way."""
    lines: dict[tuple[str, str], list[int]] = {}
    values: dict[tuple[str, str], dict[str, None]] = {}
    for one in results:
        for fault in one.faults:
            alike = fault.field, fault.why
            lines.setdefault(alike, []).append(one.line)
            values.setdefault(alike, {})[fault.value] = None
    for (name, why), where in lines.items():
        named = ", ".join(map(str, where[:_NAMED]))
        more = f" and {len(where) - _NAMED} more" if len(where) > _NAMED else ""
        first, *others = values[name, why]
        text = Wrong(name, why, f"{first} (and {len(others)} like it)" if others else first)
        begin = f"line{'s' if len(where) > 1 else ''} {named}{more}: "
        yield begin + (f"{name}: {text.description}" if name else text.description)
