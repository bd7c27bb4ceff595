"""What `requires_approval` knows of the function that it guards, and of the decision. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from inspect import (
    Parameter,
    Signature,
    isasyncgenfunction,
    isawaitable,
    iscoroutinefunction,
    isgeneratorfunction,
    unwrap,
)
from string import Formatter
from typing import TYPE_CHECKING, Any

from caseledger.problems import (
    Expired,
    NotApproved,
    OutcomeUnknown,
    Rejected,
    Responded,
    Withdrawn,
)

if TYPE_CHECKING:
    from caseledger.types import Intervention

TOO_MUCH = (400, 413)
"""How the API refuses a result that is larger or deeper than it takes."""
_UNNAMED = (Parameter.POSITIONAL_ONLY, Parameter.VAR_POSITIONAL)


def require_names(signature: Signature) -> None:
    """Raises TypeError where a parameter cannot be given by its name, as an edit would give it."""
    unnamed = [one.name for one in signature.parameters.values() if one.kind in _UNNAMED]
    if unnamed:
        raise TypeError(f"people approve arguments by name: {', '.join(unnamed)} has none")


def require_kind(function: Callable[..., Any], *, awaited: bool) -> None:
    """Raises TypeError for a function that the client cannot run to its end.

    It would be started, and recorded as done, by the call that only makes it ready.
    """
    if isgeneratorfunction(function) or isasyncgenfunction(function):
        raise TypeError(f"{_name(function)} is a generator: it does nothing when it is called")
    if not awaited and iscoroutinefunction(function):
        raise TypeError(f"{_name(function)} is an async function: AsyncClient is for these")
    if awaited and not iscoroutinefunction(unwrap(function)):
        raise TypeError(f"{_name(function)} is no async function: Client is for these")


def require_formats(signature: Signature, *formats: str) -> None:
    """Raises ValueError where a text names what is none of the parameters."""
    parameters = signature.parameters
    if any(one.kind is Parameter.VAR_KEYWORD for one in parameters.values()):
        return
    for text in formats:
        for _, field, _, _ in Formatter().parse(text):
            name = None if field is None else re.split(r"[.\[]", field)[0]
            if name is not None and name not in parameters:
                raise ValueError(f"{text!r} names {{{field}}}, which the function does not take")


def require_fitting(signature: Signature, arguments: dict[str, Any]) -> None:
    """Raises TypeError where the function does not take the arguments that a person approved."""
    try:
        signature.bind(**arguments)
    except TypeError as error:
        raise TypeError(f"the function does not take the arguments as approved: {error}") from None


def arguments_of(
    signature: Signature, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """The arguments of a call by their names, with the defaults of those that were not given.

    Raises TypeError where the function does not take them.
    """
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    arguments = dict(bound.arguments)
    for name, parameter in signature.parameters.items():
        if parameter.kind is Parameter.VAR_KEYWORD:
            arguments |= arguments.pop(name)
    return arguments


def require_approved(intervention: Intervention) -> None:
    """Raises NotApproved unless it was approved, and OutcomeUnknown where it was started."""
    match intervention["status"]:
        case "rejected" if intervention["decision"] == "respond":
            raise Responded(intervention)
        case "rejected":
            raise Rejected(intervention)
        case "withdrawn":
            raise Withdrawn(intervention)
        case "expired":
            raise Expired(intervention)
        case status if status != "approved":
            # A later release of the server may have more of them.
            raise NotApproved(intervention)
    if intervention["lapsedAt"]:
        raise Expired(intervention)
    if intervention["startedAt"]:
        raise OutcomeUnknown(intervention)


def recordable(result: Any) -> Any:
    """The result as it can be recorded: null where it is no JSON.

    What was done stays done, and must not fail for how it is written down. Raises TypeError where
    nothing was done yet, because the result must be awaited first.
    """
    if isawaitable(result):
        raise TypeError("the function gave something to await: it has not done the action")
    try:
        json.dumps(result, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return None
    return result


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__qualname__", repr(function))
