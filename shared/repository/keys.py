"""Keys in the store, each with an audit chain of its own; and what an instance knows of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

from shared import errors
from shared.documents.port import Document, DocumentStore, StoreError, Update
from shared.ledger.decision import Decision, Recorded
from shared.ledger.kinds.keys import KEYS
from shared.ledger.ledger import Ledger
from shared.ledger.subjects import load, tell
from shared.models.events import EventType
from shared.models.key import Key, KeyQuery, NewKey, StoredKey
from shared.repository.listing import query_of
from shared.repository.paging import page
from shared.rules import keys as rules
from shared.rules.callers import Caller

KEPT = timedelta(seconds=60)
"""How long what was found of a key is believed: so long at most lives one that is revoked."""
KEPT_KEYS = 10_000
"""Of how many keys at most it is kept, and of how many that are none."""


def create(ledger: Ledger, given: NewKey) -> tuple[Recorded[StoredKey], str]:
    """Makes a key; gives it with its whole text, which is not that of the key where it is a repeat.

    Raises InvalidArgument for a time that is over.
    """
    key_id, secret = rules.new_id(given.name), rules.new_secret()
    actor = ledger.origin.actor

    def created(now: datetime) -> Decision[StoredKey]:
        rules.require_to_come(given.expires_at, now)
        key = StoredKey(
            **given.model_dump(),
            secret_hash=rules.hash_of(secret),
            created_at=now,
            created_by=actor.name,
            created_by_subject=actor.subject,
            updated_at=now,
        )
        return Decision(key, EventType.KEY_CREATED, f"Key made: {given.name} ({given.role})")

    return ledger.create(KEYS, key_id, created), rules.whole(ledger.tenant, key_id, secret)


def listed(
    store: DocumentStore, tenant: str, wanted: KeyQuery, now: datetime
) -> tuple[list[Document], str | None]:
    """A page of the keys, newest first; and the token of the next one."""
    return page(store, query_of(f"tenants/{tenant}", wanted, now), wanted)


def revoke(ledger: Ledger, key_id: str) -> Recorded[StoredKey]:
    """Revokes a key: a tombstone stays, so that no other key has its id. Raises NotFound."""

    def revoked(key: StoredKey, _: datetime) -> Decision[StoredKey]:
        message = f"Key revoked: {key.name} ({key.role})"
        return Decision(key, EventType.KEY_REVOKED, message, deletes=True)

    return ledger.change(KEYS, key_id, revoked)


def shown_row(key_id: str, data: dict[str, Any]) -> dict[str, Any]:
    """The JSON fields of a key as a client sees them."""
    row = StoredKey.row(data)
    return {"id": key_id, **{name: row[name] for name in Key.aliases() if name != "id"}}


@dataclass(slots=True)
class _Found:
    """What was found of a key, and when; `used_on` is the last day known on which it was used."""

    at: datetime
    document: Document | None
    key: StoredKey | None
    used_on: str | None

    def stands(self, now: datetime) -> bool:
        # A clock that was put back makes nothing live longer.
        return timedelta(0) <= now - self.at < KEPT


class KnownKeys:
    """The keys that this instance has looked up, each for a minute; also those that are none.

    These are kept apart: whoever guesses takes no place from a key that there is.
    """

    def __init__(self, kept: int = KEPT_KEYS) -> None:
        self._kept = kept
        self._found: OrderedDict[str, _Found] = OrderedDict()
        self._not_found: OrderedDict[str, _Found] = OrderedDict()
        self._forgotten = 0
        self._changing = Lock()

    def caller(
        self, token: str, store: DocumentStore, now: datetime, spend: Callable[[], None]
    ) -> Caller:
        """Who calls with a key. Raises Unauthenticated, and what the store and `spend` raise.

        It costs one read where the key was not looked up within a minute, and one write for the
        first use of a day. `spend` is called before a key is looked up that this instance has never
        found: so guessing causes no more reads than it allows, and holds up nobody whose key is
        known.
        """
        given = rules.given(token)
        path = KEYS.path(given.tenant, given.id)
        with self._changing:
            found = self._found.get(path) or self._not_found.get(path)
        if found is None or not found.stands(now):
            if found is None or found.key is None:
                spend()
            found = self._looked_up(store, path, now)
        caller = rules.caller(given, found.key, now)
        self._note_use(store, found, now)
        return caller

    def forget(self, tenant: str, key_id: str) -> None:
        """Looks a key up again before it is next believed."""
        with self._changing:
            self._forgotten += 1
            self._found.pop(KEYS.path(tenant, key_id), None)

    def _looked_up(self, store: DocumentStore, path: str, now: datetime) -> _Found:
        forgotten = self._forgotten
        document = store.get(path)
        key = _key_in(document)
        found = _Found(now, document, key, key.last_used_on if key else None)
        with self._changing:
            if forgotten != self._forgotten:
                return found  # it may be the one that was revoked meanwhile
            kept, other = self._found, self._not_found
            if key is None:
                kept, other = other, kept
            other.pop(path, None)
            kept[path] = found
            kept.move_to_end(path)
            if len(kept) > self._kept:
                kept.popitem(last=False)
        return found

    def _note_use(self, store: DocumentStore, found: _Found, now: datetime) -> None:
        """Writes the day of a key's use, if that is news. Where it fails, the next look-up sees."""
        today = now.astimezone(UTC).date().isoformat()
        with self._changing:
            if found.document is None or found.used_on == today:
                return
            found.used_on = today
        # On condition that it is as it was read: a key that was revoked meanwhile stays so.
        note = Update(found.document.path, {"lastUsedOn": today}, version=found.document.version)
        with suppress(StoreError):
            store.commit([note])


def _key_in(document: Document | None) -> StoredKey | None:
    """The key in a document; None where it cannot be read: the log is told, and no stranger."""
    if document is None:
        return None
    try:
        return load(KEYS, document)
    except errors.Unreadable:
        tell(document.path)
        return None
