"""When and how an event is sent to a webhook: attempts, payload and signature. Pure.

Source: the specification of Standard Webhooks
(github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from pydantic_core import to_json

from shared.models.events import Event

_DELAYS = (
    timedelta(),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
)
"""How long after the attempt before it each attempt is made; the first is made at once."""
ATTEMPTS = len(_DELAYS)
_SPREAD = 0.2
_LONGEST = timedelta(days=1)
"""How long a receiver may ask to be left alone."""
_DIGITS = 9
SECRET_PREFIX = "whsec_"  # noqa: S105 - what a secret begins with
_RESOURCES = {"cases", "interventions"}


def next_attempt(attempts: int, random: float) -> timedelta | None:
    """How long after the last of so many failed attempts the next is made; None for never.

    `random` is from 0 to 1: it spreads the attempts by 20 % to both sides, so that what failed
    together does not come back together.
    """
    if attempts >= ATTEMPTS:
        return None
    return _DELAYS[attempts] * (1 + _SPREAD * (2 * random - 1))


def asked_to_wait(header: str | None, now: datetime) -> timedelta:
    """How long a `Retry-After` asks to wait, seconds or a date; at most a day (RFC 9110, 10.2.3).

    Nothing, for one that cannot be read.
    """
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:_DIGITS])), _LONGEST)
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return timedelta()
    at = date if date.tzinfo else date.replace(tzinfo=UTC)
    return min(max(at - now, timedelta()), _LONGEST)


def is_delivered(code: int | None) -> bool:
    """Whether a receiver has taken an event, by its status."""
    return code is not None and 200 <= code < 300  # noqa: PLR2004 - successful (RFC 9110, 15.3)


def payload(event_type: str, event: Event, public_url: str) -> bytes:
    """What is sent of an event: where it is and how it is linked, and no text that people wrote.

    `event_type` is as subscribers name it. A receiver sees by `sequence` and `previousHash` whether
    it has all events of a subject, and in which order. Below `public_url` it finds the rest.
    """
    content = {
        "type": event_type,
        "timestamp": event.created_at,
        "data": {
            "subject": _subject(event),
            "caseId": event.case_id,
            "sequence": event.sequence,
            "hash": event.hash,
            "previousHash": event.previous_hash,
            "links": links(event, public_url),
        },
    }
    return to_json(content)


def _subject(event: Event) -> str:
    """The subject; of a worksheet, with a digest in the place of the person whose it is."""
    kind, _, name = event.subject.partition("/")
    if kind != "worksheets":
        return event.subject
    case_id, _, person = name.partition(":")
    return f"{kind}/{case_id}:{hashlib.sha256(person.encode()).hexdigest()[:32]}"


def links(event: Event, public_url: str) -> dict[str, str]:
    """Where more is to be read: the subject and its case in the API, and in the console."""
    kind, _, name = event.subject.partition("/")
    found = {}
    if kind in _RESOURCES:
        found["subject"] = f"{public_url}/v1/{kind}/{name}"
    if event.case_id:
        found["case"] = f"{public_url}/v1/cases/{event.case_id}"
    if page := console_page(event, public_url):
        found["console"] = page
    return found


def console_page(event: Event, public_url: str) -> str | None:
    """The page of the console that shows what an event is about; None where there is none."""
    kind, _, name = event.subject.partition("/")
    if kind == "interventions":
        return f"{public_url}/console#/inbox/{name}"
    return f"{public_url}/console#/cases/{event.case_id}" if event.case_id else None


def slack(event_type: str, event: Event, public_url: str) -> bytes:
    """A message for a chat (docs.slack.dev/messaging/sending-messages-using-incoming-webhooks).

    It says what happened to what, with a link to the console. It has no button: a decision is made
    by somebody who has signed in and seen what it is about.
    """
    words = event_type.replace(".", " ").replace("_", " ").capitalize()
    page = console_page(event, public_url)
    subject = _plain(_subject(event))
    about = f"<{page}|{subject}>" if page and public_url else subject
    of_case = event.case_id if event.case_id and not event.subject.startswith("cases/") else None
    text = f"{words}: {about}" + (f" of case {_plain(of_case)}" if of_case else "")
    return to_json({"text": text})


def _plain(text: str) -> str:
    """Text in which a chat sees no mark-up of its own."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def headers(
    message_id: str, now: datetime, body: bytes, secrets: Sequence[str]
) -> Mapping[str, str]:
    """The headers of a webhook: its id, its time and a signature by each of the secrets."""
    timestamp = str(int(now.timestamp()))
    signatures = [signature(secret, message_id, timestamp, body) for secret in secrets]
    return {
        "Content-Type": "application/json",
        "User-Agent": "Caseledger (+standardwebhooks.com)",
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(signatures),
    }


def signature(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    """The signature by a secret, `whsec_` and base64. Raises ValueError for another."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
