"""Audit events: what a client may report, and what is kept of every change."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from shared.models.base import JsonObject, Model, Name, Reason
from shared.models.roles import Actor
from shared.models.stored import AsStored


class EventType(StrEnum):
    """What happened: first what clients report, then what the system itself does."""

    SUBMISSION_RECEIVED = "submission_received"
    NOTE_ADDED = "note_added"
    ATTACHMENT_ADDED = "attachment_added"
    DOCUMENT_RECEIVED = "document_received"
    STATE_CHANGED = "state_changed"
    AGENT_ACTION = "agent_action"
    ERROR = "error"
    CUSTOM = "custom"
    CASE_CREATED = "case_created"
    CASE_UPDATED = "case_updated"
    STATUS_CHANGED = "status_changed"
    ASSIGNED = "assigned"
    CASE_REOPENED = "case_reopened"
    CASE_DELETED = "case_deleted"
    EVIDENCE_ATTACHED = "evidence_attached"
    EVIDENCE_UPDATED = "evidence_updated"
    EVIDENCE_REMOVED = "evidence_removed"
    PACKET_UPDATED = "packet_updated"
    PACKET_FROZEN = "packet_frozen"
    WORKSHEET_SAVED = "worksheet_saved"
    COLLABORATOR_CHANGED = "collaborator_changed"
    HOLD_PLACED = "hold_placed"
    HOLD_RELEASED = "hold_released"
    INTERVENTION_REQUESTED = "intervention_requested"
    INTERVENTION_CLAIMED = "intervention_claimed"
    INTERVENTION_RELEASED = "intervention_released"
    INTERVENTION_DECIDED = "intervention_decided"
    INTERVENTION_COMPLETED = "intervention_completed"
    INTERVENTION_EXPIRED = "intervention_expired"
    INTERVENTION_WITHDRAWN = "intervention_withdrawn"
    AGENT_STARTED = "agent_started"
    AGENT_COMPLETED = "agent_completed"
    AGENT_FAILED = "agent_failed"
    AGENT_CANCELLED = "agent_cancelled"
    RECORD_ADDED = "record_added"
    ESCALATED = "escalated"
    SETTINGS_CHANGED = "settings_changed"
    RECORDS_PURGED = "records_purged"


REPORTED = (
    EventType.SUBMISSION_RECEIVED,
    EventType.NOTE_ADDED,
    EventType.ATTACHMENT_ADDED,
    EventType.DOCUMENT_RECEIVED,
    EventType.STATE_CHANGED,
    EventType.AGENT_ACTION,
    EventType.ERROR,
    EventType.CUSTOM,
)
"""What clients report; everything else is recorded by the system alone."""


def _reported(event_type: Any) -> Any:
    if event_type not in REPORTED:
        raise PydanticCustomError("event_type", f"must be one of {', '.join(REPORTED)}")
    return event_type


ClientEventType = Annotated[
    EventType,
    BeforeValidator(_reported),
    WithJsonSchema({"type": "string", "enum": list(REPORTED)}),
]


Severity = Literal["info", "warning", "error", "critical"]


Source = Literal["system", "api", "scheduler"]


Outcome = Literal["success", "denied", "failure"]


class Change(Model):
    """A field's value before and after."""

    model_config = ConfigDict(extra="ignore")

    field: str
    old: Any
    new: Any


class Event(AsStored):
    """One link of a subject's audit chain.

    `hash` is the SHA-256 of the RFC 8785 canonical JSON of everything else and the tenant;
    `previousHash` is the hash of the event before it, 64 zeros at the first. `requestHash` is there
    when the request came with an Idempotency-Key: the event is then also the receipt.
    Types, severities, sources and outcomes are plain strings here, and an event may have further
    fields: a newer release may have written it. Its hash covers what was stored.
    """

    id: str
    subject: str
    case_id: str | None
    sequence: int
    created_at: datetime
    actor: Actor
    source: Annotated[str, Field(examples=list(get_args(Source)))]
    event_type: Annotated[str, Field(examples=list(EventType))]
    severity: Annotated[str, Field(examples=list(get_args(Severity)))]
    agent_id: str | None
    outcome: Annotated[str, Field(examples=list(get_args(Outcome)))]
    message: str
    reason: str | None
    changes: list[Change]
    meta: dict[str, Any]
    request_id: str
    request_hash: str | None
    previous_hash: str
    hash: str


class NewEvent(Model):
    """An event that a client reports on a case."""

    event_type: ClientEventType
    message: Reason
    severity: Severity = "info"
    agent_id: Name | None = None
    meta: JsonObject = {}
