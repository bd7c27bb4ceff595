"""The documents: whole, short where that was promised, and true to the files that they name."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from local import __main__ as local

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
OF_CLIENTS = sorted(ROOT.glob("clients/**/*.md"))
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
_FILE = r"(?<![\w./])(?:\.ci|benchmarks|deployment|docs|functions|local|shared|tests)/[\w./-]*\w"


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("document", [*DOCUMENTS, *OF_CLIENTS], ids=named)
def test_links_of_a_document_lead_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text())

    assert [one for one in targets if not (document.parent / one).exists()] == []


@pytest.mark.parametrize("document", [*DOCUMENTS, *OF_CLIENTS], ids=named)
def test_links_to_a_part_of_a_document_name_one_of_its_headings(document: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)", document.read_text())

    for path, part in targets:
        text = (document.parent / path if path else document).read_text()
        heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        assert part in [re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in heads]


def test_the_changelog_says_nothing_twice() -> None:
    """Merges double what two branches have said of the same change, each in its own words."""
    for part in re.split(r"^##", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE):
        beginnings = [" ".join(one.split()[:4]) for one in part.split("\n- ")[1:]]

        assert sorted(beginnings) == sorted(set(beginnings))


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_files_that_a_document_names_exist(document: Path) -> None:
    code = " ".join(re.findall(r"`([^`]+)`", document.read_text()))

    assert [one for one in re.findall(_FILE, code) if not (ROOT / one).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_commands_of_this_machine_that_a_document_shows_are_taken(document: Path) -> None:
    text = re.sub(r"(?<!`)`[^`]+`", lambda code: " ".join(code[0].split()), document.read_text())

    for arguments in re.findall(r"\.venv/bin/python -m local ([^`)|\n]+)", text):
        local._parser().parse_args(shlex.split(arguments))  # noqa: SLF001


@pytest.mark.parametrize("document", DECISIONS, ids=named)
def test_a_decision_is_numbered_and_has_at_most_forty_lines(document: Path) -> None:
    lines = document.read_text().splitlines()

    assert len(lines) <= 40
    assert int(document.name[:4]) == DECISIONS.index(document) + 1
    assert lines[0].startswith(f"# {DECISIONS.index(document) + 1}. ")
