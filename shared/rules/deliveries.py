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
from typing import Protocol

from pydantic_core import to_json

from shared.models.webhooks import StoredDelivery

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
GONE = "gone"
_GONE_CODE = 410
KEPT = timedelta(days=14)
"""How long a delivery is kept that is over."""
LEASE = timedelta(minutes=2)
"""How long an attempt is under way at most: longer than it takes to send and to record it."""
_RESOURCES = {"cases", "interventions"}


class Answer(Protocol):
    """What came of an attempt, as `shared/outgoing.py` gives it."""

    @property
    def code(self) -> int | None:
        """The receiver's status; None where there is no answer."""

    @property
    def retry_after(self) -> str | None:
        """The receiver's `Retry-After`."""

    @property
    def failure(self) -> str | None:
        """Why there is no answer."""


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
    except (ValueError, TypeError, OverflowError):
        return timedelta()
    at = date if date.tzinfo else date.replace(tzinfo=UTC)
    return min(max(at - now, timedelta()), _LONGEST)


def is_refused_for_now(answer: Answer, now: datetime) -> bool:
    """Whether a receiver has not taken an event, and asks to be left alone for a while."""
    waits = asked_to_wait(answer.retry_after, now) > timedelta()
    return waits and not is_delivered(answer.code)


def is_delivered(code: int | None) -> bool:
    """Whether a receiver has taken an event, by its status."""
    return code is not None and 200 <= code < 300  # noqa: PLR2004 - successful (RFC 9110, 15.3)


def outcome(
    delivery: StoredDelivery, answer: Answer, now: datetime, random: float
) -> StoredDelivery:
    """The delivery after an attempt: delivered, due again, or failed for good. See `next_attempt`.

    A receiver that answers 410 wants nothing more.
    """
    attempts = delivery.attempts + 1
    told = {"attempts": attempts, "last_attempt_at": now, "last_code": answer.code}
    after = delivery.model_copy(update=told)
    if is_delivered(answer.code):
        return _over(after, "delivered", None, now).model_copy(update={"delivered_at": now})
    error = answer.failure or (GONE if answer.code == _GONE_CODE else "status")
    wait = None if error == GONE else next_attempt(attempts, random)
    if wait is None:
        return _over(after, "failed", error, now)
    at = now + max(wait, asked_to_wait(answer.retry_after, now))
    return after.model_copy(update={"due_at": at, "leased_until": None, "last_error": error})


def tested(delivery: StoredDelivery, answer: Answer, now: datetime) -> StoredDelivery:
    """The delivery after the one attempt of a test."""
    after = outcome(delivery, answer, now, 0)
    return after if after.status != "due" else _over(after, "failed", after.last_error, now)


def given_up(delivery: StoredDelivery, now: datetime) -> StoredDelivery:
    """The delivery to an endpoint that is disabled or gone: nothing more is tried."""
    return _over(delivery, "failed", "disabled", now)


def again(delivery: StoredDelivery, now: datetime) -> StoredDelivery:
    """The delivery, due now and with all attempts before it; not while it is being sent."""
    at = max(now, delivery.leased_until or now)
    told = {"status": "due", "due_at": at, "attempts": 0, "delivered_at": None, "remove_at": None}
    return delivery.model_copy(update=told)


def _over(
    delivery: StoredDelivery, status: str, error: str | None, now: datetime
) -> StoredDelivery:
    over = {"status": status, "due_at": None, "leased_until": None, "last_error": error}
    return delivery.model_copy(update={**over, "remove_at": now + KEPT})


def spelled(event_type: str) -> str:
    """A type of event as payloads spell it, such as `intervention.decided`."""
    return event_type.replace("_", ".", 1)


def body(delivery: StoredDelivery, form: str, public_url: str) -> bytes:
    """What is sent of an event, in one of the formats of endpoints."""
    return (_slack if form == "slack" else _standard)(delivery, public_url)


def _standard(delivery: StoredDelivery, public_url: str) -> bytes:
    """Where an event is and how it is linked, and no text that people wrote.

    A receiver sees by `sequence` and `previousHash` whether it has all events of a subject, and in
    which order. The links are where the rest is.
    """
    content = {
        "type": spelled(delivery.event_type),
        "timestamp": delivery.event_at,
        "data": {
            "subject": _subject(delivery),
            "caseId": delivery.case_id,
            "sequence": delivery.sequence,
            "hash": delivery.hash,
            "previousHash": delivery.previous_hash,
            "links": _links(delivery, public_url),
        },
    }
    return to_json(content)


def _slack(delivery: StoredDelivery, public_url: str) -> bytes:
    """A message for a chat (docs.slack.dev/messaging/sending-messages-using-incoming-webhooks).

    It says what happened to what, with a link to the console; ids have nothing that a chat takes
    for mark-up. It has no button: a decision is made by somebody who has signed in and seen what it
    is about.
    """
    words = delivery.event_type.replace("_", " ").capitalize()
    page = _console_page(delivery, public_url)
    subject = _subject(delivery)
    about = f"<{page}|{subject}>" if page and public_url else subject
    case_id = None if delivery.subject.startswith("cases/") else delivery.case_id
    return to_json({"text": f"{words}: {about}" + (f" of case {case_id}" if case_id else "")})


def _subject(delivery: StoredDelivery) -> str:
    """The subject; of a worksheet, with a digest in the place of the person whose it is."""
    kind, _, name = delivery.subject.partition("/")
    if kind != "worksheets":
        return delivery.subject
    case_id, _, person = name.partition(":")
    return f"{kind}/{case_id}:{hashlib.sha256(person.encode()).hexdigest()[:32]}"


def _links(delivery: StoredDelivery, public_url: str) -> dict[str, str]:
    """Where more is to be read: the subject and its case in the API, and in the console."""
    kind, _, name = delivery.subject.partition("/")
    found = {}
    if kind in _RESOURCES:
        found["subject"] = f"{public_url}/v1/{kind}/{name}"
    if delivery.case_id:
        found["case"] = f"{public_url}/v1/cases/{delivery.case_id}"
    if page := _console_page(delivery, public_url):
        found["console"] = page
    return found


def _console_page(delivery: StoredDelivery, public_url: str) -> str | None:
    """The page of the console that shows what an event is about; None where there is none."""
    kind, _, name = delivery.subject.partition("/")
    if kind == "interventions":
        return f"{public_url}/console#/inbox/{name}"
    return f"{public_url}/console#/cases/{delivery.case_id}" if delivery.case_id else None


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
