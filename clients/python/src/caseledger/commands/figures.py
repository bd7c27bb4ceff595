"""Figures: what is open and late, what was asked and decided."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from caseledger import profile, terminal
from caseledger.commands import given
from caseledger.terminal import Cell, Json


def stats(
    *,
    by: Annotated[
        Literal["day", "decisionType", "agent", "tool", "pilot"] | None,
        typer.Option(help="A row for each."),
    ] = None,
    since: Annotated[
        str | None, typer.Option(help=f"The period: from {given.TIME.format('ago')}.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(help=f"The period: until {given.TIME.format('ago')}.")
    ] = None,
    decision_type: Annotated[
        str | None, typer.Option("--type", help="Only cases of this type of decision.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Count cases and questions as they are now, or, with an option, what happened in a period.

    A period is of whole days in UTC, by default the last 28. Medians are at most 11 % off.
    """
    query = given.params(
        by=by,
        since=since and given.day_ago(since),
        until=until and given.day_ago(until),
        decision_type=decision_type,
    )
    with profile.client() as client:
        if query:
            found = client.request("GET", "/figures", params=query).json()
            shows = _print_period
        else:
            cases = client.request("GET", "/cases:stats").json()
            asked = client.request("GET", "/interventions:metrics").json()
            found, shows = {"cases": cases, "interventions": asked}, _print_now
    if as_json:
        terminal.print_json(found)
    else:
        shows(found)


def _print_now(found: dict[str, Any]) -> None:
    cases, asked = found["cases"], found["interventions"]
    terminal.print_title(f"Cases: {cases['caseCount']:,}")
    late = cases["overdue"]
    terminal.print_facts(
        [
            *((name, f"{number:,}") for name, number in cases["casesByStatus"].items()),
            ("overdue", (f"{late:,}", "red" if late else "")),
            ("wait for answers", f"{cases['waiting']:,}"),
            ("yours", f"{cases['mine']:,}"),
            ("unassigned", f"{cases['unassigned']:,}"),
        ]
    )
    terminal.print_title(f"Questions: {asked['total']:,}", apart=True)
    terminal.print_facts(
        [
            *((name, f"{number:,}") for name, number in asked["byStatus"].items()),
            ("decided within", _span(asked["averageResolutionSeconds"], "on average")),
        ]
    )
    terminal.print_text(f"\nAs of {terminal.moment(cases['asOf'])}", "dim")


def _print_period(found: dict[str, Any]) -> None:
    terminal.print_title(f"From {found['since'][:10]} to the beginning of {found['until'][:10]}")
    in_time = sum(one["inTime"] for one in found["closed"])
    late = sum(one["late"] for one in found["closed"])
    terminal.print_facts(
        [
            ("cases closed", f"{in_time + late:,}, {late:,} of them late"),
            ("questions asked", f"{found['created']:,}"),
            ("decided", f"{found['decided']:,}"),
            ("expired", f"{found['expired']:,}"),
            ("decided within", _span(found["medianSecondsToDecide"], "in the median")),
            ("overdue now", f"{found['overdue']:,}"),
        ]
    )
    rows = found.get("rows") or []
    if rows:
        terminal.print_text("")
        heads = list(dict.fromkeys(head for row in rows for head in _numbers(row)))
        terminal.print_table(
            ("", *(f">{head}" for head in heads)),
            [
                (
                    row["name"] or row["key"] or "all others",
                    *(_numbers(row).get(head, "") for head in heads),
                )
                for row in rows
            ],
        )


_HEADS = {
    "cases": {"created": "opened", "closedInTime": "in time", "closedLate": "late"},
    "interventions": {
        "created": "asked",
        "decided": "decided",
        "approved": "appr.",
        "edited": "edit.",
        "rejected": "rej.",
        "answered": "answ.",
        "expired": "exp.",
        "lapsed": "lapsed",
    },
}


def _numbers(row: dict[str, Any]) -> dict[str, Cell]:
    return {
        head: f"{row[part][name]:,}" if row[part][name] else ""
        for part, heads in _HEADS.items()
        for name, head in heads.items()
        if (row.get(part) or {}).get(name) is not None
    }


def _span(seconds: float | None, how: str) -> str:
    return "" if seconds is None else f"{terminal.span(seconds)} {how}"
