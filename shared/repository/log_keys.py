"""The keys that sign the checkpoints of all logs, by which names, and receipts of decisions."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.repository import sealed
from shared.rules.canonical import canonical
from shared.rules.note import Signer

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_PEM = re.compile(rb"-----BEGIN [A-Z ]+-----.*?-----END [A-Z ]+-----", re.DOTALL)


class LogKeys:
    """Ed25519 keys. All of them sign logs, so that one can take another's place.

    The last one is the newest, and signs receipts. No text can be taken for one of the other kind:
    that of a checkpoint has several lines, and that of a JWS has one.
    """

    def __init__(self, origin: str, keys: list[Ed25519PrivateKey]) -> None:
        self._origin = origin
        self._keys = keys

    @classmethod
    def read(cls, path: str, origin: str) -> LogKeys:
        """The keys in a file, each in PEM (PKCS#8). Raises ValueError where it has none or others.

        The message does not say what is in the file.
        """
        from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415 - heavy
            Ed25519PrivateKey,
        )
        from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415 - as above
            load_pem_private_key,
        )

        try:
            keys = [
                load_pem_private_key(one, None) for one in _PEM.findall(Path(path).read_bytes())
            ]
        except (OSError, TypeError, ValueError) as error:
            raise ValueError(f"it cannot be read: {type(error).__name__}") from None
        found = [key for key in keys if isinstance(key, Ed25519PrivateKey)]
        if not keys or len(found) < len(keys):
            raise ValueError("it must hold private keys for Ed25519 in PEM, and nothing else")
        return cls(origin, found)

    def origin(self, tenant: str, epoch: int) -> str:
        """The name of a tenant's log, which is also that of its keys."""
        return sealed.origin(self._origin, tenant, epoch)

    def signers(self, tenant: str, epoch: int) -> list[Signer]:
        """The keys as they sign a tenant's log."""
        return [Signer(self.origin(tenant, epoch), key) for key in self._keys]

    def jws(self, claims: dict[str, Any]) -> str:
        """The claims as a compact JWS (RFC 7515), signed by the newest key."""
        import jwt  # noqa: PLC0415 - heavy

        newest = self._keys[-1]
        headers = {"kid": _jwk(newest)["kid"], "typ": "receipt+jwt"}
        return jwt.encode(claims, newest, "EdDSA", headers)

    def jwks(self) -> list[dict[str, str]]:
        """The public parts as JWKs (RFC 8037), each with its thumbprint (RFC 7638) as `kid`."""
        return [_jwk(key) for key in self._keys]


def _jwk(key: Ed25519PrivateKey) -> dict[str, str]:
    public = _base64url(key.public_key().public_bytes_raw())
    members = {"crv": "Ed25519", "kty": "OKP", "x": public}
    thumbprint = _base64url(hashlib.sha256(canonical(members)).digest())
    return {**members, "kid": thumbprint, "alg": "EdDSA", "use": "sig"}


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
