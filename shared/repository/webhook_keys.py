"""The keys that seal what is secret of webhooks in the store: AES-256-GCM.

Each sealed text is bound to its tenant, its webhook and its field, so that none can be put in the
place of another.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from shared.errors import Unreadable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_BYTES = 32
_NONCE = 12
_VERSION = "v1"
Field = Literal["url", "secret"]


class WebhookKeys:
    """Keys of 256 bits. The first one seals, and all of them open."""

    def __init__(self, keys: list[bytes]) -> None:
        self._keys = {_name(key): _derived(key) for key in keys}
        self._first = _name(keys[0])

    @classmethod
    def read(cls, path: str) -> WebhookKeys:
        """The keys in a file, one a line in Base64. Raises ValueError where it has others or none.

        The message does not say what is in the file.
        """
        try:
            lines = Path(path).read_bytes().split()
        except OSError as error:
            raise ValueError(f"it cannot be read: {type(error).__name__}") from None
        try:
            keys = [base64.b64decode(line, validate=True) for line in lines]
        except ValueError:
            keys = []
        if not keys or any(len(key) != _BYTES for key in keys):
            raise ValueError("it must hold 32 bytes in Base64 on each line, and nothing else")
        return cls(keys)

    def seal(self, text: str, tenant: str, webhook_id: str, field: Field) -> str:
        """The text, sealed by the first key."""
        nonce = secrets.token_bytes(_NONCE)
        sealed = _cipher(self._keys[self._first]).encrypt(
            nonce, text.encode(), _bound(tenant, webhook_id, field)
        )
        return f"{_VERSION}.{self._first}.{base64.b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, tenant: str, webhook_id: str, field: Field) -> str:
        """The text that was sealed. Raises Unreadable where no key opens it, or it is another's."""
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - heavy

        version, _, rest = sealed.partition(".")
        name, _, text = rest.partition(".")
        key = self._keys.get(name)
        if version != _VERSION or key is None:
            raise Unreadable(f"{webhook_id}: its {field} was sealed by a key that is not there")
        try:
            content = base64.b64decode(text, validate=True)
            bound = _bound(tenant, webhook_id, field)
            return _cipher(key).decrypt(content[:_NONCE], content[_NONCE:], bound).decode()
        except (InvalidTag, ValueError):
            raise Unreadable(f"{webhook_id}: its {field} cannot be opened") from None


def new_key() -> str:
    """A new key, as a line of the file."""
    return base64.b64encode(secrets.token_bytes(_BYTES)).decode()


def new_secret() -> str:
    """A new secret of an endpoint, as standardwebhooks.com writes it."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(_BYTES)).decode()}"


def _cipher(key: bytes) -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - heavy

    return AESGCM(key)


def _derived(key: bytes) -> bytes:
    """The key for this use, by HKDF-SHA-256 (RFC 5869) with no salt and one block."""
    extracted = hmac.digest(bytes(_BYTES), key, "sha256")
    return hmac.digest(extracted, b"caseledger webhooks\x01", "sha256")


def _name(key: bytes) -> str:
    """What sealed texts call their key: it tells nothing about it."""
    return hashlib.sha256(b"caseledger webhook key\0" + key).hexdigest()[:8]


def _bound(tenant: str, webhook_id: str, field: Field) -> bytes:
    return f"{tenant}\0{webhook_id}\0{field}".encode()
