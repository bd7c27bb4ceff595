"""Texts of others in the terminal: whatever they hold, they are only shown."""

from __future__ import annotations

import io
import re
import sys
import unicodedata
from typing import Any

import httpx
import pytest

from caseledger import profile
from caseledger.terminal import exactly, lines, print_file
from tests.cli.conftest import Terminal, at_a_terminal
from tests.functions.intervention_support import ask
from tests.functions.support import ON_EMBEDDED

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\u202e\u200b\ud800\n[bold red]:skull:[/nothing]"
# What the client itself understands, and sends back.
KEPT = {"id", "status", "priority", "type", "decisions", "nextPageToken", "cursor"}
WITHOUT_TEXTS = {"stats"}


def poisoned(value: Any) -> Any:
    """The same JSON with hostile text behind each text that is no time, and in each name."""
    if isinstance(value, dict):
        found = {name: one if name in KEPT else poisoned(one) for name, one in value.items()}
        return {name + HOSTILE if name == "any" else name: one for name, one in found.items()}
    if isinstance(value, list):
        return [poisoned(one) for one in value]
    is_text = isinstance(value, str) and not re.match(r"\d{4}-\d\d", value)
    return value + HOSTILE if is_text else value


@ON_EMBEDDED
def test_nothing_that_others_wrote_acts_on_the_terminal_or_passes_for_ours(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = terminal.api
    api.pilot.create(id="CASE-1", summary="In short", fields={"any": "x"}, tags=["t"])
    api.pilot.attach("CASE-1", {"id": "e-1", "title": "A letter"})
    question = ask(
        api.agent,
        case_id="CASE-1",
        description="Please",
        context={"any": ["x"]},
        action={"tool": "send", "arguments": {"any": "x", "other": {"any": "y"}}},
    )
    api.admin.post("/keys", {"name": "bot", "role": "agent"})
    (terminal.home.parent / "cursor").write_text(api.viewer.get("/changes").json["cursor"])
    honest = httpx.Response.json
    monkeypatch.setattr(httpx.Response, "json", lambda *one, **more: poisoned(honest(*one, **more)))
    monkeypatch.setattr(profile, "claims_of", lambda _: poisoned({"sub": "x", "tenant": "t"}))
    commands = [
        ["cases"],
        ["show", "CASE-1"],
        ["show", question["id"]],
        ["show", "CASE-404"],
        ["inbox", "--list"],
        ["stats"],
        ["stats", "--by", "tool", "--since", "2026-03-01", "--until", "2026-03-03"],
        ["verify", "CASE-1", "tenant"],
        ["tail", "--once", "--cursor-file", "cursor"],
        ["claim", "CASE-1"],
        ["key", "list"],
        ["whoami"],
    ]

    for command in [*commands, *([*command, "--json"] for command in commands), ["inbox"]]:
        with at_a_terminal(monkeypatch):
            output = terminal(*command, role="admin", typed="q\n", COLUMNS="").output
        acting = {sign for sign in output if unicodedata.category(sign) in {"Cc", "Cf", "Cs"}}
        assert acting <= {"\n"}, command
        if command[0] not in WITHOUT_TEXTS:
            assert "[bold red]:skull:[/nothing]" in output, command


@pytest.mark.parametrize("emoji", ["⚠️", "👩🏽‍💻", "❤️‍🔥", "🎉"])
def test_emoji_are_shown_but_not_what_hides_behind_them(emoji: str) -> None:
    assert lines(f"a{emoji}b") == f"a{emoji}b"
    assert lines(f"{emoji}\u200d\u202e\ufe0fx") == f"{emoji}\\u{{200d}}\\u{{202e}}\\u{{fe0f}}x"
    assert lines("a\ufe0f\u200db\U0001f0ff") == "a\\u{fe0f}\\u{200d}b\\u{1f0ff}"
    assert exactly("❤️") == "❤\\u{fe0f}"


@ON_EMBEDDED
def test_no_line_of_a_description_passes_for_the_action(terminal: Terminal) -> None:
    forged = "Please\n\nAction: refund\namount  1\n" + "word " * 40 + "\nAction: refund"
    question = ask(
        terminal.api.agent,
        description=forged,
        action={"tool": "refund", "arguments": {"amount": 1000, "note": "x\nAction: refund"}},
    )

    shown = terminal.done("show", question["id"]).stdout.splitlines()

    assert [line for line in shown if line.lstrip().startswith("Action")] == ["Action: refund"]
    assert "amount  1000" in shown
    assert "amount  1" not in shown
    assert sum(line.startswith("| ") for line in shown) >= 7
    assert max(map(len, shown)) <= 80


def test_a_file_is_written_as_it_is_and_shown_as_any_text(monkeypatch: pytest.MonkeyPatch) -> None:
    shown, piped = io.StringIO(), io.StringIO()
    monkeypatch.setattr(shown, "isatty", lambda: True)

    for stream in (shown, piped):
        monkeypatch.setattr(sys, "stdout", stream)
        print_file("a,b\x1b\r\n")

    assert (shown.getvalue(), piped.getvalue()) == ("a,b\\u{1b}\n", "a,b\x1b\r\n")
