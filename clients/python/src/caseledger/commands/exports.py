"""Exports that prove themselves: a case, the whole trail, and today's checkpoint."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from caseledger import profile, terminal
from caseledger.commands.download import download, require_free
from caseledger.exits import Exit
from caseledger.profile import segment
from caseledger.terminal import Json

_TAIL = 2**20
_VERIFY = "Verify it with: caseledger verify --key KEY"
Force = Annotated[bool, typer.Option("--force", help="Write over files that are there.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="The file to write.")]


def export_case(
    case: Annotated[str, typer.Argument(help="The id of the case.")],
    *,
    output: Output = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Write a case with everything about it, and the proofs, to a ZIP. For pilots and auditors."""
    file = output or Path(f"{_named(case)}.zip")
    require_free(file, force=force)
    with profile.client() as client, terminal.progress(f"{file.name} bytes") as shown:
        task = shown.task_ids[0]
        download(
            client,
            f"/cases/{segment(case)}:export",
            file,
            taken=lambda number: shown.update(task, completed=number),
        )
    _tell({"file": str(file), "bytes": file.stat().st_size}, [file], as_json=as_json)


def export_audit(
    *,
    folder: Annotated[
        Path, typer.Option("--output", "-o", help="The folder for the files.")
    ] = Path(),
    start: Annotated[int, typer.Option(min=0, help="The index of the first event.")] = 0,
    end: Annotated[
        int | None, typer.Option(min=1, help="The index after the last event; all without it.")
    ] = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Write the events of the log, with the proof that none is left out, as lines of JSON.

    Each file has at most 10,000 events; where there are more, there are more files. Files that were
    written stay when it is interrupted: --start goes on behind them. For pilots and auditors.
    """
    files: list[Path] = []
    folder.mkdir(parents=True, exist_ok=True)
    place: int | None = start
    with profile.client() as client, terminal.progress("Events", end) as shown:
        while place is not None:
            file = folder / f"events-{place:09}.ndjson"
            require_free(file, force=force)
            query = {"start": place, "end": end}
            download(client, "/audit:export", file, params=query)
            files.append(file)
            last = _last(file)
            total = end or last["size"]
            shown.update(shown.task_ids[0], completed=last["end"], total=total)
            place = None if last["next"] is None or last["next"] >= total else last["next"]
    _tell({"files": [str(file) for file in files]}, files, as_json=as_json)


def _last(file: Path) -> dict[str, Any]:
    """The line that proves the others."""
    with file.open("rb") as read:
        read.seek(max(0, file.stat().st_size - _TAIL))
        line = read.read().rstrip(b"\n").rpartition(b"\n")[2]
    try:
        found: dict[str, Any] = json.loads(line)
        found["next"], found["end"], found["size"]
    except (ValueError, KeyError, TypeError):
        file.unlink()
        raise terminal.fail(
            f"{file.name} came without its last line, and proves nothing: try again with an "
            "earlier --end",
            Exit.UNAVAILABLE,
        ) from None
    return found


def export_checkpoint(
    *,
    output: Output = None,
    tenant: Annotated[
        str | None, typer.Option(help="Whose log; by default the tenant of the token.")
    ] = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Write the signed checkpoint of the log, to keep: a later export must begin with it."""
    today = terminal.now().date().isoformat()
    file = output or Path(f"kept-{today}.txt")
    require_free(file, force=force)
    name = tenant or profile.current().claims.get("tenant")
    if not name:
        raise typer.BadParameter("the token does not say its tenant: use --tenant")
    with profile.client() as client:
        checkpoint = client.request("GET", f"/logs/{segment(name)}/checkpoint").text
    file.write_text(checkpoint, encoding="utf-8", newline="")
    if as_json:
        terminal.print_json({"file": str(file)})
    else:
        terminal.say(f"Wrote {file}. Keep it where whoever runs the system cannot change it.")


def _tell(found: dict[str, Any], files: list[Path], *, as_json: bool) -> None:
    if as_json:
        terminal.print_json(found)
        return
    names = " ".join(str(file) for file in files[:2])
    dots = " …" if len(files) > 2 else ""  # noqa: PLR2004
    terminal.say(f"Wrote {names}{dots}. {_VERIFY} {names}{dots}")


def _named(case: str) -> str:
    """A name of a file, on any system."""
    return re.sub(r"[^\w.-]", "_", case).lstrip(".") or "case"
