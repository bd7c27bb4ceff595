"""Deciding in the terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from typing import Any

import pytest
import typer
from typer.testing import Result

from caseledger import Client
from caseledger.commands import answering, feed, inbox
from tests.cli.conftest import Terminal, at_a_terminal
from tests.conftest import ROOT
from tests.functions.intervention_support import ask, decide, done, shown
from tests.functions.support import ON_EMBEDDED

pytestmark = ON_EMBEDDED
ACTION = {"tool": "refund", "arguments": {"amount": 100, "to": {"name": "Dr. Smith"}}}


@pytest.fixture
def sit(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The inbox of a pilot who types lines."""

    def sitting(*typed: str, role: str = "pilot", **env: str) -> Result:
        with at_a_terminal(monkeypatch):
            return terminal("inbox", role=role, typed="\n".join([*typed, ""]), **env)

    return sitting


class Pty:
    """A program at a terminal of 80 columns."""

    def __init__(self, environment: dict[str, str | None]) -> None:
        self._end, theirs = pty.openpty()
        kept = {name: value for name, value in environment.items() if value is not None}
        paths = str(ROOT / "clients/python/src")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "caseledger", "inbox"],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": paths, "TERM": "xterm", **kept},
            start_new_session=True,
        )
        os.close(theirs)

    def until(self, text: str) -> str:
        """What is shown up to this text, without colours."""
        shown, limit = "", time.monotonic() + 30
        while text not in shown:
            ready, _, _ = select.select([self._end], [], [], max(0, limit - time.monotonic()))
            assert ready, shown
            shown += os.read(self._end, 65536).decode()
            shown = re.sub(r"\x1b\[[0-9;]*m", "", shown)
        return shown

    def type(self, text: str) -> None:
        """Types a line."""
        os.write(self._end, f"{text}\n".encode())

    def ended(self) -> int:
        """The exit code."""
        code = self._process.wait(30)
        os.close(self._end)
        return code


def test_a_person_edits_and_approves_an_action_at_a_terminal(terminal: Terminal) -> None:
    question = ask(terminal.api.agent, title="Refund?", action=ACTION)
    environment = terminal.env("pilot", EDITOR="sed -i s/100/80/", COLUMNS="80")

    person = Pty(environment)
    first = person.until("[n]: ")
    person.type("e")
    changed = person.until("[n]: ")
    person.type("y")
    person.until("It is approved.")

    assert person.ended() == 0
    assert "amount   100" in first
    assert 'to.name  "Dr. Smith"' in first
    assert "a approve, e edit, r reject, c claim, n next, p previous, q quit\r\n" in first
    assert re.search(r"-  amount +100\s+\+  amount +80\s", changed)
    decided = shown(terminal.api, question["id"])
    assert (decided["decision"], decided["decidedBy"]) == ("edit", "pilot@example.com")
    assert decided["approvedArguments"] == {"amount": 80, "to": {"name": "Dr. Smith"}}


def test_where_nobody_sits_the_inbox_is_a_list(terminal: Terminal) -> None:
    low = ask(terminal.api.agent, title="Later", priority="low")
    high = ask(terminal.api.agent, title="Now", priority="critical")
    terminal.api.pilot.post(f"/interventions/{low['id']}:claim")

    assert [row["id"] for row in terminal.rows("inbox")] == [high["id"], low["id"]]
    assert [row["id"] for row in terminal.rows("inbox", "--mine")] == [low["id"]]
    assert "Now" in terminal.done("inbox", "--priority", "critical").stdout
    assert "Nothing waits" in terminal.done("inbox", "--uow", "other").stderr


