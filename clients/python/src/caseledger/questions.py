"""What clients know of questions and their actions. Pure."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import rfc8785

if TYPE_CHECKING:
    from caseledger.types import Action, Intervention

OPEN = ("pending", "in_progress")
"""The statuses of a question that nobody has decided yet."""


def action_hash(tool: str, arguments: dict[str, Any]) -> str:
    """The hash by which the API knows an action: the SHA-256, in hex, of its RFC 8785 form.

    Raises ValueError where the arguments are no JSON that can be hashed.
    """
    return _sha256({"arguments": arguments, "tool": tool})


def approved_action(intervention: Intervention) -> Action:
    """The tool to call, with the arguments as a person edited them, or as they were asked for.

    Raises ValueError where the intervention is about no action.
    """
    action = intervention["action"]
    if action is None:
        raise ValueError(f"intervention {intervention['id']} is about no action")
    edited = intervention["approvedArguments"]
    return action if edited is None else {"tool": action["tool"], "arguments": edited}


def key_of(question: dict[str, Any]) -> str:
    """The `Idempotency-Key` of a question: it depends on all that is asked, and on nothing else."""
    return f"ask-{_sha256(question)}"


def _sha256(content: Any) -> str:
    return hashlib.sha256(rfc8785.dumps(content)).hexdigest()


def id_of(intervention: str | Intervention) -> str:
    """The id of an intervention that is given as such, or as its id."""
    return intervention if isinstance(intervention, str) else intervention["id"]


def question_of(
    title: str, uow_id: str, kind: str, action: Any, terms: dict[str, Any]
) -> dict[str, Any]:
    """The body of a question, in its RFC 8785 form; what is None in `terms` is left out.

    So the same question is the same text, which is what the API compares under one key: neither the
    order of names nor `1.0` instead of `1` makes another one. Raises ValueError for what is no
    JSON.
    """
    asked = {_camel(name): value for name, value in terms.items() if value is not None}
    question = {"title": title, "uowId": uow_id, "type": kind, **asked}
    if action is not None:
        question["action"] = action
    body: dict[str, Any] = json.loads(rfc8785.dumps(question))
    return body


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)
