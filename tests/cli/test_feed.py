"""Following the changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from caseledger import Client, Unreachable
from caseledger.commands import feed
from tests.cli.conftest import Terminal
from tests.conftest import Clock
from tests.functions.support import ON_EMBEDDED

pytestmark = ON_EMBEDDED


class Ended(KeyboardInterrupt):
    """Ctrl-C."""


def sequences(output: str) -> list[tuple[str, int]]:
    return [(one["subject"], one["sequence"]) for one in map(json.loads, output.splitlines())]


def test_each_change_is_shown_once_also_where_the_server_was_away(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses = iter(range(20))
    honest = Client.request
    away = {4, 5}

    def request(self: Client, *arguments: Any, **more: Any) -> Any:
        if place[0] in away:
            away.remove(place[0])
            raise Unreachable("GET /changes: it is away")
        return honest(self, *arguments, **more)

    def meanwhile(_: float) -> None:
        place[0] = next(pauses)
        if place[0] in (1, 6):
            terminal.api.pilot.create(id=f"CASE-{place[0]}")
        if place[0] == 2:
            terminal.api.pilot.post("/cases/CASE-1:claim")
        if place[0] == 9:
            raise Ended

    place = [-1]
    monkeypatch.setattr(feed, "sleep", meanwhile)
    monkeypatch.setattr(Client, "request", request)

    result = terminal("tail", "--json")

    assert result.exit_code == 130
    assert sequences(result.stdout) == [
        ("cases/CASE-1", 1),
        ("cases/CASE-1", 2),
        ("cases/CASE-6", 1),
    ]
    assert "It is back." in result.stderr


def test_a_later_run_goes_on_where_the_cursor_of_the_last_one_is(
    terminal: Terminal, clock: Clock
) -> None:
    once = ("tail", "--once", "--cursor-file", "cursor")
    terminal.done(*once)
    terminal.api.pilot.create(id="CASE-1")
    terminal.api.pilot.create(id="CASE-2")
    clock.advance(minutes=1)

    first = terminal.done(*once, "--case", "CASE-2")
    second = terminal.done(*once, "--type", "case_")
    clock.advance(days=2)
    late = terminal.done(*once)

    assert first.stdout.split()[1:] == ["case_created", "cases/CASE-2", "#1"]
    assert second.stdout == ""
    assert "more than a day ago" in late.stderr
    assert Path("cursor").read_text().strip()


def test_an_error_that_does_not_pass_ends_it(terminal: Terminal) -> None:
    assert terminal("tail", role="scheduler").exit_code == 4