def test_what_others_hold_is_not_in_the_inbox_and_a_long_one_says_that_there_is_more(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, *free = (ask(terminal.api.agent, title=title) for title in ("Kim's", "One", "Two"))
    terminal.api.caller("pilot", "kim").post(f"/interventions/{held['id']}:claim")

    assert {row["id"] for row in terminal.rows("inbox")} == {one["id"] for one in free}
    monkeypatch.setattr(inbox, "_MOST", 1)
    assert "These are the first 1: there are more." in terminal.done("inbox").stderr


def test_of_a_long_context_the_rest_is_told_and_arguments_are_shown_whole(
    terminal: Terminal,
) -> None:
    many = {f"v{number:02}": number for number in range(50)}
    action = {"tool": "send", "arguments": many}
    question = ask(terminal.api.agent, context=many, action=action)

    output = terminal.done("show", question["id"]).stdout

    assert "and 10 more, which --json shows" in output
    assert (output.count("v39 "), output.count("v40 "), output.count("v49 ")) == (2, 1, 1)


def test_only_decisions_that_a_question_allows_are_offered(terminal: Terminal, sit: Any) -> None:
    question = ask(terminal.api.agent, decisions=["reject"])

    result = sit("a", "e", "w", "r", "Not now")

    assert "r reject, c claim" in result.stdout
    assert result.stderr.count("is none of these") == 3
    assert shown(terminal.api, question["id"])["actionReason"] == "Not now"


def test_an_answer_is_asked_for_as_its_schema_says(terminal: Terminal, sit: Any) -> None:
    properties = {
        "route": {"type": "string", "title": "Which way?", "enum": ["post", "mail"]},
        "size": {"type": "string", "enum": ["A4", "A5"], "default": "A5"},
        "copies": {"type": "integer", "minimum": 1, "maximum": 5, "default": 2},
        "amount": {"type": "number"},
        "urgent": {"type": "boolean"},
        "on": {"type": "string", "format": "date"},
        "at": {"type": "string", "format": "date-time"},
        "note": {"type": "string", "minLength": 3},
        "left": {"type": "string"},
        "reply": {"type": "string", "format": "email"},
    }
    schema = {"type": "object", "properties": properties, "required": ["route", "note"]}
    question = ask(terminal.api.agent, type="clarification", response_schema=schema)
    typed = {
        "amount": ("1,5", "nan", "1.5"),
        "at": ("soon", "2026-03-31T09:00+02:00"),
        "copies": ("9", "1.5", ""),
        "left": ("",),
        "note": ("", "x", "Thanks"),
        "on": ("31.3.26", "2026-03-31"),
        "reply": ("kim", "kim@example.com"),
        "route": ("3", "2"),
        "size": ("",),
        "urgent": ("perhaps", "y"),
    }

    result = sit("a", *(line for lines in typed.values() for line in lines))

    decided = shown(terminal.api, question["id"])
    assert decided["status"] == "approved", result.output
    assert decided["response"] == {
        "route": "mail",
        "size": "A5",
        "copies": 2,
        "amount": 1.5,
        "urgent": True,
        "on": "2026-03-31",
        "at": "2026-03-31T07:00:00Z",
        "note": "Thanks",
        "reply": "kim@example.com",
    }
    assert result.stderr.count("It must be") == 11
    assert "whole number from 1 to 5 [2]" in result.stdout
    assert "1 to 2 [2]" in result.stdout


def test_a_form_can_be_left_and_keeps_what_was_typed(
    terminal: Terminal, sit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    properties = {"a": {"type": "string"}, "b": {"type": "string"}}
    schema = {"type": "object", "properties": properties, "required": ["a", "b"]}
    question = ask(terminal.api.agent, type="clarification", response_schema=schema)
    ask_person = answering.ask

    def leaving(text: str, default: str = "") -> str:
        typed = ask_person(text, default)
        if typed == "^C":
            raise typer.Abort
        return typed

    monkeypatch.setattr(answering, "ask", leaving)
    result = sit("a", "First", "^C", "a", "", "Second")

    assert "Nothing was decided." in result.stderr
    assert shown(terminal.api, question["id"])["response"] == {"a": "First", "b": "Second"}


def test_who_may_not_decide_a_question_is_told_who_does(
    terminal: Terminal, sit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(terminal.api.agent, title="For pilots")
    result = sit("a", "c", "q", role="verifier")
    assert "decided by a person with the role pilot" in result.stderr
    assert result.stderr.count("is none of these") == 2

    held = ask(terminal.api.agent, title="Of Kim")
    terminal.api.caller("pilot", "kim").post(f"/interventions/{held['id']}:claim")
    with at_a_terminal(monkeypatch):
        result = terminal("inbox", held["id"], typed="a\nu\nq\n")
        released = terminal("inbox", held["id"], typed="a\nu\nq\n", role="admin")
    assert "kim@example.com has claimed it, and decides it." in result.stderr
    assert result.stderr.count("is none of these") == 2
    assert "It is free again." in released.stderr


def test_a_second_person_approves_what_the_first_one_made_of_it(
    terminal: Terminal, sit: Any
) -> None:
    question = ask(terminal.api.agent, action=ACTION, approvals_required=2)
    changed = {"amount": 50, "to": {"name": "Dr. Smith"}}
    done(decide(terminal.api.caller("pilot", "kim"), question["id"], "edit", arguments=changed))

    result = sit("s")

    assert re.search(r"- +amount +100 *\n\+ +amount +50", result.stdout)
    assert "approvals     1 of 2 kim@example.com" in result.stdout
    assert shown(terminal.api, question["id"])["approvedArguments"] == changed


def test_an_approval_that_needs_another_says_so(terminal: Terminal, sit: Any) -> None:
    ask(terminal.api.agent, approvals_required=2)

    assert "Your approval counts: 1 of 2" in sit("a fine by me").stderr


def test_what_is_critical_is_approved_by_a_whole_word(terminal: Terminal, sit: Any) -> None:
    question = ask(terminal.api.agent, priority="critical")

    assert "Nothing was decided" in sit("a", "y", "n").stderr
    assert shown(terminal.api, question["id"])["status"] == "pending"
    sit("a", "yes")
    assert shown(terminal.api, question["id"])["status"] == "approved"


def test_what_is_critical_is_rejected_at_once(terminal: Terminal, sit: Any) -> None:
    question = ask(terminal.api.agent, priority="critical")

    sit("r not without a contract")

    decided = shown(terminal.api, question["id"])
    assert (decided["status"], decided["actionReason"]) == ("rejected", "not without a contract")


def test_a_violation_is_waived_with_a_reason(terminal: Terminal, sit: Any) -> None:
    question = ask(terminal.api.agent, type="waive_violation")

    result = sit("a", "", "a", "The form was signed")

    assert "Nothing was decided." in result.stderr
    assert shown(terminal.api, question["id"])["actionReason"] == "The form was signed"


def test_a_person_goes_back_to_the_question_before(terminal: Terminal, sit: Any) -> None:
    for title in ("One?", "Two?"):
        ask(terminal.api.agent, title=title)

    result = sit("n", "p", "q")

    assert re.findall("--- . of 2", result.stdout) == ["--- 1 of 2", "--- 2 of 2", "--- 1 of 2"]


def test_a_question_that_has_changed_since_it_was_shown_is_shown_again(
    terminal: Terminal, sit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = ask(terminal.api.agent, action=ACTION, approvals_required=2)
    ask_person, kim = Client.request, terminal.api.caller("pilot", "kim")

    def meanwhile(self: Client, method: str, path: str, **more: Any) -> Any:
        if path.endswith(":decide"):
            monkeypatch.setattr(Client, "request", ask_person)
            done(decide(kim, question["id"], "edit", arguments={"amount": 1}))
        return ask_person(self, method, path, **more)

    monkeypatch.setattr(Client, "request", meanwhile)
    result = sit("a", "q")

    assert "It has changed since it was shown. Nothing was decided" in result.stderr
    assert result.stdout.count("1 of 1") == 2
    assert len(shown(terminal.api, question["id"])["approvals"]) == 1


def test_the_case_of_a_question_is_shown_before_it_is_decided(terminal: Terminal, sit: Any) -> None:
    terminal.api.pilot.create(id="CASE-1", title="A stay", summary="All about it")
    question = ask(terminal.api.agent, case_id="CASE-1", type="clarification")

    result = sit("v", "a", "Because")

    assert "v view the case" in result.stdout
    assert "All about it" in result.stdout
    assert shown(terminal.api, question["id"])["response"] == {"text": "Because"}


def test_who_watches_is_shown_what_comes_once(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(terminal.api.agent, title="The first")
    coming = iter(["The second"])

    def meanwhile(_: float) -> None:
        ask(terminal.api.agent, title=next(coming))

    monkeypatch.setattr(feed, "sleep", meanwhile)
    with at_a_terminal(monkeypatch):
        result = terminal("inbox", "--watch", typed="n\nq\n")

    assert result.exit_code == 0, result.output
    assert result.stdout.count("The first") == result.stdout.count("The second") == 1


def test_the_requester_is_told_why_they_cannot_decide(terminal: Terminal, sit: Any) -> None:
    ask(terminal.api.verifier, title="Mine", required_role="verifier")

    result = sit("a", "q", role="verifier")

    assert "403" in result.stderr
    assert "Decided: 0. Not looked at: 1." in result.stderr


def test_arguments_are_changed_as_they_are_to_the_letter(terminal: Terminal, sit: Any) -> None:
    odd = {"text": "a\u200bb Müller", "number": 1e21, "list": [1, {"a.b": None}]}
    question = ask(terminal.api.agent, action={"tool": "send", "arguments": odd})

    result = sit("e", "q", VISUAL="true", EDITOR="false")

    assert "These are the arguments that were asked for" in result.stderr
    assert 'list[1]["a.b"]' in result.stdout
    sit("e", "n", "n", EDITOR="sh -c 'echo [1] >$0'")
    assert shown(terminal.api, question["id"])["status"] == "pending"
