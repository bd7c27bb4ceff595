"""docs/cli.md says what the command line does."""

from __future__ import annotations

import re
import shlex
from typing import Any

from typer.core import TyperGroup
from typer.main import get_command

from caseledger.cli import app
from caseledger.exits import Exit
from tests.conftest import ROOT

DOCUMENT = (ROOT / "docs/cli.md").read_text()


def taken(command: Any, arguments: list[str]) -> str:
    """The command that takes these arguments; raises an error where none does."""
    name = ""
    while isinstance(command, TyperGroup):
        name, *arguments = arguments
        command = command.commands[name]
    command.make_context(name, arguments)
    return name


def test_every_command_of_the_document_is_taken_and_every_command_is_in_it() -> None:
    blocks = re.findall(r"```sh\n(.*?)```", DOCUMENT, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]

    group = get_command(app)
    assert isinstance(group, TyperGroup)

    named = {taken(group, shlex.split(line)[1:]) for line in lines}

    others = {name for name in group.commands if f"caseledger {name}" not in DOCUMENT}
    assert {"login", "cases", "inbox", "tail", "verify", "case"} <= named
    assert others == set()


def test_every_command_of_the_readme_is_taken() -> None:
    lines = re.findall(r"`\.venv/bin/caseledger ([^`]+)`", (ROOT / "README.md").read_text())
    named = [taken(get_command(app), shlex.split(line)) for line in lines]

    assert named == ["login", "inbox", "import"]


def test_every_exit_code_of_the_document_is_one_of_the_program() -> None:
    codes = [int(code) for code in re.findall(r"^\| (\d+) \|", DOCUMENT, re.MULTILINE)]

    assert codes == sorted(Exit)
