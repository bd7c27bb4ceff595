"""The audit trail checked from the API's JSON alone, as an auditor would: nothing of ours is used.

Each event's `hash` is the SHA-256 of the RFC 8785 form of the event without it, with the tenant;
`previousHash` is the hash of the event before it, 64 zeros at the first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import rfc8785

Event = dict[str, Any]


def event_hash(tenant: str, event: Event) -> str:
    """What an event's `hash` has to be."""
    content = {name: value for name, value in event.items() if name != "hash"}
    return hashlib.sha256(rfc8785.dumps({**content, "tenant": tenant})).hexdigest()


def assert_chain(tenant: str, events: Sequence[Event]) -> None:
    """Fails unless `events` are one whole chain, from its first event on."""
    previous = "0" * 64
    for sequence, event in enumerate(events, start=1):
        assert event["sequence"] == sequence
        assert event["previousHash"] == previous
        assert event["hash"] == event_hash(tenant, event)
        previous = event["hash"]


def replayed(events: Sequence[Event]) -> dict[str, Any]:
    """The state that `events` lead to: each change starts from where the one before it ended."""
    state: dict[str, Any] = {}
    for event in events:
        for change in event["changes"]:
            assert change["old"] == state.get(change["field"])
            state[change["field"]] = change["new"]
    return state
