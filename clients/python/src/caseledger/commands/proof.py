"""Verifying trails on the server, and what was exported without it."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated, Any

import typer

from caseledger import Client, profile, terminal, verify_caseledger
from caseledger.exits import Exit
from caseledger.terminal import Json

_ENDS = {0: Exit.DONE, 1: Exit.BROKEN, 2: Exit.NOT_WHOLLY, 3: Exit.USAGE}
_PATIENCE = 600.0
"""For so many seconds a verification waits until the caller's budget lets it go on."""


def verify(
    targets: Annotated[
        list[str] | None,
        typer.Argument(help="Cases, subjects such as interventions/ID or tenant, or files."),
    ] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Every case, one after the other.")] = False,
    keys: Annotated[
        list[str] | None,
        typer.Option("--key", help="For files: the key of the log, or a file with such keys."),
    ] = None,
    checkpoints: Annotated[
        list[Path] | None,
        typer.Option("--checkpoint", help="For files: a checkpoint that you kept."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Verify trails on the server, or exported files on this machine, without the server.

    The server compares each event of a subject with its chain, with what is stored, and with the
    log. Files (case.zip, events.ndjson) are verified by verify_caseledger.py, which comes with this
    program. Get the key from whoever runs the system, and not with the export. If you do not trust
    this package, run that one file from its source instead.

    It ends with 5 where something is broken, and with 8 where a file is not wholly verified.
    """
    files = [target for target in targets or () if Path(target).is_file()]
    if every is bool(targets):
        raise typer.BadParameter("name what to verify, or say --all")
    if files and len(files) < len(targets or ()):
        raise typer.BadParameter(f"{files[0]} is a file, and others are not: verify them apart")
    if files:
        _verify_files(files, keys or [], checkpoints or [], as_json=as_json)
    elif keys or checkpoints:
        told = ", ".join(map(terminal.line, targets or ["--all"]))
        raise typer.BadParameter(f"--key and --checkpoint are for files, and no file is {told}")
    else:
        _verify_subjects(targets or [], every=every, as_json=as_json)


def _verify_files(
    files: list[str], keys: list[str], checkpoints: list[Path], *, as_json: bool
) -> None:
    if not keys:
        raise typer.BadParameter("files need --key, the key of the log")
    options = [option for key in keys for option in ("--key", key)]
    options += [option for kept in checkpoints for option in ("--checkpoint", str(kept))]
    told = io.StringIO()
    try:
        with redirect_stdout(told):
            code = verify_caseledger.main([*options, *files])
    except SystemExit:  # It has said on standard error how it is called.
        raise typer.Exit(Exit.USAGE) from None
    result, *notes = told.getvalue().splitlines()
    program = hashlib.sha256(Path(verify_caseledger.__file__).read_bytes()).hexdigest()
    if as_json:
        terminal.print_json(
            {"result": result, "notes": [note.strip() for note in notes], "verifier": program}
        )
    else:
        terminal.print_text(told.getvalue().rstrip("\n"))
        terminal.say(f"By verify_caseledger.py, SHA-256 {program}")
    raise typer.Exit(_ENDS[code])


def _verify_subjects(targets: list[str], *, every: bool, as_json: bool) -> None:
    broken = 0
    with profile.client() as client:
        total = client.request("GET", "/cases:stats").json()["caseCount"] if every else len(targets)
        with terminal.progress("Verifying", total) as shown:
            rows = []
            for found in _verified(client, _cases(client) if every else map(_subject, targets)):
                shown.advance(shown.task_ids[0])
                broken += not found["valid"]
                if as_json:
                    terminal.print_json(found)
                elif not (every and found["valid"]):
                    rows.append(found)
    if not as_json:
        terminal.print_table(("<subject", "result", ">events", ">in the log"), map(_row, rows))
        for found in rows:
            if not found["valid"]:
                terminal.print_text(_problem(found), "red")
        if every:
            terminal.say(f"{total:,} cases verified, {broken:,} of them broken.")
    if broken:
        raise typer.Exit(Exit.BROKEN)


def _verified(client: Client, subjects: Iterable[str]) -> Iterator[dict[str, Any]]:
    for subject in subjects:
        query = {"subject": subject}
        yield client.request("GET", "/audit:verify", params=query, retry_for=_PATIENCE).json()


def _cases(client: Client) -> Iterator[str]:
    for case in client.pages("/cases", {"pageSize": 200}):
        yield f"cases/{case['id']}"


def _subject(target: str) -> str:
    return target if "/" in target or target == "tenant" else f"cases/{target}"


def _row(found: dict[str, Any]) -> tuple[terminal.Cell, ...]:
    return (
        found["subject"],
        "valid" if found["valid"] else ("BROKEN", "bold red"),
        str(found["events"]),
        str((found.get("log") or {}).get("sealed", 0)),
    )


def _problem(found: dict[str, Any]) -> str:
    first = found["firstBroken"]
    field = f" ({first['field']})" if first.get("field") else ""
    return f"{found['subject']}, event {first['sequence']}: {first['problem']}{field}"
