"""The queue of cases: list it, show a case or a question, claim one."""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Any

import typer

from caseledger import Client, Problem, profile, terminal
from caseledger.commands import given, question
from caseledger.commands.filters import (
    Search,
    SeverityOption,
    StatusOption,
    Tags,
    TypeOption,
    filtered,
)
from caseledger.profile import segment
from caseledger.terminal import Cell, Json

_WIDE_ID = 24
_LATEST = 10
_IMPORTED = "imported"
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")]


@filtered
def cases(
    query: dict[str, Any],
    *,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List cases: newest first, or with --overdue and --due-until due first. Filters combine."""
    query["pageSize"] = min(limit + 1, 200)
    with profile.client() as client:
        rows = list(islice(client.pages("/cases", query), limit + 1))
    more, rows = len(rows) > limit, rows[:limit]
    if as_json:
        for row in rows:
            terminal.print_json(row)
    else:
        _print_queue(rows)
    if more:
        terminal.say(f"There are more than {limit}: --limit shows more.")


def _print_queue(rows: list[dict[str, Any]]) -> None:
    # Beside ids of 36 letters there is no room for all of it in 80 columns.
    narrow = all(len(one["id"]) <= _WIDE_ID for one in rows)
    heads = ("id", "status", "due", *(("stake", "<assigned") if narrow else ()), "<title")
    terminal.print_table(
        heads,
        [
            (
                one["id"],
                one["status"],
                due(one),
                *((_stake(one), _short(one["assignedTo"])) if narrow else ()),
                one["title"],
            )
            for one in rows
        ],
        empty="No case is like that.",
    )


def _short(name: str | None) -> str | None:
    # An address without its domain, which is mostly the same. --json has all of it.
    return name and (name.partition("@")[0] or name)


def _stake(case: dict[str, Any]) -> Cell:
    style = {"critical": "bold red", "high": "yellow"}.get(case["severity"], "dim")
    return "" if case["severity"] == "normal" else (case["severity"], style)


def due(case: dict[str, Any]) -> Cell:
    """When a case is due, while its clock runs."""
    if case["status"] == "needs_info":
        return "paused", "dim"
    return None if case["status"] in ("approved", "closed") else terminal.until(case["dueAt"])


def show(
    name: Annotated[str, typer.Argument(help="The id of a case or a question.")],
    *,
    events: Annotated[
        int, typer.Option(min=0, help="How many of a case's events to show, newest first.")
    ] = _LATEST,
    as_json: Json = False,
) -> None:
    """Show a case with its evidence, questions and latest events, or a question.

    An id is looked for among the cases first; cases/ID and interventions/ID say which it is.
    """
    kind, _, rest = name.partition("/")
    with profile.client() as client:
        if kind == "interventions":
            return _show_question(client, rest, as_json=as_json)
        try:
            case = rest if kind == "cases" else name
            return show_case(client, case, latest=events, as_json=as_json)
        except Problem as problem:
            if problem.code != 404 or kind == "cases":  # noqa: PLR2004
                raise
        return _show_question(client, name, as_json=as_json)


def _show_question(client: Client, name: str, *, as_json: bool) -> None:
    found = client.request("GET", f"/interventions/{segment(name)}").json()
    if as_json:
        terminal.print_json(found)
    else:
        question.show(found)


def show_case(client: Client, name: str, *, latest: int = _LATEST, as_json: bool = False) -> None:
    """All that there is to see of a case in a terminal."""
    path = f"/cases/{segment(name)}"
    found = client.request("GET", path, params={"view": "full"}).json()
    if as_json:
        return terminal.print_json(found)
    asked = client.pages("/interventions", {"caseId": name, "pageSize": _LATEST})
    questions = list(islice(asked, _LATEST))
    trail = client.pages(f"{path}/audit", {"pageSize": max(1, min(latest, 200))})
    events = list(islice(trail, latest)) if latest else []
    terminal.print_title(found["title"])
    terminal.print_facts(_facts(found))
    if found["summary"]:
        terminal.print_text("")
        terminal.print_quote(found["summary"])
    for title, print_rows, rows in (
        ("Evidence", _print_evidence, found.get("evidence") or []),
        ("Questions, newest first", question.print_rows, questions),
        ("Events, newest first", _print_events, events),
    ):
        if rows:
            terminal.print_title(title, apart=True)
            print_rows(rows)
    return None


def _facts(case: dict[str, Any]) -> list[tuple[str, Cell]]:
    holder = case["assignedTo"] or "nobody"
    held = f" until {terminal.moment(case['heldUntil'])}" if case.get("heldUntil") else ""
    due_at = terminal.moment(case["dueAt"])
    left = terminal.styled(due(case)).plain
    return [
        ("case", case["id"]),
        ("status", f"{case['status']}, since {terminal.moment(case['statusChangedAt'])}"),
        ("due", f"{due_at} ({left})" if left and due_at else due_at),
        ("assigned to", f"{holder}{held}"),
        ("type", case["decisionType"]),
        ("severity", case["severity"]),
        ("submission", case["submissionId"]),
        ("tags", ", ".join(case["tags"])),
        ("opened", f"{terminal.moment(case['createdAt'])} by {case['createdBy']}"),
        ("legal hold", ("yes: nothing of it is deleted", "yellow") if case["legalHold"] else None),
        *((name, str(value)) for name, value in (case.get("fields") or {}).items()),
    ]


def _print_evidence(rows: list[dict[str, Any]]) -> None:
    terminal.print_table(
        ("id", "packet", "<title"),
        [(one["id"], "yes" if one["includedInPacket"] else "", one["title"]) for one in rows],
    )


def _print_events(rows: list[dict[str, Any]]) -> None:
    terminal.print_table(
        (">no", "when", "what", "<who", "<why"),
        [
            (
                str(one["sequence"]),
                terminal.moment(one["createdAt"]),
                one["eventType"],
                _who(one),
                _why(one),
            )
            for one in rows
        ],
    )


def _who(event: dict[str, Any]) -> str:
    if event["eventType"] == _IMPORTED and event["meta"].get("by"):
        return str(event["meta"]["by"])
    return str(event["actor"]["email"] or event["actor"]["subject"])


def _why(event: dict[str, Any]) -> str:
    """What was said, or happened; of what happened elsewhere also on which day."""
    if event["eventType"] != _IMPORTED:
        return str(event["reason"] or event["message"])
    at, text = event["meta"].get("at"), event["meta"].get("text")
    return f"{terminal.day(at)}: {text}"


def claim(  # noqa: PLR0913 - the filters of the queue
    name: Annotated[str | None, typer.Argument(help="The id of a case or a question.")] = None,
    *,
    next_: Annotated[
        bool, typer.Option("--next", help="The free case that is due first; filters choose it.")
    ] = False,
    status: StatusOption = [],  # noqa: B006
    decision_type: TypeOption = None,
    severity: SeverityOption = None,
    tags: Tags = [],  # noqa: B006
    search: Search = None,
    as_json: Json = False,
) -> None:
    """Claim a case or a question: then it is yours to work on, or to decide.

    An id is looked for among the cases first; cases/ID and interventions/ID say which it is.
    """
    if next_ is (name is not None):
        raise typer.BadParameter("name a case or a question, or say --next")
    query = given.params(
        status=status, decision_type=decision_type, severity=severity, tags=tags, search=search
    )
    if query and not next_:
        raise typer.BadParameter("filters come with --next")
    with profile.client() as client:
        if name is None:
            found = client.request("POST", "/cases:claimNext", params=query).json()
        else:
            found = _claimed(client, name)
    if as_json:
        return terminal.print_json(found)
    held = found.get("heldUntil")
    until = f", until {terminal.moment(held)}" if held else ""
    terminal.say(f"Claimed {found['id']}{until}: {found['title']}")
    return None


def _claimed(client: Client, name: str) -> dict[str, Any]:
    kind, _, rest = name.partition("/")
    if kind not in ("cases", "interventions"):
        kind, rest = "", name
    try:
        path = f"/{kind or 'cases'}/{segment(rest)}:claim"
        found: dict[str, Any] = client.request("POST", path).json()
    except Problem as problem:
        if problem.code != 404 or kind:  # noqa: PLR2004
            raise
        return _claimed(client, f"interventions/{name}")
    return found
