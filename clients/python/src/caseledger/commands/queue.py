"""The queue as a CSV file, for spreadsheets."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from caseledger import profile, terminal
from caseledger.commands.download import require_free
from caseledger.commands.exports import Force
from caseledger.commands.filters import filtered
from caseledger.terminal import Json

COLUMNS = (
    *("id", "title", "status", "decisionType", "severity", "assignedTo", "createdAt", "dueAt"),
    *("overdue", "closedAt", "submissionId", "tags", "summary", "createdBy", "updatedAt"),
)
_PAGE = 200
_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
"""What a spreadsheet takes for the beginning of a formula, which may call programs."""
_INNER = {
    own: re.compile(f"([{other}|\t\r\n])(?=[ ]*[-=+@\uff1d\uff0b\uff0d\uff20])")
    for own, other in ((",", ";"), (";", ","))
}
"""By what separates our cells: where one begins for a spreadsheet that takes something else."""


@filtered
def export_cases(
    query: dict[str, Any],
    *,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The file to write; - is the terminal.")
    ] = Path("cases.csv"),
    delimiter: Annotated[
        Literal[",", ";"],
        typer.Option(help="What separates columns: ; where Excel takes the comma for decimals."),
    ] = ",",
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Write the cases of a queue as CSV, all that the filters find. Filters combine.

    A text that a spreadsheet would take for a formula begins with an apostrophe.
    """
    if str(output) != "-":
        require_free(output, force=force)
    query["pageSize"] = _PAGE
    rows: list[dict[str, Any]] = []
    with profile.client() as client, terminal.progress("Cases") as shown:
        for row in client.pages("/cases", query):
            rows.append(row)
            shown.advance(shown.task_ids[0])
    text = "".join(lines(rows, delimiter))
    if str(output) == "-":
        terminal.print_file(text)
        return
    # With its mark, spreadsheets read it as UTF-8.
    output.write_text(text, encoding="utf-8-sig", newline="")
    if as_json:
        terminal.print_json({"file": str(output), "cases": len(rows)})
    else:
        terminal.say(f"Wrote {output}: {len(rows)} cases.")


def lines(cases: Iterable[dict[str, Any]], delimiter: str = ",") -> Iterator[str]:
    """The lines of a CSV file (RFC 4180) of cases, with a column for each of their own fields."""
    rows = list(cases)
    own = list(dict.fromkeys(name for row in rows for name in row["fields"]))
    yield _line([*COLUMNS, *(f"fields.{name}" for name in own)], delimiter)
    for row in rows:
        values = [*(row[name] for name in COLUMNS), *(row["fields"].get(name) for name in own)]
        yield _line(values, delimiter)


def _line(values: Iterable[Any], delimiter: str) -> str:
    written = io.StringIO()
    csv.writer(written, delimiter=delimiter).writerow(cell(one, delimiter) for one in values)
    return written.getvalue()


def cell(value: Any, delimiter: str = ",") -> Any:
    """A value as a cell: texts that would be formulas are marked as texts."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        value = ", ".join(value)
    if not isinstance(value, str):
        return value
    # Spreadsheets also look behind spaces.
    value = _INNER[delimiter].sub(r"\1'", value)
    return f"'{value}" if value.lstrip(" ").startswith(_FORMULA) else value
