"""Keys by which programs call: `ck_{tenant}.{id}.{secret}`. Pure, except that new ones are random.

The name of a tenant may have dots; an id and a secret have none, so a key can be split in one way
only.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import unicodedata
from datetime import datetime
from typing import NamedTuple

from shared.errors import InvalidArgument, Unauthenticated
from shared.models.key import KEY_ID, StoredKey
from shared.models.roles import Role
from shared.rules.callers import KEY, PROGRAMS, Caller

_KEY = re.compile(
    rf"ck_(?P<tenant>[A-Za-z0-9][A-Za-z0-9._-]{{0,99}})\.(?P<id>{KEY_ID})\.(?P<secret>[A-Za-z0-9_-]{{43}})"
)
_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
_RANDOM_LETTERS, _SLUG, _SECRET_BYTES = 8, 40, 32
_NOBODYS = hashlib.sha256(secrets.token_bytes(_SECRET_BYTES)).hexdigest()
"""What a secret is compared with where there is no such key: that takes as long."""


class GivenKey(NamedTuple):
    """A key that somebody sends: the tenant and the id that it claims, and its secret."""

    tenant: str
    id: str
    secret: str


def given(token: str) -> GivenKey:
    """The parts of a key. Raises Unauthenticated."""
    found = _KEY.fullmatch(token)
    if found is None:
        raise Unauthenticated("the key is not whole: it is like ck_tenant.id.secret")
    return GivenKey(**found.groupdict())


def new_id(name: str) -> str:
    """An id for a key of this name: readable, and with random letters, so that each is new."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", ascii_name)[:_SLUG].strip("-")
    random = "".join(secrets.choice(_LETTERS) for _ in range(_RANDOM_LETTERS))
    return f"{slug or 'key'}-{random}"


def new_secret() -> str:
    """A secret of 256 random bits."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def whole(tenant: str, key_id: str, secret: str) -> str:
    """The key as its holder sends it."""
    return f"ck_{tenant}.{key_id}.{secret}"


def hash_of(secret: str) -> str:
    """What is kept of a secret: its SHA-256, in hex. 256 random bits cannot be guessed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def require_to_come(expires_at: datetime | None, now: datetime) -> None:
    """Raises InvalidArgument for a key that would be refused from the beginning."""
    if expires_at is not None and expires_at <= now:
        raise InvalidArgument.field("expiresAt", "must be in the future")


def caller(key: GivenKey, stored: StoredKey | None, now: datetime) -> Caller:
    """Who calls with a key, of which this is stored. Raises Unauthenticated.

    Only whoever has the secret is told more than that the key is not valid.
    """
    expected = stored.secret_hash if stored else _NOBODYS
    same = hmac.compare_digest(hash_of(key.secret).encode(), expected.encode())
    if stored is None or not same:
        raise Unauthenticated("the key is not valid")
    if stored.expires_at is not None and stored.expires_at <= now:
        raise Unauthenticated("the key has expired")
    if stored.role not in PROGRAMS:
        raise Unauthenticated("the key is for a role that this release gives to no key")
    return Caller(f"{KEY}{key.id}", None, key.tenant, Role(stored.role), is_program=True)
