"""Keys by which programs call: what an admin asks for, what is stored, what is shown."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, SerializeAsAny, WithJsonSchema
from pydantic_core import PydanticCustomError

from shared.models.base import OMITTED, Identified, Model, Page, Rows, Tag, Time
from shared.models.filters import Filters, Listing, Sort
from shared.models.subjects import Subject

KeyRole = Literal["agent", "viewer", "verifier"]
"""What a key may be for. People decide, and people give out keys: no key is for that."""
KEY_ID = r"[a-z0-9][a-z0-9-]{0,59}"
"""It has no dots: so a whole key can be split in one way only, and is never taken for an id."""


def _key_id(text: str) -> str:
    if not re.fullmatch(KEY_ID, text):
        raise PydanticCustomError("key_id", "must be the id of a key, such as letter-bot-k3f9x2ab")
    return text


KeyId = Annotated[
    str,
    AfterValidator(_key_id),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 60, "pattern": f"^({KEY_ID})$"}),
]


class KeyFields(Model):
    """What a key has from the beginning."""

    name: Tag
    """What the key is for, such as the program that has it."""
    role: KeyRole
    """What may be done with it. No role lets a key decide, or make keys."""


class NewKey(KeyFields):
    """A key to make."""

    expires_at: Time | None = None
    """From when on it is refused; null, or left out: only once it is revoked."""


class StoredKey(KeyFields, Subject):
    """A key as it is stored, with the SHA-256 of its secret, in hex, and never the secret.

    `last_used_on` is a day in UTC, as text. It is written beside the chain, which does not have it.
    """

    role: str  # type: ignore[assignment]  # a newer release may have more of them
    expires_at: datetime | None
    secret_hash: str
    created_at: datetime
    created_by: str
    created_by_subject: str
    last_used_on: str | None = None


class Key(Identified):
    """A key as a client sees it, without its secret."""

    versioned: ClassVar[bool] = True

    name: str
    """What the key is for."""
    role: Annotated[str, Field(examples=["agent", "viewer", "verifier"])]
    """What may be done with it."""
    expires_at: datetime | None
    """From when on it is refused; null: only once it is revoked."""
    created_at: datetime
    """When it was made."""
    created_by: str
    """Who made it."""
    created_by_subject: str
    """The `sub` of the token of who made it."""
    last_used_on: date | None
    """The last day, in UTC, on which somebody called with it; null where nobody has."""


class MadeKey(Key):
    """A key that was made."""

    key: str | None = OMITTED
    """The key itself, to send as `Authorization: Bearer`. It is shown in this answer only, and
    nobody can look it up later. Left out where `notice` says why.
    """
    notice: str | None = OMITTED
    """Said instead of `key` where the request was repeated: the key was shown in the first answer.
    Who has lost it revokes it, and makes another one, with another `Idempotency-Key`.
    """


class KeyQuery(Filters, Page):
    """A page of the keys, newest first."""

    listing: ClassVar[Listing] = Listing("keys", (Sort("createdAt", descending=True),))


class KeyPage(Rows):
    """One page of keys."""

    keys: list[SerializeAsAny[Key]]
    """The keys of this page. Those that were revoked are gone; the audit trail has them."""
    next_page_token: str | None = OMITTED
    """The `pageToken` of the next page. Left out on the last one."""
