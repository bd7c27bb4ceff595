"""The inbox: what waits for a person's decision, and deciding it in the terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import typer

from caseledger import Client, Problem, profile, terminal
from caseledger.commands import answering, cases, feed, given, question
from caseledger.profile import segment
from caseledger.questions import action_hash
from caseledger.terminal import Json
from caseledger.types import InterventionType, Priority

Question = dict[str, Any]
_RANKS = {"critical": 0, "high": 1, "normal": 2, "low": 3}
_ROLES = ("viewer", "verifier", "pilot", "admin")
_CHANGED = 412
_MOST = 200
_NEW = ("intervention_requested", "intervention_released", "intervention_assigned")
"""After these events a question may wait that did not before."""


def inbox(  # noqa: PLR0913 - options
    ids: Annotated[list[str] | None, typer.Argument(help="Only these questions.")] = None,
    *,
    mine: Annotated[bool, typer.Option("--mine", help="Only what you have claimed.")] = False,
    priority: Annotated[Priority | None, typer.Option(help="Of this priority.")] = None,
    kind: Annotated[InterventionType | None, typer.Option("--type", help="Of this type.")] = None,
    case: Annotated[str | None, typer.Option(help="About this case.")] = None,
    uow: Annotated[str | None, typer.Option(help="Of this unit of work.")] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Wait for questions that are still to come.")
    ] = False,
    only_list: Annotated[bool, typer.Option("--list", help="Only list them.")] = False,
    as_json: Json = False,
) -> None:
    """Decide what agents ask, one question after the other; or list it with --list or --json.

    Each question is shown whole, with the arguments of its action, and offers the decisions that it
    allows. Where the input or output is no terminal, the questions are listed.
    """
    query = given.params(priority=priority, type=kind, case_id=case, uow_id=uow)
    with profile.client() as client:
        rows = [_get(client, one) for one in ids] if ids else _waiting(client, query, mine=mine)
        if as_json:
            for row in rows:
                terminal.print_json(row)
        elif only_list or not is_interactive():
            question.print_rows(rows, empty="Nothing waits for a decision.")
        elif watch and not ids:
            _watch(client, lambda: _waiting(client, query, mine=mine))
        elif rows:
            _Sitting(client, rows).hold()
        else:
            terminal.say("Nothing waits for a decision.")


def _watch(client: Client, waiting: Callable[[], list[Question]]) -> None:
    """Shows what waits, and then what comes, each question once, until the person has enough."""
    # From before the first list, so that nothing comes between it and the changes.
    cursor = client.request("GET", "/changes").json()["cursor"]
    changes = feed.followed(client, cursor)
    shown: set[str] = set()
    while True:
        rows = [one for one in waiting() if one["id"] not in shown]
        shown.update(one["id"] for one in rows)
        if rows and not _Sitting(client, rows).hold():
            return
        if rows or not shown:
            terminal.say("Nothing else waits for a decision now. Ctrl-C ends.")
        next(one for one in changes if one["eventType"] in _NEW)


def is_interactive() -> bool:
    """Whether a person reads and types."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def _get(client: Client, name: str) -> Question:
    found: Question = client.request("GET", f"/interventions/{segment(name)}").json()
    return found


def _waiting(client: Client, query: dict[str, Any], *, mine: bool) -> list[Question]:
    """What nobody has claimed, and what the caller has, in the order of the queue."""
    held = {**query, "assignedTo": "me", "status": "in_progress", "pageSize": _MOST}
    rows = list(_first(client, held))
    if not mine:
        rows += _first(client, {**query, "pageSize": _MOST})
    return sorted(rows, key=lambda one: (_RANKS.get(one["priority"], 0), one["createdAt"]))


def _first(client: Client, query: dict[str, Any]) -> Iterator[Question]:
    page = client.request("GET", "/interventions:pending", params=query).json()
    if page.get("nextPageToken"):
        terminal.say(f"These are the first {_MOST}: there are more.")
    yield from page["interventions"]


class _Gone(Exception):
    """The person has had enough."""


