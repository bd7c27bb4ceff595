"""The audit trail checked from the API's JSON alone, as an auditor would: nothing of ours is used.

Each event's `hash` is the SHA-256 of the RFC 8785 form of the event without it, with the tenant;
`previousHash` is the hash of the event before it, 64 zeros at the first. Values that `disclosures`
and `erased` name are left out, and their digests are in `digests`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import rfc8785

Event = dict[str, Any]


def event_hash(tenant: str, event: Event) -> str:
    """What an event's `hash` has to be."""
    content = json.loads(json.dumps(event))
    salts, digests = content.pop("disclosures", {}), content.pop("erased", {})
    for pointer in (*salts, *digests):
        holder: Any = content
        *path, name = (part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/"))
        for part in path[1:]:
            holder = holder[int(part)] if isinstance(holder, list) else holder[part]
        value = holder.pop(name)
        if pointer in salts:
            digests[pointer] = _sha256([salts[pointer], pointer, value])
        else:
            assert value == "erased"
    content = {name: content[name] for name in content if name not in {"hash", "erasedBy"}}
    return _sha256({**content, "tenant": tenant, **({"digests": digests} if digests else {})})


def _sha256(content: Any) -> str:
    return hashlib.sha256(rfc8785.dumps(content)).hexdigest()


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
