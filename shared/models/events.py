"""Audit events: what a client may report, and what is kept of every change."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from shared.models.base import OMITTED, JsonObject, Model, Name, Reason
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
    IMPORTED = "imported"
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
    INTERVENTION_ASSIGNED = "intervention_assigned"
    INTERVENTION_REMINDED = "intervention_reminded"
    INTERVENTION_APPROVED = "intervention_approved"
    INTERVENTION_DECIDED = "intervention_decided"
    INTERVENTION_STARTED = "intervention_started"
    INTERVENTION_LAPSED = "intervention_lapsed"
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
    DATA_EXPORTED = "data_exported"
    LOG_EPOCH_STARTED = "log_epoch_started"
    ERASURE_REQUESTED = "erasure_requested"
    DATA_ERASED = "data_erased"
    KEY_CREATED = "key_created"
    KEY_REVOKED = "key_revoked"
    WEBHOOK_CREATED = "webhook_created"
    WEBHOOK_UPDATED = "webhook_updated"
    WEBHOOK_DELETED = "webhook_deleted"
    WEBHOOK_SECRET_ROTATED = "webhook_secret_rotated"  # noqa: S105 - the name of an event
    WEBHOOK_DISABLED = "webhook_disabled"


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
    """The name of the field."""
    old: Any
    """Its value before."""
    new: Any
    """Its value after."""


class Event(AsStored):
    """One link of a subject's audit chain.

    `hash` is the SHA-256 of the RFC 8785 canonical JSON of everything else and the tenant, with the
    digests of the values that `disclosures` and `erased` name in the place of these values.
    `previousHash` is the hash of the event before it, 64 zeros at the first. `requestHash` is there
    when the request came with an Idempotency-Key: the event is then also the receipt.
    Types, severities, sources and outcomes are plain strings here, and an event may have further
    fields: a newer release may have written it. Its hash covers what was stored.
    """

    id: str
    """The event's id."""
    subject: str
    """What the event is about, and whose chain it is on: `cases/{id}`, `interventions/{id}`,
    `worksheets/{id}`, `keys/{id}`, `webhooks/endpoints` or `tenant`.
    """
    case_id: str | None
    """The case that it belongs to; null for none."""
    sequence: int
    """Its place in the chain of its subject; the first is 1."""
    created_at: datetime
    """When the change was committed."""
    actor: Actor
    """Who did it."""
    source: Annotated[str, Field(examples=list(get_args(Source)))]
    """Where it came from: `system` for a change by a function, `api` for an event that a client
    reported, `scheduler` for a scheduled function.
    """
    event_type: Annotated[str, Field(examples=list(EventType))]
    """What happened."""
    severity: Annotated[str, Field(examples=list(get_args(Severity)))]
    """How serious it is."""
    agent_id: str | None
    """The agent that acted; null for none."""
    outcome: Annotated[str, Field(examples=list(get_args(Outcome)))]
    """How it ended."""
    message: str
    """What happened, in one sentence for people."""
    reason: str | None
    """The reason that was given; null for none."""
    changes: list[Change]
    """Which fields changed, with their values before and after."""
    meta: dict[str, Any]
    """What else belongs to an event of this type. Where the status, type or priority
    of a case or an intervention changes, or whether a case has an assignee, `opened` or `asked` has
    what figures need of it; `opened` is also in the `case_created` of a case that was imported, and
    `imported` has its `source` and `rowKey`.
    """
    request_id: str
    """The `X-Request-Id` of the request that made the change."""
    request_hash: str | None
    """The SHA-256 of the request, where it came with an `Idempotency-Key`; otherwise null."""
    previous_hash: str
    """The `hash` of the event before it in the chain; 64 zeros for the first."""
    hash: str
    """The SHA-256, in hex, of the RFC 8785 form of the event and the tenant: without this field,
    `disclosures`, `erased`, `erasedBy`, and the values that `disclosures` and `erased` name; with
    `digests`, which has the digest of each of those values by its JSON Pointer.
    """
    disclosures: dict[str, str] | None = OMITTED
    """The salt of each value that can be erased, by the value's JSON Pointer (RFC 6901) in this
    event. A value's digest is the SHA-256, in hex, of the RFC 8785 form of `[salt, pointer,
    value]`. Left out in events that were recorded before values could be erased.
    """
    erased: dict[str, str] | None = OMITTED
    """The digest of each value that was erased, by its JSON Pointer; the value is "erased". Left
    out where nothing was.
    """
    erased_by: str | None = OMITTED
    """The id of the event that records the last erasure. Left out where nothing was erased."""


class NewEvent(Model):
    """An event that a client reports on a case."""

    event_type: ClientEventType
    """What happened."""
    message: Reason
    """What happened, in words for people."""
    severity: Severity = "info"
    """How serious it is."""
    agent_id: Name | None = None
    """The agent that acted."""
    meta: JsonObject = {}
    """What else belongs to the event."""
