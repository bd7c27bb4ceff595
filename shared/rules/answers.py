"""What a decision needs to say: its kind, its reason, its response, its arguments. Pure."""

from __future__ import annotations

from shared.errors import InvalidArgument
from shared.models.answers import ResponseSchema
from shared.models.base import is_visible
from shared.models.intervention import DecisionGiven, InterventionType, StoredIntervention
from shared.rules import actions

_TOLD = 20
"""Of how many properties of a response an error tells, as that of a request does of its fields."""


def require_whole(intervention: StoredIntervention, given: DecisionGiven) -> None:
    """Raises InvalidArgument where a decision is not one of the intervention's, or lacks a part."""
    kind, decision = intervention.type, given.decision
    allowed = actions.decisions(kind, intervention.action, intervention.decisions)
    if decision not in allowed:
        raise InvalidArgument.field("decision", f"must be one of {', '.join(allowed)}")
    if given.reason is None and (decision == "reject" or kind is InterventionType.WAIVE_VIOLATION):
        raise InvalidArgument.field("reason", f"is required to {decision} a {kind}")
    if (decision == "edit") is not (given.arguments is not None):
        wrong = "is required to edit" if decision == "edit" else "comes with the decision edit"
        raise InvalidArgument.field("arguments", wrong)
    if decision != "reject":
        # Where nobody can respond, and of a clarification, whoever approves answers.
        answers = kind is InterventionType.CLARIFICATION or "respond" not in allowed
        needed = decision == "respond" or (decision == "approve" and answers)
        _require_response(intervention, given, needed=needed)


def _require_response(
    intervention: StoredIntervention, given: DecisionGiven, *, needed: bool
) -> None:
    response = given.response
    if intervention.response_schema is not None:
        schema = ResponseSchema.model_validate_json(intervention.response_schema)
        wrong = schema.problems(response or {}) if needed or response is not None else {}
        details = [
            {"field": f"response.{name}", "description": problem}
            for name, problem in sorted(wrong.items())[:_TOLD]
        ]
        if details:
            first = details[0]
            raise InvalidArgument(f"{first['field']}: {first['description']}", details)
        if needed and response is None and given.decision == "respond":
            raise InvalidArgument.field("response", "is required to respond")
    elif needed and intervention.type is InterventionType.CLARIFICATION:
        text = (response or {}).get("text")
        if not isinstance(text, str) or not is_visible(text):
            raise InvalidArgument.field("response.text", "is required to answer a clarification")
    elif given.decision == "respond" and not response:
        raise InvalidArgument.field("response", "is required to respond")
