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
_DEEPEST = 100


def action_hash(tool: str, arguments: dict[str, Any]) -> str:
    """The hash by which the API knows an action: the SHA-256, in hex, of its RFC 8785 form.

    Raises ValueError where the arguments are no JSON that can be hashed, which says where that is.
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
    return hashlib.sha256(_canonical(content)).hexdigest()


def _canonical(content: Any) -> bytes:
    # RFC 8785. What it cannot say is told by its place, in the words of who wrote the question.
    try:
        return rfc8785.dumps(content)
    except (rfc8785.CanonicalizationError, RecursionError):
        raise ValueError(_fault(content, ())) from None


def _fault(value: Any, path: tuple[str, ...]) -> str:
    where = ".".join(path) or "this"
    if len(path) > _DEEPEST:
        return f"{'.'.join(path[:3])}: is nested too deep, or in itself"
    match value:
        case dict() if not all(isinstance(name, str) for name in value):
            return f"{where}: the names in it must be text"
        case dict():
            inner = [(str(name), one) for name, one in value.items()]
        case list() | tuple():
            inner = [(str(place), one) for place, one in enumerate(value)]
        case _:
            return f"{where}: {_reason(value)}"
    for name, one in inner:
        try:
            rfc8785.dumps({name: one})
        except (rfc8785.CanonicalizationError, RecursionError):
            return _fault(one, (*path, name))
    return f"{where}: is no JSON"


def _reason(value: Any) -> str:
    match value:
        case str():
            return "has half of a character (a lone surrogate), which UTF-8 cannot say"
        case int():
            return "has more than 53 bits, which JSON does not keep exactly: give it as text"
        case float():
            return "must be a finite number"
        case _:
            return f"{type(value).__name__} is no JSON: give text, numbers, lists or objects"


def id_of(intervention: str | Intervention) -> str:
    """The id of an intervention that is given as such, or as its id."""
    return intervention if isinstance(intervention, str) else intervention["id"]


def question_of(
    title: str, uow_id: str, kind: str, action: Any, terms: dict[str, Any]
) -> dict[str, Any]:
    """The body of a question, in its RFC 8785 form; what is None in `terms` is left out.

    So the same question is the same text, which is what the API compares under one key: neither the
    order of names nor `1.0` instead of `1` makes another one. Raises ValueError for what is no
    JSON, which says where that is.
    """
    asked = {_camel(name): value for name, value in terms.items() if value is not None}
    question = {"title": title, "uowId": uow_id, "type": kind, **asked}
    if action is not None:
        question["action"] = action
    body: dict[str, Any] = json.loads(_canonical(question))
    return body


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)
