"""The part of the demo in which agents ask to do something: what runs is what was approved."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, Protocol

import jwt

from local.client import Answer, call
from local.demo_tenant import token
from shared.models.actions import NewAction
from shared.rules.actions import hash_of


class Say(Protocol):
    """Who tells the demo, and sends what it shows."""

    @property
    def send(self) -> Callable[..., Answer]:
        """Sends a request, and shows it with its answer, which must have the expected code."""

    def __call__(self, text: str) -> None:
        """Tells what comes next."""


def play(say: Say, url: str) -> None:
    """Actions: one that is edited, one that two people approve, and one that is started too late.

    `url` is that of the API.
    """
    _edited(say, url)
    _by_two(say)
    _lapsed(say)


def _edited(say: Say, url: str) -> None:
    agent, paul = token("agent", "letters"), token("pilot", "paul")
    say("An agent wants to send a letter. It asks for exactly that: a tool and its arguments.")
    path, asked = _ask(say, "letter-7", {"to": "Dr. Smith", "copies": 2})
    say("Paul edits what he approves. What was asked for can no longer be started.")
    edited = {"to": "Dr. Smith", "copies": 1}
    say.send(200, "POST", f"{path}:decide", paul, {"decision": "edit", "arguments": edited})
    say.send(409, "POST", f"{path}:start", agent, {"actionHash": asked["actionHash"]})
    say("What was approved is started once, and then completed.")
    start = {"actionHash": _hash(edited)}
    say.send(200, "POST", f"{path}:start", agent, start)
    say.send(409, "POST", f"{path}:start", agent, start)
    say.send(200, "POST", f"{path}:complete", agent, {"result": "sent"})
    say("The receipt is signed. With the public keys, anybody can check it offline.")
    receipt = say.send(200, "GET", f"{path}/receipt", agent).body
    keys = call("GET", f"{url.removesuffix('/v1')}/.well-known/jwks.json").body
    key = jwt.PyJWKSet.from_dict(keys)[jwt.get_unverified_header(receipt)["kid"]]
    claims = jwt.decode(receipt, key, algorithms=["EdDSA"])
    print(f"  It says: {json.dumps(claims)}")  # noqa: T201


def _by_two(say: Say) -> None:
    paul, alex = token("pilot", "paul"), token("admin", "alex")
    yes = {"decision": "approve"}
    say("For some actions one person is not enough. Nobody approves twice.")
    path, _ = _ask(say, "letter-8", {"to": "The state board"}, approvalsRequired=2)
    say.send(200, "POST", f"{path}:decide", paul, yes)
    say.send(409, "POST", f"{path}:decide", paul, yes)
    say.send(200, "POST", f"{path}:decide", alex, yes)


def _lapsed(say: Say) -> None:
    agent, paul = token("agent", "letters"), token("pilot", "paul")
    say("An approval can be good for some time only: here for one second. Then it has lapsed.")
    path, asked = _ask(say, "letter-9", {"to": "Dr. Haddad"}, actWithinSeconds=1)
    say.send(200, "POST", f"{path}:decide", paul, {"decision": "approve"})
    time.sleep(1)
    say.send(409, "POST", f"{path}:start", agent, {"actionHash": asked["actionHash"]})
    say.send(200, "GET", path, agent)


def _ask(
    say: Say, name: str, arguments: dict[str, Any], **terms: Any
) -> tuple[str, dict[str, Any]]:
    """Asks to send a letter; gives the path of the intervention, and the intervention."""
    question = {
        "uowId": name,
        "type": "resume",
        "title": "Send the letter?",
        "action": {"tool": "send_letter", "arguments": arguments},
        **terms,
    }
    asked = say.send(201, "POST", "/interventions", token("agent", "letters"), question).body
    return f"/interventions/{asked['id']}", asked


def _hash(arguments: dict[str, Any]) -> str | None:
    return hash_of(NewAction(tool="send_letter", arguments=arguments))
