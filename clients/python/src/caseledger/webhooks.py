"""Webhooks are checked before they are believed, as standardwebhooks.com describes it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from time import time
from typing import Any

TOLERANCE_SECONDS = 300.0
_KEY_BYTES = 24
"""A secret has at least so many (standardwebhooks.com). By an empty one everybody could sign."""


class InvalidWebhook(ValueError):
    """It does not come from whoever has the secret, was changed, or is old."""


def verify(
    payload: bytes | str,
    headers: Mapping[str, str],
    secret: str,
    *,
    tolerance: float = TOLERANCE_SECONDS,
) -> dict[str, Any]:
    """The content of a webhook that was signed with `secret`, which begins with `whsec_`.

    `payload` is the body as it arrived, byte for byte, and `headers` are those of the request. Its
    time may differ by `tolerance` seconds from now. Several attempts to deliver the same event have
    the same `webhook-id`: keep the ids that were handled, and handle each once.

    Raises InvalidWebhook, and ValueError where `secret` is none.
    """
    given = {name.lower(): value for name, value in headers.items()}
    try:
        name, sent, signatures = (
            given[f"webhook-{part}"] for part in ("id", "timestamp", "signature")
        )
        age = abs(time() - int(sent))
    except KeyError as missing:
        raise InvalidWebhook(f"the header {missing.args[0]} is missing") from None
    except (ValueError, OverflowError):
        raise InvalidWebhook("webhook-timestamp is no whole number") from None
    if age > tolerance:
        raise InvalidWebhook("webhook-timestamp is too far from now")
    body = _bytes(payload) if isinstance(payload, str) else payload
    signed = hmac.new(_key(secret), _bytes(f"{name}.{sent}.") + body, hashlib.sha256).digest()
    expected = b"v1," + base64.b64encode(signed)
    # While a secret is replaced, both sign.
    if not any(hmac.compare_digest(expected, _bytes(one)) for one in signatures.split(" ")):
        raise InvalidWebhook("webhook-signature does not match")
    content: dict[str, Any] = json.loads(body)
    return content


def _bytes(text: str) -> bytes:
    # What is no Unicode was not signed, and must not be another error than that.
    return text.encode(errors="surrogatepass")


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        key = b""
    if len(key) < _KEY_BYTES:
        raise ValueError(
            f"the secret of a webhook is whsec_ and base64 of {_KEY_BYTES} bytes or more"
        )
    return key
