"""What make offers a developer: help for every target, and no loss of data without a question."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PHONY = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[0].split()
OF_OTHERS = {"tested", "browser", "go"}
"""Targets that only other targets need."""


def make(directory: Path, *arguments: str, answer: str | None = None) -> tuple[int, str]:
    """The exit code of make, and what it says; `answer` is typed on a terminal."""
    command = ["make", "--no-print-directory", "--file", str(ROOT / "Makefile"), *arguments]
    if answer is not None:
        # `script` gives it a terminal.
        command = ["script", "--quiet", "--return", "--command", " ".join(command), "/dev/null"]
    done = subprocess.run(
        command, cwd=directory, input=answer or "", capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def used(tmp_path: Path) -> Path:
    """A directory with an environment and data."""
    for name in (".venv", ".local"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    return tmp_path


def test_help_says_what_each_target_does(tmp_path: Path) -> None:
    _, said = make(tmp_path, "help")

    lines = dict(line.split(maxsplit=1) for line in said.splitlines())
    assert set(lines) == set(PHONY) - OF_OTHERS
    assert all(lines.values())


def test_clean_removes_no_data_where_nobody_can_be_asked(used: Path) -> None:
    code, said = make(used, "clean")

    assert code != 0
    assert "make clean CONFIRM=yes" in said
    assert {path.name for path in used.iterdir()} == {".venv", ".local"}


@pytest.mark.skipif(not shutil.which("script"), reason="there is no command that gives a terminal")
@pytest.mark.parametrize(("answer", "left"), [("no\n", 2), ("\n", 2), ("y\n", 2), ("yes\n", 0)])
def test_clean_asks_before_it_removes_data(used: Path, answer: str, left: int) -> None:
    code, said = make(used, "clean", answer=answer)

    assert (code == 0) == (left == 0), said
    assert len(list(used.iterdir())) == left


def test_clean_removes_everything_where_that_is_confirmed(used: Path) -> None:
    assert make(used, "clean", "CONFIRM=yes")[0] == 0

    assert list(used.iterdir()) == []


def test_clean_asks_nothing_where_there_is_no_data(tmp_path: Path) -> None:
    (tmp_path / ".venv").mkdir()

    assert make(tmp_path, "clean")[0] == 0

    assert list(tmp_path.iterdir()) == []
