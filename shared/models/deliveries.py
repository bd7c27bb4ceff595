"""Deliveries of events to a webhook, as its admins see them and send them again."""

from __future__ import annotations

from datetime import datetime

from shared.models.base import OMITTED, Identified, Model, Page, Rows, Time
from shared.models.webhooks import DeliveryStatus


class Delivery(Identified):
    """That an endpoint is to hear of an event, and how far that has come.

    Its id is that of the event, which the receiver gets as `webhook-id`.
    """

    event_type: str
    """What the receiver hears of, as the `type` of the payload."""
    subject: str
    """What the event is about."""
    status: str
    """`due` until the receiver has taken it, then `delivered`; `failed` once nothing more is tried.
    """
    created_at: datetime
    """When it was asked for: at the time of the event, or when that was replayed."""
    due_at: datetime | None
    """When the next attempt is made; null where none is."""
    attempts: int
    """How many attempts were made."""
    last_attempt_at: datetime | None
    """When the last attempt was made; null before the first."""
    last_code: int | None
    """The status that the receiver answered last; null where it did not."""
    last_error: str | None
    """Why the last attempt failed: `status` for an answer that is no success, `gone` for 410,
    `timeout`, `connection`, `certificate`, `name` or `address` where nothing was reached that may
    be, `answer` for what is no HTTP, `url`, `secret` where the secret cannot be read, `disabled`
    where the endpoint was disabled or deleted; null after a success.
    """
    delivered_at: datetime | None
    """When the receiver took it; null until then."""


class DeliveryQuery(Page):
    """A page of an endpoint's deliveries, newest first."""

    status: DeliveryStatus | None = None
    """Only those of this status."""


class DeliveryPage(Rows):
    """One page of deliveries."""

    deliveries: list[Delivery]
    """The deliveries of this page, newest first. Those that are over are kept for 14 days."""
    next_page_token: str | None = OMITTED
    """The `pageToken` of the next page; left out on the last one."""


class Replay(Model):
    """Which events are to be sent to an endpoint again."""

    since: Time
    """Events of this time, or later."""
    until: Time | None = None
    """Only events before this time; null for all until now."""


class Replayed(Model):
    """What a replay has done."""

    replayed: int
    """How many events are due to be sent."""
    complete: bool
    """Whether all events of the period were looked at. If not, replay again from `continueFrom`."""
    continue_from: datetime | None
    """The `since` with which a replay that is not complete is continued; null where it is."""