class _Sitting:
    """One person and their questions, from the first to the last."""

    def __init__(self, client: Client, rows: list[Question]) -> None:
        self._client, self._rows, self._place = client, rows, 0
        self._decided = 0
        self._me = profile.current().claims
        self._answers: dict[str, dict[str, Any]] = {}

    def hold(self) -> bool:
        """Shows one question after the other, and does as the person says; whether to the end."""
        try:
            while self._place < len(self._rows):
                self._visit(self._rows[self._place]["id"])
        except _Gone:
            pass
        left = len(self._rows) - self._place
        terminal.say(f"Decided: {self._decided}. Not looked at: {left}.")
        return left == 0

    def _visit(self, name: str) -> None:
        response = self._client.request("GET", f"/interventions/{segment(name)}")
        one, etag = response.json(), response.headers["ETag"]
        terminal.print_text(f"\n--- {self._place + 1} of {len(self._rows)} ---", "dim")
        question.show(one)
        if not question.is_open(one):
            self._place += 1
            return
        choices = _choices(one, self._me)
        terminal.print_text("")
        _warn(one, self._me)
        while True:
            terminal.print_text(", ".join(f"{key} {word}" for key, word in choices.items()))
            typed = answering.ask("What do you do?", "n")
            key, _, rest = typed.partition(" ")
            chosen = next((k for k, word in choices.items() if key in (k, word)), None)
            if chosen:
                break
            terminal.say(f"{key} is none of these.")
        # Where it does not work it is shown again as it stands now.
        try:
            self._do(chosen, one, etag, rest.strip())
        except typer.Abort:
            terminal.say("\nNothing was decided.")
        except Problem as problem:
            if problem.code in (401, 404):
                raise
            if problem.code == _CHANGED:
                terminal.say("It has changed since it was shown. Nothing was decided; see it anew.")
            else:
                terminal.refused(problem, 1)

    def _do(self, key: str, one: Question, etag: str, reason: str) -> None:
        match key:
            case "q":
                raise _Gone
            case "v":
                cases.show_case(self._client, one["caseId"])
            case "n":
                self._place += 1
            case "p":
                self._place = max(0, self._place - 1)
            case "c" | "u":
                verb = "claim" if key == "c" else "release"
                self._client.request("POST", f"/interventions/{segment(one['id'])}:{verb}")
                terminal.say("It is yours." if key == "c" else "It is free again.")
            case _:
                self._decide(_VERDICTS[key], one, etag, reason)

    def _decide(self, verdict: str, one: Question, etag: str, reason: str) -> None:
        body = _decision(verdict, one, reason, self._answers.setdefault(one["id"], {}))
        if body is None or not _is_meant(verdict, one):
            terminal.say("Nothing was decided.")
            return
        path = f"/interventions/{segment(one['id'])}:decide"
        # What is decided is what was shown: a question that has changed since is shown again.
        headers = {"If-Match": etag}
        now = self._client.request("POST", path, json=body, headers=headers).json()
        self._decided += 1
        self._place += 1
        if question.is_open(now):
            count = f"{len(now['approvals'])} of {now['approvalsRequired']}"
            terminal.say(f"Your approval counts: {count}. It waits for other people's.")
        else:
            terminal.say(f"It is {now['status']}.")


_VERDICTS = {"a": "approve", "s": "second", "e": "edit", "w": "respond", "r": "reject"}


def _choices(one: Question, me: dict[str, Any]) -> dict[str, str]:
    """The keys that can be typed, and what they do: only what the question allows this person."""
    held = one["status"] == "in_progress"
    allowed: list[str] = []
    claim = release = False
    if not _is_of_rank(one, me):
        pass
    elif held and not _is_held_by(one, me):
        release = me.get("role") == "admin"
    else:
        allowed, claim, release = one["decisions"], not held, held
    # Whoever approves a clarification answers it.
    answers = one["type"] == "clarification" and one["action"] is None and "approve" in allowed
    wanted = {
        "s": "second" if _is_other(one) and _seconding(one) in allowed else "",
        "a": ("answer" if answers else "approve") if "approve" in allowed else "",
        "e": "edit" if "edit" in allowed else "",
        "w": "write an answer" if "respond" in allowed and not answers else "",
        "r": "reject" if "reject" in allowed else "",
        "c": "claim" if claim else "",
        "u": "release" if release else "",
        "v": "view the case" if one["caseId"] else "",
    }
    return {
        **{key: word for key, word in wanted.items() if word},
        "n": "next",
        "p": "previous",
        "q": "quit",
    }


