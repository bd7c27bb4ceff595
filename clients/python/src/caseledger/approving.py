"""What `requires_approval` knows of the function that it guards, and of the decision. Pure."""

from __future__ import annotations

import json
from inspect import Parameter, Signature
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

    What was done stays done, and must not fail for how it is written down.
    """
    try:
        json.dumps(result, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return None
    return result
