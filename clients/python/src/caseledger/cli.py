"""The command line `caseledger`: which commands there are, and how an error ends one."""

from __future__ import annotations

import errno
import json
import logging
import sys
import warnings
from inspect import signature
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import httpx
import typer
from typer.core import TyperGroup

from caseledger import Problem, Unreachable, UnreadableRows, terminal
from caseledger.commands import access, cases, feed, figures, importing, inbox, proof, queue
from caseledger.commands import exports as files
from caseledger.exits import Exit, exit_of

_EPILOG = (
    "Exit codes: 0 done, 1 refused, 2 called wrongly, 3 not found, 4 not logged in or not allowed, "
    "5 does not verify, 6 conflict, 7 server not available, 8 not wholly verified."
)


_WORDS = {str: "TEXT", int: "NUMBER", float: "NUMBER", Path: "PATH"}
"""What help calls the values of options, other than Python does."""


class Group(TyperGroup):
    """Commands whose help names the types of values in words."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command by its name; None where there is none."""
        found = super().get_command(ctx, cmd_name)
        if found and found.callback:
            taken = signature(found.callback, eval_str=True).parameters
            for one in found.params:
                if (
                    one.param_type_name == "option"
                    and one.metavar is None
                    and str(one.name) in taken
                ):
                    one.metavar = _WORDS.get(_plain(taken[str(one.name)].annotation))
        return found


def _plain(hint: Any) -> Any:
    """The type of one value: that of `Annotated[list[str] | None, …]` is `str`."""
    if get_origin(hint) is Annotated:
        return _plain(get_args(hint)[0])
    inner = [one for one in get_args(hint) if one is not type(None)]
    return _plain(inner[0]) if len(inner) == 1 else hint


class Commands(Group):
    """The commands; an error of the API is one message and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Runs a command."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("always", UnreadableRows)
                warnings.showwarning = _show_warning
                return super().invoke(ctx)
        except Problem as problem:
            raise terminal.refused(problem, exit_of(problem.code)) from None
        except (Unreachable, httpx.HTTPError) as error:
            told = f"the server cannot be reached: {error}"
            raise terminal.fail(told, Exit.UNAVAILABLE) from None
        except json.JSONDecodeError:
            told = "the answer is no JSON: something else is at this address"
            raise terminal.fail(told, Exit.UNAVAILABLE) from None
        except OSError as error:
            if error.errno == errno.EPIPE:  # whoever reads has enough
                raise
            told = f"{error.filename}: {error.strerror}" if error.filename else str(error)
            raise terminal.fail(told, Exit.USAGE) from None
        except (KeyboardInterrupt, typer.Abort):
            raise typer.Exit(Exit.INTERRUPTED) from None


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    terminal.say(f"caseledger: {message}")


app = typer.Typer(
    name="caseledger",
    cls=Commands,
    help="Cases, questions of agents, and their audit trail, from the terminal.",
    epilog=_EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,
    # A traceback of Rich would show what is in variables, such as a token.
    pretty_exceptions_enable=False,
)
exports = typer.Typer(
    cls=Group, help="Write files: the queue, a case, the trail.", no_args_is_help=True
)
app.add_typer(exports, name="export")
app.add_typer(access.keys, name="key", cls=Group)
for command in (
    *(access.login, access.logout, access.whoami),
    *(cases.cases, cases.show, cases.claim, inbox.inbox),
    *(feed.tail, figures.stats, proof.verify),
):
    app.command()(command)
app.command("import")(importing.import_cases)
exports.command("cases")(queue.export_cases)
exports.command("case")(files.export_case)
exports.command("audit")(files.export_audit)
exports.command("checkpoint")(files.export_checkpoint)


def main() -> None:
    """Runs the command line."""
    # The commands say by themselves what became of a request.
    logging.getLogger("caseledger").addHandler(logging.NullHandler())
    for stream in (sys.stdout, sys.stderr):
        # A terminal that is not in UTF-8 shows what it cannot write by its number.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    app()
