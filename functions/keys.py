"""Keys by which programs call: made and revoked by admins."""

from __future__ import annotations

from shared.edge.function import Call, Reply, function
from shared.ledger.subjects import etag
from shared.models.key import KeyId, KeyPage, KeyQuery, MadeKey, NewKey
from shared.repository import keys
from shared.repository.reading import readable
from shared.rules.callers import ADMINS, OVERSEEING

_SHOWN_BEFORE = (
    "the key was shown in the first answer to this request; if it is lost, revoke it, and make "
    "another one with another Idempotency-Key"
)


@function("POST", "/keys", roles=ADMINS, code=201)
def create_key(call: Call, body: NewKey) -> Reply[MadeKey]:
    """Makes a key, by which a program calls as an agent, a viewer or a verifier.

    This answer shows it, and no other does: only the SHA-256 of its secret is kept. A program that
    has a key is nobody who claims, decides or completes an intervention as people do.
    """
    recorded, key = keys.create(call.ledger, body)
    stored = recorded.current
    only_now = {"notice": _SHOWN_BEFORE} if recorded.replayed else {"key": key}
    made = {**keys.shown_row(recorded.name, stored.to_data()), **only_now}
    return Reply(
        MadeKey.model_validate(made, strict=False, by_name=False),
        etag=etag(stored),
        location="/v1/keys",
        replayed=recorded.replayed,
    )


@function("GET", "/keys", roles=OVERSEEING)
def list_keys(call: Call, query: KeyQuery) -> KeyPage:
    """Lists the keys that were not revoked, newest first, with the day of their last use."""
    rows, token = keys.listed(call.store, call.tenant, query, call.now)
    shown, bad = readable(rows, lambda row: keys.shown_row(row.id, row.data))
    return KeyPage.model_construct(keys=shown, next_page_token=token, unreadable=bad)


@function("DELETE", "/keys/{keyId}", roles=ADMINS, code=204)
def revoke_key(call: Call, key_id: KeyId) -> Reply[None]:
    """Revokes a key for good. Other instances refuse it within 60 seconds."""
    recorded = keys.revoke(call.ledger, key_id)
    call.runtime.keys.forget(call.tenant, key_id)
    return Reply(None, replayed=recorded.replayed)
