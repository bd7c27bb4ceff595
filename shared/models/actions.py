"""What an agent wants to do and needs approval for, and how it may be answered."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from shared.models.answers import ResponseSchema
from shared.models.base import JsonObject, Model, Name

Verdict = Literal["approve", "edit", "reject", "respond"]
CONSENTING: tuple[Verdict, ...] = ("approve", "edit", "respond")
"""What figures of people count as approved: all but a rejection."""
MAX_ACT_SECONDS = 31_536_000


class NewAction(Model):
    """A call of a tool, which is what is approved."""

    tool: Name
    """The tool to call."""
    arguments: JsonObject
    """What to call it with."""


class Action(NewAction):
    """The call of a tool that was asked for. `actionHash` is its hash."""


class AskedAction(Model):
    """What a question says of the action that it asks about, and of the answers that it takes."""

    action: NewAction | None = None
    """What the agent wants to do. Nobody but `:start` then lets it run, once."""
    decisions: Annotated[list[Verdict], Field(min_length=1, max_length=4)] | None = None
    """Which decisions people may make. By default `approve`, `edit` and `reject` for an action;
    `approve`, `respond` and `reject` for a clarification; otherwise `approve` and `reject`.
    """
    response_schema: ResponseSchema | None = None
    """What a `response` must look like, as MCP's elicitation describes it; at most 8,192 bytes."""
    act_within_seconds: Annotated[int, Field(ge=1, le=MAX_ACT_SECONDS)] | None = None
    """For how many seconds after its approval the action may be started; without it for ever."""
    reuse: bool = False
    """Whether the same question is answered, with 200, while it is open: of the same requester,
    with the same action, `uowId`, case, run, and needs for its decision. Not with an
    Idempotency-Key. Two such requests at the same time may both ask.
    """

    @field_validator("decisions")
    @classmethod
    def _each_once(
        cls, decisions: list[Verdict] | None, info: ValidationInfo
    ) -> list[Verdict] | None:
        if decisions and len(set(decisions)) < len(decisions):
            raise PydanticCustomError("decisions", "must name each decision once")
        if "edit" in (decisions or ()):
            _require_action("edit", info)
        return decisions

    @field_validator("act_within_seconds", "reuse")
    @classmethod
    def _of_an_action(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value:
            _require_action("it", info)
        return value


class ActionFields(Model):
    """What became of an action, as it is stored and as it is shown."""

    action_hash: str | None = None
    """The SHA-256, in hex, of the RFC 8785 form of `action`; null without one."""
    decisions: list[Verdict] = []
    """Which decisions people may make."""
    act_within_seconds: int | None = None
    """For how many seconds after its approval the action may be started; null for ever."""
    approved_action_hash: str | None = None
    """The hash of the action that was approved: `actionHash`, or after an edit that of the tool
    with the `approvedArguments`. Null before, and where nothing may run. While `approvalsRequired`
    people have not approved it, it is what those so far have approved, and binds nobody.
    """
    act_until: datetime | None = None
    """From when on the approved action may not be started any more; null for never."""
    started_at: datetime | None = None
    """When the action was started; null while it is not."""
    started_by: str | None = None
    """The name of the agent that started it; null while nobody has."""
    started_by_subject: str | None = None
    """The token's subject of the agent that started it; null while nobody has."""
    lapsed_at: datetime | None = None
    """When the approval lapsed, because the action was not started in time; null for not."""


class Start(Model):
    """That an agent is about to do what was approved."""

    action_hash: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """The hash of what it is about to do: the SHA-256, in hex, of the RFC 8785 form of its `tool`
    and `arguments`.
    """


def _require_action(what: str, info: ValidationInfo) -> None:
    # An action that is wrong itself is told alone.
    if info.data.get("action", ...) is None:
        raise PydanticCustomError("no_action", f"{what} comes with an action")
