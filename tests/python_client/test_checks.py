"""What the client checks: webhooks, and receipts of decisions."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from standardwebhooks import Webhook

from caseledger import action_hash, receipts, webhooks
from caseledger.receipts import InvalidReceipt
from caseledger.webhooks import InvalidWebhook
from shared.repository.log_keys import LogKeys

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - of these tests
OTHER = "whsec_b2xkIHNlY3JldA=="
BODY = '{"type": "intervention.decided"}'
LETTER: Any = {"tool": "send_letter", "arguments": {"to": "Dr. Smith"}}


def signed(*, secret: str = SECRET, body: str = BODY) -> dict[str, str]:
    """The headers of a webhook, with the signature of the official library."""
    when = datetime.now(UTC)
    signature = Webhook(secret).sign("evt-1", when, body)
    stamp = str(int(when.timestamp()))
    return {"webhook-id": "evt-1", "webhook-timestamp": stamp, "Webhook-Signature": signature}


@pytest.mark.parametrize("body", [BODY, BODY.encode()], ids=type)
def test_a_webhook_that_was_signed_by_the_official_library_is_believed(body: str | bytes) -> None:
    assert webhooks.verify(body, signed(), SECRET) == {"type": "intervention.decided"}


def test_a_webhook_is_believed_that_one_of_two_secrets_signs() -> None:
    old = signed(secret=OTHER)["Webhook-Signature"]
    both = signed() | {"Webhook-Signature": f"{old} {signed()['Webhook-Signature']}"}

    assert webhooks.verify(BODY, both, SECRET)


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"webhook-id": "evt-2"}, "signature"),
        ({"Webhook-Signature": ""}, "signature"),
        ({"Webhook-Signature": "v1,\u00fc"}, "signature"),
        ({"Webhook-Signature": "v1,\ud800"}, "signature"),
        ({"webhook-id": "\ud800"}, "signature"),
        ({"webhook-timestamp": "now"}, "whole number"),
        ({"webhook-timestamp": "9" * 400}, "whole number"),
        ({"webhook-timestamp": "9" * 5000}, "whole number"),
        ({"webhook-timestamp": "1772442000"}, "too far"),
        ({"webhook-timestamp": "9772442000"}, "too far"),
    ],
)
def test_a_webhook_whose_headers_were_changed_or_that_is_old_is_refused(
    changed: dict[str, str], problem: str
) -> None:
    with pytest.raises(InvalidWebhook, match=problem):
        webhooks.verify(BODY, signed() | changed, SECRET)


def test_a_webhook_that_was_changed_or_signed_by_another_is_refused() -> None:
    with pytest.raises(InvalidWebhook, match="signature"):
        webhooks.verify(BODY + " ", signed(), SECRET)
    with pytest.raises(InvalidWebhook, match="signature"):
        webhooks.verify(BODY, signed(secret=OTHER), SECRET)
    with pytest.raises(InvalidWebhook, match="webhook-id is missing"):
        webhooks.verify(BODY, {}, SECRET)


@pytest.mark.parametrize("secret", ["whsec_not base64!", "whsec_", "", OTHER])
def test_a_secret_that_is_none_is_refused(secret: str) -> None:
    forged = signed(secret=secret) if secret == OTHER else signed()
    with pytest.raises(ValueError, match="whsec_ and base64"):
        webhooks.verify(BODY, forged, secret)


@pytest.fixture(scope="module")
def keys() -> LogKeys:
    """Two keys of the server, the second of which signs."""
    return LogKeys("logs.example", [Ed25519PrivateKey.generate() for _ in range(2)])


def claims(**more: Any) -> dict[str, Any]:
    """What a receipt of an approved action says."""
    hashed = action_hash(**LETTER)
    now = int(time.time())
    fixed = {"iss": "logs.example", "tenant": "acme", "sub": "I-1"}
    return {**fixed, "iat": now, "approvedActionHash": hashed, **more}


def test_a_receipt_permits_the_action_that_was_approved(keys: LogKeys) -> None:
    receipt, known = keys.jws(claims()), {"keys": keys.jwks()}

    assert receipts.verify(receipt, known, "logs.example", "acme", action=LETTER)["sub"] == "I-1"
    other: Any = {"tool": "send_letter", "arguments": {"to": "Dr. Jones"}}
    with pytest.raises(InvalidReceipt, match="this action"):
        receipts.verify(receipt, known, "logs.example", "acme", action=other)


def test_a_receipt_of_another_key_or_issuer_or_that_was_changed_is_refused(keys: LogKeys) -> None:
    receipt, known = keys.jws(claims()), {"keys": keys.jwks()}
    others = LogKeys("logs.example", [Ed25519PrivateKey.generate()])
    head, body, signature = receipt.split(".")
    changed = f"{head}.{body[:-2]}AA.{signature}"

    for wrong, of, issuer in (
        (receipt, {"keys": others.jwks()}, "logs.example"),
        (receipt, known, "other.example"),
        (changed, known, "logs.example"),
        ("no receipt", known, "logs.example"),
    ):
        with pytest.raises(InvalidReceipt):
            receipts.verify(wrong, of, issuer, "acme")


@pytest.mark.parametrize("tenant", ["other", None, ["acme"]])
def test_what_the_people_of_another_tenant_approved_permits_nothing(
    keys: LogKeys, tenant: Any
) -> None:
    receipt = keys.jws(claims(tenant=tenant))

    with pytest.raises(InvalidReceipt, match="tenant"):
        receipts.verify(receipt, {"keys": keys.jwks()}, "logs.example", "acme", action=LETTER)


def test_a_receipt_is_refused_once_it_has_expired_but_in_an_audit(keys: LogKeys) -> None:
    receipt, known = keys.jws(claims(exp=1_772_442_000)), {"keys": keys.jwks()}

    with pytest.raises(InvalidReceipt, match="expired"):
        receipts.verify(receipt, known, "logs.example", "acme")
    assert receipts.verify(receipt, known, "logs.example", "acme", ignore_expiry=True)


def test_a_token_of_another_kind_is_no_receipt() -> None:
    private = Ed25519PrivateKey.generate()
    of = LogKeys("logs.example", [private])
    token = jwt.encode(claims(), private, "EdDSA", headers={"kid": of.jwks()[0]["kid"]})

    with pytest.raises(InvalidReceipt, match="type"):
        receipts.verify(token, {"keys": of.jwks()}, "logs.example", "acme")
