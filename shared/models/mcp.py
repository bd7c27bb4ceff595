"""What agents give the tools of MCP: what the functions behind them take, in one object each."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from shared.models.actions import NewAction
from shared.models.answers import ResponseSchema
from shared.models.base import Id, Model
from shared.models.case import CaseView
from shared.models.case_queries import CaseQuery
from shared.models.events import NewEvent
from shared.models.evidence import EvidenceToAdd
from shared.models.intervention import Completion, NewIntervention, Withdrawal
from shared.models.record import NewRecord

LONGEST_WAIT_SECONDS = 50
"""A little less than what many clients wait for an answer, which is a minute."""


_FORM = {
    "type": "object",
    "properties": {"type": {"const": "object"}, "properties": {"type": "object"}},
    "required": ["type", "properties"],
}
"""What a form is, in short: the whole of it would be half of what a model is told of all tools."""


class Keyed(Model):
    """What is done at most once, however often it is asked for."""

    idempotency_key: Annotated[str, Field(pattern="^[!-~]{1,255}$")] | None = None
    """A word of your own for this one call. Calling again with the same word and the same arguments
    does nothing again, and gives what the first call gave.
    """


class AskHuman(NewIntervention, Keyed):
    """A question to people."""

    response_schema: Annotated[ResponseSchema | None, WithJsonSchema(_FORM)] = None
    """The form that people fill in as their `response`, as MCP's elicitation describes one: its
    properties are strings, numbers, integers or booleans, such as `{"type": "object", "properties":
    {"amount": {"type": "number"}}, "required": ["amount"]}`.
    """


class GetDecision(Model):
    """Which question, and how long to wait for its decision."""

    intervention_id: Id
    """The `id` that ask_human gave."""
    wait_seconds: Annotated[int, Field(ge=0, le=LONGEST_WAIT_SECONDS)] = 0
    """How long to wait for the decision at most, in seconds. Without it the answer is how things
    stand.
    """


class StartAction(Model):
    """Which action is about to be done: itself, or its hash.

    It takes no key: who was interrupted, and starts again with the same one, would act twice.
    """

    intervention_id: Id
    """The `id` that ask_human gave."""
    action: NewAction | None = None
    """What you are about to do: the tool, and the arguments that you will call it with. Where
    people edited the arguments, these are the `approvedArguments`. Not together with `actionHash`.
    """
    action_hash: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    """The hash of what you are about to do, which is `approvedActionHash` where you will do what
    was approved. Not together with `action`.
    """

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.action is None) == (self.action_hash is None):
            raise PydanticCustomError("action", "give either action or actionHash")
        return self


class ReportResult(Completion, Keyed):
    """What came of a decision."""

    intervention_id: Id
    """The `id` that ask_human gave."""


class WithdrawQuestion(Withdrawal, Keyed):
    """Which question needs no answer any more."""

    intervention_id: Id
    """The `id` that ask_human gave."""


class FindCases(CaseQuery):
    """Which cases to find."""

    page_size: Annotated[int, Field(ge=1, le=50)] = 10
    """How many cases to return at most."""


class GetCase(CaseView):
    """Which case, and how much of it."""

    case_id: Id
    """The case number."""


class AddEvidence(EvidenceToAdd, Keyed):
    """Evidence for a case."""

    case_id: Id
    """The case number."""


class AddRecord(NewRecord, Keyed):
    """A record for a case."""

    case_id: Id
    """The case number."""


class ReportEvent(NewEvent, Keyed):
    """What happened on a case."""

    case_id: Id
    """The case number."""
