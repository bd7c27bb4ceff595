"""The change feed: what happens, as it happens, over restarts of either side."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from time import sleep
from typing import Annotated, Any

import typer

from caseledger import Client, Problem, Unreachable, profile, terminal
from caseledger.exits import Exit, exit_of
from caseledger.terminal import Json

Change = dict[str, Any]
_REMEMBERED = 20_000
"""Of so many changes it is known that they were shown; the feed repeats those of 20 seconds."""
_LONGEST = 30.0


def tail(  # noqa: PLR0913 - options
    *,
    case: Annotated[str | None, typer.Option(help="Only what belongs to this case.")] = None,
    kinds: Annotated[
        list[str] | None,
        typer.Option("--type", help="Only events whose type begins so; repeat it for more."),
    ] = None,
    cursor_file: Annotated[
        Path | None,
        typer.Option(help="Go on where the last run with this file ended, within a day."),
    ] = None,
    once: Annotated[
        bool, typer.Option("--once", help="End when all there is was shown; with --cursor-file.")
    ] = False,
    interval: Annotated[float, typer.Option(min=0.5, help="Seconds between two looks.")] = 2.0,
    as_json: Json = False,
) -> None:
    """Show each change as it happens: cases, questions, worksheets you own, settings. Ctrl-C ends.

    A server that is started again, or a lost connection, is waited for, and no change is missed.
    Each costs one read. With --cursor-file a change is shown at least once over all runs.
    """
    if once and cursor_file is None:
        raise typer.BadParameter("--once comes with --cursor-file")
    cursor = _read(cursor_file)
    with profile.client() as client:
        if sys.stderr.isatty() and not once:
            terminal.say("Waiting for changes. Ctrl-C ends.")
        for change in followed(client, cursor, cursor_file, interval, once=once):
            if case not in (None, change["caseId"]):
                continue
            if kinds and not change["eventType"].startswith(tuple(kinds)):
                continue
            _print(change, as_json=as_json)


def _print(change: Change, *, as_json: bool) -> None:
    if as_json:
        terminal.print_json(change)
    else:
        moment = terminal.time_of(change["createdAt"])
        at = moment.astimezone().strftime("%H:%M:%S") if moment else ""
        about = f"{change['subject']} #{change['sequence']}"
        case = change["caseId"]
        beside = "" if case is None or change["subject"] == f"cases/{case}" else f" ({case})"
        terminal.print_whole(f"{at} {change['eventType']:<24} {about}{beside}")
    sys.stdout.flush()  # whoever reads a pipe sees it now


def followed(
    client: Client,
    cursor: str | None,
    file: Path | None = None,
    interval: float = 2.0,
    *,
    once: bool = False,
) -> Iterator[Change]:
    """Each change behind a cursor, as it happens; over restarts and lost connections.

    `file` gets the cursor behind what was taken. With `once` it ends behind the last one there is.
    """
    seen: dict[tuple[str, int], None] = {}
    while True:
        page, cursor = _page(client, cursor, once=once)
        fresh = 0
        for change in page["changes"]:
            known = change["subject"], change["sequence"]
            if known not in seen:
                seen[known] = None
                fresh += 1
                yield change
        while len(seen) > _REMEMBERED:
            del seen[next(iter(seen))]
        cursor = page["cursor"]
        if file is not None:
            # After they were shown: whoever is stopped before shows them again.
            beside = file.with_name(f"{file.name}.new")
            beside.write_text(f"{cursor}\n", encoding="ascii")
            beside.replace(file)
        if once and not fresh:
            return
        if not fresh:
            sleep(interval)


def _page(client: Client, cursor: str | None, *, once: bool) -> tuple[dict[str, Any], str | None]:
    """The next changes, however long the server is away; an old cursor begins anew, and says so."""
    wait, lost = 1.0, False
    while True:
        try:
            page = client.request("GET", "/changes", params={"after": cursor}).json()
        except (Unreachable, Problem) as error:
            if isinstance(error, Problem) and error.field == "after" and cursor is not None:
                terminal.say("The last run was more than a day ago: what came since is left out.")
                cursor = None
                continue
            away = not isinstance(error, Problem) or exit_of(error.code) is Exit.UNAVAILABLE
            if once or not away:
                raise
            if not lost:
                terminal.say(f"Lost the server ({terminal.line(error)}). Waiting for it.")
            lost = True
            sleep(wait)
            wait = min(_LONGEST, wait * 2)
        else:
            if lost:
                terminal.say("It is back.")
            return page, cursor


def _read(file: Path | None) -> str | None:
    if file is None or not file.exists():
        return None
    return file.read_text(encoding="ascii").strip() or None
