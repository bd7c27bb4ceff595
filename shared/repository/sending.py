"""Sending a delivery to its endpoint: one attempt."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from shared import outgoing
from shared.models.webhooks import StoredDelivery
from shared.outgoing import Answer
from shared.repository.webhook_keys import WebhookKeys
from shared.repository.webhooks import Target
from shared.rules import deliveries as rules

NO_SECRET = Answer(failure="secret")
"""What comes of an attempt where the secret of the endpoint cannot be read."""


class Sender(NamedTuple):
    """What a server needs to send: the keys that open secrets, and where it is itself.

    `public_url` is where receivers find the API. With `local`, it also sends to its own machine.
    """

    keys: WebhookKeys
    public_url: str
    local: bool

    def send(
        self,
        target: Target,
        delivery: StoredDelivery,
        now: datetime,
        seconds: float = outgoing.SECONDS,
    ) -> Answer:
        """Makes an attempt, and gives what came of it. Nothing is read or written in the store."""
        body = rules.body(delivery, target.endpoint.format, self.public_url)
        try:
            headers = rules.headers(delivery.event_id, now, body, target.secrets)
        except ValueError:  # a secret is not as secrets are made
            return NO_SECRET
        return outgoing.post(target.url, body, headers, seconds=seconds, local=self.local)


def host_of(target: Target) -> str:
    """The machine that a target is on, as its URL names it."""
    return urlsplit(target.url).hostname or ""
