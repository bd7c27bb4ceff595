"""Webhooks: which endpoints of a tenant hear of which events, and what is stored of a delivery.

All endpoints of a tenant are one document, with one audit chain. What may be a secret of an
endpoint is sealed (`shared/repository/webhook_keys.py`), and is in no event.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from shared.models.base import OMITTED, UNSET, Id, Identified, Model, Name, Rows, UserId
from shared.models.events import EventType, Severity
from shared.models.stored import Kept, StoredDocument
from shared.models.subjects import Subject

MAX_ENDPOINTS = 20
MAX_PATTERNS = 50
BOTH_SECRETS = timedelta(hours=24)
"""How long the secret from before a rotation also signs."""

KINDS = {
    "case": "cases",
    "intervention": "interventions",
    "key": "keys",
    "tenant": "tenant",
    "webhook": "webhooks",
    "worksheet": "worksheets",
}
"""What the patterns call the subjects of events, and what the events' `subject` begins with."""

_VISIBLE = re.compile("[!-~]+")
Format = Literal["standard", "slack"]
DeliveryStatus = Literal["due", "delivered", "failed"]


def _pattern(text: str) -> str:
    kind, star, rest = text.partition(".*")
    known = text == "*" or (star and not rest and kind in KINDS)
    if not known and text.replace(".", "_") not in frozenset(EventType):
        kinds = ", ".join(f"{one}.*" for one in KINDS)
        raise PydanticCustomError(
            "pattern", f"must be *, one of {kinds}, or a type of event like intervention.decided"
        )
    return text


def _visible(url: str) -> str:
    if not _VISIBLE.fullmatch(url):
        raise PydanticCustomError(
            "url", "must be of visible ASCII characters: write others as %C3%BC, in a name as xn--…"
        )
    return url


Pattern = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_pattern)]
"""Which events: all, those about one kind of subject, or those of one type.

A type is written as in events, or with dots in the place of underscores. What a case brought along
from another system (`imported`) is only heard of by its type, or with all.
"""
Url = Annotated[
    str,
    Field(min_length=1, max_length=2_000),
    AfterValidator(_visible),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 2_000, "pattern": "^[!-~]+$"}),
]
Patterns = Annotated[list[Pattern], Field(min_length=1, max_length=MAX_PATTERNS)]


class EventFilter(Model):
    """Which of the events are meant: those for which all that is given here holds."""

    case_id: Id | None = None
    """Only events that belong to this case."""
    agent_id: Name | None = None
    """Only events of this agent."""
    asked_by: UserId | None = None
    """Only events about interventions that this caller asked for: the `sub` of their token. They
    are the events that ask, and those that change an intervention's status or priority.
    """
    severity: Annotated[list[Severity], Field(min_length=1, max_length=4)] | None = None
    """Only events of one of these severities."""


class NewWebhook(Model):
    """An endpoint that is to hear of events."""

    url: Url
    """Where to: an `https://` address without a user name and without a fragment. A local run also
    takes `http://` to its own machine.
    """
    events: Patterns
    """Of which events: a type such as `intervention.decided`, all events about one kind of subject
    such as `case.*`, or `*`.
    """
    filter: EventFilter | None = None
    """Only events for which this holds; null for no condition."""
    description: Name | None = None
    """What it is for."""
    format: Format = "standard"
    """What is sent: `standard` as standardwebhooks.com says, `slack` for a chat."""


class WebhookPatch(Model):
    """What to change of an endpoint."""

    url: Url = UNSET
    """Where to, as for a new endpoint."""
    events: Patterns = UNSET
    """Of which events, as for a new endpoint."""
    filter: EventFilter | None = UNSET
    """Only events for which this holds; null for no condition."""
    description: Name | None = UNSET
    """What it is for; null for nothing."""
    format: Format = UNSET
    """What is sent."""
    disabled: bool = UNSET
    """With `true` nothing more is sent to it; with `false` what happens from then on is."""


class StoredEndpoint(Kept):
    """An endpoint as events and its admins see it. `url` is without what may be a secret."""

    url: str
    events: list[str]
    filter: dict[str, str | list[str]] = {}
    description: str | None = None
    format: str = "standard"
    created_at: datetime
    created_by: str
    updated_at: datetime
    disabled_at: datetime | None = None
    disabled_reason: str | None = None


class SealedParts(Kept):
    """What nobody may read of an endpoint in the store: texts that only the key opens.

    `made_by` is the id of the event that made the secret.
    """

    url: str
    secret: str
    made_by: str
    previous_secret: str | None = None
    previous_secret_until: datetime | None = None


class StoredEndpoints(Subject):
    """All endpoints of a tenant by their ids, as one document."""

    endpoints: dict[str, StoredEndpoint] = {}
    sealed: dict[str, SealedParts] = {}


class Webhook(Identified):
    """An endpoint. Its secret is shown when it is made or rotated, and never again."""

    versioned: ClassVar[bool] = True

    url: str
    """Where to, without path and query: they may be secrets."""
    events: list[str]
    """Of which events."""
    filter: dict[str, str | list[str]]
    """Only events for which this holds; empty for no condition."""
    description: str | None
    """What it is for; null for nothing."""
    format: str
    """What is sent."""
    created_at: datetime
    """When it was made."""
    created_by: str
    """Who made it."""
    updated_at: datetime
    """When it was changed last."""
    disabled_at: datetime | None
    """Since when nothing is sent to it; null while it is not disabled."""
    disabled_reason: str | None
    """Why: `by an admin`, or `gone` where it answered 410; null while it is not disabled."""
    previous_secret_until: datetime | None
    """Until when the secret from before a rotation also signs; null where there is none."""


class WebhookWithSecret(Webhook):
    """An endpoint, with the secret that signs what is sent to it."""

    secret: str | None
    """`whsec_` and 32 random bytes in Base64. Keep it: it is not shown again. Null where the
    request is repeated with its `Idempotency-Key` after the secret was rotated again.
    """


class Webhooks(Rows):
    """All endpoints of the tenant, the oldest first."""

    versioned: ClassVar[bool] = True

    webhooks: list[Webhook]
    """The endpoints, at most 20."""


class StoredDelivery(StoredDocument):
    """That an endpoint is to hear of an event, and how far that has come.

    It has all that is sent, so that the event itself is not read again. `slot` is a random number
    that spreads the index by which what is due is found. `due_at` is null unless it is `due`. While
    somebody may be sending it, that is moved to the end of that time, which is `leased_until`.
    `gathered` is in the place of an endpoint and an event where one commit had no room for all of
    its deliveries: those events, each with its endpoints, as JSON text
    (`shared/ledger/deliveries.py`).
    """

    webhook_id: str = ""
    event_id: str = ""
    event_type: str = ""
    subject: str = ""
    case_id: str | None = None
    sequence: int | None = None
    hash: str | None = None
    previous_hash: str | None = None
    event_at: datetime | None = None
    created_at: datetime
    status: str = "due"
    due_at: datetime | None = None
    slot: int = 0
    attempts: int = 0
    leased_until: datetime | None = None
    last_attempt_at: datetime | None = None
    last_code: int | None = None
    last_error: str | None = None
    delivered_at: datetime | None = None
    remove_at: datetime | None = None
    gathered: str | None = OMITTED
