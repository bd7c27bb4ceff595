"""What commands write: tables, facts and JSON. Nothing that others wrote acts on the terminal.

What cannot be seen in a text is written out (`escaping`), and one in Rich's markup could pass for
ours, so markup is off.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from caseledger import Problem
from caseledger.escaping import exactly as exactly  # noqa: PLC0414 - commands find them here
from caseledger.escaping import line as line  # noqa: PLC0414
from caseledger.escaping import lines as lines  # noqa: PLC0414
from caseledger.exits import SERVER_ERRORS, UNAUTHENTICATED

Json = Annotated[bool, typer.Option("--json", help="Print JSON, one resource a line.")]
"""The option that every command has."""
Cell = str | tuple[str, str] | None
"""A text, or a text and its style."""

_LEAST = 16
"""A table whose texts would have fewer columns than that is no table: see `_print_stacked`."""
_PIPED_COLUMNS = 10_000
"""Where the output is no terminal, a row is one line, and nothing is cut."""


class _Console(Console):
    """Shows each text as it is: to forget `lines` somewhere does no harm."""

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(lines(text), **options)


def out(*, errors: bool = False) -> Console:
    """Where results go; with `errors`, where messages go."""
    told = sys.stderr if errors else sys.stdout
    cut = told.isatty() or os.environ.get("COLUMNS")
    return _Console(
        stderr=errors,
        markup=False,
        emoji=False,
        highlight=False,
        width=None if cut else _PIPED_COLUMNS,
    )


def say(text: str) -> None:
    """A message to the person, beside the results; a path in it is not broken into lines."""
    out(errors=True).print(Text(lines(text)), soft_wrap=True)


def print_whole(text: str) -> None:
    """A line to be copied, which the terminal alone breaks where it is too long."""
    out().print(Text(line(text)), soft_wrap=True)


def fail(text: str, code: int) -> typer.Exit:
    """Says what is wrong; raise what it gives."""
    say(f"caseledger: {text}")
    return typer.Exit(code)


def refused(problem: Problem, code: int) -> typer.Exit:
    """Says what the API refused, field by field; raise what it gives."""
    say(line(f"caseledger: {problem.code} {problem.status}: {problem.message}"))
    for detail in problem.details:
        named = detail.get("field") or detail.get("id")
        told = f"{named}: {detail.get('description')}"
        if named and detail.get("description") and told != problem.message:
            say(line(f"  {told}"))
    if problem.code == UNAUTHENTICATED:
        say("Log in again: caseledger login")
    if problem.code >= SERVER_ERRORS and problem.request_id:
        say(f"  request {problem.request_id}")
    return typer.Exit(code)


def print_json(value: Any) -> None:
    """A resource on one line of ASCII, so that nothing in it acts on the terminal."""
    sys.stdout.write(json.dumps(value) + "\n")


def styled(cell: Cell) -> Text:
    """A cell as it is shown, on one line."""
    text, style = (cell, "") if isinstance(cell, str) else cell or ("", "")
    # The style is of the text alone, and not of the space beside it.
    return Text().append(line(text), style=style)


def print_table(heads: Sequence[str], rows: Iterable[Sequence[Cell]], *, empty: str = "") -> None:
    """Rows below their heads; a column that says nothing is left out. `empty` is for no rows.

    A head that begins with `<` is of a column that may be cut, one with `>` of numbers. In a narrow
    terminal, a row is several lines without heads.
    """
    shown = [list(map(styled, row)) for row in rows]
    if not shown:
        if empty:
            say(empty)
        return
    kept = [number for number in range(len(heads)) if any(row[number].plain for row in shown)]
    cut = [number for number in kept if heads[number].startswith("<")]
    whole = [number for number in kept if number not in cut]
    wide = sum(2 + max(row[number].cell_len for row in shown) for number in whole)
    if cut and out().width - wide < _LEAST:
        _print_stacked(([row[n] for n in whole], [row[n] for n in cut]) for row in shown)
    else:
        _print_columns([heads[n] for n in kept], [[row[n] for n in kept] for row in shown])


def _print_columns(heads: list[str], rows: list[list[Text]]) -> None:
    table = _table(header_style="bold")
    for head in heads:
        # What must not be cut is not asked to give way; the others are cut, and never wrapped.
        table.add_column(
            head.lstrip("<>"),
            no_wrap=not head.startswith("<"),
            overflow="ellipsis" if head.startswith("<") else "fold",
            justify="right" if head.startswith(">") else "left",
        )
    for row in rows:
        for cell in row:
            cell.no_wrap = True
        table.add_row(*row)
    _print(table)


def _print_stacked(rows: Iterable[tuple[list[Text], list[Text]]]) -> None:
    """Of each row what is never cut, and behind it what may be; no cell is broken between lines."""
    console = out()
    for whole, cut in rows:
        for cell in cut:
            cell.truncate(console.width - 2, overflow="ellipsis")
        packed = [Text()]
        for cell in filter(None, (*whole, *cut)):
            if packed[-1] and packed[-1].cell_len + 2 + cell.cell_len > console.width:
                packed.append(Text())
            packed[-1].append("  " if packed[-1] or len(packed) > 1 else "").append_text(cell)
        console.print(*packed, sep="\n")


def print_facts(facts: Iterable[tuple[str, Cell]]) -> None:
    """Names and values, one a line; what there is nothing to say of is left out."""
    table = _table(show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts:
        if value not in (None, "", ("", "")):
            table.add_row(Text(line(name), style="dim"), styled(value))
    _print(table)


def print_changes(changes: Iterable[tuple[str, str, str]]) -> None:
    """Names and values, each with `-` where it is gone, `+` where it is new, or nothing."""
    table = _table(show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    for cells in changes:
        style = {"-": "red", "+": "green"}.get(cells[0], "dim")
        table.add_row(*(styled((cell, style)) for cell in cells))
    _print(table)


def _table(**options: Any) -> Table:
    return Table(box=None, pad_edge=False, show_edge=False, **options)


def _print(table: Table) -> None:
    """Without the spaces at the ends of its lines, which whoever copies them would get."""
    console = out()
    with console.capture() as captured:
        console.print(table)
    if table.row_count:
        told = "".join(f"{row.rstrip(' ')}\n" for row in captured.get().rstrip("\n").split("\n"))
        sys.stdout.write(told)


def print_file(text: str) -> None:
    """The content of a file, as it is where it is piped."""
    if sys.stdout.isatty():
        text = lines(text.replace("\r\n", "\n"))
    sys.stdout.write(text)


def print_title(text: str, *, apart: bool = False) -> None:
    """A head above what follows; `apart` from what is above it."""
    if apart:
        out().print()
    out().print(Text(line(text), style="bold"))


def print_text(text: str, style: str = "") -> None:
    """A text of ours, of several lines."""
    out().print(Text(lines(text), style=style))


def print_quote(text: str) -> None:
    """A text of somebody else, of several lines: none of them passes for one of ours."""
    console = out()
    for row in Text(lines(text)).wrap(console, max(1, console.width - 2)):
        console.print(Text("| ").append_text(row), soft_wrap=True)


@contextmanager
def progress(what: str, total: float | None = None) -> Iterator[Progress]:
    """A bar beside the results while something takes long; nothing where nobody looks.

    Its first task is 0. `total` is None where it is not known.
    """
    console = out(errors=True)
    columns = TextColumn("{task.description}", markup=False), BarColumn(), _counted()
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as shown:
        shown.add_task(line(what), total=total)
        yield shown


def _counted() -> TextColumn:
    return TextColumn("{task.completed:,.0f}", markup=False)


def time_of(text: str | None) -> datetime | None:
    """A time of the API."""
    return datetime.fromisoformat(text) if text else None


def moment(text: str | None) -> str:
    """A time of the API on the reader's clock."""
    found = time_of(text)
    return found.astimezone().strftime("%Y-%m-%d %H:%M %Z") if found else ""


def day(text: str | None) -> str:
    """The day of a time of the API on the reader's clock; a text that is no time, as it is."""
    try:
        found = time_of(text)
    except ValueError:
        return str(text)
    return found.astimezone().strftime("%Y-%m-%d") if found else ""


_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def span(seconds: float) -> str:
    """A duration in its largest unit."""
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def since(text: str | None) -> str:
    """How long ago a time was."""
    found = time_of(text)
    return f"{span((now() - found).total_seconds())} ago" if found else ""


def until(text: str | None) -> Cell:
    """How long it is to a time, or since it has passed."""
    found = time_of(text)
    if not found:
        return None
    left = (found - now()).total_seconds()
    return f"in {span(left)}" if left >= 0 else (f"{span(-left)} late", "red")


def now() -> datetime:
    """The present."""
    return datetime.now(UTC)
