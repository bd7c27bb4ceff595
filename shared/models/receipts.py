"""Receipts of decisions, and the public keys that verify them."""

from __future__ import annotations

from typing import ClassVar, Literal

from shared.models.base import Model
from shared.models.raw import Raw


class Receipt(Raw):
    """A receipt: a JWS in its compact form (RFC 7515), signed by EdDSA, with claims of a JWT."""

    media_type: ClassVar[str] = "application/jose"
    text: ClassVar[bool] = True
    example: ClassVar[str] = (
        "eyJhbGciOiJFZERTQSIsImtpZCI6IlA1NnN5SDE1In0.eyJpc3MiOiJhY21lL2Nhc2VsZWRnZXIifQ.c2lnbmVk"
    )


class PublicKey(Model):
    """The public part of a key that signs receipts: a JWK (RFC 7517, RFC 8037)."""

    kty: Literal["OKP"]
    """The type of the key."""
    crv: Literal["Ed25519"]
    """Its curve."""
    x: str
    """The 32 public bytes, in base64url."""
    kid: str
    """The key's thumbprint (RFC 7638), which a receipt names."""
    alg: Literal["EdDSA"]
    """How it signs."""
    use: Literal["sig"]
    """What it is for."""


class KeySet(Model):
    """The keys that verify receipts: a JWK Set (RFC 7517)."""

    keys: list[PublicKey]
    """The keys; the last one signs."""