def _is_other(one: Question) -> bool:
    """Whether people have approved something else than was asked for, and more must approve it."""
    return bool(one["approvals"]) and (one["approvedArguments"], one["response"]) != (None, None)


def _seconding(one: Question) -> str:
    return "approve" if one["approvedArguments"] is None else "edit"


def _is_held_by(one: Question, me: dict[str, Any]) -> bool:
    if subject := one.get("assignedToSubject"):
        return bool(subject == me.get("sub"))
    return one["assignedTo"] in (me.get("email"), me.get("sub"))


def _is_of_rank(one: Question, me: dict[str, Any]) -> bool:
    """Whether the role is enough; of a role that is unknown here, the server knows."""
    role, needed = me.get("role"), one["requiredRole"]
    known = role in _ROLES and needed in _ROLES
    return not known or _ROLES.index(str(role)) >= _ROLES.index(needed)


def _warn(one: Question, me: dict[str, Any]) -> None:
    if not _is_of_rank(one, me):
        terminal.say(f"It is decided by a person with the role {one['requiredRole']}.")
    elif one["status"] == "in_progress" and not _is_held_by(one, me):
        terminal.say(f"{one['assignedTo']} has claimed it, and decides it.")
    elif _is_other(one):
        terminal.say(
            "Others have approved other arguments, or with a response. `second` approves the same; "
            "anything else begins anew."
        )


def _decision(
    verdict: str, one: Question, reason: str, answer: dict[str, Any]
) -> dict[str, Any] | None:
    """The body of the decision, with what it needs; None where the person gave up.

    `answer` has what they answered before, and keeps what they answer now.
    """
    if not reason and (verdict == "reject" or one["type"] == "waive_violation"):
        reason = answering.ask("Reason")
        if not reason:
            return None
    if verdict == "second":
        names = {"arguments": "approvedArguments", "response": "response"}
        same = {name: one[field] for name, field in names.items() if one[field] is not None}
        return {"decision": _seconding(one), **same, "reason": reason or None}
    body: dict[str, Any] = {"decision": verdict}
    if verdict == "edit":
        if (arguments := _edited(one)) is None:
            return None
        body["arguments"] = arguments
    if (response := _response(verdict, one, answer)) is not None:
        body["response"] = response
    return {**body, "reason": reason or None}


def _edited(one: Question) -> dict[str, Any] | None:
    action = one["action"]
    approved = one["approvedArguments"]
    arguments = answering.edited(action["arguments"] if approved is None else approved)
    if arguments is None:
        return None
    try:
        changed = action_hash(action["tool"], arguments) != one["actionHash"]
    except ValueError as error:
        terminal.say(f"These arguments cannot be approved: {error}")
        return None
    if not changed:
        terminal.say("These are the arguments that were asked for: `approve` approves them.")
        return None
    terminal.print_text("\n- was asked for, + is to be approved instead", "dim")
    question.print_diff(action["arguments"], arguments)
    agreed = answering.ask("Approve these instead? y or n", "n").lower() in ("y", "yes")
    return arguments if agreed else None


def _response(verdict: str, one: Question, answer: dict[str, Any]) -> dict[str, Any] | None:
    clarifies = one["type"] == "clarification"
    schema = one["responseSchema"]
    # Where nobody can respond, and of a clarification, whoever approves answers.
    answers = clarifies or (schema is not None and "respond" not in one["decisions"])
    if verdict != "respond" and not (verdict == "approve" and answers):
        return None
    return answering.answer(schema, answer) if schema else {"text": answering.ask("Answer")}


def _is_meant(verdict: str, one: Question) -> bool:
    """Whether the person means it: consent to what is critical is asked for twice."""
    if verdict == "reject" or one["priority"] != "critical":
        return True
    return answering.ask(f"This is critical. Type yes to {verdict}") == "yes"
