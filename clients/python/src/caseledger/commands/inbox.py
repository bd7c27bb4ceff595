"""The inbox: what waits for a person's decision, as a list or to be decided."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import typer

from caseledger import Client, profile, terminal
from caseledger.commands import feed, given, question
from caseledger.commands.sitting import Sitting
from caseledger.profile import segment
from caseledger.terminal import Json
from caseledger.types import InterventionType, Priority

Question = dict[str, Any]
_RANKS = {"critical": 0, "high": 1, "normal": 2, "low": 3}
_MOST = 200
_NEW = ("intervention_requested", "intervention_released", "intervention_assigned")
"""After these events a question may wait that did not before."""


def inbox(  # noqa: PLR0913 - options
    ids: Annotated[list[str] | None, typer.Argument(help="Only these questions.")] = None,
    *,
    mine: Annotated[bool, typer.Option("--mine", help="Only what you have claimed.")] = False,
    priority: Annotated[Priority | None, typer.Option(help="Of this priority.")] = None,
    kind: Annotated[InterventionType | None, typer.Option("--type", help="Of this type.")] = None,
    case: Annotated[str | None, typer.Option(help="About this case.")] = None,
    uow: Annotated[str | None, typer.Option(help="Of this unit of work.")] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Wait for questions that are still to come.")
    ] = False,
    only_list: Annotated[bool, typer.Option("--list", help="Only list them.")] = False,
    as_json: Json = False,
) -> None:
    """Decide what agents ask, one question after the other; or list it with --list or --json.

    Each question is shown whole, with the arguments of its action, and offers the decisions that it
    allows. Where the input or output is no terminal, the questions are listed.
    """
    query = given.params(priority=priority, type=kind, case_id=case, uow_id=uow)
    with profile.client() as client:
        rows = [_get(client, one) for one in ids] if ids else _waiting(client, query, mine=mine)
        if as_json:
            for row in rows:
                terminal.print_json(row)
        elif only_list or not is_interactive():
            question.print_rows(rows, empty="Nothing waits for a decision.")
        elif watch and not ids:
            _watch(client, lambda: _waiting(client, query, mine=mine))
        elif rows:
            Sitting(client, rows).hold()
        else:
            terminal.say("Nothing waits for a decision.")


def _watch(client: Client, waiting: Callable[[], list[Question]]) -> None:
    """Shows what waits, and then what comes, each question once, until the person has enough."""
    # From before the first list, so that nothing comes between it and the changes.
    cursor = client.request("GET", "/changes").json()["cursor"]
    changes = feed.followed(client, cursor)
    shown: set[str] = set()
    while True:
        rows = [one for one in waiting() if one["id"] not in shown]
        shown.update(one["id"] for one in rows)
        if rows and not Sitting(client, rows).hold():
            return
        if rows or not shown:
            terminal.say("Nothing else waits for a decision now. Ctrl-C ends.")
        next(one for one in changes if one["eventType"] in _NEW)


def is_interactive() -> bool:
    """Whether a person reads and types."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def _get(client: Client, name: str) -> Question:
    found: Question = client.request("GET", f"/interventions/{segment(name)}").json()
    return found


def _waiting(client: Client, query: dict[str, Any], *, mine: bool) -> list[Question]:
    """What nobody has claimed, and what the caller has, in the order of the queue."""
    held = {**query, "assignedTo": "me", "status": "in_progress", "pageSize": _MOST}
    rows = list(_first(client, held))
    if not mine:
        rows += _first(client, {**query, "pageSize": _MOST})
    return sorted(rows, key=lambda one: (_RANKS.get(one["priority"], 0), one["createdAt"]))


def _first(client: Client, query: dict[str, Any]) -> Iterator[Question]:
    page = client.request("GET", "/interventions:pending", params=query).json()
    if page.get("nextPageToken"):
        terminal.say(f"These are the first {_MOST}: there are more.")
    yield from page["interventions"]
