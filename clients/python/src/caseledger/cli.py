"""The command line `caseledger`: which commands there are, and how an error ends one."""

from __future__ import annotations

import sys
from typing import Any

import click
import httpx
import typer
from typer.core import TyperGroup

from caseledger import Problem, terminal
from caseledger.exits import Exit, exit_of

_EPILOG = (
    "Exit codes: 0 done, 1 refused, 2 called wrongly, 3 not found, 4 not logged in or not allowed, "
    "5 does not verify, 6 conflict, 7 server not available, 8 not wholly verified."
)


class Commands(TyperGroup):
    """The commands; an error of the API is one message and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs a command."""
        try:
            return super().invoke(ctx)
        except Problem as problem:
            raise terminal.refused(problem, exit_of(problem.code)) from None
        except httpx.TransportError as error:
            told = f"the server cannot be reached: {type(error).__name__}"
            raise terminal.fail(f"{told}: {error}", Exit.UNAVAILABLE) from None
        except KeyboardInterrupt:
            raise typer.Exit(Exit.INTERRUPTED) from None


app = typer.Typer(
    name="caseledger",
    cls=Commands,
    help="Cases, questions of agents, and their audit trail, from the terminal.",
    epilog=_EPILOG,
    no_args_is_help=True,
    # A traceback of Rich would show what is in variables, such as a token.
    pretty_exceptions_enable=False,
)
exports = typer.Typer(help="Write files: a case, the trail.", no_args_is_help=True)
app.add_typer(exports, name="export")
# A command is a function of a module in `commands/`; it is registered here:
# app.command("import")(importing.import_cases)
# exports.command("cases")(exporting.export_cases)


def main() -> None:
    """Runs the command line."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that is not in UTF-8 shows what it cannot write by its number.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    app()
