"""The queue as a CSV file, for spreadsheets."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from caseledger import profile, terminal
from caseledger.commands import given
from caseledger.commands.cases import (
    Due,
    Overdue,
    Search,
    SeverityOption,
    StatusOption,
    Tags,
    TypeOption,
)
from caseledger.commands.download import require_free
from caseledger.commands.exports import Force

COLUMNS = (
    *("id", "title", "status", "decisionType", "severity", "assignedTo", "createdAt", "dueAt"),
    *("overdue", "closedAt", "submissionId", "tags", "summary", "createdBy", "updatedAt"),
)
_PAGE = 200
_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
"""What a spreadsheet takes for the beginning of a formula, which may call programs."""


def export_cases(  # noqa: PLR0913 - every filter of the queue
    *,
    status: StatusOption = [],  # noqa: B006 - typer takes a copy
    assigned_to: Annotated[
        str | None, typer.Option(help="Assigned to this person; me is you.")
    ] = None,
    unassigned: Annotated[bool, typer.Option("--unassigned", help="Assigned to nobody.")] = False,
    decision_type: TypeOption = None,
    severity: SeverityOption = None,
    tags: Tags = [],  # noqa: B006
    overdue: Overdue = False,
    due_until: Due = None,
    search: Search = None,
    created_since: Annotated[
        str | None, typer.Option(help=f"Opened at or after {given.TIME.format('ago')}.")
    ] = None,
    sort: Annotated[
        Literal["createdAt", "dueAt"] | None, typer.Option(help="Newest first, or due first.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write; - is the output.")
    ] = None,
    force: Force = False,
) -> None:
    """Write the cases of a queue as CSV, all that the filters find. Filters combine.

    A text that a spreadsheet would take for a formula begins with an apostrophe.
    """
    file = output or Path("cases.csv")
    if str(file) != "-":
        require_free(file, force=force)
    query = given.params(
        status=status,
        assigned_to=assigned_to,
        unassigned=unassigned or None,
        decision_type=decision_type,
        severity=severity,
        tags=tags,
        overdue=overdue or None,
        due_until=given.ahead(due_until) if due_until else None,
        search=search,
        created_since=given.ago(created_since) if created_since else None,
        sort=sort,
        page_size=_PAGE,
    )
    with profile.client() as client, terminal.progress("Cases") as shown:
        rows: list[dict[str, Any]] = []
        for row in client.pages("/cases", query):
            rows.append(row)
            shown.advance(shown.task_ids[0])
    text = "".join(lines(rows))
    if str(file) == "-":
        sys.stdout.write(text)
        return
    # With its mark, spreadsheets read it as UTF-8.
    file.write_text(text, encoding="utf-8-sig", newline="")
    terminal.say(f"Wrote {file}: {len(rows)} cases.")


def lines(cases: Iterable[dict[str, Any]]) -> Iterator[str]:
    """The lines of a CSV file (RFC 4180) of cases, with a column for each of their own fields."""
    rows = list(cases)
    own = list(dict.fromkeys(name for row in rows for name in row["fields"]))
    yield _line([*COLUMNS, *(f"fields.{name}" for name in own)])
    for row in rows:
        yield _line([*(row[name] for name in COLUMNS), *(row["fields"].get(name) for name in own)])


def _line(values: Iterable[Any]) -> str:
    written = io.StringIO()
    csv.writer(written).writerow(map(cell, values))
    return written.getvalue()


def cell(value: Any) -> Any:
    """A value as a cell: texts that would be formulas are marked as texts."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        value = ", ".join(value)
    if not isinstance(value, str):
        return value
    # Spreadsheets also look behind spaces.
    return f"'{value}" if value.lstrip(" ").startswith(_FORMULA) else value
