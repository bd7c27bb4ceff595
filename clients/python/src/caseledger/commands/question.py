"""How a question is shown: who asks what, the action to the letter, and what is approved."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from caseledger import terminal
from caseledger.questions import OPEN
from caseledger.terminal import Cell

_MOST = 40
"""As many values of a context are shown; arguments are shown whole."""
_SIMPLE = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_STYLES = {"critical": "bold red", "high": "yellow"}


def is_open(one: dict[str, Any]) -> bool:
    """Whether a question can still be decided, by the clock of the server."""
    return one["status"] in OPEN


def print_rows(rows: list[dict[str, Any]], *, empty: str = "") -> None:
    """Questions as a table: of those that are open the priority, of others how they ended."""
    terminal.print_table(
        ("id", "", "expires", "<title"),
        [
            (
                one["id"],
                (one["priority"], _STYLES.get(one["priority"], ""))
                if is_open(one)
                else (one["status"], "dim"),
                terminal.until(one["expiresAt"]) if is_open(one) else None,
                one["title"],
            )
            for one in rows
        ],
        empty=empty,
    )


def show(one: dict[str, Any]) -> None:
    """All that a person needs to decide a question, or how it was decided."""
    terminal.print_title(one["title"])
    terminal.print_facts(_facts(one))
    if one["description"]:
        terminal.print_text("")
        terminal.print_quote(one["description"])
    if one["context"] is not None:
        terminal.print_title("Context", apart=True)
        _print_values(list(leaves(one["context"])), most=_MOST)
    if one["action"]:
        terminal.print_title(f"Action: {one['action']['tool']}", apart=True)
        instead = one["approvedArguments"]
        if instead is None:
            _print_values(list(leaves(one["action"]["arguments"])))
        else:
            decided = "was approved" if one["decision"] else "is approved so far"
            terminal.print_text(f"- was asked for, + {decided}", "dim")
            print_diff(one["action"]["arguments"], instead)
    if one["response"] is not None:
        terminal.print_title("Response", apart=True)
        _print_values(list(leaves(one["response"])))


def _facts(one: dict[str, Any]) -> list[tuple[str, Cell]]:
    approvals = ", ".join(approval["by"] for approval in one["approvals"])
    needed = one["approvalsRequired"]
    left = terminal.styled(terminal.until(one["expiresAt"])).plain
    expires = terminal.moment(one["expiresAt"])
    started, lapsed = one.get("startedAt"), one.get("lapsedAt")
    return [
        ("question", one["id"]),
        ("kind", (f"{one['type']}, {one['priority']}", _STYLES.get(one["priority"], ""))),
        ("status", one["status"]),
        ("asked by", f"{one['createdBy']}, {terminal.since(one['createdAt'])}"),
        ("unit of work", one["uowId"]),
        ("case", one["caseId"]),
        ("expires", f"{expires} ({left})" if is_open(one) and left else None),
        ("held by", one["assignedTo"] if one["status"] == "in_progress" else None),
        ("approvals", f"{len(one['approvals'])} of {needed} {approvals}" if needed > 1 else None),
        ("decided", _decided(one)),
        ("reason", one["actionReason"]),
        ("started", f"{terminal.moment(started)} by {one['startedBy']}" if started else None),
        ("lapsed", terminal.moment(lapsed)),
        ("completed", f"{terminal.moment(one['completedAt'])} by {one['completedBy']}"
         if one.get("completedAt") else None),
    ]  # fmt: skip


def _decided(one: dict[str, Any]) -> str:
    if not one["decision"]:
        return ""
    return f"{one['decision']} by {one['decidedBy']}, {terminal.moment(one['actionAt'])}"


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """The values within a JSON value, each by its path; what is empty is a value itself."""
    if isinstance(value, dict) and value:
        for name, one in value.items():
            simple = _SIMPLE.fullmatch(name)
            step = (f".{name}" if path else name) if simple else f"[{_exactly(name)}]"
            yield from leaves(one, path + step)
    elif isinstance(value, list) and value:
        for number, one in enumerate(value):
            yield from leaves(one, f"{path}[{number}]")
    else:
        yield path, _exactly(value)


def _exactly(value: Any) -> str:
    return terminal.exactly(json.dumps(value, ensure_ascii=False))


def _print_values(rows: list[tuple[str, str]], most: int | None = None) -> None:
    terminal.print_facts(rows[:most])
    if most is not None and len(rows) > most:
        terminal.print_text(f"and {len(rows) - most} more, which --json shows", "dim")


def print_diff(asked: Any, other: Any) -> None:
    """What two values have in common, and where they differ: `-` is asked, `+` the other."""
    old, new = dict(leaves(asked)), dict(leaves(other))
    changes: list[tuple[str, str, str]] = []
    for path in dict.fromkeys([*old, *new]):
        if old.get(path) == new.get(path):
            changes.append(("", path, old[path]))
        else:
            values = ("-", old), ("+", new)
            changes += [(sign, path, one[path]) for sign, one in values if path in one]
    terminal.print_changes(changes)
