"""The queue of cases in the terminal."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.cells import cell_len
from typer.core import TyperGroup
from typer.main import get_command

from caseledger import profile
from caseledger.cli import app
from shared.models.case_queries import CaseQuery
from tests.cli.conftest import Terminal
from tests.functions.intervention_support import ask
from tests.functions.support import ON_EMBEDDED
from tests.functions.test_unreadable import spoilt

pytestmark = ON_EMBEDDED
SECRET_OR_NOTHING = {"login", "logout", "revoke"}
"""Commands that have nothing to give."""


def test_every_filter_of_the_queue_is_an_option(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}
    monkeypatch.setattr(
        profile.Caller, "pages", lambda _, path, query: asked.update(query, path=path) or iter(())
    )
    options = [
        *("--status", "new", "--status", "blocked", "--assigned-to", "me", "--unassigned"),
        *("--type", "kyc", "--severity", "high", "--tag", "a", "--tag", "b", "--overdue"),
        *("--due-until", "2d", "--no-waiting", "--legal-hold", "--search", "x"),
        *("--created-by", "kim", "--submission", "s", "--created-since", "2026-03-01"),
        *("--created-until", "1h", "--sort", "dueAt"),
    ]

    terminal.done("cases", *options)

    names = {field.alias for field in CaseQuery.model_fields.values()}
    assert asked.keys() - {"path"} == names - {"pageToken"}
    assert (asked["status"], asked["tags"]) == (["new", "blocked"], ["a", "b"])
    assert (asked["overdue"], asked["waiting"], asked["legalHold"]) == ("true", "false", "true")
    assert asked["createdUntil"] < datetime.now(UTC).isoformat() < asked["dueUntil"]


def commands(group: TyperGroup) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, command in group.commands.items():
        found |= commands(command) if isinstance(command, TyperGroup) else {name: command}
    return found


@pytest.mark.usefixtures("terminal")
def test_every_command_that_gives_something_gives_it_as_json() -> None:
    group = get_command(app)
    assert isinstance(group, TyperGroup)

    without = {
        name
        for name, command in commands(group).items()
        if not any("--json" in parameter.opts for parameter in command.params)
    }

    assert without == SECRET_OR_NOTHING


@pytest.mark.parametrize("command", [("cases",), ("key", "create"), ("export", "audit")])
def test_help_does_not_speak_python(terminal: Terminal, command: tuple[str, ...]) -> None:
    shown = terminal.done(*command, "--help").stdout
    assert "TEXT" in shown or "NUMBER" in shown
    assert not re.search(r"--\S+ <(list|str|path|int)\b", shown)


def test_tables_fit_80_columns_and_cut_no_id(terminal: Terminal) -> None:
    long = "A title that is much longer than a terminal of 80 columns is wide, and goes on"
    api = terminal.api
    uuid = api.pilot.create(title=long)["id"]
    api.pilot.create(id="CASE-2024-000000001", title=long, severity="critical")
    evidence = api.pilot.attach(uuid, {"id": "e-1", "title": long})
    asked = ask(api.agent, title=long, case_id=uuid, priority="critical", expires_in_seconds=999)

    wide, narrow = terminal.done("cases"), terminal.done("cases", "--severity", "critical")
    shown, inbox = terminal.done("show", uuid), terminal.done("inbox")

    for output in (wide.stdout, narrow.stdout, shown.stdout, inbox.stdout):
        assert max(map(len, output.splitlines())) <= 80
    assert uuid in wide.stdout
    assert re.search("CASE-2024-000000001 +new +.* +critical +A title", narrow.stdout)
    assert asked["id"] in inbox.stdout
    assert evidence["id"] in shown.stdout
    assert "\x1b" not in wide.stdout + shown.stdout + inbox.stdout


def test_in_a_narrow_terminal_a_row_is_several_lines_and_its_title_can_be_read(
    terminal: Terminal,
) -> None:
    title = "Stop the letters? ⚠️ They name a certificate of somebody else"
    asked = ask(terminal.api.agent, title=title, priority="critical", expires_in_seconds=9000)

    shown = terminal("inbox", "--list", COLUMNS="50").stdout

    first, second, third = shown.splitlines()
    assert first.split() == [asked["id"], "critical"]
    assert re.fullmatch("  .* late", second)
    assert third.startswith("  Stop the letters? ⚠️ They name a")
    assert cell_len(third) <= 50


def test_a_case_that_was_imported_is_shown_with_its_history(terminal: Terminal) -> None:
    item = {"at": "2025-11-04T09:00:00Z", "by": "Ms. Elsewhere", "text": "Called the board"}
    case = {"title": "Old", "decisionType": "kyc", "createdAt": "2025-11-03T09:00:00Z"}
    row = {"source": "jira", "rowKey": "1", "id": "CASE-1", "history": [item], **case}
    assert terminal.api.admin.post("/cases:import", row).status_code == 201

    shown = terminal("show", "CASE-1", COLUMNS="120").stdout

    assert re.search(r"2 .* imported +Ms\. Elsewhere +2025-11-04: Called the board", shown)
    assert re.search(r"1 .* case_created +admin@example.com +Case imported from jira", shown)


def test_a_day_of_the_figures_is_the_one_that_was_named_wherever_the_reader_is(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()

    shown = terminal("stats", "--since", "2026-02-20", TZ="Europe/Berlin").stdout

    monkeypatch.undo()
    time.tzset()
    assert "From 2026-02-20 to" in shown


@pytest.mark.parametrize(
    "command",
    [
        ("export", "cases", "-o", "absent/x.csv"),
        ("export", "case", "CASE-1", "-o", "absent/x.zip"),
        ("export", "audit", "-o", "file/x"),
        ("tail", "--once", "--cursor-file", "absent/x"),
        ("key", "create", "bot", "-o", "absent/x"),
    ],
)
def test_a_file_that_cannot_be_written_is_named_in_one_line(
    terminal: Terminal, command: tuple[str, ...]
) -> None:
    terminal.api.pilot.create(id="CASE-1")
    (terminal.home.parent / "file").touch()

    result = terminal(*command, role="admin")

    assert result.exit_code == 2
    assert re.fullmatch(r"caseledger: (absent|file)/x\S*: .*\n", result.stderr)


def test_piped_rows_are_one_line_each_and_whole(terminal: Terminal) -> None:
    title = "word " * 50
    terminal.api.pilot.create(id="CASE-1", title=title.strip())

    head, row = terminal("cases", COLUMNS="").stdout.splitlines()

    assert title.strip() in row
    assert head.split() == ["id", "status", "due", "title"]


def test_a_case_is_shown_with_its_evidence_questions_and_events(terminal: Terminal) -> None:
    api = terminal.api
    api.pilot.create(id="CASE-1", title="A stay", summary="In short", fields={"region": "North"})
    api.pilot.attach("CASE-1", {"id": "e-1", "title": "A letter"})
    asked = ask(api.agent, case_id="CASE-1", title="Go on?")

    shown = terminal.done("show", "CASE-1").stdout

    for text in ("A stay", "In short", "North", "A letter", "Go on?", "evidence_attached"):
        assert text in shown
    assert "evidence_attached" not in terminal.done("show", "CASE-1", "--events", "0").stdout
    assert "Go on?" in terminal.done("show", asked["id"]).stdout
    assert terminal.rows("show", f"interventions/{asked['id']}")[0]["uowId"] == "uow-1"
    assert terminal.rows("show", "cases/CASE-1")[0]["evidence"][0]["id"] == "e-1"


def test_the_next_case_of_a_queue_is_claimed(terminal: Terminal) -> None:
    terminal.api.pilot.create(id="CASE-1")
    terminal.api.pilot.create(id="CASE-2", severity="high")

    (case,) = terminal.rows("claim", "--next", "--severity", "high")

    assert (case["id"], case["assignedTo"]) == ("CASE-2", "pilot@example.com")
    assert [row["id"] for row in terminal.rows("cases", "--assigned-to", "me")] == ["CASE-2"]
    assert "Claimed CASE-1" in terminal.done("claim", "CASE-1").stderr


def test_a_question_is_claimed_by_the_id_that_the_inbox_shows(terminal: Terminal) -> None:
    first, second = (ask(terminal.api.agent, title=f"{name}?") for name in ("One", "Two"))

    assert f"Claimed {first['id']}: One?\n" in terminal.done("claim", first["id"]).stderr
    assert terminal.rows("claim", f"interventions/{second['id']}")[0]["id"] == second["id"]
    assert {row["id"] for row in terminal.rows("inbox", "--mine")} == {first["id"], second["id"]}
    for name in ("absent", "cases/absent", f"cases/{first['id']}"):
        assert terminal("claim", name).exit_code == 3
    assert terminal("claim", "keys/absent").exit_code == 2


def test_a_list_says_that_there_is_more(terminal: Terminal) -> None:
    for number in range(3):
        terminal.api.pilot.create(id=f"CASE-{number}")

    result = terminal.done("cases", "--limit", "2")

    assert "There are more than 2" in result.stderr
    assert len(terminal.rows("cases", "-n", "3")) == 3


def test_figures_are_counted(terminal: Terminal) -> None:
    terminal.api.pilot.create(id="CASE-1")
    ask(terminal.api.agent)

    now = terminal.done("stats").stdout

    assert re.search(r"Cases: 1\n.*new +1\n", now, re.DOTALL)
    assert re.search(r"Questions: 1\n.*pending +1\n", now, re.DOTALL)
    assert terminal.rows("stats")[0]["cases"]["caseCount"] == 1
    by_agent = terminal.done(
        "stats", "--by", "agent", "--since", "2026-03-01", "--until", "2026-03-03"
    )
    assert re.search(r"agent +1\n", by_agent.stdout)


def test_colour_is_for_terminals_that_want_it(terminal: Terminal) -> None:
    terminal.api.pilot.create(id="CASE-1", severity="critical")

    assert "\x1b[1;31m" in terminal("cases", FORCE_COLOR="1").stdout
    assert "31m" not in terminal("cases", FORCE_COLOR="1", NO_COLOR="1").stdout
    assert "\x1b" not in terminal("cases").stdout


def test_a_case_that_cannot_be_read_is_named_and_takes_no_list_down(terminal: Terminal) -> None:
    for case_id in ("CASE-1", "CASE-2"):
        terminal.api.pilot.create(id=case_id)
    spoilt(terminal.api, "cases/CASE-1", "title")

    result = terminal.done("cases", "--json")

    assert [json.loads(line)["id"] for line in result.stdout.splitlines()] == ["CASE-2"]
    assert "CASE-1" in result.stderr
